"""schemas/openapi.yaml and the controller are of one mind: each route answers, each answer fits, no route is left out."""

import io
import json
import re

import confluent_kafka
import fastavro
import jsonschema
import pytest
import requests
import yaml

from instance import EGRESS, INGRESS
from support import ROOT, wait_until
from workers import Workers

DOCUMENT = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text())
CONTACTS = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId",
                          "fields": [{"source": "firstname", "destination": "firstName"}]}]}
OPTINOUT = "opt-in-out"
NOBODY = "00000000-0000-0000-0000-000000000000"
METHODS = {"get", "put", "post", "delete", "patch"}


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & set(item):
            yield method.upper(), path, item[method]


def everything():
    """Each answer of the document that a healthy instance can give."""
    return {(method, path, status) for method, path, operation in operations()
            for status in operation["responses"] if status != "503"}


def resolved(node):
    """A response may be a reference into components."""
    while "$ref" in node:
        names, node = node["$ref"].removeprefix("#/").split("/"), DOCUMENT
        for name in names:
            node = node[name]
    return node


class Checked:
    """Calls the API and holds each answer against the document."""

    def __init__(self, url):
        self.url = url
        self.seen = set()

    def __call__(self, method, path, *, workflow=INGRESS, **more):
        answer = requests.request(method, self.url + path.replace("{id}", workflow), timeout=60,
                                  **more)
        status = str(answer.status_code)
        responses = DOCUMENT["paths"][path][method.lower()]["responses"]
        assert status in responses, f"{method} {path} answers {status}: {answer.text}"
        response = resolved(responses[status])
        (kind, content), = response["content"].items()
        assert answer.headers["Content-Type"] == kind
        # References are into the whole document, so that is the schema to start from.
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema",
                  "components": DOCUMENT["components"], **content["schema"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
        if "ETag" in response.get("headers", {}):
            assert re.fullmatch(r'"\d+"', answer.headers["ETag"])
        self.seen.add((method, path, status))
        return answer


W = "/v1/workflows/{id}"


@pytest.fixture
def call(ferry):
    ferry.start_sandbox(contacts=5)
    return Checked(ferry.start_controller().url)


def test_document_is_sound():
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(DOCUMENT)
    for reference in re.findall(r'"#/([^"]+)"', text):
        resolved({"$ref": "#/" + reference})
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_document_and_routes_are_the_same():
    source = (ROOT / "controller" / "api.c").read_text()
    routes = set(re.findall(r'\{"([A-Z]+)", "(/v1[^"]*)"', source))
    assert routes == {(method, path) for method, path, _ in operations()}


def test_every_route_answers_and_every_answer_fits(ferry, call):
    workers = Workers(ferry)
    call("GET", "/v1/version")
    call("GET", "/v1/workflows")
    call("GET", "/v1/check")
    for method, path, _ in operations():
        if "{id}" in path:
            assert call(method, path, workflow="nonsense", json={}).status_code == 404

    call("GET", W + "/configuration")
    call("GET", W + "/diff")
    call("GET", W + "/rejects")
    call("POST", W + "/start")
    assert call("POST", W + "/replay", json={"table": "contact"}).status_code == 409
    config = W + "/configuration"
    assert call("PUT", config, json={}, headers={"If-None-Match": "*"}).status_code == 400
    assert call("PUT", config, json={"configuration": CONTACTS}).status_code == 428
    assert call("PUT", config, json={"configuration": {"mappings": 1}},
                headers={"If-None-Match": "*"}).status_code == 422
    assert call("PUT", config, json={"configuration": CONTACTS},
                headers={"If-None-Match": "*"}).status_code == 201
    assert call("PUT", config, json={"configuration": {"mappings": []}},
                headers={"If-Match": '"7"'}).status_code == 412
    assert call("PUT", config, json={"configuration": {"mappings": []}},
                headers={"If-Match": '"1"'}).status_code == 200
    assert call("PUT", config, json={"configuration": CONTACTS},
                headers={"If-Match": '"2"'}).status_code == 200
    call("GET", config)
    call("GET", config, params={"revision": 1})
    call("GET", W + "/configuration/revisions")
    assert call("GET", "/v1/check").json()["ok"]

    assert call("POST", W + "/start").status_code == 202
    assert call("POST", W + "/start").status_code == 200
    workers.both("READY", counters={"recordsRead": 3, "oldestWaitingAt": 1})
    wait_until(lambda: call("GET", W).json()["status"] == "RUNNING")
    call("GET", config, params={"running": "true"})
    replay = W + "/replay"
    assert call("POST", replay, json={}).status_code == 400
    assert call("POST", replay, json={"table": "account"}).status_code == 422
    assert call("POST", replay, json={"table": "contact"}).json()["replay"] == 1
    assert call("POST", replay, json={"table": "contact"}).status_code == 200
    some = {"table": "contact", "filter": "statecode eq 0"}
    assert call("POST", replay, json=some).status_code == 409
    assert call("POST", replay, json=some | {"dryRun": True}).json()["records"] <= 5
    cancel = replay + "/cancel"
    assert call("POST", cancel, json={}).status_code == 400
    assert call("POST", cancel, json={"table": "account"}).status_code == 422
    assert call("POST", cancel, json={"table": "contact"}).json()["cancelled"]
    assert call("POST", cancel, json={"table": "contact"}).status_code == 409
    assert call("POST", replay, json=some).json()["replay"] == 2
    assert call("GET", W).json()["mappings"][0]["replayPending"]
    for verdict in ("approve", "drop"):
        deletes = f"{W}/deletes/{verdict}"
        assert call("POST", deletes, json={}).status_code == 400
        assert call("POST", deletes, json={"table": "account"}).status_code == 409
        workers.writer("RUNNING", counters={"deletesHeld": {"contact": 3}, "waiting": {"contact": 2}})
        wait_until(lambda: call("GET", W).json()["deletesHeld"] == 3)
        assert call("POST", deletes, json={"table": "contact", "expect": 0}).status_code == 400
        assert call("POST", deletes, json={"table": "contact", "expect": 4}).status_code == 409
        assert call("POST", deletes, json={"table": "contact", "expect": 3}).json()["verdict"] == verdict
    assert call("GET", W).json()["mappings"][0]["waiting"] == 2
    error = {"class": "quota", "message": "slow", "action": "wait"}
    workers.reader("RUNNING", warning=error | {"retryAt": 5})
    workers.writer("FAILED", error=error)
    workflow = wait_until(lambda: (now := call("GET", W).json())["status"] == "FAILED" and now)
    assert workflow["mappings"][0]["reader"]["warning"]["retryAt"] == 5
    assert call("PUT", config, json={"configuration": {"mappings": []}},
                headers={"If-Match": '"3"'}).status_code == 200
    assert call("GET", W + "/diff").json()["changes"]
    assert call("GET", W + "/rejects").json()["items"] == []
    assert call("GET", W + "/rejects", params={"limit": "none"}).status_code == 400
    decisions = W + "/decisions"
    assert call("GET", decisions, params={"contact": NOBODY}).status_code == 409
    assert call("GET", decisions, workflow=OPTINOUT).status_code == 400
    assert call("GET", decisions, workflow=OPTINOUT, params={"contact": NOBODY}).json()["items"] == []
    assert call("POST", W + "/stop").status_code == 202
    assert call("POST", W + "/stop").status_code == 200
    # What a healthy controller never answers stands in the document all the same.
    never_here = {("POST", W + "/stop", "409")}
    never_here |= {one for one in everything() if "/setup/" in one[1]}  # a test of its own
    missing = everything() - call.seen - never_here
    assert not missing


def test_setup_and_events_answer_as_the_document_says(ferry, call):
    setup = "/v1/setup/dynamics"
    assert call("GET", setup).status_code == 404
    assert call("POST", setup, json=[]).status_code == 400
    assert call("POST", setup, json={"configuration": {"since": "once"}}).status_code == 422
    ferry.sandbox.admin.call("POST", "/settings", {"dynamicsLatencyMs": 100})
    assert call("POST", setup, json={}).status_code == 202
    assert call("POST", setup, json={}).status_code == 200
    assert call("POST", setup, json={"configuration": {}}).status_code == 200
    assert call("POST", setup, json={"dryRun": True}).status_code == 409
    other = {"activities": {"send": {"table": "contoso_sent"}}}
    assert call("POST", setup, json={"configuration": other}).status_code == 409
    ferry.sandbox.admin.call("POST", "/settings", {"dynamicsLatencyMs": 0})
    wait_until(lambda: not call("GET", setup).json()["running"])
    assert call("GET", setup).json()["ok"]

    workers = Workers(ferry, EGRESS, "exports", "email")
    assert call("PUT", W + "/configuration", workflow=EGRESS, json={"configuration": {}},
                headers={"If-None-Match": "*"}).status_code == 201
    assert call("POST", W + "/start", workflow=EGRESS).status_code == 202
    workers.reader("READY", counters={"filesRead": 2, "skipped": {"withoutContact": 1}})
    workers.writer("READY", counters={"written": {"SEND": 5}, "repeated": 1})
    wait_until(lambda: call("GET", W, workflow=EGRESS).json()["status"] == "RUNNING")
    assert call("GET", W, workflow=EGRESS).json()["events"]["written"]["SEND"] == 5
    for path in ("/replay", "/replay/cancel", "/deletes/approve", "/deletes/drop"):
        assert call("POST", W + path, workflow=EGRESS, json={"table": "email"}).status_code == 409
    call("GET", "/v1/check")
    expected = {("POST", setup, status) for status in ("200", "202", "400", "409", "422")}
    assert expected | {("GET", setup, "200"), ("GET", setup, "404")} <= call.seen


def test_rejects_are_listed_with_their_reason_and_values_only_when_asked(ferry, call):
    schema = json.loads((ROOT / "schemas" / "change-record.avsc").read_text())
    parsed = fastavro.parse_schema(schema)
    fingerprint = fastavro.schema.fingerprint(
        fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO")
    change = {"table": "contact", "id": "0000-1", "op": "UPSERT", "origin": "LOAD", "readNumber": 1,
              "version": 7, "readAt": 5, "fields": {"firstname": "Canary"}}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, change)
    record = b"\xc3\x01" + bytes.fromhex(fingerprint) + out.getvalue()

    call("PUT", W + "/configuration", json={"configuration": CONTACTS},
         headers={"If-None-Match": "*"})
    call("POST", W + "/start")
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap,
                         "transactional.id": f"{ferry.name}.rejecter"})
    producer.init_transactions(30)
    for number, value in enumerate([b"\xff\x00", b'{"as":"sent"}', None] + 30 * [record]):
        producer.begin_transaction()
        producer.produce(f"{ferry.name}.rejects.{INGRESS}", key=f"t/0/{number}", value=value,
                         headers={"ferry-reason": f"reason {number}", "ferry-class": "mapping",
                                  "ferry-origin": f"t/0/{number}", "ferry-attempts": "2",
                                  "ferry-status": "500", "ferry-at": "2026-11-22T07:00:00Z"})
        producer.flush(60)
        if number == 32:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)

    items = call("GET", W + "/rejects").json()["items"]
    assert [item["reason"] for item in items] == [f"reason {n}" for n in range(31, 11, -1)]
    assert (items[0]["id"], items[0]["table"], items[0]["attempts"]) == ("0000-1", "contact", 2)
    everything = call("GET", W + "/rejects", params={"limit": 1000}).json()["items"]
    assert len(everything) == 31  # neither the aborted one nor the tombstone
    assert "Canary" not in json.dumps(everything) and "sent" not in json.dumps(everything)
    values = call("GET", W + "/rejects", params={"limit": 1000, "values": "true"}).json()["items"]
    assert values[0]["fields"] == {"firstname": "Canary"}
    assert (values[-1]["rawHex"], values[-2]["raw"]) == ("ff00", '{"as":"sent"}')
    listed = ferry.ctl("get", "rejects", INGRESS, "--limit", 2).stdout.splitlines()
    assert len(listed) == 3 and "reason 31" in listed[1] and "Canary" not in str(listed)


def test_check_names_what_is_missing(ferry, call):
    assert ferry.ctl("check", check=False).returncode == 1  # nothing is configured
    call("PUT", W + "/configuration", json={"configuration": CONTACTS},
         headers={"If-None-Match": "*"})
    lines = ferry.ctl("check").stdout.splitlines()
    assert lines[0].split() == ["SYSTEM", "CHECK", "RESULT", "WHAT"]
    assert any("change tracking of contact" in line and " ok " in line for line in lines)
    ferry.sandbox.admin.call("POST", "/dynamics/publish",
                             {"table": "contact", "tracking": False})
    found = call("GET", "/v1/check").json()
    bad = {item["check"]: item for item in found["items"] if item["result"] != "ok"}
    assert not found["ok"] and bad["change tracking of contact"]["result"] == "missing"
    assert "Track changes" in bad["change tracking of contact"]["action"]
    (ferry.folder / "campaign.secret").write_text("wrong\n")
    ferry.sandbox.admin.call("POST", "/faults", {"system": "campaign", "kind": "tokenRevoked"})
    found = call("GET", "/v1/check").json()
    bad = {item["check"]: item for item in found["items"] if item["result"] != "ok"}
    assert bad["resource profile"]["class"] == "credentials"
