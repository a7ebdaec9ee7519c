"""What the writer of e-mail events does when Dynamics or the network does not play along."""

import pytest

from cutter import Cutter
from test_activities import fired, start_sandbox
from timeline import Timeline, table

BATCH = {"path": "$batch"}


@pytest.fixture
def timeline(ferry):
    return Timeline(ferry)


PASSING_FAULTS = {
    "429": {"kind": "status429", "retryAfter": 1, "count": 5},
    "503": {"kind": "status503", "count": 10, "probability": 0.5},
    "html": {"kind": "html", "count": 10, "probability": 0.5},
    "cut": {"kind": "dropBeforeReply", "count": 10, "probability": 0.5},
    "lost reply": {"kind": "lostReply", "count": 10, "probability": 0.5},
    "token revoked": {"kind": "tokenRevoked", "count": 3, "probability": 0.3},
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_passing_fault_rejects_nothing_and_doubles_nothing(ferry, timeline, fault):
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50, dynamics_batch_size=100)
    contacts = timeline.contacts()
    timeline.start()
    members = dict(PASSING_FAULTS[fault])
    ferry.sandbox.admin.fault("dynamics", members.pop("kind"), **members, match=BATCH)
    events = []
    for _ in range(3):
        events += timeline.events(contacts, 1000)
        timeline.put(events[-1000:])
        timeline.wait_until_written()
    assert fired(ferry) > 0, "the fault did not happen"
    timeline.assert_written(events)
    assert timeline.rejects() == []
    task = timeline.wait_for("RUNNING", warning=None)
    assert task["error"] is None
    repeated = timeline.operations().get("412", 0)
    assert (repeated > 0) == (fault == "lost reply"), "what was done and not told is found again"
    # The reply to a repetition may be lost, too.
    ferry.wait_until(lambda: 0 < timeline.counters()["repeated"] <= repeated or not repeated)
    ferry.wait_until(lambda: timeline.counters()["retried"] > 0 or fault == "token revoked")


def test_the_parts_that_were_read_before_a_cut_count(ferry, timeline):
    start_sandbox(ferry)
    cutter = Cutter(ferry.sandbox.dynamics, "$batch")
    try:
        ferry.start_events_writer(retry_ms=50, dynamics_url=cutter.url,
                                   dynamics_authority_url=cutter.url)
        contacts = timeline.contacts()
        timeline.start()
        cutter.cut(3, after=100_000)
        events = timeline.events(contacts, 3000)
        timeline.put(events)
        timeline.wait_until_written()
        assert cutter.cuts == 3, "no answer was cut"
        timeline.assert_written(events)
        statuses = timeline.operations()
        assert statuses["204"] == 3000
        assert 0 < statuses["412"] < 3000, "either nothing was cut, or nothing of it was read"
        assert timeline.rejects() == []
    finally:
        cutter.close()


def test_a_storm_of_429_is_waited_out(ferry, timeline):
    """The limit of requests is small, and each refusal makes the wait longer for who goes on asking."""
    start_sandbox(ferry, limit_window=5)
    ferry.start_events_writer(retry_ms=50, dynamics_batch_size=20)
    contacts = timeline.contacts()
    timeline.start()
    ferry.sandbox.admin.set(limitRequests=20)
    events = timeline.events(contacts, 1500)
    timeline.put(events)
    timeline.wait_until_written(120)
    timeline.assert_written(events)
    posts = ferry.sandbox.admin.stats()["dynamics"]["requests"]["POST"]
    assert posts.get("429", 0) > 0, "no limit was hit"
    assert posts["429"] < posts["200"], "more was refused than done"
    assert timeline.rejects() == []
    timeline.wait_for("RUNNING", warning=None)


def test_no_more_are_in_flight_than_the_service_recommends(ferry, timeline):
    start_sandbox(ferry, dop_hint=3, operation_us=1000)
    ferry.start_events_writer(dynamics_batch_size=20)
    contacts = timeline.contacts()
    events = timeline.events(contacts, 4000)
    timeline.start()
    ferry.sandbox.admin.reset_stats()
    timeline.put(events)
    timeline.wait_until_written()
    timeline.assert_written(events)
    # The first answer tells; until then four may be on their way.
    assert 2 <= ferry.sandbox.admin.stats()["dynamics"]["inFlightPeak"] <= 4
    ferry.wait_until(lambda: timeline.counters()["concurrency"] <= 3)


def test_dynamics_away_for_a_while_is_a_warning_with_the_next_try(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50)
    contacts = timeline.contacts()
    timeline.start()
    ferry.sandbox.admin.fault("dynamics", "status503", match=BATCH)
    events = timeline.events(contacts, 300)
    timeline.put(events)
    task = ferry.wait_until(lambda: (timeline.task() or {}).get("warning") and timeline.task(), 20)
    assert task["state"] == "RUNNING" and task["warning"]["retryAt"] > 0
    ferry.sandbox.admin.clear_faults()
    timeline.wait_until_written()
    timeline.wait_for("RUNNING", warning=None)
    timeline.assert_written(events)
    assert timeline.rejects() == []


def test_an_ill_dynamics_rejects_nothing_and_is_probed_gently(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50)
    contacts = timeline.contacts()
    timeline.start()
    ferry.sandbox.admin.fault("dynamics", "status500text", text="no", match=BATCH)
    events = timeline.events(contacts, 2000)
    timeline.put(events)
    ferry.wait_until(lambda: fired(ferry) >= 8)
    assert fired(ferry) < 60, "a flood of requests against an ill destination"
    assert timeline.rejects() == []
    ferry.sandbox.admin.clear_faults()
    timeline.wait_until_written(90)
    timeline.assert_written(events)
    assert timeline.rejects() == []


def test_500s_that_come_after_a_while_and_pass_reject_nothing(ferry, timeline):
    """Others were taken before, which must not speak against those that are refused now."""
    start_sandbox(ferry, operation_us=500)
    ferry.start_events_writer(retry_ms=50, dynamics_batch_size=100)
    contacts = timeline.contacts()
    timeline.start()
    events = timeline.events(contacts, 8000)
    timeline.put(events)
    ferry.wait_until(lambda: timeline.operations().get("204", 0) > 500)
    ferry.sandbox.admin.fault("dynamics", "status500text", text="no", match=BATCH)
    written = ferry.wait_until(lambda: fired(ferry) >= 12 and timeline.operations()["204"], 60)
    assert 500 < written < 8000, "the faults came before the first or after the last event"
    assert timeline.rejects() == []
    ferry.sandbox.admin.clear_faults()
    timeline.wait_until_written(90)
    timeline.assert_written(events)
    assert timeline.rejects() == []


def test_a_wrong_secret_fails_and_goes_on_when_it_is_mended(ferry, timeline):
    start_sandbox(ferry)
    secret = ferry.folder / "dynamics.secret"
    right = secret.read_text()
    secret.write_text("wrong\n")
    ferry.start_events_writer(retry_ms=100)
    events = timeline.events(timeline.contacts(), 20)
    timeline.put(events)
    timeline.order("PREPARE")
    assert timeline.wait_for("FAILED")["error"]["class"] == "credentials"
    secret.write_text(right)
    timeline.wait_for("READY", error=None, timeout=60)
    timeline.order("GO")
    timeline.wait_until_written()
    timeline.assert_written(events)


def test_a_column_that_is_published_away_stops_the_events_and_loses_nothing(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50)
    contacts = timeline.contacts()
    admin = ferry.sandbox.admin
    timeline.start()
    first, second = timeline.events(contacts, 400), timeline.events(contacts, 400)
    timeline.put(first)
    timeline.wait_until_written()
    admin.publish_dynamics(table=table("OPEN"), removeColumn="ferry_delivery")
    timeline.put(second)
    error = timeline.wait_for("FAILED")["error"]
    assert error["class"] == "schema"
    assert table("OPEN") in error["message"] and "ferry_delivery" in error["message"]
    assert timeline.rejects() == [] and timeline.lag() > 0
    admin.publish_dynamics(table=table("OPEN"), addColumn={
        "name": "ferry_delivery", "type": "String", "length": 100})
    timeline.wait_for("RUNNING", error=None)
    timeline.wait_until_written()
    assert timeline.rejects() == []
    # What the column held is gone with it; the activities are all there.
    assert set(timeline.found()) == set(timeline.expected(first + second))


def test_a_wrong_navigation_property_is_named_and_nothing_is_rejected(ferry):
    """Its case counts, and the metadata of the columns does not tell it."""
    wrong = f"regardingobjectid_contact_{table('CLICK')}".replace("email", "Email")
    timeline = Timeline(ferry, CLICK={"regarding": wrong})
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50)
    timeline.start()
    events = timeline.events(timeline.contacts(), 200)
    timeline.put(events)
    error = timeline.wait_for("FAILED")["error"]
    assert error["class"] == "schema"
    assert wrong in error["message"] and table("CLICK") in error["message"]
    assert timeline.rejects() == []
    timeline.order("STOP")
    timeline.wait_for("STOPPED")
    del timeline.activities["CLICK"]
    timeline.start()
    timeline.wait_until_written()
    timeline.assert_written(events)
    assert timeline.rejects() == []


def test_a_table_that_is_not_there_is_named_before_anything_moves(ferry):
    timeline = Timeline(ferry, BOUNCE={"table": "ferry_nothing"})
    start_sandbox(ferry)
    ferry.start_events_writer(retry_ms=50)
    timeline.put(timeline.events(timeline.contacts(), 20))
    timeline.order("PREPARE")
    error = timeline.wait_for("FAILED")["error"]
    assert "ferry_nothing" in error["message"]
    assert timeline.batches() == 0
