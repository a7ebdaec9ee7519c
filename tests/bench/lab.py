"""What the figures are measured with: one broker, instances of Ferry as the integration tests have
them, the CPU clocks of other processes, and the bare programs."""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))  # the harness: servers, instance, support
FOLDER = ROOT / "build" / "bench"
CPUCLOCK_SCHED = 2  # of <linux/posix-timers.h>: user and system time of a process, threads included

import confluent_kafka.admin  # noqa: E402
import requests  # noqa: E402
import servers  # noqa: E402
from instance import Instance  # noqa: E402
from support import free_port, wait_until  # noqa: E402, F401 - for the figures

median = statistics.median


def cpu(server):
    """User and system seconds that a server has used up, to the nanosecond."""
    return time.clock_gettime((~server.pid << 3) | CPUCLOCK_SCHED)


class Stretch:
    """CPU of a server and wall clock, from one moment on."""

    def __init__(self, server):
        self._server = server
        self._cpu, self._wall = cpu(server), time.monotonic()

    def end(self, records):
        self.cpu_us = (cpu(self._server) - self._cpu) * 1e6 / records
        self.rate = records / (time.monotonic() - self._wall)
        return self


def example():
    """The configuration of the demo: contact to profile, 20 columns."""
    return json.loads((ROOT / "docs" / "examples" / "contacts.json").read_text())


def example_columns():
    fields = example()["configuration"]["mappings"][0]["fields"]
    return sorted(field["source"] for field in fields)


def dynamics_authorization(sandbox):
    url = f"{sandbox.dynamics}/{sandbox.TENANT}/oauth2/v2.0/token"
    answer = requests.post(url, timeout=10, data={
        "grant_type": "client_credentials", "client_id": sandbox.DYNAMICS_CLIENT,
        "client_secret": sandbox.DYNAMICS_SECRET, "scope": f"{sandbox.dynamics}/.default"})
    return "Bearer " + answer.json()["access_token"]


def campaign_authorization(sandbox):
    answer = requests.post(f"{sandbox.campaign}/ims/token/v3", timeout=10, data={
        "grant_type": "client_credentials", "client_id": sandbox.CAMPAIGN_CLIENT,
        "client_secret": sandbox.CAMPAIGN_SECRET, "scope": "openid,AdobeID,campaign_sdk"})
    return "Bearer " + answer.json()["access_token"]


class Lab:
    """`quick`: small counts, to try the benches; their figures say little."""

    def __init__(self, quick=False):
        self.quick = quick
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        # A million records make segments of 16 MB a nuisance to the broker, not to Ferry.
        self.kafka = servers.Kafka(FOLDER / "kafka", ["log.segment.bytes=268435456"], brief=False)

    def __enter__(self):
        self.kafka.start()
        return self

    def __exit__(self, *_):
        self.kafka.stop()
        shutil.rmtree(self.kafka.folder / "data", ignore_errors=True)

    def count(self, full, quick):
        return quick if self.quick else full

    @contextlib.contextmanager
    def sandbox(self, name, **flags):
        """One for several instances."""
        flags = {"record": False, "seed": 7, "limit_requests": 0, **flags}
        sandbox = servers.Sandbox(FOLDER / name, **flags).start()
        try:
            yield sandbox
        finally:
            sandbox.stop()

    @contextlib.contextmanager
    def instance(self, name, sandbox=None):
        folder = FOLDER / name
        folder.mkdir(parents=True)
        instance = Instance(f"bench-{name}", folder, self.kafka, seed=7)
        instance.sandbox = sandbox
        try:
            yield instance
            instance.stop()
        finally:
            instance.kill()
        shutil.rmtree(folder / "writer-0.state", ignore_errors=True)

    @contextlib.contextmanager
    def sftp(self, name):
        """One for several instances."""
        server = servers.Sftp(FOLDER / name, free_port()).start()
        try:
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def topic(self, name, partitions=8):
        name = f"bench.{name}"
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        new = confluent_kafka.admin.NewTopic(name, partitions, 1)
        for done in admin.create_topics([new]).values():
            done.result()
        try:
            yield name
        finally:
            for done in admin.delete_topics([name]).values():
                done.result()

    @contextlib.contextmanager
    def mock(self, topic, partitions=8):
        """librdkafka's mock cluster in a process of its own: its address."""
        command = ["setpriv", "--pdeathsig", "KILL", "--", servers.program("bare-mock"), topic,
                   str(partitions)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            yield process.stdout.readline().strip()

    def bare(self, program, *words, **environment):
        """A baseline's answer. It dies with us."""
        run = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "--", servers.program(program), *map(str, words)],
            env=os.environ | environment, capture_output=True, text=True, timeout=600)
        if run.returncode != 0:
            raise RuntimeError(f"{program}: {run.stderr}")
        return json.loads(run.stdout)
