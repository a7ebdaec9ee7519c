"""Tables and columns made by way of the metadata, as `ferryctl setup dynamics` does it."""

import copy
import uuid

import pytest

from conftest import API

CRM = "Microsoft.Dynamics.CRM."


def label(text):
    return {"@odata.type": CRM + "Label", "LocalizedLabels": [
        {"@odata.type": CRM + "LocalizedLabel", "Label": text, "LanguageCode": 1033}]}


def table(schema="ferry_EmailSend", **changes):
    return {
        "@odata.type": CRM + "EntityMetadata", "SchemaName": schema,
        "DisplayName": label("E-mail sent"), "DisplayCollectionName": label("E-mails sent"),
        "OwnershipType": "UserOwned", "IsActivity": True, "HasActivities": False, "HasNotes": True,
        "IsAvailableOffline": True, "ActivityTypeMask": 1,
        "Attributes": [column("Subject", MaxLength=200, IsPrimaryName=True)], **changes}


def column(schema="ferry_Campaign", kind="String", **more):
    return {"@odata.type": f"{CRM}{kind}AttributeMetadata", "SchemaName": schema,
            "DisplayName": label(schema), "RequiredLevel": {"Value": "None"},
            **({"MaxLength": 100, "FormatName": {"Value": "Text"}} if kind == "String" else {}),
            **more}


def error(reply):
    return reply.json["error"]["code"]


ATTRIBUTES = "EntityDefinitions(LogicalName='ferry_emailsend')/Attributes"


def test_an_activity_table_is_made_with_its_columns_and_used(start):
    sandbox = start("--contacts", 1)
    reply = sandbox.dynamics("POST", "EntityDefinitions", table())
    assert reply.status == 204
    link = reply.headers["OData-EntityId"]
    assert link.startswith(sandbox.urls["dynamics"] + API + "EntityDefinitions(")
    found = sandbox.dynamics("GET", link).json
    assert (found["LogicalName"], found["EntitySetName"]) == ("ferry_emailsend", "ferry_emailsends")
    assert found["IsActivity"] and found["IsCustomEntity"]
    for body in (column("ferry_Url", MaxLength=2000, FormatName={"Value": "Url"}),
                 column("ferry_DateSent", "DateTime", Format="DateAndTime",
                        DateTimeBehavior={"Value": "UserLocal"}),
                 column("ferry_Day", "DateTime", DateTimeBehavior={"Value": "DateOnly"}),
                 column("ferry_Text", "Memo", MaxLength=5000), column("ferry_Count", "Integer")):
        reply = sandbox.dynamics("POST", ATTRIBUTES, body)
        assert reply.status == 204, reply.text
        assert sandbox.dynamics("GET", reply.headers["OData-EntityId"]).json["SchemaName"] == body["SchemaName"]
    contact = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    body = {"subject": "x", "ferry_url": "u" * 2000, "ferry_datesent": "2026-11-21T05:58:31Z",
            "ferry_day": "2026-11-21", "ferry_text": "y", "ferry_count": 3,
            "regardingobjectid_contact_ferry_emailsend@odata.bind": f"/contacts({contact})"}
    assert sandbox.dynamics("POST", "ferry_emailsends", body).status == 204
    row = sandbox.dynamics("GET", "ferry_emailsends").json["value"][0]
    assert {name: row[name] for name in body if "@" not in name} == {
        name: value for name, value in body.items() if "@" not in name}
    body["ferry_url"] += "u"
    assert error(sandbox.dynamics("POST", "ferry_emailsends", body)) == "0x80044331"


def test_columns_are_added_to_a_table_that_was_there(start):
    sandbox = start("--activities", "on", "--contacts", 1)
    assert sandbox.dynamics("POST", "EntityDefinitions(LogicalName='contact')/Attributes",
                            column("ferry_Tier")).status == 204
    rows, _ = sandbox.read("contacts?$select=ferry_tier")
    assert rows[0]["ferry_tier"] is None


def test_customizing_is_published(start):
    sandbox = start("--activities", "on")

    def published():
        return sandbox.admin("GET", "dynamics/ferry_emailsend/count").json["published"]

    for order, body in (("PublishXml", {"ParameterXml": "<importexportxml><entities><entity>ferry_emailsend"
                                                        "</entity></entities></importexportxml>"}),
                        ("PublishAllXml", None)):
        assert published()
        schema = f"ferry_C{uuid.uuid4().hex[:8]}"
        assert sandbox.dynamics("POST", ATTRIBUTES, column(schema)).status == 204
        assert not published()
        assert sandbox.dynamics("POST", order, body).status == 204
        assert published()
    reply = sandbox.dynamics("POST", "PublishXml", {
        "ParameterXml": "<importexportxml><entity>nosuch</entity></importexportxml>"})
    assert reply.status == 400


def test_what_exists_is_not_made_again(start):
    sandbox = start("--activities", "on")
    reply = sandbox.dynamics("POST", "EntityDefinitions", table("ferry_emailSEND"))
    assert (reply.status, error(reply)) == (400, "0x80048403")
    reply = sandbox.dynamics("POST", ATTRIBUTES, column("ferry_cAmpaign"))
    assert (reply.status, error(reply)) == (400, "0x80047013")
    assert sandbox.dynamics("POST", "EntityDefinitions(LogicalName='nosuch')/Attributes",
                            column()).status == 404


BAD_TABLES = [
    ({"SchemaName": "EmailSend"}, 400), ({"SchemaName": "mscrmx_Send"}, 400),
    ({"SchemaName": "ferry_Email-Send"}, 400), ({"SchemaName": None}, 400),
    ({"DisplayName": None}, 400), ({"DisplayCollectionName": {"LocalizedLabels": []}}, 400),
    ({"OwnershipType": "OrganizationOwned"}, 400), ({"HasActivities": True}, 400),
    ({"HasNotes": False}, 400), ({"HasNotes": None}, 400), ({"IsAvailableOffline": None}, 400),
    ({"ActivityTypeMask": 2}, 400), ({"Attributes": []}, 400), ({"nosuch": 1}, 400),
    ({"@odata.type": CRM + "AttributeMetadata"}, 400), ({"IsActivity": False}, 501),
    ({"Attributes": [column("ferry_Name", IsPrimaryName=True)]}, 400),
    ({"Attributes": [column("Subject")]}, 400),
    ({"Attributes": [column("Subject", IsPrimaryName=True), column()]}, 400),
]


@pytest.mark.parametrize("change, status", BAD_TABLES)
def test_a_table_that_breaks_a_rule_is_refused_and_counted(sandbox, change, status):
    body = {name: value for name, value in table(**change).items() if value is not None}
    assert sandbox.dynamics("POST", "EntityDefinitions", body).status == status
    assert sandbox.breaches("dynamics") == (status == 400)
    assert sandbox.dynamics("GET", "EntityDefinitions(LogicalName='ferry_emailsend')").status == 404


BAD_COLUMNS = [
    (column(MaxLength=0), 400), (column(MaxLength=4001), 400), (column("Campaign"), 400),
    (column(FormatName={"Value": "Nosuch"}), 400), (column(nosuch=1), 400),
    (column(DisplayName=None), 400), (column("ferry_When", "DateTime", Format="Time"), 400),
    (column("ferry_Flag", "Boolean"), 501), ({**column(), "@odata.type": None}, 400),
    (column("ferry_When", "DateTime", DateTimeBehavior={"Value": "TimeZoneIndependent"}), 501),
]


@pytest.mark.parametrize("body, status", BAD_COLUMNS)
def test_a_column_that_breaks_a_rule_is_refused_and_counted(sandbox, body, status):
    body = {name: value for name, value in copy.deepcopy(body).items() if value is not None}
    target = "EntityDefinitions(LogicalName='contact')/Attributes"
    assert sandbox.dynamics("POST", target, body).status == status
    assert sandbox.breaches("dynamics") == (status == 400)


def test_who_is_no_customizer_makes_nothing(start):
    sandbox = start("--no-customizer")
    reply = sandbox.dynamics("POST", "EntityDefinitions", table())
    assert (reply.status, error(reply)) == (403, "0x80040220")
    sandbox.admin("POST", "settings", {"noCustomizer": False})
    assert sandbox.dynamics("POST", "EntityDefinitions", table()).status == 204


def test_new_metadata_show_late_but_to_who_asks_for_strong_consistency(start):
    sandbox = start("--metadata-lag-ms", 30000)
    assert sandbox.dynamics("POST", "EntityDefinitions", table()).status == 204
    assert sandbox.dynamics("POST", ATTRIBUTES, column()).status == 204
    target = "EntityDefinitions(LogicalName='ferry_emailsend')"
    assert sandbox.dynamics("GET", target).status == 404
    assert sandbox.dynamics("GET", target, Consistency="Strong").status == 200
    sandbox.admin("POST", "clock", {"advanceSeconds": 31})
    assert sandbox.dynamics("GET", target).status == 200
    assert sandbox.dynamics("GET", ATTRIBUTES + "(LogicalName='ferry_campaign')").status == 200
