"""The writer of Opt-In/Out when a later order finds open decisions, and with a stranger in its group."""

import confluent_kafka
import pytest

from consenting import AT, ATTRIBUTES, EMAIL, LOGS, PHONE, Consents
from support import stays
from test_optouts_writing import HOUR, assert_clean, begin


@pytest.fixture
def consents(ferry):
    return Consents(ferry)


def written(consents):
    """{contact: how often a client wrote flags of his to each system}, of those to whom it happened."""
    return {contact: of for contact, of in consents.writes().items() if any(of.values())}


def open_decisions(consents):
    """{(contact, attribute)}"""
    return {(contact, name) for contact, state in consents.states().items()
            for name, of in state["attributes"].items() if "open" in of}


def die_with_open_decisions(consents, monkeypatch, count, *edits):
    """Users make these edits of each of so many; the writer makes known what it decided and dies before it writes."""
    monkeypatch.setenv("FERRY_CRASH_AT", "consent-decided")
    writer = begin(consents)
    monkeypatch.delenv("FERRY_CRASH_AT")
    people = consents.people(count)
    consents.edits([(system, contact, AT + after, flags) for system, after, flags in edits for contact in people])
    consents.put([consents.said(system, contact, **flags) for system, _, flags in edits for contact in people])
    assert writer.wait_for_exit(60) == -9, "it did not reach the step"
    return writer, people


def go_on(consents, writer):
    """The next generation, in which nothing moves before GO: the decisions that it found open, and which are ended."""
    writer.start()
    consents.order("PREPARE")
    consents.wait_for("READY")
    found = open_decisions(consents)
    assert found, "it died before anything was decided"
    stays(lambda: not written(consents) and open_decisions(consents) == found, 1)
    consents.order("GO")
    consents.wait_for("RUNNING")
    consents.wait_until_written()
    consents.ferry.wait_until(lambda: not open_decisions(consents), 60, "every decision has come to its end")
    return {key: consents.decisions()[*key, 1] for key in found}


def test_a_later_generation_writes_what_an_earlier_one_decided(consents, monkeypatch):
    writer, people = die_with_open_decisions(
        consents, monkeypatch, 10, ("dynamics", HOUR, {EMAIL: True}), ("campaign", 2 * HOUR, {PHONE: True}))
    found = go_on(consents, writer)
    consents.wait_until_agreed(people)
    assert {decision["state"] for decision in found.values()} == {"WRITTEN"}
    assert {decision["state"] for decision in consents.decisions().values()} == {"WRITTEN"}
    for contact in people:
        assert consents.flags(contact) == [(True, True), (True, True), (False, False)]
        assert written(consents)[contact] == {"dynamics": 1, "campaign": 1}
    consents.assert_each_ended_once()
    assert_clean(consents)


def test_what_the_next_order_decides_otherwise_overtakes_an_open_decision(consents, monkeypatch):
    writer, _ = die_with_open_decisions(consents, monkeypatch, 10, ("dynamics", HOUR, {EMAIL: True}))
    consents.direction = "campaign-to-dynamics"
    found = go_on(consents, writer)
    consents.wait_until_agreed({contact for contact, _ in found})
    assert {decision["winner"] for decision in found.values()} == {"DYNAMICS"}
    assert {decision["state"] for decision in found.values()} == {"OVERTAKEN"}
    for contact, name in found:
        assert name == EMAIL
        second = consents.decisions()[contact, EMAIL, 2]
        assert (second["winner"], second["direction"], second["state"]) == (
            "CAMPAIGN", "CAMPAIGN_TO_DYNAMICS", "WRITTEN")
        assert consents.flags(contact)[0] == (False, False)
        assert written(consents)[contact] == {"dynamics": 1, "campaign": 0}
    consents.assert_each_ended_once()
    assert_clean(consents)


@pytest.mark.parametrize("opted_out", [True, False], ids=["opt-out", "opt-in"])
def test_a_decision_about_an_attribute_that_is_no_longer_mapped_ends_unwritten(consents, monkeypatch, opted_out):
    """Neither side is looked at any more, so nobody knows what it says."""
    writer, _ = die_with_open_decisions(
        consents, monkeypatch, 10, ("dynamics", HOUR, {PHONE: True}),
        *([] if opted_out else [("campaign", 2 * HOUR, {PHONE: True}), ("campaign", 3 * HOUR, {PHONE: False})]))
    consents.attributes = [one for one in ATTRIBUTES if one[0] != PHONE]
    found = go_on(consents, writer)
    for (contact, name), decision in found.items():
        assert (name, decision["winner"]) == (PHONE, "DYNAMICS" if opted_out else "CAMPAIGN")
        assert decision["state"] == "OVERTAKEN" and decision["writtenAt"] == 0
        assert consents.flags(contact)[1] == (True, False)
    assert not written(consents)
    consents.assert_each_ended_once()
    assert_clean(consents)


# Strangers.


class Stranger:
    """A member of the writers' group that is none of them."""

    def __init__(self, consents, assignor, *logs):
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": consents.ferry.kafka.bootstrap,
            "group.id": f"{consents.ferry.name}.{consents.workflow}",
            "partition.assignment.strategy": assignor, "session.timeout.ms": 30000, "enable.auto.commit": False})
        self._consumer.subscribe([f"{consents.ferry.name}.optouts.{log}" for log in logs])

    def held(self):
        """How many partitions it has. To be called again and again: only then does it take part in a rebalance."""
        self._consumer.poll(0.05)
        return len(self._consumer.assignment())

    def leave(self):
        self._consumer.close()


@pytest.fixture
def alone(consents):
    """An opt-out that waits for a writer, and nobody but a stranger is in the group: (the contact, how he gets in)."""
    consents.ferry.start_sandbox(contacts=0)
    consents.watch()
    contact, = consents.people(1)
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    strangers = []

    def enter(assignor, *logs):
        strangers.append(Stranger(consents, assignor, *logs))
        consents.ferry.wait_until(lambda: strangers[0].held() == 8 * len(logs), 60, "the stranger has all partitions")
        consents.ferry.start_events_writer(retry_ms=50)
        consents.order("PREPARE")
        return strangers[0]
    yield contact, enter
    for stranger in strangers:
        stranger.leave()


def test_a_member_that_reads_one_topic_only_fails_the_writer_which_says_why(consents, alone):
    contact, enter = alone
    stranger = enter("range", "dynamics")

    def failed():
        stranger.held()
        return (consents.task() or {}).get("state") == "FAILED" and consents.task()
    error = consents.ferry.wait_until(failed, 60)["error"]
    assert "of 2 of the 3 topics of opt-outs" in error["message"]
    assert "range" in error["action"] and "no foreign client" in error["action"]
    consents.order("GO")
    stays(lambda: failed() and not written(consents), 2)
    stranger.leave()
    consents.order("STOP")
    consents.wait_for("STOPPED")
    consents.start(timeout=60)
    consents.wait_until_agreed([contact])
    consents.assert_each_ended_once()
    assert_clean(consents)


def test_a_member_with_another_assignor_keeps_the_writer_out_until_it_leaves(consents, alone):
    contact, enter = alone
    stranger = enter("roundrobin", *LOGS)

    def warned():
        stranger.held()
        task = consents.task() or {}
        warning = task.get("state") == "PREPARING" and task["warning"]
        return warning and "Inconsistent group protocol" in warning["message"] and warning
    warning = consents.ferry.wait_until(warned, 60)
    assert "partition.assignment.strategy" in warning["action"] and "no foreign client" in warning["action"]
    stays(lambda: warned() and not written(consents), 2)
    stranger.leave()
    consents.wait_for("READY", timeout=60, warning=None)
    consents.order("GO")
    consents.wait_until_agreed([contact])
    consents.assert_each_ended_once()
    assert_clean(consents)
