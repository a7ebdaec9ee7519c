"""The reader's and the controller's side of e-mail events, played by a test; and the timeline, as it should be."""

import datetime
import uuid

import confluent_kafka

from backlog import PARTITIONS, Backlog

WORKFLOW = "campaign-to-dynamics"
NAMESPACE = uuid.UUID("8f9f4f4e-3f0d-5b0c-9a51-6f0f3a0c8a57")
KINDS = ["SEND", "OPEN", "CLICK", "BOUNCE"]
DATES = {"SEND": "ferry_datesent", "OPEN": "ferry_dateopened", "CLICK": "ferry_dateclicked",
         "BOUNCE": "ferry_datebounced"}
SINCE = 1780000000000


def table(kind):
    return f"ferry_email{kind.lower()}"


def activity(kind, **more):
    """One kind's table, as the controller compiles it."""
    columns = {"campaign": {"name": "ferry_campaign", "length": 100},
               "delivery": {"name": "ferry_delivery", "length": 100},
               "date": {"name": DATES[kind]},
               "mirrorPage": {"name": "ferry_mirrorpage", "length": 2000}}
    if kind == "CLICK":
        columns["url"] = {"name": "ferry_url", "length": 2000}
    return {"table": table(kind), "entitySet": f"{table(kind)}s",
            "regarding": f"regardingobjectid_contact_{table(kind)}", "createMultiple": False,
            "subjectLength": 200, "columns": columns} | more


class Timeline(Backlog):
    workflow = WORKFLOW
    schema = "email-event"

    def __init__(self, ferry, source="", kinds=tuple(KINDS), **activities):
        """activities: SEND={...} changes that kind's table."""
        self.source = source
        self.kinds = kinds
        self.activities = activities
        self.number = 0
        super().__init__(ferry)

    def _data_topics(self):
        return {"events.email": "delete"}

    def _logs(self):
        return 1

    def _content(self):
        tables = {kind: activity(kind, **self.activities.get(kind, {})) for kind in self.kinds}
        return {"mappings": [], "events": {
            "source": self.source, "kinds": list(self.kinds), "since": SINCE,
            "activities": tables,
            "export": {"folder": "exports", "deliveryLogs": "acs_broadlog_*",
                       "trackingLogs": "acs_trackinglog_*", "finished": "move",
                       "processed": "processed", "delimiter": ",", "quote": "\"",
                       "encoding": "UTF-8", "timezone": "UTC", "columns": {}}}}

    # Events.

    def contacts(self):
        """The ids of the sandbox's contacts."""
        return [row["id"] for row in self.ferry.sandbox.admin.rows("contact", select="contactid")]

    def event(self, contact, kind="SEND", **more):
        self.number += 1
        return {"eventId": f"{kind.lower()}:{self.number}", "kind": kind, "contactId": contact,
                "occurredAt": SINCE + self.number * 1000, "campaign": f"C{self.number % 7}",
                "delivery": f"DM{self.number % 11}", "mirrorPageUrl": f"https://m/{self.number}",
                "url": f"https://x/{self.number}" if kind == "CLICK" else None,
                "file": "acs_broadlog_1.csv", "line": self.number, "readAt": SINCE} | more

    def events(self, contacts, count):
        """Of all kinds, over the contacts, in an order of the seed."""
        made = [self.event(self.random.choice(contacts), KINDS[number % len(KINDS)])
                for number in range(count)]
        self.random.shuffle(made)
        return made

    def put(self, records, headers=None):
        """One committed transaction, as a step of the reader."""
        self._changes.begin_transaction()
        for record in records:
            self._produce("email", record["contactId"], self.encode(record), headers)
        self._changes.commit_transaction(30)

    def put_bytes(self, key, value, table="email"):
        super().put_bytes(key, value, table)

    def _topic(self, name):
        return f"events.{name}"

    # What should be there, and what is.

    def id_of(self, event):
        return str(uuid.uuid5(NAMESPACE, f"{self.source}/{event['eventId']}"))

    def expected(self, events):
        """{id: the columns of the activity}"""
        found = {}
        for event in events:
            at = datetime.datetime.fromtimestamp(event["occurredAt"] // 1000, datetime.timezone.utc)
            columns = {"table": table(event["kind"]),
                       "subject": f"{event['campaign']} {event['delivery']}",
                       "regarding": event["contactId"],
                       "ferry_campaign": event["campaign"], "ferry_delivery": event["delivery"],
                       DATES[event["kind"]]: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                       "ferry_mirrorpage": event["mirrorPageUrl"]}
            if event["url"]:
                columns["ferry_url"] = event["url"]
            found[self.id_of(event)] = columns
        return found

    def found(self):
        """{id: the same columns} of all activities in Dynamics."""
        found = {}
        for kind in KINDS:
            for row in self.ferry.sandbox.admin.rows(table(kind)):
                columns = {name: value for name, value in row["columns"].items()
                           if name == "subject" or name.startswith("ferry_")}
                columns["table"] = table(kind)
                columns["regarding"] = row["columns"]["_regardingobjectid_value"]
                assert row["id"] not in found, "one id in two tables"
                found[row["id"]] = columns
        return found

    def assert_written(self, events):
        """Each of these events is on the timeline once, and nothing else is."""
        expected, found = self.expected(events), self.found()
        assert len(found) == len(expected)
        for key, columns in expected.items():
            assert found.get(key) == columns, key

    def operations(self):
        """{status: how many parts of batches were answered so}"""
        return self.ferry.sandbox.admin.stats()["dynamics"]["operations"]["statuses"]

    def batches(self):
        return self.ferry.sandbox.admin.stats()["dynamics"]["calls"]["batch"]

    def counters(self, writer="writer-0"):
        return self.task(writer)["counters"]

    def watermarks(self):
        """[(low, high)] of each partition."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.ferry.kafka.bootstrap,
                                             "group.id": f"{self.ferry.name}.look"})
        try:
            return [consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(f"{self.ferry.name}.events.email", number), timeout=10)
                for number in range(PARTITIONS)]
        finally:
            consumer.close()
