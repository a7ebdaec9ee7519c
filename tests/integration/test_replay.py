"""A replay: the whole table is read again at the next start, and what was damaged in Campaign is mended."""

import collections
import json
import signal

import pytest

from instance import INGRESS
from oracle import CONTACTS, Oracle

ROWS, SPOILT, PAGE = 500, 100, 50
TASK = f"{INGRESS}/reader/contact"
ACCOUNT = {"table": "account", "resource": "cusAccount", "api": "customResources",
           "key": "accountId", "fields": [{"source": "name", "destination": "name"}]}


class Damage:
    """500 contacts have crossed, then 100 profiles were spoilt behind Ferry's back."""

    def __init__(self, ferry):
        self.ferry = ferry
        self.admin = ferry.start_sandbox(contacts=ROWS).admin
        self.controller = ferry.start_controller()
        self.reader = ferry.start_reader(dynamics_page_size=PAGE)
        ferry.start_writer()
        ferry.apply(CONTACTS)
        self.oracle = Oracle(ferry)
        ferry.start()
        self.oracle.wait_until_settled()
        self.crossed = self.last_accepted()
        self.spoilt = self.admin.spoil("profile", SPOILT)["keys"]
        assert len(self.spoilt) == SPOILT
        assert len(self.oracle.mirrors()) == SPOILT, "the fault happened"

    def last_accepted(self):
        return max(entry["seq"] for entry in self.admin.journal("profile"))

    def accepted(self):
        return self.admin.journal("profile", after=self.crossed)

    def stop(self):
        self.ferry.ctl("stop", INGRESS, "--wait")

    def restart(self):
        self.stop()
        self.ferry.start()

    def replay(self, *words, check=True):
        run = self.ferry.ctl("replay", INGRESS, "--table", "contact", *words, check=check)
        return run.stdout if check else run

    def mapping(self):
        return self.ferry.workflow()["mappings"][0]

    def checkpoint(self):
        return self.ferry.topics.documents("checkpoints")[TASK]

    def wait_until_asked_again(self):
        """What there was to read after a start has been read and written."""
        asked = self.admin.stats()["dynamics"]["calls"]["delta"]
        self.ferry.wait_until(
            lambda: self.admin.stats()["dynamics"]["calls"]["delta"] >= asked + 2, 30, "deltas")
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 30, "backlog 0")

    def wait_until_replayed(self, number=1):
        def replayed():
            at = self.checkpoint()
            return (at["replay"], at["phase"]) == (number, "DELTA")
        self.ferry.wait_until(replayed, 60, f"replay {number} is read to its end")
        self.oracle.wait_until_settled()

    def wait_until_picked(self, number=1):
        def picked():
            at = self.checkpoint()
            return at["replay"] == number and "pickWhere" not in at
        self.ferry.wait_until(picked, 60, f"the rows of replay {number} are read")
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 30, "backlog 0")

    def assert_only_these_written(self, ids):
        """One call for each, and one record of a replay; the table was not read again for it."""
        written = collections.Counter((entry["verb"], entry["key"]) for entry in self.accepted())
        assert written == {("PATCH", id_): 1 for id_ in ids}
        assert self.replayed() == {id_: 1 for id_ in ids}
        assert self.checkpoint()["readNumber"] == 1
        assert {mirror[0] for mirror in self.oracle.mirrors()} == set(self.spoilt) - set(ids)
        assert not self.mapping()["replayPending"]
        assert self.admin.breaches() == []

    def replayed(self):
        """{id: how many records of the log are a replay's}"""
        return collections.Counter(key for key, record in self.ferry.topics.records("changes.contact")
                                   if record["origin"] == "REPLAY")

    def assert_each_row_written_once(self):
        written = collections.Counter((entry["verb"], entry["key"]) for entry in self.accepted())
        assert written == {("PATCH", row["id"]): 1 for row in self.admin.rows("contact")}


@pytest.fixture
def damage(ferry):
    return Damage(ferry)


def test_a_replay_mends_what_a_restart_alone_does_not(damage, ferry):
    damage.restart()
    damage.wait_until_asked_again()
    assert not damage.accepted() and len(damage.oracle.mirrors()) == SPOILT
    assert not ferry.workflow()["restartNeeded"] and not damage.mapping()["replayPending"]

    assert "contact will be read again at the next start: ferryctl stop" in damage.replay()
    damage.controller.kill9()
    damage.controller.start()
    ferry.wait_until(lambda: damage.mapping()["replayPending"], 30, "it survived the controller")
    assert ferry.workflow()["restartNeeded"]
    assert "replay: pending, starts with the next start" in ferry.ctl(
        "describe", "workflow", INGRESS).stdout
    damage.wait_until_asked_again()
    assert not damage.accepted(), "nothing before the start"

    damage.restart()
    damage.wait_until_replayed()
    damage.assert_each_row_written_once()
    assert damage.replayed() == {row["id"]: 1 for row in damage.admin.rows("contact")}
    assert not ferry.workflow()["restartNeeded"] and not damage.mapping()["replayPending"]

    damage.restart()
    damage.wait_until_asked_again()
    damage.assert_each_row_written_once()
    assert damage.checkpoint()["readNumber"] == 2, "no restart replays again"

    damage.crossed = damage.last_accepted()
    damage.replay()
    damage.restart()
    damage.wait_until_replayed(2)
    damage.assert_each_row_written_once()


@pytest.mark.parametrize("step", ["before-commit:1", "before-commit:4", "after-commit:7"])
def test_a_reader_killed_in_mid_replay_goes_on_with_the_replay(damage, ferry, monkeypatch, step):
    damage.stop()
    damage.replay()
    damage.reader.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    damage.reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    ferry.ctl("start", INGRESS)
    assert damage.reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    assert damage.replayed().total() < ROWS, "in mid-replay"
    damage.reader.start()
    damage.wait_until_replayed()
    damage.assert_each_row_written_once()
    assert damage.replayed() == {row["id"]: 1 for row in damage.admin.rows("contact")}
    assert damage.checkpoint()["readNumber"] == 2


def test_what_cannot_be_replayed_is_refused_with_its_reason(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_controller()
    refused = ferry.ctl("replay", INGRESS, "--table", "contact", check=False)
    assert refused.returncode == 1 and "no configuration yet" in refused.stderr
    ferry.apply(CONTACTS)
    refused = ferry.ctl("replay", INGRESS, "--table", "account", check=False)
    assert refused.returncode == 1 and "no mapping of table 'account'" in refused.stderr
    refused = ferry.ctl("replay", "opt-in-out", "--table", "contact", check=False)
    assert refused.returncode == 1 and "opt-outs have no replay" in refused.stderr
    refused = ferry.ctl("replay", INGRESS, check=False)
    assert refused.returncode == 2 and "--table" in refused.stderr
    assert ferry.ctl_json("replay", INGRESS, "--table", "contact")["replay"] == 1


def test_rows_are_replayed_by_id(damage):
    ids = damage.spoilt[:3]
    said = damage.replay("--id", ids[0], "--id", ids[1], "--id", ids[2])
    assert said.startswith("3 rows of contact will be read again at the next start")
    damage.restart()
    damage.wait_until_picked()
    damage.assert_only_these_written(ids)
    changed = damage.admin.touch("contact", 5, ids=True)["ids"]
    damage.ferry.wait_until(lambda: len(damage.accepted()) == 3 + len(changed), 30,
                            "the changes that follow arrive as ever")


def test_rows_are_replayed_by_the_time_of_their_last_change(damage, ferry):
    since = damage.admin.advance_clock(3600)
    changed = damage.admin.touch("contact", 7, ids=True)["ids"]
    ferry.wait_until(lambda: len(damage.accepted()) == len(changed), 30, "the changes arrived")
    damage.crossed = damage.last_accepted()
    damage.spoilt = damage.admin.spoil("profile", ROWS, value="AGAIN")["keys"]
    assert damage.replay("--since", since, "--dry-run") == "7 rows of contact would be read again\n"
    assert not damage.mapping()["replayPending"], "a dry run asks for nothing"
    damage.replay("--since", since)
    damage.restart()
    damage.wait_until_picked()
    damage.assert_only_these_written(changed)


@pytest.mark.parametrize("step", ["before-commit:4", "after-commit:3"])
def test_a_reader_killed_in_mid_replay_of_some_rows_goes_on_with_them(damage, ferry, monkeypatch,
                                                                      step):
    wanted = [row["id"] for row in damage.admin.rows("contact", select="donotbulkemail,statecode")
              if row["columns"]["statecode"] == 0 and not row["columns"].get("donotbulkemail")]
    damage.replay("--filter", "statecode eq 0 and donotbulkemail eq false")
    damage.stop()
    damage.reader.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    damage.reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    ferry.ctl("start", INGRESS)
    assert damage.reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    assert damage.replayed().total() < len(wanted), "in mid-replay"
    damage.reader.start()
    damage.wait_until_picked()
    damage.assert_only_these_written(wanted)


def test_a_pending_replay_is_cancelled_and_the_next_one_is_another(damage, ferry):
    damage.replay("--id", damage.spoilt[0])
    assert damage.mapping()["replayPending"] and ferry.workflow()["restartNeeded"]
    refused = damage.replay(check=False)
    assert refused.returncode == 1 and "another replay of contact is pending already" in refused.stderr
    assert damage.replay("--cancel") == "the replay of contact is cancelled\n"
    assert not damage.mapping()["replayPending"] and not ferry.workflow()["restartNeeded"]
    refused = damage.replay("--cancel", check=False)
    assert refused.returncode == 1 and "no replay of contact is pending" in refused.stderr
    damage.controller.kill9()
    damage.controller.start()
    damage.restart()
    damage.wait_until_asked_again()
    assert not damage.accepted(), "a cancelled replay writes nothing"
    damage.replay("--id", damage.spoilt[1])
    damage.restart()
    damage.wait_until_picked(2)
    damage.assert_only_these_written([damage.spoilt[1]])


def test_a_second_replay_of_some_rows_comes_after_the_first(damage, ferry):
    wanted = {row["id"] for row in damage.admin.rows("contact", select="statecode") if row["columns"]["statecode"] == 0}
    others = [row["id"] for row in damage.admin.rows("contact", select="statecode") if row["id"] not in wanted]
    damage.admin.fault("dynamics", "stall", ms=600000, after=3, match={"path": "$orderby=contactid"})
    damage.replay("--filter", "statecode eq 0")
    damage.restart()
    ferry.wait_until(lambda: damage.replayed().total() == 3 * PAGE, 30, "the first one is under way")
    ferry.wait_until(lambda: "replaying" in damage.mapping()["reader"]["counters"], 30, "and it says so")
    assert damage.replay("--id", others[0], "--id", others[1]).startswith("2 rows of contact will be read again")
    damage.restart()
    refused = damage.replay("--id", others[2], check=False)
    assert refused.returncode == 1 and "the last replay of contact has not begun yet" in refused.stderr, refused
    damage.stop()
    damage.admin.clear_faults()
    ferry.start()
    damage.wait_until_picked(2)
    assert damage.replayed() == {id_: 1 for id_ in [*wanted, *others[:2]]}
    assert {entry["key"] for entry in damage.accepted()} == {*wanted, *others[:2]}
    assert not ferry.workflow()["restartNeeded"]


def test_replays_of_some_rows_of_two_tables_do_not_touch_each_other(ferry):
    ferry.start_sandbox(contacts=ROWS, accounts=120)
    ferry.start_controller()
    ferry.start_reader(dynamics_page_size=PAGE)
    ferry.start_writer()
    ferry.apply({"workflow": INGRESS, "configuration": {"mappings": [*CONTACTS["configuration"]["mappings"], ACCOUNT]}})
    ferry.start()
    admin = ferry.sandbox.admin
    ferry.wait_until(lambda: len(admin.campaign_rows("cusAccount")) == 120 and ferry.backlog() == 0 and
                     len(admin.campaign_rows("profile")) == ROWS, 60, "both have crossed")

    def replayed(table):
        return collections.Counter(key for key, record in ferry.topics.records(f"changes.{table}")
                                   if record["origin"] == "REPLAY")

    def restart():
        ferry.ctl("stop", INGRESS, "--wait")
        ferry.start()
    admin.fault("dynamics", "stall", ms=600000, after=2, match={"path": "$orderby=contactid"})
    ferry.ctl("replay", INGRESS, "--table", "contact", "--filter", "statecode eq 0")
    restart()
    ferry.wait_until(lambda: replayed("contact").total() == 2 * PAGE, 30, "the first one is under way")
    ferry.ctl("replay", INGRESS, "--table", "account", "--filter", "name ne null")
    restart()
    ferry.wait_until(lambda: replayed("account").total() == 120, 30, "the other table waits for nobody")
    assert replayed("contact").total() == 2 * PAGE
    ferry.ctl("stop", INGRESS, "--wait")
    admin.clear_faults()
    ferry.start()
    wanted = {row["id"]: 1 for row in admin.rows("contact", select="statecode") if row["columns"]["statecode"] == 0}
    ferry.wait_until(lambda: replayed("contact").total() >= len(wanted), 30, "the first one is read to its end")
    assert replayed("contact") == wanted
    assert replayed("account") == {row["id"]: 1 for row in admin.rows("account")}
    ferry.wait_until(lambda: ferry.backlog() == 0, 30, "backlog 0")


def test_rows_are_not_replayed_while_their_whole_table_is(damage, ferry):
    damage.stop()
    damage.reader.stop()
    damage.replay()
    ferry.ctl("start", INGRESS)
    ferry.wait_until(lambda: not damage.mapping()["replayPending"], 30, "the order carries it")
    refused = damage.replay("--id", damage.spoilt[0], check=False)
    assert refused.returncode == 1 and "has not begun yet" in refused.stderr, "or nobody would read the table"
    damage.admin.fault("dynamics", "stall", ms=600000, after=2, match={"path": "skiptoken"})
    damage.reader.start()
    ferry.wait_until(lambda: damage.replayed().total() == 3 * PAGE, 30, "it is under way")
    ferry.wait_until(lambda: "replaying" in damage.mapping()["reader"]["counters"], 30, "and it says so")
    refused = damage.replay("--id", damage.spoilt[0], check=False)
    assert refused.returncode == 1 and "all of contact is being read again already" in refused.stderr, refused
    damage.stop()
    damage.admin.clear_faults()
    ferry.start()
    damage.wait_until_replayed()
    ferry.wait_until(lambda: "replaying" not in damage.mapping()["reader"]["counters"], 30, "it is through")
    damage.crossed = damage.last_accepted()
    damage.replay("--id", damage.spoilt[0])
    damage.restart()
    damage.wait_until_picked(2)
    assert {entry["key"] for entry in damage.accepted()} == {damage.spoilt[0]}


def test_a_replay_under_way_is_cancelled_at_the_next_start(damage, ferry):
    damage.admin.fault("dynamics", "stall", ms=60000, after=3, match={"path": "$orderby=contactid"})
    damage.replay("--filter", "statecode eq 0")
    damage.restart()
    ferry.wait_until(lambda: damage.replayed().total() == 3 * PAGE, 30, "it is under way")
    damage.stop()
    read = damage.replayed().total()
    assert read == 3 * PAGE, "in mid-replay"
    damage.replay("--cancel")
    damage.admin.clear_faults()
    ferry.start()
    damage.wait_until_picked()
    damage.wait_until_asked_again()
    assert damage.replayed().total() == read, "no row was read for it any more"
    assert not ferry.workflow()["restartNeeded"]
    # The mapping is deleted and added again: that is another read, which nobody cancelled.
    ferry.apply({"workflow": INGRESS, "configuration": {"mappings": [ACCOUNT]}})
    damage.restart()
    ferry.apply(CONTACTS)
    damage.stop()
    damage.admin.fault("dynamics", "stall", ms=600000, after=2, match={"path": "skiptoken"})
    ferry.start()
    ferry.wait_until(lambda: damage.replayed().total() == read + 3 * PAGE, 30, "it is under way")
    damage.stop()
    damage.admin.clear_faults()
    ferry.start()
    ferry.wait_until(lambda: damage.checkpoint()["readNumber"] == 2 and damage.checkpoint()["phase"] == "DELTA", 60,
                     "the table is read again")
    assert damage.replayed().total() == read + ROWS


def test_a_filter_that_no_longer_fits_fails_with_the_way_out(damage, ferry):
    damage.replay("--filter", "pager eq null")
    damage.admin.publish_dynamics(table="contact", removeColumn="pager")
    damage.stop()
    ferry.ctl("start", INGRESS)
    ferry.wait_until(lambda: ferry.status() == "FAILED", 30)
    error = ferry.ctl_json("get", "workflow", INGRESS)["error"]
    assert "pager" in error["message"] and "--cancel" in error["action"]
    damage.replay("--cancel")
    damage.restart()
    damage.wait_until_asked_again()
    assert not damage.accepted()


def test_rows_that_cannot_be_named_are_refused_with_their_reason(ferry):
    ferry.start_sandbox(contacts=5001)
    ferry.start_controller()
    ferry.apply(CONTACTS)

    def refused(*words):
        run = ferry.ctl("replay", INGRESS, "--table", "contact", *words, check=False)
        assert run.returncode == 1, run.stdout
        return run.stderr
    assert "'me' is no id" in refused("--id", "me")
    assert "since: 'yesterday'" in refused("--since", "yesterday")
    assert "nonsense" in refused("--filter", "nonsense eq 1")
    assert "Correct the filter" in refused("--filter", "lastname eq")
    ids = [word for row in ferry.sandbox.admin.rows("contact", select="lastname")[:101]
           for word in ("--id", row["id"])]
    assert "101 ids are too many" in refused(*ids)
    said = ferry.ctl("replay", INGRESS, "--table", "contact", "--dry-run").stdout
    assert said == "more than 5000 rows of contact would be read again\n"
    usage = ferry.ctl("replay", INGRESS, "--table", "contact", "--cancel", "--dry-run", check=False)
    assert usage.returncode == 2 and "--cancel" in usage.stderr
    assert ferry.sandbox.admin.breaches() != [], "the filters that Dynamics refused, and no other"


def test_a_mapping_deleted_and_added_again_is_a_first_load(damage):
    """Whatever Ferry remembers of it, and also when it leads to another resource than before."""
    damage.stop()
    damage.ferry.apply({"workflow": INGRESS, "configuration": {"mappings": [ACCOUNT]}})
    damage.ferry.start()
    gone = damage.admin.delete_some("contact", 20, seed=9, ids=True)["ids"]
    damage.stop()
    damage.ferry.apply(CONTACTS)
    damage.ferry.start()
    damage.oracle.wait_until_settled()
    assert not set(gone) & set(damage.admin.campaign_rows("profile")), "deletes are found, too"
    # Elsewhere: nothing of it is there yet, and nothing is taken for written.
    elsewhere = json.loads(json.dumps(CONTACTS))
    mapping = elsewhere["configuration"]["mappings"][0]
    mapping |= {"resource": "cusAccount", "api": "customResources", "key": "accountId",
                "fields": [{"source": "lastname", "destination": "name", "tooLong": "truncate"}]}
    damage.stop()
    damage.ferry.apply(elsewhere)
    damage.ferry.start()
    wanted = {row["id"] for row in damage.admin.rows("contact")}
    damage.ferry.wait_until(lambda: set(damage.admin.campaign_rows("cusAccount")) == wanted, 60)
