"""What Opt-In/Out lives on: conditional writes to Dynamics, Campaign's times of opt-outs and the filter over them."""

import datetime
import time
import urllib.parse
import uuid

import pytest

from conftest import running

FLAGS = ("donotemail", "donotbulkemail", "donotphone", "donotfax", "donotpostalmail", "donotsendmm", "new_nopush")
EVER = "2026-01-01 00:00:00.000Z"
CHANNELS = ("", "Email", "Fax", "Mobile", "Phone", "PostalMail", "Pushnotification")


@pytest.fixture(scope="module")
def module_sandbox():
    with running("--contacts", 400, "--record") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox):
    module_sandbox.admin("DELETE", "faults")
    module_sandbox.admin("DELETE", "campaign/profile/rows")
    module_sandbox.admin("POST", "settings", {"dynamicsClockMs": 0, "campaignClockMs": 0})
    module_sandbox.admin("POST", "stats/reset")
    return module_sandbox


def contact(sandbox, **columns):
    reply = sandbox.admin("POST", "dynamics/contact/rows", {"lastname": "Moe", **columns})
    assert reply.status == 201, reply.text
    return reply.json["id"]


def profile(sandbox, key=None, **fields):
    key = key or str(uuid.uuid4())
    reply = sandbox.campaign("POST", "profile", {"externalId": key, **fields})
    assert reply.status == 201, reply.text
    return key


def since(sandbox, moment, name="byOptOutsSince", **more):
    query = urllib.parse.urlencode({"since_parameter": moment, **more})
    return sandbox.campaign("GET", f"profile/{name}?{query}")


def keys(reply):
    assert reply.status == 200, reply.text
    return [row["externalId"] for row in reply.json["content"]]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(datetime.UTC)


# Dynamics


def test_all_flags_are_booleans_of_contact_and_some_are_true_from_the_start(sandbox):
    reply = sandbox.dynamics("GET", "EntityDefinitions(LogicalName='contact')?$select=LogicalName&$expand="
                                    "Attributes($select=LogicalName,AttributeType)")
    types = {one["LogicalName"]: one["AttributeType"] for one in reply.json["Attributes"]}
    assert {types[flag] for flag in FLAGS} == {"Boolean"}
    rows = sandbox.dynamics("GET", "contacts?$select=" + ",".join(FLAGS)).json["value"]
    for flag in FLAGS:
        assert {row[flag] for row in rows} == {True, False}, flag


def test_a_row_is_read_with_its_etag_and_time_and_written_on_that_condition(sandbox):
    row = contact(sandbox, modifiedon="2026-01-02T03:04:05Z")
    target = f"contacts({row})?$select=donotbulkemail,modifiedon"
    first = sandbox.dynamics("GET", target).json
    assert (first["donotbulkemail"], first["modifiedon"][-1]) == (False, "Z")
    reply = sandbox.dynamics("PATCH", f"contacts({row})", {"donotbulkemail": True}, If_Match=first["@odata.etag"])
    assert (reply.status, reply.body) == (204, b"")
    second = sandbox.dynamics("GET", target).json
    assert second["donotbulkemail"] is True and second["@odata.etag"] != first["@odata.etag"]
    late = sandbox.dynamics("PATCH", f"contacts({row})", {"donotbulkemail": False}, If_Match=first["@odata.etag"])
    assert (late.status, late.json["error"]["code"]) == (412, "0x80060882")
    assert sandbox.dynamics("GET", target).json == second, "a refused write leaves no trace"


def test_a_write_answers_with_what_it_made_when_that_is_asked_for(sandbox):
    row = contact(sandbox)
    time.sleep(1.1)
    before = sandbox.dynamics("GET", f"contacts({row})?$select=modifiedon").json
    reply = sandbox.dynamics("PATCH", f"contacts({row})?$select=donotphone,modifiedon", {"donotphone": True},
                             If_Match=before["@odata.etag"], Prefer="return=representation")
    assert (reply.status, reply.headers["Preference-Applied"]) == (200, "return=representation")
    assert set(reply.json) == {"@odata.context", "@odata.etag", "donotphone", "modifiedon", "contactid"}
    assert reply.json["@odata.etag"] == reply.headers["ETag"] != before["@odata.etag"]
    assert reply.json["modifiedon"] > before["modifiedon"], "cut to seconds, and it moved"
    assert moment(reply.json["modifiedon"]).microsecond == 0 and len(reply.json["modifiedon"]) == 20
    again = sandbox.dynamics("GET", f"contacts({row})?$select=donotphone,modifiedon").json
    assert {name: again[name] for name in ("@odata.etag", "donotphone", "modifiedon")} == {
        name: reply.json[name] for name in ("@odata.etag", "donotphone", "modifiedon")}


def test_a_column_that_is_none_is_refused_before_anything_is_written(sandbox):
    row = contact(sandbox)
    reply = sandbox.dynamics("PATCH", f"contacts({row})?$select=donotfone", {"donotphone": True},
                             If_Match="*", Prefer="return=representation")
    assert (reply.status, reply.json["error"]["code"]) == (400, "0x80060888")
    assert sandbox.breaches("dynamics") == 1
    assert sandbox.dynamics("GET", f"contacts({row})?$select=donotphone").json["donotphone"] is False


def test_a_contact_that_is_gone_comes_back_only_by_a_bare_patch(sandbox):
    row = contact(sandbox, donotfax=True)
    sandbox.admin("DELETE", f"dynamics/contact/rows/{row}")
    for condition in ("*", 'W/"915000"'):
        reply = sandbox.dynamics("PATCH", f"contacts({row})", {"donotfax": False}, If_Match=condition)
        assert (reply.status, reply.json["error"]["code"]) == (404, "0x80040217")
    assert sandbox.dynamics("GET", f"contacts({row})").status == 404
    assert sandbox.dynamics("PATCH", f"contacts({row})", {"donotfax": False}).status == 204
    assert sandbox.dynamics("GET", f"contacts({row})?$select=lastname").json["lastname"] is None


def test_an_equal_value_moves_the_time_and_comes_back_in_the_delta(sandbox):
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=5000"}
    row = contact(sandbox, donotemail=True)
    link = sandbox.dynamics("GET", "contacts?$select=donotemail,modifiedon", **prefer).json["@odata.deltaLink"]
    before = sandbox.dynamics("GET", f"contacts({row})?$select=modifiedon").json["modifiedon"]
    time.sleep(1.1)
    assert sandbox.dynamics("PATCH", f"contacts({row})", {"donotemail": True}, If_Match="*").status == 204
    changed, = sandbox.dynamics("GET", link, Prefer="odata.maxpagesize=5000").json["value"]
    assert changed["contactid"] == row and changed["donotemail"] is True and changed["modifiedon"] > before


# Campaign


@pytest.mark.parametrize("names, prefix", [("blackList", "blackList"), ("denyList", "denyList"), ("both", "denyList")])
def test_a_time_stands_beside_each_attribute_but_push_and_moves_only_with_its_value(start, names, prefix):
    sandbox = start("--optout-names", names)
    attributes = [prefix + channel for channel in CHANNELS] + ["ccpaOptOut"]
    key = profile(sandbox)
    for attribute in attributes:
        before = sandbox.campaign("GET", f"profile/{key}").json
        assert before[attribute] is False
        time.sleep(0.002)
        for value in (False, True, True):
            assert sandbox.campaign("PATCH", f"profile/{key}", {attribute: value}).status == 200
            if value:
                after = sandbox.campaign("GET", f"profile/{key}").json
                moved = {name for name, text in after.items() if name.endswith("LastModified") and
                         text != before[name] and name.startswith((prefix, "ccpa"))}
                mine = set() if "Push" in attribute else {attribute + "LastModified"}
                assert moved == mine | (set() if "ccpa" in attribute else {prefix + "AllLastModified"})
        assert after[attribute] is True
    assert prefix + "PushnotificationLastModified" not in after


def test_the_filter_finds_whose_newest_time_is_as_late(sandbox):
    made = []
    for attribute in ("blackListEmail", "ccpaOptOut", "blackList"):
        made.append(profile(sandbox, **{attribute: True}))
        time.sleep(0.003)
    profile(sandbox, blackListFax=False)
    times = [sandbox.campaign("GET", f"profile/{key}").json[attribute + "LastModified"]
             for key, attribute in zip(made, ("blackListEmail", "ccpaOptOut", "blackList"))]
    assert times == sorted(set(times))
    assert sorted(keys(since(sandbox, EVER))) == sorted(made)
    assert sorted(keys(since(sandbox, times[1]))) == sorted(made[1:]), "as late, or later"
    assert keys(since(sandbox, times[2].replace(" ", "T"))) == made[2:]
    time.sleep(0.003)
    sandbox.campaign("PATCH", f"profile/{made[0]}", {"lastName": "Moe"})
    assert keys(since(sandbox, times[2])) == made[2:], "another field is no opt-out"
    sandbox.campaign("PATCH", f"profile/{made[0]}", {"blackListPhone": True})
    assert sorted(keys(since(sandbox, times[2]))) == sorted([made[0], made[2]])
    count = sandbox.campaign("GET", "profile/byOptOutsSince/_count?since_parameter=" + urllib.parse.quote(times[2]))
    assert count.json == {"count": 2}


def test_the_filter_pages_in_the_order_that_is_asked_for(sandbox):
    made = sorted(profile(sandbox, blackListEmail=True) for _ in range(7))
    page = since(sandbox, EVER, _order="externalId", _lineCount=3, _forcePagination="true")
    found = keys(page)
    while "next" in page.json:
        page = sandbox.campaign("GET", page.json["next"]["href"])
        found += keys(page)
    assert found == made
    newest = since(sandbox, EVER, _order="blackListAllLastModified desc", _lineCount=1)
    last = max(sandbox.campaign("GET", f"profile/{key}").json["blackListAllLastModified"] for key in made)
    assert newest.json["content"][0]["blackListAllLastModified"] == last


def test_push_has_no_time_of_its_own_for_the_filter_to_see(start):
    for flags, seen in (((), 0), (("--optout-filter-times", "all"), 1)):
        sandbox = start(*flags)
        profile(sandbox, blackListPushnotification=True)
        profile(sandbox)
        assert len(keys(since(sandbox, EVER))) == seen


def test_the_filter_has_the_name_that_a_person_gave_it_or_is_not_there(start):
    named = start("--optout-filter", "byConsent")
    profile(named, blackListEmail=True)
    assert len(keys(since(named, EVER, "byConsent"))) == 1
    for sandbox in (named, start("--no-optout-filter")):
        reply = since(sandbox, EVER)
        assert reply.status == 404
        assert reply.text.startswith("RST-360011 An error has occurred - please contact your administrator.\n")


def test_a_time_that_is_none_is_refused(sandbox):
    reply = since(sandbox, "yesterday")
    assert reply.status == 500 and "XTK-170006" in reply.text
    assert sandbox.campaign("GET", "profile/byOptOutsSince").status == 404, "the parameter is missing"
    assert sandbox.breaches("campaign") == 2


# Clocks


def test_each_system_has_a_clock_of_its_own(start):
    sandbox = start("--dynamics-clock-ms", -90000, "--campaign-clock-ms", 45000)
    row = contact(sandbox)
    key = profile(sandbox, blackListEmail=True)

    def ahead():
        got = sandbox.campaign("GET", f"profile/{key}").json
        times = (sandbox.dynamics("GET", f"contacts({row})?$select=modifiedon").json["modifiedon"],
                 got["blackListEmailLastModified"], got["lastModified"])
        return [(moment(text) - now()).total_seconds() for text in times]

    assert ahead() == pytest.approx([-90, 45, 45], abs=3)
    told = sandbox.admin("POST", "settings", {"dynamicsClockMs": 0, "campaignClockMs": -60000}).json
    assert (told["dynamicsClockMs"], told["campaignClockMs"]) == (0, -60000)
    sandbox.dynamics("PATCH", f"contacts({row})", {"donotemail": True}, If_Match="*")
    sandbox.campaign("PATCH", f"profile/{key}", {"blackListEmail": False})
    assert ahead() == pytest.approx([0, -60, -60], abs=3)
