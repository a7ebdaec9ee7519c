"""Microsoft's own Python client, by TLS, against the sandbox's Dataverse and Entra ID."""

import uuid

import pytest
from stranger import Refused


@pytest.fixture
def admin(dynamics_by_tls):
    return dynamics_by_tls.admin


@pytest.fixture
def calls(admin):
    """How many requests of a kind there have been in this test."""
    return lambda kind: admin.stats()["dynamics"]["calls"][kind]


def names(rows):
    return sorted(row["fullname"] for row in rows)


def test_it_finds_the_token_endpoint_and_asks_for_one_token(new_microsoft, microsoft, calls):
    client = new_microsoft()
    for _ in range(3):
        assert len(client("records.list", "account", select=["name"])) == 5
    assert calls("token") == 2  # the discovery document, the token


def test_a_wrong_secret_is_refused_with_the_code_of_entra(new_microsoft, microsoft, breaches):
    breaches += ["AADSTS7000215"]
    with pytest.raises(Refused, match="ClientAuthenticationError.*AADSTS7000215.*Invalid client secret"):
        new_microsoft(secret="wrong")("records.list", "account", select=["name"])


def test_a_contact_lives_and_dies(microsoft, admin, calls):
    contact = microsoft("records.create", "contact", {
        "firstname": "Zoë", "lastname": "O'Neil 🌊", "emailaddress1": "zoe@example.com",
        "donotbulkemail": True, "preferredcontactmethodcode": "Email"})
    columns = admin.row("contact", contact)["columns"]
    assert columns["fullname"] == "Zoë O'Neil 🌊" and columns["donotbulkemail"] is True
    assert columns["preferredcontactmethodcode"] == 2  # from the label, by its own look at metadata

    read = microsoft("records.retrieve", "contact", contact,
                     select=["lastname", "preferredcontactmethodcode", "birthdate"],
                     include_annotations="*")
    assert read["etag"] == f'W/"{admin.row("contact", contact)["version"]}"'
    assert read["data"] == {
        "contactid": contact, "lastname": "O'Neil 🌊", "birthdate": None,
        "preferredcontactmethodcode": 2,
        "preferredcontactmethodcode@OData.Community.Display.V1.FormattedValue": "Email"}

    before = admin.row("contact", contact)["version"]
    microsoft("records.update", "contact", contact, {"lastname": "Moe", "birthdate": "1980-04-05"})
    after = admin.row("contact", contact)
    assert after["version"] > before and after["columns"]["birthdate"] == "1980-04-05"
    assert after["columns"]["fullname"] == "Zoë Moe"

    there = admin.count("contact")
    microsoft("records.delete", "contact", contact)
    assert admin.count("contact") == there - 1
    assert microsoft("records.retrieve", "contact", contact) is None
    assert [calls(kind) for kind in ("insert", "get", "update", "delete")] == [1, 2, 1, 1]


def test_an_update_never_creates_for_it_sends_if_match(microsoft, admin):
    missing, there = str(uuid.uuid4()), admin.count("contact")
    for call in (("records.update", "contact", missing, {"lastname": "Nobody"}),
                 ("records.delete", "contact", missing)):
        with pytest.raises(Refused, match="Does Not Exist") as refused:
            microsoft(*call)
        error = refused.value.error
        assert error["status_code"] == 404 and not error["is_transient"]
        assert error["details"]["service_error_code"] == "0x80040217"
        assert uuid.UUID(error["details"]["service_request_id"])
    assert admin.count("contact") == there


def test_a_lookup_is_bound_and_followed(microsoft, admin):
    account = admin.rows("account", select="name")[0]["id"]
    contact = microsoft("records.create", "contact", {
        "lastname": "Bound", "parentcustomerid_account@odata.bind": f"/accounts({account})"})
    assert admin.row("contact", contact)["columns"]["_parentcustomerid_value"] == account
    read = microsoft("records.retrieve", "contact", contact, select=["_parentcustomerid_value"],
                     include_annotations="*")["data"]
    assert read["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    microsoft("records.delete", "contact", contact)


CONDITIONS = [
    (["eq", "lastname", "Moe"], lambda row: row.get("lastname") == "Moe"),
    (["not", ["eq", "lastname", "Moe"]], lambda row: row.get("lastname") != "Moe"),
    (["eq", "lastname", "O'Brien"], lambda row: row.get("lastname") == "O'Brien"),
    (["in", "lastname", ["Moe", "Ng-Tan", "김"]],
     lambda row: row.get("lastname") in ("Moe", "Ng-Tan", "김")),
    (["and", ["startswith", "lastname", "M"], ["eq", "statecode", 0]],
     lambda row: row.get("lastname", "").startswith("M") and row["statecode"] == 0),
    (["or", ["contains", "lastname", "ans"], ["is_null", "emailaddress1"]],
     lambda row: "ans" in row.get("lastname", "") or "emailaddress1" not in row),
    (["between", "numberofchildren", 1, 2], lambda row: row.get("numberofchildren", 0) in (1, 2)),
]


@pytest.mark.parametrize("where, holds", CONDITIONS, ids=[str(where) for where, _ in CONDITIONS])
def test_its_query_builder_finds_what_the_condition_says(microsoft, admin, where, holds):
    rows = [row["columns"] for row in admin.rows("contact")]
    wanted = [row for row in rows if holds(row)]
    assert 0 < len(wanted) < len(rows), "a condition that says nothing"
    pages = microsoft("query", "contact", ["fullname"], where=where)
    assert names(row for page in pages for row in page) == names(wanted)


def test_it_follows_pages_in_order_and_sees_each_row_once(microsoft, admin, calls):
    pages = microsoft("query", "contact", ["emailaddress1", "createdon"],
                      order=["-createdon", "contactid"], page_size=25)
    rows = [row for page in pages for row in page]
    assert len(rows) == admin.count("contact")
    assert [len(page) for page in pages[:-1]] == [25] * (len(pages) - 1) and len(pages) == 3
    assert {row["contactid"] for row in rows} == {row["id"] for row in admin.rows("contact")}
    created = [row["createdon"] for row in rows]
    assert created == sorted(created, reverse=True)
    assert calls("list") == 3


def test_a_table_and_its_columns_are_described(microsoft):
    table = microsoft("tables.get", "new_Purchase")
    assert table["logical_name"] == "new_purchase" and table["entity_set_name"] == "new_purchases"
    assert (table["primary_id_attribute"], table["primary_name_attribute"]) == \
        ("new_purchaseid", "new_name")
    assert microsoft("tables.get", "new_nothing") is None

    columns = microsoft("tables.list_columns", "new_purchase",
                        select=["LogicalName", "AttributeType"])
    types = {column["LogicalName"]: column["AttributeType"] for column in columns}
    expected = {"new_purchaseid": "Uniqueidentifier", "new_amount": "Money", "new_channel": "Picklist",
                "new_quantity": "Integer", "new_rating": "Double", "new_paid": "Boolean",
                "new_orderedon": "DateTime", "new_contact": "Lookup", "new_orderno": "String"}
    assert types | expected == types

    listed = microsoft("tables.list", select=["LogicalName"])
    assert {"account", "contact", "new_purchase", "new_purchaseline", "new_untracked"} == \
        {table["LogicalName"] for table in listed}
    column = microsoft("tables.get_column", "contact", "firstname")
    assert column["@odata.type"] == "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
    assert column["MaxLength"] == 50 and column["IsValidForUpdate"] is True


def test_many_rows_are_created_and_updated_in_one_call(microsoft, admin, calls):
    contacts = microsoft("records.create", "contact", [
        {"lastname": f"Many {number}"} for number in range(3)])
    microsoft("records.update", "contact", contacts, {"jobtitle": "CTO"})
    columns = [admin.row("contact", contact)["columns"] for contact in contacts]
    assert [row["fullname"] for row in columns] == ["Many 0", "Many 1", "Many 2"]
    assert {row["jobtitle"] for row in columns} == {"CTO"}
    assert (calls("insert"), calls("update")) == (1, 1)
    microsoft("records.delete", "contact", contacts, use_bulk_delete=False)
    assert not {row["id"] for row in admin.rows("contact")} & set(contacts)


def test_a_batch_answers_in_order_and_its_change_set_is_one(microsoft, admin, calls):
    first = admin.rows("contact", select="lastname")[0]
    created, read, described, one, two, deleted = microsoft("batch", [
        ["records.create", "contact", {"lastname": "Batch"}],
        ["records.list", "contact"],
        ["tables.get", "contact"],
        [["records.create", "account", {"name": "Together"}],
         ["records.create", "contact", {"lastname": "Together",
                                        "parentcustomerid_account@odata.bind": "$1"}]],
        ["records.delete", "contact", first["id"]]])
    assert [item["status_code"] for item in (created, one, two, deleted)] == [204] * 4
    assert admin.row("contact", created["entity_id"])["columns"]["lastname"] == "Batch"
    assert created["entity_id"] in {row["contactid"] for row in read["data"]["value"]}
    assert described["data"]["value"][0]["EntitySetName"] == "contacts"
    assert admin.row("contact", two["entity_id"])["columns"]["_parentcustomerid_value"] == \
        one["entity_id"]
    assert first["id"] not in {row["id"] for row in admin.rows("contact")}
    assert calls("batch") == 1


def test_a_change_set_with_a_fault_leaves_nothing(microsoft, admin, breaches):
    breaches += ["nosuch"]
    accounts, contacts = admin.count("account"), admin.count("contact")
    failed, = microsoft("batch", [
        [["records.create", "account", {"name": "Undone"}],
         ["records.create", "contact", {"lastname": "Undone", "nosuch": 1}]],
        ["records.create", "contact", {"lastname": "Never reached"}]])
    assert failed["status_code"] == 400 and "nosuch" in failed["error_message"]
    assert (admin.count("account"), admin.count("contact")) == (accounts, contacts)


def test_a_batch_goes_on_after_a_fault_if_asked(microsoft, admin):
    first = admin.rows("contact", select="fullname")[0]
    missing, found = microsoft("batch", [
        ["records.retrieve", "contact", str(uuid.uuid4())],
        ["records.retrieve", "contact", first["id"]]], continue_on_error=True)
    assert (missing["status_code"], missing["error_code"]) == (404, "0x80040217")
    assert found["data"]["fullname"] == first["columns"]["fullname"]


def test_an_unknown_column_is_named_in_the_refusal(microsoft, breaches):
    breaches += ["nosuch", "nosuch"]
    with pytest.raises(Refused, match="nosuch") as refused:
        microsoft("records.create", "contact", {"lastname": "Lee", "nosuch": 1})
    assert refused.value.error["subcode"] == "http_400"
    with pytest.raises(Refused, match="nosuch"):
        microsoft("records.list", "contact", select=["nosuch"])


def test_throttling_is_transient_and_says_how_long(microsoft, admin):
    fault = admin.fault("dynamics", "status429", count=1, retryAfter=7, match={"path": "contacts"})
    with pytest.raises(Refused) as refused:
        microsoft("records.list", "contact", select=["fullname"])
    error = refused.value.error
    assert error["is_transient"] and error["details"]["retry_after"] == 7
    assert [rule["fired"] for rule in admin.faults() if rule["id"] == fault] == [1]


def test_what_the_sandbox_does_not_imitate_is_said_so(microsoft):
    for call in (("query.sql", "SELECT TOP 5 fullname FROM contact"),
                 ("records.delete", "contact", [str(uuid.uuid4())]),
                 ("tables.get_column", "contact", "firstname", {"typed": True}),
                 ("tables.list_table_relationships", "contact")):
        options = call[-1] if isinstance(call[-1], dict) else {}
        with pytest.raises(Refused, match="Not implemented by the sandbox") as refused:
            microsoft(*call[:len(call) - bool(options)], **options)
        assert refused.value.error["status_code"] == 501
