"""The whole of Ferry: memory with a backlog, how long a start takes, how long a change takes."""

import bisect
import collections
import threading
import time

from figure import Figure, measures
from instance import INGRESS
from lab import example, median, wait_until
from writing_figures import forget

MEGABYTE = 1e6


class Memory:
    """The highest RssAnon of a server, looked at a hundred times a second until the block ends."""

    def __init__(self, server):
        self.server = server
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.01):
            self.peak = max(self.peak, self.server.memory())


class Flow:
    """The demo's workflow over a table of contacts: a few more than `waiting`, for the sandbox's
    random choice of rows to change does not find the last ones."""

    def __init__(self, instance, waiting):
        self.instance = instance
        self.waiting = waiting
        self.count = count = waiting * 102 // 100
        self.sandbox = instance.start_sandbox(record=False, contacts=count, limit_requests=0)
        self.admin = self.sandbox.admin
        instance.start_controller(log_level="info")
        self.reader = instance.start_reader(log_level="info")
        self.writer = instance.start_writer(log_level="info")
        instance.apply(example())

    def read(self):
        return self.reader.metrics().get('ferry_reader_records_total{table="contact"}', 0)

    def wait_until_read(self, count):
        self.instance.wait_until(lambda: self.read() >= count, 600, f"{count} records are read")

    def wait_until_written(self):
        def done():
            return (self.admin.campaign_count("profile") == self.count and
                    self.instance.backlog() == 0)
        self.instance.wait_until(done, 900, "all is written")

    def start(self):
        """Seconds from Start to RUNNING, as a person at the command line waits for it."""
        begun = time.monotonic()
        self.instance.start()
        return time.monotonic() - begun

    def stop(self):
        self.instance.ctl("stop", INGRESS, "--wait")

    def load(self):
        """Everything crosses: from now on it is remembered."""
        self.start()
        self.wait_until_read(self.count)
        self.wait_until_written()

    def build_up_backlog(self):
        """The writer is away; every contact changes."""
        self.writer.stop()
        before = self.read()
        self.admin.touch("contact", self.count)
        self.wait_until_read(before + self.waiting)


def footprint(flow):
    """(reader, writer): the highest RssAnon in MB, all of the table waiting and remembered."""
    with Memory(flow.reader) as of_reader:
        flow.load()
        flow.build_up_backlog()
    calls = flow.admin.stats()["campaign"]["calls"]["update"]
    flow.writer.start()
    with Memory(flow.writer) as of_writer:
        begun = time.monotonic()
        flow.instance.wait_until(lambda: time.monotonic() - begun > 15, 30, "15 s have passed")
    assert flow.admin.stats()["campaign"]["calls"]["update"] > calls, "it did not write"
    return of_reader.peak / MEGABYTE, of_writer.peak / MEGABYTE


def rebuild(flow):
    """Seconds from Start to RUNNING of a writer with an empty disk, and the statuses it showed."""
    flow.stop()
    forget(flow.instance, flow.writer)
    seen = []
    begun = time.monotonic()
    flow.instance.ctl("start", INGRESS)

    def running():
        seen.append(flow.instance.status())
        return seen[-1] == "RUNNING"
    flow.instance.wait_until(running, 120, "RUNNING")
    return time.monotonic() - begun, seen


def run_small(lab, count, number):
    """(footprint, seconds that a start takes)."""
    with lab.instance(f"small-{number}") as instance:
        flow = Flow(instance, count)
        memory = footprint(flow)
        flow.wait_until_written()
        flow.stop()
        return memory, flow.start()


@measures("start-seconds", "reader-memory-small", "writer-memory-small", "reader-memory",
          "writer-memory", "reader-memory-growth", "writer-memory-growth", "rebuild-seconds")
def size(lab):
    small, large = lab.count(100_000, 5_000), lab.count(1_000_000, 20_000)
    # A peak of a few seconds wavers by a tenth, which is all that it may grow.
    runs, starts = zip(*(run_small(lab, small, number) for number in range(lab.count(5, 3))))
    few = [median(values) for values in zip(*runs)]
    for name, values in zip(("reader", "writer"), zip(*runs)):
        print(f"  {name}'s memory, small: " + ", ".join(f"{value:.1f} MB" for value in values))
    print("  starts: " + ", ".join(f"{seconds:.2f} s" for seconds in starts))
    yield Figure("start-seconds", median(starts), "s", "<= 3")
    with lab.instance("large") as instance:
        flow = Flow(instance, large)
        many = footprint(flow)
        seconds, seen = rebuild(flow)
        assert "STARTING" in seen, f"the rebuilding was shown as {seen}"
        flow.stop()
    for name, value in zip(("reader", "writer"), few):
        yield Figure(f"{name}-memory-small", value, "MB")
    for name, value in zip(("reader", "writer"), many):
        yield Figure(f"{name}-memory", value, "MB", "<= 40")
    for name, before, value in zip(("reader", "writer"), few, many):
        yield Figure(f"{name}-memory-growth", value / before, f"of {small:,} records", "<= 1.1")
    yield Figure("rebuild-seconds", seconds, "s", "<= 10")


def delays(admin):
    """Milliseconds from the last byte of the page of each change to the acceptance of its PATCH."""
    accepted = collections.defaultdict(list)
    for entry in admin.journal("profile"):
        if entry["verb"] == "PATCH":
            accepted[entry["key"]].append(entry["atMs"])
    for row in admin.served("contact"):
        if row["id"] is None or row["kind"] != "delta":
            continue
        times = accepted[row["id"]]
        at = bisect.bisect_left(times, row["sentAtMs"])
        assert at < len(times), f"no PATCH for version {row['version']} of {row['id']}"
        yield times[at] - row["sentAtMs"]


@measures("change-delay-p99", "change-delay-median")
def delay(lab):
    seconds = lab.count(30, 5)
    with lab.instance("delay") as instance:
        sandbox = instance.start_sandbox(record=True, contacts=20_000, dynamics_latency_ms=5,
                                         campaign_latency_ms=5)
        instance.start_controller(log_level="info")
        instance.start_reader(log_level="info", dynamics_poll_interval_ms=200)
        instance.start_writer(log_level="info")
        instance.apply(example())
        instance.start()
        admin = sandbox.admin
        wait_until(lambda: admin.campaign_count("profile") == 20_000 and instance.backlog() == 0,
                   120, "the first load has crossed")
        admin.keep_changing("contact", 1000, seconds)
        wait_until(lambda: not admin.scripts(), seconds + 30, "the changes are made")
        changed = len({(row["id"], row["version"]) for row in admin.served("contact")
                       if row["kind"] == "delta" and row["id"]})
        wait_until(lambda: instance.backlog() == 0, 60, "the changes have crossed")
        found = sorted(delays(admin))
    assert len(found) >= 0.9 * changed
    print(f"  {len(found)} changes told in delta pages; longest {found[-1]} ms")
    yield Figure("change-delay-p99", found[int(len(found) * 0.99)], "ms", "<= 250")
    yield Figure("change-delay-median", median(found), "ms")
