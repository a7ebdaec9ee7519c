"""The Campaign half against sections 1 to 4 and the list of section 9 of its reference."""

import re
import threading
import time
import urllib.parse

import pytest

from conftest import EXT

RST = "RST-360011 An error has occurred - please contact your administrator."


def profile(sandbox, key="k1", **fields):
    return sandbox.campaign("POST", "profile", {"externalId": key, **fields})


def refused(sandbox, reply, status, *lines):
    assert (reply.status, reply.text.split("\n")) == (status, list(lines))
    assert reply.headers["Content-Type"].startswith("text/plain")


# gateway


def test_a_token_lives_a_day(sandbox):
    reply = sandbox.campaign_token_form()
    assert reply.json["expires_in"] == 86399 and reply.json["token_type"] == "bearer"
    query = "?client_id=ferry-campaign"
    assert sandbox.campaign_token_form(query, client_id=None).status == 200


@pytest.mark.parametrize("change, status, name", [
    ({"client_id": "x"}, 400, "invalid_client"),
    ({"client_secret": "x"}, 401, "invalid_client"),
    ({"scope": ""}, 400, "invalid_scope"),
    ({"grant_type": "x"}, 400, "unsupported_grant_type"),
])
def test_wrong_credentials_are_refused(sandbox, change, status, name):
    reply = sandbox.campaign_token_form(**change)
    assert (reply.status, reply.json["error"]) == (status, name)


@pytest.mark.parametrize("change, status, code", [
    ({"Authorization": None}, 403, "403010"),
    ({"Authorization": "Bearer x"}, 401, "401013"),
    ({"X_Api_Key": None}, 403, "403000"),
    ({"X_Api_Key": "x"}, 403, "403003"),
])
def test_the_gateway_answers_in_json(sandbox, change, status, code):
    reply = sandbox.campaign("GET", "profile", **change)
    assert (reply.status, reply.json["error_code"]) == (status, code)
    assert reply.headers["X-Request-Id"]


def test_a_token_expires_by_the_clock(start):
    sandbox = start("--campaign-token-ttl", 50)
    assert sandbox.campaign("GET", "profile").status == 200
    sandbox.admin("POST", "clock", {"advanceSeconds": 51})
    assert sandbox.campaign("GET", "profile").json["error_code"] == "401013"


def test_a_wrong_organisation_is_oops(sandbox):
    for target in ("/other/campaign/profileAndServicesExt/profile", "/acme/campaign/nosuch/x"):
        reply = sandbox.campaign("GET", target)
        assert (reply.status, reply.json["code"]) == (500, 500)
        assert reply.json["message"].startswith("Oops.")


def test_a_missing_cache_control_is_counted_but_served(sandbox):
    assert sandbox.campaign("GET", "profile", Cache_Control=None).status == 200
    assert sandbox.breaches("campaign") == 1


def test_what_is_not_imitated_says_so(sandbox):
    assert sandbox.campaign("GET", "service").status == 501
    assert sandbox.campaign("GET", "/acme/campaign/workflow/execution/1").status == 501


# writing


def test_post_answers_the_whole_record(sandbox):
    reply = profile(sandbox, "k1", email="a.ng@example.com", firstName="Ada", lastName="Ng",
                    birthDate="1990-02-28", gender="female", location={"city": "Singapore"},
                    blackListEmail=True, cusLoyaltyTier="gold")
    assert reply.status == 201
    got = reply.json
    assert list(got)[0] == "PKey" and list(got)[1:] == sorted(list(got)[1:])
    assert re.fullmatch(r"@[A-Za-z0-9_-]{91}", got["PKey"])
    assert got["href"] == sandbox.urls["campaign"] + EXT + "profile/" + got["PKey"]
    assert got["title"] == "Ada Ng (a.ng@example.com)" and got["domain"] == "example.com"
    assert got["gender"] == "female" and got["emailFormat"] == "unknown"
    assert got["location"]["city"] == "Singapore" and got["location"]["zipCode"] == ""
    assert got["age"] >= 35 and got["cusContactNo"] == 0 and got["cusVip"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", got["created"])
    assert got["blackListEmailLastModified"] and got["blackListFaxLastModified"] == ""
    assert "blackListPushnotificationLastModified" not in got
    assert got["subscriptions"]["href"].split("/")[-3] != got["PKey"]


def test_a_second_post_of_a_key_is_a_duplicate(sandbox):
    profile(sandbox)
    refused(sandbox, profile(sandbox), 500, "A 'Profile' with the same key 'k1' already exists.",
            "PGS-220000 PostgreSQL error: ERROR:  duplicate key value violates unique constraint "
            '"profile_externalId" DETAIL:  Key (sexternalId)=(k1) already exists.')
    assert sandbox.breaches("campaign") == 0


def test_without_a_key_a_second_post_makes_a_second_profile(start):
    sandbox = start("--no-profile-key")
    assert [profile(sandbox).status for _ in range(2)] == [201, 201]
    assert sandbox.campaign("PATCH", "profile/k1", {"lastName": "x"}).status == 500
    target = "profile/byExternalId?externalId_parameter=k1"
    assert len(sandbox.campaign("GET", target).json["content"]) == 2


def test_patch_by_pkey_and_by_key_answers_short(sandbox):
    pkey = profile(sandbox, lastName="Ng").json["PKey"]
    for name in (pkey, pkey.replace("@", "%40"), "k1"):
        reply = sandbox.campaign("PATCH", "profile/" + name, {"firstName": "B"})
        assert reply.status == 200 and set(reply.json) == {"PKey", "href"}
    assert reply.json["PKey"] != pkey, "another text for the same row"
    got = sandbox.campaign("GET", reply.json["href"]).json
    assert (got["firstName"], got["lastName"]) == ("B", "Ng")
    assert sandbox.campaign("PATCH", "profile/k1", {}).status == 200


def test_a_key_that_is_not_there_is_404(sandbox):
    for verb, body in (("PATCH", {"lastName": "x"}), ("GET", None), ("DELETE", None)):
        refused(sandbox, sandbox.campaign(verb, "profile/none", body), 404, RST,
                "Unable to find document with path 'Profile' from key 'none:0' (document with "
                "schema 'profile' and name 'none')")
    assert sandbox.breaches("campaign") == 0


def test_a_pkey_of_another_instance_is_undecodable(sandbox, start):
    pkey = profile(start()).json["PKey"]
    profile(sandbox)
    refused(sandbox, sandbox.campaign("GET", "profile/" + pkey), 500,
            f"'{pkey[1:]}' attribute unknown (see definition of 'Profiles (nms:recipient)' "
            "schema).", f"XTK-170036 Unable to parse expression '@id = @{pkey[1:]}'.")
    fixed = [profile(start("--pkey-fixed")).json["PKey"] for _ in range(2)]
    assert fixed[0] == fixed[1]


@pytest.mark.parametrize("body, status, lines", [
    ({"gender": "invalid"}, 500,
     [RST, "The value 'invalid' is not valid for the 'nms:recipient:gender' enumeration of the "
      "'@gender' field"]),
    ({"gender": "Female"}, 500, None),
    ({"gender": 1}, 500, None),
    ({"age": 3}, 500, ["Cannot update the 'age' property that is read-only",
                       "'age' property is not valid for the 'profile' resource."]),
    ({"foo": 1}, 500, ["'foo' property is not valid for the 'profile' resource."]),
    ({"location": {"foo": "x"}}, 500,
     ["'location.foo' property is not valid for the 'profile' resource."]),
    ({"email": "no mail"}, 500,
     [RST, "The value 'no mail' is not valid for the '@email' field (data policy 'email')"]),
    ({"firstName": "x" * 31}, 500,
     ["PGS-220000 PostgreSQL error: ERROR:  value too long for type character varying(30)"]),
    ({"birthDate": "1990-13-01"}, 500, None),
    ({"birthDate": 5}, 500, None),
    ({"cusContactNo": "7"}, 500, None),
    ({"cusVip": "true"}, 500, None),
    ({"externalId": "other"}, 500,
     [RST, "RST-360012 Inconsistent operation on resource 'profile' – Cannot update key 'k1' to "
      "'other'."]),
    (b"@gibberish", 500, ["'@gibberish' is not a valid constant"]),
    (b'{"lastName":"\xff"}', 500, None),
])
def test_bad_data_is_500_in_plain_text_and_counted(sandbox, body, status, lines):
    profile(sandbox, lastName="Before")
    reply = sandbox.campaign("PATCH", "profile/k1", body)
    if lines:
        refused(sandbox, reply, status, *lines)
    assert reply.status == status and sandbox.breaches("campaign") == 1
    assert sandbox.campaign("GET", "profile/k1").json["lastName"] == "Before"


def test_lengths_count_characters(sandbox):
    profile(sandbox)
    assert sandbox.campaign("PATCH", "profile/k1", {"firstName": "\U0001f600" * 30}).status == 200
    assert sandbox.campaign("PATCH", "profile/k1", {"firstName": "\U0001f600" * 31}).status == 500


def test_values_come_back_as_they_were_or_cleared(sandbox):
    profile(sandbox, lastName='A "b" \\ \n\t é 東京 \U0001f600', cusScore=1.5, phone="007")
    got = sandbox.campaign("GET", "profile/k1").json
    assert got["lastName"] == 'A "b" \\ \n\t é 東京 \U0001f600' and got["phone"] == "007"
    sandbox.campaign("PATCH", "profile/k1", {"lastName": "", "phone": None, "cusScore": None})
    got = sandbox.campaign("GET", "profile/k1").json
    assert (got["lastName"], got["phone"], got["cusScore"]) == ("", "", 0)


def test_patch_of_a_collection_needs_the_flag(sandbox, start):
    body = {"externalId": "k1", "lastName": "x"}
    profile(sandbox)
    assert sandbox.campaign("PATCH", "profile", body).status == 404
    other = start("--collection-patch")
    profile(other)
    assert other.campaign("PATCH", "profile", body).status == 200


def test_the_key_in_the_body_may_be_forbidden(start):
    sandbox = start("--key-patch-strict")
    profile(sandbox)
    assert sandbox.campaign("PATCH", "profile/k1", {"externalId": "k1"}).status == 500


def test_the_other_flags_do_what_they_say(start):
    sandbox = start("--too-long", "truncate", "--null-value", "ignore", "--empty-patch", 204,
                    "--delete-status", 204, "--smart-case", "--attribute-times", "off",
                    "--same-value-modifies", "off")
    got = profile(sandbox, firstName="x" * 40, lastName="ng-TAN", blackListEmail=True).json
    assert got["firstName"] == "X" + "x" * 29 and got["lastName"] == "Ng-Tan"
    assert got["blackListEmailLastModified"] == ""
    assert sandbox.campaign("PATCH", "profile/k1", {}).status == 204
    sandbox.campaign("PATCH", "profile/k1", {"firstName": None, "lastName": "ng-TAN"})
    after = sandbox.campaign("GET", "profile/k1").json
    assert after["firstName"] == got["firstName"] and after["lastModified"] == got["lastModified"]
    assert sandbox.campaign("DELETE", "profile/k1").status == 204


def test_the_time_of_an_optout_moves_only_with_its_value(sandbox):
    first = profile(sandbox, blackListEmail=True).json["blackListEmailLastModified"]
    sandbox.campaign("PATCH", "profile/k1", {"blackListEmail": True, "blackListFax": False})
    got = sandbox.campaign("GET", "profile/k1").json
    assert (got["blackListEmailLastModified"], got["blackListFaxLastModified"]) == (first, "")
    time.sleep(0.002)
    sandbox.campaign("PATCH", "profile/k1", {"blackListEmail": False, "ccpaOptOut": True})
    got = sandbox.campaign("GET", "profile/k1").json
    assert got["blackListEmailLastModified"] > first and got["ccpaOptOutLastModified"]
    assert got["blackListAllLastModified"] == got["blackListEmailLastModified"]


@pytest.mark.parametrize("flag, names", [
    ("denyList", {"denyListEmail"}), ("both", {"denyListEmail", "blackListEmail"})])
def test_optout_names_follow_the_flag(start, flag, names):
    sandbox = start("--optout-names", flag)
    got = profile(sandbox, denyListEmail=True).json
    found = {name for name in got if re.fullmatch("(black|deny)ListEmail", name)}
    assert found == names and all(got[name] is True for name in names)
    content = sandbox.campaign("GET", "resourceType/profile").json["content"]
    assert names <= set(content)


def test_the_plain_api_has_no_extension_fields(sandbox):
    profile(sandbox, cusLoyaltyTier="gold")
    got = sandbox.campaign("GET", "/acme/campaign/profileAndServices/profile/k1")
    assert got.status == 200 and "cusLoyaltyTier" not in got.json
    target = "/acme/campaign/profileAndServices/profile/k1"
    assert sandbox.campaign("PATCH", target, {"cusLoyaltyTier": "x"}).status == 500
    assert sandbox.campaign("GET", "/acme/campaign/profileAndServices/cusPurchase").status == 404
    assert sandbox.campaign("GET", "cusAccount").status == 404
    account = {"accountId": "a1", "name": "Acme"}
    target = "/acme/campaign/customResources/cusAccount"
    assert sandbox.campaign("POST", target, account).status == 201


# links


def purchase(sandbox, key="p1", **fields):
    return sandbox.campaign("POST", "cusPurchase", {"purchaseId": key, **fields})


def test_a_link_is_written_by_pkey_or_by_key(sandbox):
    pkey = profile(sandbox).json["PKey"]
    for number, name in enumerate((pkey, "k1")):
        got = purchase(sandbox, f"p{number}", profilelink={"PKey": name}).json
        assert got["profilelink"]["title"] == "k1" and got["profileExternalId"] == "k1"
    assert sandbox.campaign("GET", got["profilelink"]["href"]).json["externalId"] == "k1"


def test_a_link_made_of_attributes_is_ignored(sandbox):
    reply = purchase(sandbox, profilelink={"externalId": "k1"})
    assert reply.status == 201 and reply.json["profilelink"] is None


def test_a_missing_parent_stores_nothing(sandbox):
    refused(sandbox, purchase(sandbox, profilelink={"PKey": "none"}), 404, RST,
            "Unable to find document with path 'Profile' from key 'none' (document with schema "
            "'profile' and name 'none')")
    assert sandbox.admin("GET", "campaign/cusPurchase/count").json == {"rows": 0, "hidden": 0}


def test_a_child_written_by_its_scalar_is_hidden_until_its_parent_comes(sandbox):
    assert purchase(sandbox, profileExternalId="k1").status == 201
    assert sandbox.admin("GET", "campaign/cusPurchase/count").json == {"rows": 1, "hidden": 1}
    for verb, body in (("GET", None), ("PATCH", {"label": "x"}), ("DELETE", None)):
        assert sandbox.campaign(verb, "cusPurchase/p1", body).status == 404
    assert purchase(sandbox).status == 500, "the key is taken all the same"
    profile(sandbox)
    assert sandbox.campaign("GET", "cusPurchase/p1").json["profilelink"]["title"] == "k1"


def test_an_optional_link_hides_nothing(start):
    sandbox = start("--link-cardinality", "0-1")
    assert purchase(sandbox, profileExternalId="k1").status == 201
    assert sandbox.campaign("GET", "cusPurchase/p1").json["profilelink"] is None


@pytest.mark.parametrize("flag, rows, hidden", [("cascade", 0, 0), ("nullify", 1, 0),
                                                ("keep", 1, 1)])
def test_deleting_a_parent_does_what_the_link_says(start, flag, rows, hidden):
    sandbox = start("--link-delete", flag)
    profile(sandbox)
    purchase(sandbox, profilelink={"PKey": "k1"})
    line = {"lineId": "l1", "purchaselink": {"PKey": "p1"}}
    assert sandbox.campaign("POST", "cusPurchaseLine", line).status == 201
    assert sandbox.campaign("DELETE", "profile/k1").status == 200
    count = sandbox.admin("GET", "campaign/cusPurchase/count").json
    assert count == {"rows": rows, "hidden": hidden}
    assert sandbox.admin("GET", "campaign/cusPurchaseLine/count").json["rows"] == rows


def test_a_link_is_cleared(sandbox):
    profile(sandbox)
    for number, empty in enumerate((None, {"PKey": ""})):
        purchase(sandbox, f"p{number}", profilelink={"PKey": "k1"})
        reply = sandbox.campaign("PATCH", f"cusPurchase/p{number}", {"profilelink": empty})
        assert reply.status == 200
        assert sandbox.campaign("GET", f"cusPurchase/p{number}").json["profilelink"] is None


def test_a_mandatory_key_is_missed(sandbox):
    reply = sandbox.campaign("POST", "cusPurchase", {"label": "x"})
    refused(sandbox, reply, 500, RST,
            "The 'purchaseId' field of the 'cusPurchase' resource is mandatory")


# lists and metadata


def test_lists_page_with_next_and_count(sandbox):
    for number in range(7):
        profile(sandbox, f"k{number}", lastName=f"L{number % 3}")
    target, keys = "profile?_lineCount=3&_order=lastName%20desc&_forcePagination=true", []
    while target:
        reply = sandbox.campaign("GET", target).json
        keys += [row["externalId"] for row in reply["content"]]
        assert ("value" in reply["count"]) == ("next" not in reply)
        target = reply.get("next", {}).get("href")
    assert keys == ["k2", "k5", "k1", "k4", "k0", "k3", "k6"]
    assert "profile//_count?" in reply["count"]["href"]
    assert sandbox.campaign("GET", reply["count"]["href"]).json == {"count": 7}


def test_a_big_table_has_no_next_unless_forced(start):
    sandbox = start("--big-table", 3, "--list-default", 2)
    for number in range(4):
        profile(sandbox, f"k{number}")
    assert "next" not in sandbox.campaign("GET", "profile").json
    assert "next" in sandbox.campaign("GET", "profile?_forcePagination=true").json


@pytest.mark.parametrize("target, found", [
    ("profile/byExternalId?externalId_parameter=k1", ["k1"]),
    ("profile/byExternalId?externalId_parameter=zz", []),
    ("profile/byEmail?email=a%2Bb@example.com", ["k2"]),
    ("profile/byText?text=Sm", ["k1", "k2"]),
    ("profile/byText?text=sm", []),
    ("profile/byText?text=An&filterType=firstName", ["k1"]),
    ("profile/byText/byEmail?text=Sm&email=x@example.com", ["k1"]),
])
def test_filters_find_rows(sandbox, target, found):
    profile(sandbox, "k1", lastName="Smith", firstName="Ann", email="x@example.com")
    profile(sandbox, "k2", lastName="Small", email="a+b@example.com")
    reply = sandbox.campaign("GET", target)
    assert [row["externalId"] for row in reply.json["content"]] == found


def test_unknown_filters_paths_and_resources_are_404(sandbox):
    for target in ("profile/byNothing?x=1", "profile/a/b", "nosuch", "profile?_order=nosuch"):
        reply = sandbox.campaign("GET", target)
        assert reply.status == 404 and reply.text.startswith(RST)


def test_a_column_alone_is_a_list_of_values(sandbox):
    profile(sandbox, "k1", email="x@example.com")
    assert sandbox.campaign("GET", "profile/email").json["content"] == ["x@example.com"]


def test_the_metadata_has_nineteen_members_a_field(sandbox):
    for target in ("resourceType/profile", "profile/metadata"):
        got = sandbox.campaign("GET", target).json
        assert got["schema"] == "nms:recipient" and got["type"] == "item"
        content = got["content"]
        assert len(content["email"]) == 19 and content["email"]["length"] == "128"
        assert content["email"]["dataPolicy"] == "email" and content["age"]["readOnly"] is True
        assert set(content["gender"]["values"]) == {"unknown", "male", "female"}
        assert content["location"]["content"]["zipCode"]["type"] == "string"
    link = sandbox.campaign("GET", "resourceType/cusPurchase").json["content"]["profilelink"]
    assert (link["type"], link["resTarget"], link["unbound"]) == ("link", "profile", "false")


def test_the_apis_list_their_resources(sandbox):
    assert set(sandbox.campaign("GET", "").json) == {
        "apiName", "profile", "cusPurchase", "cusPurchaseLine",
    }
    names = set(sandbox.campaign("GET", "/acme/campaign/customResources/resourceType").json)
    assert names == {"apiName", "cusAccount"}


# throttling, publishing, journal


def test_more_than_the_hidden_limit_in_flight_is_429(start):
    sandbox = start("--campaign-admit", 3, "--campaign-latency-ms", 300)
    sandbox.campaign_headers()
    replies = []
    calls = [threading.Thread(target=lambda: replies.append(sandbox.campaign("GET", "profile")))
             for _ in range(8)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    statuses = [reply.status for reply in replies]
    assert statuses.count(200) >= 3 and 429 in statuses
    refusal = next(reply for reply in replies if reply.status == 429)
    assert refusal.json["error_code"] == "429050" and int(refusal.headers["Retry-After"]) > 0
    assert sandbox.campaign("GET", "profile").status == 200


def test_more_than_the_rate_is_429(start):
    sandbox = start("--campaign-rps", 5)
    sandbox.campaign_headers()
    assert 429 in [sandbox.campaign("GET", "profile").status for _ in range(20)]


def publish(sandbox, **change):
    resource = change.pop("resource", "profile")
    reply = sandbox.admin("POST", "campaign/publish", {"resource": resource, **change})
    assert reply.status == 200, reply.text


def test_publishing_takes_effect_at_once(start):
    sandbox = start()
    profile(sandbox, phone="1")
    publish(sandbox, removeField="phone", readOnly="fax", length={"field": "lastName", "max": 3},
            addField={"name": "cusNew", "type": "string", "length": 5})
    for body in ({"phone": "2"}, {"fax": "1"}, {"lastName": "abcd"}, {"cusNew": "123456"}):
        assert sandbox.campaign("PATCH", "profile/k1", body).status == 500
    assert sandbox.campaign("PATCH", "profile/k1", {"cusNew": "12345"}).status == 200
    assert "phone" not in sandbox.campaign("GET", "profile/k1").json
    publish(sandbox, dropKey=True)
    assert sandbox.campaign("PATCH", "profile/k1", {"lastName": "x"}).status == 500
    assert profile(sandbox).status == 201


def test_publishing_a_cardinality_hides_and_shows(start):
    sandbox = start()
    purchase(sandbox, profileExternalId="none")
    publish(sandbox, resource="cusPurchase",
            linkCardinality={"link": "profilelink", "cardinality": "0-1"})
    assert sandbox.campaign("GET", "cusPurchase/p1").status == 200


def test_the_journal_holds_accepted_writes_as_sent(sandbox):
    profile(sandbox, "j1", lastName="A", blackListEmail=True)
    profile(sandbox, "j1", lastName="refused")
    sandbox.campaign("PATCH", "profile/j1", {"lastName": "B"})
    sandbox.campaign("DELETE", "profile/j1")
    lines = [line for line in sandbox.admin("GET", "campaign/journal").lines
             if line["key"] == "j1"]
    assert [line["verb"] for line in lines] == ["POST", "PATCH", "DELETE"]
    assert lines[1]["body"] == {"lastName": "B"} and lines[2]["body"] is None
    created = [line for line in sandbox.admin("GET", "campaign/created").lines
               if line["key"] == "j1"]
    assert created[0]["body"]["blackListEmail"] is True
    after = sandbox.admin("GET", "campaign/journal?after=%d" % lines[1]["seq"]).lines
    assert [line["verb"] for line in after] == ["DELETE"]


def test_rows_are_spoilt_by_hand(sandbox):
    for number in range(5):
        profile(sandbox, f"k{number}", lastName="Good")
    reply = sandbox.admin("POST", "campaign/profile/spoil", {"count": 3, "seed": 4})
    assert reply.json["spoilt"] == 3 == len(set(reply.json["keys"]))
    sandbox.admin("PATCH", "campaign/profile/rows/k0", {"email": "no mail"})
    row = sandbox.admin("GET", "campaign/profile/rows/k0").json
    assert row["values"]["email"] == "no mail" and row["hidden"] is False
    sandbox.admin("DELETE", "campaign/profile/rows/k0")
    assert sandbox.admin("GET", "campaign/profile/count").json["rows"] == 4
    target = "campaign/profile/rows/" + urllib.parse.quote("k1")
    assert sandbox.admin("GET", target).json["key"] == "k1"
