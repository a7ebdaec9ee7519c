"""Nothing lost, nothing doubled: what Dynamics served, what Kafka holds, what Campaign accepted
and what it ended with are compared, by a mapping of docs/examples/contacts.json of its own.

A page is known by the page whose link led to it. A link may be followed more than once (a reader
died before it committed); then its page was served more than once and one of these servings counts:
the one that the reading went on from. From the last page served back to the beginning there is
exactly one way, so exactly these pages must be in the log, row by row, in their order.
"""

import collections
import json

import confluent_kafka

from instance import INGRESS
from support import ROOT

TABLE, RESOURCE = "contact", "profile"
CONTACTS = json.loads((ROOT / "docs" / "examples" / "contacts.json").read_text())
PARTITIONS = 8

# ---- the mapping, independently ----

# Field of the profile: column of the contact, longest text.
TEXTS = {
    "firstName": ("firstname", 30), "middleName": ("middlename", 30), "lastName": ("lastname", 50),
    "salutation": ("salutation", 20), "email": ("emailaddress1", 128), "phone": ("telephone1", 32),
    "mobilePhone": ("mobilephone", 32), "fax": ("fax", 32), "birthDate": ("birthdate", 10),
    "location.address1": ("address1_line1", 250), "location.address2": ("address1_line2", 250),
    "location.city": ("address1_city", 80), "location.zipCode": ("address1_postalcode", 20),
    "location.stateCode": ("address1_stateorprovince", 50)}
GENDERS = {None: "unknown", 1: "male", 2: "female"}
STATES = {0: "active", 1: "inactive"}
OPT_OUTS = {"blackListEmail": "donotbulkemail", "blackListPhone": "donotphone",
            "blackListFax": "donotfax", "blackListPostalMail": "donotpostalmail"}
FIELDS = {*TEXTS, *OPT_OUTS, "gender", "cusStatus"}


def profile_of(columns):
    """The values that a contact's profile must have, without those that are empty."""
    values = {field: (columns.get(column) or "")[:length]
              for field, (column, length) in TEXTS.items()}
    values |= {field: bool(columns.get(column)) for field, column in OPT_OUTS.items()}
    values["gender"] = GENDERS[columns.get("gendercode")]
    values["cusStatus"] = STATES[columns["statecode"]]
    return only_set(values)


def only_set(values):
    """Unset, empty and false are one thing to Campaign."""
    return {field: value for field, value in values.items()
            if field in FIELDS and value not in (None, "", False)}


def flat(body, prefix=""):
    """{"location": {"city": "Oslo"}} -> {"location.city": "Oslo"}."""
    values = {}
    for name, value in body.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[prefix + name] = value
    return values


# ---- what happened ----

DELETED = "deleted"


def sign_of(record):
    """What tells one record of an id from another: its version; a delete has none."""
    return record["version"] if record["op"] == "UPSERT" else DELETED


class Page:
    def __init__(self, line):
        self.number, self.after = line["page"], line["after"]
        self.followed, self.kind = line["followed"], line["kind"]
        self.rows = []


def pages_served(lines):
    pages = {}
    for line in lines:
        page = pages.setdefault(line["page"], Page(line))
        if line["id"] is not None:
            page.rows.append((line["id"], DELETED if line["deleted"] else line["version"]))
    return pages


def ways(pages):
    """For each full read the pages from its first to its last, in order of the reads.

    Of a read that was begun anew before its first page was committed only a stump remains.
    """
    lasts = {}
    roots = {}
    for number in sorted(pages):
        after = pages[number].after
        roots[number] = roots.get(after, number)
        lasts[roots[number]] = number
    found = []
    for root in sorted(lasts):
        way, at = [], lasts[root]
        while at in pages:
            way.insert(0, pages[at])
            at = pages[at].after
        found.append(way)
    return found


class Log:
    """changes.<table> as another Avro library reads it: for each id its records in order."""

    def __init__(self, topics, table=TABLE):
        self.records = collections.defaultdict(list)
        self.count = 0
        for key, record in topics.records(f"changes.{table}"):
            assert record is not None and record["id"] == key, f"key {key} of {record}"
            self.records[key].append(record)
            self.count += 1


class Faults(list):
    """What is wrong, so that one look shows all of it."""

    def check(self, good, text, detail=""):
        if not good:
            self.append(f"{text} {detail}")

    def must_be_none(self):
        assert not self, f"{len(self)} faults; the first: " + "\n".join(self[:10])


class Oracle:
    def __init__(self, ferry):
        self.ferry = ferry
        self.admin = ferry.sandbox.admin
        self.topics = ferry.topics
        self.repeated = 0  # requests that Campaign accepted twice, found by assert_in_order

    # Waiting until everything has come to rest.

    def mirrors(self):
        """Campaign ends where Dynamics is: the differences, which should be none."""
        wanted = {row["id"]: profile_of(row["columns"]) for row in self.admin.rows(TABLE)}
        found = {key: only_set(row["values"])
                 for key, row in self.admin.campaign_rows(RESOURCE).items()}
        return [(key, wanted.get(key), found.get(key)) for key in {*wanted, *found}
                if wanted.get(key) != found.get(key)]

    def wait_until_settled(self, timeout=90):
        def settled():
            missing = self.admin.count(TABLE) - self.admin.campaign_count(RESOURCE)
            return missing == 0 and not self.behind() and not self.mirrors()
        self.ferry.wait_until(settled, timeout, "Campaign mirrors Dynamics and nothing waits")
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 20, "ferryctl shows backlog 0")

    # Kafka.

    def open_in(self, *topics):
        """The topics in which a transaction is open now."""
        return [topic for topic in topics
                if self.topics.ends(topic, committed=True) != self.topics.ends(topic)]

    def log_count(self):
        return len(self.topics.read(f"changes.{TABLE}"))

    def behind(self):
        """Partitions whose committed offset is not the end of the log, transaction markers included."""
        group = f"{self.ferry.name}.{INGRESS}"
        parts = [confluent_kafka.TopicPartition(f"{self.ferry.name}.changes.{TABLE}", partition)
                 for partition in range(PARTITIONS)]
        wanted = confluent_kafka.ConsumerGroupTopicPartitions(group, parts)
        committed = self.topics.admin.list_consumer_group_offsets([wanted])[group].result()
        ends = self.topics.ends(f"changes.{TABLE}")
        return [f"partition {part.partition}: committed {part.offset}, end {ends[part.partition]}"
                for part in committed.topic_partitions if part.offset != ends[part.partition]]

    # The parts of the oracle.

    def assert_read_exactly_once(self, faults):
        """The log is what was served on the way that the reading went, nothing else, in order."""
        log = Log(self.topics)
        at = collections.Counter()
        for key, records in log.records.items():
            # Told by no page: found to be missing after a full read.
            log.records[key] = [one for one in records if one["origin"] != "RESYNC"]
        reads = ways(pages_served(self.admin.served(TABLE)))
        faults.check(reads, "no page was served")
        for number, way in enumerate(reads):
            for page in way:
                if not self._is_next(log, at, page):
                    # Served last of its read and never gone on from: it need not be committed.
                    last = number == len(reads) - 1
                    faults.check(not last or not page.followed, "lost or out of order: page",
                                 f"{page.number} after {page.after}: {page.rows[:3]}")
                    break
                if page is way[-1] and not page.followed and self._is_stump(
                        log, at, page, reads[number + 1:]):
                    break
                at.update(id_ for id_, _ in page.rows)
        beyond = {key: [sign_of(one) for one in records[at[key]:]]
                  for key, records in log.records.items() if len(records) > at[key]}
        faults.check(not beyond, "doubled or invented:", f"{len(beyond)} ids, {dict(list(beyond.items())[:3])}")

    def _is_stump(self, log, at, page, later):
        """Asked for again before it was committed, and served alike: the log has it only once."""
        both = at + collections.Counter(id_ for id_, _ in page.rows)
        return bool(later) and self._is_next(log, at, later[0][0]) and not self._is_next(
            log, both, later[0][0])

    @staticmethod
    def _is_next(log, at, page):
        seen = collections.Counter()
        for id_, sign in page.rows:
            records, position = log.records.get(id_, []), at[id_] + seen[id_]
            if position >= len(records) or sign_of(records[position]) != sign:
                return False
            seen[id_] += 1
        return True

    def assert_in_order(self, faults):
        """Campaign accepted, for each key, records of the log and never an older after a newer."""
        log = Log(self.topics)
        self.repeated = 0
        last = collections.defaultdict(lambda: -1)
        bodies = {key: [profile_of(one["fields"]) if one["op"] == "UPSERT" else None
                        for one in records] for key, records in log.records.items()}
        for entry in self.admin.journal(RESOURCE):
            key = entry["key"]
            body = None if entry["verb"] == "DELETE" else only_set(flat(entry["body"]))
            if entry["verb"] == "POST":
                self._check_opt_outs(entry, faults)
            places = [place for place, known in enumerate(bodies.get(key, ())) if known == body]
            place = next((one for one in places if one >= last[key]), None)
            faults.check(places, "accepted a body that is no record's:", entry)
            faults.check(not places or place is not None, "went back:",
                         f"{entry} after record {last[key]} of {len(bodies.get(key, ()))}")
            if place is not None:
                self.repeated += place == last[key]
                last[key] = place

    @staticmethod
    def _check_opt_outs(entry, faults):
        """Equal bodies are compared without false values; a creation must name each of them."""
        flags = [entry["body"].get(field) for field in OPT_OUTS]
        faults.check(all(isinstance(flag, bool) for flag in flags), "created without its opt-outs:",
                     entry)

    def assert_memory_true(self, faults):
        """`written` ends with what Campaign has, and no dead owner's word came after a newer one."""
        log = Log(self.topics)
        last = collections.defaultdict(lambda: -1)
        for key, record in self.topics.records(f"written.{TABLE}"):
            signs = [sign_of(one) for one in log.records[key]]
            sign = record["version"] if record["state"] == "WRITTEN" else DELETED
            places = [place for place, known in enumerate(signs) if known == sign]
            faults.check(places and places[-1] >= last[key], "written went back:",
                         f"{record} after record {last[key]} of {signs}")
            if places:
                last[key] = next((one for one in places if one >= last[key]), last[key])
        behind = [key for key, records in log.records.items()
                  if sign_of(records[-1]) != sign_of(records[max(last[key], 0)])]
        faults.check(not behind, f"written is behind for {len(behind)} ids:", behind[:3])

    def assert_same_end(self, faults):
        for key, wanted, found in self.mirrors():
            faults.check(False, f"{key}: Dynamics says {wanted}, Campaign has {found}")
        hidden = self.admin.campaign_hidden(RESOURCE)
        faults.check(hidden == 0, f"{hidden} hidden rows in Campaign")

    def assert_nothing_waits(self, faults):
        for text in self.behind():
            faults.check(False, text)
        # The controller looks now and then: what it saw on the way may follow a 0 from before.
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 20, "ferryctl shows backlog 0")

    def assert_no_complaint(self, faults):
        """No rule of the two APIs was broken, nothing rejected, no task ever FAILED."""
        breaches = self.admin.breaches()
        faults.check(not breaches, f"{len(breaches)} breaches:", breaches[:3])
        rejects = self.topics.read(f"rejects.{INGRESS}")
        faults.check(not rejects, f"{len(rejects)} rejects:",
                     [dict(one.headers()) for one in rejects[:3]])
        failed = [one for one in self.history() if one["state"] == "FAILED"]
        faults.check(not failed, f"FAILED {len(failed)} times:", failed[:3])

    def history(self):
        """Every status that a task ever told."""
        told = [json.loads(one.value()) for one in self.topics.read("status") if one.value()]
        assert all("state" in one for one in told), [one for one in told if "state" not in one][:3]
        return told

    def warnings(self):
        return [one["warning"] for one in self.history() if one.get("warning")]

    def assert_delivered(self, timeout=90):
        """The whole of it, after Dynamics has come to rest."""
        self.wait_until_settled(timeout)
        faults = Faults()
        self.assert_read_exactly_once(faults)
        self.assert_in_order(faults)
        self.assert_memory_true(faults)
        self.assert_same_end(faults)
        self.assert_nothing_waits(faults)
        self.assert_no_complaint(faults)
        faults.must_be_none()
