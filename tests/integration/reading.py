"""A reader without its controller: the test makes the topics and gives the run orders itself."""

import collections
import hashlib
import json
import subprocess
import time

import confluent_kafka
import confluent_kafka.admin

import support

INGRESS = "dynamics-to-campaign"
COMPACT = {"cleanup.policy": "compact", "retention.ms": "-1"}
SHAPES = {"workflows": (1, COMPACT), "status": (1, COMPACT), "checkpoints": (4, COMPACT),
          "changes": (8, COMPACT),
          "optouts": (8, {"cleanup.policy": "delete", "retention.ms": "-1"}),
          "events": (8, {"cleanup.policy": "delete", "retention.ms": "-1"}),
          "rejects": (1, {"cleanup.policy": "compact,delete", "retention.ms": "7776000000"})}

CONTACT = {"id": "contact", "table": "contact", "entitySet": "contacts", "primaryId": "contactid",
           "columns": ["annualincome", "birthdate", "donotbulkemail", "emailaddress1", "firstname",
                       "gendercode", "lastname", "numberofchildren"]}
ACCOUNT = {"id": "account", "table": "account", "entitySet": "accounts", "primaryId": "accountid",
           "columns": ["name"]}
PURCHASE = {"id": "new_purchase", "table": "new_purchase", "entitySet": "new_purchases",
            "primaryId": "new_purchaseid",
            "columns": ["_new_contact_value", "new_amount", "new_channel", "new_name", "new_paid",
                        "new_quantity", "new_rating"]}


def mapping(base=CONTACT, **changes):
    """A compiled mapping as the reader needs it; what only a writer looks at is made up."""
    whole = {"api": "profileAndServicesExt", "resource": "profile", "key": "externalId",
             "applyDeletes": True, "deleteFilteredOut": False, **base, **changes}
    whole["fields"] = [
        {"source": column, "sourceType": "String", "destination": f"cus{number}",
         "destinationType": "string", "length": 0, "applyUpdates": True, "tooLong": "truncate"}
        for number, column in enumerate(whole["columns"])]
    columns = ",".join(whole["columns"])
    whole["columnsHash"] = hashlib.sha256(columns.encode()).hexdigest()[:16]
    return whole


class Reading:
    """The control topics and the tables' topics of an instance, and what a reader made of them."""

    workflow = INGRESS

    def __init__(self, ferry, tables=("contact",), control=True):
        """control: nobody has made the topics that workflows share."""
        self.ferry = ferry
        self.topics = ferry.topics
        self.generation = 0
        self.mappings = []
        self._producer = confluent_kafka.Producer(
            {"bootstrap.servers": ferry.kafka.bootstrap, "enable.idempotence": True})
        shared = ("workflows", "status", "checkpoints") if control else ()
        self.make_topics(*shared, f"rejects.{self.workflow}", *(f"changes.{table}" for table in tables))

    def make_topics(self, *names, partitions=None):
        news = []
        for name in names:
            count, config = SHAPES[name.partition(".")[0]]
            news.append(confluent_kafka.admin.NewTopic(
                f"{self.ferry.name}.{name}", partitions or count, 1, config=config))
        for done in self.topics.admin.create_topics(news).values():
            done.result()

    # Orders.

    def order(self, phase, *mappings, generation=None):
        if mappings:
            self.mappings = list(mappings)
        if generation is not None:
            self.generation = generation
        document = {"generation": self.generation, "phase": phase, "revision": 1,
                    "orderedAt": int(time.time() * 1000), "orderedBy": "test",
                    "mappings": self.mappings, **self.more()}
        self._producer.produce(f"{self.ferry.name}.workflows", key=f"{self.workflow}/run",
                               value=json.dumps(document))
        assert self._producer.flush(60) == 0

    def more(self):
        """What an order says beside its mappings."""
        return {}

    def prepare(self, *mappings):
        self.order("PREPARE", *mappings, generation=self.generation + 1)

    def start(self, *mappings, timeout=30):
        """As the controller does it: everybody is ready before anything may move."""
        self.prepare(*mappings)
        self.wait_for_state("READY", timeout=timeout)
        self.order("GO")
        self.wait_for_state("RUNNING", timeout=timeout)

    def stop(self):
        self.order("STOP")
        self.wait_for_state("STOPPED")

    # What came of it.

    def status(self, mapping_id="contact"):
        return self.topics.documents("status").get(f"{self.workflow}/reader/{mapping_id}") or {}

    def checkpoint(self, mapping_id="contact"):
        return self.topics.documents("checkpoints").get(f"{self.workflow}/reader/{mapping_id}") or {}

    def wait_for_state(self, state, mapping_ids=None, timeout=30):
        ids = mapping_ids or [one["id"] for one in self.mappings]

        def look():
            found = {one: self.status(one) for one in ids}
            return all(status.get("state") == state and status["generation"] == self.generation
                       for status in found.values()) and found or None
        return self.ferry.wait_until(look, timeout, f"every task is {state}")

    def changes(self, table="contact"):
        return [record for _, record in self.topics.records(f"changes.{table}")]

    def rejects(self):
        return self.topics.read(f"rejects.{self.workflow}")

    def latest(self, table="contact"):
        """The last record of each id: what compaction will leave."""
        return {record["id"]: record for record in self.changes(table)}

    def mirrors(self, table="contact"):
        """Does the log end where the table is now?"""
        wanted = {row["id"]: row["version"]
                  for row in self.ferry.sandbox.admin.rows(table, select="createdon")}
        found = {id_: record["version"] for id_, record in self.latest(table).items()
                 if record["op"] == "UPSERT"}
        return wanted == found

    def wait_until_mirrored(self, table="contact", timeout=60):
        self.ferry.wait_until(lambda: self.mirrors(table), timeout, f"changes.{table} mirrors it")


def murmur2(text):
    """Java's, cut to 31 bits: modulo the number of partitions it says where a key goes."""
    data = text.encode()
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def seat_of(mapping_id):
    """The partition of checkpoints that a mapping's task belongs to."""
    return murmur2(f"{INGRESS}/reader/{mapping_id}") % 4


def pairs(records):
    return collections.Counter((record["id"], record["version"] if record["op"] == "UPSERT" else 0)
                               for record in records)


def served_pairs(lines, followed=True):
    """(id, version) of the pages whose link was followed, each page once however often served."""
    return collections.Counter((line["id"], 0 if line["deleted"] else line["version"])
                               for line in lines
                               if line["id"] is not None and (line["followed"] or not followed))


def assert_exactly_once(lab, table="contact", repeats=False):
    """The oracle: what was served and gone on from is committed, nothing else, and nothing twice.

    A page that is read again after a kill was served twice; its row may have changed between the two:
    then the later version stands for the earlier one. `repeats`: the table changed while it was
    read in full, so that Dynamics itself tells a row again in the first delta.
    """
    committed = pairs(lab.changes(table))
    lines = lab.ferry.sandbox.admin.served(table)
    served, anything = served_pairs(lines), served_pairs(lines, followed=False)
    newest = collections.defaultdict(int)
    for id_, version in committed:
        newest[id_] = max(newest[id_], version or 2**62)
    lost = [pair for pair in served if pair not in committed and newest[pair[0]] <= pair[1]]
    invented = [pair for pair in committed if pair not in anything]
    doubled = [pair for pair, count in committed.items()
               if count > (anything[pair] if repeats else 1)]
    assert committed and served
    assert not lost and not invented and not doubled, (
        f"lost {lost[:5]} ({len(lost)}), invented {invented[:5]} ({len(invented)}), "
        f"doubled {doubled[:5]} ({len(doubled)})")


def open_transactions(ferry):
    """Transactional ids of this instance that have a transaction open now, as Kafka's own tool sees it."""
    run = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{support.ROOT}/build/kafka/lib/*",
         "org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server",
         ferry.kafka.bootstrap, "list"],
        capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split() for line in run.stdout.splitlines()]
    return [row[0] for row in rows if row[0].startswith(ferry.name + ".") and "Ongoing" in row]
