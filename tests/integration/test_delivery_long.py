"""As test_delivery.py, for as long as it takes to meet the rare moments."""

import signal

import pytest

from instance import INGRESS
from load import Load
from test_delivery import Flow, flow, kill  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

READER_STEPS = ["begun:3", "produced:150", "before-checkpoint-produced:3", "before-commit:3",
                "after-commit:3", "unknown-result:3"]
WRITER_STEPS = ["begun:3", "produced:3", "offsets-sent:3", "before-commit:3", "committed:3",
                "unknown-result:3", "request-sent:50"]


def test_reader_and_writer_are_killed_thirty_times_each(flow):  # noqa: F811
    kills = kill(flow, 30, per_second=40)
    assert kills.left_open >= 10, "kills that left a transaction open"
    assert kills.in_flight >= 10, "kills that met requests in flight"
    assert flow.oracle.repeated > 0, "requests that were repeated"


def die_at(flow, server, step, monkeypatch):  # noqa: F811
    """It is started again to die there, or, of an unknown result, to go on."""
    server.kill9()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    server.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    if step.startswith("unknown-result"):
        # The producer is made anew.
        flow.ferry.wait_until(lambda: "unknown" in server.log_text() or
                              "not known" in server.log_text(), 60, f"{server.name} at {step}")
    else:
        assert server.wait_for_exit(60) == -signal.SIGKILL, f"{server.name} dies at {step}"
        server.start()


@pytest.mark.parametrize("role,steps", [("reader", READER_STEPS), ("writer", WRITER_STEPS)])
def test_killed_at_every_step_of_the_transaction(flow, monkeypatch, role, steps):  # noqa: F811
    flow.start()
    with Load(flow.ferry, per_second=80):
        for step in steps:
            die_at(flow, getattr(flow, role), step, monkeypatch)
            flow.wait_for_more(flow.accepted, 30)
    flow.oracle.assert_delivered()


def test_paused_again_and_again_beyond_their_sessions(flow):  # noqa: F811
    """Each in its turn, at random moments, so that what the dead one knew is always older."""
    flow.start()
    writers = [flow.writer, flow.ferry.start_writer(1)]
    readers = [flow.reader, flow.ferry.start_reader(1, dynamics_page_size=100)]
    with flow.slow_pages(), Load(flow.ferry, per_second=80):
        flow.admin.set(campaignLatencyMs=50)
        for turn in range(8):
            writer, rival = writers[turn % 2], writers[(turn + 1) % 2]
            flow.wait_until_owned((writer, 4), (rival, 4))
            flow.wait_for_more(flow.accepted, 100)
            flow.random_moment()
            writer.pause()
            readers[turn % 2].pause()
            flow.wait_until_owned((rival, 8))
            flow.wait_for_more(flow.accepted, 100)
            writer.resume()
            readers[turn % 2].resume()
        flow.wait_until_owned(*((writer, 4) for writer in writers))
    flow.oracle.assert_delivered()
    assert all(writer.events("stood_still") for writer in writers)


def test_paused_writer_tells_nothing_of_what_a_rival_has_overtaken(flow):  # noqa: F811
    """What it learnt while it was away must not enter `written`, also when no offset goes with it."""
    flow.start()
    flow.oracle.wait_until_settled()
    neighbours = [message.key().decode() for message in flow.ferry.topics.read("changes.contact")
                  if message.partition() == 3]
    stuck, others = neighbours[0], neighbours[1:30]

    def edit(text):
        for contact in others:
            flow.admin.update("contact", contact, address1_line2=text)

    # The oldest record of the partition does not end, so that no offset can move on.
    flow.admin.fault("campaign", "stall", ms=60000, count=1, match={"path": stuck})
    flow.admin.update("contact", stuck, address1_line2="stuck")
    flow.ferry.wait_until(lambda: flow.admin.stats()["campaign"]["faults"].get("stall"))
    flow.admin.set(campaignLatencyMs=1500)
    edit("older")
    flow.ferry.wait_until(lambda: flow.admin.stats()["campaign"]["inFlight"] >= len(others))
    flow.writer.pause()
    flow.admin.set(campaignLatencyMs=10)
    edit("newer")
    rival = flow.ferry.start_writer(1)
    flow.wait_until_owned((rival, 8))
    flow.oracle.wait_until_settled()
    flow.writer.resume()
    flow.wait_until_owned((flow.writer, 4), (rival, 4))
    assert flow.writer.events("stood_still"), "it saw that it had been away"
    flow.oracle.assert_delivered()


def test_broker_is_gone_for_twenty_seconds_under_load(ferry_on_own_kafka):
    flow = Flow(ferry_on_own_kafka)  # noqa: F811
    flow.start()
    with Load(flow.ferry, per_second=40):
        flow.wait_for_more(flow.accepted, 100)
        flow.ferry.kafka.kill9()
        flow.at(20)
        flow.ferry.kafka.start()
        flow.wait_for_more(flow.accepted, 100, timeout=120)
        assert flow.ferry.status() == "RUNNING"
        flow.ferry.wait_until(lambda: not flow.ferry.workflow()["warnings"], 60)
        flow.ferry.kafka.stop()
        flow.at(20)
        flow.ferry.kafka.start()
        flow.wait_for_more(flow.accepted, 100, timeout=120)
    flow.oracle.assert_delivered()


def test_stopped_and_started_ten_times_in_the_middle_of_a_backlog(flow):  # noqa: F811
    flow.admin.set(campaignLatencyMs=100)
    with Load(flow.ferry, per_second=80):
        for _ in range(10):
            flow.start()
            flow.wait_for_more(flow.accepted, flow.random.randint(1, 200))
            flow.random_moment()
            flow.ferry.ctl("stop", INGRESS, "--wait")
        flow.start()
    flow.oracle.assert_delivered()
