"""ferry-reader against a real sshd and a real Kafka: what it makes of Campaign's exports."""

import datetime

import pytest

import exporting
from exporting import Exporting, bounced, contact, sent, text, tracked


@pytest.fixture
def lab(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp()
    return Exporting(ferry)


def test_events_of_all_kinds_cross_and_the_files_are_moved(lab, ferry):
    ferry.start_reader()
    lab.start()
    lab.put("acs_broadlog_20261121_060000.csv", text([sent(1), bounced(2), sent(3, status=0)]))
    lab.put("acs_trackinglog_20261121_060000.csv", text([tracked(4), tracked(5, kind=1), tracked(6, kind=6)]))
    lab.wait_until_moved(2)
    events = {event["eventId"]: event for event in lab.committed()}
    assert sorted(events) == ["bounce:2", "click:5", "open:4", "send:1"]
    send = events["send:1"]
    assert send == {
        "eventId": "send:1", "kind": "SEND", "contactId": contact(1),
        "occurredAt": datetime.datetime(2026, 11, 21, 5, 58, 31, 667000, datetime.timezone.utc),
        "campaign": "2019LoyaltyCamp", "delivery": "DM190",
        "mirrorPageUrl": "https://m.example.com/nl/jsp/m.jsp?c=1", "url": None,
        "file": "acs_broadlog_20261121_060000.csv", "line": 2, "readAt": send["readAt"]}
    assert events["click:5"]["url"] == "https://www.example.com/offer?id=1"
    assert events["open:4"]["url"] is None and events["open:4"]["mirrorPageUrl"] is None
    assert lab.rejects() == []
    status = ferry.wait_until(lambda: lab.status()["counters"]["filesRead"] == 2 and lab.status())
    assert status["counters"] == {
        "filesRead": 2, "filesWaiting": 0, "bytesRead": sum(mark["size"] for mark in lab.marks().values()),
        "eventsRead": 4, "recordsRejected": 0,
        "skipped": {"withoutContact": 0, "switchedOff": 0, "otherKind": 2, "beforeSince": 0}}
