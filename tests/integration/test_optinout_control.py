"""opt-in-out as the controller and ferryctl see it, and beside dynamics-to-campaign: workers are played by the test."""

import concurrent.futures
import io
import json

import confluent_kafka
import fastavro
import pytest

from support import ROOT, stays, wait_until
from test_controller import Api, problem
from test_events_control import reached
from workers import Workers

OPTINOUT = "opt-in-out"
MAIL = {"dynamics": "donotbulkemail", "campaign": "denyListEmail"}
PHONE = {"dynamics": "donotphone", "campaign": "denyListPhone"}
BOTH = {"direction": "both", "attributes": [MAIL, PHONE]}
STREAMS = ("dynamics", "campaign", "load")


def names(*more):
    return {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId", "fields": [
        {"source": "firstname", "destination": "firstName", "tooLong": "truncate"}, *more]}]}


class Played:
    """A controller in a world with contacts and profiles, its API, and the workers of both workflows."""

    def __init__(self, ferry, **sandbox):
        ferry.start_sandbox(**{"contacts": 5, **sandbox})
        self.api = Api(ferry.start_controller())
        self.ingress = Workers(ferry)
        self.optinout = Workers(ferry, OPTINOUT, "contact", "dynamics")

    def put(self, configuration, revision=0):
        return self.api.put(configuration, revision, OPTINOUT)

    def start(self):
        return self.api.post("start", OPTINOUT)

    def workflow(self):
        return self.api.workflow(OPTINOUT)

    def status(self):
        return self.api.status(OPTINOUT)

    def say(self, state, **more):
        for reader in ("contact", "profiles"):
            self.optinout.reader(state, reader)
        self.optinout.writer(state, tables=STREAMS, **more)

    def go(self):
        assert self.start().status_code == 202
        self.say("READY")
        wait_until(lambda: self.status() == "RUNNING")
        self.say("RUNNING")

    def run_ingress(self):
        assert self.api.post("start").status_code == 202
        self.ingress.both("READY")
        wait_until(lambda: self.api.status() == "RUNNING")
        self.ingress.both("RUNNING")

    def stop_ingress(self):
        assert self.api.post("stop").status_code == 202
        self.ingress.both("STOPPED")
        wait_until(lambda: self.api.status() == "STOPPED")

    def born(self):
        """What the run order of ingress carries into births."""
        return {field["optOut"]: field["source"] for field in self.ingress.order()["mappings"][0]["fields"]
                if field.get("createOnly")}


@pytest.fixture
def played(ferry):
    return Played(ferry)


def faults(answer):
    return {one["path"]: one["reason"] for one in problem(answer, 422, "not saved")["errors"]}


# --- start and stop ---


def test_what_is_disabled_is_not_started(played):
    problem(played.start(), 409, "no configuration yet")
    assert played.put({"attributes": [MAIL]}).status_code == 201  # disabled is the default
    problem(played.start(), 409, "disabled", "direction")
    assert played.status() == "STOPPED" and played.optinout.order() is None


def test_start_orders_what_the_metadata_says(played, ferry):
    assert played.put({**BOTH, "clockToleranceSeconds": 5}).status_code == 201
    assert played.start().json()["status"] == "STARTING"
    order = played.optinout.order()
    assert (order["generation"], order["phase"], order["mappings"]) == (1, "PREPARE", [])
    assert order["optOuts"] == {
        "direction": "both", "rule": "original", "clockToleranceMs": 5000, "table": "contact",
        "entitySet": "contacts", "primaryId": "contactid", "api": "profileAndServicesExt",
        "resource": "profile", "key": "externalId",
        "filter": {"name": "byOptOutsSince", "parameter": "since_parameter"},
        "attributes": [
            {"name": "denyListEmail", "dynamics": "donotbulkemail", "campaign": "blackListEmail",
             "time": "blackListEmailLastModified"},
            {"name": "denyListPhone", "dynamics": "donotphone", "campaign": "blackListPhone",
             "time": "blackListPhoneLastModified"}],
        "export": None}
    assert {"optouts.dynamics", "optouts.campaign", "optouts.load", "optouts.state",
            "optouts.decisions", f"rejects.{OPTINOUT}"} <= set(ferry.topics.names())


def test_topics_of_changes_are_deleted_from_and_what_is_kept_is_compacted(played, ferry):
    assert played.put(BOTH).status_code == 201 and played.start().status_code == 202
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": ferry.kafka.bootstrap})
    for suffix, policy in {"dynamics": "delete", "campaign": "delete", "load": "delete",
                           "state": "compact", "decisions": "compact"}.items():
        resource = confluent_kafka.admin.ConfigResource("topic", f"{ferry.name}.optouts.{suffix}")
        config = admin.describe_configs([resource])[resource].result(30)
        assert (config["cleanup.policy"].value, config["retention.ms"].value) == (policy, "-1"), suffix


@pytest.mark.parametrize("flags,filtered,times", [
    ({"optout_names": "denyList"}, True, ["denyListEmailLastModified", None]),
    ({"optout_filter": "byAnotherName"}, False, ["blackListEmailLastModified", None])],
    ids=["denyList", "no filter"])
def test_names_times_and_filter_are_those_of_the_instance(ferry, flags, filtered, times):
    played = Played(ferry, **flags)
    push = {"dynamics": "donotphone", "campaign": "denyListPushnotification"}
    answer = played.put({**BOTH, "attributes": [MAIL, push], "export": {}})
    assert answer.status_code == 201
    assert bool([one for one in answer.json()["warnings"] if one["path"] == "/filter"]) != filtered
    assert played.start().status_code == 202
    optouts = played.optinout.order()["optOuts"]
    assert (optouts["filter"] is not None) == filtered
    assert [one["campaign"] for one in optouts["attributes"]][0] == times[0].removesuffix("LastModified")
    assert optouts["attributes"][1]["time"] is None


def test_without_filter_and_export_nothing_is_saved_because_nobody_would_hear_of_campaign(ferry):
    played = Played(ferry, optout_filter="byAnotherName")
    reason = faults(played.put(BOTH))["/filter"]
    assert "no custom filter byOptOutsSince" in reason and "export" in reason
    assert played.put({**BOTH, "direction": "dynamics-to-campaign"}).status_code == 201  # nothing is read from there


def test_with_an_export_the_start_waits_for_its_reader_too_and_the_age_of_news_is_shown(played, ferry):
    assert played.put({**BOTH, "export": {"files": "out_*"}}).status_code == 201 and played.start().status_code == 202
    export = played.optinout.order()["optOuts"]["export"]
    assert export == {"folder": "d365_loads/exports", "files": "out_*", "finished": "move",
                      "processed": "d365_loads/processed", "delimiter": ",", "quote": '"',
                      "encoding": "UTF-8", "timezone": "UTC", "columns": {}}
    played.say("READY")
    wait_until(lambda: "no live reader has taken exports" in played.workflow()["waitingFor"])
    stays(lambda: played.optinout.order()["phase"] == "PREPARE", 1)
    played.optinout.reader("READY", "exports")
    wait_until(lambda: played.status() == "RUNNING")
    played.say("RUNNING", counters={})
    assert [one["newsAgeSeconds"] for one in played.workflow()["optOuts"]["sources"]] == [None, None]
    played.optinout.reader("RUNNING", "profiles", counters={"newsAgeSeconds": 4})
    played.optinout.reader("RUNNING", "exports", counters={"newsAgeSeconds": 4 * 3600 + 10})
    ages = [{"source": "API", "newsAgeSeconds": 4}, {"source": "FILE", "newsAgeSeconds": 14410}]
    shown = wait_until(lambda: (now := played.workflow()["optOuts"])["sources"] == ages and now)
    assert [one["exports"] and one["exports"]["task"] for one in shown["streams"]] == [
        None, f"{OPTINOUT}/reader/exports", None]
    page = ferry.ctl("describe", "workflow", OPTINOUT).stdout
    assert "API, 4 s old at most" in page and "FILE, 4 h old at most" in page


def test_start_goes_when_both_readers_and_all_partitions_of_each_stream_are_ready(played):
    assert played.put(BOTH).status_code == 201 and played.start().status_code == 202
    wait_until(lambda: played.workflow()["waitingFor"])
    played.optinout.reader("READY", "contact")
    played.optinout.writer("READY", tables=("dynamics", "campaign"))
    wait_until(lambda: "0-7 of load" in str(played.workflow()["waitingFor"]))
    assert "no live reader has taken profiles" in played.workflow()["waitingFor"]
    played.optinout.reader("READY", "profiles")
    wait_until(lambda: len(played.workflow()["waitingFor"]) == 1)
    stays(lambda: played.optinout.order()["phase"] == "PREPARE", 1)
    played.optinout.writer("READY", tables=STREAMS)
    wait_until(lambda: played.status() == "RUNNING")


def produce(ferry, stream, count):
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
    for number in range(count):
        producer.produce(f"{ferry.name}.optouts.{stream}", b"x", key=b"k", partition=number % 2)
    assert producer.flush(60) == 0


def test_backlog_is_the_lag_over_the_three_streams(played, ferry):
    assert played.put(BOTH).status_code == 201
    played.go()
    wait_until(lambda: played.workflow()["backlog"] == 0)
    for stream, count in zip(STREAMS, (1, 2, 4)):
        produce(ferry, stream, count)
    wait_until(lambda: played.workflow()["backlog"] == 7)
    lags = {one["name"]: one["backlog"] for one in played.workflow()["optOuts"]["streams"]}
    assert lags == {"dynamics": 1, "campaign": 2, "load": 4}
    consumer = confluent_kafka.Consumer({"bootstrap.servers": ferry.kafka.bootstrap,
                                         "group.id": f"{ferry.name}.{OPTINOUT}"})
    consumer.commit(offsets=[confluent_kafka.TopicPartition(f"{ferry.name}.optouts.load", partition, 2)
                             for partition in (0, 1)], asynchronous=False)
    consumer.close()
    wait_until(lambda: played.workflow()["backlog"] == 3)


# --- configuration ---


def test_what_the_systems_have_against_it_is_refused_with_its_path(played, ferry):
    ferry.sandbox.admin.campaign_insert("profile", externalId="1", lastName="Moe")  # proves that it is no key
    text = {"dynamics": "lastname", "campaign": "denyListEmail"}
    nothing = {"dynamics": "donotwave", "campaign": "denyListFax"}
    said = faults(played.put({"direction": "both", "attributes": [text, nothing], "key": "lastName"}))
    assert "type String" in said["/attributes/0/dynamics"]
    assert "no column donotwave" in said["/attributes/1/dynamics"]
    assert "identification key" in said["/key"]
    ferry.sandbox.admin.call("POST", "/dynamics/publish", {"table": "contact", "tracking": False})
    assert "change tracking is off" in faults(played.put(BOTH))[""]
    assert played.workflow()["savedRevision"] is None


def test_it_is_applied_edited_compared_and_rolled_back(played, ferry, monkeypatch):
    assert f"workflow/{OPTINOUT} configured" in ferry.apply(BOTH, OPTINOUT).stdout  # known by its members
    played.go()
    editor = ferry.folder / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/donotphone/donotfax/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    assert "configured (revision 2)" in ferry.ctl("edit", OPTINOUT).stdout
    assert ferry.ctl_json("get", "config", OPTINOUT)["configuration"]["attributes"][1]["dynamics"] == "donotfax"
    assert ferry.ctl_json("get", "config", OPTINOUT, "--running")["configuration"] == BOTH
    assert played.workflow()["restartNeeded"]
    shown = ferry.ctl("diff", OPTINOUT).stdout
    assert "/attributes/1/dynamics" in shown and "donotfax" in shown
    assert ferry.ctl("rollback", OPTINOUT).returncode == 0
    assert not played.workflow()["restartNeeded"]


def test_first_edit_begins_disabled_with_one_pair(played, ferry, monkeypatch):
    editor = ferry.folder / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/\"disabled\"/\"both\"/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    ferry.ctl("edit", OPTINOUT)
    saved = ferry.ctl_json("get", "config", OPTINOUT)["configuration"]
    assert (saved["direction"], saved["attributes"]) == ("both", [MAIL])


# --- beside dynamics-to-campaign ---


@pytest.mark.parametrize("name", ["denyListEmail", "blackListEmail"])
def test_a_field_that_both_would_write_is_refused_at_either_save_with_both_places(played, name):
    mapped = names({"source": "donotemail", "destination": name})
    told = f"mappings[0].fields[1] writes {name}, which Opt-In/Out keeps (attributes[0])"
    assert played.put({**BOTH, "direction": "disabled"}).status_code == 201
    assert played.api.put(mapped).status_code == 201  # with direction disabled the mapping may
    assert faults(played.put(BOTH, 1))["/attributes/0/campaign"].startswith(told)
    assert played.api.put(names(), 1).status_code == 200
    assert played.put(BOTH, 1).status_code == 200
    assert faults(played.api.put(mapped, 2))["/mappings/0/fields/1/destination"].startswith(told)


def test_births_carry_what_is_saved_whether_it_runs_or_not(played):
    assert played.put(BOTH).status_code == 201
    assert played.api.put(names()).status_code == 201
    played.run_ingress()
    mapping = played.ingress.order()["mappings"][0]
    assert played.born() == {"denyListEmail": "donotbulkemail", "denyListPhone": "donotphone"}
    assert mapping["columns"] == ["donotbulkemail", "donotphone", "firstname"]
    assert played.status() == "STOPPED" and not played.api.workflow()["restartNeeded"]
    played.go()  # it may: births carry all of it


def test_a_disabled_one_is_carried_by_no_birth(played):
    assert played.put({"attributes": [MAIL]}).status_code == 201
    assert played.api.put(names()).status_code == 201
    played.run_ingress()
    assert played.born() == {} and not played.api.workflow()["restartNeeded"]


def test_another_direction_or_attribute_marks_ingress_and_waits_for_its_restart(played):
    assert played.api.put(names()).status_code == 201
    played.run_ingress()
    assert played.put(BOTH).status_code == 201
    wait_until(lambda: played.api.workflow()["restartNeeded"])
    body = problem(played.start(), 409, "dynamics-to-campaign", "denyListEmail")
    assert "stop and start dynamics-to-campaign" in body["action"]
    assert played.optinout.order() is None
    played.stop_ingress()
    played.run_ingress()
    assert not played.api.workflow()["restartNeeded"]
    played.go()
    assert played.put({"direction": "both", "attributes": [MAIL]}, 1).status_code == 200
    wait_until(lambda: played.api.workflow()["restartNeeded"] and played.workflow()["restartNeeded"])
    assert played.put(BOTH, 2).status_code == 200
    wait_until(lambda: not played.api.workflow()["restartNeeded"])


def test_a_stopped_ingress_that_still_writes_counts_as_running(played):
    assert played.api.put(names()).status_code == 201
    played.run_ingress()
    assert played.put(BOTH).status_code == 201
    assert played.api.post("stop").status_code == 202
    problem(played.start(), 409, "dynamics-to-campaign")
    played.ingress.both("STOPPED")
    wait_until(lambda: played.api.status() == "STOPPED")
    assert played.start().status_code == 202


def test_ingress_that_is_starting_while_opt_in_out_is_saved_carries_it(played, ferry):
    """It was compiled before; it must not be ordered without."""
    assert played.api.put(names()).status_code == 201
    ferry.sandbox.admin.call("POST", "/faults", {
        "system": "dynamics", "kind": "stall", "ms": 4000, "count": 1, "after": 1,
        "match": {"path": "EntityDefinitions"}})
    with concurrent.futures.ThreadPoolExecutor() as threads:
        start = threads.submit(played.api.post, "start")
        wait_until(lambda: ferry.sandbox.admin.faults()[0]["fired"] == 1)
        assert played.put(BOTH).status_code == 201
        assert played.ingress.order() is None  # the save was in time
        assert start.result().status_code == 202
    assert played.born() == {"denyListEmail": "donotbulkemail", "denyListPhone": "donotphone"}
    assert not played.api.workflow()["restartNeeded"]


# --- what it shows ---


def test_running_shows_what_runs_and_what_became_of_it(played, ferry):
    assert played.put(BOTH).status_code == 201
    assert played.workflow()["optOuts"] is None
    played.go()
    played.say("RUNNING", counters={"equal": 7, "decided": {"DYNAMICS": 2, "CAMPAIGN": 3},
                                    "written": {"DYNAMICS": 3, "CAMPAIGN": 1}, "overtaken": 1,
                                    "withoutProfile": 4, "withoutContact": 5, "waiting": 6, "rejected": 0})
    shown = wait_until(lambda: (now := played.workflow())["waiting"] == 6 and now)["optOuts"]
    assert (shown["direction"], shown["rule"], shown["clockToleranceMs"]) == ("both", "original", 60000)
    assert shown["decided"] == {"DYNAMICS": 2, "CAMPAIGN": 3}
    assert (shown["equal"], shown["overtaken"], shown["withoutProfile"], shown["withoutContact"]) == (7, 1, 4, 5)
    assert [one["reader"] and one["reader"]["task"] for one in shown["streams"]] == [
        f"{OPTINOUT}/reader/contact", f"{OPTINOUT}/reader/profiles", None]
    page = ferry.ctl("describe", "workflow", OPTINOUT).stdout
    assert "donotbulkemail <-> blackListEmail" in page and "byOptOutsSince" in page
    assert "Decided for:      DYNAMICS 2, CAMPAIGN 3" in page and "Mappings" not in page
    assert "Without profile:  6" in page


def test_check_lists_what_both_systems_need(played, ferry):
    push = {"dynamics": "donotphone", "campaign": "denyListPushnotification"}
    assert played.put({**BOTH, "attributes": [MAIL, push]}).status_code == 201
    found = {(item["system"], item["check"]): item for item in ferry.ctl_json("check")["items"]}
    for line in [("Dynamics 365", "change tracking of contact"),
                 ("Dynamics 365", "Yes/No column of contact donotbulkemail"),
                 ("Adobe Campaign", "opt-out of profile blackListEmail"),
                 ("Adobe Campaign", "identification key externalId"),
                 ("Adobe Campaign", "time of blackListEmailLastModified"),
                 ("Adobe Campaign", "custom filter byOptOutsSince"), ("Configuration", f"{OPTINOUT} fits")]:
        assert found[line]["result"] == "ok", line
    assert "an opt-out wins" in found["Adobe Campaign", "time of blackListPushnotification"]["message"]
    ferry.sandbox.admin.call("POST", "/dynamics/publish", {"table": "contact", "tracking": False})
    answer = ferry.ctl("check", check=False)
    assert answer.returncode == 1 and "change tracking is off" in answer.stdout


def test_check_says_what_a_missing_filter_means(ferry):
    played = Played(ferry, optout_filter="byAnotherName")
    assert played.put({**BOTH, "export": {}}).status_code == 201
    refused = ferry.ctl("check", check=False)
    line = next(line for line in refused.stdout.splitlines() if "custom filter byOptOutsSince" in line)
    assert refused.returncode == 1 and " missing " in line and "export files alone" in line
    assert played.put({**BOTH, "direction": "dynamics-to-campaign"}, 1).status_code == 200
    assert "missing" not in ferry.ctl("check").stdout  # nothing is read from there


def test_check_looks_at_the_folder_of_the_exports(ferry):
    ferry.start_sandbox(contacts=5)
    sftp = ferry.start_sftp()
    api = Api(ferry.start_controller(**reached(ferry)))
    assert api.put({**BOTH, "export": {}}, 0, OPTINOUT).status_code == 201
    found = {(item["system"], item["check"]): item["result"] for item in ferry.ctl_json("check")["items"]}
    assert found["SFTP server", f"login at {sftp.host}"] == "ok"
    assert found["SFTP server", "the right to read d365_loads/exports"] == "ok"
    assert api.put({**BOTH, "export": {"folder": "d365_loads/nothing"}}, 1, OPTINOUT).status_code == 200
    answer = ferry.ctl("check", check=False)
    assert answer.returncode == 1 and "d365_loads/nothing" in answer.stdout


# --- decisions ---


CONTACT = "345b1280-911c-4d25-858f-d60bbb90578e"
DECISION = {"contactId": CONTACT, "attribute": "denyListEmail", "number": 1, "state": "DECIDED", "cause": "CAMPAIGN",
            "source": "FILE", "place": "optout_20261121_060000.csv:12", "dynamicsValue": True, "campaignValue": False,
            "dynamicsTime": 1780000000123, "campaignTime": 1780000100000, "dynamicsCounted": 1779999990000,
            "campaignCounted": 1780000100000, "direction": "BOTH", "rule": "ORIGINAL", "toleranceMs": 60000,
            "ground": "LATER", "winner": "CAMPAIGN", "decidedAt": 1780000200000, "writtenAt": 0, "writtenTime": 0}


class Decisions:
    """The topic as the writer fills it: whole transactions, latest state by key."""

    def __init__(self, ferry):
        schema = json.loads((ROOT / "schemas" / "opt-out-decision.avsc").read_text())
        self.topic = f"{ferry.name}.optouts.decisions"
        self.parsed = fastavro.parse_schema(schema)
        self.head = b"\xc3\x01" + bytes.fromhex(fastavro.schema.fingerprint(
            fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        self.producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap,
                                                  "transactional.id": f"{ferry.name}.decider"})
        self.producer.init_transactions(30)

    def put(self, commit=True, erase=False, **changes):
        decision = DECISION | changes
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.parsed, decision)
        self.producer.begin_transaction()
        self.producer.produce(self.topic, key="{contactId}/{attribute}/{number}".format(**decision),
                              value=None if erase else self.head + out.getvalue())
        (self.producer.commit_transaction if commit else self.producer.abort_transaction)(30)


def test_decisions_about_a_person_are_shown_newest_first_with_all_that_was_weighed(played, ferry):
    assert played.put(BOTH).status_code == 201 and played.start().status_code == 202
    decisions = Decisions(ferry)
    assert ferry.ctl_json("get", "decisions", "--contact", CONTACT)["items"] == []
    decisions.put()
    decisions.put(state="WRITTEN", writtenAt=1780000200050, writtenTime=1780000200000)
    decisions.put(number=2, decidedAt=1780000300000, winner="DYNAMICS", ground="OPT_OUT", place="")
    decisions.put(attribute="denyListPhone", decidedAt=1780000250000)
    decisions.put(number=3, commit=False)
    decisions.put(contactId="00000000-911c-4d25-858f-d60bbb90578e")
    items = ferry.ctl_json("get", "decisions", "--contact", CONTACT.upper())["items"]
    assert [(one["attribute"], one["number"], one["state"]) for one in items] == [
        ("denyListEmail", 2, "DECIDED"), ("denyListPhone", 1, "DECIDED"), ("denyListEmail", 1, "WRITTEN")]
    assert items[2] == {
        "contact": CONTACT, "attribute": "denyListEmail", "number": 1, "state": "WRITTEN", "cause": "CAMPAIGN",
        "source": "FILE", "place": "optout_20261121_060000.csv:12",
        "dynamics": {"value": True, "changedAt": 1780000000123, "countedAt": 1779999990000},
        "campaign": {"value": False, "changedAt": 1780000100000, "countedAt": 1780000100000},
        "direction": "BOTH", "rule": "ORIGINAL", "toleranceMs": 60000, "ground": "LATER", "winner": "CAMPAIGN",
        "decidedAt": 1780000200000, "writtenAt": 1780000200050, "writtenTimeAt": 1780000200000}
    assert items[0]["place"] is None and items[0]["writtenAt"] is None
    page = ferry.ctl("get", "decisions", "--contact", CONTACT).stdout.splitlines()
    assert len(page) == 4 and "OPT_OUT" in page[1] and "(counted as 2026-05-28T20:26:30" in page[3]
    decisions.put(attribute="denyListPhone", erase=True)
    assert len(ferry.ctl_json("get", "decisions", "--contact", CONTACT)["items"]) == 2


def test_decisions_are_asked_for_by_the_id_of_a_person(played, ferry):
    for words in ((), ("--contact", "Ann Lee")):
        refused = ferry.ctl("get", "decisions", *words, check=False)
        assert refused.returncode == 2 and "--contact" in refused.stderr
    refused = ferry.ctl("get", "decisions", "--contact", "345b1280", check=False)
    assert refused.returncode == 1 and "id of a contact" in refused.stderr
    assert ferry.ctl_json("get", "decisions", "--contact", CONTACT)["items"] == []  # never started


def test_replays_and_deletes_are_refused_with_the_reason(played, ferry):
    refused = ferry.ctl("replay", OPTINOUT, "--table", "contact", check=False)
    assert refused.returncode == 1 and "opt-outs have no replay" in refused.stderr
    refused = ferry.ctl("deletes", "drop", OPTINOUT, "--table", "contact", check=False)
    assert refused.returncode == 1 and "deletes nothing" in refused.stderr


def test_the_example_of_the_documentation_is_taken(played, ferry):
    ferry.ctl("apply", "-f", ROOT / "docs" / "examples" / "opt-in-out.json")
    assert played.workflow()["savedRevision"] == 1
