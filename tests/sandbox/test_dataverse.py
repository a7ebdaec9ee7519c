"""The Dataverse half against sections 1 to 8 and the list of section 10 of its reference."""

import http.client
import json
import re
import time
import urllib.parse
import uuid

import pytest

from conftest import API, TENANT

SELECT = "contacts?$select=firstname,lastname,donotbulkemail"


def error(reply):
    return reply.json["error"]


# tokens


def test_a_token_lives_an_hour_and_has_no_refresh(sandbox):
    reply = sandbox.dynamics_token_form()
    assert reply.status == 200
    assert reply.json["token_type"] == "Bearer"
    assert reply.json["expires_in"] == 3599
    assert "refresh_token" not in reply.json


@pytest.mark.parametrize(
    "change, status, name, code",
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"scope": "https://elsewhere/.default"}, 400, "invalid_scope", 70011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_a_wrong_credential_is_refused_with_its_code(sandbox, change, status, name, code):
    reply = sandbox.dynamics_token_form(**change)
    assert (reply.status, reply.json["error"], reply.json["error_codes"]) == (status, name, [code])
    assert f"AADSTS{code}" in reply.json["error_description"]
    assert sandbox.breaches("dynamics") == 1


def test_an_unknown_tenant_is_refused(sandbox):
    reply = sandbox.call("dynamics", "POST", "/other/oauth2/v2.0/token", "grant_type=x")
    assert (reply.status, reply.json["error_codes"]) == (400, [90002])


def test_the_discovery_document_names_the_token_endpoint(sandbox):
    reply = sandbox.call("dynamics", "GET", f"/{TENANT}/v2.0/.well-known/openid-configuration")
    expected = sandbox.urls["dynamics"] + f"/{TENANT}/oauth2/v2.0/token"
    assert reply.json["token_endpoint"] == expected


def test_without_or_with_a_bad_token_there_is_a_challenge(sandbox):
    for token in (None, "Bearer nonsense"):
        reply = sandbox.dynamics("GET", "WhoAmI", Authorization=token)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
        assert reply.body == b""


def test_a_token_expires_by_the_clock(start):
    sandbox = start("--dynamics-token-ttl", 100)
    assert sandbox.dynamics("GET", "WhoAmI").status == 200
    sandbox.admin("POST", "clock", {"advanceSeconds": 101})
    assert sandbox.dynamics("GET", "WhoAmI").status == 401


@pytest.mark.parametrize("header", ["Accept", "OData_Version", "OData_MaxVersion"])
def test_each_documented_header_is_required(sandbox, header):
    reply = sandbox.dynamics("GET", "WhoAmI", **{header: None})
    assert reply.status == 400
    assert sandbox.breaches("dynamics") == 1


# tracked reads


def test_the_initial_read_returns_every_row_once_and_a_delta_link_at_the_end(sandbox):
    rows, link = sandbox.read(SELECT, 7)
    count = sandbox.admin("GET", "dynamics/contact/count").json["rows"]
    assert len(rows) == len({row["contactid"] for row in rows}) == count
    assert sandbox.pages == -(-count // 7)
    token = link.split("$deltatoken=")[1]
    assert re.fullmatch(r"\d+%21\d\d%2f\d\d%2f\d{4}%20\d\d%3a\d\d%3a\d\d", token)
    assert set(rows[0]) == {
        "@odata.etag", "firstname", "lastname", "donotbulkemail", "contactid",
    }
    assert sandbox.stats("dynamics")["calls"]["page"] == sandbox.pages


def test_the_applied_preferences_come_back_and_the_context_names_the_columns(sandbox):
    reply = sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes,odata.maxpagesize=5")
    assert reply.headers["Preference-Applied"] == "odata.track-changes,odata.maxpagesize=5"
    context = sandbox.urls["dynamics"] + API
    assert reply.json["@odata.context"] == (
        context + "$metadata#contacts(firstname,lastname,donotbulkemail)"
    )
    assert "%3ccookie%20pagenumber=%222%22" in reply.json["@odata.nextLink"]


def test_a_delta_holds_updates_by_version_then_deletes(sandbox):
    rows, link = sandbox.read(SELECT)
    ids = [row["contactid"] for row in rows[:4]]
    sandbox.admin("DELETE", "dynamics/contact/rows/" + ids[0])
    for name, row in (("B", ids[2]), ("A", ids[1])):
        sandbox.admin("PATCH", "dynamics/contact/rows/" + row, {"lastname": name})
    new = sandbox.admin("POST", "dynamics/contact/rows", {"lastname": "New"}).json["id"]
    reply = sandbox.dynamics("GET", link)
    assert reply.json["@odata.context"].endswith("(firstname,lastname,donotbulkemail)/$delta")
    items = reply.json["value"]
    assert [item.get("contactid") for item in items] == [ids[2], ids[1], new, None]
    assert items[3]["id"] == ids[0] and items[3]["reason"] == "deleted"
    assert items[3]["@odata.context"].endswith("$metadata#contacts/$deletedEntity")
    again = sandbox.dynamics("GET", link).json["value"]
    assert again == items, "an old link can be read again"
    empty = sandbox.dynamics("GET", reply.json["@odata.deltaLink"]).json
    assert empty["value"] == [] and empty["@odata.deltaLink"]


def test_a_row_created_and_deleted_between_polls_still_shows_as_deleted(sandbox):
    _, link = sandbox.read(SELECT)
    row = sandbox.admin("POST", "dynamics/contact/rows", {"lastname": "Short"}).json["id"]
    sandbox.admin("DELETE", "dynamics/contact/rows/" + row)
    assert [item["id"] for item in sandbox.dynamics("GET", link).json["value"]] == [row]


def test_a_row_changed_during_the_read_comes_again_with_the_delta(sandbox):
    first = sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes,odata.maxpagesize=5")
    row = first.json["value"][0]["contactid"]
    sandbox.admin("PATCH", "dynamics/contact/rows/" + row, {"lastname": "During"})
    _, link = sandbox.read(first.json["@odata.nextLink"], 5)
    items = sandbox.dynamics("GET", link).json["value"]
    assert [(item["contactid"], item["lastname"]) for item in items] == [(row, "During")]


def test_a_delta_pages_and_loses_nothing_while_rows_change(start):
    sandbox = start("--contacts", 300)
    _, link = sandbox.read(SELECT)
    sandbox.admin("POST", "dynamics/contact/touch", {"count": 100, "seed": 1})
    sandbox.admin("POST", "dynamics/contact/delete", {"count": 30, "seed": 2})
    seen, gone = {}, set()
    for step in range(3):
        target, turns = link, 0
        while target:
            reply = sandbox.dynamics("GET", target, Prefer="odata.maxpagesize=20").json
            for item in reply["value"]:
                if item.get("reason"):
                    gone.add(item["id"])
                else:
                    seen[item["contactid"]] = item["lastname"]
            link = reply.get("@odata.deltaLink", link)
            target = reply.get("@odata.nextLink")
            turns += 1
            if step == 0:
                sandbox.admin("POST", "dynamics/contact/touch", {"count": 5, "seed": turns})
    live = sandbox.admin("GET", "dynamics/contact/rows").lines
    names = {row["id"]: row["columns"]["lastname"] for row in live}
    assert len(gone) == 30 and not gone & set(names)
    assert all(names[key] == value for key, value in seen.items() if key in names)
    assert len(seen) >= 100 - 30


def test_the_number_of_changes_is_plain_text(sandbox):
    _, link = sandbox.read(SELECT)
    sandbox.admin("POST", "dynamics/contact/touch", {"count": 4})
    token = link.split("$deltatoken=")[1]
    reply = sandbox.dynamics("GET", "contacts/$count?$deltatoken=" + token)
    assert (reply.headers["Content-Type"], reply.text) == ("text/plain", "4")


@pytest.mark.parametrize("option", ["$filter=lastname eq 'x'", "$orderby=lastname",
                                    "$expand=ownerid", "$top=3"])
def test_tracking_refuses_other_query_options(sandbox, option):
    target = SELECT + "&" + urllib.parse.quote(option, safe="=$")
    reply = sandbox.dynamics("GET", target, Prefer="odata.track-changes")
    name = option.split("=")[0]
    assert reply.status == 400
    assert error(reply)["message"] == (
        f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    )
    assert sandbox.breaches("dynamics") == 1


def test_a_table_without_tracking_is_refused(sandbox):
    reply = sandbox.dynamics("GET", "new_untrackeds", Prefer="odata.track-changes")
    assert (reply.status, error(reply)["code"]) == (400, "0x80072491")


def test_an_unknown_column_and_an_unknown_set_are_refused(sandbox):
    reply = sandbox.dynamics("GET", "contacts?$select=nosuch", Prefer="odata.track-changes")
    assert reply.status == 400 and "'nosuch'" in error(reply)["message"]
    assert sandbox.dynamics("GET", "nosuchs").status == 404


def test_links_may_be_encoded_anew_but_not_rebuilt(sandbox):
    first = sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes,odata.maxpagesize=5").json
    link = first["@odata.nextLink"]
    path, query = link.split("?", 1)
    pairs = urllib.parse.parse_qsl(query)
    prefer = "odata.track-changes,odata.maxpagesize=5"
    encoded = path + "?" + urllib.parse.urlencode(pairs)
    assert sandbox.dynamics("GET", encoded, Prefer=prefer).status == 200
    for bad in (link.replace("lastname", "jobtitle"), link + "&x=1",
                link.replace("pagenumber=%222", "pagenumber=%223")):
        assert sandbox.dynamics("GET", bad, Prefer=prefer).status == 400
    assert sandbox.dynamics("GET", link, Prefer="odata.maxpagesize=6").status == 400
    assert sandbox.breaches("dynamics") == 4


def test_a_foreign_delta_token_is_refused(sandbox):
    _, link = sandbox.read(SELECT)
    assert sandbox.dynamics("GET", link.replace("deltatoken=9", "deltatoken=8")).status == 400
    accounts = link.replace("contacts?$select=firstname,lastname,donotbulkemail&", "accounts?")
    assert sandbox.dynamics("GET", accounts).status == 400


def test_a_delta_link_expires_with_age(start):
    sandbox = start("--contacts", 3, "--retention-days", 2)
    _, link = sandbox.read(SELECT)
    reply = sandbox.dynamics("GET", "organizations?$select=expirechangetrackingindays")
    assert reply.json["value"][0]["expirechangetrackingindays"] == 2
    sandbox.admin("POST", "clock", {"advanceSeconds": 3 * 86400})
    sandbox.tokens.clear()
    reply = sandbox.dynamics("GET", link)
    assert (reply.status, error(reply)["code"]) == (400, "0x80044352")
    assert error(reply)["message"].startswith("Version stamp associated with the client has expired")


def test_a_page_over_the_limit_is_cut_and_counted(sandbox):
    reply = sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes,odata.maxpagesize=9000")
    assert reply.headers["Preference-Applied"].endswith("odata.maxpagesize=5000")
    assert sandbox.breaches("dynamics") == 1


def test_money_brings_its_currency(sandbox):
    rows, _ = sandbox.read("contacts?$select=annualincome")
    assert "_transactioncurrencyid_value" in rows[0]
    reply = sandbox.dynamics("GET", "contacts?$select=annualincome",
                             Prefer="odata.track-changes")
    assert re.search(r'"annualincome":\d+\.\d{4}[,}]', reply.text)


def test_all_columns_come_without_a_select(sandbox):
    rows, _ = sandbox.read("contacts")
    for name in ("contactid", "fullname", "donotbulkemail", "_parentcustomerid_value",
                 "address3_composite", "versionnumber", "statecode", "birthdate", "merged"):
        assert name in rows[0], name
    assert "parentcustomeridname" not in rows[0]
    assert all(row["@odata.etag"] == 'W/"%d"' % row["versionnumber"] for row in rows)


def test_seeds_hold_what_makes_trouble(start):
    sandbox = start("--contacts", 2000, "--accounts", 3)
    rows, _ = sandbox.read("contacts", 5000)
    names = "".join(row["firstname"] + row["lastname"] for row in rows)
    assert any(ord(letter) > 0xFFFF for letter in names)
    assert re.search("[\u4e00-\u9fff]", names) and re.search("[\u0400-\u04ff]", names)
    assert re.search("[\u0600-\u06ff]", names)
    assert any(len(row["firstname"]) > 30 for row in rows)
    assert all(len(row["firstname"].encode("utf-16-le")) <= 100 for row in rows)
    assert 0 < sum(row["statecode"] for row in rows) < 300
    assert 0.01 < sum(row["donotbulkemail"] for row in rows) / 2000 < 0.06


def test_the_same_seed_gives_the_same_rows(start):
    first = start("--contacts", 50, "--seed", 9).read("contacts?$select=lastname")[0]
    second = start("--contacts", 50, "--seed", 9).read("contacts?$select=lastname")[0]
    third = start("--contacts", 50, "--seed", 10).read("contacts?$select=lastname")[0]
    assert first == second != third


def test_escaped_unicode_means_the_same(start):
    plain = start("--contacts", 50).read("contacts?$select=firstname")[0]
    sandbox = start("--contacts", 50, "--escape-unicode")
    reply = sandbox.dynamics("GET", "contacts?$select=firstname", Prefer="odata.track-changes")
    assert reply.body.isascii()
    assert reply.json["value"] == plain


def test_bug_439_and_an_empty_delta_without_link(start):
    sandbox = start("--contacts", 5, "--bug-439", "--empty-delta", "nolink")
    notes = 'odata.include-annotations="*"'
    reply = sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes," + notes)
    assert "@odata.deltaLink" not in reply.json
    _, link = sandbox.read(SELECT)
    assert sandbox.dynamics("GET", link).json["value"] == []
    assert "@odata.deltaLink" not in sandbox.dynamics("GET", link).json


def test_what_was_served_and_followed_is_recorded(start):
    sandbox = start("--contacts", 6, "--record")
    _, link = sandbox.read(SELECT, 4)
    lines = sandbox.admin("GET", "dynamics/contact/served").lines
    assert [line["page"] for line in lines] == [1, 1, 1, 1, 2, 2]
    assert [line["followed"] for line in lines] == [True] * 4 + [False] * 2
    sandbox.dynamics("GET", link)
    lines = sandbox.admin("GET", "dynamics/contact/served").lines
    assert lines[5]["followed"] and lines[6]["id"] is None and lines[6]["kind"] == "delta"


def test_a_served_page_tells_when_its_last_byte_went_out(start):
    sandbox = start("--contacts", 2000, "--record", "--dynamics-latency-ms", 30)
    rule = {"system": "dynamics", "kind": "slowBody", "ms": 2, "match": {"path": "contacts"}}

    def read():
        asked = time.time() * 1000
        sandbox.read(SELECT, 1000)
        moments = dict.fromkeys(line["sentAtMs"] for line in
                                sandbox.admin("GET", "dynamics/contact/served").lines)
        return asked, list(moments), time.time() * 1000

    asked, (first, second), answered = read()
    assert asked + 29 <= first and first + 29 <= second <= answered + 1
    size = len(sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes").body)
    assert sandbox.admin("POST", "faults", rule).status == 201
    asked, (*_, slow, last), _ = read()
    pauses = size / 2 // 1024 - 1
    assert slow >= asked + 29 + 2 * pauses and last >= slow + 29 + 2 * pauses


def test_a_page_that_was_cut_was_never_sent(start):
    sandbox = start("--contacts", 6, "--record")
    rule = {"system": "dynamics", "kind": "lostReply", "count": 1, "match": {"path": "contacts"}}
    sandbox.admin("POST", "faults", rule)
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.dynamics("GET", SELECT, Prefer="odata.track-changes")
    lines = sandbox.admin("GET", "dynamics/contact/served").lines
    assert len(lines) == 6 and {line["sentAtMs"] for line in lines} == {None}


# annotations and untracked reads


def test_annotations_come_only_when_preferred(sandbox):
    notes = ('odata.include-annotations="OData.Community.Display.V1.FormattedValue,'
             'Microsoft.Dynamics.CRM.lookuplogicalname"')
    target = "contacts?$select=donotbulkemail,gendercode,_parentcustomerid_value&$top=50"
    rows = sandbox.dynamics("GET", target, Prefer=notes).json["value"]
    label = "donotbulkemail@OData.Community.Display.V1.FormattedValue"
    assert {row[label] for row in rows} <= {"Allow", "Do Not Allow"}
    for row in rows:
        formatted = "gendercode@OData.Community.Display.V1.FormattedValue"
        assert (formatted in row) == (row["gendercode"] is not None)
    name = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
    assert rows[0][name] == "account"
    assert not any("@OData" in key for row in sandbox.dynamics("GET", target).json["value"]
                   for key in row)


@pytest.mark.parametrize(
    "text, check",
    [
        ("donotbulkemail eq true", lambda row: row["donotbulkemail"]),
        ("statecode eq 0 and numberofchildren ge 2",
         lambda row: row["statecode"] == 0 and row["numberofchildren"] >= 2),
        ("lastname eq 'O''Brien' or lastname eq 'Moe'",
         lambda row: row["lastname"] in ("O'Brien", "Moe")),
        ("birthdate eq null", lambda row: row["birthdate"] is None),
        ("not (numberofchildren lt 4)", lambda row: row["numberofchildren"] >= 4),
        ("startswith(emailaddress1,'contact1')",
         lambda row: row["emailaddress1"].startswith("contact1")),
        ('Microsoft.Dynamics.CRM.In(PropertyName=\'lastname\',PropertyValues=["Lee","Moe"])',
         lambda row: row["lastname"] in ("Lee", "Moe")),
    ],
)
def test_filters_select_what_they_say(start, text, check):
    sandbox = start("--contacts", 400)
    rows = sandbox.dynamics("GET", "contacts").json["value"]
    reply = sandbox.dynamics("GET", "contacts?$filter=" + urllib.parse.quote(text))
    assert reply.status == 200, reply.text
    expected = [row["contactid"] for row in rows if check(row)]
    assert expected and [row["contactid"] for row in reply.json["value"]] == expected


def test_untracked_lists_page_and_order(sandbox):
    target, got = "contacts?$select=lastname&$orderby=numberofchildren%20desc", []
    while target:
        reply = sandbox.dynamics("GET", target, Prefer="odata.maxpagesize=9").json
        got += [row["contactid"] for row in reply["value"]]
        target = reply.get("@odata.nextLink")
        assert target is None or "istracking=%22False%22" in target
    assert len(got) == len(set(got)) == sandbox.admin("GET", "dynamics/contact/count").json["rows"]
    reply = sandbox.dynamics("GET", "contacts?$top=3&$count=true")
    assert len(reply.json["value"]) == 3


def test_a_count_ends_at_5000_and_says_so_to_who_asks(start):
    sandbox, annotation = start("--contacts", 5001), "Microsoft.Dynamics.CRM.totalrecordcount"
    prefer = f'odata.maxpagesize=1,odata.include-annotations="{annotation},{annotation}limitexceeded"'
    whole = sandbox.dynamics("GET", "contacts?$select=contactid&$count=true", Prefer=prefer).json
    assert whole["@odata.count"] == whole[f"@{annotation}"] == 5000
    assert whole[f"@{annotation}limitexceeded"] is True and len(whole["value"]) == 1
    part = sandbox.dynamics("GET", "contacts?$select=contactid&$count=true&$filter=statecode%20eq%201",
                            Prefer=prefer).json
    assert 0 < part["@odata.count"] < 5000 and part[f"@{annotation}limitexceeded"] is False
    silent = sandbox.dynamics("GET", "contacts?$select=contactid&$count=true").json
    assert silent["@odata.count"] == 5000 and f"@{annotation}" not in silent


def test_one_row_is_read_by_id_and_not_twice_if_unchanged(sandbox):
    row = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]
    target = "contacts(%s)?$select=lastname" % row["contactid"]
    reply = sandbox.dynamics("GET", target)
    assert reply.json["lastname"] == row["lastname"]
    assert sandbox.dynamics("GET", target, If_None_Match=row["@odata.etag"]).status == 304
    reply = sandbox.dynamics("GET", "contacts(%s)" % uuid.uuid4())
    assert (reply.status, error(reply)["code"]) == (404, "0x80040217")


# metadata


def definition(sandbox, rest, table="contact"):
    reply = sandbox.dynamics("GET", f"EntityDefinitions(LogicalName='{table}'){rest}")
    assert reply.status == 200, reply.text
    return reply.json


def test_the_tables_with_tracking_can_be_asked_for(sandbox):
    target = ("EntityDefinitions?$select=LogicalName,EntitySetName"
              "&$filter=ChangeTrackingEnabled%20eq%20true")
    rows = sandbox.dynamics("GET", target).json["value"]
    assert [row["LogicalName"] for row in rows] == [
        "contact", "account", "new_purchase", "new_purchaseline",
    ]
    assert set(rows[0]) == {"LogicalName", "EntitySetName", "MetadataId"}


def test_a_table_expands_its_columns(sandbox):
    table = definition(
        sandbox,
        "?$select=LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled"
        "&$expand=Attributes($select=LogicalName,AttributeType,AttributeOf,IsValidForUpdate),"
        "Keys($select=LogicalName)",
    )
    assert table["PrimaryIdAttribute"] == "contactid" and table["Keys"] == []
    columns = {column["LogicalName"]: column for column in table["Attributes"]}
    assert columns["donotbulkemail"]["AttributeType"] == "Boolean"
    assert columns["parentcustomerid"]["AttributeType"] == "Customer"
    assert columns["parentcustomeridname"]["AttributeOf"] == "parentcustomerid"
    assert columns["fullname"]["IsValidForUpdate"] is False
    assert "MaxLength" not in columns["firstname"]


@pytest.mark.parametrize(
    "cast, name, check",
    [
        ("StringAttributeMetadata?$select=LogicalName,MaxLength", "firstname",
         lambda column: column["MaxLength"] == 50),
        ("DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior", "birthdate",
         lambda column: column["DateTimeBehavior"]["Value"] == "DateOnly"),
        ("LookupAttributeMetadata?$select=LogicalName,Targets", "parentcustomerid",
         lambda column: column["Targets"] == ["account", "contact"]),
        ("MoneyAttributeMetadata?$select=LogicalName,Precision", "annualincome",
         lambda column: column["Precision"] == 2),
        ("PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet", "gendercode",
         lambda column: [option["Value"] for option in column["OptionSet"]["Options"]] == [1, 2]),
        ("BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet", "donotsendmm",
         lambda column: column["OptionSet"]["TrueOption"]["Label"]["UserLocalizedLabel"]["Label"]
         == "Do Not Send"),
        ("StateAttributeMetadata?$select=LogicalName&$expand=OptionSet", "statecode",
         lambda column: column["OptionSet"]["Options"][1]["DefaultStatus"] == 2),
        ("StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet", "statuscode",
         lambda column: column["OptionSet"]["Options"][1]["State"] == 1),
    ],
)
def test_casts_show_what_belongs_to_a_type(sandbox, cast, name, check):
    value = definition(sandbox, "/Attributes/Microsoft.Dynamics.CRM." + cast)["value"]
    columns = {column["LogicalName"]: column for column in value}
    assert check(columns[name])


def test_unknown_metadata_is_404_or_400(sandbox):
    assert sandbox.dynamics("GET", "EntityDefinitions(LogicalName='nosuch')").status == 404
    assert sandbox.dynamics("GET", "EntityDefinitions?$select=Nosuch").status == 400
    reply = sandbox.dynamics("GET", "EntityDefinitions(LogicalName='contact')/Nosuch")
    assert reply.status == 404


def test_the_service_document_lists_the_sets(sandbox):
    sets = [entry["name"] for entry in sandbox.dynamics("GET", "").json["value"]]
    assert "contacts" in sets and "new_purchaselines" in sets


# writing


def test_post_creates_and_a_second_is_a_duplicate(sandbox):
    row = str(uuid.uuid4())
    body = {"contactid": row, "firstname": "Ann", "lastname": "Lee"}
    reply = sandbox.dynamics("POST", "contacts", body)
    assert reply.status == 204
    assert reply.headers["OData-EntityId"] == sandbox.urls["dynamics"] + API + f"contacts({row})"
    reply = sandbox.dynamics("POST", "contacts", body)
    assert (reply.status, error(reply)["code"]) == (412, "0x80040237")
    got = sandbox.dynamics("GET", f"contacts({row})").json
    assert got["fullname"] == "Ann Lee" and got["statecode"] == 0 and got["followemail"] is True


def test_patch_upserts_unless_told_otherwise(sandbox):
    row = str(uuid.uuid4())
    reply = sandbox.dynamics("PATCH", f"contacts({row})", {"lastname": "X"}, If_Match="*")
    assert (reply.status, error(reply)["code"]) == (404, "0x80040217")
    assert sandbox.dynamics("PATCH", f"contacts({row})", {"lastname": "X"}).status == 204
    reply = sandbox.dynamics("PATCH", f"contacts({row})", {"lastname": "Y"}, If_None_Match="*")
    assert reply.status == 412
    etag = sandbox.dynamics("GET", f"contacts({row})").json["@odata.etag"]
    assert sandbox.dynamics("PATCH", f"contacts({row})", {"lastname": "Z"},
                            If_Match=etag).status == 204
    reply = sandbox.dynamics("PATCH", f"contacts({row})", {"lastname": "Q"}, If_Match=etag)
    assert (reply.status, error(reply)["code"]) == (412, "0x80060882")
    reply = sandbox.dynamics("PATCH", f"contacts({row})?$select=lastname", {"jobtitle": "CTO"},
                             Prefer="return=representation")
    assert reply.status == 200 and reply.json["lastname"] == "Z" and reply.headers["ETag"]
    assert sandbox.dynamics("DELETE", f"contacts({row})").status == 204
    assert sandbox.dynamics("DELETE", f"contacts({row})").status == 404


@pytest.mark.parametrize(
    "body, code",
    [
        ({"firstname": "x" * 51}, "0x80044331"),
        ({"firstname": "\U0001f600" * 26}, "0x80044331"),
        ({"gendercode": 9}, "0x8004431A"),
        ({"nosuch": 1}, "0x80048d19"),
        ({"fullname": "x"}, "0x80048d19"),
        ({"donotbulkemail": "yes"}, "0x80048d19"),
        ({"contactid": str(uuid.uuid4())}, "0x80048d19"),
        ({"Parentcustomerid_account@odata.bind": "/accounts(x)"}, "0x80048d19"),
        ({"_ownerid_value": str(uuid.uuid4())}, "0x80048d19"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_and_counted(sandbox, body, code):
    row = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    reply = sandbox.dynamics("PATCH", f"contacts({row})", body, If_Match="*")
    assert (reply.status, error(reply)["code"]) == (400, code)
    assert sandbox.breaches("dynamics") == 1


def test_lookups_are_bound(sandbox):
    contact, account = (
        sandbox.dynamics("GET", f"{name}s?$top=1").json["value"][0][f"{name}id"]
        for name in ("contact", "account")
    )
    body = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    assert sandbox.dynamics("PATCH", f"contacts({contact})", body).status == 204
    got = sandbox.dynamics("GET", f"contacts({contact})").json
    assert got["_parentcustomerid_value"] == account
    body = {"parentcustomerid_account@odata.bind": f"/accounts({uuid.uuid4()})"}
    assert sandbox.dynamics("PATCH", f"contacts({contact})", body).status == 404
    body = {"parentcustomerid_account@odata.bind": None}
    assert sandbox.dynamics("PATCH", f"contacts({contact})", body).status == 204
    assert sandbox.dynamics("GET", f"contacts({contact})").json["_parentcustomerid_value"] is None


def test_money_keeps_its_digits(sandbox):
    row = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    body = b'{"annualincome":12345678901.98}'
    assert sandbox.dynamics("PATCH", f"contacts({row})", body).status == 204
    assert b'"annualincome":12345678901.9800' in sandbox.dynamics("GET", f"contacts({row})").body


# $batch


def batch(sandbox, text, **headers):
    return sandbox.dynamics(
        "POST", "$batch", text.replace("\n", "\r\n").encode(),
        Content_Type='multipart/mixed; boundary="b1"', **headers,
    )


def test_a_batch_answers_in_order_and_stops_at_the_first_fault(sandbox):
    row = sandbox.dynamics("GET", "contacts?$top=1").json["value"][0]["contactid"]
    text = "".join(
        f"--b1\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\n"
        f"GET {target} HTTP/1.1\nAccept: application/json\n\n"
        for target in (API + f"contacts({row})?$select=lastname",
                       API + "contacts?$filter=lastname eq 'nobody'",
                       f"contacts({uuid.uuid4()})", API + "WhoAmI")
    ) + "--b1--\n"
    reply = batch(sandbox, text)
    assert reply.status == 404
    assert reply.text.count("HTTP/1.1 200 OK") == 2 and reply.text.count("HTTP/1.1 404") == 1
    reply = batch(sandbox, text, Prefer="odata.continue-on-error")
    assert reply.status == 200 and reply.text.count("HTTP/1.1 200 OK") == 3


def test_a_change_set_is_atomic_and_knows_its_content_ids(sandbox):
    def change_set(last):
        account = str(uuid.uuid4())
        return account, (
            "--b1\nContent-Type: multipart/mixed; boundary=c1\n\n"
            "--c1\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n"
            f"Content-ID: 1\n\nPOST {API}accounts HTTP/1.1\nContent-Type: application/json; "
            f'type=entry\n\n{{"accountid":"{account}","name":"Batch"}}\n'
            "--c1\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n"
            f"Content-ID: 2\n\nPOST {API}contacts HTTP/1.1\nContent-Type: application/json; "
            f"type=entry\n\n{last}\n--c1--\n--b1--\n"
        )

    account, text = change_set(
        '{"lastname":"InBatch","parentcustomerid_account@odata.bind":"$1"}')
    reply = batch(sandbox, text)
    assert reply.status == 200, reply.text
    assert "changesetresponse_" in reply.text and reply.text.count("204 No Content") == 2
    got = sandbox.dynamics("GET", "contacts?$filter=lastname eq 'InBatch'".replace(" ", "%20"))
    assert got.json["value"][0]["_parentcustomerid_value"] == account
    account, text = change_set('{"nosuch":1}')
    reply = batch(sandbox, text)
    assert reply.status == 400 and "changesetresponse_" not in reply.text
    assert sandbox.dynamics("GET", f"accounts({account})").status == 404


def test_a_part_without_body_may_end_with_its_headers(sandbox):
    text = ("--b1\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\n"
            f"GET {sandbox.urls['dynamics']}{API}WhoAmI HTTP/1.1\n--b1--\n")
    assert "HTTP/1.1 200 OK" in batch(sandbox, text).text


def test_batches_have_limits(start):
    sandbox = start("--batch-crlf", "strict")
    part = ("--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"GET {API}WhoAmI HTTP/1.1\r\n\r\n")
    kind = 'multipart/mixed; boundary="b1"'
    reply = sandbox.dynamics("POST", "$batch", (part * 1001 + "--b1--\r\n").encode(),
                             Content_Type=kind)
    assert reply.status == 400
    reply = sandbox.dynamics("POST", "$batch", (part + "--b1--\r\n").replace("\r", "").encode(),
                             Content_Type=kind)
    assert reply.status == 400


# many at once


def targets(*rows):
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    return {"Targets": [{**kind, **row} for row in rows]}


def test_bulk_messages_can_be_probed(sandbox):
    for table, found in (("contact", 1), ("nosuch", 0)):
        probe = "sdkmessageid/name eq @m and primaryobjecttypecode eq @t"
        target = "sdkmessagefilters?" + urllib.parse.urlencode(
            {"$filter": probe, "@m": "'CreateMultiple'", "@t": f"'{table}'"})
        assert len(sandbox.dynamics("GET", target).json["value"]) == found


def test_many_rows_are_written_together_or_not_at_all(sandbox):
    action = "contacts/Microsoft.Dynamics.CRM."
    reply = sandbox.dynamics("POST", action + "CreateMultiple",
                             targets({"lastname": "M1"}, {"lastname": "M2"}))
    ids = reply.json["Ids"]
    assert reply.status == 200 and len(ids) == 2
    _, link = sandbox.read(SELECT)
    body = targets({"contactid": ids[0], "lastname": "N1"}, {"contactid": ids[1], "nosuch": 1})
    assert sandbox.dynamics("POST", action + "UpdateMultiple", body).status == 400
    body = targets({"contactid": ids[0], "lastname": "N1"},
                   {"contactid": str(uuid.uuid4()), "lastname": "N2"})
    assert sandbox.dynamics("POST", action + "UpdateMultiple", body).status == 404
    assert sandbox.dynamics("GET", link).json["value"] == []
    assert sandbox.dynamics("POST", action + "UpsertMultiple", body).status == 204
    assert len(sandbox.dynamics("GET", link).json["value"]) == 2
    del body["Targets"][0]["@odata.type"]
    assert sandbox.dynamics("POST", action + "UpsertMultiple", body).status == 400


# service protection


def test_too_many_requests_wait(start):
    sandbox = start("--limit-requests", 5, "--limit-window", 300)
    replies = [sandbox.dynamics("GET", "WhoAmI") for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    assert error(replies[5]) == {
        "code": "0x80072322",
        "message": "Number of requests exceeded the limit of 5 over time window of 300 seconds.",
    }
    assert 0 < int(replies[5].headers["Retry-After"]) <= 301
    assert replies[0].headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "4"
    assert replies[0].headers["x-ms-dop-hint"]


def test_foreign_clients_may_omit_headers(start):
    sandbox = start("--foreign", "--contacts", 5)
    reply = sandbox.dynamics("GET", "EntityDefinitions?$select=LogicalName", Accept="*/*",
                             OData_Version=None, OData_MaxVersion=None)
    assert reply.status == 200 and sandbox.breaches("dynamics") == 0


def test_a_published_column_change_shows(start):
    sandbox = start("--contacts", 3)
    _, link = sandbox.read("contacts?$select=lastname,jobtitle")
    sandbox.admin("POST", "dynamics/publish", {"table": "contact", "removeColumn": "jobtitle"})
    assert sandbox.dynamics("GET", link).status == 400
    assert "jobtitle" not in sandbox.read("contacts")[0][0]
    column = {"name": "new_tier", "type": "String", "length": 20}
    sandbox.admin("POST", "dynamics/publish", {"table": "contact", "addColumn": column,
                                               "expire": True})
    rows, link = sandbox.read("contacts?$select=new_tier")
    assert rows[0]["new_tier"] is None
    sandbox.admin("POST", "dynamics/publish", {"table": "contact", "tracking": False})
    assert error(sandbox.dynamics("GET", link))["code"] == "0x80072491"


def test_scripts_change_rows_in_the_background(start):
    sandbox = start("--contacts", 100)
    before = sandbox.admin("GET", "dynamics/contact/count").json["version"]
    order = {"perSecond": 200, "seconds": 1}
    assert sandbox.admin("POST", "dynamics/contact/touch", order).json == {"script": 1}
    while sandbox.admin("GET", "scripts").json:
        pass
    assert sandbox.admin("GET", "dynamics/contact/count").json["version"] == before + 200


def test_touched_rows_are_different(start):
    sandbox = start("--contacts", 50)
    reply = sandbox.admin("POST", "dynamics/contact/touch", {"count": 50, "ids": True})
    assert len(set(reply.json["ids"])) == 50
    assert json.loads(reply.body)["changed"] == 50
