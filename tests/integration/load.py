"""People at work in Dynamics: edits, new contacts and deletions, while a test does its worst."""

import random
import threading
import time

import support

TABLE = "contact"


class Load:
    """Each edit writes a number, ever higher, into address1_line2: so bodies tell their order."""

    def __init__(self, ferry, per_second=40):
        self.admin = support.SandboxAdmin(ferry.sandbox.admin.url.removesuffix("/sandbox"))
        self.random = random.Random(ferry.seed ^ 0x10AD)
        self.ids = sorted(row["id"] for row in self.admin.rows(TABLE, select="createdon"))
        self.per_second = per_second
        self.done = {"update": 0, "insert": 0, "delete": 0}
        self.number = 0
        self._fault = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join(30)
        if self._fault:
            raise self._fault

    @property
    def edits(self):
        return sum(self.done.values())

    def _run(self):
        begun = time.monotonic()
        try:
            while not self._ended.is_set():
                while self.edits < (time.monotonic() - begun) * self.per_second:
                    self._one_thing()
                self._ended.wait(0.02)
        except Exception as fault:  # shown by the test's own thread
            self._fault = fault

    def _one_thing(self):
        self.number += 1
        kind = self.random.choices(["update", "insert", "delete"], [80, 12, 8])[0]
        getattr(self, "_" + kind)(f"{self.number:08d}")
        self.done[kind] += 1

    def _update(self, text):
        columns = {"address1_line2": text}
        if self.random.random() < 0.2:
            columns["donotbulkemail"] = self.random.random() < 0.5
        self.admin.update(TABLE, self.random.choice(self.ids), **columns)

    def _insert(self, text):
        made = self.admin.insert(TABLE, firstname="Neue", lastname=f"Person {text}",
                                 emailaddress1=f"n{text}@example.com", address1_line2=text,
                                 donotbulkemail=self.random.random() < 0.3)
        self.ids.append(made["id"])

    def _delete(self, text):
        self.admin.delete(TABLE, self.ids.pop(self.random.randrange(len(self.ids))))
