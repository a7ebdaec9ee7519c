"""ferry-writer as the writer of e-mail events, against a real Kafka and the sandbox's Dynamics."""

import pytest

from backlog import Backlog, contact
from support import stays, wait_until
from timeline import KINDS, Timeline

CONTACTS = 200


@pytest.fixture
def timeline(ferry):
    return Timeline(ferry)


def start_sandbox(ferry, **flags):
    return ferry.start_sandbox(**{"activities": "on", "contacts": CONTACTS, **flags})


def fired(ferry):
    return sum(fault["fired"] for fault in ferry.sandbox.admin.faults())


def assert_clean(ferry):
    assert ferry.sandbox.admin.breaches() == []


def test_a_backlog_is_on_the_timeline_once_and_the_lag_is_exactly_zero(ferry, timeline):
    start_sandbox(ferry)
    writer = ferry.start_events_writer()
    events = timeline.events(timeline.contacts(), 10000)
    timeline.put(events)
    ready = timeline.start()
    assert sorted(ready["partitions"]["email"]) == list(range(8))
    timeline.wait_until_written()
    timeline.assert_written(events)
    assert timeline.operations() == {"204": 10000}
    assert timeline.batches() <= 20, "more than two requests for a thousand events"
    counters = ferry.wait_until(lambda: timeline.counters() if sum(
        timeline.counters()["written"].values()) == 10000 else None)
    assert counters["written"] == dict.fromkeys(KINDS, 2500)
    assert (counters["repeated"], counters["rejected"], counters["retried"]) == (0, 0, 0)
    assert counters["requests"] == timeline.batches()
    assert_clean(ferry)
    # What is committed goes from Kafka, at a clean stop at the latest.
    assert any(low == 0 for low, _ in timeline.watermarks())
    writer.stop()
    committed = {at.partition: at.offset for at in timeline.committed()}
    assert [low for low, _ in timeline.watermarks()] == [committed[n] for n in range(8)]
    assert timeline.lag() == 0


def test_both_workflows_run_in_one_process(ferry, timeline):
    start_sandbox(ferry)
    writer = ferry.start_events_writer()
    backlog = Backlog(ferry)
    backlog.start()
    timeline.start()
    events = timeline.events(timeline.contacts(), 500)
    keys = backlog.ids(500)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    timeline.put(events)
    backlog.wait_until_written()
    timeline.wait_until_written()
    timeline.assert_written(events)
    assert ferry.sandbox.admin.campaign_count("profile") == 500
    metrics = writer.metrics()
    for workflow in (backlog.workflow, timeline.workflow):
        assert metrics[f'ferry_writer_commits_total{{workflow="{workflow}"}}'] > 0
    timeline.order("STOP")
    timeline.wait_for("STOPPED", partitions={})
    assert backlog.task()["state"] == "RUNNING"


def test_nothing_moves_before_go_and_after_stop(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    contacts = timeline.contacts()
    first, second = timeline.events(contacts, 50), timeline.events(contacts, 50)
    timeline.put(first)
    timeline.order("PREPARE")
    timeline.wait_for("READY")
    stays(lambda: timeline.found() == {}, 1)
    timeline.order("GO")
    timeline.wait_until_written()
    timeline.assert_written(first)
    timeline.order("STOP")
    timeline.wait_for("STOPPED", partitions={})
    timeline.put(second)
    stays(lambda: len(timeline.found()) == 50, 1)
    timeline.start()
    timeline.wait_until_written()
    timeline.assert_written(first + second)


def test_an_event_that_is_in_the_backlog_twice_is_on_the_timeline_once(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    events = timeline.events(timeline.contacts(), 300)
    timeline.start()
    timeline.put(events)
    timeline.put([event | {"file": "another.csv", "line": 2} for event in events])
    timeline.wait_until_written()
    timeline.assert_written(events)
    assert timeline.operations() == {"204": 300, "412": 300}
    ferry.wait_until(lambda: timeline.counters()["repeated"] == 300)
    assert timeline.rejects() == []


def test_long_texts_are_cut_where_their_columns_end(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    contact = timeline.contacts()[0]
    timeline.start()
    smile = "\N{GRINNING FACE}"  # two UTF-16 units
    event = timeline.event(contact, campaign="c" * 99 + smile + "x", delivery="d" * 150)
    timeline.put([event])
    timeline.wait_until_written()
    activity = timeline.found()[timeline.id_of(event)]
    assert activity["ferry_campaign"] == "c" * 99
    assert activity["ferry_delivery"] == "d" * 100
    assert activity["subject"] == ("c" * 99 + smile + "x " + "d" * 150)[:199]
    assert len(activity["subject"].encode("utf-16-le")) == 400
    assert timeline.rejects() == []


def test_an_event_without_texts_is_named_by_its_id(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    timeline.start()
    event = timeline.event(timeline.contacts()[0], campaign=None, delivery=None, mirrorPageUrl=None)
    timeline.put([event])
    timeline.wait_until_written()
    assert timeline.found()[timeline.id_of(event)]["subject"] == event["eventId"]


def test_a_source_makes_other_activities_of_the_same_ids(ferry):
    timeline = Timeline(ferry, source="acme-prod")
    start_sandbox(ferry)
    ferry.start_events_writer()
    events = timeline.events(timeline.contacts(), 40)
    timeline.start()
    timeline.put(events)
    timeline.wait_until_written()
    timeline.assert_written(events)


def test_what_was_switched_off_meanwhile_is_left_out_and_counted(ferry):
    timeline = Timeline(ferry, kinds=("SEND", "BOUNCE"))
    start_sandbox(ferry)
    ferry.start_events_writer()
    events = timeline.events(timeline.contacts(), 400)
    timeline.start()
    timeline.put(events)
    timeline.wait_until_written()
    timeline.assert_written([event for event in events if event["kind"] in timeline.kinds])
    ferry.wait_until(lambda: timeline.counters()["switchedOff"] == 200)


def test_a_writer_without_dynamics_says_which_setting_it_lacks(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_writer()
    timeline.order("PREPARE")
    error = timeline.wait_for("FAILED")["error"]
    assert "dynamics.url" in error["message"] and error["class"] == "credentials"
    timeline.order("STOP")
    assert timeline.wait_for("STOPPED")["error"] is None


def bulk_timeline(ferry):
    return Timeline(ferry, **{kind: {"createMultiple": True} for kind in KINDS})


def test_what_nobody_can_have_sent_goes_by_create_multiple(ferry):
    timeline = bulk_timeline(ferry)
    start_sandbox(ferry, activity_bulk="on")
    ferry.start_events_writer()
    contacts = timeline.contacts()
    doubtful, events = timeline.events(contacts, 400), timeline.events(contacts, 4000)
    timeline.put(doubtful)  # a predecessor may have sent them
    timeline.start()
    timeline.wait_until_written()
    assert timeline.operations() == {"204": 400}
    timeline.put(events)
    timeline.wait_until_written()
    timeline.assert_written(doubtful + events)
    assert timeline.operations() == {"204": 400} and timeline.batches() == 1
    ferry.wait_until(lambda: sum(timeline.counters()["written"].values()) == 4400)
    assert timeline.counters()["requests"] < 4400 / 100, "hundreds go together, however slowly they come"
    assert_clean(ferry)


def test_a_create_multiple_that_fails_falls_back_to_batches(ferry):
    """It is all or nothing: an event that is there already, and one without its contact."""
    timeline = bulk_timeline(ferry)
    start_sandbox(ferry, activity_bulk="on")
    ferry.start_events_writer()
    contacts = timeline.contacts()
    timeline.start()
    first = timeline.events(contacts[1:], 400)
    timeline.put(first)
    timeline.wait_until_written()
    assert timeline.batches() == 0, "nothing went by CreateMultiple"
    orphan = timeline.event(contacts[0])
    ferry.sandbox.admin.delete("contact", contacts[0])
    second = timeline.events(contacts[1:], 400)
    timeline.put(first[:10] + second + [orphan])
    timeline.wait_until_written()
    timeline.assert_written(first + second)
    assert timeline.batches() > 0 and timeline.operations()["412"] > 0
    assert [value for _, _, value in timeline.rejects()] == [timeline.encode(orphan)]


def test_a_table_that_lost_create_multiple_is_written_all_the_same(ferry):
    timeline = bulk_timeline(ferry)
    start_sandbox(ferry)  # without the bulk messages that the order speaks of
    ferry.start_events_writer()
    events = timeline.events(timeline.contacts(), 2000)
    timeline.start()
    timeline.put(events)
    timeline.wait_until_written()
    timeline.assert_written(events)
    assert timeline.rejects() == []
    assert timeline.operations()["204"] == 2000


def test_a_contact_that_was_deleted_costs_one_reject_and_its_neighbours_are_written(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    contacts = timeline.contacts()
    timeline.start()
    events = timeline.events(contacts[1:], 200)
    orphan = timeline.event(contacts[0], "CLICK", file="acs_trackinglog_7.csv", line=4711)
    ferry.sandbox.admin.delete("contact", contacts[0])
    timeline.put(events[:100] + [orphan] + events[100:])
    timeline.wait_until_written()
    timeline.assert_written(events)
    (origin, headers, value), = timeline.rejects()
    assert value == timeline.encode(orphan)
    assert origin == headers["ferry-origin"]
    assert origin.startswith(f"{ferry.name}.events.email/")
    assert headers["ferry-reason"].startswith("acs_trackinglog_7.csv, line 4711: the contact is not")
    assert headers["ferry-status"] == "404" and headers["ferry-attempts"] == "1"
    assert timeline.operations()["404"] == 1
    ferry.wait_until(lambda: timeline.counters()["rejected"] == 1)


def test_what_is_no_event_is_rejected_and_the_others_arrive(ferry, timeline):
    start_sandbox(ferry)
    ferry.start_events_writer()
    contact = timeline.contacts()[0]
    timeline.start()
    events = [timeline.event(contact) for _ in range(20)]
    strange = timeline.event("no guid)", line=9)
    early = timeline.event(contact, occurredAt=-99999999999999)
    timeline.put(events[:10] + [strange, early])
    timeline.put_bytes(contact, b"no avro")
    timeline.put_bytes(contact, None)
    timeline.put(events[10:])
    timeline.wait_until_written()
    timeline.assert_written(events)
    rejects = {value: headers for _, headers, value in timeline.rejects()}
    assert set(rejects) == {timeline.encode(strange), timeline.encode(early), b"no avro", b""}
    assert rejects[b"no avro"]["ferry-class"] == "bug"
    assert "line 9: the event's contact" in rejects[timeline.encode(strange)]["ferry-reason"]
    assert "ferry-status" not in rejects[timeline.encode(strange)]
    assert timeline.operations() == {"204": 20}


@pytest.mark.timeout(600)
def test_killed_thirty_times_every_event_is_on_the_timeline_once(ferry, timeline):
    start_sandbox(ferry, operation_us=300)
    writer = ferry.start_events_writer(dynamics_batch_size=50, dynamics_concurrency_max=4)
    contacts = timeline.contacts()
    admin = ferry.sandbox.admin
    events = []
    timeline.start()

    def written():
        return admin.stats()["dynamics"]["operations"]["count"]

    for _ in range(30):
        events += timeline.events(contacts, 600)
        timeline.put(events[-600:])
        ahead = written() + timeline.random.randrange(20, 250)
        ferry.wait_until(lambda ahead=ahead: written() >= ahead)
        # A fast one is through with all of it.
        ferry.wait_until(lambda: admin.stats()["dynamics"]["inFlight"] > 0 or timeline.is_written())
        writer.kill9()
        writer.start()
    timeline.wait_until_written(120)
    timeline.assert_written(events)
    assert timeline.rejects() == []
    statuses = timeline.operations()
    assert statuses["204"] == len(events)
    assert statuses["412"] > 100, "no batch was repeated: the kills hit nothing"
    assert_clean(ferry)


STEPS = ["begun:3", "produced:3", "offsets-sent:3", "before-commit:3", "committed:3",
         "batch-sent:5"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_transaction_it_loses_nothing(ferry, timeline, monkeypatch, step):
    start_sandbox(ferry)
    contacts = timeline.contacts()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    writer = ferry.start_events_writer(dynamics_batch_size=40)
    monkeypatch.delenv("FERRY_CRASH_AT")
    timeline.start()
    gone = contacts.pop()
    ferry.sandbox.admin.delete("contact", gone)
    events, orphans = [], []
    while writer.alive():
        events += timeline.events(contacts, 100)
        orphans.append(timeline.event(gone))
        timeline.put(events[-100:] + orphans[-1:])
        wait_until(lambda: not writer.alive() or timeline.is_written())
    assert writer.wait_for_exit() == -9, "it did not reach the step"
    writer.start()
    timeline.wait_until_written()
    timeline.assert_written(events)
    values = [value for _, _, value in timeline.rejects()]
    assert sorted(values) == sorted(map(timeline.encode, orphans)), "each reject is there once"


def shared(timeline):
    """writer-0 and writer-1 own the eight partitions together."""
    owned = [timeline.task(name)["partitions"].get("email", []) for name in
             ("writer-0", "writer-1")]
    return all(owned) and sorted(owned[0] + owned[1]) == list(range(8))


def test_a_stopped_writer_that_wakes_late_doubles_nothing(ferry, timeline):
    """SIGSTOP beyond the session: the rival takes over and sends the same again."""
    start_sandbox(ferry, operation_us=2000)
    first = ferry.start_events_writer(0, dynamics_batch_size=100, dynamics_concurrency_max=4)
    events = timeline.events(timeline.contacts(), 3000)
    timeline.put(events)
    timeline.start()
    ferry.wait_until(lambda: ferry.sandbox.admin.stats()["dynamics"]["inFlight"] > 0)
    first.pause()
    ferry.start_events_writer(1)
    timeline.wait_until_written()
    timeline.assert_written(events)
    first.resume()
    ferry.wait_until(lambda: first.events("stood_still") or first.events("lost"))
    ferry.wait_until(lambda: shared(timeline))
    more = timeline.events(timeline.contacts(), 500)
    timeline.put(more)
    timeline.wait_until_written()
    timeline.assert_written(events + more)
    assert timeline.operations()["412"] > 0, "nothing was in flight when it was stopped"
    assert timeline.rejects() == []


def test_writers_come_and_go_under_load(ferry, timeline):
    start_sandbox(ferry, operation_us=1000)
    settings = {"dynamics_batch_size": 50, "dynamics_concurrency_max": 4}
    ferry.start_events_writer(0, **settings)
    contacts = timeline.contacts()
    events = timeline.events(contacts, 2000)
    timeline.put(events)
    timeline.start()
    second = ferry.start_events_writer(1, **settings)
    timeline.wait_for("RUNNING", "writer-1")
    ferry.wait_until(lambda: shared(timeline))
    more = timeline.events(contacts, 4000)
    timeline.put(more)
    ferry.wait_until(lambda: sum(timeline.counters("writer-1")["written"].values()) > 0)
    second.stop()
    last = timeline.events(contacts, 1000)
    timeline.put(last)
    timeline.wait_until_written()
    timeline.assert_written(events + more + last)
    assert timeline.rejects() == []
    assert timeline.batches() > 0


def test_offsets_that_the_broker_forgot_are_taken_from_the_checkpoints(ferry, timeline):
    start_sandbox(ferry)
    writer = ferry.start_events_writer()
    contacts = timeline.contacts()
    first, second = timeline.events(contacts, 3000), timeline.events(contacts, 500)
    timeline.put(first)
    timeline.start()
    timeline.wait_until_written()
    writer.stop()
    group = f"{ferry.name}.{timeline.workflow}"
    ferry.wait_until(lambda: not ferry.topics.admin.describe_consumer_groups([group])[group]
                     .result().members)
    ferry.topics.admin.delete_consumer_groups([group])[group].result()
    assert all(at.offset < 0 for at in timeline.committed())
    timeline.put(second)
    ferry.sandbox.admin.reset_stats()
    writer.start()
    timeline.wait_for("RUNNING")
    timeline.wait_until_written()
    timeline.assert_written(first + second)
    assert writer.events("offsets_restored"), "the offsets were not forgotten"
    assert timeline.operations() == {"204": 500}, "the whole log was read again"
