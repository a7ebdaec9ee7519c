"""Kafka's own command-line tools see what Ferry says: the lag that is the backlog, and the records."""

import re
import subprocess

from instance import INGRESS
from oracle import CONTACTS, Oracle
from support import ROOT

TRACEPARENT = re.compile(r"traceparent:00-[0-9a-f]{32}-[0-9a-f]{16}-00")


def tool(ferry, name, *words):
    run = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{ROOT}/build/kafka/lib/*",
         f"org.apache.kafka.tools.{name}", "--bootstrap-server", ferry.kafka.bootstrap, *words],
        capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def lag_by_tool(ferry):
    """The LAG column of kafka-consumer-groups.sh --describe, for each partition."""
    rows = [line.split() for line in tool(
        ferry, "consumer.group.ConsumerGroupCommand", "--describe", "--group",
        f"{ferry.name}.{INGRESS}").splitlines() if line.strip()]
    heads = next(row for row in rows if "LAG" in row)
    return [int(row[heads.index("LAG")]) for row in rows
            if row[heads.index("TOPIC")] == f"{ferry.name}.changes.contact"]


def rows_by_tool(ferry, count):
    """{(partition, offset): (key, headers)} by kafka-console-consumer.sh."""
    shown = [word for part in ("partition", "offset", "key", "headers")
             for word in ("--property", f"print.{part}=true")]
    lines = tool(ferry, "consumer.ConsoleConsumer", "--topic", f"{ferry.name}.changes.contact",
                 "--from-beginning", "--max-messages", str(count), "--timeout-ms", "20000",
                 "--isolation-level", "read_committed",
                 *shown, "--property", "print.value=false").splitlines()
    rows = {}
    for line in lines:
        partition, offset, headers, key = line.split("\t")
        place = int(partition.split(":")[1]), int(offset.split(":")[1])
        rows[place] = (key, headers)
    return rows


def test_the_lag_is_the_backlog_and_the_console_shows_each_record(ferry):
    sandbox, _, _, writer = ferry.start_all(contacts=300)
    ferry.apply(CONTACTS)
    ferry.start()
    oracle = Oracle(ferry)
    oracle.wait_until_settled()
    writer.stop()
    sandbox.admin.touch("contact", 120)
    ferry.wait_until(lambda: len(ferry.topics.read("changes.contact")) == 420)
    ferry.ctl("stop", INGRESS, "--wait")
    lag = lag_by_tool(ferry)
    # Offsets: each transaction on the way counts one more.
    assert len(lag) == 8 and sum(lag) > 120
    assert ferry.backlog() == sum(lag) == ferry.topics.lag(INGRESS)

    seen = rows_by_tool(ferry, 420)
    messages = ferry.topics.read("changes.contact")
    assert {place: key for place, (key, _) in seen.items()} == {
        (message.partition(), message.offset()): message.key().decode() for message in messages}
    traced = [headers for _, headers in seen.values() if TRACEPARENT.fullmatch(headers)]
    plain = [headers for _, headers in seen.values() if headers == "NO_HEADERS"]
    assert (len(traced), len(plain)) == (120, 300)

    writer.start()
    ferry.start()
    oracle.wait_until_settled()
    assert lag_by_tool(ferry) == [0] * 8
    assert ferry.backlog() == 0
