"""campaign-to-dynamics as the controller and ferryctl see it: its workers are played by the test."""

import concurrent.futures
import json
import time

import confluent_kafka
import pytest

import servers
from instance import EGRESS, INGRESS
from support import ROOT, stays, wait_until
from test_controller import Api, problem
from workers import Workers

EVENTS = {"events": {"click": False}, "since": "2026-11-01T00:00:00Z"}
SEND = {"table": "ferry_emailsend", "entitySet": "ferry_emailsends",
        "regarding": "regardingobjectid_contact_ferry_emailsend", "createMultiple": False,
        "subjectLength": 200,
        "columns": {"campaign": {"name": "ferry_campaign", "length": 100},
                    "delivery": {"name": "ferry_delivery", "length": 100},
                    "date": {"name": "ferry_datesent"},
                    "mirrorPage": {"name": "ferry_mirrorpage", "length": 2000}}}
DATES = {"send": "datesent", "open": "dateopened", "click": "dateclicked", "bounce": "datebounced"}


class Played:
    """A controller in a world with activity tables, its API, and the workers of both workflows."""

    def __init__(self, ferry, settings=None, **sandbox):
        ferry.start_sandbox(**{"activities": "on", **sandbox})
        self.controller = ferry.start_controller(**settings or {})
        self.api = Api(self.controller)
        self.workers = Workers(ferry, EGRESS, "exports", "email")

    def put(self, configuration, revision=0):
        return self.api.put(configuration, revision, EGRESS)

    def workflow(self):
        return self.api.workflow(EGRESS)

    def status(self):
        return self.api.status(EGRESS)

    def start(self):
        return self.api.post("start", EGRESS)

    def stop(self):
        assert self.api.post("stop", EGRESS).status_code == 202
        self.workers.both("STOPPED")
        wait_until(lambda: self.status() == "STOPPED")

    def run(self, configuration):
        assert self.put(configuration).status_code == 201
        self.go()

    def go(self):
        assert self.start().status_code == 202
        self.workers.both("READY")
        wait_until(lambda: self.status() == "RUNNING")
        self.workers.both("RUNNING")


@pytest.fixture
def played(ferry):
    return Played(ferry)


def fault(answer, path):
    faults = {one["path"]: one for one in problem(answer, 422, "not saved")["errors"]}
    assert path in faults, faults
    return faults[path]["reason"]


# --- start and stop ---


def test_start_orders_what_the_metadata_says(played, ferry):
    assert played.put(EVENTS).status_code == 201
    answer = played.start()
    assert answer.status_code == 202 and answer.json()["status"] == "STARTING"
    order = played.workers.order()
    assert (order["generation"], order["phase"], order["revision"], order["mappings"]) == (
        1, "PREPARE", 1, [])
    events = order["events"]
    assert events["kinds"] == ["SEND", "OPEN", "BOUNCE"]
    assert set(events["activities"]) == {"SEND", "OPEN", "BOUNCE"}
    assert events["activities"]["SEND"] == SEND
    assert events["activities"]["BOUNCE"]["columns"]["date"] == {"name": "ferry_datebounced"}
    assert (events["source"], events["since"]) == ("", 1793491200000)
    assert events["export"] == {
        "folder": "d365_loads/exports", "deliveryLogs": "acs_broadlog_*",
        "trackingLogs": "acs_trackinglog_*", "finished": "move",
        "processed": "d365_loads/processed", "delimiter": ",", "quote": '"', "encoding": "UTF-8",
        "timezone": "UTC", "columns": {}}
    assert {"events.email", f"rejects.{EGRESS}"} <= set(ferry.topics.names())


def test_start_goes_when_the_reader_and_every_partition_are_ready(played):
    played.run({})
    played.stop()
    assert played.start().status_code == 202
    wait_until(lambda: "exports" in str(played.workflow()["waitingFor"]))
    played.workers.reader("READY")
    played.workers.writer("READY", [0, 1, 2])
    wait_until(lambda: "3-7 of email" in str(played.workflow()["waitingFor"]))
    stays(lambda: played.workers.order()["phase"] == "PREPARE", 1)
    played.workers.writer("READY")
    wait_until(lambda: played.status() == "RUNNING")
    assert (played.workers.order()["phase"], played.workers.order()["generation"]) == ("GO", 2)


def test_both_workflows_run_side_by_side(played, ferry):
    played.run({})
    ingress = Workers(ferry)
    mapping = {"table": "contact", "resource": "profile", "key": "externalId",
               "fields": [{"source": "firstname", "destination": "firstName"}]}
    assert played.api.put({"mappings": [mapping]}).status_code == 201
    assert played.api.post("start").status_code == 202
    ingress.both("READY")
    wait_until(lambda: played.api.status() == "RUNNING")
    assert played.status() == "RUNNING"
    assert "events" not in ingress.order()
    assert played.api.post("stop").status_code == 202
    stays(lambda: played.status() == "RUNNING", 1)


# --- configuration ---


def test_fault_is_named_by_its_path(played):
    reason = fault(played.put({"export": {"timezone": "Europe/Atlantis"}}), "/export/timezone")
    assert "Europe/Atlantis" in reason
    assert "switches everything off" in fault(
        played.put({"events": dict.fromkeys(DATES, False)}), "/events")
    assert played.workflow()["savedRevision"] is None


def publish(ferry, table, **change):
    ferry.sandbox.admin.call("POST", "/dynamics/publish", {"table": table, **change})


def test_what_the_metadata_has_against_it_is_refused_with_its_path(played, ferry):
    columns = {"campaign": "new_campaign", "date": "ferry_delivery", "mirrorPage": "ferry_datesent",
               "delivery": "statuscode"}
    answer = played.put({"activities": {"send": {"columns": columns},
                                        "open": {"table": "contact"},
                                        "bounce": {"table": "ferry_emailreturn"}}})
    said = {one["path"]: one["reason"] for one in problem(answer, 422, "not saved")["errors"]}
    assert "does not exist" in said["/activities/send/columns/campaign"]
    assert "ferryctl setup dynamics" in said["/activities/send/columns/campaign"]
    assert "must be a date with a time" in said["/activities/send/columns/date"]
    assert "must be a text" in said["/activities/send/columns/mirrorPage"]
    assert "must be a text" in said["/activities/send/columns/delivery"]
    assert "no activity table" in said["/activities/open/table"]
    assert "ferryctl setup dynamics" in said["/activities/bounce/table"]
    assert played.put({"events": {"send": False, "open": False, "bounce": False}}).status_code == 201


def test_regarding_is_called_as_the_environment_calls_it(ferry):
    played = Played(ferry, regarding_names="schema", activity_bulk="on")
    assert played.put({}).status_code == 201
    assert played.start().status_code == 202
    send = played.workers.order()["events"]["activities"]["SEND"]
    assert send["regarding"] == "regardingobjectid_contact_ferry_EmailSend"
    assert send["createMultiple"] is True


def test_since_is_the_first_start_and_stays_it(played):
    before = int(time.time() * 1000)
    played.run({})
    first = played.workers.order()
    assert before <= first["events"]["since"] == first["orderedAt"]
    played.stop()
    assert played.put({"events": {"open": False}}, 1).status_code == 200
    played.go()
    assert played.workers.order()["generation"] == 2
    assert played.workers.order()["events"]["since"] == first["events"]["since"]
    played.stop()
    assert played.put({"since": "2026-11-01T00:00:00Z"}, 2).status_code == 200
    played.go()
    assert played.workers.order()["events"]["since"] == 1793491200000
    played.stop()
    assert played.put({}, 3).status_code == 200
    played.go()
    assert played.workers.order()["events"]["since"] == 1793491200000


def test_source_stays_what_it_was_at_the_last_start(played):
    """It is a part of every activity's id: another one would double what is exported again."""
    assert played.put({}).status_code == 201
    assert played.put({"source": "acme"}, 1).status_code == 200  # nothing has started yet
    played.go()
    assert played.workers.order()["events"]["source"] == "acme"
    reason = fault(played.put({"source": "acme-prod"}, 2), "/source")
    assert "twice" in reason and '"acme"' in reason
    played.stop()
    assert "twice" in fault(played.put({}, 2), "/source")
    assert played.put({"source": "acme", "events": {"open": False}}, 2).status_code == 200
    played.go()


def test_start_refuses_a_source_that_was_saved_while_another_one_started(played, ferry):
    """Before the first order nothing speaks against the second save: the next start does."""
    assert played.put({"source": "acme"}).status_code == 201
    ferry.sandbox.admin.call("POST", "/faults", {
        "system": "dynamics", "kind": "stall", "ms": 4000, "count": 1,
        "match": {"path": "RelationshipDefinitions"}})
    with concurrent.futures.ThreadPoolExecutor() as threads:
        start = threads.submit(played.start)
        wait_until(lambda: ferry.sandbox.admin.faults()[0]["fired"] == 1)
        assert played.put({"source": "other"}, 1).status_code == 200
        assert start.result().status_code == 202
    assert played.workers.order()["events"]["source"] == "acme"
    played.stop()
    refused = problem(played.start(), 409, "twice")
    assert [one["path"] for one in refused["errors"]] == ["/source"]
    assert played.workers.order()["generation"] == 1


def test_edit_needs_a_restart_and_can_be_taken_back(played, ferry):
    played.run({})
    order = played.workers.order()
    ferry.apply({"workflow": EGRESS, "configuration": EVENTS}, EGRESS)
    assert played.workflow()["restartNeeded"] and played.workers.order() == order
    shown = ferry.ctl("diff", EGRESS).stdout
    assert "/since" in shown and "2026-11-01T00:00:00Z" in shown
    assert ferry.ctl("rollback", EGRESS).returncode == 0
    assert not played.workflow()["restartNeeded"]
    lines = ferry.ctl("get", "revisions", EGRESS).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["REVISION", "3", "2", "1"]


def test_bare_configuration_is_known_by_its_members(played, ferry):
    assert f"workflow/{EGRESS} configured" in ferry.apply(EVENTS, EGRESS).stdout
    refused = ferry.ctl("apply", "-f", "-", stdin="{}", check=False)
    assert refused.returncode == 1 and "must hold" in refused.stderr


def test_first_edit_begins_with_the_four_switches(played, ferry, monkeypatch):
    editor = ferry.folder / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/\"click\": true/\"click\": false/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    assert "configured (revision 1)" in ferry.ctl("edit", EGRESS).stdout
    saved = ferry.ctl_json("get", "config", EGRESS)["configuration"]
    assert saved == {"events": {"send": True, "open": True, "click": False, "bounce": True}}


# --- what a running one shows ---


COUNTED = {"filesRead": 7, "filesWaiting": 1, "bytesRead": 4096, "eventsRead": 2000,
           "recordsRejected": 3, "skipped": {"withoutContact": 40, "switchedOff": 0,
                                             "otherKind": 5, "beforeSince": 0}}


def test_events_are_shown_by_kind_with_what_was_skipped(played, ferry):
    played.run(EVENTS)
    played.workers.reader("RUNNING", counters=COUNTED)
    played.workers.writer("RUNNING", [0, 1, 2, 3], counters={
        "written": {"SEND": 1000, "OPEN": 20}, "repeated": 4, "rejected": 1})
    played.workers.writer("RUNNING", [4, 5, 6, 7], name="w1", counters={
        "written": {"SEND": 234, "CLICK": 9}, "repeated": 1, "rejected": 0})
    events = wait_until(lambda: (now := played.workflow()["events"])["repeated"] == 5 and now)
    assert events["written"] == {"SEND": 1234, "OPEN": 20, "BOUNCE": 0}  # clicks are off
    assert {key: events[key] for key in COUNTED} == COUNTED
    assert (events["kinds"], events["rejected"]) == (["SEND", "OPEN", "BOUNCE"], 1)
    assert events["reader"]["state"] == "RUNNING"
    assert sorted(writer["partitions"] for writer in events["writers"]) == [
        [0, 1, 2, 3], [4, 5, 6, 7]]
    page = ferry.ctl("describe", "workflow", EGRESS).stdout
    assert "Events:           SEND, OPEN, BOUNCE" in page
    assert "Written:          SEND 1,234, OPEN 20" in page
    assert "Skipped:          withoutContact 40, otherKind 5" in page
    assert "rows of files 3, events 1 (ferryctl get rejects campaign-to-dynamics)" in page and "Mappings" not in page


def test_nothing_is_shown_before_the_first_start(played, ferry):
    assert played.workflow()["events"] is None
    assert "never" not in ferry.ctl("describe", "workflow", EGRESS).stdout


def produce(ferry, count):
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
    for number in range(count):
        producer.produce(f"{ferry.name}.events.email", b"x", key=b"k", partition=number % 2)
    assert producer.flush(60) == 0


def test_backlog_is_the_lag_on_the_events(played, ferry):
    played.run({})
    wait_until(lambda: played.workflow()["backlog"] == 0)
    assert played.workflow()["oldestWaitingAt"] is None
    before = int(time.time() * 1000)
    produce(ferry, 10)
    wait_until(lambda: played.workflow()["backlog"] == 10)
    oldest = wait_until(lambda: played.workflow()["oldestWaitingAt"])
    assert before - 1000 <= oldest <= time.time() * 1000
    assert "Oldest waits:" in ferry.ctl("describe", "workflow", EGRESS).stdout
    consumer = confluent_kafka.Consumer({"bootstrap.servers": ferry.kafka.bootstrap,
                                         "group.id": f"{ferry.name}.{EGRESS}"})
    topic = f"{ferry.name}.events.email"
    consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 5),
                             confluent_kafka.TopicPartition(topic, 1, 2)], asynchronous=False)
    wait_until(lambda: played.workflow()["backlog"] == 3)
    assert played.workflow()["events"]["backlog"] == 3
    consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 1, 5)], asynchronous=False)
    consumer.close()
    wait_until(lambda: played.workflow()["backlog"] == 0)
    assert played.workflow()["oldestWaitingAt"] is None


def test_rejects_of_files_are_listed_with_file_and_line(played, ferry):
    played.run({})
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
    origin = "acs_broadlog_20261121_060000.csv/17"
    producer.produce(f"{ferry.name}.rejects.{EGRESS}", key=origin, value=b"812345,,\xff",
                     headers={"ferry-reason": "eventDate is no date", "ferry-class": "mapping",
                              "ferry-origin": origin, "ferry-at": "2026-11-22T07:00:00Z"})
    assert producer.flush(60) == 0
    lines = ferry.ctl("get", "rejects", EGRESS).stdout.splitlines()
    assert origin in lines[1] and "eventDate is no date" in lines[1]
    assert "RECORD" not in lines[0]
    titles, line = ferry.ctl("get", "rejects", EGRESS, "--values").stdout.splitlines()
    assert titles.endswith("RECORD") and line.endswith(f'"{b"812345,,".hex()}ff"')
    item = ferry.ctl_json("get", "rejects", EGRESS, "--values")["items"][0]
    assert bytes.fromhex(item["rawHex"]) == b"812345,,\xff"


def test_replays_and_deletes_are_refused_with_the_reason(played, ferry):
    played.run({})
    refused = ferry.ctl("replay", EGRESS, "--table", "email", check=False)
    assert refused.returncode == 1 and "e-mail events have no replay" in refused.stderr
    for verb in ("approve", "drop"):
        refused = ferry.ctl("deletes", verb, EGRESS, "--table", "email", check=False)
        assert refused.returncode == 1 and "never deleted" in refused.stderr


def test_topic_of_another_shape_is_refused(played, ferry):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": ferry.kafka.bootstrap})
    topic = confluent_kafka.admin.NewTopic(f"{ferry.name}.events.email", 3, 1)
    admin.create_topics([topic])[topic.topic].result(30)
    assert played.put({}).status_code == 201
    body = problem(played.start(), 409, "events.email", "3")
    assert body["class"] == "schema" and played.status() == "FAILED"


def test_start_waits_for_dynamics_and_goes_on_by_itself(played, ferry):
    assert played.put({}).status_code == 201
    ferry.sandbox.admin.call("POST", "/faults", {"system": "dynamics", "kind": "status503",
                                                 "count": 3, "match": {"path": "Definitions"}})
    assert played.start().status_code == 202
    wait_until(lambda: played.workers.order(), 60)
    assert played.workers.order()["phase"] == "PREPARE"


def test_start_goes_on_when_nobody_can_say_whether_bulk_is_supported(ferry):
    played = Played(ferry, activity_bulk="on")
    ferry.sandbox.admin.call("POST", "/faults", {
        "system": "dynamics", "kind": "status500text", "match": {"path": "sdkmessagefilters"}})
    played.run(EVENTS)
    assert played.workers.order()["events"]["activities"]["SEND"] == SEND  # by batches
    assert ferry.sandbox.admin.faults()[0]["fired"] > 0


# --- check ---


def lines_of(api):
    return {item["check"]: item for item in api.get("/check")["items"]}


def test_check_lists_what_the_events_need(played, ferry):
    assert played.put({"events": {"open": False}}).status_code == 201
    found = lines_of(played.api)
    for kind in ("send", "click", "bounce"):
        assert found[f"activity table ferry_email{kind}"]["result"] == "ok"
        assert f"the right to read ferry_email{kind}" not in found  # Ferry never reads them
    assert "activity table ferry_emailopen" not in found and "table contact" not in found
    assert found[f"{EGRESS} fits"]["result"] == "ok"
    exports = found["folder of the exports, as the reader sees it"]
    assert (exports["system"], exports["result"]) == ("SFTP server", "unknown")
    assert "start campaign-to-dynamics" in exports["action"]


def test_check_repeats_what_the_reader_says_of_the_server(played, ferry):
    exports = "folder of the exports, as the reader sees it"
    played.run({})
    wait_until(lambda: lines_of(played.api)[exports]["result"] == "ok")
    assert ferry.ctl("check").returncode == 0
    error = {"class": "credentials", "message": "the server does not know the key",
             "action": "install it"}
    played.workers.reader("RUNNING", warning=error)
    wait_until(lambda: lines_of(played.api)[exports]["result"] == "unknown")
    played.workers.reader("FAILED", error=error)
    line = wait_until(lambda: (now := lines_of(played.api)[exports])["result"] == "missing" and now)
    assert {key: line[key] for key in error} == error
    assert ferry.ctl("check", check=False).returncode == 1


def reached(ferry):
    """The settings by which a controller looks at the sftp server itself."""
    return {"sftp.host": ferry.sftp.host, "sftp.port": ferry.sftp.port,
            "sftp.user": ferry.sftp.user, "sftp.private.key.file": ferry.sftp.key,
            "sftp.known.hosts.file": ferry.sftp.known_hosts}


def test_check_looks_at_the_server_itself_where_it_is_told_how(ferry):
    ferry.start_sftp()
    played = Played(ferry, reached(ferry))
    assert played.put({}).status_code == 201
    login, folder = f"login at {ferry.sftp.host}", "the right to read d365_loads/exports"
    found = lines_of(played.api)
    assert found[login]["result"] == found[folder]["result"] == "ok"
    assert ferry.ctl("check").returncode == 0  # the reader has not run yet, and is not missed
    ferry.sftp.exports.rmdir()
    line = lines_of(played.api)[folder]
    assert line["result"] == "missing" and "d365_loads/exports" in line["message"]
    ferry.sftp.known_hosts.write_text("")
    found = lines_of(played.api)
    assert found[login]["result"] == "missing" and found[login]["class"] == "credentials"
    assert found[folder]["result"] == "unknown"
    ferry.sftp.stop()
    ferry.servers.remove(ferry.sftp)
    line = lines_of(played.api)[login]
    assert (line["result"], line["class"]) == ("unknown", "network")


def test_check_says_what_to_set_up(played, ferry):
    assert played.put({"events": {"open": False}}).status_code == 201
    publish(ferry, "ferry_emailsend", removeColumn="ferry_campaign")
    found = lines_of(played.api)
    assert found[f"{EGRESS} fits"]["result"] == "missing"
    line = found["/activities/send/columns/campaign"]
    assert line["class"] == "schema" and "ferryctl setup dynamics" in line["message"]


def test_check_asks_the_schema_registry(ferry, registry):
    ferry.use_registry(registry)
    played = Played(ferry)
    line = lines_of(played.api)[f"reached at {registry.url}"]
    assert (line["system"], line["result"]) == ("Schema registry", "ok")


def test_check_names_a_registry_that_is_not_there(ferry, late_registry):
    ferry.use_registry(late_registry)
    played = Played(ferry)
    line = lines_of(played.api)[f"reached at {late_registry.url}"]
    assert (line["result"], line["class"]) == ("unknown", "network")
    assert late_registry.url in line["message"]


# --- setup dynamics ---


def made(items, result):
    return {(item["table"], item["column"]) for item in items if item["result"] == result}


def everything():
    for kind, date in DATES.items():
        table = f"ferry_email{kind}"
        yield table, None
        for column in ("campaign", "delivery", date, "mirrorpage"):
            yield table, f"ferry_{column}"
    yield "ferry_emailclick", "ferry_url"


def test_setup_makes_what_is_missing_once(ferry):
    played = Played(ferry, activities="off")
    refused = played.put({})
    assert "ferryctl setup dynamics" in fault(refused, "/activities/send/table")
    listed = ferry.ctl("setup", "dynamics", "--dry-run").stdout
    assert listed.count("would be created") == len(list(everything()))
    assert "ferryctl setup dynamics" in fault(played.put({}), "/activities/click/table")

    first = ferry.ctl_json("setup", "dynamics")
    assert first["ok"] and made(first["items"], "created") == set(everything())
    assert played.put({}).status_code == 201
    assert played.start().status_code == 202
    assert played.workers.order()["events"]["activities"]["SEND"] == SEND
    second = ferry.ctl_json("setup", "dynamics")
    assert second["ok"] and made(second["items"], "exists") == set(everything())


def test_setup_adds_the_columns_that_are_missing(played, ferry):
    publish(ferry, "ferry_emailsend", removeColumn="ferry_campaign")
    items = ferry.ctl_json("setup", "dynamics")["items"]
    assert made(items, "created") == {("ferry_emailsend", "ferry_campaign")}
    assert played.put({}).status_code == 201


OWN = {"events": {"open": False, "click": False, "bounce": False},
       "activities": {"send": {"table": "contoso_emailsend", "columns": {
           "campaign": "contoso_action", "delivery": "contoso_mailing", "date": "contoso_senton",
           "mirrorPage": "contoso_copy"}}}}
OWN_NAMES = [None, "contoso_action", "contoso_mailing", "contoso_senton", "contoso_copy"]


def test_names_of_ones_own_go_from_nothing_to_running(ferry):
    played = Played(ferry, activities="off")
    file = ferry.folder / "own.json"
    file.write_text(json.dumps({"workflow": EGRESS, "configuration": OWN}))
    refused = ferry.ctl("apply", "-f", file, check=False)
    assert refused.returncode == 1 and "contoso_emailsend" in refused.stderr
    assert "ferryctl setup dynamics (-f FILE" in refused.stderr

    own = {("contoso_emailsend", column) for column in OWN_NAMES}
    assert ferry.ctl("setup", "dynamics", "-f", file, "--dry-run").stdout.count(
        "would be created") == len(own)
    assert ferry.ctl("apply", "-f", file, check=False).returncode == 1  # it only looked
    assert made(ferry.ctl_json("setup", "dynamics", "-f", file)["items"], "created") == own
    assert "configured (revision 1)" in ferry.ctl("apply", "-f", file).stdout
    played.go()
    send = played.workers.order()["events"]["activities"]["SEND"]
    assert (send["table"], send["columns"]["date"]) == ("contoso_emailsend",
                                                        {"name": "contoso_senton"})
    assert made(ferry.ctl_json("setup", "dynamics")["items"], "exists") == own  # as it is saved


def test_setup_refuses_a_file_that_it_cannot_use(played, ferry):
    wrong = ferry.ctl("setup", "dynamics", "-f", "-", check=False, stdin='{"mappings": []}')
    assert wrong.returncode == 1 and "dynamics-to-campaign" in wrong.stderr
    table = {"activities": {"send": {"table": "No Name"}}}
    wrong = ferry.ctl("setup", "dynamics", "-f", "-", check=False, stdin=json.dumps(table))
    assert wrong.returncode == 1 and "/activities/send/table" in wrong.stderr
    assert ferry.ctl("setup", "dynamics", "-f", "/nowhere", check=False).returncode == 1


def test_setup_without_the_right_to_customize_says_which_role(ferry):
    Played(ferry, activities="off")
    ferry.sandbox.admin.call("POST", "/settings", {"noCustomizer": True})
    run = ferry.ctl("setup", "dynamics", check=False)
    assert run.returncode == 1
    assert "System Customizer" in run.stdout and "prvCreateEntity" in run.stdout
    report = json.loads(ferry.ctl("setup", "dynamics", "-o", "json", check=False).stdout)
    failed = [item for item in report["items"] if item["result"] == "failed"]
    assert {item["class"] for item in failed} == {"permission"} and len(failed) == 4


def test_setup_leaves_alone_what_is_something_else(played, ferry):
    assert played.put({}).status_code == 201
    publish(ferry, "ferry_emailopen", removeColumn="ferry_campaign")
    publish(ferry, "ferry_emailopen", addColumn={"name": "ferry_campaign", "type": "Integer"})
    run = ferry.ctl("setup", "dynamics", check=False)
    assert run.returncode == 1 and "must be a text: name another column" in run.stdout


def test_setup_can_be_run_again_after_a_fault(ferry):
    Played(ferry, activities="off")
    ferry.sandbox.admin.call("POST", "/faults", {"system": "dynamics", "kind": "status503",
                                                 "after": 6, "count": 1, "match": {"path": "Attributes", "verb": "POST"}})
    first = json.loads(ferry.ctl("setup", "dynamics", "-o", "json", check=False).stdout)
    assert not first["ok"]
    second = ferry.ctl_json("setup", "dynamics")
    assert second["ok"] and made(second["items"], "created")
    assert made(second["items"], "exists") | made(second["items"], "created") == set(everything())
