"""The writer: CPU a record against a bare loop, its pace against a hidden limit, its calls."""

import functools
import random
import time

import confluent_kafka

from backlog import Backlog
from figure import Figure, measures
from instance import INGRESS
from lab import Stretch, campaign_authorization, example, example_columns, median, wait_until


@functools.cache
def compiled_mappings(lab):
    """The demo's mapping as the controller compiles it."""
    with lab.instance("compile") as instance:
        instance.start_all(contacts=1)
        instance.apply(example())
        instance.start()
        return instance.topics.documents("workflows")[f"{INGRESS}/run"]["mappings"]


class Contacts:
    """Rows of the sandbox as the reader would tell of them, each with a street of its own."""

    def __init__(self, lab, name, count):
        self.mappings = compiled_mappings(lab)
        columns = example_columns()
        with lab.sandbox(name, contacts=count) as sandbox:
            rows = sandbox.admin.rows("contact", select=",".join(columns))
        self.rows = {row["id"]: dict.fromkeys(columns) | row["columns"] for row in rows}

    def changes(self, backlog, version, **members):
        """One for each row; the version stands in the text."""
        for number, (key, columns) in enumerate(self.rows.items()):
            street = f"{number} Ferry Street, floor {version}"
            yield backlog.change(key, columns | {"address1_line1": street}, **members)


def put(backlog, changes):
    """In transactions of a page, as the reader does."""
    page = []
    for change in changes:
        page.append(change)
        if len(page) == 5000:
            backlog.put(page)
            page = []
    if page:
        backlog.put(page)


def carry(backlog, writer, count, timeout=300):
    """From GO to the last acknowledged request."""
    calls = backlog.calls
    backlog.order("PREPARE")
    backlog.wait_for("READY")
    before = sum_of(calls())
    stretch = Stretch(writer)
    backlog.order("GO")
    wait_until(lambda: sum_of(calls()) - before >= count, timeout, f"{count} requests arrive")
    stretch.end(count)
    backlog.wait_until_written()
    backlog.order("STOP")
    backlog.wait_for("STOPPED")
    return stretch


def sum_of(calls):
    return calls["insert"] + calls["update"] + calls["delete"]


def fill(lab, topic, messages):
    """With pairs of key and value."""
    producer = confluent_kafka.Producer({"bootstrap.servers": lab.kafka.bootstrap,
                                         "compression.codec": "lz4", "linger.ms": 20})
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def send_bare(lab, sandbox, requests, concurrency, name):
    """The same bodies to the same profiles."""
    with lab.topic(name, partitions=1) as topic:
        fill(lab, topic, requests)
        run = lab.bare(
            "bare-writer", lab.kafka.bootstrap, topic,
            f"{sandbox.campaign}/{sandbox.ORGANISATION}/campaign/profileAndServicesExt/profile",
            concurrency, len(requests), BENCH_AUTHORIZATION=campaign_authorization(sandbox),
            BENCH_API_KEY=sandbox.CAMPAIGN_CLIENT)
    assert run["failed"] == 0, f"{run['failed']} requests of the bare writer failed"
    return run["cpuUs"] / run["records"], run["records"] / run["wallUs"] * 1e6


def sent_bodies(sandbox, after):
    """What Ferry sent: the journal keeps each body byte for byte."""
    lines = sandbox.admin.call("GET", "/campaign/journal", resource="profile", after=after).text
    for line in lines.splitlines():
        key = line.split('"key":"', 1)[1].split('"', 1)[0]
        yield key, line.split('"body":', 1)[1].rsplit(',"atMs":', 1)[0]


@measures("writer-cpu-ratio", "writer-cpu", "writer-rate", "bare-writer-cpu", "bare-writer-rate")
def against_bare(lab):
    count, rounds = lab.count(40_000, 5_000), lab.count(5, 3)
    contacts = Contacts(lab, "writer-rows", count)
    ours, theirs = [], []
    with lab.instance("writer") as instance:
        sandbox = instance.start_sandbox(record=True)
        backlog = Backlog(instance, contacts.mappings)
        writer = instance.start_writer(log_level="info")
        put(backlog, contacts.changes(backlog, 0, origin="LOAD"))
        carry(backlog, writer, count)
        for number in range(1, rounds + 1):
            before = count * (2 * number - 1)
            put(backlog, contacts.changes(backlog, number))
            ours.append(carry(backlog, writer, count))
            requests = list(sent_bodies(sandbox, before))
            assert len(requests) == count, f"{len(requests)} requests for {count} changes"
            theirs.append(send_bare(lab, sandbox, requests, 64, f"requests-{number}"))
    size = sum(len(body) for _, body in requests) / count
    print(f"  the body of a PATCH has {size:.0f} bytes")
    ratios = [bare[0] / run.cpu_us for bare, run in zip(theirs, ours)]
    yield Figure("writer-cpu-ratio", median(ratios), "of bare", ">= 0.8")
    yield Figure("writer-cpu", median(run.cpu_us for run in ours), "us a record")
    yield Figure("writer-rate", median(run.rate for run in ours), "records/s")
    yield Figure("bare-writer-cpu", median(run[0] for run in theirs), "us a record")
    yield Figure("bare-writer-rate", median(run[1] for run in theirs), "records/s")


def tally(sandbox):
    """(accepted, refused with 429) so far, of the writes."""
    requests = sandbox.admin.stats()["campaign"]["requests"]
    answers = {}
    for verb in ("POST", "PATCH"):
        for status, times in requests.get(verb, {}).items():
            answers[status] = answers.get(status, 0) + times
    return sum(answers.get(status, 0) for status in ("200", "201", "204")), answers.get("429", 0)


def pace(lab, name, **settings):
    """(records/s after the first 30 s, share of 429 from the beginning)"""
    settle, watch = lab.count(30, 5), lab.count(20, 5)
    count = 1_400 * (settle + watch)
    with lab.instance(name) as instance:
        sandbox = instance.start_sandbox(record=False, campaign_latency_ms=50, campaign_admit=64)
        backlog = Backlog(instance)
        instance.start_writer(log_level="info", **settings)
        numbers = random.Random(7)
        put(backlog, (backlog.change(key, {"firstname": f"F {numbers.random()}", "lastname": key,
                                           "emailaddress1": None, "donotbulkemail": False},
                                     origin="LOAD") for key in backlog.ids(count)))
        backlog.start()
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun >= settle, settle + 5, "the pace has settled")
        (before, _), at = tally(sandbox), time.monotonic()
        wait_until(lambda: time.monotonic() - at >= watch, watch + 5, "the pace was watched")
        (after, refused), seconds = tally(sandbox), time.monotonic() - at
        assert after < count, "there was not enough to write"
    return (after - before) / seconds, 100 * refused / (after + refused)


@measures("writer-hidden-limit-rate", "writer-hidden-limit-refused",
          "writer-hidden-limit-rate-wide", "writer-hidden-limit-refused-wide")
def against_a_hidden_limit(lab):
    """With the default ceiling, which happens to be the limit, and with one far above it."""
    rate, refused = pace(lab, "pace")
    yield Figure("writer-hidden-limit-rate", rate, "records/s", ">= 1150")
    yield Figure("writer-hidden-limit-refused", refused, "% answered 429", "< 1")
    rate, refused = pace(lab, "pace-wide", campaign_concurrency_max=256)
    yield Figure("writer-hidden-limit-rate-wide", rate, "records/s", ">= 1150")
    yield Figure("writer-hidden-limit-refused-wide", refused, "% answered 429", "< 1")


def forget(instance, writer):
    """Restarted with an empty disk."""
    writer.stop()
    for file in (instance.folder / "writer-0.state").iterdir():
        file.unlink()
    writer.start()


def calls_made(instance):
    """For records: what looks at the mapping is counted as metadata, tokens as tokens."""
    verbs = instance.sandbox.admin.stats()["campaign"]["calls"]
    return sum(verbs[verb] for verb in ("insert", "update", "delete", "get", "list"))


def count_calls(instance, writer, backlog, changes, waiting=False, left=None):
    """After a restart with an empty disk. waiting: the changes were there before the writer.
    left: profiles at the end; deletes are set aside first, and done when nothing else is to do."""
    forget(instance, writer)
    if waiting:
        put(backlog, changes)
        backlog.order("PREPARE")
        backlog.wait_for("READY", timeout=60)
    else:
        backlog.start(timeout=60)
    instance.sandbox.admin.reset_stats()
    if waiting:
        backlog.order("GO")
    else:
        put(backlog, changes)
    backlog.wait_until_written(300)
    if left is not None:
        wait_until(lambda: instance.sandbox.admin.campaign_count("profile") == left, 120,
                   f"{left} profiles are left")
    made = calls_made(instance)
    backlog.order("STOP")
    backlog.wait_for("STOPPED")
    return made


@measures("calls-insert", "calls-update", "calls-unchanged", "calls-unchanged-taken-over",
          "calls-delete")
def calls(lab):
    """What waits when a writer takes over: a dead one may have had requests on the way for the
    first 500 offsets of a partition, so these are sent even when they are unchanged."""
    count = lab.count(100_000, 5_000)
    contacts = Contacts(lab, "calls-rows", count)
    with lab.instance("calls") as instance:
        instance.start_sandbox(record=False)
        # Without the brake: that nobody asks a person is not what is measured.
        backlog = Backlog(instance, contacts.mappings)
        writer = instance.start_writer(log_level="info", deletes_brake_records=10**9)

        def cost(changes, **more):
            return count_calls(instance, writer, backlog, changes, **more) / count

        unit = "calls a record"
        yield Figure("calls-insert", cost(contacts.changes(backlog, 0, origin="LOAD")), unit, "= 1")
        yield Figure("calls-update", cost(contacts.changes(backlog, 1)), unit, "= 1")
        yield Figure("calls-unchanged", cost(contacts.changes(backlog, 1)), unit, "= 0")
        yield Figure("calls-unchanged-taken-over", cost(
            contacts.changes(backlog, 1), waiting=True), unit)
        gone = (backlog.change(key, None, op="DELETE") for key in contacts.rows)
        yield Figure("calls-delete", cost(gone, left=0), unit, "= 1")
