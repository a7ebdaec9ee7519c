"""Campaign's mails, from its exports on a real sshd through a real Kafka to the timelines in Dynamics."""

import random
import shutil
import time
import uuid

import confluent_kafka
import confluent_kafka.admin
import pytest

from instance import EGRESS
from timeline import KINDS, NAMESPACE, table


class Mails:
    """Campaign sends and exports, Ferry carries, the timelines are compared."""

    def __init__(self, ferry, contacts=200, activities="on", **configuration):
        self.ferry = ferry
        ferry.start_sandbox(contacts=contacts, activities=activities)
        ferry.start_sftp()
        ferry.start_controller()
        self.reader = ferry.start_reader()
        self.writer = ferry.start_events_writer()
        self.admin = ferry.sandbox.admin
        self.configuration = {"workflow": EGRESS, "configuration": configuration}

    def run(self):
        self.ferry.apply(self.configuration, EGRESS)
        self.ferry.start(EGRESS)

    def send(self, count, **options):
        """They happen from now on: what happened before the first start is left out."""
        return self.admin.send_campaign(count, **{"spreadSeconds": 0, **options})

    def export(self, **options):
        return self.admin.export(self.ferry.sftp.exports, **options)

    def expected(self):
        return {str(uuid.uuid5(NAMESPACE, f"/{identity}")): (table(event["kind"]), event["contact"])
                for identity, event in self.admin.events().items()}

    def found(self):
        rows = [(row["id"], (table(kind), row["columns"]["_regardingobjectid_value"]))
                for kind in KINDS for row in self.admin.rows(table(kind))]
        assert len(rows) == len(dict(rows)), "one id in two tables"
        return dict(rows)

    def wait_until_arrived(self, timeout=60):
        self.ferry.wait_until(lambda: not self.waiting_files() and self.ferry.backlog(EGRESS) == 0 and
                              len(self.found()) >= len(self.expected()), timeout,
                              "all events are on the timelines")
        assert self.found() == self.expected()

    def waiting_files(self):
        return sorted(file.name for file in self.ferry.sftp.exports.iterdir() if file.is_file())

    def operations(self):
        return self.admin.stats()["dynamics"]["operations"]["statuses"]


def test_what_became_of_the_mails_is_on_the_timelines_once(ferry):
    mails = Mails(ferry)
    mails.run()
    mails.send(150)
    mails.export()
    mails.wait_until_arrived()
    assert {where for where, _ in mails.found().values()} == {table(kind) for kind in KINDS}
    events = len(mails.expected())
    assert mails.operations() == {"204": events}
    # A mail bounces a day later: its row comes again, and with it rows of the seam.
    bounces = sum(where == table("BOUNCE") for where, _ in mails.found().values())
    assert mails.admin.bounce_late(5) == 5
    mails.export(repeat=20)
    mails.wait_until_arrived()
    assert sum(where == table("BOUNCE") for where, _ in mails.found().values()) > bounces
    # What is on the timelines is committed a moment later, and counted a moment after that.
    ferry.wait_until(lambda: ferry.ctl_json("describe", "workflow", EGRESS)["backlog"] == 0)
    assert ferry.ctl_json("describe", "workflow", EGRESS)["status"] == "RUNNING"
    assert mails.admin.breaches() == []


@pytest.mark.parametrize("shape", [
    {"gzip": True}, {"crlf": True, "bom": True}, {"values": "labels", "dates": "xml"},
    {"extra": ["blackListEmail"], "growMs": 1500, "atomic": False}], ids=lambda shape: "-".join(shape))
def test_exports_of_every_shape_arrive(ferry, shape):
    mails = Mails(ferry)
    mails.run()
    mails.send(100)
    mails.export(**shape)
    mails.wait_until_arrived()
    assert len(mails.expected()) > 100


def test_tables_that_are_missing_are_named_then_made_and_used(ferry):
    mails = Mails(ferry, activities="off")
    file = ferry.folder / "events.json"
    file.write_text('{"workflow": "campaign-to-dynamics", "configuration": {}}')
    refused = ferry.ctl("apply", "-f", file, check=False)
    assert refused.returncode != 0 and "ferry_emailsend" in refused.stderr
    assert "setup dynamics" in refused.stderr
    ferry.ctl("setup", "dynamics")
    mails.run()
    mails.send(50)
    mails.export()
    mails.wait_until_arrived()


def test_the_same_file_under_another_name_gives_nothing_new(ferry):
    mails = Mails(ferry)
    mails.run()
    mails.send(100)
    kept = ferry.folder / "kept"
    kept.mkdir()
    mails.admin.export(kept)
    for file in kept.iterdir():
        shutil.copy(file, mails.ferry.sftp.exports)
    mails.wait_until_arrived()
    answers = mails.operations()
    for file in kept.iterdir():
        shutil.copy(file, mails.ferry.sftp.exports / file.name.replace("log_", "log_2_"))
    ferry.wait_until(lambda: not mails.waiting_files(), what="the copies are moved")
    mails.wait_until_arrived()
    assert mails.operations() == answers, "the content was known: nothing was sent"


def test_events_of_before_the_first_start_are_left_out_unless_since_says_so(ferry):
    mails = Mails(ferry)
    mails.send(50, spreadSeconds=3600)
    mails.export()
    mails.run()
    ferry.wait_until(lambda: not mails.waiting_files(), what="the exports are read")
    ferry.wait_until(lambda: ferry.backlog(EGRESS) == 0)
    assert len(mails.found()) < len(mails.expected())
    # The way back: an earlier since, and the same export once more.
    mails.configuration["configuration"]["since"] = "2020-01-01T00:00:00Z"
    ferry.ctl("stop", EGRESS, "--wait")
    mails.run()
    mails.export(all=True)
    mails.wait_until_arrived()


def admin_of(ferry):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": ferry.kafka.bootstrap})


@pytest.mark.parametrize("limit", [{"retention.ms": "604800000"}, {"retention.bytes": "1000000"}],
                         ids=lambda limit: next(iter(limit)))
def test_a_topic_that_would_forget_what_nobody_has_written_is_refused(ferry, limit):
    mails = Mails(ferry)
    ferry.apply(mails.configuration, EGRESS)
    topic = confluent_kafka.admin.NewTopic(
        f"{ferry.name}.events.email", 8, 1,
        config={"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"} | limit)
    admin = admin_of(ferry)  # its answers come while it lives
    admin.create_topics([topic])[topic.topic].result(10)
    refused = ferry.ctl("start", EGRESS, "--wait", check=False)
    assert refused.returncode != 0
    key, value = next(iter(limit.items()))
    assert f"events.email has {key} {value}" in refused.stderr + refused.stdout


def test_a_hole_in_the_backlog_is_not_stepped_over(ferry):
    mails = Mails(ferry)
    mails.run()
    mails.send(100)
    mails.export()
    mails.wait_until_arrived()
    mails.writer.stop()  # what it wrote is committed
    before = len(mails.found())
    mails.send(100)
    mails.export()
    ferry.wait_until(lambda: not mails.waiting_files(), what="the exports are read")
    holes = [confluent_kafka.TopicPartition(f"{ferry.name}.events.email", partition,
                                            confluent_kafka.OFFSET_END) for partition in range(8)]
    admin = admin_of(ferry)
    for deleted in admin.delete_records(holes).values():
        deleted.result(10)
    mails.writer.start()
    ferry.wait_until(lambda: ferry.status(EGRESS) == "FAILED")
    assert "records were deleted in Kafka" in ferry.workflow(EGRESS)["error"]["message"]
    assert len(mails.found()) == before


@pytest.mark.parametrize("rounds", [6])
def test_nothing_is_lost_or_doubled_when_everything_is_killed(ferry, rounds):
    mails = Mails(ferry, contacts=400)
    mails.run()
    dice = random.Random(ferry.seed)
    kills = {"reader": 0, "writer": 0, "controller": 0}
    for _ in range(rounds):
        mails.send(400)
        mails.export(repeat=30)
        for server in dice.sample([one for one in ferry.servers
                                   if one.name.split("-")[0] in kills], 2):
            time.sleep(dice.random() * 0.4)  # a moment of chance
            server.kill9()
            kills[server.name.split("-")[0]] += 1
            server.start()
    mails.wait_until_arrived(120)
    assert sum(kills.values()) == 2 * rounds and len(mails.expected()) > 400 * rounds
