"""W3C trace context: from the page that told a record to what Campaign was asked, or to its reject."""

import re

from backlog import Backlog, contact, contact_mapping, field
from instance import INGRESS
from oracle import CONTACTS, Oracle
from reading import Reading, mapping

PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-00")


def traces(ferry, topic):
    """[(key, traceparent or None)] of a topic."""
    return [(message.key().decode(),
             dict(message.headers() or []).get("traceparent", b"").decode() or None)
            for message in ferry.topics.read(topic)]


def test_a_change_keeps_its_trace_to_campaign_and_to_its_reject(ferry):
    sandbox, _, _, writer = ferry.start_all(contacts=50)
    ferry.apply(CONTACTS)
    ferry.start()
    oracle = Oracle(ferry)
    oracle.wait_until_settled()
    loaded = traces(ferry, "changes.contact")
    assert len(loaded) == 50 and all(parent is None for _, parent in loaded)

    changed = {row["id"] for row in sandbox.admin.rows("contact")[:20]}
    last = len(sandbox.admin.journal())
    for row in changed:
        sandbox.admin.update("contact", row, firstname="Renamed")
    oracle.wait_until_settled()
    told = {key: parent for key, parent in traces(ferry, "changes.contact") if parent}
    assert set(told) == changed
    ids = [PARENT.fullmatch(parent).group(1) for parent in told.values()]
    assert len(set(ids)) == len(changed)
    assert {key: parent for key, parent in traces(ferry, "written.contact") if parent} == told
    asked = {entry["key"]: entry.get("traceparent") for entry in sandbox.admin.journal(after=last)}
    assert asked == told

    poison = changed.pop()
    sandbox.admin.update("contact", poison, emailaddress1="no address")
    rejected = ferry.wait_until(lambda: traces(ferry, f"rejects.{INGRESS}"))
    parent = [parent for key, parent in traces(ferry, "changes.contact") if key == poison][-1]
    assert [parent] == [one for _, one in rejected]
    lines = writer.events("rejected", id=poison)
    assert [line["trace_id"] for line in lines] == [PARENT.fullmatch(parent).group(1)]
    items = ferry.ctl_json("get", "rejects", INGRESS)["items"]
    assert [item["traceparent"] for item in items] == [parent]
    assert [text for text in sandbox.admin.breaches() if "no address" not in text] == []


def test_a_reject_of_an_untraced_record_starts_a_trace(ferry):
    sandbox, _, _, writer = ferry.start_all(contacts=20)
    sandbox.admin.insert("contact", lastname="Long", emailaddress1="no address")
    ferry.apply(CONTACTS)
    ferry.start()
    (_, parent), = ferry.wait_until(lambda: traces(ferry, f"rejects.{INGRESS}"))
    assert not any(parent for _, parent in traces(ferry, "changes.contact"))
    assert [line["trace_id"] for line in writer.events("rejected")] == [
        PARENT.fullmatch(parent).group(1)]


def test_full_reads_carry_traces_when_asked(ferry):
    lab = Reading(ferry)
    ferry.start_sandbox(contacts=30)
    ferry.start_reader(trace_full_reads="true", dynamics_page_size=10)
    lab.start(mapping())
    lab.wait_until_mirrored()
    parents = [PARENT.fullmatch(parent).groups() for _, parent in traces(ferry, "changes.contact")]
    assert len({trace for trace, _ in parents}) == 30
    assert len({span for _, span in parents}) == 3  # of a page


def test_a_child_that_waits_for_its_parent_keeps_its_trace(ferry):
    purchase = contact_mapping(
        id="new_purchase", table="new_purchase", entitySet="new_purchases", resource="cusPurchase",
        primaryId="new_purchaseid", key="purchaseId", columns=["_new_contact_value", "new_orderno"],
        fields=[field("new_orderno", "String", "orderNo", length=30),
                field("_new_contact_value", "Lookup", "profilelink", "link", linkTable="contact")])
    backlog = Backlog(ferry, [contact_mapping(), purchase])
    admin = ferry.start_sandbox().admin
    writer = ferry.start_writer(retry_ms=20)
    backlog.start()
    child, parent = backlog.ids(2)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    backlog.put([backlog.change(child, {"new_orderno": "7", "_new_contact_value": parent},
                                table="new_purchase")], headers={"traceparent": trace})
    ferry.wait_until(lambda: (child, trace) in traces(ferry, "waiting.new_purchase"))
    writer.stop()  # what it remembers of it comes out of the topic again
    writer.start()
    backlog.put([backlog.change(parent, contact(1))])
    ferry.wait_until(lambda: admin.campaign_row("cusPurchase", child), 60)
    asked, = [entry for entry in admin.journal("cusPurchase") if entry["key"] == child]
    assert asked["traceparent"] == trace
    ferry.wait_until(lambda: (child, trace) == traces(ferry, "written.new_purchase")[-1])
