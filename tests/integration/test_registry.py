"""Avro by a schema registry: a real one, its ids on the wire, and what happens when it is down or refuses."""

import json

import confluent_kafka

from crowd import Crowd
from instance import INGRESS
from oracle import CONTACTS, Oracle
from support import ROOT, stays

TABLES = ("changes.contact", "written.contact")


def framings(ferry, topic):
    """How many values of a topic begin in which way."""
    values = [message.value() for message in ferry.topics.read(topic) if message.value()]
    return {"confluent": sum(value[:1] == b"\0" for value in values),
            "single": sum(value[:2] == b"\xc3\x01" for value in values), "all": len(values)}


def subject(ferry, topic):
    return f"{ferry.name}.{topic}-value"


def writes(ferry):
    calls = ferry.sandbox.admin.stats()["campaign"]["calls"]
    return {verb: calls[verb] for verb in ("insert", "update", "delete")}


def test_the_pipeline_waits_for_a_registry_and_a_stranger_reads_by_its_ids(ferry, late_registry):
    ferry.use_registry(late_registry)
    ferry.start_all(contacts=200)
    ferry.apply(CONTACTS)
    ferry.ctl("start", INGRESS)
    warning = ferry.wait_until(lambda: ferry.workflow()["warning"], what="a warning")
    assert late_registry.url in warning["message"] and warning["class"] == "network"
    assert warning["retryAt"] > 0
    stays(lambda: ferry.status() == "STARTING", 1)
    assert ferry.topics.read("changes.contact") == []

    late_registry.start()
    ferry.wait_until(lambda: ferry.status() == "RUNNING", 60)
    oracle = Oracle(ferry)
    oracle.assert_delivered()  # its records are decoded by the schemas that the registry gives
    for topic in TABLES:
        assert subject(ferry, topic) in late_registry.get("/subjects")
        found = framings(ferry, topic)
        assert found["confluent"] == found["all"] >= 200
    assert ferry.workflow()["warning"] is None
    version = late_registry.get(f"/subjects/{subject(ferry, 'changes.contact')}/versions/latest")
    assert json.loads(version["schema"]) == json.loads(
        (ROOT / "schemas" / "change-record.avsc").read_text())


def test_switching_to_a_registry_loses_and_doubles_nothing(ferry, registry):
    sandbox, controller, reader, writer = ferry.start_all(contacts=300)
    ferry.apply(CONTACTS)
    ferry.start()
    oracle = Oracle(ferry)
    oracle.wait_until_settled()
    writer.stop()
    sandbox.admin.touch("contact", 40)
    sandbox.admin.append("contact", 10)
    ferry.wait_until(lambda: len(ferry.topics.records("changes.contact")) == 350)
    ferry.ctl("stop", INGRESS, "--wait")
    before = {topic: framings(ferry, topic) for topic in TABLES}
    assert before["changes.contact"]["single"] == 350 and before["written.contact"]["single"] >= 300

    ferry.use_registry(registry)
    for file in (ferry.folder / "writer-0.state").iterdir():
        file.unlink()  # what was written is read again, in its old form
    reader.settings["schema.registry.url"] = writer.settings["schema.registry.url"] = registry.url
    reader.stop()
    reader.start()
    writer.start()
    ferry.start()
    sandbox.admin.touch("contact", 30, seed=2)
    oracle.assert_delivered()
    assert writes(ferry)["insert"] == 310
    for topic in TABLES:
        after = framings(ferry, topic)
        assert after["single"] == before[topic]["single"] and after["confluent"] >= 30
    # A second look at the old records: all are known, in both forms.
    calls = writes(ferry)
    writer.stop()
    for file in (ferry.folder / "writer-0.state").iterdir():
        file.unlink()
    writer.start()
    oracle.wait_until_settled()
    assert writes(ferry) == calls


def test_an_incompatible_schema_is_failed_until_it_is_mended(ferry, registry):
    ferry.use_registry(registry)
    name = subject(ferry, "changes.contact")
    other = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "long"}]}
    registry.register(name, other)
    registry.put(f"/config/{name}", compatibility="BACKWARD")
    ferry.start_all(contacts=20)
    ferry.apply(CONTACTS)
    refused = ferry.ctl("start", INGRESS, "--wait", check=False)
    assert refused.returncode == 1
    error = ferry.workflow()["error"]
    assert ferry.status() == "FAILED" and error["class"] == "schema"
    assert registry.url in error["message"] and name in error["message"]
    assert "compatibility" in error["action"]

    registry.put(f"/config/{name}", compatibility="NONE")
    ferry.ctl("stop", INGRESS, "--wait")
    ferry.start()
    Oracle(ferry).wait_until_settled()
    assert writes(ferry)["insert"] == 20


def test_a_message_with_a_foreign_id_stops_its_table_and_is_not_guessed_at(ferry, registry):
    ferry.use_registry(registry)
    _, _, reader, writer = ferry.start_all(contacts=20)
    ferry.apply(CONTACTS)
    ferry.start()
    Oracle(ferry).wait_until_settled()
    foreign = registry.register(f"{ferry.name}.foreign-value", {"type": "string"})
    producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
    producer.produce(f"{ferry.name}.changes.contact", key="somebody",
                     value=b"\0" + foreign.to_bytes(4, "big") + b"\x08text")
    assert producer.flush(60) == 0
    ferry.wait_until(lambda: ferry.status() == "FAILED")
    error = ferry.workflow()["error"]
    assert error["class"] == "schema" and f"schema {foreign} " in error["message"]
    ferry.wait_until(lambda: ferry.backlog() >= 1)
    assert ferry.topics.read(f"rejects.{INGRESS}") == []

    # The way out: without the setting the record's own shape decides.
    ferry.ctl("stop", INGRESS, "--wait")
    for server in (reader, writer):
        del server.settings["schema.registry.url"]
        server.stop()
        server.start()
    ferry.start()
    rejects = ferry.wait_until(lambda: ferry.topics.read(f"rejects.{INGRESS}"))
    assert [message.value()[5:] for message in rejects] == [b"\x08text"]
    ferry.wait_until(lambda: ferry.backlog() == 0)
    assert writes(ferry) == {"insert": 20, "update": 0, "delete": 0}


def test_opt_outs_and_decisions_are_framed_too_and_a_decision_is_shown(ferry, registry):
    ferry.use_registry(registry)
    crowd = Crowd(ferry, there=20)
    crowd.gather()
    made = crowd.opt_out_some(2, every=0.1)
    for system, contacts in made.items():
        crowd.delays(system, contacts)
        for contact in contacts:
            decision, = ferry.ctl_json("get", "decisions", "--contact", contact)["items"]
            assert (decision["cause"], decision["winner"]) == (system.upper(), system.upper())
    for topic in ("optouts.load", "optouts.dynamics", "optouts.campaign", "optouts.decisions"):
        assert subject(ferry, topic) in registry.get("/subjects")
        found = framings(ferry, topic)
        assert found["confluent"] == found["all"] > 0
