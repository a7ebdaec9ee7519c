"""The file of opt-outs that Campaign's export workflow writes."""

import csv
import gzip
import io
import re
import time
import uuid

import pytest

from conftest import running

CHANNELS = ("", "Email", "Fax", "Mobile", "Phone", "PostalMail", "Pushnotification")
NAMES = [f"denyList{channel}" for channel in CHANNELS] + ["ccpaOptOut"]
HEADER = ("externalId,denyList,denyListLastModified,denyListEmail,denyListEmailLastModified,denyListFax,"
          "denyListFaxLastModified,denyListMobile,denyListMobileLastModified,denyListPhone,denyListPhoneLastModified,"
          "denyListPostalMail,denyListPostalMailLastModified,denyListPushnotification,ccpaOptOut,"
          "ccpaOptOutLastModified,lastModified")


@pytest.fixture(scope="module")
def module_sandbox():
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox):
    for what in ("campaign/uploads", "campaign/optouts", "campaign/profile/rows"):
        module_sandbox.admin("DELETE", what)
    return module_sandbox


def profile(sandbox, key=None, **fields):
    key = str(uuid.uuid4()) if key is None else key
    reply = sandbox.campaign("POST", "profile", {"externalId": key, **fields})
    assert reply.status == 201, reply.text
    return key


def some(sandbox):
    """Three who opted out, one who came back, one who never did either, and one without a contact."""
    people = [profile(sandbox, blackListEmail=True), profile(sandbox, blackList=True, ccpaOptOut=True),
              profile(sandbox, blackListPushnotification=True), profile(sandbox, blackListFax=True),
              profile(sandbox), profile(sandbox, "", blackListPhone=True)]
    time.sleep(0.003)
    sandbox.campaign("PATCH", f"profile/{people[3]}", {"blackListFax": False})
    time.sleep(0.003)
    return people


def export(sandbox, folder, **more):
    reply = sandbox.admin("POST", "campaign/optouts/export", {"folder": str(folder), **more})
    assert reply.status == 200, reply.text
    return reply.json["files"][0]


def text(folder, report, encoding="utf-8"):
    data = (folder / report["file"]).read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(encoding)


def rows(folder, report, encoding="utf-8", **dialect):
    return list(csv.DictReader(io.StringIO(text(folder, report, encoding), newline=""), **dialect))


def told(sandbox):
    return sandbox.admin("GET", "campaign/optouts").lines


def wire(name):
    return name.replace("denyList", "blackList")


def test_a_file_holds_what_the_profiles_say_and_the_oracle_says_the_same(sandbox, tmp_path):
    people = some(sandbox)
    report = export(sandbox, tmp_path)
    assert re.fullmatch(r"optout_\d{8}_\d{6}\.csv", report["file"])
    assert text(tmp_path, report).split("\n")[0] == HEADER
    found = rows(tmp_path, report)
    assert [row["externalId"] for row in found] == people
    for row in found[:5]:
        got = sandbox.campaign("GET", f"profile/{row['externalId']}").json
        assert row["lastModified"] == got["lastModified"]
        for name in NAMES:
            assert row[name] == "01"[got[wire(name)]]
            assert row.get(name + "LastModified") == got.get(wire(name) + "LastModified")
    assert {name: report[name] for name in ("rows", "lines", "optedOut", "untouched", "withoutContact", "bad")} == {
        "rows": 6, "lines": 7, "optedOut": 4, "untouched": 1, "withoutContact": 1, "bad": []}
    assert report["bytes"] == (tmp_path / report["file"]).stat().st_size
    lines = text(tmp_path, report).split("\n")
    assert [one["contact"] for one in told(sandbox)] == people[:4] + [""]
    for one in told(sandbox):
        row, = csv.DictReader([HEADER, lines[one["line"] - 1]])
        assert one["file"] == report["file"] and row["externalId"] == one["contact"]
        assert one["values"] == {wire(name): row[name] == "1" for name in NAMES}
        assert one["times"] == {wire(name): row[name + "LastModified"] for name in NAMES
                                if row.get(name + "LastModified")}


def test_the_next_file_holds_what_was_modified_since(sandbox, tmp_path):
    people = some(sandbox)
    assert export(sandbox, tmp_path)["rows"] == 6
    time.sleep(0.003)
    sandbox.campaign("PATCH", f"profile/{people[4]}", {"lastName": "Moe"})
    sandbox.campaign("PATCH", f"profile/{people[0]}", {"blackListEmail": False})
    time.sleep(0.003)
    second = export(sandbox, tmp_path)
    assert [row["externalId"] for row in rows(tmp_path, second)] == [people[0], people[4]]
    assert (second["optedOut"], second["untouched"]) == (0, 1)
    assert export(sandbox, tmp_path)["rows"] == 0, "header only"
    assert export(sandbox, tmp_path, all=True)["rows"] == 6
    sandbox.admin("DELETE", "campaign/optouts")
    assert told(sandbox) == [] and export(sandbox, tmp_path)["rows"] == 6
    assert len(list(tmp_path.iterdir())) == 5


def test_the_query_may_look_at_the_times_of_opt_outs_instead(sandbox, tmp_path):
    people = some(sandbox)
    export(sandbox, tmp_path, since="optOuts")
    time.sleep(0.003)
    sandbox.campaign("PATCH", f"profile/{people[4]}", {"lastName": "Moe"})
    sandbox.campaign("PATCH", f"profile/{people[0]}", {"blackListPhone": True})
    sandbox.campaign("PATCH", f"profile/{people[1]}", {"blackListPushnotification": True})
    report = export(sandbox, tmp_path, since="optOuts")
    assert [row["externalId"] for row in rows(tmp_path, report)] == [people[0]], "push has no time"


@pytest.mark.parametrize("options, dialect, encoding", [
    ({"delimiter": "\t", "names": "blackList"}, {"delimiter": "\t"}, "utf-8"),
    ({"delimiter": ";", "encoding": "windows-1252", "values": "names", "dates": "xml"}, {"delimiter": ";"}, "cp1252"),
    ({"encoding": "ISO-8859-1", "crlf": True, "values": "labels", "dates": "plain"}, {}, "latin-1"),
    ({"bom": True, "gzip": True}, {}, "utf-8-sig"),
    ({"quote": ""}, {"quoting": csv.QUOTE_NONE}, "utf-8"),
])
def test_files_come_in_other_forms(sandbox, tmp_path, options, dialect, encoding):
    people = some(sandbox)
    report = export(sandbox, tmp_path, **options)
    row = rows(tmp_path, report, encoding, **dialect)[0]
    prefix = options.get("names", "denyList")
    forms = {"codes": ("0", "1"), "names": ("false", "true"), "labels": ("No", "Yes")}
    assert row["externalId"] == people[0]
    assert (row[prefix + "Fax"], row[prefix + "Email"]) == forms[options.get("values", "codes")]
    form = {"space": r".{10} .{8}\.\d{3}Z", "xml": r".{10}T.{8}\.\d{3}Z", "plain": ".{10} .{8}"}
    assert re.fullmatch(form[options.get("dates", "space")], row[prefix + "EmailLastModified"])
    assert row[prefix + "FaxLastModified"] == ""
    data = (tmp_path / report["file"]).read_bytes()
    assert (data[:2] == b"\x1f\x8b") == bool(options.get("gzip")) == report["file"].endswith(".csv.gz")
    assert (data.count(b"\r\n") == 7) == bool(options.get("crlf"))


def test_columns_are_renamed_left_out_and_added(sandbox, tmp_path):
    some(sandbox)
    report = export(sandbox, tmp_path, columns={"denyListEmail": "No longer contact by email"},
                    without=["denyListFax", "denyListEmailLastModified", "lastModified"], extra=["denyListOther"])
    header = text(tmp_path, report).split("\n")[0].split(",")
    left = [name for name in HEADER.split(",") if name not in (
        "denyListFax", "denyListEmailLastModified", "lastModified")]
    assert header == [name.replace("denyListEmail", "No longer contact by email") for name in left] + ["denyListOther"]
    row = rows(tmp_path, report)[0]
    assert (row["No longer contact by email"], row["denyListOther"]) == ("1", "0")
    bare = export(sandbox, tmp_path, all=True, header=False, name="optout.csv")
    assert bare["file"] == "optout.csv" and bare["rows"] == 6
    assert not text(tmp_path, bare).startswith("externalId")


def test_bad_rows_are_told_by_their_line(sandbox, tmp_path):
    some(sandbox)
    report = export(sandbox, tmp_path, bad=3)
    lines = text(tmp_path, report).split("\n")
    assert report["bad"] == [3, 5, 7] and report["rows"] == 9
    spoilt = [next(csv.DictReader([HEADER, lines[line - 1]])) for line in report["bad"]]
    assert [[name for name, value in row.items() if value == "banana"] for row in spoilt] == [
        ["denyList"], ["denyListLastModified"], ["denyList"]]


def test_a_file_grows_or_stands_half_there(sandbox, tmp_path):
    for _ in range(200):
        profile(sandbox, blackListEmail=True)
    half = export(sandbox, tmp_path, stopAt=0.5)
    deadline = time.monotonic() + 5
    while True:
        upload, = sandbox.admin("GET", "campaign/uploads").json
        if upload["written"] == upload["size"] // 2:
            break
        assert time.monotonic() < deadline
    assert (tmp_path / half["file"]).stat().st_size == half["bytes"] // 2
    sandbox.admin("POST", "campaign/uploads")
    assert len(rows(tmp_path, half)) == 200
    growing = export(sandbox, tmp_path, all=True, growMs=200)
    sizes = set()
    while (now := (tmp_path / growing["file"]).stat().st_size) < growing["bytes"]:
        sizes.add(now)
        assert time.monotonic() < deadline
    assert len(sizes) > 3 and len(rows(tmp_path, growing)) == 200
    assert len(told(sandbox)) == 400


def test_an_instance_without_times_or_with_the_other_names_exports_the_same_columns(start, tmp_path):
    sandbox = start("--optout-names", "denyList", "--attribute-times", "off")
    profile(sandbox, denyListEmail=True)
    report = export(sandbox, tmp_path)
    assert text(tmp_path, report).split("\n")[0] == HEADER
    row, = rows(tmp_path, report)
    assert row["denyListEmail"] == "1" and row["lastModified"]
    assert {row[name + "LastModified"] for name in NAMES if "Push" not in name} == {""}
    assert told(sandbox)[0]["values"]["denyListEmail"] is True and told(sandbox)[0]["times"] == {}


def test_orders_that_make_no_sense_are_refused(sandbox, tmp_path):
    for order in ({}, {"folder": str(tmp_path / "none")}, {"folder": str(tmp_path), "names": "grayList"},
                  {"folder": str(tmp_path), "since": "x"}, {"folder": str(tmp_path), "values": "x"}):
        assert sandbox.admin("POST", "campaign/optouts/export", order).status == 400
    assert list(tmp_path.iterdir()) == []
