"""What the broker forgets while everything is down, or while nothing moves: offsets, transactional ids, topics."""

import copy
import shutil
import subprocess

import confluent_kafka
import confluent_kafka.admin
import pytest

import servers
from backlog import PARTITIONS, WORKFLOW, Backlog, contact
from conftest import _folder, _instance
from instance import INGRESS
from oracle import CONTACTS, Oracle
from support import ROOT, wait_until
from test_writer import assert_never_back, assert_profiles, edits

STRIDE = 250  # consumers/position.h


@pytest.fixture
def backlog(ferry):
    return Backlog(ferry)


def offsets(ferry):
    """{partition: what the group has committed}, without those of which the broker knows nothing."""
    group = f"{ferry.name}.{WORKFLOW}"
    wanted = confluent_kafka.ConsumerGroupTopicPartitions(group)
    found = ferry.topics.admin.list_consumer_group_offsets([wanted])[group].result()
    return {at.partition: at.offset for at in found.topic_partitions if at.offset >= 0}


def positions(ferry):
    prefix = f"{WORKFLOW}/writer/contact/"
    return {int(key.removeprefix(prefix)): document["offset"]
            for key, document in ferry.topics.documents("checkpoints").items()
            if key.startswith(prefix)}


def forget_offsets(ferry):
    """As the broker does it after offsets.retention.minutes without a member."""
    group = f"{ferry.name}.{WORKFLOW}"

    def deleted():
        ferry.topics.admin.delete_consumer_groups([group])[group].result()
        return True
    wait_until(deleted, 30, "the group is empty and can be deleted", interval=0.3)
    assert offsets(ferry) == {}, "the offsets are gone"


def start_again(backlog, writer):
    shutil.rmtree(writer.settings["state.dir"])
    writer.start()
    backlog.start()
    [line] = writer.events("offsets_restored")
    assert line["partitions"] == str(PARTITIONS)


def test_offsets_lost_while_stopped_are_restored_and_only_what_waits_is_sent(ferry, backlog):
    ferry.start_sandbox()
    writer = ferry.start_writer()
    keys = backlog.ids(600)
    backlog.start()
    assert not writer.events("offsets_restored"), "a first start restores nothing"
    backlog.put([backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)])
    backlog.wait_until_written()
    backlog.order("STOP")
    backlog.wait_for("STOPPED")
    writer.stop()
    assert positions(ferry) == offsets(ferry), "after a clean stop they are exact"
    backlog.put([backlog.change(key, contact(n, 1)) for n, key in enumerate(keys[:5])])
    forget_offsets(ferry)
    ferry.sandbox.admin.reset_stats()
    start_again(backlog, writer)
    backlog.wait_until_written()  # offsets in every partition, also where nothing waited
    calls = backlog.calls()
    assert (calls["insert"], calls["update"], calls["delete"]) == (0, 5, 0)
    assert_profiles(ferry, {key: (n, int(n < 5)) for n, key in enumerate(keys)})
    assert backlog.rejects() == []


def test_offsets_lost_after_a_kill_lose_nothing_and_take_nothing_back(ferry, backlog):
    ferry.start_sandbox(campaign_latency_ms=2)
    writer = ferry.start_writer(campaign_concurrency_max=16)
    keys = backlog.ids(100)
    rounds = edits(backlog, keys, 10)
    backlog.put([backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)])
    backlog.start()
    for records in rounds:
        backlog.put(records)
    ferry.wait_until(lambda: sum(offsets(ferry).values()) > 500, 30, "half of it is written")
    writer.kill9()
    told, committed = positions(ferry), offsets(ferry)
    behind = {at: committed[at] - told[at] for at in committed}
    assert all(0 <= distance < STRIDE for distance in behind.values()), behind
    assert any(behind.values()), "the positions are not exact, which is what is tested"
    forget_offsets(ferry)
    start_again(backlog, writer)
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 10) for n, key in enumerate(keys)})
    assert_never_back(ferry)
    assert backlog.rejects() == []


def test_a_position_beyond_the_end_of_a_topic_made_anew_begins_at_its_beginning(ferry, backlog):
    ferry.start_sandbox()
    writer = ferry.start_writer()
    keys = backlog.ids(200)
    backlog.start()
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    backlog.order("STOP")
    backlog.wait_for("STOPPED")
    writer.stop()
    forget_offsets(ferry)
    name = f"{ferry.name}.changes.contact"
    ferry.topics.admin.delete_topics([name])[name].result()
    wait_until(lambda: "changes.contact" not in ferry.topics.names(), what="the topic is gone")
    made = confluent_kafka.admin.NewTopic(name, PARTITIONS, config={"cleanup.policy": "compact"})
    ferry.topics.admin.create_topics([made])[name].result()
    backlog.put([backlog.change(key, contact(n, 1)) for n, key in enumerate(keys[:20])])
    writer.start()
    backlog.start()
    assert len(writer.events("position_beyond_the_end")) == PARTITIONS
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, int(n < 20)) for n, key in enumerate(keys)})


def test_no_topic_of_control_or_data_expires(ferry):
    """ADR 1: nothing but rejects has a retention, and those stay for 90 days."""
    ferry.start_all(contacts=1)
    ferry.apply(CONTACTS)
    ferry.start()
    names = ferry.topics.names()
    assert {"workflows", "status", "checkpoints", "changes.contact", "written.contact",
            f"rejects.{INGRESS}"} <= set(names)
    asked = [confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ResourceType.TOPIC,
                                                  f"{ferry.name}.{name}") for name in names]
    for resource, answer in ferry.topics.admin.describe_configs(asked).items():
        name = resource.name.removeprefix(ferry.name + ".")
        config = {key: entry.value for key, entry in answer.result().items()}
        rejects = name.startswith("rejects.")
        assert config["cleanup.policy"] == ("compact,delete" if rejects else "compact"), name
        assert config["retention.ms"] == (str(90 * 86_400_000) if rejects else "-1"), name
        assert config["retention.bytes"] == "-1", name


def transactional_ids(ferry):
    run = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{ROOT}/build/kafka/lib/*",
         "org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server",
         ferry.kafka.bootstrap, "list"], capture_output=True, text=True, timeout=60, check=True)
    return {line.split()[0] for line in run.stdout.splitlines() if line.startswith(ferry.name)}


@pytest.fixture
def ferry_that_is_forgotten(request, seed):
    """On a broker that forgets transactional ids within seconds, not after a week."""
    broker = servers.Kafka(_folder(request.node) / "kafka", [
        "transactional.id.expiration.ms=2000",
        "transaction.remove.expired.transaction.cleanup.interval.ms=500"]).start()
    yield from _instance(request, broker, seed)
    broker.kill9()
    shutil.rmtree(broker.folder / "data", ignore_errors=True)


def test_transactional_ids_that_expired_are_made_anew(ferry_that_is_forgotten):
    ferry = ferry_that_is_forgotten
    _, *services = ferry.start_all(contacts=200)
    ferry.apply(CONTACTS)
    ferry.start()
    oracle = Oracle(ferry)
    oracle.wait_until_settled()
    # The reader moves its link on with every look, so its id lives; the others' do not.
    wait_until(lambda: all(".reader." in one for one in transactional_ids(ferry)), 30,
               "the broker has forgotten the writer's and the controller's id while they run")
    edit = copy.deepcopy(CONTACTS)
    edit["configuration"]["mappings"][0]["deleteFilteredOut"] = True
    opened = len(services[0].events("journal_open"))
    assert "revision 2" in ferry.apply(edit).stdout
    assert len(services[0].events("journal_open")) == opened + 1, "its id was made anew for this"
    assert ferry.sandbox.admin.touch("contact", 20)["changed"] == 20
    oracle.wait_until_settled()
    for service in services:
        service.stop()
    assert ferry.sandbox.admin.touch("contact", 20, seed=2)["changed"] == 20
    wait_until(lambda: not transactional_ids(ferry), 30, "the broker has forgotten every id")
    for service in services:
        service.start()
    oracle.assert_delivered()
