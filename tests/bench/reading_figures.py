"""The reader: CPU a record against a bare program and against Airbyte's source."""

import json
import resource
import subprocess
import sys

from figure import Figure, measures
from lab import (FOLDER, ROOT, Stretch, dynamics_authorization, example_columns, median, requests,
                 wait_until)
from reading import Reading, mapping

sys.path.insert(0, str(ROOT / "tests" / "strangers"))

# CPU us a record of one core, as the libraries were measured once: a page of 5000 by https, yajl's
# SAX interface with 22 keys matched, direct Avro of 22 columns, lz4 transactions of 5000 to
# librdkafka's mock cluster. There yajl alone, its events only counted, needed 0.87 us; what it needs
# here for our page tells how much slower this machine is, with its neighbours of now.
LIMITS = {"fetch": 0.25, "parse": 1.04, "encode": 0.10, "produce": 1.06}
COUNT = 0.87
SLACK = 1.3


def contacts_url(sandbox, columns):
    return f"{sandbox.dynamics}/api/data/v9.2/contacts?$select={','.join(columns)}"


def bare_steps(lab, sandbox, columns, bootstrap, topic):
    return lab.bare("bare-steps", bootstrap, topic, contacts_url(sandbox, columns),
                    *columns, BENCH_AUTHORIZATION=dynamics_authorization(sandbox))


def judge_steps(lab, sandbox, columns):
    """Prints the baseline's steps; false when it is too slow to be held against."""
    with lab.mock("steps") as bootstrap:
        steps = bare_steps(lab, sandbox, columns, bootstrap, "steps")
    with lab.topic("steps") as topic:
        real = bare_steps(lab, sandbox, columns, lab.kafka.bootstrap, topic)["produceUs"]
    slower = steps["countUs"] / COUNT
    print(f"  a page: {steps['records']} records of {steps['pageBytes'] / steps['records']:.0f} "
          f"bytes of JSON; a record in Kafka: {steps['recordBytes']:.0f} bytes")
    print(f"  yajl alone: {steps['countUs']:.3f} us a record, {slower:.2f} times the library's "
          f"{COUNT}")
    good = True
    for name, limit in LIMITS.items():
        seen = steps[name + "Us"]
        ratio = seen / limit / slower
        good &= ratio <= SLACK
        print(f"  bare {name:8} {seen:6.3f} us a record: {ratio:4.2f} times the library's "
              f"{limit:.2f} x {slower:.2f}"
              + ("" if ratio <= SLACK else ": TOO SLOW, THE RUN IS VOID"))
    print(f"  (bare produce to the real broker: {real:.3f} us a record)")
    return good


def read_bare(lab, sandbox, columns, name):
    with lab.topic(name) as topic:
        run = lab.bare("bare-reader", lab.kafka.bootstrap, topic,
                       contacts_url(sandbox, columns), *columns,
                       BENCH_AUTHORIZATION=dynamics_authorization(sandbox))
    return run["cpuUs"] / run["records"], run["records"] / run["wallUs"] * 1e6


def read_all(lab, sandbox, columns, count, name):
    """A first load by ferry-reader, from GO to the last commit."""
    with lab.instance(name, sandbox) as instance:
        control = Reading(instance)
        reader = instance.start_reader(log_level="info", dynamics_poll_interval_ms=10000)
        control.prepare(mapping(columns=columns))
        control.wait_for_state("READY")
        stretch = Stretch(reader)
        control.order("GO")
        metric = 'ferry_reader_records_total{table="contact"}'
        wait_until(lambda: reader.metrics().get(metric) == count, 300, "the whole table is read")
        return stretch.end(count)


@measures("reader-cpu-ratio", "reader-cpu", "reader-rate", "bare-reader-cpu", "bare-reader-rate")
def against_bare(lab):
    count, rounds = lab.count(200_000, 30_000), lab.count(5, 3)
    columns = example_columns()
    with lab.sandbox("reader", contacts=count) as sandbox:
        good = judge_steps(lab, sandbox, columns)
        ours, theirs = [], []
        for number in range(rounds):
            theirs.append(read_bare(lab, sandbox, columns, f"bare-{number}"))
            ours.append(read_all(lab, sandbox, columns, count, f"reader-{number}"))
    ratios = [bare[0] / run.cpu_us for bare, run in zip(theirs, ours)]
    yield Figure("reader-cpu-ratio", median(ratios), "of bare", ">= 0.5", void=not good)
    yield Figure("reader-cpu", median(run.cpu_us for run in ours), "us a record")
    yield Figure("reader-rate", median(run.rate for run in ours), "records/s")
    yield Figure("bare-reader-cpu", median(run[0] for run in theirs), "us a record")
    yield Figure("bare-reader-rate", median(run[1] for run in theirs), "records/s")


class Airbyte:
    """The source's own command line; what it costs is what the kernel says its process used."""

    def __init__(self, sandbox, folder):
        from stranger import command, environment
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.command = command
        self.environment = environment(authority=sandbox.dynamics)
        self.configuration = {
            "url": sandbox.dynamics, "tenant_id": sandbox.TENANT,
            "client_id": sandbox.DYNAMICS_CLIENT, "client_secret_value": sandbox.DYNAMICS_SECRET,
            "odata_maxpagesize": 5000}

    def _file(self, name, content):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return [f"--{name}", path]

    def _run(self, out, *words):
        def spent():
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime
        before = spent()
        subprocess.run(self.command("airbyte", *words), env=self.environment, cwd=self.folder,
                       stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=600)
        return spent() - before

    def streams(self):
        path = self.folder / "discovered"
        with path.open("wb") as out:
            self._run(out, "discover", *self._file("config", self.configuration))
        catalog = next(message["catalog"] for message in map(json.loads, path.open())
                       if message["type"] == "CATALOG")
        return {stream["name"]: stream for stream in catalog["streams"]}

    def read(self, stream):
        """(CPU seconds of a full read, records). What it says is counted afterwards."""
        catalog = {"streams": [{
            "stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}]}
        path = self.folder / "said"
        with path.open("wb") as out:
            used = self._run(out, "read", *self._file("config", self.configuration),
                             *self._file("catalog", catalog))
        with path.open() as said:
            return used, sum('"type":"RECORD"' in line.replace(" ", "")[:40] for line in said)


def all_columns(sandbox):
    """Of contact: those that a read without $select carries."""
    answer = requests.get(f"{sandbox.dynamics}/api/data/v9.2/contacts", timeout=60, headers={
        "Authorization": dynamics_authorization(sandbox), "Accept": "application/json",
        "OData-MaxVersion": "4.0", "OData-Version": "4.0", "Prefer": "odata.maxpagesize=1"})
    row = answer.json()["value"][0]
    return [name for name in row if "@" not in name and name != "contactid"]


@measures("airbyte-ratio-20-columns", "airbyte-ratio-all-columns", "airbyte-cpu",
          "reader-cpu-all-columns", peers=True)
def against_airbyte(lab):
    count, rounds = lab.count(50_000, 10_000), 3
    with lab.sandbox("peers", contacts=count, accounts=1, foreign=True) as sandbox:
        columns = all_columns(sandbox)
        print(f"  all columns: {len(columns) + 1}")
        airbyte = Airbyte(sandbox, FOLDER / "airbyte")
        streams = airbyte.streams()
        theirs, few, many = [], [], []
        for number in range(rounds):
            start_up, _ = airbyte.read(streams["account"])
            used, records = airbyte.read(streams["contact"])
            assert records == count, f"Airbyte read {records} of {count} contacts"
            theirs.append((used - start_up) * 1e6 / count)
            few.append(read_all(lab, sandbox, example_columns(), count, f"few-{number}").cpu_us)
            many.append(read_all(lab, sandbox, columns, count, f"many-{number}").cpu_us)
    of_few = median(ours / peer for ours, peer in zip(few, theirs))
    of_many = median(ours / peer for ours, peer in zip(many, theirs))
    yield Figure("airbyte-ratio-20-columns", of_few, "of Airbyte", f"<= {1 / 30:.4f}")
    yield Figure("airbyte-ratio-all-columns", of_many, "of Airbyte", "<= 0.1")
    yield Figure("airbyte-cpu", median(theirs), "us a record")
    yield Figure("reader-cpu-all-columns", median(many), "us a record")
