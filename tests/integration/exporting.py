"""Campaign's exports without Campaign: files that the test writes, run orders that it gives itself."""

import collections
import csv
import hashlib
import io
import json
import os
import random
import uuid

import pytest

from reading import Reading, murmur2

EGRESS = "campaign-to-dynamics"
TASK = f"{EGRESS}/reader/exports"
KINDS = ["SEND", "OPEN", "CLICK", "BOUNCE"]
DELIVERY = ["deliveryLogId", "externalId", "email", "status", "failureType", "failureReason", "eventDate",
            "lastModified", "deliveryName", "deliveryLabel", "campaignName", "campaignLabel", "mirrorPageUrl"]
TRACKING = ["trackingLogId", "deliveryLogId", "externalId", "trackingUrlType", "logDate", "url", "urlLabel",
            "deliveryName", "campaignName", "mirrorPageUrl"]
SINCE = 1795132800000  # 2026-11-20T00:00:00Z
EXPORT = {"folder": "d365_loads/exports", "deliveryLogs": "acs_broadlog_*", "trackingLogs": "acs_trackinglog_*",
          "finished": "move", "processed": "d365_loads/processed", "delimiter": ",", "quote": '"',
          "encoding": "UTF-8", "timezone": "UTC", "columns": {}}


def contact(number):
    return str(uuid.UUID(int=0x5F1C0B8E8A3DEC118C62000D3A1B2C3D + number))


def sent(number, **changes):
    """A row of the delivery logs; what is given replaces what is usual."""
    row = {"deliveryLogId": number, "externalId": contact(number % 1000), "email": f"p{number}@example.com",
           "status": 1, "failureType": 0, "failureReason": 0, "eventDate": "2026-11-21 05:58:31.667Z",
           "lastModified": "2026-11-21 05:59:02.008Z", "deliveryName": "DM190",
           "deliveryLabel": 'Welcome, "Ada"', "campaignName": "2019LoyaltyCamp", "campaignLabel": "Loyalty",
           "mirrorPageUrl": f"https://m.example.com/nl/jsp/m.jsp?c={number}"}
    return {**row, **changes}


def bounced(number, **changes):
    return sent(number, **{"status": 2, "failureType": 2, "failureReason": 1, **changes})


def tracked(number, kind=2, **changes):
    row = {"trackingLogId": number, "deliveryLogId": number, "externalId": contact(number % 1000),
           "trackingUrlType": kind, "logDate": "2026-11-21 06:10:00.000Z",
           "url": "https://www.example.com/offer?id=1", "urlLabel": "Offer", "deliveryName": "DM190",
           "campaignName": "2019LoyaltyCamp", "mirrorPageUrl": ""}
    return {**row, **changes}


def text(rows, header=None, end="\n", **dialect):
    """The file of these rows, as Campaign writes it."""
    header = header or (TRACKING if rows and "trackingLogId" in rows[0] else DELIVERY)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, lineterminator=end, extrasaction="ignore", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def origin(name, content, line):
    """Of a reject."""
    data = content.encode() if isinstance(content, str) else content
    return f"{name}.{hashlib.sha256(data).hexdigest()[:16]}/{line}"


class Files:
    """Where Campaign's exports lie, and how far they are read; of an instance with `ferry`, `sftp`, `topics`."""

    task = TASK
    counted = "events"  # what a checkpoint calls the rows that were told

    @classmethod
    def alone(cls, ferry, **export):
        """With systems in which nothing else happens."""
        ferry.start_sandbox(contacts=1)
        ferry.start_sftp()
        return cls(ferry, **export)

    def put(self, name, content, mtime=None):
        """A file that is there at once, whole."""
        data = content.encode() if isinstance(content, str) else content
        path = self.sftp.exports / name
        part = path.with_name("upload-" + name)
        part.write_bytes(data)
        if mtime is not None:
            os.utime(part, (mtime, mtime))
        part.rename(path)
        return path

    def waiting(self):
        return sorted(path.name for path in self.sftp.exports.iterdir())

    def processed(self):
        folder = self.sftp.home / "d365_loads" / "processed"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def wait_until_moved(self, count=1, timeout=60):
        self.ferry.wait_until(lambda: len(self.processed()) >= count and not self.waiting(), timeout,
                              f"{count} files are finished")

    def marks(self):
        """The checkpoint of each file's content, without the tombstones."""
        return {key.removeprefix(self.task + "/"): mark for key, mark in self.topics.documents("checkpoints").items()
                if key.startswith(self.task + "/") and mark}

    def marked(self):
        """A broker under load may not know its partitions for a moment."""
        found, = self.ferry.wait_until(lambda: (list(self.marks().values()),), 60, "the checkpoints can be read")
        return found

    def crash_in_mid_file(self, monkeypatch, step, rows):
        """The reader, killed at that step of the only file, which has that many rows; it can be started again."""
        monkeypatch.setenv("FERRY_CRASH_AT", step)
        reader = self.ferry.start_reader()
        monkeypatch.delenv("FERRY_CRASH_AT")
        self.prepare()
        self.wait_for_state("READY")
        self.order("GO")
        assert reader.wait_for_exit() < 0, "the fault happened"
        committed = len(self.committed())
        assert 0 < committed < rows, "in the middle"
        assert [mark[self.counted] for mark in self.marked()] == [committed], "with its checkpoint"
        return reader


class Exporting(Files, Reading):
    """An instance whose reader follows campaign-to-dynamics."""

    workflow = EGRESS

    def __init__(self, ferry, **export):
        super().__init__(ferry, tables=())
        self.make_topics("events.email")
        self.mappings = []
        self.events = {"source": "", "kinds": list(KINDS), "since": SINCE, "export": {**EXPORT, **export},
                       "activities": {kind: {"table": f"ferry_email{kind.lower()}", "entitySet": "x",
                                             "regarding": "x", "columns": {}} for kind in KINDS}}
        self.sftp = ferry.sftp

    def more(self):
        return {"events": self.events}

    def wait_for_state(self, state, mapping_ids=("exports",), timeout=30):
        return super().wait_for_state(state, mapping_ids or ("exports",), timeout)

    def status(self, mapping_id="exports"):
        return super().status(mapping_id)

    def counters(self):
        return {"filesRead": 0, "filesWaiting": 0, **self.status().get("counters", {})}

    # What came of them.

    def committed(self):
        return [record for _, record in self.topics.records("events.email")]

    def ids(self):
        return collections.Counter(record["eventId"] for record in self.committed())

    def plant_mark(self, sha256, mark):
        """A checkpoint of an earlier life."""
        seat = murmur2(TASK) % 4
        self._producer.produce(f"{self.ferry.name}.checkpoints", key=f"{TASK}/{sha256}", partition=seat,
                               value=json.dumps(mark))
        assert self._producer.flush(60) == 0

    def wait_for_warning(self, *words, timeout=30):
        def look():
            warning = self.status().get("warning")
            return warning and all(word in warning["message"] for word in words) and warning
        return self.ferry.wait_until(look, timeout, f"a warning with {words}")


@pytest.fixture
def lab(request, ferry):
    """An instance of the test's module's LAB."""
    return request.module.LAB.alone(ferry)


@pytest.fixture
def running(lab, ferry):
    ferry.start_reader()
    lab.start()
    return lab


def chance_of(ferry):
    return random.Random(ferry.seed)
