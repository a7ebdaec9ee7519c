"""Readers and writers played by the test: they say in `status` what a test wants them to say."""

import json
import time

import confluent_kafka

from instance import INGRESS

ALL = list(range(8))


class Workers:
    """The tasks of one workflow, as the controller sees them."""

    def __init__(self, ferry, workflow=INGRESS, mapping="contact", stream="contact"):
        """mapping: what the reader's task is called; stream: what writers have partitions of."""
        self.ferry = ferry
        self.workflow = workflow
        self.mapping = mapping
        self.stream = stream
        self._producer = confluent_kafka.Producer({"bootstrap.servers": ferry.kafka.bootstrap})

    def order(self):
        return self.ferry.topics.documents("workflows").get(f"{self.workflow}/run")

    def say(self, role, name, state, generation=None, **more):
        """role: reader (name: a mapping) or writer (name: its worker)."""
        task = f"{self.workflow}/{role}/{name}"
        status = {"task": task, "workflow": self.workflow, "role": role, "worker": f"{role}-of-test",
                  "generation": self.order()["generation"] if generation is None else generation,
                  "state": state, "heartbeatAt": int(time.time() * 1000), "error": None,
                  "warning": None, **more}
        self._producer.produce(f"{self.ferry.name}.status", key=task, value=json.dumps(status))
        assert self._producer.flush(60) == 0

    def reader(self, state, mapping=None, **more):
        self.say("reader", mapping or self.mapping, state, **more)

    def writer(self, state, partitions=None, name="w0", tables=(), **more):
        held = ALL if partitions is None else partitions
        self.say("writer", name, state,
                 partitions={table: held for table in tables or (self.stream,)}, **more)

    def both(self, state, **more):
        self.reader(state, **more)
        self.writer(state, **more)
