"""Airbyte's Dataverse source, by its own command line, against the sandbox's Dataverse."""

import json
import subprocess

import pytest
import servers
from stranger import command, environment, settle

CONTACTS, PAGE = 120, 50


class Airbyte:
    """One run of the source is one process: check, discover or read."""

    def __init__(self, sandbox, folder):
        self.folder = folder / "airbyte"
        self.env = environment(authority=sandbox.dynamics)
        self.configuration = {
            "url": sandbox.dynamics, "tenant_id": sandbox.TENANT,
            "client_id": sandbox.DYNAMICS_CLIENT, "client_secret_value": sandbox.DYNAMICS_SECRET,
            "odata_maxpagesize": PAGE}

    def run(self, verb, **files):
        """Its messages by type, {"RECORD": [...], "STATE": [...]}, its log left out."""
        words = [verb]
        for name, content in files.items():
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(content))
            words += [f"--{name}", path]
        done = subprocess.run(command("airbyte", *words), env=self.env, cwd=self.folder, text=True,
                              encoding="utf-8", capture_output=True, timeout=60)
        messages = {}
        for line in done.stdout.splitlines():
            message = json.loads(line)
            kind = message["type"]
            messages.setdefault(kind, []).append(message.get({
                "CONNECTION_STATUS": "connectionStatus"}.get(kind, kind.lower())))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return messages

    def check(self, **changes):
        status, = self.run("check", config=self.configuration | changes)["CONNECTION_STATUS"]
        return status

    def discover(self):
        catalog, = self.run("discover", config=self.configuration)["CATALOG"]
        return {stream["name"]: stream for stream in catalog["streams"]}

    def read(self, stream, mode, state=None):
        """(records, state)"""
        catalog = {"streams": [{
            "stream": stream, "sync_mode": mode, "destination_sync_mode": "append",
            "cursor_field": stream["default_cursor_field"],
            "primary_key": stream["source_defined_primary_key"]}]}
        files = {"config": self.configuration, "catalog": catalog}
        messages = self.run("read", **files | ({"state": [state]} if state else {}))
        assert {record["stream"] for record in messages["RECORD"]} == {stream["name"]}
        return [record["data"] for record in messages["RECORD"]], messages["STATE"][-1]


@pytest.fixture(scope="module")
def sandbox(folder):
    """Airbyte sends no OData-MaxVersion and no Accept, which the real system admits."""
    sandbox = servers.Sandbox(folder / "airbyte", contacts=CONTACTS, accounts=5, seed=11,
                              foreign=True)
    yield sandbox.start()
    sandbox.stop()


@pytest.fixture(scope="module")
def airbyte(sandbox, folder):
    return Airbyte(sandbox, folder)


@pytest.fixture
def admin(sandbox, breaches):
    sandbox.admin.reset_stats()
    yield sandbox.admin
    settle(sandbox, breaches)


@pytest.fixture(scope="module")
def contact(airbyte):
    return airbyte.discover()["contact"]


def test_the_check_succeeds_and_fails_with_a_wrong_secret(airbyte, admin, breaches):
    assert airbyte.check() == {"status": "SUCCEEDED"}
    calls = admin.stats()["dynamics"]["calls"]
    assert calls["token"] == 1 and calls["metadata"] == 1  # the service document
    breaches += ["AADSTS7000215"]
    refused = airbyte.check(client_secret_value="wrong")
    assert refused["status"] == "FAILED" and "401" in refused["message"]


def test_it_discovers_the_tables_with_their_columns(airbyte, admin):
    streams = airbyte.discover()
    assert sorted(streams) == ["account", "contact", "new_purchase", "new_purchaseline",
                               "new_untracked"]
    contact = streams["contact"]
    assert contact["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert streams["new_untracked"]["supported_sync_modes"] == ["full_refresh"]
    assert contact["source_defined_primary_key"] == [["contactid"]]
    assert contact["default_cursor_field"] == ["modifiedon"]
    columns = contact["json_schema"]["properties"]
    expected = {
        "contactid": {"type": ["null", "string"]},
        "donotbulkemail": {"type": ["null", "boolean"]},
        "gendercode": {"type": ["null", "integer"]},
        "annualincome": {"type": ["null", "number"]},
        "_masterid_value": {"type": ["null", "string"]},
        "birthdate": {"type": ["null", "string"], "format": "date"},  # by way of a $batch
        "modifiedon": {"type": ["null", "string"], "format": "date-time",
                       "airbyte_type": "timestamp_with_timezone"}}
    assert columns | expected == columns
    assert admin.stats()["dynamics"]["calls"]["batch"] == 1


def test_a_full_read_gives_every_contact_once(airbyte, admin, contact):
    records, _ = airbyte.read(contact, "full_refresh")
    rows = {row["id"]: row["columns"] for row in admin.rows("contact")}
    assert len(records) == CONTACTS and {record["contactid"] for record in records} == rows.keys()
    for record in records:
        row = rows[record["contactid"]]
        for column in ("fullname", "emailaddress1", "donotbulkemail", "annualincome", "birthdate"):
            assert record[column] == row.get(column)


def test_what_follows_is_exactly_what_changed_and_what_went(airbyte, admin, contact):
    records, state = airbyte.read(contact, "incremental")
    assert len(records) == CONTACTS == len({record["contactid"] for record in records})

    changed = set(admin.touch("contact", 7, seed=3, ids=True)["ids"])
    gone = set(admin.delete_some("contact", 3, seed=5, ids=True)["ids"])
    new = admin.insert("contact", firstname="Ann", lastname="Newcomer")["id"]
    passing = admin.insert("contact", lastname="Came and went")["id"]
    admin.delete("contact", passing)

    records, later = airbyte.read(contact, "incremental", state)
    deleted = [record["contactid"] for record in records if "_ab_cdc_deleted_at" in record]
    updated = {record["contactid"]: record for record in records
               if "_ab_cdc_deleted_at" not in record}
    assert sorted(deleted) == sorted(gone | {passing})
    assert updated.keys() == changed - gone | {new} and len(records) == len(updated) + len(deleted)
    assert updated[new]["fullname"] == "Ann Newcomer"
    for row in updated:
        assert updated[row]["@odata.etag"] == f'W/"{admin.row("contact", row)["version"]}"'
    assert later["stream"]["stream_state"] != state["stream"]["stream_state"]


def test_more_changes_than_a_page_holds_are_read_to_the_end(airbyte, admin, contact):
    _, state = airbyte.read(contact, "incremental")
    admin.reset_stats()
    touched = set(admin.touch("contact", PAGE + 10, seed=9, ids=True)["ids"])
    records, _ = airbyte.read(contact, "incremental", state)
    assert {record["contactid"] for record in records} == touched and len(records) == len(touched)
    assert admin.stats()["dynamics"]["calls"]["delta"] >= 2
