"""What Opt-In/Out lives on: conditional writes to Dynamics, Campaign's times of opt-outs and the filter over them."""

import datetime
import http.client
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
    module_sandbox.admin("DELETE", "consent")
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


# Users of either system


def edit(sandbox, *edits):
    reply = sandbox.admin("POST", "consent/edit", {"edits": list(edits)})
    assert reply.status == 200, reply.text
    return reply.json


def by_user(system, person, at=None, **flags):
    return {"system": system, "contact": person, "set": flags} | ({"at": at} if at else {})


def test_users_of_both_systems_change_opt_outs_many_at_once(sandbox):
    people = [contact(sandbox) for _ in range(20)]
    for person in people:
        profile(sandbox, person, blackListFax=True)
    time.sleep(0.003)
    begun = now() - datetime.timedelta(milliseconds=1)
    lost = str(uuid.uuid4())
    told = edit(sandbox, *(by_user("dynamics", one, donotemail=True, donotphone=True) for one in people),
                *(by_user("campaign", one, denyListEmail=True, blackListFax=True) for one in people),
                by_user("dynamics", lost, donotemail=True), by_user("campaign", lost, ccpaOptOut=True))
    assert told == {"edited": 40, "missing": [lost, lost]}
    for person in people:
        row = sandbox.dynamics("GET", f"contacts({person})?$select=donotemail,donotphone,modifiedon").json
        assert row["donotemail"] and row["donotphone"]
        assert moment(row["modifiedon"]) >= begun.replace(microsecond=0)
        got = sandbox.campaign("GET", f"profile/{person}").json
        assert got["blackListEmail"] and got["blackListFax"]
        assert moment(got["blackListEmailLastModified"]) > begun > moment(got["blackListFaxLastModified"]), \
            "what is so already keeps its time"
        assert got["blackListAllLastModified"] == got["blackListEmailLastModified"] <= got["lastModified"]


def test_a_user_changes_it_at_a_time_of_ones_own(sandbox):
    person = contact(sandbox)
    profile(sandbox, person)
    edit(sandbox, by_user("dynamics", person, "2026-03-04T05:06:07Z", donotemail=True),
         by_user("campaign", person, "2026-03-04 05:06:07.890Z", blackListEmail=True))
    row = sandbox.dynamics("GET", f"contacts({person})?$select=modifiedon").json
    assert row["modifiedon"] == "2026-03-04T05:06:07Z"
    got = sandbox.campaign("GET", f"profile/{person}").json
    assert got["blackListEmailLastModified"] == got["blackListAllLastModified"] == "2026-03-04 05:06:07.890Z"
    assert moment(got["lastModified"]) > moment(row["modifiedon"]), "the latest does not go back"


def test_a_user_of_dynamics_is_seen_by_the_delta(sandbox):
    person = contact(sandbox)
    link = sandbox.dynamics("GET", "contacts?$select=donotemail",
                            Prefer="odata.track-changes,odata.maxpagesize=5000").json["@odata.deltaLink"]
    edit(sandbox, by_user("dynamics", person, donotemail=True))
    changed = sandbox.dynamics("GET", link, Prefer="odata.maxpagesize=5000").json["value"]
    assert [(row["contactid"], row["donotemail"]) for row in changed] == [(person, True)]


@pytest.mark.parametrize("wrong", [
    {"system": "sap"}, {"contact": "x"}, {"set": {}}, {"set": {"lastname": True}}, {"set": {"donotemail": 1}},
    {"at": "soon"}, {"system": "campaign"}])
def test_a_malformed_edit_spoils_the_whole_list(sandbox, wrong):
    person = contact(sandbox)
    good = by_user("dynamics", person, donotemail=True)
    reply = sandbox.admin("POST", "consent/edit", {"edits": [good, good | wrong]})
    assert reply.status == 400 and "edits[1]" in reply.json["error"]
    assert sandbox.dynamics("GET", f"contacts({person})?$select=donotemail").json["donotemail"] is False


# The truth about consent

PAIRS = [{"dynamics": "donotbulkemail", "campaign": "denyListEmail"},
         {"dynamics": "donotphone", "campaign": "denyListPhone"}]
COLUMNS = {"donotbulkemail": "blackListEmail", "donotphone": "blackListPhone"}


@pytest.fixture
def watched(sandbox):
    reply = sandbox.admin("POST", "consent", {"pairs": PAIRS})
    assert reply.status == 200, reply.text
    return sandbox


def truth(sandbox):
    """The counts; what is now is counted here a second time, over the rows."""
    told = sandbox.admin("GET", "consent").json
    profiles = {line["key"]: line["values"] for line in sandbox.admin("GET", "campaign/profile/rows").lines}
    differing, mailable = [], set()
    for line in sandbox.admin("GET", "dynamics/contact/rows?select=" + ",".join(COLUMNS)).lines:
        for column, attribute in COLUMNS.items():
            if line["id"] not in profiles:
                continue
            values = (line["columns"][column], profiles[line["id"]].get(attribute, False))
            if values[0] != values[1]:
                differing.append((line["id"], column, values[0], attribute, values[1]))
            if values == (True, False):
                mailable.add(line["id"])
    listed = [(line["contact"], *line["dynamics"].popitem(), *line["campaign"].popitem())
              for line in sandbox.admin("GET", "consent/disagreements").lines]
    assert sorted(listed) == sorted(differing)
    assert {line["contact"] for line in exposed(sandbox) if line["now"]} == mailable
    assert (told["disagreements"], told["mailable"]) == (len(differing), len(mailable))
    return told["mailableAtBirth"], told["everMailable"], told["mailable"], told["disagreements"]


def exposed(sandbox):
    return sandbox.admin("GET", "consent/mailable").lines


def history(sandbox, person):
    return sandbox.admin("GET", f"consent/history?contact={person}").lines


def writes(sandbox, person):
    line, = sandbox.admin("GET", f"consent/writes?contact={person}").lines
    return {(system, name): (counts["client"], counts["admin"]) for system in ("dynamics", "campaign")
            for name, counts in line[system].items() if counts != {"client": 0, "admin": 0}}


def test_a_profile_that_is_born_without_its_opt_out_is_told(watched):
    out, allowed, nobody = contact(watched, donotbulkemail=True), contact(watched), str(uuid.uuid4())
    for person in (out, allowed, nobody):
        profile(watched, person, blackListPhone=True)
    assert truth(watched) == (1, 1, 1, 3)
    one, = exposed(watched)
    assert (one["contact"], one["now"], one["atBirth"], one["untilMs"]) == (out, True, True, None)
    assert abs(one["sinceMs"] / 1000 - time.time()) < 5
    watched.campaign("PATCH", f"profile/{out}", {"blackListEmail": True, "blackListPhone": False})
    assert truth(watched) == (1, 1, 0, 1)
    one, = exposed(watched)
    assert not one["now"] and one["untilMs"] >= one["sinceMs"]
    kept = profile(watched, contact(watched, donotbulkemail=True), blackListEmail=True)
    assert truth(watched) == (1, 1, 0, 1) and kept


def test_whoever_opts_out_can_be_mailed_until_campaign_knows(watched):
    person = profile(watched, contact(watched))
    assert truth(watched) == (0, 0, 0, 0)
    edit(watched, by_user("dynamics", person, donotphone=True))
    assert truth(watched) == (0, 1, 1, 1)
    edit(watched, by_user("campaign", person, blackListPhone=True))
    assert truth(watched) == (0, 1, 0, 0)
    watched.campaign("PATCH", f"profile/{person}", {"blackListPhone": False})
    assert truth(watched) == (0, 1, 1, 1)
    one, = exposed(watched)
    assert (one["periods"], one["atBirth"]) == (2, False)
    watched.admin("DELETE", f"dynamics/contact/rows/{person}")
    assert truth(watched) == (0, 1, 0, 0)


def test_what_is_so_when_the_watch_begins_counts_too(sandbox):
    person = profile(sandbox, contact(sandbox, donotbulkemail=True))
    sandbox.admin("POST", "consent", {"pairs": PAIRS})
    assert truth(sandbox) == (0, 1, 1, 1)
    sandbox.campaign("DELETE", f"profile/{person}")
    assert truth(sandbox) == (0, 1, 0, 0)
    sandbox.campaign("POST", "profile", {"externalId": person})
    assert truth(sandbox) == (1, 1, 1, 1)
    sandbox.admin("DELETE", "campaign/profile/rows")
    assert truth(sandbox) == (1, 1, 0, 0)


def test_a_profile_that_gets_another_key_leaves_its_contact(watched):
    first, second = contact(watched, donotbulkemail=True), contact(watched, donotphone=True)
    pkey = watched.campaign("GET", f"profile/{profile(watched, first)}").json["PKey"]
    assert truth(watched) == (1, 1, 1, 1)
    watched.campaign("PATCH", f"profile/{pkey}", {"externalId": second, "blackListEmail": True})
    assert truth(watched) == (1, 2, 1, 2)


def test_each_write_is_told_with_who_made_it_and_what_was_before(watched):
    person = profile(watched, contact(watched, donotphone=True), blackListPhone=True, lastName="Moe")
    edit(watched, by_user("dynamics", person, "2026-03-04T05:06:07Z", donotbulkemail=True))
    watched.campaign("PATCH", f"profile/{person}", {"blackListEmail": True})
    watched.campaign("PATCH", f"profile/{person}", {"blackListEmail": True, "lastName": "Lee"})
    watched.campaign("PATCH", f"profile/{person}", {"lastName": "Ng"})
    watched.dynamics("PATCH", f"contacts({person})", {"donotphone": False}, If_Match="*")
    told = history(watched, person)
    assert [(one["system"], one["name"], one["from"], one["to"], one["by"]) for one in told] == [
        ("dynamics", "donotphone", None, True, "admin"),
        ("campaign", "blackListPhone", None, True, "client"),
        ("dynamics", "donotbulkemail", False, True, "admin"),
        ("campaign", "blackListEmail", False, True, "client"),
        ("campaign", "blackListEmail", True, True, "client"),
        ("dynamics", "donotphone", True, False, "client")]
    assert [one["seq"] for one in told] == list(range(1, 7))
    assert told[2]["time"] == "2026-03-04T05:06:07Z"
    got = watched.campaign("GET", f"profile/{person}").json
    assert {one["time"] for one in told if one["name"] == "blackListEmail"} == {got["blackListEmailLastModified"]}
    assert writes(watched, person) == {
        ("dynamics", "donotphone"): (1, 1), ("dynamics", "donotbulkemail"): (0, 1),
        ("campaign", "blackListPhone"): (1, 0), ("campaign", "blackListEmail"): (2, 0)}
    assert watched.admin("GET", "consent").json["writes"] == {
        "dynamics": {"client": 1, "admin": 2}, "campaign": {"client": 3, "admin": 0}}


def test_a_refused_write_and_one_whose_answer_is_lost_are_told_apart(watched):
    person = profile(watched, contact(watched))
    etag = watched.dynamics("GET", f"contacts({person})?$select=donotphone").json["@odata.etag"]
    edit(watched, by_user("dynamics", person, donotphone=True))
    late = watched.dynamics("PATCH", f"contacts({person})", {"donotphone": False}, If_Match=etag)
    assert late.status == 412 and writes(watched, person) == {("dynamics", "donotphone"): (0, 1)}
    watched.fault("campaign", "lostReply", count=1, match={"verb": "PATCH"})
    with pytest.raises(http.client.RemoteDisconnected):
        watched.campaign("PATCH", f"profile/{person}", {"blackListPhone": True})
    assert watched.stats("campaign")["faults"] == {"lostReply": 1}
    assert writes(watched, person)[("campaign", "blackListPhone")] == (1, 0)
    assert truth(watched) == (0, 1, 0, 0)


def test_a_change_set_that_is_rolled_back_was_never_written(watched):
    people = [profile(watched, contact(watched, donotphone=value), blackListPhone=value) for value in (True, False)]
    before = [watched.admin("GET", f"consent/history?contact={one}").text for one in people]
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": one,
                "donotphone": False, "donotbulkemail": True} for one in people]
    lost = targets + [dict(targets[0], contactid=str(uuid.uuid4()))]
    reply = watched.dynamics("POST", "contacts/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": lost})
    assert reply.status == 404
    assert truth(watched) == (0, 0, 0, 0) and exposed(watched) == []
    assert [watched.admin("GET", f"consent/history?contact={one}").text for one in people] == before
    assert watched.dynamics("POST", "contacts/Microsoft.Dynamics.CRM.UpdateMultiple",
                            {"Targets": targets}).status == 204
    assert truth(watched) == (0, 2, 2, 3)
    assert writes(watched, people[0])[("dynamics", "donotphone")] == (1, 1)


def test_a_column_may_feed_several_attributes_and_an_attribute_is_spelt_as_the_instance_does(sandbox):
    pairs = [{"dynamics": "new_nopush", "campaign": name} for name in ("denyListPushnotification", "ccpaOptOut")]
    told = sandbox.admin("POST", "consent", {"pairs": pairs}).json
    assert told["pairs"] == [{"dynamics": "new_nopush", "campaign": "blackListPushnotification"},
                             {"dynamics": "new_nopush", "campaign": "ccpaOptOut"}]
    person = profile(sandbox, contact(sandbox, new_nopush=True), blackListPushnotification=True)
    told = sandbox.admin("GET", "consent").json
    assert (told["mailableAtBirth"], told["disagreements"]) == (1, 1)
    assert [(one["name"], one["time"] != "") for one in history(sandbox, person)] == [
        ("new_nopush", True), ("blackListPushnotification", False)]


@pytest.mark.parametrize("pairs", [
    [], [{"dynamics": "lastname", "campaign": "denyList"}], [{"dynamics": "donotfax", "campaign": "lastName"}],
    [{"dynamics": "donotfax"}], PAIRS + [{"dynamics": "donotfone", "campaign": "denyList"}]])
def test_a_watch_over_what_is_no_flag_is_refused(sandbox, pairs):
    assert sandbox.admin("POST", "consent", {"pairs": pairs}).status == 400
    assert sandbox.admin("GET", "consent").json["pairs"] == []
