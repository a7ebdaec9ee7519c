"""People who opt out while many others wait to be born: all of Ferry, and the sandbox as the witness of both systems."""

import random
import time

from instance import INGRESS

OPTINOUT = "opt-in-out"
PAIRS = [{"dynamics": "donotbulkemail", "campaign": "denyListEmail"},
         {"dynamics": "donotphone", "campaign": "denyListPhone"}]
NAMES = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId", "fields": [
    {"source": "firstname", "destination": "firstName", "tooLong": "truncate"},
    {"source": "lastname", "destination": "lastName", "tooLong": "truncate"}]}]}
# Campaign's own names and what a user of each system changes; the other system is where it has to arrive.
EDITS = {"dynamics": ({"donotbulkemail": True}, "blackListEmail", "campaign"),
         "campaign": ({"blackListPhone": True}, "donotphone", "dynamics")}
FLAGS = ("blackListEmail", "blackListPhone")


class Crowd:
    """`there` contacts have a profile, `waiting` more are in the backlog of ingress. Campaign admits `admit` requests at
    once and does not say so; each takes it `latency` ms, a creation `birth` ms more. files: it has no filter, and tells
    its opt-outs by export files alone."""

    def __init__(self, ferry, there, waiting=0, admit=64, latency=50, birth=0, files=False, **settings):
        self.ferry = ferry
        self.files = files
        self.there = there
        self.waiting = waiting
        self.random = random.Random(ferry.seed)
        self.sandbox = ferry.start_sandbox(contacts=there + waiting, limit_requests=0, campaign_admit=admit,
                                           campaign_latency_ms=latency,
                                           **({"optout_filter": "byAnotherName"} if files else {}))
        self.admin = self.sandbox.admin
        if birth:
            self.admin.fault("campaign", "stall", ms=birth, match={"verb": "POST", "path": "profile"})
        self.admin.call("POST", "/consent", {"pairs": PAIRS})
        if files:
            ferry.start_sftp()
        ferry.start_controller(**settings)
        self.reader = ferry.start_reader(**settings)
        self.writer = ferry.start_events_writer(**settings)
        ferry.apply({"direction": "both", "attributes": PAIRS, **({"export": {}} if files else {})}, OPTINOUT)
        ferry.apply(NAMES)

    def born(self):
        return self.admin.campaign_count("profile")

    def gather(self, timeout=300):
        """Some are born, the others are read and wait; then opt-outs are carried."""
        self.ferry.start()
        self.ferry.wait_until(lambda: self.born() >= self.there, timeout, "the first profiles are there")
        self.ferry.wait_until(self.is_read, timeout, "all contacts are read")
        self.people = self.undecided()
        self.ferry.start(OPTINOUT)
        self.ferry.wait_until(self.is_followed, timeout, "the first reads of both sides are over")
        if self.files:
            self.export()  # of all
            self.ferry.wait_until(lambda: self.counters(OPTINOUT, "exports").get("filesRead") == 1, timeout,
                                  "the first file is read")
            self.ferry.wait_until(lambda: self.ferry.backlog(OPTINOUT) == 0, timeout, "all of it is looked at")
        return self

    def hurry(self, timeout=120):
        """Nothing holds the backlog up any more: everybody is born."""
        self.admin.set(campaignAdmit=0, campaignLatencyMs=0)
        self.admin.clear_faults()
        self.ferry.wait_until(lambda: self.born() == self.there + self.waiting, timeout, "everybody is born")
        self.ferry.wait_until(lambda: self.ferry.backlog() == 0, 60, "the backlog is empty")

    def is_read(self):
        return self.counters(INGRESS, "contact").get("recordsRead", 0) >= self.there + self.waiting

    def is_followed(self):
        """Changes are looked for: every reader is in its deltas."""
        return all(self.counters(OPTINOUT, task).get("phase") == "DELTA"
                   for task in ("contact", *([] if self.files else ["profiles"])))

    def counters(self, workflow, task):
        """A reader's, as it told them last."""
        return self.ferry.topics.documents("status").get(f"{workflow}/reader/{task}", {}).get("counters", {})

    def undecided(self):
        """Contacts that have a profile and never opted out, in a random order."""
        out = {row["id"] for row in self.admin.rows("contact", select="donotbulkemail,donotphone")
               if row["columns"].get("donotbulkemail") or row["columns"].get("donotphone")}
        keys = sorted(self.admin.campaign_rows("profile").keys() - out)
        self.random.shuffle(keys)
        return keys

    # What users do, and when it arrives.

    def opt_out(self, system):
        """One of them, in that system: who."""
        contact = self.people.pop()
        changes, _, _ = EDITS[system]
        answer = self.admin.call("POST", "/consent/edit", {"edits": [
            {"system": system, "contact": contact, "set": changes}]}).json()
        assert answer == {"edited": 1, "missing": []}, answer
        return contact

    def opt_out_some(self, count, every):
        """So many in each system, in turn, one every so many seconds: {system: [contact]}."""
        made = {system: [] for system in EDITS}
        begun = time.monotonic()
        for number in range(2 * count):
            time.sleep(max(0.0, begun + every * (number + self.random.random()) - time.monotonic()))
            system = sorted(EDITS)[number % 2]
            made[system].append(self.opt_out(system))
        return made

    def export(self):
        """What changed in Campaign since the last time, as a file; when it began to be written, in ms."""
        begun = time.time() * 1000
        self.admin.export_optouts(self.ferry.sftp.exports)
        return begun

    def delays(self, system, contacts, timeout=120):
        """Milliseconds from each change to the write on the other side, as the sandbox's history says."""
        return sorted(self.ferry.wait_until(lambda contact=contact: self.delay(system, contact), timeout,
                                            f"what {contact} said in {system} arrives") for contact in contacts)

    def delay(self, system, contact):
        """None: it has not arrived."""
        column, = EDITS[system][0]
        made = self.moment(contact, system, column)
        arrived = self.arrival(system, contact)
        return arrived and max(arrived - made, 1)

    def arrival(self, system, contact):
        """When what the contact said in that system was written in the other one, in ms; None: not yet."""
        _, field, other = EDITS[system]
        return self.moment(contact, other, field)

    def moment(self, contact, system, name):
        """When the contact first opted out there, in ms; None: never."""
        history = self.admin._lines("/consent/history", contact=contact)
        return next((one["atMs"] for one in history
                     if (one["system"], one["name"]) == (system, name) and one["to"]), None)

    # What became of those who wait.

    def told(self):
        return self.admin.call("GET", "/consent").json()

    def ever_mailable(self):
        return {line["contact"]: line for line in self.admin._lines("/consent/mailable")}

    def born_opted_out(self):
        return sum(any(row["values"].get(flag) for flag in FLAGS)
                   for row in self.admin.campaign_rows("profile").values())
