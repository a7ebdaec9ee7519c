"""ferry-reader against a real sshd and a real Kafka: what it makes of Campaign's exports."""

import datetime
import gzip
import hashlib
import time

import pytest

import exporting
from exporting import Exporting, bounced, contact, lab, origin, running, sent, text, tracked  # noqa: F401 (fixtures)

LAB = Exporting
BROAD = "acs_broadlog_20261121_060000.csv"
TRACKING = "acs_trackinglog_20261121_060000.csv"


def test_events_of_all_kinds_cross_and_the_files_are_moved(lab, ferry):
    reader = ferry.start_reader()
    lab.start()
    broad = text([sent(1), bounced(2), sent(3, status=0)])
    lab.put(BROAD, broad)
    lab.put(TRACKING, text([tracked(4), tracked(5, kind=1), tracked(6, kind=6)]))
    lab.wait_until_moved(2)
    events = {event["eventId"]: event for event in lab.committed()}
    assert sorted(events) == ["bounce:2", "click:5", "open:4", "send:1"]
    send = events["send:1"]
    assert send == {
        "eventId": "send:1", "kind": "SEND", "contactId": contact(1),
        "occurredAt": datetime.datetime(2026, 11, 21, 5, 58, 31, 667000, datetime.timezone.utc),
        "campaign": "2019LoyaltyCamp", "delivery": "DM190",
        "mirrorPageUrl": "https://m.example.com/nl/jsp/m.jsp?c=1", "url": None,
        "file": BROAD, "line": 2, "readAt": send["readAt"]}
    assert events["click:5"]["url"] == "https://www.example.com/offer?id=1"
    assert events["open:4"]["url"] is None and events["open:4"]["mirrorPageUrl"] is None
    assert lab.rejects() == []
    sha256 = hashlib.sha256(broad.encode()).hexdigest()
    assert f"{BROAD}.{sha256[:16]}" in lab.processed()
    mark = lab.marks()[sha256]
    assert (mark["file"], mark["size"], mark["position"]) == (BROAD, len(broad), len(broad))
    assert (mark["done"], mark["line"], mark["events"], mark["rejected"]) == (True, 5, 2, 0)
    counters = ferry.wait_until(lambda: lab.counters()["filesRead"] == 2 and
                                lab.counters())
    assert counters == {
        "filesRead": 2, "filesWaiting": 0, "eventsRead": 4, "recordsRejected": 0,
        "bytesRead": sum(mark["size"] for mark in lab.marks().values()),
        "skipped": {"withoutContact": 0, "switchedOff": 0, "otherKind": 2, "beforeSince": 0}}
    metrics = reader.metrics()
    assert (metrics["ferry_reader_events_total"], metrics["ferry_reader_files_total"]) == (4, 2)
    assert metrics['ferry_reader_rows_skipped_total{reason="otherKind"}'] == 2
    assert metrics["ferry_reader_file_bytes_total"] == counters["bytesRead"]


def test_keys_go_where_those_of_contacts_go(running):
    running.put(BROAD, text([sent(number, externalId=contact(number).upper()) for number in range(200)]))
    running.wait_until_moved()
    messages = running.topics.read("events.email")
    assert {message.key().decode() for message in messages} == {contact(number) for number in range(200)}
    assert len({message.partition() for message in messages}) == 8


def test_nothing_moves_before_go_and_a_stop_stops(lab, ferry):
    ferry.start_reader()
    lab.put(BROAD, text([sent(1)]))
    lab.prepare()
    lab.wait_for_state("READY")
    assert lab.committed() == [] and lab.waiting() == [BROAD]
    lab.order("GO")
    lab.wait_until_moved()
    lab.stop()
    lab.put(TRACKING, text([tracked(1)]))
    time.sleep(1)  # ten looks that must not come
    assert lab.waiting() == [TRACKING]
    lab.start()
    lab.wait_until_moved(2)
    assert lab.ids() == {"send:1": 1, "open:1": 1}


def test_files_of_other_names_are_left_alone(running):
    running.put("profiles.csv", text([sent(1)]))
    (running.sftp.exports / "acs_broadlog_folder").mkdir()
    running.put(BROAD, text([sent(2)]))
    running.ferry.wait_until(lambda: running.processed(), what="the export is moved")
    assert running.waiting() == ["acs_broadlog_folder", "profiles.csv"]
    assert running.ids() == {"send:2": 1}


def test_files_are_read_by_name(lab, ferry):
    names = [f"acs_broadlog_20261121_0{hour}0000.csv" for hour in range(6)]
    for number, name in reversed(list(enumerate(names))):
        lab.put(name, text([sent(number)]))
    reader = ferry.start_reader()
    lab.start()
    lab.wait_until_moved(6)
    assert [line["file"] for line in reader.events("file_read")] == names


def test_finished_files_can_be_left_and_are_not_read_again(ferry):
    lab = Exporting.alone(ferry, finished="leave")
    reader = ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1)]))
    ferry.wait_until(lambda: lab.counters()["filesRead"] == 1)
    reader.stop()
    reader.start()
    lab.put(TRACKING, text([tracked(1)]))
    ferry.wait_until(lambda: lab.counters()["filesRead"] == 2)
    assert lab.waiting() == [BROAD, TRACKING] and lab.processed() == []
    assert lab.ids() == {"send:1": 1, "open:1": 1}
    assert not reader.events("file_known"), "its size and time were enough: it was not copied again"


# The sandbox's own exports: who wrote them did not read this reader.

@pytest.mark.parametrize("options, export", [
    ({"bad": 7}, {}),
    ({"values": "labels", "gzip": True, "extra": ["blackListEmail"]}, {}),
    ({"values": "names", "encoding": "windows-1252", "delimiter": "\t", "crlf": True, "dates": "xml"},
     {"delimiter": "\t", "encoding": "windows-1252"}),
    ({"bom": True, "columns": {"externalId": "External ID"}, "dates": "plain"}, {}),
    ({"growMs": 1500}, {})], ids=["bad rows", "labels", "tabs", "plain dates", "growing"])
def test_what_the_sandbox_exports_is_what_it_tells_of(ferry, options, export):
    ferry.start_sandbox(contacts=300)
    ferry.start_sftp()
    lab = Exporting(ferry, **export)
    lab.events["since"] = 0
    ferry.start_reader()
    lab.start()
    admin = ferry.sandbox.admin
    admin.send_campaign(2000, seed=ferry.seed % 1000)
    files = admin.export(ferry.sftp.exports, **options)
    admin.bounce_late(100)
    lab.wait_until_moved(2)
    names = {name.rpartition(".")[0]: name for name in lab.processed()}  # the next may have the same second
    files += admin.export(ferry.sftp.exports, **{**options, "bad": 0})
    lab.wait_until_moved(len(files))
    told, got = admin.events(), {event["eventId"]: event for event in lab.committed()}
    assert set(got) == set(told) and len(told) > 2000
    seconds = options.get("dates") == "plain"
    for identity, event in got.items():
        wanted = told[identity]
        assert (event["kind"], event["contactId"], event["campaign"], event["delivery"],
                event["mirrorPageUrl"] or "", event["url"] or "") == (
            wanted["kind"], wanted["contact"].lower(), wanted["campaign"], wanted["delivery"],
            wanted["mirrorPage"] or "", wanted.get("url") or "")
        difference = abs(event["occurredAt"] - moment(wanted["at"]))
        assert difference < datetime.timedelta(seconds=1 if seconds else 0.001), identity
    bad = sorted(f"{names[file['file']]}/{line}" for file in files for line in file["bad"])
    assert sorted(message.key().decode() for message in lab.rejects()) == bad
    assert len(bad) >= options.get("bad", 0)
    counters = ferry.wait_until(lambda: lab.counters()["filesRead"] == len(files) and lab.counters())
    assert counters["skipped"]["withoutContact"] == sum(file["withoutContact"] for file in files) > 0
    assert counters["skipped"]["otherKind"] == sum(file["otherKind"] for file in files) > 0


def moment(value):
    """The sandbox tells milliseconds or a text."""
    if isinstance(value, int):
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)
    return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))


# What a file may look like.

def variants():
    rows = [sent(1, deliveryName="Zoë"), sent(2, campaignName="two\nlines, and a comma"), bounced(3)]
    plain = text(rows)
    yield "as Campaign writes it", plain.encode(), {}
    yield "CR LF", text(rows, end="\r\n").encode(), {}
    yield "a byte order mark", b"\xef\xbb\xbf" + plain.encode(), {}
    yield "no newline at the end", plain.rstrip("\n").encode(), {}
    yield "blank lines", plain.replace("\n8", "\n\n \n8").encode() + b"\n\r\n", {}
    yield "everything quoted", text(rows, quoting=1).encode(), {}
    yield "tab separated", text(rows, delimiter="\t").encode(), {"delimiter": "\t"}
    yield "cp1252", plain.encode("cp1252"), {"encoding": "windows-1252"}
    yield "Latin 1", plain.encode("latin-1"), {"encoding": "ISO-8859-1"}
    yield "gzip under any name", gzip.compress(plain.encode()), {}
    yield "gzip of two members", gzip.compress(plain[:300].encode()) + gzip.compress(plain[300:].encode()), {}
    more = [{**row, "newColumn": "whatever"} for row in rows]
    yield "another order and unknown columns", text(more, ["newColumn", *reversed(exporting.DELIVERY)]).encode(), {}
    yield "another case and labels", plain.replace("deliveryLogId", "Delivery log ID", 1).replace(
        "failureType", "Nature of failure", 1).replace("externalId", "EXTERNALID", 1).encode(), {}
    yield "a name of its own", plain.replace("externalId", "CRM id", 1).encode(), {
        "columns": {"externalId": "CRM id"}}
    names = {"1": "Sent", "2": "failed"}
    labelled = [{**row, "status": names[str(row["status"])], "failureType": {0: "Not defined", 2: "Hard"}[
        row["failureType"]]} for row in rows]
    yield "labels of codes", text(labelled).encode(), {}


@pytest.mark.parametrize("what, data, export", list(variants()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_same_rows_are_understood_from(ferry, what, data, export):
    lab = Exporting.alone(ferry, **export)
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, data)
    lab.wait_until_moved()
    events = {event["eventId"]: event for event in lab.committed()}
    assert sorted(events) == ["bounce:3", "send:1", "send:2"], what
    assert events["send:1"]["delivery"] == "Zoë"
    assert events["send:2"]["campaign"] == "two\nlines, and a comma"
    assert events["bounce:3"]["contactId"] == contact(3)
    assert lab.rejects() == []


def test_without_a_quote_character_quotes_are_text(ferry):
    lab = Exporting.alone(ferry, quote="", delimiter=";")
    ferry.start_reader()
    lab.start()
    rows = [sent(1, campaignName='12" vinyl', deliveryLabel="x")]
    lab.put(BROAD, text(rows, delimiter=";", quoting=3, escapechar="\\").replace("\\", ""))
    lab.wait_until_moved()
    assert [event["campaign"] for event in lab.committed()] == ['12" vinyl']


def test_times_without_a_zone_are_those_of_the_configured_one(ferry):
    lab = Exporting.alone(ferry, timezone="America/New_York")
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1, eventDate="2026-11-21 05:58:31"), sent(2, eventDate="2026/11/21"),
                         sent(3, eventDate="20261121"), sent(4, eventDate="2026-11-21T05:58:31.5+01:00"),
                         sent(5, eventDate="2027-07-01 00:00:00")]))
    lab.wait_until_moved()
    times = {event["eventId"]: event["occurredAt"].isoformat() for event in lab.committed()}
    assert times == {"send:1": "2026-11-21T10:58:31+00:00", "send:2": "2026-11-21T05:00:00+00:00",
                     "send:3": "2026-11-21T05:00:00+00:00", "send:4": "2026-11-21T04:58:31.500000+00:00",
                     "send:5": "2027-07-01T04:00:00+00:00"}


def test_rows_that_are_none_of_ours_are_counted_by_reason(lab, ferry):
    lab.events["kinds"] = ["SEND", "CLICK"]
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1), sent(2, externalId=""), sent(3, externalId="12345"), sent(4, status=6),
                         bounced(5), bounced(6, failureType=1),
                         sent(7, eventDate="2026-11-19 23:59:59.999Z")]))
    lab.put(TRACKING, text([tracked(1), tracked(2, kind=1), tracked(3, kind=10), tracked(4, kind=11),
                            tracked(5, kind=3)]))
    lab.wait_until_moved(2)
    assert sorted(lab.ids()) == ["click:2", "click:3", "click:4", "send:1"]
    counters = ferry.wait_until(
        lambda: lab.counters()["filesRead"] == 2 and lab.counters())
    assert counters["skipped"] == {"withoutContact": 2, "switchedOff": 2, "otherKind": 3, "beforeSince": 1}
    assert counters["eventsRead"] == 4 and counters["recordsRejected"] == 0


def test_a_row_that_cannot_be_understood_is_a_reject_with_file_line_and_bytes(running, ferry):
    lines = text([sent(1, eventDate="21/11/2026 05:58"), sent(2, status="Teleported"),
                  bounced(3, failureType=99), sent(4, deliveryLogId="8.12345E+05"), sent(5),
                  sent(6, eventDate="2026-02-30 00:00:00Z")]).encode().splitlines()
    lines.insert(4, b"7,too,short")
    broad, tracking = b"\n".join(lines) + b"\n", text([tracked(1, kind="Fax"), tracked(2)])
    running.put(BROAD, broad)
    running.put(TRACKING, tracking)
    running.wait_until_moved(2)
    assert sorted(running.ids()) == ["open:2", "send:5"]
    rejects = {message.key().decode(): message for message in running.rejects()}
    reasons = {origin: dict(message.headers())["ferry-reason"].decode() for origin, message in rejects.items()}
    assert reasons == {
        origin(BROAD, broad, 2): f"{BROAD}, line 2: eventDate is no date with the year first.",
        origin(BROAD, broad, 3): f"{BROAD}, line 3: status is none that Ferry knows.",
        origin(BROAD, broad, 4): f"{BROAD}, line 4: failureType is none that Ferry knows.",
        origin(BROAD, broad, 5): f"{BROAD}, line 5: The row has 3 columns, and the first line of the file 13.",
        origin(BROAD, broad, 6): f"{BROAD}, line 6: deliveryLogId is no number.",
        origin(BROAD, broad, 8): f"{BROAD}, line 8: eventDate is a day or a time that does not exist.",
        origin(TRACKING, tracking, 2): f"{TRACKING}, line 2: trackingUrlType is none that Ferry knows."}
    short = origin(BROAD, broad, 5)
    assert rejects[short].value() == b"7,too,short"
    assert dict(rejects[short].headers())["ferry-origin"] == short.encode()
    ferry.wait_until(lambda: running.counters()["recordsRejected"] == len(rejects))


def test_bytes_that_are_no_text_are_rejected_as_they_are(running):
    rows = text([sent(1), sent(2), sent(3)]).encode().splitlines(keepends=True)
    rows[2] = rows[2].replace(b"2019LoyaltyCamp", b"2019\xff\xfeCamp")
    running.put(BROAD, b"".join(rows))
    running.wait_until_moved()
    assert sorted(running.ids()) == ["send:1", "send:3"]
    reject, = running.rejects()
    assert reject.value() == rows[2].rstrip(b"\n")
    assert b"campaignName is not in the encoding" in dict(reject.headers())["ferry-reason"]


@pytest.mark.parametrize("what, with_quote", [
    ("p5@", '"p5@'), ("https:", '"https:'), ('"Welcome, ""Ada"""', '"Flash" sale'), ('"Welcome, ""Ada"""', '"Flash')])
def test_a_stray_quote_costs_its_own_line_only(running, what, with_quote):
    rows = text([sent(number) for number in range(1, 2001)]).splitlines(keepends=True)
    assert what in rows[5]
    rows[5] = rows[5].replace(what, with_quote)
    running.put(BROAD, "".join(rows))
    running.wait_until_moved()
    missing = {f"send:{number}" for number in range(1, 2001)} - set(running.ids())
    assert missing == {"send:5"}
    reject, = running.rejects()
    assert reject.key().decode() == origin(BROAD, "".join(rows), 6) and reject.value() == rows[5].rstrip("\n").encode()


def test_a_quote_that_nothing_closes_costs_its_own_line_only(running):
    rows = text([sent(number, deliveryLabel="Welcome") for number in range(1, 2001)]).splitlines(keepends=True)
    rows[5] = rows[5].replace("p5@", '"p5@')
    running.put(BROAD, "".join(rows))
    running.wait_until_moved()
    missing = {f"send:{number}" for number in range(1, 2001)} - set(running.ids())
    assert missing == {"send:5"}
    reject, = running.rejects()
    assert reject.key().decode() == origin(BROAD, "".join(rows), 6)
    assert b"a quote is opened and not closed" in dict(reject.headers())["ferry-reason"]


def test_two_contents_of_one_name_have_rejects_of_their_own(running):
    for count, bad in enumerate(("one", "two"), 1):
        running.put(BROAD, text([sent(1, deliveryLogId=bad)]))
        running.wait_until_moved(count)
    rejects = running.rejects()
    assert len(rejects) == len({reject.key() for reject in rejects}) == 2


def test_a_line_without_end_is_one_reject(running):
    rows = text([sent(1), sent(2)]).splitlines(keepends=True)
    data = rows[0] + rows[1] + "x" * 300_000 + "\n" + rows[2]
    running.put(BROAD, data)
    running.wait_until_moved()
    assert sorted(running.ids()) == ["send:1", "send:2"]
    reject, = running.rejects()
    assert reject.key().decode() == origin(BROAD, data, 3) and len(reject.value()) == 65536
    assert [event["line"] for event in running.committed() if event["eventId"] == "send:2"] == [4]


# Files that come, grow and go.

def test_a_growing_file_is_read_when_it_stands_still(running):
    rows = text([sent(number) for number in range(400)]).splitlines(keepends=True)
    path = running.sftp.exports / BROAD
    with path.open("w") as file:
        for step in range(20):
            file.write("".join(rows[step * 20:step * 20 + 20]))
            file.flush()
            time.sleep(0.05)
        file.write("".join(rows[400:]))
    running.wait_until_moved()
    assert len(running.marks()) == 1, "no half of it was taken for a file"
    assert len(running.ids()) == 400 and set(running.ids().values()) == {1}


def test_the_same_file_under_another_name_is_not_read_again(running, ferry):
    data = text([sent(number) for number in range(50)])
    running.put(BROAD, data)
    running.wait_until_moved()
    running.put("acs_broadlog_20261121_070000.csv", data)
    running.wait_until_moved(2)
    running.put(BROAD, data)  # and once more under the first: a rename does not overwrite
    running.wait_until_moved(3)
    assert set(running.ids().values()) == {1} and len(running.ids()) == 50
    assert running.processed()[1].endswith(".2"), running.processed()


def test_empty_files_and_files_with_a_header_only_are_finished(running):
    running.put("acs_broadlog_1.csv", "")
    running.put("acs_broadlog_2.csv", text([], exporting.DELIVERY))
    running.put("acs_broadlog_3.csv", b"\xef\xbb\xbf")
    running.wait_until_moved(3)
    assert running.committed() == [] and running.rejects() == []
    assert running.status()["warning"] is None


def test_a_file_that_is_replaced_while_it_is_read_is_read_too(lab, ferry):
    """The copy was made of the old one; what comes in its place is another content."""
    old = text([sent(number) for number in range(100000)])
    new = text([sent(number) for number in range(100000, 110000)])
    lab.put(BROAD, old)
    reader = ferry.start_reader()
    lab.start()
    ferry.wait_until(lambda: reader.events("rows_committed"), what="the old one is being read")
    lab.put(BROAD, new)
    assert not reader.events("file_read"), "replaced in the middle"
    lab.wait_until_moved()
    assert len(lab.processed()) == 1, "the old one was gone when it could have been moved"
    assert lab.ids() == {f"send:{number}": 1 for number in range(110000)}


def test_a_truncated_export_is_read_whole_when_it_is_uploaded_again(running, ferry):
    whole = text([sent(number) for number in range(100)])
    running.put(BROAD, whole[:len(whole) // 2 - 20])
    running.wait_until_moved()
    assert 0 < len(running.ids()) < 100
    assert len(running.rejects()) == 1, "the torn row is told"
    running.put(BROAD, whole)
    running.wait_until_moved(2)
    assert set(running.ids()) == {f"send:{number}" for number in range(100)}
    assert set(running.ids().values()) <= {1, 2}


def test_a_cut_gzip_file_gives_what_it_has_and_waits_for_another(running, ferry):
    rows = text([sent(number) for number in range(30000)])
    packed = gzip.compress(rows.encode())
    running.put(BROAD, packed[:len(packed) * 3 // 4])
    running.put(TRACKING, text([tracked(1)]))
    running.wait_for_warning(BROAD, "ends in the middle")
    ferry.wait_until(lambda: running.waiting() == [BROAD], what="the other file is read")
    got = len(running.ids())
    assert 10000 < got < 30000
    running.put(BROAD, packed)
    running.wait_until_moved(2)
    assert set(running.ids()) >= {f"send:{number}" for number in range(30000)}
    ferry.wait_until(lambda: running.status()["warning"] is None, what="the warning is taken back")


def test_what_stands_behind_an_archive_is_a_fault_of_its_file(running, ferry):
    rows = text([sent(number) for number in range(3)]).splitlines(keepends=True)
    packed = gzip.compress("".join(rows[:3]).encode())
    running.put(BROAD, packed + rows[3].encode())
    running.wait_for_warning(BROAD, "behind the end of the archive")
    assert running.waiting() == [BROAD] and running.ids() == {"send:0": 1, "send:1": 1}
    running.put(BROAD, packed + gzip.compress(rows[3].encode()) + bytes(1000))
    running.wait_until_moved()
    assert set(running.ids()) == {"send:0", "send:1", "send:2"}


def test_an_upload_that_rests_within_a_line_is_waited_for(ferry):
    lab = Exporting.alone(ferry)
    ferry.start_reader(sftp_poll_interval_ms=500)
    lab.start()
    whole = text([sent(1), sent(2)])
    torn = whole[:-len("=2\n")]
    lab.put(BROAD, torn)
    time.sleep(1.7)  # three looks
    assert lab.ids() == {}
    lab.put(BROAD, whole)
    lab.wait_until_moved()
    assert {event["eventId"]: event["mirrorPageUrl"] for event in lab.committed()}["send:2"].endswith("c=2")
    assert len(lab.marks()) == 1


def test_a_known_file_is_read_again_when_an_order_asks_for_more(lab, ferry):
    lab.events["kinds"] = ["SEND"]
    lab.events["since"] += 86400_000
    reader = ferry.start_reader()
    lab.start()
    broad = text([sent(1), sent(2, eventDate="2026-11-20 10:00:00Z"), bounced(3)])
    other = text([sent(4)])
    lab.put(BROAD, broad)
    lab.put("acs_broadlog_other.csv", other)
    lab.wait_until_moved(2)
    assert lab.ids() == {"send:1": 1, "send:4": 1}
    for since, kinds, ids in ((-86400_000, ["SEND"], {"send:1": 2, "send:2": 1, "send:4": 1}),
                              (0, ["SEND", "BOUNCE"], {"send:1": 3, "send:2": 2, "bounce:3": 1, "send:4": 1})):
        lab.stop()
        lab.events["since"] += since
        lab.events["kinds"] = kinds
        lab.start()
        moved = len(lab.processed())
        lab.put(BROAD, broad)
        lab.put("acs_broadlog_other.csv", other)
        lab.wait_until_moved(moved + 2)
        assert lab.ids() == ids
        ferry.wait_until(lambda: lab.counters().get("eventsRead") == len(ids), what="each row is counted once")
    assert len(reader.events("file_known")) == 2, "the other one missed nothing"


# What stops a file, and nothing else.

def test_a_missing_column_stops_only_its_file(running, ferry):
    reader = ferry.servers[-1]
    columns = [name for name in exporting.DELIVERY if name != "externalId"]
    running.put(BROAD, text([sent(1)], columns))
    running.put(TRACKING, text([tracked(1)]))
    warning = running.wait_for_warning(BROAD, "externalId")
    assert warning["class"] == "schema" and "columns" in warning["action"]
    ferry.wait_until(lambda: running.waiting() == [BROAD], what="the other file is read")
    assert running.ids() == {"open:1": 1}
    assert running.status()["state"] == "RUNNING"
    ferry.wait_until(lambda: running.counters()["filesWaiting"] == 1)
    assert len(reader.events("file_faulty")) == 1, "told once, not at each look"
    running.put(BROAD, text([sent(1)]))
    running.wait_until_moved(2)
    ferry.wait_until(lambda: running.status()["warning"] is None)


def test_a_wrong_delimiter_is_named(running):
    running.put(BROAD, text([sent(1)], delimiter=";"))
    warning = running.wait_for_warning(BROAD, "deliveryLogId", 'separated by ","')
    assert "delimiter" in warning["action"]
    assert running.committed() == [] and running.waiting() == [BROAD]


def test_a_file_without_line_feeds_is_named(running):
    running.put(BROAD, text([sent(1), sent(2)], end="\r"))
    running.wait_for_warning(BROAD, "carriage returns alone")
    assert running.waiting() == [BROAD], "not taken for one that has no rows"


def test_a_file_in_utf16_is_named(running):
    running.put(BROAD, text([sent(1)]).encode("utf-16"))
    running.wait_for_warning(BROAD, "UTF-16")


def test_a_file_that_may_not_be_read_does_not_hold_up_the_others(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp(denied=["rename"])
    lab = Exporting(ferry)
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1)]))
    warning = lab.wait_for_warning("rename", BROAD, "permission denied")
    assert warning["class"] == "permission"
    lab.put(TRACKING, text([tracked(1)]))
    ferry.wait_until(lambda: len(lab.ids()) == 2, what="both are read, though none can be moved")
    time.sleep(1)  # ten more looks
    assert lab.ids() == {"send:1": 1, "open:1": 1}


def test_names_that_could_lead_elsewhere_are_left_alone_and_told_once(running, ferry):
    (running.sftp.exports / "acs_broadlog_\x1b[2J.csv").write_text(text([sent(1)]))
    running.put(BROAD, text([sent(2)]))
    reader = ferry.servers[-1]
    ferry.wait_until(lambda: reader.events("file_moved"))
    time.sleep(1)  # ten more looks
    assert running.ids() == {"send:2": 1}
    assert len(reader.events("file_names_unfit")) == 1


def test_events_name_their_schema_in_the_registry(ferry, registry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp()
    ferry.use_registry(registry)
    lab = Exporting(ferry)
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1)]))
    lab.wait_until_moved()
    message, = lab.topics.read("events.email")
    assert message.value()[0] == 0, "Confluent's framing"
    assert lab.ids() == {"send:1": 1}


# Checkpoints.

def test_old_checkpoints_expire_but_not_that_of_a_file_that_is_still_there(ferry):
    lab = Exporting.alone(ferry, finished="leave")
    month = 31 * 86400_000
    now = int(time.time() * 1000)
    data = text([sent(1)])
    sha256 = hashlib.sha256(data.encode()).hexdigest()
    mark = {"size": 1, "position": 1, "line": 2, "done": True, "events": 1, "rejected": 0, "modifiedAt": 1}
    lab.put(BROAD, data)
    lab.plant_mark("a" * 64, {**mark, "file": "gone.csv", "doneAt": now - month})
    lab.plant_mark("b" * 64, {**mark, "file": "young.csv", "doneAt": now - 86400_000})
    lab.plant_mark("c" * 64, {**mark, "file": "unfinished.csv", "done": False, "beganAt": now - month})
    lab.plant_mark("d" * 64, {**mark, "file": "another.csv", "done": False, "beganAt": now - 86400_000})
    lab.plant_mark(sha256, {**mark, "file": BROAD, "size": len(data), "doneAt": now - month})
    ferry.start_reader()
    lab.start()
    ferry.wait_until(lambda: not {"a" * 64, "c" * 64} & set(lab.marks()), what="the old ones are tombstones")
    time.sleep(1)
    assert set(lab.marks()) == {"b" * 64, "d" * 64, sha256}
    assert lab.committed() == [], "what was done before is not read again"


def test_a_restart_goes_on_behind_what_is_committed(lab, ferry):
    reader = ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(number) for number in range(100000)]))
    ferry.wait_until(lambda: reader.events("rows_committed"))
    reader.stop()
    half = sum(lab.ids().values())
    assert 0 < half < 100000, "stopped in the middle"
    mark, = lab.marks().values()
    assert (mark["done"], mark["events"]) == (False, half)
    reader.start()
    lab.wait_until_moved()
    assert lab.ids() == {f"send:{number}": 1 for number in range(100000)}
    assert [event["line"] for event in sorted(lab.committed(), key=lambda one: int(one["eventId"][5:]))] == list(
        range(2, 100002))
