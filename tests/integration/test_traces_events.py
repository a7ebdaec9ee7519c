"""W3C trace context of e-mail events: the name of a trace is the activity's id, in Kafka, at Dynamics and in a reject."""

import re
import uuid

from cutter import Cutter
from exporting import Exporting, sent, text
from test_traces import PARENT, traces
from timeline import NAMESPACE, Timeline

PART = re.compile(rb'traceparent: (\S+)\r\n\r\n\{"activityid":"([0-9a-f-]{36})"')
NAME = "acs_broadlog_20261121_060000.csv"


def trace_of(event, source=""):
    return uuid.uuid5(NAMESPACE, f"{source}/{event}").hex


class Listener(Cutter):
    """Hears what is posted."""

    def __init__(self, url):
        super().__init__(url, "$batch")
        self._heard = []

    def _on_request(self, data, state):
        if "heard" not in state:
            state["heard"] = bytearray()
            self._heard.append(state["heard"])
        state["heard"] += data
        return super()._on_request(data, state)

    def parts(self):
        """[(traceparent, activity id)] of all parts of batches."""
        return [(parent.decode(), activity.decode())
                for connection in self._heard for parent, activity in PART.findall(bytes(connection))]


def read_two_files(ferry, **settings):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp()
    lab = Exporting(ferry)
    lab.events["source"] = "acme"
    ferry.start_reader(**settings)
    lab.start()
    lab.put(NAME, text([sent(row) for row in range(30)]) + "no,row\n")
    lab.put("acs_broadlog_2.csv", text([sent(row) for row in range(30, 60)]))
    lab.wait_until_moved(2)
    return lab


def test_the_events_of_files_carry_their_traces_when_asked(ferry):
    lab = read_two_files(ferry, trace_full_reads="true")
    events = [record["eventId"] for record in lab.committed()]
    parents = [PARENT.fullmatch(parent).groups() for _, parent in traces(ferry, "events.email")]
    assert {trace for trace, _ in parents} == {trace_of(event, "acme") for event in events} and len(events) == 60
    assert len({span for _, span in parents}) == 2, "one of each transaction"
    assert [bool(parent) for _, parent in traces(ferry, f"rejects.{lab.workflow}")] == [True]


def test_what_an_event_costs_is_no_header_unless_it_is_asked_for(ferry):
    lab = read_two_files(ferry)
    assert [parent for _, parent in traces(ferry, "events.email")] == [None] * 60
    (_, parent), = traces(ferry, f"rejects.{lab.workflow}")
    assert PARENT.fullmatch(parent), "a reject has one always"


def test_an_event_keeps_its_trace_to_dynamics_and_to_its_reject(ferry):
    timeline = Timeline(ferry, source="acme")
    ferry.start_sandbox(activities="on", contacts=20)
    listener = Listener(ferry.sandbox.dynamics)
    try:
        writer = ferry.start_events_writer(dynamics_batch_size=25, dynamics_url=listener.url,
                                           dynamics_authority_url=listener.url)
        timeline.start()
        events = timeline.events(timeline.contacts(), 100)
        lost = timeline.event(str(uuid.uuid4()))
        timeline.put([*events, lost])
        timeline.wait_until_written()
        timeline.assert_written(events)
        parts = listener.parts()
    finally:
        listener.close()
    expected = {trace_of(event["eventId"], "acme") for event in [*events, lost]}
    assert {PARENT.fullmatch(parent).group(1) for parent, _ in parts} == expected
    assert all(PARENT.fullmatch(parent).group(1) == activity.replace("-", "") for parent, activity in parts)
    assert len({PARENT.fullmatch(parent).group(2) for parent, _ in parts}) == timeline.batches(), "one a request"
    (_, parent), = ferry.wait_until(lambda: traces(ferry, f"rejects.{timeline.workflow}"))
    rejected = PARENT.fullmatch(parent).group(1)
    assert rejected == trace_of(lost["eventId"], "acme")
    ferry.wait_until(lambda: [line["trace_id"] for line in writer.events("rejected")] == [rejected])
    assert [said for said in ferry.sandbox.admin.breaches() if lost["contactId"] not in said] == []
