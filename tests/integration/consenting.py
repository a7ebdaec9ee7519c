"""The readers' and the controller's side of Opt-In/Out, played by a test; and a model of what is decided."""

import datetime
import time

import confluent_kafka

from backlog import PARTITIONS, Backlog

WORKFLOW = "opt-in-out"
AT = 1780000000  # 2026-05-28, seconds: long ago
#  Ferry's name, Dynamics' column, Campaign's field, its time
ATTRIBUTES = [("denyListEmail", "donotbulkemail", "blackListEmail", "blackListEmailLastModified"),
              ("denyListPhone", "donotphone", "blackListPhone", "blackListPhoneLastModified"),
              ("denyListPushnotification", "new_nopush", "blackListPushnotification", None)]
EMAIL, PHONE, PUSH = (name for name, *_ in ATTRIBUTES)
COLUMNS = {name: column for name, column, _, _ in ATTRIBUTES}
FIELDS = {name: field for name, _, field, _ in ATTRIBUTES}
LOGS = ("dynamics", "campaign", "load")


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def winner(direction, rule, tolerance, dynamics, campaign):
    """Of two (value, seconds or None) that differ, in words of the ADR and not of the code."""
    if direction != "both":
        return "DYNAMICS" if direction == "dynamics-to-campaign" else "CAMPAIGN"
    timed = dynamics[1] is not None and campaign[1] is not None
    if timed and rule != "opt-out-wins" and campaign[1] - dynamics[1] > tolerance:
        return "CAMPAIGN"
    if timed and rule == "newest-wins" and dynamics[1] - campaign[1] > tolerance:
        return "DYNAMICS"
    return "DYNAMICS" if dynamics[0] else "CAMPAIGN"


class Consents(Backlog):
    workflow = WORKFLOW
    schema = "opt-out-change"

    def __init__(self, ferry, direction="both", rule="original", tolerance=60):
        self.direction = direction
        self.rule = rule
        self.tolerance = tolerance
        self.attributes = ATTRIBUTES  # of the next order
        super().__init__(ferry)

    def _data_topics(self):
        return {**{f"optouts.{log}": "delete" for log in LOGS},
                "optouts.state": "compact", "optouts.decisions": "compact"}

    def _logs(self):
        return len(LOGS)

    def _content(self):
        return {"mappings": [], "optOuts": {
            "direction": self.direction, "rule": self.rule,
            "clockToleranceMs": self.tolerance * 1000,
            "table": "contact", "entitySet": "contacts", "primaryId": "contactid",
            "api": "profileAndServicesExt", "resource": "profile", "key": "externalId",
            "filter": None, "export": None,
            "attributes": [{"name": name, "dynamics": column, "campaign": field, "time": at}
                           for name, column, field, at in self.attributes]}}

    @property
    def admin(self):
        return self.ferry.sandbox.admin

    # People, and what users do.

    def contacts(self, count):
        """Last saved at AT."""
        made = [self.admin.insert("contact", lastname="Moe")["id"] for _ in range(count)]
        self.edits([("dynamics", contact, AT, {EMAIL: False}) for contact in made])
        return made

    def profile(self, contact, **flags):
        """flags: by Ferry's names."""
        self.admin.campaign_insert("profile", externalId=contact, lastName="Moe",
                                   **{FIELDS[name]: value for name, value in flags.items()})

    def people(self, count):
        made = self.contacts(count)
        for contact in made:
            self.profile(contact)
        return made

    def edits(self, edits):
        """Users change flags: [(system, contact, seconds or None for now, {name: flag})]."""
        orders = []
        for system, contact, at, flags in edits:
            names = COLUMNS if system == "dynamics" else FIELDS
            orders.append({"system": system, "contact": contact,
                           "set": {names[name]: value for name, value in flags.items()}} |
                          ({} if at is None else {"at": moment(at)}))
        answer = self.admin.call("POST", "/consent/edit", {"edits": orders}).json()
        assert answer == {"edited": len(orders), "missing": []}, answer

    def edit(self, system, contact, at=None, **flags):
        self.edits([(system, contact, at, flags)])

    def said(self, system, contact, source=None, place="", **flags):
        """What a reader writes of it."""
        return {"contactId": contact, "side": system.upper(),
                "source": source or ("DELTA" if system == "dynamics" else "API"), "values": flags,
                "changedAt": 0, "place": place, "readAt": int(time.time() * 1000)}

    def put(self, records, headers=None, log=None):
        """One committed transaction, as a page of a reader."""
        self._changes.begin_transaction()
        for record in records:
            self._produce(log or record["side"].lower(), record["contactId"], self.encode(record), headers)
        self._changes.commit_transaction(30)

    def _topic(self, name):
        return f"optouts.{name}"

    def change(self, system, contact, at=None, **flags):
        """A user's edit, and the reader's word of it."""
        self.edit(system, contact, at, **flags)
        self.put([self.said(system, contact, **flags)])

    # What comes of it.

    def flags(self, contact):
        """[(in Dynamics, in Campaign)] in the order of ATTRIBUTES."""
        dynamics = self.admin.row("contact", contact)["columns"]
        campaign = self.admin.campaign_row("profile", contact)["values"]
        return [(bool(dynamics.get(column)), campaign.get(field, False)) for _, column, field, _ in ATTRIBUTES]

    def wait_until_agreed(self, contacts, timeout=60):
        self.wait_until_written(timeout)
        for contact in contacts:
            assert all(dynamics == campaign for dynamics, campaign in self.flags(contact)), (
                contact, self.flags(contact))

    def decisions(self, contact=None):
        """{(contact, attribute, number): record}; each is in its last state."""
        found = {}
        for key, record in self.ferry.topics.records("optouts.decisions"):
            assert key == f"{record['contactId']}/{record['attribute']}/{record['number']}"
            found[record["contactId"], record["attribute"], record["number"]] = record
        return {key: record for key, record in found.items() if contact in (None, key[0])}

    def only_decision(self, contact):
        decisions = self.decisions(contact)
        assert len(decisions) == 1, decisions
        return next(iter(decisions.values()))

    def told(self):
        """How often each decision was made known in each state: {(key, state): times}."""
        told = {}
        for key, record in self.ferry.topics.records("optouts.decisions"):
            told[key, record["state"]] = told.get((key, record["state"]), 0) + 1
        return told

    def assert_each_ended_once(self):
        """Decisions are numbered without gaps, and each was ended exactly once."""
        told = self.told()
        keys = {key for key, _ in told}
        for key in keys:
            ends = sum(times for (other, state), times in told.items() if other == key and state != "DECIDED")
            assert ends == 1 and told.get((key, "DECIDED")) == 1, (key, told)
            stem, number = key.rsplit("/", 1)
            assert number == "1" or f"{stem}/{int(number) - 1}" in keys, key

    def states(self):
        return self.ferry.topics.documents("optouts.state")

    def writes(self, contact=None):
        """How often a client wrote each flag: {contact: {"dynamics": n, "campaign": n}}."""
        query = {"contact": contact} if contact else {}
        lines = self.admin._lines("/consent/writes", **query)
        return {line["contact"]: {system: sum(of["client"] for of in line[system].values())
                                  for system in ("dynamics", "campaign")} for line in lines}

    def watch(self):
        self.admin.call("POST", "/consent", {"pairs": [
            {"dynamics": COLUMNS[name], "campaign": FIELDS[name]} for name in COLUMNS]})

    def counters(self, writer="writer-0"):
        return self.task(writer)["counters"]

    def wait_for_counter(self, name, value, timeout=30):
        return self.ferry.wait_until(lambda: self.counters().get(name) == value and self.counters(), timeout,
                                     f"{name} is {value}")

    def watermarks(self, log):
        """[(low, high)] of each partition."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.ferry.kafka.bootstrap,
                                             "group.id": f"{self.ferry.name}.look"})
        try:
            return [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(
                f"{self.ferry.name}.optouts.{log}", number), timeout=10) for number in range(PARTITIONS)]
        finally:
            consumer.close()
