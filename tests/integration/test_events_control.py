"""campaign-to-dynamics as the controller and ferryctl see it: its workers are played by the test."""

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


class Played:
    """A controller in a world with activity tables, its API, and the workers of both workflows."""

    def __init__(self, ferry, **sandbox):
        ferry.start_sandbox(**{"activities": "on", **sandbox})
        self.controller = ferry.start_controller()
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


# --- setup dynamics ---


DATES = {"send": "datesent", "open": "dateopened", "click": "dateclicked", "bounce": "datebounced"}


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
