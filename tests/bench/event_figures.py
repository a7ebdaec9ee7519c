"""E-mail events: exports to committed events, events to acknowledged batches, against bare programs."""

import datetime
import json
import time
import uuid

from exporting import Exporting
from figure import Figure, measures
from lab import FOLDER, Stretch, dynamics_authorization, median, wait_until
from timeline import DATES, KINDS, NAMESPACE, Timeline, activity, table
from whole_figures import MEGABYTE, Memory
from writing_figures import fill, put

BATCH = 1000  # events in a request


# ---- reading ----

def read_bare(lab, sftp, files, name):
    with lab.topic(name) as topic:
        return lab.bare("bare-exports", lab.kafka.bootstrap, topic, sftp.host, sftp.port, sftp.user,
                        sftp.key, *(sftp.exports / file["file"] for file in files))


def events_read(reader):
    return reader.metrics().get("ferry_reader_events_total", 0)


def read_all(lab, sandbox, sftp, events, name):
    """By ferry-reader, from GO to the last commit."""
    with lab.instance(name, sandbox) as instance:
        instance.sftp = sftp
        control = Exporting(instance, finished="leave")
        reader = instance.start_reader(log_level="info")
        control.prepare()
        control.wait_for_state("READY")
        stretch = Stretch(reader)
        control.order("GO")
        wait_until(lambda: events_read(reader) == events, 300, "the files are read")
        return stretch.end(events)


@measures("events-reader-ratio", "events-reader-cpu", "events-reader-rate", "bare-exports-cpu",
          "bare-exports-rate")
def reading(lab):
    mails, rounds = lab.count(200_000, 20_000), lab.count(5, 3)
    with lab.sandbox("exports", contacts=10_000) as sandbox, lab.sftp("sftp") as sftp:
        sandbox.admin.send_campaign(mails)
        files = sandbox.admin.export(sftp.exports)
        rows, size, events = (sum(file[key] for file in files) for key in ("rows", "bytes", "events"))
        print(f"  {len(files)} files of {rows:,} rows and {size / MEGABYTE:.0f} MB, {events:,} events")
        ours, theirs = [], []
        for number in range(rounds):
            theirs.append(read_bare(lab, sftp, files, f"bare-exports-{number}"))
            assert theirs[-1]["records"] == events, "the bare program found other events"
            ours.append(read_all(lab, sandbox, sftp, events, f"exports-{number}"))
    bare = [run["cpuUs"] / events for run in theirs]
    yield Figure("events-reader-ratio", median(one / run.cpu_us for one, run in zip(bare, ours)),
                 "of bare", ">= 0.5")
    yield Figure("events-reader-cpu", median(run.cpu_us for run in ours), "us an event")
    yield Figure("events-reader-rate", median(run.rate for run in ours), "events/s")
    yield Figure("bare-exports-cpu", median(bare), "us an event")
    yield Figure("bare-exports-rate", median(events / run["wallUs"] * 1e6 for run in theirs), "events/s")


# ---- writing ----

class Mails:
    """What became of a campaign: as events of the backlog, and as the parts of batches."""

    def __init__(self, sandbox, count, folder):
        folder.mkdir(parents=True, exist_ok=True)
        sandbox.admin.send_campaign(count)
        files = sandbox.admin.export(folder)
        self.file = files[0]["file"]
        self.found = sandbox.admin.events()

    def events(self):
        for line, (identity, event) in enumerate(self.found.items(), 2):
            yield {"eventId": identity, "kind": event["kind"], "contactId": event["contact"],
                   "occurredAt": milliseconds(event["at"]), "campaign": event["campaign"] or None,
                   "delivery": event["delivery"] or None, "mirrorPageUrl": event["mirrorPage"] or None,
                   "url": event.get("url") or None, "file": self.file, "line": line,
                   "readAt": int(time.time() * 1000)}

    def parts(self, source):
        """The same activities under other ids, as ferry-writer writes them."""
        for event in self.events():
            trace = uuid.uuid5(NAMESPACE, f"{source}/{event['eventId']}").hex
            yield (f"--batch_ferry\r\nContent-Type: application/http\r\n"
                   f"Content-Transfer-Encoding: binary\r\n\r\n"
                   f"POST /api/data/v9.2/{table(event['kind'])}s HTTP/1.1\r\n"
                   f"Content-Type: application/json; type=entry\r\n"
                   f"traceparent: 00-{trace}-{trace[:16]}-00\r\n\r\n"
                   f"{body(source, event)}\r\n")


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def body(source, event):
    names = activity(event["kind"])["columns"]
    at = datetime.datetime.fromtimestamp(event["occurredAt"] // 1000, datetime.timezone.utc)
    columns = {"activityid": str(uuid.uuid5(NAMESPACE, f"{source}/{event['eventId']}")),
               "subject": " ".join(filter(None, (event["campaign"], event["delivery"]))),
               names["campaign"]["name"]: event["campaign"], names["delivery"]["name"]: event["delivery"],
               names["mirrorPage"]["name"]: event["mirrorPageUrl"], "ferry_url": event["url"],
               f"{activity(event['kind'])['regarding']}@odata.bind": f"/contacts({event['contactId']})",
               DATES[event["kind"]]: at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps({name: value for name, value in columns.items() if value},
                      separators=(",", ":"), ensure_ascii=False)


def events_written(writer):
    metrics = writer.metrics()
    return sum(metrics.get(f'ferry_writer_events_total{{kind="{kind}",outcome="written"}}', 0)
               for kind in KINDS)


def events_accepted(sandbox):
    return sum(sandbox.admin.stats()["dynamics"]["operations"]["statuses"].values())


def carry(timeline, writer, count):
    """From GO to the last acknowledged event; and the requests to Dynamics in all of it. As long as it works, only
    the sandbox is asked how far it is: to answer us would be work of the writer's that nobody orders elsewhere."""
    sandbox = timeline.ferry.sandbox
    admin = sandbox.admin
    before = events_written(writer)
    admin.reset_stats()
    timeline.order("PREPARE")
    timeline.wait_for("READY")
    stretch = Stretch(writer)
    timeline.order("GO")
    wait_until(lambda: events_accepted(sandbox) >= count, 300, f"{count} events are accepted")
    wait_until(lambda: events_written(writer) - before >= count, 300, f"{count} events are written")
    stretch.end(count)
    timeline.wait_until_written()
    stretch.requests = sum(sum(answers.values()) for answers in
                           admin.stats()["dynamics"]["requests"].values())
    timeline.order("STOP")
    timeline.wait_for("STOPPED")
    assert timeline.operations() == {"204": count}
    return stretch


def post_bare(lab, sandbox, messages, concurrency, count, parts, name):
    """count messages; parts of them in a request."""
    sandbox.admin.reset_stats()
    with lab.topic(name, partitions=1) as topic:
        fill(lab, topic, messages)
        run = lab.bare("bare-batches", lab.kafka.bootstrap, topic,
                       f"{sandbox.dynamics}/api/data/v9.2/$batch", concurrency, count, parts,
                       BENCH_AUTHORIZATION=dynamics_authorization(sandbox))
    assert run["failed"] == 0, f"{run['failed']} batches of the bare program failed"
    return run


def post_parts(lab, sandbox, mails, concurrency, number):
    """One message an event, joined by the bare program: us an event."""
    count = len(mails.found)
    parts = ((str(at), part) for at, part in enumerate(mails.parts(f"parts-{number}")))
    run = post_bare(lab, sandbox, parts, concurrency, count, BATCH, f"parts-{number}")
    assert sandbox.admin.stats()["dynamics"]["operations"]["statuses"] == {"204": count}
    return run["cpuUs"] / count, count / run["wallUs"] * 1e6


def post_bodies(lab, sandbox, mails, concurrency, number):
    """One message a request, ready made: us an event."""
    count = len(mails.found)
    parts = list(mails.parts(f"bodies-{number}"))
    bodies = [(str(at), "".join(parts[at:at + BATCH])) for at in range(0, count, BATCH)]
    run = post_bare(lab, sandbox, bodies, concurrency, len(bodies), 1, f"bodies-{number}")
    assert sandbox.admin.stats()["dynamics"]["operations"]["statuses"] == {"204": count}
    return run["cpuUs"] / count, count / run["wallUs"] * 1e6


@measures("events-writer-ratio", "events-writer-ratio-ready-bodies", "events-writer-cpu", "events-writer-rate",
          "bare-parts-cpu", "bare-parts-rate", "bare-bodies-cpu", "bare-bodies-rate", "events-requests")
def writing(lab):
    count, rounds = lab.count(50_000, 5_000), lab.count(5, 3)
    ours, parts, bodies = [], [], []
    with lab.instance("events") as instance:
        sandbox = instance.start_sandbox(record=False, contacts=10_000, activities="on", limit_requests=0)
        timeline = Timeline(instance)
        writer = instance.start_events_writer(log_level="info")
        mails = Mails(sandbox, count, FOLDER / "mails")
        for number in range(rounds):
            timeline.source = f"ferry-{number}"
            put(timeline, mails.events())
            ours.append(carry(timeline, writer, len(mails.found)))
            ours[-1].requests *= 1000 / len(mails.found)
            at_once = int(writer.metrics()["ferry_writer_batches_concurrency"])
            parts.append(post_parts(lab, sandbox, mails, at_once, number))
            bodies.append(post_bodies(lab, sandbox, mails, at_once, number))
    print(f"  {len(mails.found):,} events a round, {at_once} requests at once")
    for name, runs in (("", parts), ("-ready-bodies", bodies)):
        yield Figure(f"events-writer-ratio{name}", median(
            bare[0] / run.cpu_us for bare, run in zip(runs, ours)), "of bare", ">= 0.6")
    yield Figure("events-writer-cpu", median(run.cpu_us for run in ours), "us an event")
    yield Figure("events-writer-rate", median(run.rate for run in ours), "events/s")
    for name, runs in (("parts", parts), ("bodies", bodies)):
        yield Figure(f"bare-{name}-cpu", median(run[0] for run in runs), "us an event")
        yield Figure(f"bare-{name}-rate", median(run[1] for run in runs), "events/s")
    yield Figure("events-requests", max(run.requests for run in ours), "requests per 1000 events", "<= 2")


# ---- memory ----

def read_large(instance):
    """Highest RssAnon in MB while all delivery logs are read, from one file."""
    file, = instance.sandbox.admin.export(instance.sftp.exports, logs="delivery")
    print(f"  a file of {file['bytes'] / MEGABYTE:.0f} MB with {file['events']:,} events")
    control = Exporting(instance, finished="leave")
    control.events["activities"] = {kind: activity(kind) for kind in KINDS}
    reader = instance.start_reader(log_level="info")
    with Memory(reader) as memory:
        control.start()
        instance.wait_until(lambda: events_read(reader) == file["events"], 900, "the file is read")
    return memory.peak / MEGABYTE


def write_for_a_while(instance):
    """Highest RssAnon in MB of a writer that takes over all that, for 15 s."""
    writer = instance.start_events_writer(log_level="info")
    with Memory(writer) as memory:
        begun = time.monotonic()
        instance.wait_until(lambda: time.monotonic() - begun > 15, 30, "15 s have passed")
    assert events_written(writer) > 0, "it did not write"
    return memory.peak / MEGABYTE


@measures("events-reader-memory", "events-writer-memory")
def memory(lab):
    mails = lab.count(4_400_000, 50_000)
    with lab.instance("events-large") as instance:
        sandbox = instance.start_sandbox(record=False, contacts=20_000, activities="on", limit_requests=0)
        instance.start_sftp()
        sandbox.admin.send_campaign(mails)
        yield Figure("events-reader-memory", read_large(instance), "MB", "<= 40")
        yield Figure("events-writer-memory", write_for_a_while(instance), "MB", "<= 40")
