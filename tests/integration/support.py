"""Small things that every integration test needs: waiting, log lines, the sandbox, the topics."""

import io
import json
import pathlib
import random
import shlex
import socket
import time

import confluent_kafka
import confluent_kafka.admin
import fastavro
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]


# No test is about time: what is waited for may come so many times later on a slow or busy machine.
PATIENCE = 3


def wait_until(condition, timeout=30.0, what=None, interval=0.05):
    """Polls until the condition gives something true, and returns it. Never sleep instead.

    Connection errors count as "not yet", and so does a document that lacks what is looked for in
    it. The failure shows what the condition gave last. timeout: in seconds of a quiet machine.
    """
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        try:
            last = condition()
        except (requests.RequestException, confluent_kafka.KafkaException, OSError, LookupError, TypeError) as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() > deadline:
            what = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"not within {timeout:g} s: {what}; at the end: {last!r}")
        time.sleep(interval)


def stays(condition, seconds, what=None, interval=0.05):
    """Asserts that the condition holds now and for so long: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = condition()
        assert seen, f"did not stay so for {seconds:g} s: {what or condition}; saw {seen!r}"
        time.sleep(interval)


def free_port():
    """Outside of the range that the kernel gives to outgoing connections: it is still free later."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def logfmt(line):
    """The fields of one log line: 'a=1 b="two words"' -> {"a": "1", "b": "two words"}."""
    try:
        words = shlex.split(line)
    except ValueError:  # not ours: a sanitizer's report, half a line
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def metrics(text):
    """Prometheus' text format as {"name{labels}": value}."""
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            samples[name] = float(value)
    return samples


class SandboxAdmin:
    """The control API of ferry-sandbox (tests/sandbox/README.md), one method a call."""

    def __init__(self, url):
        self.url = url + "/sandbox"
        self._http = requests.Session()

    def call(self, verb, path, body=None, **query):
        answer = self._http.request(verb, self.url + path, json=body, params=query, timeout=60)
        assert answer.ok, f"{verb} {path}: {answer.status_code} {answer.text}"
        return answer

    def _lines(self, path, **query):
        # requests would guess the encoding, and other characters than a line feed end no line.
        text = self.call("GET", path, **query).content.decode()
        return [json.loads(line) for line in text.split("\n") if line]

    def health(self):
        return self.call("GET", "/health").json()

    def stats(self):
        return self.call("GET", "/stats").json()

    def reset_stats(self):
        self.call("POST", "/stats/reset")

    def set(self, **settings):
        self.call("POST", "/settings", settings)

    def advance_clock(self, seconds):
        return self.call("POST", "/clock", {"advanceSeconds": seconds}).json()["now"]

    def breaches(self):
        """Rules of the two APIs that a client broke: the texts, which should be none."""
        stats = self.stats()
        return stats["dynamics"]["breaches"]["texts"] + stats["campaign"]["breaches"]["texts"]

    # Dynamics: every change is a normal one, with a new version.

    def count(self, table):
        return self.call("GET", f"/dynamics/{table}/count").json()["rows"]

    def rows(self, table, **query):
        return self._lines(f"/dynamics/{table}/rows", **query)

    def row(self, table, row):
        return self.call("GET", f"/dynamics/{table}/rows/{row}").json()

    def insert(self, table, **columns):
        return self.call("POST", f"/dynamics/{table}/rows", columns).json()

    def update(self, table, row, **columns):
        return self.call("PATCH", f"/dynamics/{table}/rows/{row}", columns).json()

    def delete(self, table, row):
        return self.call("DELETE", f"/dynamics/{table}/rows/{row}").json()

    def touch(self, table, count, seed=1, **more):
        return self.call("POST", f"/dynamics/{table}/touch",
                         {"count": count, "seed": seed, **more}).json()

    def delete_some(self, table, count, seed=1, **more):
        return self.call("POST", f"/dynamics/{table}/delete",
                         {"count": count, "seed": seed, **more}).json()

    def append(self, table, count, seed=1, **more):
        return self.call("POST", f"/dynamics/{table}/append",
                         {"count": count, "seed": seed, **more}).json()

    def keep_changing(self, table, per_second, seconds, seed=1):
        """touch, in the background: {"script": id}."""
        return self.call("POST", f"/dynamics/{table}/touch",
                         {"perSecond": per_second, "seconds": seconds, "seed": seed}).json()

    def scripts(self):
        return self.call("GET", "/scripts").json()

    def served(self, table):
        return self._lines(f"/dynamics/{table}/served")

    def publish_dynamics(self, **change):
        self.call("POST", "/dynamics/publish", change)

    # Campaign: raw rows, the hidden ones too.

    def campaign_count(self, resource):
        return self.call("GET", f"/campaign/{resource}/count").json()["rows"]

    def campaign_hidden(self, resource):
        return self.call("GET", f"/campaign/{resource}/count").json()["hidden"]

    def campaign_rows(self, resource):
        return {row["key"]: row for row in self._lines(f"/campaign/{resource}/rows")}

    def campaign_row(self, resource, key):
        """The row, or None."""
        answer = self._http.get(f"{self.url}/campaign/{resource}/rows/{key}", timeout=60)
        return answer.json() if answer.ok else None

    def campaign_insert(self, resource, **values):
        return self.call("POST", f"/campaign/{resource}/rows", values)

    def spoil(self, resource, count, seed=1, field="lastName", value="SPOILT"):
        return self.call("POST", f"/campaign/{resource}/spoil", {
            "count": count, "seed": seed, "field": field, "value": value}).json()

    def journal(self, resource=None, after=0):
        """What Campaign accepted, in the order it did (the sandbox must --record)."""
        query = {"after": after} | ({"resource": resource} if resource else {})
        return self._lines("/campaign/journal", **query)

    def publish_campaign(self, **change):
        self.call("POST", "/campaign/publish", change)

    # What came of Campaign's mails: the files of its export workflow, and the oracle of them.

    def send_campaign(self, count, **options):
        return self.call("POST", "/campaign/send", {"count": count, **options}).json()

    def bounce_late(self, count, seed=1):
        return self.call("POST", "/campaign/bounce", {"count": count, "seed": seed}).json()["bounced"]

    def export(self, folder, **options):
        """Writes the files of delivery and tracking logs; what is in each of them."""
        return self.call("POST", "/campaign/export", {"folder": str(folder), **options}).json()["files"]

    def export_optouts(self, folder, **options):
        """Writes the file of opt-outs; what is in it."""
        file, = self.call("POST", "/campaign/optouts/export", {"folder": str(folder), **options}).json()["files"]
        return file

    def exported_optouts(self):
        """What those files told, row by row."""
        return self._lines("/campaign/optouts")

    def events(self):
        """What those files told: each event once, as the timeline should have it, by identity."""
        return {event["identity"]: event for event in self._lines("/campaign/events")}

    def uploads(self):
        """Files that are half there."""
        return self.call("GET", "/campaign/uploads").json()

    def complete_uploads(self):
        return self.call("POST", "/campaign/uploads").json()

    # Faults, on either side.

    def fault(self, system, kind, **members):
        return self.call("POST", "/faults", {"system": system, "kind": kind, **members}).json()["id"]

    def faults(self):
        return self.call("GET", "/faults").json()

    def clear_faults(self):
        self.call("DELETE", "/faults")


class Topics:
    """The topics as a stranger sees them: another client library, another Avro library."""

    SINGLE_OBJECT = b"\xc3\x01"
    CONFLUENT = b"\0"
    OPEN_FOR = 1.0  # seconds until a transaction counts as open and not as just committed

    def __init__(self, bootstrap, instance):
        self.bootstrap = bootstrap
        self.instance = instance
        self.registry = None  # a servers.Registry, which knows the schemas of Confluent's framing
        self._by_id = {}
        self.admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bootstrap})
        self._schemas = {}
        for path in sorted((ROOT / "schemas").glob("*.avsc")):
            schema = fastavro.parse_schema(json.loads(path.read_text()))
            canonical = fastavro.schema.to_parsing_canonical_form(schema)
            fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
            self._schemas[bytes.fromhex(fingerprint)] = schema  # little-endian, as on the wire

    def names(self):
        """Those of this instance, without its prefix."""
        prefix = self.instance + "."
        known = self.admin.list_topics(timeout=10).topics
        return sorted(name.removeprefix(prefix) for name in known if name.startswith(prefix))

    def ends(self, topic, committed=False):
        """{partition: end of the log, or where an open transaction begins}.

        For a moment the leader of a new partition may not know of its office.
        """
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            try:
                return self._ends(topic, committed)
            except confluent_kafka.KafkaException as error:
                if (error.args[0].code() != confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION or
                        time.monotonic() > deadline):
                    raise
            time.sleep(0.05)

    def _ends(self, topic, committed):
        isolation = (confluent_kafka.IsolationLevel.READ_COMMITTED if committed else
                     confluent_kafka.IsolationLevel.READ_UNCOMMITTED)
        name = f"{self.instance}.{topic}"
        parts = self.admin.list_topics(name, timeout=10).topics[name].partitions
        asked = self.admin.list_offsets(
            {confluent_kafka.TopicPartition(name, part): confluent_kafka.admin.OffsetSpec.latest()
             for part in parts}, isolation_level=isolation)
        return {part.partition: answer.result().offset for part, answer in asked.items()}

    def read(self, topic, isolation="read_committed"):
        """All messages from the beginning to the end of now, in order within a partition.

        A commit has succeeded a moment before the broker shows it, so the end is waited for; but not
        for long, because a transaction may also be open.
        """
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": f"{self.instance}.look",
            "enable.auto.commit": False, "enable.partition.eof": True,
            "isolation.level": isolation, "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 5})  # an empty answer tells the end, and would come after 0.5 s
        try:
            ends = self.ends(topic)
            consumer.assign([confluent_kafka.TopicPartition(f"{self.instance}.{topic}", part, 0)
                             for part in ends])
            return list(self._up_to(ends, consumer))
        finally:
            consumer.close()

    def _up_to(self, ends, consumer):
        """The messages of a consumer until it has told the end of each partition."""
        reached, patience = {}, None
        while any(reached.get(part, -1) < end for part, end in ends.items()):
            if len(reached) == len(ends) and patience is None:
                patience = time.monotonic() + self.OPEN_FOR
            message = consumer.poll(max(0.0, patience - time.monotonic()) if patience else 30)
            if message is None:
                assert patience, "no message and no end within 30 s"
                return
            error = message.error()
            if error is None:
                yield message
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                reached[message.partition()] = message.offset()
            else:
                raise confluent_kafka.KafkaException(error)

    def _schema_of(self, value):
        """The schema that a value names, by fingerprint or by the registry's id, and the rest."""
        if self.registry is None or value[:1] != self.CONFLUENT:
            assert value[:2] == self.SINGLE_OBJECT, f"no single-object encoding: {value[:10].hex()}"
            return self._schemas[value[2:10]], value[10:]
        number = int.from_bytes(value[1:5], "big")
        if number not in self._by_id:
            text = self.registry.get(f"/schemas/ids/{number}")["schema"]
            self._by_id[number] = fastavro.parse_schema(json.loads(text))
        return self._by_id[number], value[5:]

    def decode(self, value):
        """An Avro value, by the schema that it names: not by ours, where a registry is asked."""
        schema, rest = self._schema_of(value)
        stream = io.BytesIO(rest)
        record = fastavro.schemaless_reader(stream, schema)
        assert not stream.read(), "bytes after the record"
        return record

    def records(self, topic):
        """[(key, record or None for a tombstone)] of an Avro topic."""
        return [(message.key().decode(), self.decode(message.value()) if message.value() else None)
                for message in self.read(topic)]

    def documents(self, topic):
        """The latest JSON document for each key of a control topic."""
        latest = {}
        for message in self.read(topic):
            latest[message.key().decode()] = json.loads(message.value()) if message.value() else None
        return latest

    def committed(self, workflow):
        """[topic, partition and offset] of the group of a workflow's writers."""
        group = f"{self.instance}.{workflow}"
        wanted = confluent_kafka.ConsumerGroupTopicPartitions(group)
        return self.admin.list_consumer_group_offsets([wanted])[group].result().topic_partitions

    def lag(self, workflow):
        """What Kafka's own tool shows as the lag of a workflow's writers."""
        committed = self.committed(workflow)
        ends = self.admin.list_offsets({
            confluent_kafka.TopicPartition(at.topic, at.partition):
                confluent_kafka.admin.OffsetSpec.latest() for at in committed})
        ends = {(at.topic, at.partition): end.result().offset for at, end in ends.items()}
        return sum(ends[at.topic, at.partition] - max(at.offset, 0) for at in committed)

    def delete_all(self):
        mine = [f"{self.instance}.{name}" for name in self.names()]
        if mine:
            for done in self.admin.delete_topics(mine).values():
                done.result()
