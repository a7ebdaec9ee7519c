"""No profile is created without the opt-outs that opt-in-out names, and nothing else of ingress writes them.

The sandbox watches each write of either flag, and counts every profile that was ever created mailable against its
contact's will (tests/sandbox/README.md, Consent)."""

import pytest

from instance import INGRESS
from support import stays

OPTINOUT = "opt-in-out"
PAIRS = [{"dynamics": "donotbulkemail", "campaign": "denyListEmail"},
         {"dynamics": "donotphone", "campaign": "denyListPhone"}]
BOTH = {"direction": "both", "attributes": PAIRS}
FLAGS = {"blackListEmail": "donotbulkemail", "blackListPhone": "donotphone"}


NAMES = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId", "fields": [
    {"source": "firstname", "destination": "firstName", "tooLong": "truncate"},
    {"source": "lastname", "destination": "lastName", "tooLong": "truncate"}]}]}


class Births:
    """One of each service, and the sandbox as the witness."""

    def __init__(self, ferry, contacts=300, **flags):
        self.ferry = ferry
        self.sandbox = ferry.start_sandbox(contacts=contacts, record=True, **flags)
        self.admin = self.sandbox.admin
        ferry.start_controller()
        ferry.start_reader(dynamics_page_size=50)
        ferry.start_writer()
        self.admin.call("POST", "/consent", {"pairs": PAIRS})

    def run(self):
        self.ferry.apply(BOTH, OPTINOUT)
        self.ferry.apply(NAMES)
        self.ferry.start()
        self.settle()
        return self

    def settle(self):
        self.ferry.wait_until(self.all_there, 60, "each contact has its profile")
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 60, "the backlog is empty")

    def all_there(self):
        return self.admin.campaign_count("profile") == self.admin.count("contact")

    def told(self):
        return self.admin.call("GET", "/consent").json()

    def profiles(self):
        """Campaign's rows leave out what is unset, and a flag that is unset is false."""
        return {key: dict.fromkeys(FLAGS, False) | row["values"]
                for key, row in self.admin.campaign_rows("profile").items()}

    def contacts(self):
        return {row["id"]: row["columns"] for row in self.admin.rows("contact")}

    def opted_out(self, column="donotbulkemail"):
        return sorted(key for key, values in self.contacts().items() if values.get(column))

    def calls(self, after=0):
        return self.admin.journal("profile", after)

    def last(self):
        return max((entry["seq"] for entry in self.calls()), default=0)

    def restart(self):
        self.ferry.ctl("stop", INGRESS, "--wait")
        self.ferry.start()


def counters(ferry):
    return ferry.workflow()["mappings"][0]["writers"][0]["counters"]


def carries(entry):
    return [flag for flag in FLAGS if flag in (entry.get("body") or {})]


def assert_born_as_their_contacts(births):
    """Every creation carried both flags, and just what the contact said."""
    created = [entry for entry in births.calls() if entry["verb"] == "POST"]
    contacts = births.contacts()
    assert created
    for entry in created:
        said = contacts[entry["key"]]
        for flag, column in FLAGS.items():
            assert entry["body"][flag] is bool(said.get(column)), entry
    assert births.told()["mailableAtBirth"] == 0


def test_contacts_that_opted_out_are_born_opted_out(ferry):
    births = Births(ferry).run()
    assert 0 < len(births.opted_out()) < 300 and births.opted_out("donotphone")
    assert_born_as_their_contacts(births)
    assert (births.told()["everMailable"], births.told()["disagreements"]) == (0, 0)
    assert births.admin.breaches() == []


def test_without_a_configuration_births_carry_none_of_it(ferry):
    """What the two tests of it rest on: the sandbox does see a profile that is mailable from birth."""
    births = Births(ferry)
    ferry.apply({"direction": "disabled", "attributes": PAIRS}, OPTINOUT)
    ferry.apply(NAMES)
    ferry.start()
    births.settle()
    assert births.told()["mailableAtBirth"] == len({*births.opted_out(), *births.opted_out("donotphone")})
    assert not any(carries(entry) for entry in births.calls())


def test_an_update_of_another_field_writes_no_opt_out_although_it_differs(ferry):
    births = Births(ferry).run()
    one, other = births.opted_out()[0], next(
        key for key, values in births.contacts().items() if not values.get("donotbulkemail"))
    births.admin.call("POST", "/consent/edit", {"edits": [
        {"system": "campaign", "contact": one, "set": {"denyListEmail": False}},
        {"system": "campaign", "contact": other, "set": {"denyListEmail": True}}]})
    after = births.last()
    for key in (one, other):
        births.admin.update("contact", key, firstname="Renamed")
    ferry.wait_until(lambda: all(births.profiles()[key]["firstName"] == "Renamed" for key in (one, other)))
    births.settle()
    updates = births.calls(after)
    assert len(updates) == 2 and not any(carries(entry) for entry in updates)
    assert births.profiles()[one]["blackListEmail"] is False
    assert births.profiles()[other]["blackListEmail"] is True


def test_an_opt_out_alone_is_no_update_of_ingress(ferry):
    """Its column is read for births; the fields of an update, and what is remembered of them, are the same."""
    births = Births(ferry).run()
    key = next(key for key, values in births.contacts().items() if not values.get("donotbulkemail"))
    after = births.last()
    before = counters(ferry)["unchanged"]
    births.admin.update("contact", key, donotbulkemail=True)
    ferry.wait_until(lambda: counters(ferry)["unchanged"] == before + 1)
    births.settle()
    assert births.calls(after) == []
    assert births.profiles()[key]["blackListEmail"] is False


def test_a_replay_writes_every_row_and_no_opt_out(ferry):
    births = Births(ferry).run()
    flipped = births.opted_out()[:5]
    births.admin.call("POST", "/consent/edit", {"edits": [
        {"system": "campaign", "contact": key, "set": {"denyListEmail": False}} for key in flipped]})
    after = births.last()
    ferry.ctl("replay", INGRESS, "--table", "contact")
    births.restart()
    ferry.wait_until(lambda: len(births.calls(after)) >= 300, 60, "each row is written again")
    births.settle()
    assert {entry["verb"] for entry in births.calls(after)} == {"PATCH"}
    assert not any(carries(entry) for entry in births.calls(after))
    assert all(births.profiles()[key]["blackListEmail"] is False for key in flipped)


def test_a_first_load_over_profiles_that_are_there_writes_no_opt_out(ferry):
    births = Births(ferry)
    there = births.opted_out()[:20]
    for key in there:
        births.admin.campaign_insert("profile", externalId=key, lastName="Old", blackListEmail=False)
    births.run()
    updates = [entry for entry in births.calls() if entry["verb"] == "PATCH"]
    assert {entry["key"] for entry in updates} == set(there)
    assert not any(carries(entry) for entry in updates)
    profiles = births.profiles()
    assert all(profiles[key]["blackListEmail"] is False and profiles[key]["lastName"] != "Old" for key in there)
    assert births.told()["mailableAtBirth"] == 0


def test_a_profile_that_was_deleted_by_hand_is_born_again_with_its_opt_outs_of_then(ferry):
    births = Births(ferry).run()
    key = next(key for key, values in births.contacts().items() if not values.get("donotbulkemail"))
    births.admin.call("DELETE", f"/campaign/profile/rows/{key}")
    births.admin.update("contact", key, donotbulkemail=True)
    stays(lambda: births.admin.campaign_row("profile", key) is None, 1)
    births.admin.update("contact", key, firstname="Again")
    ferry.wait_until(lambda: births.admin.campaign_row("profile", key))
    values = births.profiles()[key]
    assert (values["firstName"], values["blackListEmail"]) == ("Again", True)
    assert births.told()["mailableAtBirth"] == 0


def test_a_backlog_that_was_read_without_opt_outs_creates_nothing_until_they_are_read(ferry):
    """Campaign is away while everything is read; then opt-in-out is saved, and ingress starts anew while
    Dynamics is away: all that the writer has is what was read before."""
    births = Births(ferry)
    ferry.apply(NAMES)
    births.admin.fault("campaign", "status503", match={"verb": "POST", "path": "profile"})
    ferry.start()
    ferry.wait_until(lambda: ferry.backlog() >= 300, 60, "all is read, nothing is written")
    ferry.apply(BOTH, OPTINOUT)
    assert ferry.workflow()["restartNeeded"]
    births.admin.fault("dynamics", "status503", match={"verb": "GET", "path": "/contacts?"})
    births.restart()
    assert not ferry.workflow()["restartNeeded"]
    ferry.wait_until(lambda: counters(ferry)["outdated"] == 300, 60, "whoever was read before is let be")
    assert births.admin.campaign_count("profile") == 0
    ferry.wait_until(lambda: all(fault["fired"] for fault in births.admin.faults()), what="both were away")
    births.admin.clear_faults()
    births.settle()
    assert_born_as_their_contacts(births)
    assert births.told()["everMailable"] == 0


@pytest.mark.parametrize("names", ["denyList", "both"])
def test_births_use_the_names_of_the_instance(ferry, names):
    births = Births(ferry, contacts=50, optout_names=names).run()
    born = [entry["body"] for entry in births.calls() if entry["verb"] == "POST"]
    assert len(born) == 50 and all("denyListEmail" in body for body in born)
    assert births.told()["mailableAtBirth"] == 0
