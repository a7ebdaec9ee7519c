"""The writer of Opt-In/Out, when a system does not play along, when users edit in between, and when it dies."""

import random

import pytest

from consenting import AT, EMAIL, PHONE, PUSH, Consents, winner
from support import wait_until
from test_optouts_writing import HOUR, assert_clean, begin

NAMES = (EMAIL, PHONE, PUSH)
SYSTEMS = ("dynamics", "campaign")


@pytest.fixture
def consents(ferry):
    return Consents(ferry)


def fired(consents):
    return sum(fault["fired"] for fault in consents.admin.faults())


def differ_both_ways(consents, count):
    """People of whom one flag goes to Campaign and another one to Dynamics; and the readers' words of it."""
    people = consents.people(count)
    consents.edits([("dynamics", contact, AT + HOUR, {EMAIL: True}) for contact in people])
    consents.edits([("campaign", contact, AT + 2 * HOUR, {PHONE: True}) for contact in people])
    consents.put([consents.said("dynamics", contact, **{EMAIL: True}) for contact in people])
    consents.put([consents.said("campaign", contact, **{PHONE: True}) for contact in people])
    return people


def assert_written_once(consents, people):
    consents.wait_until_agreed(people, 120)
    for contact in people:
        assert consents.flags(contact) == [(True, True), (True, True), (False, False)], contact
    assert set(map(tuple, (sorted(of.items()) for of in consents.writes().values()))) == {
        (("campaign", 1), ("dynamics", 1))}, "one write a side and change"
    consents.assert_each_ended_once()
    ends = consents.decisions()
    assert len(ends) == 2 * len(people) and {record["state"] for record in ends.values()} == {"WRITTEN"}


# Deaths.

STEPS = ["consent-decided", "consent-between", "consent-written", "consent-decided:7", "consent-between:5",
         "consent-written:3", "produced:2", "before-commit", "before-commit:2", "committed"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_writes_once_and_proves_once(consents, monkeypatch, step):
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    writer = begin(consents)
    monkeypatch.delenv("FERRY_CRASH_AT")
    people = differ_both_ways(consents, 10)
    assert writer.wait_for_exit(60) == -9, "it did not reach the step"
    writer.start()
    assert_written_once(consents, people)
    assert_clean(consents)
    assert all("open" not in of for state in consents.states().values() for of in state["attributes"].values())


class Model:
    """What both systems should say, from the users' edits alone."""

    def __init__(self, consents, people):
        self.consents = consents
        self.values = {contact: {name: [False, False] for name in NAMES} for contact in people}
        # In Dynamics the time is the row's; in Campaign what never changed has none, as push never has.
        self.since = {contact: {name: [AT, None] for name in NAMES} for contact in people}

    def edit(self, system, contact, at, flags):
        side = SYSTEMS.index(system)
        for name in NAMES:
            changes = name in flags and self.values[contact][name][side] != flags[name]
            if side == 0 or (changes and name != PUSH):
                self.since[contact][name][side] = at
            if changes:
                self.values[contact][name][side] = flags[name]

    def settle(self, contact):
        """The rule is applied: both sides say what the winner said, since when he said so."""
        for name in NAMES:
            values, since = self.values[contact][name], self.since[contact][name]
            if values[0] == values[1]:
                continue
            won = SYSTEMS.index(winner(self.consents.direction, self.consents.rule, self.consents.tolerance,
                                       *zip(values, since)).lower())
            values[1 - won] = values[won]
            if not (won == 0 and name == PUSH):
                since[1 - won] = since[won]

    def expected(self, contact):
        return [tuple(self.values[contact][name]) for name in NAMES]


def random_edit(dice, contact):
    flags = {name: dice.random() < 0.5 for name in NAMES if dice.random() < 0.5}
    # Few different times: equal ones, such as are within the tolerance, and such as are not.
    at = AT + dice.choice((3600, 7200, 10800)) + dice.choice((0, 0, 1, 30, 60, 61, 120))
    return dice.choice(SYSTEMS), contact, at, flags or {EMAIL: dice.random() < 0.5}


@pytest.mark.parametrize("rule", ["original", "newest-wins", "opt-out-wins"])
def test_random_histories_with_deaths_end_in_what_the_rule_says(ferry, rule):
    consents = Consents(ferry, rule=rule)
    writer = begin(consents)
    dice = random.Random(ferry.seed)
    people = consents.people(60)
    model = Model(consents, people)
    for turn in range(4):
        edits = [random_edit(dice, contact) for contact in people for _ in range(dice.randrange(4))]
        for edit in edits:
            model.edit(*edit)
        consents.edits(edits)
        words = [consents.said(system, contact, **flags) for system, contact, _, flags in edits]
        dice.shuffle(words)  # no order between them matters, and what was said once may be said again
        consents.put(words + dice.sample(words, len(words) // 4))
        if turn % 2 == 0:
            before = consents.counters()["written"]
            wait_until(lambda: consents.counters()["written"] != before or consents.lag() == 0)
            writer.kill9()
            writer.start()
        # Who was edited on both sides may be spoken of by a record that says what the other side says too.
        consents.wait_until_written(120)
        for contact in {contact for _, contact, _, _ in edits}:
            model.settle(contact)
            assert consents.flags(contact) == model.expected(contact), (turn, contact, [
                edit for edit in edits if edit[1] == contact])
    consents.assert_each_ended_once()
    lost = {}
    for record in consents.decisions().values():
        side = "campaign" if record["winner"] == "DYNAMICS" else "dynamics"
        lost[record["contactId"], side] = lost.get((record["contactId"], side), 0) + 1
    for contact, of in consents.writes().items():
        for side in SYSTEMS:
            assert of[side] <= lost.get((contact, side), 0), "one write a side and change"
    assert_clean(consents)


# Users.

def test_an_edit_in_between_makes_it_begin_anew(consents):
    """Both sides are to be written; while Campaign answers slowly, a user saves the contact in Dynamics."""
    begin(consents)
    contact, = consents.people(1)
    consents.edit("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.edit("campaign", contact, AT + 2 * HOUR, **{PHONE: True})
    consents.admin.set(campaignLatencyMs=1500)
    consents.put([consents.said("dynamics", contact, **{EMAIL: True})])
    consents.ferry.wait_until(lambda: len(consents.decisions()) == 2)
    consents.edit("dynamics", contact, AT + HOUR + 10, **{PUSH: True})
    consents.wait_until_agreed([contact])
    assert consents.admin.stats()["dynamics"]["requests"]["PATCH"]["412"] == 1, "nobody was in between"
    assert consents.flags(contact) == [(True, True)] * 3
    consents.assert_each_ended_once()
    states = {(attribute, number): record["state"]
              for (_, attribute, number), record in consents.decisions().items()}
    assert states == {(EMAIL, 1): "WRITTEN", (PHONE, 1): "OVERTAKEN", (PHONE, 2): "WRITTEN", (PUSH, 1): "WRITTEN"}
    assert consents.writes(contact)[contact] == {"dynamics": 1, "campaign": 2}


@pytest.mark.parametrize("ahead,stands", [(50, True), (90, False)])
def test_clocks_that_differ_undo_an_opt_out_only_beyond_the_tolerance(consents, ahead, stands):
    """Campaign's clock is ahead. Its user opted in, and then the person opted out in Dynamics."""
    begin(consents)
    contact, = consents.people(1)
    consents.admin.set(campaignClockMs=ahead * 1000)
    consents.edit("campaign", contact, **{EMAIL: True})
    consents.edit("campaign", contact, **{EMAIL: False})
    consents.edit("dynamics", contact, **{EMAIL: True})
    consents.put([consents.said("dynamics", contact, **{EMAIL: True})])
    consents.wait_until_agreed([contact])
    assert consents.flags(contact)[0] == (stands, stands)
    decision = consents.only_decision(contact)
    apart = (decision["campaignTime"] - decision["dynamicsTime"]) / 1000
    assert abs(apart - ahead) < 5, "the record shows both times"
    assert decision["ground"] == ("OPT_OUT" if stands else "LATER")


def test_opposite_edits_at_once_settle_without_ping_pong(consents):
    begin(consents)
    people = consents.people(20)
    for turn in range(6):
        for contact in people:
            system = SYSTEMS[turn % 2]
            consents.change(system, contact, AT + HOUR * (turn + 1), **{EMAIL: turn % 3 != 0})
    consents.wait_until_agreed(people, 120)
    # The readers see our own writes as changes.
    consents.put([consents.said(system, contact, **{EMAIL: consents.flags(contact)[0][0]})
                  for contact in people for system in SYSTEMS])
    before = consents.writes()
    consents.wait_until_written()
    assert consents.writes() == before
    consents.assert_each_ended_once()


# Systems.

PASSING_FAULTS = {
    "429": {"kind": "status429", "retryAfter": 1, "count": 20, "probability": 0.5},
    "503": {"kind": "status503", "count": 20, "probability": 0.5},
    "html": {"kind": "html", "count": 20, "probability": 0.5},
    "cut": {"kind": "dropBeforeReply", "count": 20, "probability": 0.5},
    "lost reply": {"kind": "lostReply", "count": 20, "probability": 0.5},
    "token revoked": {"kind": "tokenRevoked", "count": 5, "probability": 0.5},
    "500": {"kind": "status500text", "text": "ORA-00060: deadlock", "count": 10, "probability": 0.3},
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_passing_fault_of_both_systems_writes_once_and_rejects_nothing(consents, fault):
    begin(consents)
    members = dict(PASSING_FAULTS[fault])
    kind = members.pop("kind")
    consents.admin.fault("dynamics", kind, **members, match={"path": "contacts("})
    consents.admin.fault("campaign", kind, **members, match={"path": "profile/"})
    people = differ_both_ways(consents, 30)
    assert_written_once(consents, people)
    assert all(one["fired"] > 0 for one in consents.admin.faults()), "the fault did not happen"
    assert consents.rejects() == []
    consents.wait_for("RUNNING", warning=None, error=None)


def test_a_storm_of_429_is_waited_out(consents):
    begin(consents, limit_window=5)
    consents.admin.set(limitRequests=30, campaignRps=10)
    people = differ_both_ways(consents, 40)
    assert_written_once(consents, people)
    stats = consents.admin.stats()
    assert stats["dynamics"]["requests"]["GET"].get("429", 0) > 0, "no limit was hit"
    assert stats["campaign"]["requests"]["GET"].get("429", 0) > 0, "no limit was hit"
    assert consents.rejects() == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_that_is_away_is_a_warning_and_nothing_is_lost(consents, system):
    begin(consents)
    consents.admin.fault(system, "status503", match={"path": "contacts(" if system == "dynamics" else "profile/"})
    people = differ_both_ways(consents, 5)
    task = consents.ferry.wait_until(lambda: consents.task().get("warning") and consents.task())
    assert task["state"] == "RUNNING" and task["warning"]["retryAt"] > 0
    assert fired(consents) > 0
    consents.admin.clear_faults()
    assert_written_once(consents, people)
    consents.wait_for("RUNNING", warning=None)


def test_a_write_that_is_refused_for_the_records_sake_is_a_reject_and_proved_as_such(consents):
    """Dynamics takes no changes of an inactive contact."""
    begin(consents, inactive_readonly=True)
    bad, good = consents.people(2)
    consents.admin.update("contact", bad, statecode=1, statuscode=2)
    consents.edits([("campaign", contact, AT + 2 * HOUR, {PHONE: True}) for contact in (bad, good)])
    consents.put([consents.said("campaign", contact, place="optout.csv:7", source="FILE", **{PHONE: True})
                  for contact in (bad, good)])
    consents.wait_until_agreed([good])
    decision = consents.only_decision(bad)
    assert (decision["state"], decision["writtenAt"], decision["place"]) == ("REFUSED", 0, "optout.csv:7")
    (origin, headers, value), = consents.rejects()
    assert "optouts.campaign" in origin and value == consents.encode(consents.ferry.topics.decode(value))
    assert headers["ferry-status"] == "400"
    assert consents.flags(bad)[1] == (False, True)
    consents.wait_for_counter("rejected", 1)
    consents.assert_each_ended_once()
