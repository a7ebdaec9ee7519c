"""A replay: the whole table is read again at the next start, and what was damaged in Campaign is mended."""

import collections
import signal

import pytest

from instance import INGRESS
from oracle import CONTACTS, Oracle

ROWS, SPOILT, PAGE = 500, 100, 50
TASK = f"{INGRESS}/reader/contact"


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
        assert self.admin.spoil("profile", SPOILT)["spoilt"] == SPOILT
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

    def replay(self):
        return self.ferry.ctl("replay", INGRESS, "--table", "contact").stdout

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
    assert refused.returncode == 1 and "not available in this version" in refused.stderr
    refused = ferry.ctl("replay", INGRESS, check=False)
    assert refused.returncode == 2 and "--table" in refused.stderr
    assert ferry.ctl_json("replay", INGRESS, "--table", "contact")["replay"] == 1
