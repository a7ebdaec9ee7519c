"""Faults on order, latency, and the counters that tell them."""

import contextlib
import http.client
import threading
import time
import uuid

import pytest

from conftest import Sandbox

LOST = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
SELECT = "contacts?$select=firstname,lastname"
TRACK = {"Prefer": "odata.track-changes,odata.maxpagesize=5"}


@pytest.mark.parametrize("kind, more, status", [
    ("status429", {"retryAfter": 7}, 429), ("status503", {"retryAfter": 3}, 503),
    ("status502oops", {}, 502), ("status500text", {"text": "PGS-220000 gone"}, 500),
    ("html", {"status": 200}, 200),
])
@pytest.mark.parametrize("system", ["dynamics", "campaign"])
def test_a_fault_answers_once_and_is_counted(sandbox, system, kind, more, status):
    call = {"dynamics": lambda: sandbox.dynamics("GET", "WhoAmI"),
            "campaign": lambda: sandbox.campaign("GET", "profile")}[system]
    assert call().status == 200
    sandbox.fault(system, kind, count=1, **more)
    reply = call()
    assert reply.status == status
    if "retryAfter" in more:
        assert reply.headers["Retry-After"] == str(more["retryAfter"])
    if kind == "html":
        assert reply.headers["Content-Type"] == "text/html" and b"<html" in reply.body
    if kind == "status500text":
        assert reply.text == "PGS-220000 gone"
    assert call().status == 200
    assert sandbox.stats(system)["faults"] == {kind: 1}
    assert sandbox.admin("GET", "faults").json[0]["fired"] == 1


def test_a_fault_hits_only_what_it_matches(sandbox):
    sandbox.fault("campaign", "status503", match={"verb": "PATCH", "path": "profile/k2"}, after=1)
    for key in ("k1", "k2"):
        sandbox.campaign("POST", "profile", {"externalId": key})
    statuses = [sandbox.campaign("PATCH", f"profile/{key}", {"lastName": "x"}).status
                for key in ("k1", "k2", "k2")]
    assert statuses == [200, 200, 503]
    sandbox.admin("DELETE", "faults")
    assert sandbox.campaign("PATCH", "profile/k2", {"lastName": "x"}).status == 200


def test_probability_is_about_right(sandbox):
    sandbox.fault("dynamics", "status503", probability=0.5)
    statuses = [sandbox.call("dynamics", "GET", "/x").status for _ in range(200)]
    assert 60 < statuses.count(503) < 140


def test_a_cut_before_processing_changes_nothing(sandbox):
    sandbox.campaign_headers()
    sandbox.fault("campaign", "dropBeforeReply", count=1)
    with pytest.raises(LOST):
        sandbox.campaign("POST", "profile", {"externalId": "k1"})
    assert sandbox.admin("GET", "campaign/profile/count").json["rows"] == 0


def test_a_lost_reply_was_committed_and_the_journal_knows(sandbox):
    sandbox.campaign_headers()
    sandbox.fault("campaign", "lostReply", count=1)
    with pytest.raises(LOST):
        sandbox.campaign("POST", "profile", {"externalId": "lost"})
    assert sandbox.admin("GET", "campaign/profile/count").json["rows"] == 1
    line = sandbox.admin("GET", "campaign/journal").lines[-1]
    assert (line["key"], line["replyLost"]) == ("lost", True)
    assert sandbox.stats("campaign")["requests"]["POST"]["0"] == 1


@pytest.mark.parametrize("system", ["dynamics", "campaign"])
def test_revoked_tokens_are_void(sandbox, system):
    call = {"dynamics": lambda: sandbox.dynamics("GET", "WhoAmI"),
            "campaign": lambda: sandbox.campaign("GET", "profile")}[system]
    call()
    sandbox.fault(system, "tokenRevoked", count=1)
    assert [call().status, call().status] == [401, 401]
    sandbox.tokens.clear()
    assert call().status == 200


def test_delta_links_expire_on_order(sandbox):
    _, link = sandbox.read(SELECT)
    page = sandbox.dynamics("GET", SELECT, **TRACK).json["@odata.nextLink"]
    sandbox.fault("dynamics", "deltaExpired", count=1)
    assert sandbox.dynamics("GET", link).json["error"]["code"] == "0x80044352"
    assert sandbox.dynamics("GET", page, **TRACK).status == 200
    assert sandbox.dynamics("GET", sandbox.read(SELECT)[1]).status == 200


def test_a_schema_publish_expires_links_in_mid_page_too(sandbox):
    page = sandbox.dynamics("GET", SELECT, **TRACK).json["@odata.nextLink"]
    sandbox.fault("dynamics", "metadataChangedExpiry", count=1)
    assert sandbox.dynamics("GET", page, **TRACK).json["error"]["code"] == "0x80044352"


@pytest.mark.parametrize("variant", ["host", "port", "path", "userinfo", "scheme"])
def test_a_link_leads_astray(sandbox, variant):
    sandbox.fault("dynamics", "foreignLink", count=1, variant=variant)
    base = sandbox.urls["dynamics"] + "/api/data/v9.2/"
    links = [sandbox.dynamics("GET", SELECT, **TRACK).json["@odata.nextLink"] for _ in range(2)]
    assert not links[0].startswith(base) and links[1].startswith(base)
    if variant == "path":
        assert links[0].startswith(sandbox.urls["dynamics"])
    sandbox.campaign("POST", "profile", {"externalId": "k1"})
    sandbox.campaign("POST", "profile", {"externalId": "k2"})
    sandbox.fault("campaign", "foreignLink", count=1, variant=variant)
    link = sandbox.campaign("GET", "profile?_lineCount=1").json["next"]["href"]
    assert not link.startswith(sandbox.urls["campaign"] + "/acme/campaign/")


def test_one_row_is_no_utf8(sandbox):
    sandbox.fault("dynamics", "invalidUtf8", count=1)
    body = sandbox.dynamics("GET", SELECT, **TRACK).body
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert body.count(b"\xff") == 1
    sandbox.dynamics("GET", SELECT, **TRACK).body.decode()


def test_a_stall_delays_and_a_slow_body_dribbles(sandbox):
    sandbox.dynamics_headers()
    sandbox.fault("dynamics", "stall", count=1, ms=300)
    begun = time.monotonic()
    assert sandbox.dynamics("GET", "WhoAmI").status == 200
    assert time.monotonic() - begun > 0.29
    whole = sandbox.dynamics("GET", SELECT).body
    sandbox.fault("dynamics", "slowBody", count=1, ms=20)
    begun = time.monotonic()
    assert sandbox.dynamics("GET", SELECT).body == whole
    assert time.monotonic() - begun > 0.02 * (len(whole) // 1024 - 1)


@pytest.mark.parametrize("limit, code", [
    ("requests", "0x80072322"), ("execution", "0x80072321"), ("concurrency", "0x80072326")])
def test_a_storm_of_429_names_its_limit_and_blows_over(sandbox, limit, code):
    sandbox.dynamics_headers()
    sandbox.fault("dynamics", "status429", limit=limit, retryAfter=1, lastsMs=150)
    begun = time.monotonic()
    replies = []
    while (reply := sandbox.dynamics("GET", "WhoAmI")).status == 429:
        replies.append(reply)
        assert time.monotonic() - begun < 5
    assert time.monotonic() - begun > 0.14  # its clock counts whole milliseconds
    assert {reply.json["error"]["code"] for reply in replies} == {code}
    assert {reply.headers["Retry-After"] for reply in replies} == {"1"}
    assert sandbox.stats("dynamics")["faults"] == {"status429": len(replies)}


def accounts(count):
    return [("POST", "accounts", {"accountid": str(uuid.uuid4()), "name": "In a batch"})
            for _ in range(count)]


def written(sandbox, operations):
    rows = {row["id"] for row in sandbox.admin("GET", "dynamics/account/rows?select=name").lines}
    return [body["accountid"] in rows for _, _, body in operations]


@pytest.mark.parametrize("more, count", [({}, 5), ({"parts": 3}, 3), ({"parts": 9}, 5)])
def test_a_lost_batch_was_committed_as_far_as_it_came(sandbox, more, count):
    sandbox.dynamics_headers()
    operations = accounts(5)
    sandbox.fault("dynamics", "lostReply", count=1, match={"path": "$batch"}, **more)
    with pytest.raises(LOST):
        sandbox.batch(operations)
    assert written(sandbox, operations) == [True] * count + [False] * (5 - count)
    assert sandbox.stats("dynamics")["operations"]["count"] == count


@pytest.mark.parametrize("more, share", [({}, 0.5), ({"bytes": 100}, 0), ({"bytes": 10**6}, 1)])
def test_an_answer_is_cut_in_its_middle(sandbox, more, share):
    operations = accounts(20)
    whole = len(sandbox.batch(accounts(20))[0].body)
    sandbox.fault("dynamics", "cutAnswer", count=1, match={"path": "$batch"}, **more)
    with pytest.raises(http.client.IncompleteRead) as cut:
        sandbox.batch(operations)
    got, missing = len(cut.value.partial), cut.value.expected
    assert got + missing == whole and missing > 0
    assert got == {0: 100, 0.5: whole // 2, 1: whole - 1}[share]
    assert written(sandbox, operations) == [True] * 20


def test_parts_fail_for_a_moment(sandbox):
    operations = accounts(6)
    sandbox.fault("dynamics", "partFails", count=2, after=1, match={"path": "accounts"})
    sandbox.fault("dynamics", "partFails", count=1, status=429, code="0x80072322", retryAfter=3,
                  text="Too many")
    reply, parts = sandbox.batch(operations, Prefer="odata.continue-on-error")
    assert reply.status == 200
    assert [part[0] for part in parts] == [429, 500, 500, 204, 204, 204]
    assert '"code":"0x80044150"' in parts[1][2] and parts[1][1]["REQ_ID"]
    assert parts[0][1]["Retry-After"] == "3" and '"message":"Too many"' in parts[0][2]
    assert written(sandbox, operations) == [False] * 3 + [True] * 3
    assert sandbox.stats("dynamics")["faults"] == {"partFails": 3}


def test_latency_holds_nobody_else_up(start):
    sandbox = start("--campaign-latency-ms", 1000)
    sandbox.campaign_headers()
    replies = []
    calls = [threading.Thread(target=lambda: replies.append(sandbox.campaign("GET", "profile")))
             for _ in range(30)]
    begun = time.monotonic()
    for call in calls:
        call.start()
    while sandbox.stats("campaign")["inFlight"] < 30:
        pass
    assert sandbox.dynamics("GET", "WhoAmI").status == 200
    assert replies == [], "the others still wait"
    for call in calls:
        call.join()
    assert time.monotonic() - begun < 10, "together, not one after the other"
    assert [reply.status for reply in replies] == [200] * 30
    assert sandbox.stats("campaign")["inFlightPeak"] == 30
    sandbox.admin("POST", "settings", {"campaignLatencyMs": 0})
    begun = time.monotonic()
    sandbox.campaign("GET", "profile")
    assert time.monotonic() - begun < 0.9


def test_a_request_whose_client_left_is_still_processed(start):
    sandbox = start("--campaign-latency-ms", 300, "--record")
    sandbox.campaign_headers()
    with pytest.raises(TimeoutError):
        sandbox.call("campaign", "POST", "/acme/campaign/profileAndServicesExt/profile",
                     {"externalId": "late"}, sandbox.campaign_headers(), timeout=0.1)
    deadline = time.monotonic() + 3
    while not sandbox.admin("GET", "campaign/profile/count").json["rows"]:
        assert time.monotonic() < deadline
    assert sandbox.admin("GET", "campaign/journal").lines[0]["key"] == "late"


def test_it_ends_cleanly_with_requests_waiting():
    sandbox = Sandbox("--campaign-latency-ms", "5000")

    def call():
        with contextlib.suppress(OSError, http.client.HTTPException):
            sandbox.call("campaign", "GET", "/x")

    caller = threading.Thread(target=call)
    caller.start()
    while sandbox.stats("campaign")["inFlight"] == 0:
        pass
    sandbox.stop()
    caller.join()


def test_unknown_orders_are_refused(sandbox):
    assert sandbox.admin("POST", "faults", {"system": "x", "kind": "stall"}).status == 400
    assert sandbox.admin("POST", "faults", {"system": "campaign", "kind": "x"}).status == 400
    assert sandbox.admin("POST", "settings", {"nosuch": 1}).status == 400
    assert sandbox.admin("GET", "nosuch").status == 404
    assert sandbox.admin("PATCH", "health").status == 405
    assert sandbox.admin("GET", "health").json["status"] == "ok"
