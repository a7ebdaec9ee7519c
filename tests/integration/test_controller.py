"""The controller alone, on a real Kafka: its workers are played by the test."""

import concurrent.futures
import json
import signal
import time

import confluent_kafka
import confluent_kafka.admin
import pytest
import requests

import servers
from instance import INGRESS
from support import stays, wait_until
from workers import Workers

CONTACTS = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId",
                          "fields": [{"source": "firstname", "destination": "firstName"}]}]}
RENAMED = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId",
                         "fields": [{"source": "lastname", "destination": "lastName"}]}]}


class Api:
    """The API of one controller, as a program uses it."""

    def __init__(self, controller):
        self.controller = controller

    def call(self, method, path, **more):
        return requests.request(method, f"{self.controller.url}/v1{path}", timeout=60, **more)

    def get(self, path, **query):
        answer = self.call("GET", path, params=query)
        assert answer.ok, answer.text
        return answer.json()

    def workflow(self, workflow=INGRESS):
        return self.get(f"/workflows/{workflow}")

    def status(self, workflow=INGRESS):
        return self.workflow(workflow)["status"]

    def post(self, verb, workflow=INGRESS):
        return self.call("POST", f"/workflows/{workflow}/{verb}")

    def put(self, configuration, revision=0, workflow=INGRESS):
        match = {"If-Match": f'"{revision}"'} if revision else {"If-None-Match": "*"}
        return self.call("PUT", f"/workflows/{workflow}/configuration", headers=match,
                         json={"configuration": configuration})


@pytest.fixture
def controller(ferry):
    ferry.start_sandbox()
    return ferry.start_controller()


@pytest.fixture
def api(controller):
    return Api(controller)


@pytest.fixture
def workers(ferry, controller):
    return Workers(ferry)


def run(api, workers, configuration=CONTACTS):
    """To RUNNING by the two steps."""
    assert api.put(configuration).status_code == 201
    assert api.post("start").status_code == 202
    workers.both("READY")
    wait_until(lambda: api.status() == "RUNNING")
    workers.both("RUNNING")


def problem(answer, status, *words):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["title"]
    assert all(word in body["detail"] for word in words), body
    return body


# --- what is there ---


def test_three_workflows_are_listed_by_their_names(api):
    items = api.get("/workflows")["items"]
    assert [(item["id"], item["name"]) for item in items] == [
        ("dynamics-to-campaign", "Microsoft Dynamics 365 to Campaign"),
        ("campaign-to-dynamics", "Campaign to Microsoft Dynamics 365"),
        ("opt-in-out", "Opt-In/Out")]
    assert {item["status"] for item in items} == {"STOPPED"}
    assert {item["backlog"] for item in items} == {0}


def test_unknown_things_are_named(api):
    problem(api.call("GET", "/workflows/nonsense"), 404, "nonsense", "dynamics-to-campaign")
    problem(api.call("GET", "/nonsense"), 404)
    problem(api.call("DELETE", "/workflows"), 405)
    problem(api.call("GET", f"/workflows/{INGRESS}/configuration"), 404, "no configuration yet")


def test_strangers_are_refused(api, controller):
    assert api.put(CONTACTS).status_code == 201
    path = f"{controller.url}/v1/workflows/{INGRESS}/start"
    problem(requests.post(path, headers={"Origin": "http://evil.example"}, timeout=10), 403)
    problem(requests.post(path, headers={"Host": "evil.example"}, timeout=10), 421)
    assert api.status() == "STOPPED"


def test_it_listens_on_loopback_only(ferry, controller):
    controller.stop()
    controller.settings["api.listen"] = "0.0.0.0:0"
    controller.start(wait=False)
    assert controller.wait_for_exit() == 1
    assert "loopback" in controller.events("cannot_start")[0]["message"]


# --- configuration ---


def test_configuration_is_saved_as_revisions(api, ferry):
    first = api.put(CONTACTS)
    assert first.status_code == 201 and first.headers["ETag"] == '"1"'
    second = api.put(RENAMED, 1)
    assert second.status_code == 200 and second.headers["ETag"] == '"2"'
    assert api.get(f"/workflows/{INGRESS}/configuration")["configuration"] == RENAMED
    assert api.get(f"/workflows/{INGRESS}/configuration", revision=1)["configuration"] == CONTACTS
    revisions = api.get(f"/workflows/{INGRESS}/configuration/revisions")["items"]
    assert [item["revision"] for item in revisions] == [2, 1]
    documents = ferry.topics.documents("workflows")
    assert documents[f"{INGRESS}/saved/1"]["configuration"] == CONTACTS
    assert documents[f"{INGRESS}/saved/2"]["configuration"] == RENAMED


def test_edit_of_another_revision_is_refused(api):
    path = f"/workflows/{INGRESS}/configuration"
    problem(api.call("PUT", path, json={"configuration": CONTACTS}), 428, "If-Match")
    assert api.put(CONTACTS).status_code == 201
    problem(api.put(RENAMED), 412, "revision 1")
    assert api.put(RENAMED, 1).status_code == 200
    problem(api.put(CONTACTS, 1), 412, "revision 2")


def test_of_two_edits_at_once_one_is_saved(api):
    assert api.put(CONTACTS).status_code == 201
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.put(RENAMED, 1).status_code, range(8)))
    assert sorted(answers) == [200] + 7 * [412]
    assert api.workflow()["savedRevision"] == 2


def test_fault_is_named_by_its_path(api):
    body = problem(api.put({"mappings": "all"}), 422, "not saved")
    assert any(fault["path"] == "/mappings" and fault["reason"] for fault in body["errors"])
    assert api.workflow()["savedRevision"] is None


def test_body_that_is_no_configuration_is_refused(api):
    for body in ("", "{", "[]", "null", '{"a":1,"a":2}', '{"mappings":[]}',
                 '{"configuration":[]}'):
        answer = api.call("PUT", f"/workflows/{INGRESS}/configuration", data=body,
                          headers={"Content-Type": "application/json", "If-None-Match": "*"})
        problem(answer, 400)
    assert api.workflow()["savedRevision"] is None


# --- start and stop ---


def test_start_without_configuration_is_refused(api):
    problem(api.post("start"), 409, "no configuration yet")
    assert api.status() == "STOPPED"


def test_start_has_two_steps(api, workers, ferry):
    assert api.put(CONTACTS).status_code == 201
    answer = api.post("start")
    assert answer.status_code == 202 and answer.json()["status"] == "STARTING"
    order = workers.order()
    assert (order["generation"], order["phase"], order["revision"]) == (1, "PREPARE", 1)
    assert order["mappings"][0]["table"] == "contact"
    assert {"changes.contact", "written.contact", "waiting.contact",
            f"rejects.{INGRESS}"} <= set(ferry.topics.names())

    workers.reader("READY")
    workers.writer("READY", [0, 1, 2])
    workers.writer("PREPARING", [3, 4, 5, 6, 7], name="w1")
    wait_until(lambda: "3-7" in str(api.workflow()["waitingFor"]))
    stays(lambda: workers.order()["phase"] == "PREPARE" and api.status() == "STARTING", 2)

    workers.writer("READY", [3, 4, 5, 6, 7], name="w1")
    wait_until(lambda: api.status() == "RUNNING")
    assert (workers.order()["phase"], workers.order()["generation"]) == ("GO", 1)
    assert api.post("start").status_code == 200  # as it was
    assert workers.order()["generation"] == 1


def test_start_without_workers_says_so(api):
    assert api.put(CONTACTS).status_code == 201
    assert api.post("start").status_code == 202
    warning = wait_until(lambda: api.workflow()["warning"])
    assert "no live reader" in warning["message"] and "ferry-reader" in warning["action"]
    assert api.status() == "STARTING"


def test_stop_waits_for_the_workers(api, workers):
    run(api, workers)
    answer = api.post("stop")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["stopping"]) == ("RUNNING", True)
    assert workers.order()["phase"] == "STOP"
    problem(api.post("start"), 409, "still stopping")
    workers.reader("STOPPED")
    stays(lambda: api.workflow()["stopping"], 1)
    workers.writer("STOPPED", [])
    wait_until(lambda: api.status() == "STOPPED")
    assert api.post("stop").status_code == 200  # as it was

    assert api.post("start").status_code == 202
    assert (workers.order()["generation"], workers.order()["phase"]) == (2, "PREPARE")


def test_stop_ends_a_start_that_cannot_go_on(api, workers):
    assert api.put(CONTACTS).status_code == 201
    assert api.post("start").status_code == 202
    assert api.post("stop").status_code == 202
    wait_until(lambda: api.status() == "STOPPED")
    assert workers.order()["phase"] == "STOP"


def test_silent_worker_does_not_hold_up_a_stop(api, workers):
    run(api, workers)
    api.post("stop")
    workers.reader("STOPPED")
    wait_until(lambda: api.status() == "STOPPED", 25, "STOPPED, as the writer has been silent")
    assert workers.order()["phase"] == "STOP"


def test_failed_task_says_why_and_stop_works(api, workers):
    run(api, workers)
    error = {"class": "schema", "message": "the column jobtitle is gone", "action": "mend it"}
    workers.reader("FAILED", error=error)
    wait_until(lambda: api.status() == "FAILED")
    got = api.workflow()["error"]
    assert got["task"] == f"{INGRESS}/reader/contact"
    assert {key: got[key] for key in error} == error
    workers.reader("RUNNING")
    wait_until(lambda: api.status() == "RUNNING")
    workers.reader("FAILED", error=error)
    wait_until(lambda: api.status() == "FAILED")
    assert api.post("stop").status_code == 202
    workers.both("STOPPED")
    wait_until(lambda: api.status() == "STOPPED")


def test_edit_needs_a_restart_and_does_not_touch_what_runs(api, workers):
    run(api, workers)
    before = workers.order()
    assert not api.workflow()["restartNeeded"]
    assert api.put(RENAMED, 1).status_code == 200
    assert api.workflow()["restartNeeded"]
    assert workers.order() == before
    running = api.get(f"/workflows/{INGRESS}/configuration", running="true")
    assert (running["revision"], running["configuration"]) == (1, CONTACTS)
    assert api.put(CONTACTS, 2).status_code == 200  # the same content again
    assert not api.workflow()["restartNeeded"]
    assert api.put(RENAMED, 3).status_code == 200

    api.post("stop")
    workers.both("STOPPED")
    wait_until(lambda: api.status() == "STOPPED")
    assert not api.workflow()["restartNeeded"]
    assert api.post("start").status_code == 202
    assert workers.order()["revision"] == 4


# --- backlog ---


def commit(ferry, offsets):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": ferry.kafka.bootstrap,
                                         "group.id": f"{ferry.name}.{INGRESS}"})
    consumer.commit(offsets=[confluent_kafka.TopicPartition(f"{ferry.name}.changes.contact", *at)
                             for at in offsets], asynchronous=False)
    consumer.close()


def test_backlog_is_the_lag_of_the_writers(api, workers, ferry):
    run(api, workers)
    wait_until(lambda: api.workflow()["backlog"] == 0)
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap,
                                         "transactional.id": f"{ferry.name}.test"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in range(10):
        producer.produce(f"{ferry.name}.changes.contact", b"x", key=b"k", partition=number % 2)
    producer.flush(60)
    # Records of an open transaction are read, queued and not yet written.
    wait_until(lambda: api.workflow()["backlog"] == 10)
    producer.commit_transaction(30)
    wait_until(lambda: api.workflow()["backlog"] == 12)  # one more for each marker
    commit(ferry, [(0, 3), (1, 6)])
    wait_until(lambda: api.workflow()["backlog"] == 3)
    assert ferry.topics.lag(INGRESS) == 3
    commit(ferry, [(0, 6), (1, 6)])
    workflow = wait_until(lambda: api.workflow()["backlog"] == 0 and api.workflow())
    assert workflow["mappings"][0]["backlog"] == 0
    assert workflow["secondsToEmpty"] == 0


def test_backlog_is_unknown_without_kafka_and_nobody_is_declared_gone(ferry_on_own_kafka):
    ferry = ferry_on_own_kafka
    ferry.start_sandbox()
    api, workers = Api(ferry.start_controller()), Workers(ferry)
    run(api, workers)
    wait_until(lambda: api.workflow()["backlog"] == 0)
    ferry.kafka.pause()
    workflow = wait_until(lambda: api.workflow()["backlog"] is None and api.workflow(), 60)
    wait_until(lambda: "Kafka has not answered" in str(api.workflow()["warnings"]), 60)
    assert workflow["status"] == "RUNNING"
    missed = []

    def no_live():
        found = [w["message"] for w in api.workflow()["warnings"] if "no live" in w["message"]]
        missed.extend(found)
        return found

    stays(lambda: not no_live(), 15)
    ferry.kafka.resume()
    # Right afterwards nobody is gone either, though nobody has been heard for long.
    wait_until(lambda: not no_live() and
               "Kafka has not answered" not in str(api.workflow()["warnings"]), 90)
    assert not no_live() and not missed
    wait_until(lambda: api.workflow()["backlog"] == 0, 90)
    workers.both("RUNNING", generation=1)
    wait_until(lambda: not api.workflow()["warnings"], 60)


def test_backlog_is_known_again_after_kafka_was_gone_for_longer_than_a_question_may_last(ferry_on_own_kafka):
    """librdkafka's question about any group ends the process then (#4605)."""
    ferry = ferry_on_own_kafka
    ferry.start_sandbox()
    controller = ferry.start_controller(kafka_socket_timeout_ms=10000)
    api, workers = Api(controller), Workers(ferry)
    run(api, workers)
    ferry.wait_until(lambda: api.workflow()["backlog"] == 0)
    pid, gone_at = controller.pid, time.monotonic()
    ferry.kafka.kill9()
    ferry.wait_until(lambda: api.workflow()["backlog"] is None, 60)
    ferry.wait_until(lambda: time.monotonic() - gone_at > 25, 60, "a question is given up while nobody is there")
    assert api.workflow()["backlog"] is None and controller.events("backlog_unknown")
    ferry.kafka.start()
    ferry.wait_until(lambda: api.workflow()["backlog"] == 0, 60)
    stays(controller.alive, 5)
    assert controller.pid == pid


# --- kills, rivals, absences ---


def test_restarted_controller_knows_everything(api, workers, controller):
    run(api, workers)
    assert api.put(RENAMED, 1).status_code == 200
    before = api.workflow()
    controller.kill9()
    controller.start()
    after = api.workflow()
    for key in ("status", "generation", "revision", "savedRevision", "restartNeeded", "orderedAt"):
        assert after[key] == before[key]


# Where the process is killed, and whether the order had reached Kafka by then.
STEPS = [("launch-compiled", False), ("launch-topics", False), ("journal-begun", False),
         ("journal-produced", False), ("journal-committed", True)]


@pytest.mark.parametrize("step,ordered", STEPS)
def test_controller_killed_while_starting(api, workers, controller, monkeypatch, step, ordered):
    assert api.put(CONTACTS).status_code == 201
    controller.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    controller.start()
    with pytest.raises(requests.ConnectionError):
        api.post("start")
    assert controller.wait_for_exit() == -signal.SIGKILL
    monkeypatch.delenv("FERRY_CRASH_AT")
    controller.start()
    assert api.status() == ("STARTING" if ordered else "STOPPED")
    if not ordered:
        assert workers.order() is None
        assert api.post("start").status_code == 202
    assert (workers.order()["phase"], workers.order()["generation"]) == ("PREPARE", 1)
    workers.both("READY")
    wait_until(lambda: api.status() == "RUNNING")
    assert workers.order()["phase"] == "GO"


@pytest.mark.parametrize("step,ordered", [("launch-ready", False), ("journal-begun:2", False),
                                          ("journal-produced:2", False),
                                          ("journal-committed:2", True)])
def test_controller_killed_while_ordering_to_go(api, workers, controller, monkeypatch, step,
                                                ordered):
    assert api.put(CONTACTS).status_code == 201
    controller.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    controller.start()
    assert api.post("start").status_code == 202
    workers.both("READY")
    assert controller.wait_for_exit() == -signal.SIGKILL
    assert workers.order()["phase"] == ("GO" if ordered else "PREPARE")
    monkeypatch.delenv("FERRY_CRASH_AT")
    controller.start()
    workers.both("READY")
    wait_until(lambda: api.status() == "RUNNING")
    assert (workers.order()["phase"], workers.order()["generation"]) == ("GO", 1)


@pytest.mark.parametrize("step,ordered", [("journal-begun", False), ("journal-produced", False),
                                          ("journal-committed", True)])
def test_controller_killed_while_stopping(api, workers, controller, monkeypatch, step, ordered):
    run(api, workers)
    controller.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    controller.start()
    with pytest.raises(requests.ConnectionError):
        api.post("stop")
    assert controller.wait_for_exit() == -signal.SIGKILL
    monkeypatch.delenv("FERRY_CRASH_AT")
    controller.start()
    assert api.workflow()["stopping"] == ordered
    assert api.post("stop").status_code == (200 if ordered else 202)
    workers.both("STOPPED")
    wait_until(lambda: api.status() == "STOPPED")


@pytest.mark.parametrize("step,saved", [("journal-begun", False), ("journal-produced", False),
                                        ("journal-committed", True)])
def test_controller_killed_while_saving(api, controller, monkeypatch, step, saved):
    assert api.put(CONTACTS).status_code == 201
    controller.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    controller.start()
    with pytest.raises(requests.ConnectionError):
        api.put(RENAMED, 1)
    assert controller.wait_for_exit() == -signal.SIGKILL
    monkeypatch.delenv("FERRY_CRASH_AT")
    controller.start()
    assert api.workflow()["savedRevision"] == (2 if saved else 1)
    answer = api.put(RENAMED, 1)
    assert answer.status_code == (412 if saved else 200)
    assert api.get(f"/workflows/{INGRESS}/configuration")["configuration"] == RENAMED


def test_of_two_controllers_the_later_one_writes(api, workers, ferry):
    assert api.put(CONTACTS).status_code == 201
    later = Api(ferry.start_controller(1))
    body = problem(api.put(RENAMED, 1), 503, "another controller", "only reads")
    assert "end it" in body["action"]
    problem(api.post("start"), 503, "another controller")
    assert api.get("/workflows")["readOnly"] and not api.get("/version")["writable"]

    assert later.put(RENAMED, 1).status_code == 200
    assert later.post("start").status_code == 202
    workers.both("READY")
    wait_until(lambda: later.status() == "RUNNING")
    # The first one only reads, but it reads.
    wait_until(lambda: api.status() == "RUNNING" and api.workflow()["savedRevision"] == 2)
    orders = [json.loads(message.value()) for message in ferry.topics.read("workflows")
              if message.key().decode() == f"{INGRESS}/run"]
    assert [(order["generation"], order["phase"]) for order in orders] == [(1, "PREPARE"),
                                                                           (1, "GO")]


def test_fenced_controller_takes_over_again_when_it_is_asked_to_later(api, ferry):
    assert api.put(CONTACTS).status_code == 201
    rival = ferry.start_controller(1)
    problem(api.put(RENAMED, 1), 503, "another controller")
    rival.stop()
    wait_until(lambda: api.put(RENAMED, 1).status_code == 200, 60, "it takes over", 1)
    assert api.workflow()["savedRevision"] == 2


def start_unready(ferry, monkeypatch):
    """A controller that cannot become ready: its API and its health port answer all the same."""
    monkeypatch.setattr(servers.Controller, "wait_until_running",
                        lambda self: self._wait(lambda: self.url and self.address(), "listens"))
    return ferry.start_controller()


def test_topic_of_the_wrong_shape_is_named(ferry, monkeypatch):
    ferry.topics.admin.create_topics([confluent_kafka.admin.NewTopic(
        f"{ferry.name}.checkpoints", 3, config={"cleanup.policy": "compact"})])[
            f"{ferry.name}.checkpoints"].result()
    ferry.start_sandbox()
    controller = start_unready(ferry, monkeypatch)
    wait_until(lambda: "checkpoints" in Api(controller).call("GET", "/workflows").text)


def test_status_that_is_nonsense_is_ignored(api, workers, ferry, controller):
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
    for key, value in ((b"x", b'"nonsense"'), (b"", b"{}"), (b"y", None), (b"", None)):
        producer.produce(f"{ferry.name}.status", key=key, value=value)
        producer.produce(f"{ferry.name}.workflows", key=key, value=value)
    assert producer.flush(60) == 0
    wait_until(lambda: controller.events("status_ignored") and controller.events("document_ignored"))
    run(api, workers)
    controller.stop()
    controller.start()
    assert api.status() == "RUNNING"
