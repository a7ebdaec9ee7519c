"""ferry-reader against the sandbox and a real Kafka: what it hears of opt-outs in both systems."""

import collections
import datetime
import os
import shutil
import signal
import uuid

import pytest

from opting import EMAIL, PHONE, Opting, Person
from reading import Reading, mapping


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# Dynamics.

@pytest.fixture
def contacts(ferry):
    """Of which only the opt-outs in Dynamics are read."""
    ferry.start_sandbox(contacts=300)
    return Opting(ferry, direction="dynamics-to-campaign")


def truth(ferry, *columns):
    rows = ferry.sandbox.admin.rows("contact", select=",".join(columns))
    return {row["id"]: tuple(row["columns"].get(column, False) for column in columns) for row in rows}


def told(records, *attributes):
    return {record["contactId"]: tuple(record["values"].get(attribute, False) for attribute in attributes)
            for record in records}


def wait_until_loaded(lab, read_number=1):
    def look():
        at = lab.checkpoint()
        return (at.get("phase"), at.get("readNumber")) == ("DELTA", read_number)
    lab.ferry.wait_until(look, what="the full read is at its end")


def flip(ferry, row, column="donotphone"):
    """Somebody changes his mind; what he says now."""
    value = not ferry.sandbox.admin.row("contact", row)["columns"].get(column, False)
    ferry.sandbox.admin.update("contact", row, **{column: value})
    return value


def wait_for_quiet(lab):
    """The reader has asked, and there was nothing: from now on it knows how old its news is."""
    def empty():
        return sum(line["id"] is None for line in lab.ferry.sandbox.admin.served("contact"))
    before = empty()
    lab.ferry.wait_until(lambda: empty() > before, 60, "a look without news")


def assert_heard_once(lab):
    """Each row that was served and gone on from became one record, but for the deleted ones; all of them are news."""
    def whole():
        pages = lab.ferry.sandbox.admin.served("contact")
        return pages and pages[-1]["id"] is None  # a look without news: every page before was gone on from
    lab.ferry.wait_until(whole)
    served = [line for line in lab.ferry.sandbox.admin.served("contact")
              if line["id"] and line["followed"] and not line["deleted"]]
    for kind, topic in (("initial", "load"), ("delta", "dynamics")):
        wanted = collections.Counter(line["id"] for line in served if line["kind"] == kind)
        found = collections.Counter(record["contactId"] for record in lab.seen(topic))
        assert found == wanted, (kind, list((found - wanted).items())[:5], list((wanted - found).items())[:5])


def test_the_first_read_of_contacts_is_a_load_and_changes_are_news(contacts, ferry):
    ferry.start_reader(dynamics_page_size=100)
    contacts.start()
    wait_until_loaded(contacts)
    loaded = contacts.seen("load")
    assert told(loaded, "denyListEmail", "denyListPhone") == truth(ferry, "donotbulkemail", "donotphone")
    assert {value for record in loaded for value in record["values"].values()} == {True, False}
    assert {(record["side"], record["source"], record["place"]) for record in loaded} == {("DYNAMICS", "LOAD", "")}
    assert contacts.seen("dynamics") == []

    row = loaded[0]["contactId"]
    email, phone = flip(ferry, row, "donotbulkemail"), flip(ferry, row, "donotphone")
    one, = ferry.wait_until(lambda: [one for one in contacts.seen("dynamics")
                                     if one["values"] == {"denyListEmail": email, "denyListPhone": phone}])
    assert one == {"contactId": row, "side": "DYNAMICS", "source": "DELTA", "place": "",
                   "changedAt": moment(ferry.sandbox.admin.row("contact", row)["columns"]["modifiedon"]),
                   "values": {"denyListEmail": email, "denyListPhone": phone}, "readAt": one["readAt"]}
    assert abs(one["readAt"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=2)
    assert_heard_once(contacts)
    assert ferry.sandbox.admin.breaches() == []


def test_only_the_mapped_columns_and_the_time_cross_the_wire(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    assert "$select=donotbulkemail,donotphone,modifiedon" in contacts.checkpoint()["link"].replace("%2C", ",").replace(
        "%24", "$")


def test_keys_of_opt_outs_are_where_the_contacts_keys_are(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    messages = contacts.topics.read("optouts.load")
    assert {message.key().decode() for message in messages} == set(truth(ferry, "donotphone"))
    assert len({message.partition() for message in messages}) == 8


def test_a_deleted_contact_is_counted_and_no_record(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    ferry.sandbox.admin.delete_some("contact", 7)
    ferry.wait_until(lambda: contacts.status().get("counters", {}).get("deleted") == 7)
    assert contacts.seen("dynamics") == []


def test_opt_outs_wait_for_go_and_go_on_where_they_were_stopped(contacts, ferry):
    ferry.start_reader()
    contacts.prepare()
    contacts.wait_for_state("READY")
    assert contacts.seen("load") == [] and contacts.checkpoint() == {}
    contacts.order("GO")
    wait_until_loaded(contacts)
    contacts.stop()
    changed = ferry.sandbox.admin.touch("contact", 5, ids=True)["ids"]
    contacts.start()
    ferry.wait_until(lambda: len(contacts.seen("dynamics")) == 5)
    assert sorted(contacts.latest_seen("dynamics")) == sorted(changed)
    assert len(contacts.seen("load")) == 300, "nothing was read in full again"


def test_an_expired_link_loads_again_and_misses_no_one(contacts, ferry):
    ferry.start_reader(dynamics_page_size=100)
    contacts.start()
    wait_until_loaded(contacts)
    contacts.stop()
    ferry.sandbox.admin.delete_some("contact", 20)
    ferry.sandbox.admin.touch("contact", 30)
    ferry.sandbox.admin.fault("dynamics", "deltaExpired", count=1)
    contacts.start()
    wait_until_loaded(contacts, 2)
    assert sum(fault["fired"] for fault in ferry.sandbox.admin.faults()) == 1
    assert len(contacts.seen("load")) == 300 + 280 and contacts.seen("dynamics") == []
    assert {record["source"] for record in contacts.seen("load")} == {"LOAD"}
    rows = sorted(truth(ferry, "donotphone"))[:3]
    for row in rows:
        flip(ferry, row)
    ferry.wait_until(lambda: sorted(contacts.latest_seen("dynamics")) == rows)


def test_another_attribute_loads_again_even_of_the_same_column(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    contacts.stop()
    contacts.consent["attributes"] = [EMAIL, PHONE, {**PHONE, "name": "denyListMobile", "campaign": "blackListMobile"}]
    contacts.start()
    wait_until_loaded(contacts, 2)
    again = contacts.seen("load")
    assert len(again) == 600
    assert sum(record["values"].get("denyListMobile") is not None for record in again) == 300


def test_a_column_that_is_no_boolean_fails_the_task_by_name(contacts, ferry):
    ferry.start_reader()
    contacts.consent["attributes"] = [EMAIL, {**PHONE, "dynamics": "lastname"}]
    contacts.prepare()
    contacts.wait_for_state("FAILED")
    assert "lastname" in contacts.status()["error"]["message"]
    assert "Boolean" in contacts.status()["error"]["message"]
    assert contacts.seen("load") == []


def test_one_direction_reads_one_side(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    assert contacts.status("profiles") == {}


def test_opt_outs_are_read_beside_the_contacts_themselves(contacts, ferry):
    ingress = Reading(ferry, tables=("contact",), control=False)
    reader = ferry.start_reader()
    ingress.start(mapping())
    contacts.start()
    ingress.wait_until_mirrored()
    wait_until_loaded(contacts)
    metrics = reader.metrics()
    assert metrics['ferry_reader_records_total{table="contact"}'] == 300
    assert metrics['ferry_reader_records_total{table="contact/opt-outs"}'] == 300


@pytest.mark.parametrize("step", ["produced:150", "before-commit:2", "after-commit:2"])
def test_killed_in_a_transaction_of_contacts_each_is_heard_once(contacts, ferry, monkeypatch, step):
    reader = ferry.start_reader(dynamics_page_size=100)
    contacts.prepare()
    contacts.wait_for_state("READY")
    reader.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    contacts.wait_for_state("READY")
    contacts.order("GO")
    assert reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    committed = len(contacts.seen("load"))
    assert committed < 300 and committed == contacts.checkpoint().get("recordsRead", 0)
    reader.start()
    wait_until_loaded(contacts)
    assert told(contacts.seen("load"), "denyListEmail") == truth(ferry, "donotbulkemail")
    assert_heard_once(contacts)


# What a contact said before is no news.

@pytest.fixture
def quiet(contacts, ferry):
    """All are read, and nothing changes; where the reader knows what they say."""
    contacts.reader = ferry.start_reader(dynamics_page_size=100)
    contacts.start()
    wait_until_loaded(contacts)
    wait_for_quiet(contacts)
    return contacts


def counter(lab, name):
    return lab.status().get("counters", {}).get(name)


def unchanged(lab):
    return counter(lab, "unchanged")


def validity(reader):
    """Whether the memory was good for where the reader began: of each time in this life."""
    return [line["valid"] for line in reader.events("sayings")]


def wait_until_told(lab, rows, timeout=60):
    """Each of these as often as it is named, and nobody else."""
    def told():
        return collections.Counter(one["contactId"] for one in lab.seen("dynamics"))
    lab.ferry.wait_until(lambda: told() >= collections.Counter(rows), timeout)
    assert told() == collections.Counter(rows)


def halt(lab, reader):
    """In order: the last commit has come to its end."""
    lab.stop()
    reader.stop()


def resume(lab, reader):
    reader.start()
    lab.start(timeout=60)
    wait_for_quiet(lab)


def test_a_change_of_another_column_tells_nothing_and_one_of_a_mapped_column_does(quiet, ferry):
    touched = ferry.sandbox.admin.touch("contact", 20, ids=True)["ids"]
    ferry.wait_until(lambda: unchanged(quiet) == 20, 60)
    row = touched[0]
    value = flip(ferry, row)
    wait_until_told(quiet, [row])
    assert quiet.latest_seen("dynamics")[row]["values"]["denyListPhone"] is value
    ferry.wait_until(lambda: counter(quiet, "recordsRead") == 321, 60)
    assert unchanged(quiet) == 20
    metrics = quiet.reader.metrics()
    assert metrics['ferry_reader_unchanged_total{table="contact/opt-outs"}'] == 20
    assert metrics['ferry_reader_records_total{table="contact/opt-outs"}'] == 301


def test_each_of_many_changes_of_mind_is_told(quiet, ferry):
    row = min(truth(ferry, "donotphone"))
    for number in range(6):
        value = flip(ferry, row)
        ferry.wait_until(lambda: len(quiet.seen("dynamics")) == number + 1, 60)
        assert quiet.seen("dynamics")[-1]["values"]["denyListPhone"] is value
        ferry.sandbox.admin.update("contact", row, lastname=f"Moe {number}")
        ferry.wait_until(lambda: unchanged(quiet) == number + 1, 60)


def test_a_change_and_its_reverse_while_nobody_looked_are_told(quiet, ferry):
    """Long enough for a writer to have looked in between."""
    row = min(truth(ferry, "donotphone"))
    quiet.stop()
    flip(ferry, row)
    flip(ferry, row)
    quiet.start(timeout=60)
    wait_until_told(quiet, [row])
    assert validity(quiet.reader)[-1] == "true", "it knew what the contact said before"
    wait_for_quiet(quiet)
    ferry.sandbox.admin.update("contact", row, lastname="Moe")
    ferry.wait_until(lambda: unchanged(quiet) == 1, 60)


def test_a_deleted_contact_that_comes_back_is_told(quiet, ferry):
    row = min(truth(ferry, "donotphone"))
    columns = ferry.sandbox.admin.row("contact", row)["columns"]
    ferry.sandbox.admin.delete("contact", row)
    ferry.wait_until(lambda: counter(quiet, "deleted") == 1, 60)
    wait_for_quiet(quiet)
    ferry.sandbox.admin.insert("contact", contactid=row, lastname="Moe",
                               **{name: columns[name] for name in ("donotbulkemail", "donotphone") if name in columns})
    wait_until_told(quiet, [row])


def test_what_was_said_is_remembered_over_a_restart(quiet, ferry):
    halt(quiet, quiet.reader)
    resume(quiet, quiet.reader)
    assert validity(quiet.reader) == ["true"]
    ferry.sandbox.admin.touch("contact", 20)
    ferry.wait_until(lambda: unchanged(quiet) == 20, 60)
    row = min(truth(ferry, "donotphone"))
    flip(ferry, row)
    wait_until_told(quiet, [row])


@pytest.mark.parametrize("step, valid", [("produced:2", "true"), ("before-commit:1", "true"), ("after-commit:1", "false")])
def test_killed_around_a_commit_a_change_is_told_once_and_what_is_not_known_again(quiet, ferry, monkeypatch, step, valid):
    """Between Kafka's commit and that of the memory, the memory is behind: all of it is forgotten."""
    rows = sorted(truth(ferry, "donotphone"))[:5]
    halt(quiet, quiet.reader)
    for row in rows[:3]:
        flip(ferry, row)
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    quiet.reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    quiet.prepare()
    quiet.wait_for_state("READY", timeout=60)
    assert validity(quiet.reader) == ["true"]
    quiet.order("GO")
    assert quiet.reader.wait_for_exit(60) == -signal.SIGKILL, "the fault happened"
    quiet.reader.start()
    ferry.wait_until(lambda: quiet.reader.events("sayings"), 60)
    wait_for_quiet(quiet)
    assert validity(quiet.reader) == [valid]
    wait_until_told(quiet, rows[:3])
    for row in rows[1:]:
        ferry.sandbox.admin.update("contact", row, lastname="Moe")
    more = rows[1:] if valid == "false" else []
    ferry.wait_until(lambda: unchanged(quiet) == 4 - len(more), 60)
    wait_until_told(quiet, rows[:3] + more)
    for row in rows:
        flip(ferry, row)
    wait_until_told(quiet, rows[:3] + more + rows)


def test_a_memory_of_an_older_checkpoint_is_not_believed(quiet, ferry):
    """Another reader had the task in between."""
    row = min(truth(ferry, "donotphone"))
    halt(quiet, quiet.reader)
    other = ferry.start_reader(1)
    quiet.start(timeout=60)
    flip(ferry, row)
    wait_until_told(quiet, [row])
    halt(quiet, other)
    resume(quiet, quiet.reader)
    assert validity(quiet.reader) == ["false"]
    flip(ferry, row)
    wait_until_told(quiet, [row, row])


def test_a_memory_that_is_ahead_of_the_checkpoint_is_not_believed(quiet, ferry):
    """The checkpoint was set back by hand: what lies behind it is told again."""
    before = quiet.checkpoint()
    row = min(truth(ferry, "donotphone"))
    flip(ferry, row)
    wait_until_told(quiet, [row])
    halt(quiet, quiet.reader)
    quiet.set_checkpoint("contact", before)
    resume(quiet, quiet.reader)
    assert validity(quiet.reader) == ["false"]
    wait_until_told(quiet, [row, row])


@pytest.mark.parametrize("harm", ["gone", "overwritten", "cut", "empty"])
def test_without_its_memory_the_reader_tells_what_it_must_and_remembers_anew(quiet, ferry, harm):
    folder = quiet.reader.settings["state.dir"] / "opt-outs"

    halt(quiet, quiet.reader)
    if harm == "gone":
        shutil.rmtree(folder.parent)
    elif harm == "overwritten":
        (folder / "memory.mdb").write_bytes(b"no database" * 4096)
    else:
        os.truncate(folder / "memory.mdb", 8192 if harm == "cut" else 0)
    resume(quiet, quiet.reader)
    assert validity(quiet.reader) == ["false"]
    assert not quiet.status()["warning"]
    touched = ferry.sandbox.admin.touch("contact", 5, ids=True)["ids"]
    wait_until_told(quiet, touched)
    ferry.sandbox.admin.touch("contact", 5)  # the same seed, the same rows
    ferry.wait_until(lambda: unchanged(quiet) == 5, 60)
    flip(ferry, touched[0])
    wait_until_told(quiet, [*touched, touched[0]])


def test_a_folder_that_cannot_be_used_costs_looks_and_no_opt_out(contacts, ferry):
    folder = ferry.folder / "no-folder"
    folder.write_text("a file")
    reader = ferry.start_reader(**{"state.dir": folder})
    contacts.start()
    wait_until_loaded(contacts)
    warning = contacts.wait_for_warning("contact", "state.dir", timeout=60)
    assert warning["action"]
    wait_for_quiet(contacts)
    touched = ferry.sandbox.admin.touch("contact", 5, ids=True)["ids"]
    wait_until_told(contacts, touched)
    flip(ferry, touched[0])
    wait_until_told(contacts, [*touched, touched[0]])
    assert unchanged(contacts) == 0 and len(reader.events("sayings_lost")) == 1


# Campaign.

@pytest.fixture
def profiles(ferry):
    """Of which only the opt-outs in Campaign are read."""
    ferry.start_sandbox(contacts=1)
    return Opting(ferry, direction="campaign-to-dynamics")


@pytest.fixture
def person(profiles, ferry):
    return Person(ferry.sandbox)


def contact(number):
    return str(uuid.UUID(int=0x5F1C0B8E8A3DEC118C62000D3A1B2C3D + number))


def plant(ferry, count, **fields):
    """Profiles that opted out of mails an hour ago, and by what was given; a few milliseconds apart."""
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    for number in range(count):
        at = start + datetime.timedelta(milliseconds=10 * number)
        ferry.sandbox.admin.campaign_insert("profile", **{
            "externalId": contact(number), "blackListEmail": True, "blackListEmailLastModified": written(at), **fields})


def written(at):
    """As Campaign writes a time."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def wait_until_looked(lab, looks=1):
    """So many more looks have come to their end."""
    def pages():
        return lab.status("profiles").get("counters", {}).get("pagesRead", 0)
    before = pages()
    lab.ferry.wait_until(lambda: pages() >= before + looks and lab.checkpoint("profiles").get("loaded"))


def counters(lab):
    return lab.status("profiles").get("counters", {})


def test_the_first_read_of_profiles_is_a_load_and_what_comes_then_is_news(profiles, person, ferry):
    plant(ferry, 25)
    ferry.sandbox.admin.campaign_insert("profile", externalId=contact(99))
    reader = ferry.start_reader(campaign_page_size=10)
    profiles.start()
    wait_until_looked(profiles)
    loaded = profiles.seen("load")
    assert collections.Counter(record["contactId"] for record in loaded) == {contact(n): 1 for n in range(25)}
    assert {(record["side"], record["source"], record["place"]) for record in loaded} == {("CAMPAIGN", "LOAD", "")}
    assert all(record["values"] == {"denyListEmail": True, "denyListPhone": False} for record in loaded)

    person.change(contact(99), blackListPhone=True)
    one = ferry.wait_until(lambda: profiles.latest_seen("campaign").get(contact(99)))
    assert one == {"contactId": contact(99), "side": "CAMPAIGN", "source": "API", "place": "",
                   "changedAt": moment(person.look(contact(99))["blackListPhoneLastModified"]),
                   "values": {"denyListEmail": False, "denyListPhone": True}, "readAt": one["readAt"]}
    ferry.wait_until(lambda: counters(profiles).get("phase") == "DELTA")
    assert counters(profiles)["source"] == "API" and counters(profiles)["newsAgeSeconds"] < 30
    assert reader.metrics()["ferry_reader_profiles_total"] >= 26
    assert ferry.sandbox.admin.breaches() == []


def test_what_was_told_is_not_told_again_and_what_changes_is(profiles, person, ferry):
    person.add(contact(1), blackListEmail=True)
    person.add(contact(2), blackListEmail=True)
    ferry.start_reader()
    profiles.start()
    wait_until_looked(profiles, 5)  # what the load told is told once more: it was not remembered
    told_so_far = len(profiles.seen("campaign"))
    assert told_so_far <= 2
    person.change(contact(1), lastName="Moe")
    wait_until_looked(profiles, 5)
    assert len(profiles.seen("campaign")) == told_so_far, "the overlap is passed over, another field is no opt-out"
    for number, value in enumerate([False, True, False]):
        person.change(contact(1), blackListEmail=value)
        ferry.wait_until(lambda: len(profiles.seen("campaign")) == told_so_far + number + 1)
        assert profiles.seen("campaign")[-1]["contactId"] == contact(1)
        assert profiles.latest_seen("campaign")[contact(1)]["values"]["denyListEmail"] is value


def test_who_has_no_contact_is_counted_once_and_skipped(profiles, person, ferry):
    for number, key in enumerate(["", "CRM-4711", "5f1c0b8e"]):
        ferry.sandbox.admin.campaign_insert("profile", externalId=key, email=f"{number}@example.com",
                                            blackListEmail=True,
                                            blackListEmailLastModified=written(datetime.datetime.now(datetime.timezone.utc)))
    person.add(contact(1).upper(), blackListEmail=True)
    ferry.start_reader()
    profiles.start()
    wait_until_looked(profiles, 5)
    assert [record["contactId"] for record in profiles.seen("load")] == [contact(1)]
    assert set(profiles.latest_seen("campaign")) <= {contact(1)}
    ferry.wait_until(lambda: 3 <= counters(profiles)["withoutContact"])
    wait_until_looked(profiles, 5)
    assert counters(profiles)["withoutContact"] <= 6, "in the load, and once in the window"


def test_nothing_moves_before_go_and_a_start_goes_on_from_the_checkpoint(profiles, person, ferry):
    plant(ferry, 30)
    ferry.start_reader(campaign_page_size=10)
    profiles.prepare()
    profiles.wait_for_state("READY")
    assert profiles.seen("load") == [] and profiles.checkpoint("profiles") == {}
    profiles.order("GO")
    wait_until_looked(profiles)
    profiles.stop()
    person.change(contact(7), blackListEmail=False)
    profiles.start()
    ferry.wait_until(lambda: contact(7) in profiles.latest_seen("campaign"))
    assert len(profiles.seen("load")) == 30, "nothing was loaded again"


def test_another_attribute_loads_the_profiles_again(profiles, ferry):
    plant(ferry, 5, blackListFax=True)
    ferry.start_reader()
    profiles.start()
    wait_until_looked(profiles)
    profiles.stop()
    profiles.consent["attributes"] = [EMAIL, PHONE, {"name": "denyListFax", "dynamics": "donotfax",
                                                     "campaign": "blackListFax", "time": "blackListFaxLastModified"}]
    profiles.start()
    ferry.wait_until(lambda: len(profiles.seen("load")) == 10)
    assert all(record["values"]["denyListFax"] for record in profiles.latest_seen("load").values())


def test_without_a_filter_the_task_says_so_and_reads_nothing(profiles, person, ferry):
    person.add(contact(1), blackListEmail=True)
    profiles.consent["filter"] = None
    before = sum(ferry.sandbox.admin.stats()["campaign"]["calls"].values())
    ferry.start_reader()
    profiles.start()
    warning = profiles.wait_for_warning("profiles", "no custom filter", "no export")
    assert warning["action"]
    ferry.wait_until(lambda: counters(profiles).get("source") == "FILE")
    assert sum(ferry.sandbox.admin.stats()["campaign"]["calls"].values()) == before, "nothing was asked"
    assert profiles.seen("load") == profiles.seen("campaign") == []
    profiles.stop()


def test_a_filter_that_is_not_there_fails_the_task_by_name(profiles, ferry):
    profiles.consent["filter"] = {"name": "byNobody", "parameter": "since_parameter"}
    ferry.start_reader()
    profiles.start()
    profiles.wait_for_state("FAILED", timeout=60)
    assert "profile/byNobody" in profiles.status("profiles")["error"]["message"]


@pytest.mark.parametrize("change, named", [
    ({"campaign": "blackListCarrierPigeon"}, "blackListCarrierPigeon"),
    ({"campaign": "lastName"}, "lastName"), ({"time": "blackListLater"}, "blackListLater")])
def test_a_field_that_is_not_there_or_no_boolean_fails_the_task_by_name(profiles, ferry, change, named):
    profiles.consent["attributes"] = [EMAIL, {**PHONE, **change}]
    ferry.start_reader()
    profiles.prepare()
    profiles.wait_for_state("FAILED")
    assert named in profiles.status("profiles")["error"]["message"]


def test_without_campaigns_settings_the_task_names_the_missing_one(profiles, ferry):
    ferry.start_reader(campaign=False)
    profiles.prepare()
    profiles.wait_for_state("FAILED")
    assert "campaign.url" in profiles.status("profiles")["error"]["message"]


def test_a_link_to_somebody_else_is_not_followed(profiles, ferry):
    plant(ferry, 30)
    ferry.sandbox.admin.fault("campaign", "foreignLink", variant="host", count=2)
    ferry.start_reader(campaign_page_size=10)
    profiles.start()
    profiles.wait_for_warning("profiles", "bad link")
    wait_until_looked(profiles)
    assert sum(fault["fired"] for fault in ferry.sandbox.admin.faults()) == 2
    assert collections.Counter(record["contactId"] for record in profiles.seen("load")) == {
        contact(number): 1 for number in range(30)}


@pytest.mark.parametrize("kind, more", [
    ("status429", {"retryAfter": 1}), ("status503", {}), ("status500text", {}), ("status502oops", {}), ("html", {}),
    ("dropBeforeReply", {}), ("cutAnswer", {}), ("tokenRevoked", {})])
def test_a_fault_of_campaign_costs_time_and_no_opt_out(profiles, ferry, kind, more):
    plant(ferry, 30)
    ferry.start_reader(campaign_page_size=10)
    profiles.prepare()
    profiles.wait_for_state("READY")
    ferry.sandbox.admin.fault("campaign", kind, count=2, after=1, match={"path": "byOptOutsSince"}, **more)
    profiles.order("GO")
    wait_until_looked(profiles)
    assert sum(fault["fired"] for fault in ferry.sandbox.admin.faults()) == 2
    assert collections.Counter(record["contactId"] for record in profiles.seen("load")) == {
        contact(number): 1 for number in range(30)}
    assert not profiles.status("profiles")["warning"]


@pytest.mark.parametrize("step", ["produced:15", "before-commit:2", "after-commit:2"])
def test_killed_in_a_transaction_of_profiles_each_is_loaded_once(profiles, ferry, monkeypatch, step):
    plant(ferry, 40)
    reader = ferry.start_reader(campaign_page_size=10)
    profiles.prepare()
    profiles.wait_for_state("READY")
    reader.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    profiles.wait_for_state("READY")
    profiles.order("GO")
    assert reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    committed = len(profiles.seen("load"))
    assert committed < 40 and committed % 10 == 0, "whole pages only"
    assert bool(committed) == bool(profiles.checkpoint("profiles").get("next")), "each with its checkpoint"
    reader.start()
    wait_until_looked(profiles)
    assert collections.Counter(record["contactId"] for record in profiles.seen("load")) == {
        contact(number): 1 for number in range(40)}


def test_what_changes_during_the_first_read_is_not_lost(profiles, person, ferry):
    """Also of a profile whose page was read before, while the newest time seen is later still."""
    plant(ferry, 60)
    profiles.consent["clockToleranceMs"] = 0
    ferry.sandbox.admin.set(campaignLatencyMs=300)
    ferry.start_reader(campaign_page_size=5)
    profiles.start()
    ordered = sorted(contact(number) for number in range(60))
    ferry.wait_until(lambda: ordered[0] in profiles.latest_seen("load"))
    person.change(ordered[0], blackListEmail=False)
    person.change(ordered[-1], blackListEmail=False)
    ferry.wait_until(lambda: profiles.checkpoint("profiles").get("loaded"))
    assert profiles.latest_seen("load")[ordered[-1]]["values"]["denyListEmail"] is False, "the change came in time"
    assert profiles.latest_seen("load")[ordered[0]]["values"]["denyListEmail"] is True
    ferry.wait_until(lambda: ordered[0] in profiles.latest_seen("campaign"))
    assert profiles.latest_seen("campaign")[ordered[0]]["values"]["denyListEmail"] is False


@pytest.mark.parametrize("ahead", [-45000, 45000])
def test_clocks_that_differ_within_the_tolerance_hide_nothing(profiles, person, ferry, ahead):
    ferry.sandbox.admin.set(campaignClockMs=ahead)
    ferry.start_reader()
    profiles.start()
    for number in range(20):
        person.add(contact(number), blackListEmail=True)
    ferry.wait_until(lambda: {*profiles.latest_seen("load"), *profiles.latest_seen("campaign")} == {
        contact(number) for number in range(20)})
    person.change(contact(3), blackListEmail=False)
    ferry.wait_until(lambda: profiles.latest_seen("campaign").get(contact(3), {}).get(
        "values", {}).get("denyListEmail") is False)


def test_both_sides_are_read_side_by_side(profiles, person, ferry):
    profiles.consent["direction"] = "both"
    person.add(contact(1), blackListEmail=True)
    ferry.start_reader()
    profiles.start()
    ferry.wait_until(lambda: {record["side"] for record in profiles.seen("load")} == {"DYNAMICS", "CAMPAIGN"})
    row = next(iter(truth(ferry, "donotbulkemail")))
    ferry.sandbox.admin.update("contact", row, donotbulkemail=True)
    person.change(contact(1), blackListPhone=True)
    ferry.wait_until(lambda: row in profiles.latest_seen("dynamics"))
    ferry.wait_until(lambda: profiles.latest_seen("campaign").get(contact(1), {}).get(
        "values", {}).get("denyListPhone"))


# The controller knows which readers there are.

@pytest.mark.parametrize("direction, tasks", [("both", ["contact", "profiles"]), ("dynamics-to-campaign", ["contact"]),
                                              ("campaign-to-dynamics", ["profiles"])])
def test_a_start_waits_for_the_readers_that_the_direction_has(ferry, direction, tasks):
    ferry.start_sandbox(contacts=20)
    ferry.start_controller()
    ferry.start_reader()
    ferry.start_events_writer()
    ferry.apply({"direction": direction, "attributes": [{"dynamics": "donotbulkemail", "campaign": "denyListEmail"}]},
                "opt-in-out")
    ferry.apply({"mappings": [{"table": "contact", "resource": "profile", "key": "externalId", "fields": [
        {"source": "lastname", "destination": "lastName"}]}]})
    ferry.start()
    ferry.start("opt-in-out")
    running = [key for key, status in ferry.topics.documents("status").items()
               if key.startswith("opt-in-out/reader/") and status["state"] == "RUNNING"]
    assert sorted(key.rpartition("/")[2] for key in running) == tasks
