"""The activity tables of e-mail events: metadata, single writes, $batch and CreateMultiple."""

import time
import urllib.parse
import uuid

import pytest

from conftest import API, running

TABLES = ["ferry_emailsend", "ferry_emailopen", "ferry_emailclick", "ferry_emailbounce"]
CAST = "Microsoft.Dynamics.CRM."


@pytest.fixture(scope="module")
def module_sandbox():
    with running("--activities", "on", "--contacts", 20, "--accounts", 2) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox):
    module_sandbox.admin("DELETE", "faults")
    module_sandbox.tokens.clear()
    module_sandbox.admin("POST", "stats/reset")
    return module_sandbox


@pytest.fixture
def contact(sandbox):
    return sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]


def error(reply):
    return reply.json["error"]


def get(sandbox, target, **parameters):
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    reply = sandbox.dynamics("GET", target + query)
    assert reply.status == 200, reply.text
    return reply.json


def send(contact, **more):
    return {"activityid": str(uuid.uuid4()), "subject": "Sent: C42 DM190",
            "regardingobjectid_contact_ferry_emailsend@odata.bind": f"/contacts({contact})",
            "ferry_campaign": "C42", "ferry_delivery": "DM190",
            "ferry_datesent": "2026-11-21T05:58:31Z", **more}


# metadata


def test_without_the_flag_there_are_no_activities(start):
    sandbox = start()
    assert sandbox.dynamics("GET", f"EntityDefinitions(LogicalName='{TABLES[0]}')").status == 404
    assert sandbox.dynamics("GET", "ferry_emailsends").status == 404


def test_the_four_tables_are_activities(sandbox):
    rows = get(sandbox, "EntityDefinitions", **{"$filter": "IsActivity eq true"})["value"]
    assert [row["LogicalName"] for row in rows] == TABLES
    for row in rows:
        assert row["PrimaryIdAttribute"] == "activityid" and row["PrimaryNameAttribute"] == "subject"
        assert row["EntitySetName"] == row["LogicalName"] + "s"
        assert row["HasNotes"] and not row["HasActivities"] and row["ActivityTypeMask"] == 1


def test_columns_show_their_lengths(sandbox):
    target = f"EntityDefinitions(LogicalName='ferry_emailclick')/Attributes/{CAST}"
    strings = get(sandbox, target + "StringAttributeMetadata",
                  **{"$select": "LogicalName,SchemaName,MaxLength"})["value"]
    found = {one["LogicalName"]: (one["SchemaName"], one["MaxLength"]) for one in strings}
    assert found == {"subject": ("Subject", 200), "ferry_campaign": ("ferry_Campaign", 100),
                     "ferry_delivery": ("ferry_Delivery", 100), "ferry_url": ("ferry_Url", 2000),
                     "ferry_mirrorpage": ("ferry_MirrorPage", 2000)}
    times = get(sandbox, target + "DateTimeAttributeMetadata", **{"$select": "LogicalName"})["value"]
    assert "ferry_dateclicked" in {one["LogicalName"] for one in times}


RELATIONS = f"RelationshipDefinitions/{CAST}OneToManyRelationshipMetadata"


def regarding(sandbox, table, target="contact"):
    return get(sandbox, RELATIONS, **{
        "$select": "SchemaName,ReferencingAttribute,ReferencingEntityNavigationPropertyName",
        "$filter": f"ReferencedEntity eq '{target}' and ReferencingEntity eq '{table}'"
                   " and ReferencingAttribute eq 'regardingobjectid'"})["value"]


def test_the_regarding_property_is_found_in_the_metadata(sandbox):
    found, = regarding(sandbox, "ferry_emailopen")
    del found["MetadataId"]
    assert found == {"@odata.type": f"#{CAST}OneToManyRelationshipMetadata",
                     "SchemaName": "contact_ferry_emailopens",
                     "ReferencingAttribute": "regardingobjectid",
                     "ReferencingEntityNavigationPropertyName":
                         "regardingobjectid_contact_ferry_emailopen"}
    assert regarding(sandbox, "ferry_emailopen", "account")[0]["SchemaName"] == "account_ferry_emailopens"
    assert regarding(sandbox, "contact") == []


def test_without_the_cast_only_the_common_properties_show(sandbox):
    assert "SchemaName" in get(sandbox, "RelationshipDefinitions")["value"][0]
    reply = sandbox.dynamics("GET", "RelationshipDefinitions?$select=ReferencingEntity")
    assert (reply.status, sandbox.breaches("dynamics")) == (400, 1)


def test_navigation_properties_may_end_with_the_schema_name(start):
    sandbox = start("--activities", "on", "--regarding-names", "schema", "--contacts", 1)
    found, = regarding(sandbox, "ferry_emailsend")
    name = found["ReferencingEntityNavigationPropertyName"]
    assert name == "regardingobjectid_contact_ferry_EmailSend"
    contact = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    reply = sandbox.dynamics("POST", "ferry_emailsends", send(contact))
    assert (reply.status, error(reply)["code"]) == (400, "0x80048d19")
    body = {"subject": "x", name + "@odata.bind": f"contacts({contact})"}
    assert sandbox.dynamics("POST", "ferry_emailsends", body).status == 204


# one at a time


def test_an_activity_is_created_once(sandbox, contact):
    body = send(contact)
    reply = sandbox.dynamics("POST", "ferry_emailsends", body)
    assert reply.status == 204
    assert reply.headers["OData-EntityId"] == (
        sandbox.urls["dynamics"] + API + f"ferry_emailsends({body['activityid']})")
    reply = sandbox.dynamics("POST", "ferry_emailsends", body)
    assert (reply.status, error(reply)["code"]) == (412, "0x80040237")
    row = get(sandbox, f"ferry_emailsends({body['activityid']})")
    assert row["_regardingobjectid_value"] == contact
    assert (row["activitytypecode"], row["statecode"]) == ("ferry_emailsend", 0)
    assert row["ferry_datesent"] == "2026-11-21T05:58:31Z"
    counted = sandbox.stats("dynamics")["tables"]["ferry_emailsend"]
    assert counted == {"created": 1, "repeated": 1, "refused": 0}
    assert sandbox.breaches("dynamics") == 0


def test_activities_of_all_tables_share_their_ids(sandbox, contact):
    body = send(contact)
    assert sandbox.dynamics("POST", "ferry_emailsends", body).status == 204
    other = {"activityid": body["activityid"], "subject": "x"}
    assert sandbox.dynamics("POST", "ferry_emailopens", other).status == 412
    contact_of_that_id = {"contactid": body["activityid"], "lastname": "Lee"}
    assert sandbox.dynamics("POST", "contacts", contact_of_that_id).status == 204


@pytest.mark.parametrize("change, status, code", [
    ({"ferry_nosuch": 1}, 400, "0x80048d19"),
    ({"subject": "x" * 201}, 400, "0x80044331"),
    ({"ferry_campaign": "\U0001f600" * 51}, 400, "0x80044331"),
    ({"ferry_datesent": "yesterday"}, 400, "0x80048d19"),
    ({"statecode": 1}, 400, "0x80048d19"),
    ({"_regardingobjectid_value": str(uuid.uuid4())}, 400, "0x80048d19"),
    ({"regardingobjectid@odata.bind": f"/contacts({uuid.uuid4()})"}, 400, "0x80048d19"),
    ({"RegardingObjectId_contact_ferry_emailsend@odata.bind": f"/contacts({uuid.uuid4()})"}, 400, "0x80048d19"),
    ({"regardingobjectid_contact_ferry_emailsend@odata.bind": f"/accounts({uuid.uuid4()})"}, 400, "0x80048d19"),
])
def test_a_breach_is_refused_and_counted(sandbox, contact, change, status, code):
    reply = sandbox.dynamics("POST", "ferry_emailsends", send(contact, **change))
    assert (reply.status, error(reply)["code"]) == (status, code)
    assert sandbox.breaches("dynamics") == 1
    assert sandbox.stats("dynamics")["tables"]["ferry_emailsend"]["refused"] == 1


def test_a_contact_that_is_gone_is_404_and_no_breach(sandbox):
    gone = str(uuid.uuid4())
    reply = sandbox.dynamics("POST", "ferry_emailsends", send(gone))
    assert (reply.status, error(reply)["code"]) == (404, "0x80040217")
    assert error(reply)["message"] == f"contact With Id = {gone} Does Not Exist"
    assert sandbox.breaches("dynamics") == 0


def test_parties_are_said_to_be_missing(sandbox, contact):
    body = send(contact, ferry_emailsend_activity_parties=[{"participationtypemask": 11}])
    assert sandbox.dynamics("POST", "ferry_emailsends", body).status == 501


def test_the_timeline_of_a_contact_can_be_asked_for(sandbox):
    people = [row["contactid"] for row in get(sandbox, "contacts")["value"][1:3]]
    bodies = [send(person, subject=f"Sent {at}") for person in people for at in range(3)]
    _, parts = sandbox.batch([("POST", "ferry_emailsends", body) for body in bodies])
    assert [part[0] for part in parts] == [204] * 6
    rows = get(sandbox, "ferry_emailsends", **{
        "$select": "subject,ferry_campaign", "$orderby": "subject",
        "$filter": f"_regardingobjectid_value eq {people[0]} and startswith(subject,'Sent ')"})["value"]
    assert [row["subject"] for row in rows] == ["Sent 0", "Sent 1", "Sent 2"]
    assert {row["activityid"] for row in rows} == {body["activityid"] for body in bodies[:3]}


# $batch


def test_every_part_of_a_batch_has_its_own_answer(sandbox, contact):
    bodies = [send(contact) for _ in range(4)]
    bodies[1]["activityid"] = bodies[0]["activityid"]
    bodies[2] = send(str(uuid.uuid4()))
    operations = [("POST", "ferry_emailsends", body) for body in bodies]
    reply, parts = sandbox.batch(operations, Prefer="odata.continue-on-error")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert [part[0] for part in parts] == [204, 412, 404, 204]
    for at in (0, 3):
        link = sandbox.urls["dynamics"] + API + f"ferry_emailsends({bodies[at]['activityid']})"
        assert parts[at][1] == {"OData-Version": "4.0", "Location": link, "OData-EntityId": link}
        assert parts[at][2] == ""
    assert uuid.UUID(parts[1][1]["REQ_ID"])
    assert '"code":"0x80040237"' in parts[1][2]
    stats = sandbox.stats("dynamics")
    assert stats["calls"]["batch"] == 1
    assert stats["operations"] == {"count": 4, "statuses": {"204": 2, "404": 1, "412": 1}}
    assert stats["tables"]["ferry_emailsend"] == {"created": 2, "repeated": 1, "refused": 1}


def test_without_the_preference_a_batch_stops_with_the_first_fault(sandbox, contact):
    operations = [("POST", "ferry_emailsends", body)
                  for body in (send(contact), send(str(uuid.uuid4())), send(contact))]
    reply, parts = sandbox.batch(operations)
    assert reply.status == 404
    assert [part[0] for part in parts] == [204, 404]


def test_a_thousand_parts_are_the_limit(sandbox, contact):
    operations = [("POST", "ferry_emailopens", {
        "activityid": str(uuid.uuid4()), "subject": "application/http",
        "regardingobjectid_contact_ferry_emailopen@odata.bind": f"/contacts({contact})"})
        for _ in range(1001)]
    before = sandbox.admin("GET", "dynamics/ferry_emailopen/count").json["rows"]
    reply, _ = sandbox.batch(operations)
    assert reply.status == 400
    reply, parts = sandbox.batch(operations[:1000])
    assert reply.status == 200 and [part[0] for part in parts] == [204] * 1000
    assert sandbox.admin("GET", "dynamics/ferry_emailopen/count").json["rows"] == before + 1000


PART = ("--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"POST {API}ferry_emailsends HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
        '{"subject":"x"}\r\n--b1--\r\n')


@pytest.mark.parametrize("change, status", [
    (("--b1--\r\n", "--b1--\r\n"), 200),
    (("\r\n", "\n"), 400),
    (("Content-Transfer-Encoding: binary\r\n", ""), 400),
    (("Content-Type: application/http", "Content-Type: text/plain"), 400),
    (("Content-Type: application/json\r\n", ""), 415),
    ((" HTTP/1.1", ""), 400),
    (("ferry_emailsends", "$batch"), 400),
    (("--b1--\r\n", ""), 400),
])
def test_a_malformed_batch_is_refused_and_counted(sandbox, change, status):
    reply = sandbox.dynamics("POST", "$batch", PART.replace(*change).encode(),
                             Content_Type="multipart/mixed; boundary=b1")
    assert reply.status == status
    assert sandbox.breaches("dynamics") == (status != 200)


def test_a_text_that_looks_like_a_reference_is_a_text(sandbox, contact):
    operations = [("POST", "ferry_emailsends", send(contact, subject="$1", ferry_campaign="$9"))]
    _, parts = sandbox.batch(operations)
    assert parts[0][0] == 204
    operations = [("POST", "ferry_emailsends", {
        "regardingobjectid_contact_ferry_emailsend@odata.bind": "$1"})]
    _, parts = sandbox.batch(operations)
    assert parts[0][0] == 400 and "Content-ID Reference: '$1'" in parts[0][2]


# many at once


def many(*bodies, kind="ferry_emailsend"):
    return {"Targets": [{"@odata.type": CAST + kind, **body} for body in bodies]}


def probe(sandbox, table):
    return get(sandbox, "sdkmessagefilters", **{
        "$select": "sdkmessagefilterid", "@m": "'CreateMultiple'", "@t": f"'{table}'",
        "$filter": "sdkmessageid/name eq @m and primaryobjecttypecode eq @t"})["value"]


def test_create_multiple_is_there_when_switched_on(sandbox, contact):
    action = f"ferry_emailsends/{CAST}CreateMultiple"
    assert probe(sandbox, "ferry_emailsend") == []
    assert sandbox.dynamics("POST", action, many(send(contact))).status == 400
    assert sandbox.breaches("dynamics") == 1
    sandbox.admin("POST", "dynamics/publish", {"table": "ferry_emailsend", "createMultiple": True})
    assert len(probe(sandbox, "ferry_emailsend")) == 1 and probe(sandbox, "ferry_emailopen") == []
    bodies = [send(contact) for _ in range(3)]
    reply = sandbox.dynamics("POST", action, many(*bodies))
    assert reply.json["Ids"] == [body["activityid"] for body in bodies]
    sandbox.admin("POST", "dynamics/publish", {"table": "ferry_emailsend", "createMultiple": False})
    assert probe(sandbox, "ferry_emailsend") == []


def test_the_probe_has_one_form(sandbox):
    reply = sandbox.dynamics("GET", "sdkmessagefilters?$select=sdkmessagefilterid")
    assert reply.status == 501


def test_create_multiple_is_all_or_nothing(start):
    sandbox = start("--activities", "on", "--activity-bulk", "on", "--contacts", 1)
    contact = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    action = f"ferry_emailsends/{CAST}CreateMultiple"
    first = send(contact)
    assert sandbox.dynamics("POST", action, many(first)).status == 200
    for bad, status in ((first, 412), (send(str(uuid.uuid4())), 404), (send(contact, nosuch=1), 400)):
        assert sandbox.dynamics("POST", action, many(send(contact), send(contact), bad)).status == status
    body = many(send(contact), send(contact))
    del body["Targets"][1]["@odata.type"]
    assert sandbox.dynamics("POST", action, body).status == 400
    assert sandbox.admin("GET", "dynamics/ferry_emailsend/count").json["rows"] == 1
    assert sandbox.stats("dynamics")["tables"]["ferry_emailsend"]["created"] == 1


# service protection


def test_a_batch_counts_as_one_request_and_its_time_fully(start):
    sandbox = start("--activities", "on", "--contacts", 1, "--limit-requests", 3, "--limit-exec-ms", 100000,
                    "--operation-us", 1000)
    contact = sandbox.admin("GET", "dynamics/contact/rows?select=contactid").lines[0]["id"]
    operations = [("POST", "ferry_emailsends", send(contact)) for _ in range(50)]
    begun = time.monotonic()
    reply, _ = sandbox.batch(operations, Prefer="odata.continue-on-error")
    assert time.monotonic() - begun >= 0.05
    assert reply.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "2"
    assert float(reply.headers["x-ms-ratelimit-time-remaining-xrm-requests"]) <= 99.95
    assert reply.headers["x-ms-dop-hint"] == "16"


def test_execution_time_runs_out(start):
    sandbox = start("--activities", "on", "--limit-exec-ms", 40, "--operation-us", 30000)
    operations = [("GET", "WhoAmI", None)]
    statuses = [sandbox.batch(operations)[0].status for _ in range(3)]
    assert statuses == [200, 200, 429]
    reply = sandbox.dynamics("GET", "WhoAmI")
    assert (reply.status, error(reply)["code"]) == (429, "0x80072321")
    assert int(reply.headers["Retry-After"]) > 0


def test_the_hint_can_be_changed(start):
    sandbox = start("--dop-hint", 4)
    assert sandbox.dynamics("GET", "WhoAmI").headers["x-ms-dop-hint"] == "4"
    sandbox.admin("POST", "settings", {"dopHint": 0})
    assert "x-ms-dop-hint" not in sandbox.dynamics("GET", "WhoAmI").headers
