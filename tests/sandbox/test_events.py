"""Mails, what comes of them, and the files of Campaign's export workflow."""

import collections
import csv
import datetime
import gzip
import io
import re
import time
import uuid

import pytest

from conftest import running

DELIVERY = ("deliveryLogId,externalId,email,status,failureType,failureReason,eventDate,lastModified,"
            "deliveryName,deliveryLabel,campaignName,campaignLabel,mirrorPageUrl")
TRACKING = ("trackingLogId,deliveryLogId,externalId,trackingUrlType,logDate,url,urlLabel,deliveryName,"
            "campaignName,mirrorPageUrl")
KINDS = {"1": "CLICK", "10": "CLICK", "11": "CLICK", "2": "OPEN"}
NOBODY = {"withoutContact": 0, "softBounces": 0, "hardBounces": 0, "pending": 0, "opens": 0,
          "clicks": 0, "mirrorPages": 0, "optOuts": 0}


@pytest.fixture(scope="module")
def module_sandbox():
    with running("--contacts", 200) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox):
    module_sandbox.admin("DELETE", "campaign/uploads")
    module_sandbox.admin("DELETE", "campaign/events")
    return module_sandbox


def send(sandbox, count=200, **more):
    reply = sandbox.admin("POST", "campaign/send", {"count": count, **more})
    assert reply.status == 200, reply.text
    return reply.json


def export(sandbox, folder, **more):
    reply = sandbox.admin("POST", "campaign/export", {"folder": str(folder), **more})
    assert reply.status == 200, reply.text
    return reply.json["files"]


def events(sandbox):
    return sandbox.admin("GET", "campaign/events").lines


def text(folder, report, encoding="utf-8"):
    data = (folder / report["file"]).read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(encoding)


def rows(folder, report, encoding="utf-8", **dialect):
    return list(csv.DictReader(io.StringIO(text(folder, report, encoding), newline=""), **dialect))


def is_contact(row):
    return re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["externalId"])


def meant(delivery, tracking):
    """The identities that a reader of the files would make of them."""
    found = set()
    for row in filter(is_contact, delivery):
        if row["status"] == "1":
            found.add("send:" + row["deliveryLogId"])
        elif row["status"] == "2" and row["failureType"] == "2":
            found.add("bounce:" + row["deliveryLogId"])
    for row in filter(is_contact, tracking):
        if row["trackingUrlType"] in KINDS:
            found.add(KINDS[row["trackingUrlType"]].lower() + ":" + row["trackingLogId"])
    return found


def test_files_hold_what_was_sent_and_the_oracle_says_the_same(sandbox, tmp_path):
    told = send(sandbox)
    assert told["delivery"] == "DM190" and told["deliveryLogs"] == 200 and told["trackingLogs"] > 100
    assert events(sandbox) == [], "nothing was exported"
    delivery, tracking = export(sandbox, tmp_path)
    assert text(tmp_path, delivery).split("\n")[0] == DELIVERY
    assert text(tmp_path, tracking).split("\n")[0] == TRACKING
    assert re.fullmatch(r"acs_broadlog_\d{8}_\d{6}\.csv", delivery["file"])
    assert re.fullmatch(r"acs_trackinglog_\d{8}_\d{6}\.csv", tracking["file"])
    sent, tracked = rows(tmp_path, delivery), rows(tmp_path, tracking)
    assert (len(sent), len(tracked)) == (delivery["rows"], tracking["rows"]) == (200, told["trackingLogs"])
    assert len({row["externalId"] for row in sent if is_contact(row)}) > 150
    assert {row["status"] for row in sent} == {"1", "2", "6"}
    assert {row["trackingUrlType"] for row in tracked} == {"1", "2", "3", "6", "10", "11"}
    expected = events(sandbox)
    assert {one["identity"] for one in expected} == meant(sent, tracked)
    assert len(expected) == delivery["events"] + tracking["events"]
    for report, found in ((delivery, sent), (tracking, tracked)):
        assert report["events"] + report["withoutContact"] + report["otherKind"] == len(found)
        assert report["bytes"] == (tmp_path / report["file"]).stat().st_size
        assert report["lines"] == text(tmp_path, report).count("\n")
    by_id = {row["trackingLogId"]: row for row in tracked}
    for one in expected:
        if one["kind"] != "CLICK":
            continue
        row = by_id[str(one["log"])]
        assert (one["contact"], one["url"], one["mirrorPage"], one["delivery"], one["campaign"]) == (
            row["externalId"], row["url"], row["mirrorPageUrl"], row["deliveryName"], row["campaignName"])
        assert one["at"] == row["logDate"].replace(" ", "T")


def test_contacts_of_events_are_in_dynamics(sandbox, tmp_path):
    send(sandbox)
    export(sandbox, tmp_path)
    contacts = {line["id"] for line in sandbox.admin("GET", "dynamics/contact/rows?select=x").lines}
    assert {one["contact"] for one in events(sandbox)} <= contacts


def test_what_was_exported_is_not_exported_again_but_for_the_boundary(sandbox, tmp_path):
    send(sandbox, 50, **NOBODY)
    first, _ = export(sandbox, tmp_path)
    send(sandbox, 10, **NOBODY)
    second, empty = export(sandbox, tmp_path, repeat=3)
    before, after = rows(tmp_path, first), rows(tmp_path, second)
    assert after[:3] == before[-3:] and len(after) == 13
    assert text(tmp_path, empty) == TRACKING + "\n", "header only"
    everything, _ = export(sandbox, tmp_path, all=True)
    assert rows(tmp_path, everything) == before + after[3:]
    assert len({first["file"], second["file"], everything["file"]}) == 3
    assert len(events(sandbox)) == 60


def test_a_mail_bounces_late(sandbox, tmp_path):
    send(sandbox, 100, **{**NOBODY, "withoutContact": 0})
    first, _ = export(sandbox, tmp_path, logs="both")
    time.sleep(0.002)
    assert sandbox.admin("POST", "campaign/bounce", {"count": 7, "seed": 3}).json == {"bounced": 7}
    second, = export(sandbox, tmp_path, logs="delivery", repeat=0)
    old = {row["deliveryLogId"]: row for row in rows(tmp_path, first)}
    for row in rows(tmp_path, second):
        was = old[row["deliveryLogId"]]
        assert (was["status"], row["status"], row["failureType"]) == ("1", "2", "2")
        assert row["lastModified"] > was["lastModified"] and row["eventDate"] == was["eventDate"]
    assert second["rows"] == 7
    assert collections.Counter(one["kind"] for one in events(sandbox)) == {"SEND": 100, "BOUNCE": 7}


def test_a_mail_that_bounced_before_it_was_exported_was_never_sent(sandbox, tmp_path):
    send(sandbox, 20, **NOBODY)
    sandbox.admin("POST", "campaign/bounce", {"count": 20})
    export(sandbox, tmp_path)
    assert {one["kind"] for one in events(sandbox)} == {"BOUNCE"}


def test_the_same_seed_gives_the_same_mails(sandbox, tmp_path):
    seen = []
    for _ in range(2):
        sandbox.admin("DELETE", "campaign/events")
        send(sandbox, 50, seed=9)
        export(sandbox, tmp_path)
        seen.append([(one["identity"], one["contact"]) for one in events(sandbox)])
    assert seen[0] == seen[1] and seen[0]


@pytest.mark.parametrize("options, dialect, encoding", [
    ({"delimiter": "\t"}, {"delimiter": "\t"}, "utf-8"),
    ({"delimiter": ";", "encoding": "windows-1252"}, {"delimiter": ";"}, "cp1252"),
    ({"encoding": "ISO-8859-1", "crlf": True}, {}, "latin-1"),
    ({"bom": True, "gzip": True}, {}, "utf-8-sig"),
    ({"quote": "'"}, {"quotechar": "'"}, "utf-8"),
])
def test_files_come_in_other_forms(sandbox, tmp_path, options, dialect, encoding):
    send(sandbox)
    delivery, tracking = export(sandbox, tmp_path, **options)
    sent, tracked = (rows(tmp_path, one, encoding, **dialect) for one in (delivery, tracking))
    assert {row["deliveryLabel"] for row in sent} == {'Welcome, "Ada"\nand café'}
    assert "Café \"12\" sizes" in {row["urlLabel"] for row in tracked}
    assert meant(sent, tracked) == {one["identity"] for one in events(sandbox)}
    data = (tmp_path / delivery["file"]).read_bytes()
    assert (data[:2] == b"\x1f\x8b") == bool(options.get("gzip"))
    assert (data.count(b"\r\n") == 201) == bool(options.get("crlf"))
    assert delivery["file"].endswith(".csv.gz") == bool(options.get("gzip"))


def test_without_quotes_a_quote_is_a_text(sandbox, tmp_path):
    send(sandbox)
    delivery, tracking = export(sandbox, tmp_path, quote="", delimiter="\t")
    sent, tracked = (rows(tmp_path, one, quoting=csv.QUOTE_NONE, delimiter="\t") for one in (delivery, tracking))
    assert {row["deliveryLabel"] for row in sent} == {'Welcome, "Ada" and café'}
    assert meant(sent, tracked) == {one["identity"] for one in events(sandbox)}


def test_values_come_as_names_or_labels_and_dates_in_three_forms(sandbox, tmp_path):
    send(sandbox)
    for values, statuses, types in (
            ("names", {"sent", "failed", "pending"}, {"open", "click", "mirrorPage", "optout"}),
            ("labels", {"Sent", "Failed", "Pending"}, {"Open", "Email click", "Mirror page", "Opt-out"})):
        delivery, tracking = export(sandbox, tmp_path, all=True, values=values)
        assert {row["status"] for row in rows(tmp_path, delivery)} == statuses
        assert {row["trackingUrlType"] for row in rows(tmp_path, tracking)} == types
    for dates, form in (("space", "%Y-%m-%d %H:%M:%S.%fZ"), ("xml", "%Y-%m-%dT%H:%M:%S.%fZ"),
                        ("plain", "%Y-%m-%d %H:%M:%S")):
        delivery, _ = export(sandbox, tmp_path, all=True, dates=dates)
        row = rows(tmp_path, delivery)[0]
        at = datetime.datetime.strptime(row["eventDate"], form)
        assert abs(at - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) < datetime.timedelta(seconds=90)


def test_columns_are_renamed_left_out_and_added(sandbox, tmp_path):
    send(sandbox, 5)
    delivery, = export(sandbox, tmp_path, logs="delivery", columns={"externalId": "External ID"},
                       without=["email"], extra=["blackListEmail", "unknown"])
    row = rows(tmp_path, delivery)[0]
    assert {"External ID", "blackListEmail", "unknown"} <= set(row)
    assert not {"externalId", "email"} & set(row)
    bare, = export(sandbox, tmp_path, logs="delivery", all=True, header=False)
    assert text(tmp_path, bare).startswith("812001,") and bare["rows"] == 5


def test_bad_rows_are_told_by_their_line(sandbox, tmp_path):
    send(sandbox, 20, label="two\nlines")
    delivery, tracking = export(sandbox, tmp_path, bad=5)
    for report in (delivery, tracking):
        lines = text(tmp_path, report).split("\n")
        assert len(report["bad"]) == 5
        assert all("banana" in lines[line - 1] for line in report["bad"])
        assert text(tmp_path, report).count("banana") == 5
    assert delivery["rows"] == 25


def test_a_file_appears_at_once_or_in_its_place_or_grows(sandbox, tmp_path):
    send(sandbox, 2000)
    whole, = export(sandbox, tmp_path, logs="delivery", all=True)
    size = (tmp_path / whole["file"]).stat().st_size
    placed, = export(sandbox, tmp_path, logs="delivery", all=True, atomic=False)
    assert (tmp_path / placed["file"]).stat().st_size == size
    growing, = export(sandbox, tmp_path, logs="delivery", all=True, growMs=200)
    seen = set()
    deadline = time.monotonic() + 5
    while (now := (tmp_path / growing["file"]).stat().st_size) < size:
        seen.add(now)
        assert time.monotonic() < deadline
    assert len(seen) > 5
    while sandbox.admin("GET", "campaign/uploads").json:
        assert time.monotonic() < deadline
    assert {text(tmp_path, one) for one in (whole, placed, growing)} == {text(tmp_path, whole)}
    assert not list(tmp_path.glob(".*"))


def test_half_a_file_is_completed_late_or_never(sandbox, tmp_path):
    send(sandbox, 100)
    half, = export(sandbox, tmp_path, logs="delivery", stopAt=0.5)
    path = tmp_path / half["file"]
    upload, = sandbox.admin("GET", "campaign/uploads").json
    deadline = time.monotonic() + 5
    while upload["written"] < upload["size"] // 2:
        assert time.monotonic() < deadline
        upload, = sandbox.admin("GET", "campaign/uploads").json
    assert path.stat().st_size == upload["written"] == upload["size"] // 2
    sandbox.admin("POST", "campaign/uploads")
    assert path.stat().st_size == half["bytes"] and len(rows(tmp_path, half)) == 100
    never, = export(sandbox, tmp_path, logs="delivery", all=True, stopAt=0.3, deliveryName="acs_broadlog_x.csv")
    assert never["file"] == "acs_broadlog_x.csv"
    sandbox.admin("DELETE", "campaign/uploads")
    assert (tmp_path / never["file"]).stat().st_size < never["bytes"]
    assert not list(tmp_path.glob(".*"))


def test_profiles_can_be_sent_to_instead(sandbox, tmp_path):
    person = str(uuid.uuid4())
    assert sandbox.admin("POST", "campaign/send", {"count": 1, "from": "profiles"}).status == 400
    sandbox.admin("POST", "campaign/profile/rows", {"externalId": person})
    send(sandbox, 3, **{"from": "profiles", **NOBODY})
    export(sandbox, tmp_path)
    assert [one["contact"] for one in events(sandbox)] == [person] * 3
    sandbox.admin("DELETE", "campaign/profile/rows")


def test_orders_that_make_no_sense_are_refused(sandbox, tmp_path):
    for order in ({}, {"folder": str(tmp_path / "none")}, {"folder": str(tmp_path), "encoding": "EBCDIC"},
                  {"folder": str(tmp_path), "values": "x"}, {"folder": str(tmp_path), "quote": "ab"}):
        assert sandbox.admin("POST", "campaign/export", order).status == 400
    assert list(tmp_path.iterdir()) == []
