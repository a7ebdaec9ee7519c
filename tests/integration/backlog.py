"""The reader's and the controller's side of the topics, played by a test: orders, and changes encoded by fastavro."""

import io
import json
import random
import time
import uuid

import confluent_kafka
import confluent_kafka.admin
import fastavro

from support import ROOT

WORKFLOW = "dynamics-to-campaign"
PARTITIONS = 8


def field(source, source_type, destination, destination_type="string", length=0, **more):
    return {"source": source, "sourceType": source_type, "destination": destination,
            "destinationType": destination_type, "length": length, "applyUpdates": True} | more


def contact_mapping(**more):
    """contact -> profile, as the controller compiles it."""
    fields = [field("firstname", "String", "firstName", length=30, tooLong="truncate"),
              field("lastname", "String", "lastName", length=50),
              field("emailaddress1", "String", "email", length=128),
              field("donotbulkemail", "Boolean", "blackListEmail", "boolean")]
    return {"id": "contact", "table": "contact", "entitySet": "contacts", "primaryId": "contactid",
            "api": "profileAndServicesExt", "resource": "profile", "key": "externalId",
            "columns": sorted(one["source"] for one in fields), "columnsHash": "test",
            "fields": fields, "applyDeletes": True, "deleteFilteredOut": False} | more


def account_mapping(**more):
    """account -> cusAccount: a second table."""
    fields = [field("name", "String", "name", length=160),
              field("address1_city", "String", "city", length=80)]
    return {"id": "account", "table": "account", "entitySet": "accounts", "primaryId": "accountid",
            "api": "customResources", "resource": "cusAccount", "key": "accountId",
            "columns": sorted(one["source"] for one in fields), "columnsHash": "test",
            "fields": fields, "applyDeletes": True, "deleteFilteredOut": False} | more


def purchase_mapping(**more):
    """new_purchase -> cusPurchase: a child of contact."""
    fields = [field("new_orderno", "String", "orderNo", length=30),
              field("_new_contact_value", "Lookup", "profilelink", "link", linkTable="contact")]
    return {"id": "new_purchase", "table": "new_purchase", "entitySet": "new_purchases",
            "primaryId": "new_purchaseid", "api": "profileAndServicesExt",
            "resource": "cusPurchase", "key": "purchaseId",
            "columns": sorted(one["source"] for one in fields), "columnsHash": "test",
            "fields": fields, "applyDeletes": True, "deleteFilteredOut": False} | more


def contact(number, version=0):
    """The columns of a contact, telling its number and version."""
    return {"firstname": f"First {number}", "lastname": f"Last {number} v{version}",
            "emailaddress1": f"c{number}@example.com", "donotbulkemail": number % 7 == 0}


def waiting(ferry, table="new_purchase"):
    """{key: headers} of what the topic holds now."""
    held = {}
    for message in ferry.topics.read(f"waiting.{table}"):
        held.pop(message.key().decode(), None)
        if message.value() is not None:
            held[message.key().decode()] = {name: value.decode()
                                            for name, value in message.headers()}
    return held


class Backlog:
    workflow = WORKFLOW
    schema = "change-record"

    def __init__(self, ferry, mappings=None):
        self.ferry = ferry
        self.mappings = mappings or [contact_mapping()]
        self.generation = 0
        self.read_number = 1
        self.version = 1000
        self.random = random.Random(ferry.seed)
        schema = json.loads((ROOT / "schemas" / f"{self.schema}.avsc").read_text())
        self._schema = fastavro.parse_schema(schema)
        self._head = b"\xc3\x01" + bytes.fromhex(fastavro.schema.fingerprint(
            fastavro.schema.to_parsing_canonical_form(self._schema), "CRC-64-AVRO"))
        self._create_topics()
        self._control = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})
        self._changes = confluent_kafka.Producer({
            "bootstrap.servers": ferry.kafka.bootstrap, "partitioner": "murmur2_random",
            "transactional.id": f"{ferry.name}.test.{self.workflow}", "linger.ms": 5,
            "compression.codec": "lz4"})  # as the reader's
        self._changes.init_transactions(30)

    def _data_topics(self):
        """{name: cleanup.policy} of those with a partition for each part of the keys."""
        return {f"{kind}.{mapping['table']}": "compact" for mapping in self.mappings
                for kind in ("changes", "written", "waiting")}

    def _create_topics(self):
        sizes = {"workflows": 1, "status": 1, "checkpoints": 4, f"rejects.{self.workflow}": 1}
        topics = [(name, count, "compact") for name, count in sizes.items()]
        topics += [(name, PARTITIONS, policy) for name, policy in self._data_topics().items()]
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.ferry.kafka.bootstrap})
        known = self.ferry.topics.names()
        for done in admin.create_topics([
                confluent_kafka.admin.NewTopic(
                    f"{self.ferry.name}.{name}", count,
                    config={"cleanup.policy": policy, "retention.ms": "-1"})
                for name, count, policy in topics if name not in known]).values():
            done.result()

    # The controller's side.

    def _content(self):
        """What an order is about."""
        return {"mappings": self.mappings}

    def order(self, phase, generation=None):
        """PREPARE takes the next generation unless one is given."""
        if generation is not None:
            self.generation = generation
        elif phase == "PREPARE":
            self.generation += 1
        order = {"generation": self.generation, "phase": phase, "revision": 1, "orderedBy": "test",
                 "orderedAt": int(time.time() * 1000), **self._content()}
        self._control.produce(f"{self.ferry.name}.workflows", json.dumps(order).encode(),
                              f"{self.workflow}/run")
        assert self._control.flush(60) == 0

    def task(self, writer="writer-0"):
        return self.ferry.topics.documents("status").get(f"{self.workflow}/writer/{writer}")

    def wait_for(self, state, writer="writer-0", timeout=30, **members):
        def reached():
            task = self.task(writer)
            found = (task and task["state"] == state and task["generation"] == self.generation and
                     all(task.get(key) == value for key, value in members.items()))
            return found and task
        return self.ferry.wait_until(reached, timeout, f"{writer} is {state}")

    def start(self, writer="writer-0", timeout=30):
        self.order("PREPARE")
        ready = self.wait_for("READY", writer, timeout)
        self.order("GO")
        self.wait_for("RUNNING", writer, timeout)
        return ready

    def start_again(self, writer, timeout=40):
        """A writer that was stopped goes on: what is put now comes behind all that it has reason to doubt.
        Its status alone may be that of its life before."""
        writer.start()
        self.ferry.wait_until(lambda: writer.events("assigned"), timeout, f"{writer.name} has its partitions")
        self.wait_for("RUNNING", writer.name, timeout)

    # The reader's side.

    def ids(self, count):
        return [str(uuid.UUID(int=self.random.getrandbits(128), version=4)) for _ in range(count)]

    def encode(self, record):
        out = io.BytesIO(self._head)
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, self._schema, record)
        return out.getvalue()

    def change(self, key, fields, op="UPSERT", origin="DELTA", version=None, table="contact",
               read_number=None):
        """A record as the reader writes it; a version of its own unless one is given."""
        if version is None:
            self.version += 1
            version = self.version
        return {"table": table, "id": key, "op": op, "origin": origin,
                "readNumber": read_number or self.read_number,
                "version": 0 if op == "DELETE" else version, "readAt": int(time.time() * 1000),
                "fields": fields if op != "DELETE" else {}}

    def put(self, records, headers=None):
        """One committed transaction, as a page of the reader."""
        self._changes.begin_transaction()
        for record in records:
            self._produce(record["table"], record["id"], self.encode(record), headers)
        self._changes.commit_transaction(30)

    def put_bytes(self, key, value, table="contact"):
        self._changes.begin_transaction()
        self._produce(table, key, value)
        self._changes.commit_transaction(30)

    def _topic(self, table):
        return f"changes.{table}"

    def _produce(self, table, key, value, headers=None):
        while True:
            try:
                return self._changes.produce(f"{self.ferry.name}.{self._topic(table)}", value, key,
                                             headers=headers)
            except BufferError:
                self._changes.poll(0.1)

    def _logs(self):
        """How many topics the writers read."""
        return len(self.mappings)

    # What comes of it.

    def lag(self):
        """Of the partitions that have a committed offset."""
        return self.ferry.topics.lag(self.workflow)

    def committed(self):
        """[topic, partition and offset] of the workflow's group."""
        return self.ferry.topics.committed(self.workflow)

    def is_written(self):
        """Every partition has a committed offset, and all of them are at the end."""
        return len(self.committed()) == PARTITIONS * self._logs() and self.lag() == 0

    def wait_until_written(self, timeout=60):
        return self.ferry.wait_until(self.is_written, timeout, "lag 0 in every partition")

    def _held(self):
        """The deletes that were set aside: lag 0 says nothing of those."""
        return [key for mapping in self.mappings for key, headers in waiting(self.ferry, mapping["table"]).items()
                if headers["ferry-wait"] == "delete"]

    def wait_until_deleted(self, timeout=60):
        """As wait_until_written, and whatever was to be deleted is."""
        self.wait_until_written(timeout)
        return self.ferry.wait_until(lambda: not self._held(), timeout, "no delete waits")

    def calls(self, resource="profile"):
        """How often each verb was used for records since the statistics were reset."""
        return self.ferry.sandbox.admin.stats()["campaign"]["calls"]

    def rejects(self):
        """[(origin, headers, value)]"""
        return [(message.key().decode(),
                 {name: value.decode() for name, value in message.headers() or []}, message.value())
                for message in self.ferry.topics.read(f"rejects.{self.workflow}")]

    def written(self, table="contact"):
        """The latest record for each key."""
        return {key: record for key, record in self.ferry.topics.records(f"written.{table}")}
