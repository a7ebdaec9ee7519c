"""ferry-reader dies at any instant: nothing is lost, nothing is there twice."""

import random
import signal
import time

import pytest

import reading
from reading import ACCOUNT, Reading, mapping, pairs

# Step of the transaction, and the how-manieth time of it falls into the middle of the load.
STEPS = ["begun:3", "produced:450", "before-checkpoint-produced:4", "before-commit:4",
         "after-commit:4"]


@pytest.fixture
def lab(ferry):
    ferry.start_sandbox(contacts=1000, accounts=300, purchases=300)
    return Reading(ferry, tables=("contact", "account", "new_purchase"))


def assert_each_row_once(lab, table="contact"):
    """For a table that nobody changes."""
    rows = {(row["id"], row["version"]): 1
            for row in lab.ferry.sandbox.admin.rows(table, select="createdon")}
    assert pairs(lab.changes(table)) == rows


def kill_at(ferry, reader, monkeypatch, step):
    """The reader runs until it kills itself there."""
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_transaction_in_mid_load(lab, ferry, monkeypatch, step):
    reader = ferry.start_reader(dynamics_page_size=100)
    lab.prepare(mapping())
    lab.wait_for_state("READY")
    reader.stop()
    kill_at(ferry, reader, monkeypatch, step)
    lab.wait_for_state("READY")
    lab.order("GO")
    assert reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    committed = len(lab.changes())
    assert 0 < committed < 1000, "in mid-load"
    assert committed % 100 == 0, "whole pages only"
    assert lab.checkpoint()["recordsRead"] == committed, "each with its checkpoint"
    reader.start()
    lab.wait_until_mirrored()
    assert_each_row_once(lab)
    reading.assert_exactly_once(lab)


@pytest.mark.parametrize("step", ["begun:1", "before-commit:1", "after-commit:1"])
def test_killed_at_a_step_of_the_transaction_in_a_delta(lab, ferry, monkeypatch, step):
    reader = ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping())
    lab.wait_until_mirrored()
    reader.stop()
    changed = ferry.sandbox.admin.touch("contact", 70, ids=True)["ids"]
    changed += ferry.sandbox.admin.delete_some("contact", 5, ids=True)["ids"]
    kill_at(ferry, reader, monkeypatch, step)
    assert reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    reader.start()
    lab.wait_until_mirrored()
    assert len(lab.changes()) == 1000 + len(set(changed))
    reading.assert_exactly_once(lab)


def test_commit_whose_result_is_unknown_is_asked_from_the_log(lab, ferry, monkeypatch):
    monkeypatch.setenv("FERRY_CRASH_AT", "unknown-result:4")
    reader = ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping())
    lab.wait_until_mirrored()
    lost = reader.events("seat_lost")
    assert len(lost) == 1 and "not known" in lost[0]["message"]
    assert_each_row_once(lab)
    reading.assert_exactly_once(lab)


def test_five_kills_at_random_moments_of_a_load(lab, ferry):
    chance = random.Random(ferry.seed)
    ferry.sandbox.admin.append("contact", 2000, seed=5)
    ferry.sandbox.admin.fault("dynamics", "slowBody", ms=40, match={"path": "/contacts?"})
    reader = ferry.start_reader(dynamics_page_size=250)
    lab.start(mapping())
    left_open = 0
    for _ in range(5):
        pages = ferry.sandbox.admin.stats()["dynamics"]["calls"]
        target = pages["page"] + chance.randint(1, 3)
        ferry.wait_until(lambda: ferry.sandbox.admin.stats()["dynamics"]["calls"]["page"] >= target)
        moment = time.monotonic() + chance.uniform(0, 1.8)
        ferry.wait_until(lambda: time.monotonic() > moment)
        reader.kill9()
        left_open += len(reading.open_transactions(ferry))
        assert len(lab.changes()) < 3000, "in mid-load"
        reader.start()
    ferry.sandbox.admin.clear_faults()
    lab.wait_until_mirrored()
    assert left_open >= 2, "kills left transactions open"
    assert not reader.events("task_waits"), "a restart asks once for the page it needs"
    assert_each_row_once(lab)
    reading.assert_exactly_once(lab)


def test_five_kills_at_random_moments_of_a_stream_of_changes(lab, ferry):
    chance = random.Random(ferry.seed)
    reader = ferry.start_reader(dynamics_page_size=50)
    lab.start(mapping())
    lab.wait_until_mirrored()
    ferry.sandbox.admin.keep_changing("contact", per_second=100, seconds=120, seed=2)
    for _ in range(5):
        before = len(lab.changes())
        ferry.wait_until(lambda: len(lab.changes()) > before)
        moment = time.monotonic() + chance.uniform(0, 0.5)
        ferry.wait_until(lambda: time.monotonic() > moment)
        reader.kill9()
        reader.start()
    ferry.sandbox.admin.call("DELETE", "/scripts")
    lab.wait_until_mirrored()
    reading.assert_exactly_once(lab)


def test_two_tasks_of_one_partition_are_killed_in_mid_page(lab, ferry):
    ferry.sandbox.admin.fault("dynamics", "slowBody", ms=3, match={"path": "$select="})
    reader = ferry.start_reader(dynamics_page_size=50)
    twins = same_partition()
    lab.start(*twins)
    ferry.wait_until(lambda: all(lab.checkpoint(one["id"]) for one in twins))
    reader.kill9()
    assert len(reading.open_transactions(ferry)) <= 1, "a seat has one transaction at a time"
    reader.start()
    ferry.sandbox.admin.clear_faults()
    for one in twins:
        lab.wait_until_mirrored(one["table"])
        assert_each_row_once(lab, one["table"])


def same_partition():
    """Two mappings whose tasks share a seat: the id of a mapping decides, and ours are free."""
    wanted = reading.seat_of("contact")
    other = next(name for name in (f"account{n}" for n in range(100))
                 if reading.seat_of(name) == wanted)
    return mapping(), mapping(ACCOUNT, id=other)


def test_paused_beyond_its_session_a_reader_finds_itself_replaced(lab, ferry):
    first = ferry.start_reader(0, dynamics_page_size=50)
    ferry.sandbox.admin.fault("dynamics", "slowBody", ms=40, match={"path": "/contacts?"})
    lab.start(mapping())
    ferry.wait_until(lambda: lab.checkpoint().get("pagesRead", 0) >= 2)
    first.pause()
    second = ferry.start_reader(1, dynamics_page_size=50)
    ferry.wait_until(lambda: lab.status()["worker"] == second.name, what="the rival took over")
    assert len(lab.changes()) < 1000, "in mid-load"
    ferry.sandbox.admin.touch("contact", 100, seed=4)
    first.resume()
    ferry.sandbox.admin.clear_faults()
    lab.wait_until_mirrored()
    ferry.wait_until(lambda: first.events("revoked"), what="the first one learns of it")
    reading.assert_exactly_once(lab, repeats=True)
