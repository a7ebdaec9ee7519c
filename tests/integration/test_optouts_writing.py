"""ferry-writer as the writer of Opt-In/Out, against a real Kafka and the sandbox's two systems."""

import pytest

from backlog import PARTITIONS
from consenting import AT, COLUMNS, EMAIL, FIELDS, LOGS, PHONE, PUSH, Consents
from support import stays

HOUR = 3600


@pytest.fixture
def consents(ferry):
    return Consents(ferry)


def begin(consents, writer_settings=None, **flags):
    """A sandbox that watches, and a writer that runs."""
    ferry = consents.ferry
    ferry.start_sandbox(**{"contacts": 0, **flags})
    consents.watch()
    writer = ferry.start_events_writer(**{"retry_ms": 50, **(writer_settings or {})})
    consents.start()
    return writer


def assert_clean(consents):
    assert consents.admin.breaches() == []
    assert consents.rejects() == []


def test_an_opt_out_in_dynamics_reaches_campaign_and_is_proved(consents):
    writer = begin(consents)
    contact, = consents.people(1)
    consents.edit("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.put([consents.said("dynamics", contact, **{EMAIL: True, PHONE: False})])
    consents.wait_until_agreed([contact])
    assert consents.flags(contact) == [(True, True), (False, False), (False, False)]
    decision = consents.only_decision(contact)
    assert {name: decision[name] for name in (
        "attribute", "number", "state", "cause", "source", "dynamicsValue", "campaignValue", "dynamicsTime",
        "campaignTime", "direction", "rule", "toleranceMs", "ground", "winner")} == {
            "attribute": EMAIL, "number": 1, "state": "WRITTEN", "cause": "DYNAMICS", "source": "DELTA",
            "dynamicsValue": True, "campaignValue": False, "dynamicsTime": (AT + HOUR) * 1000,
            "campaignTime": 0, "direction": "BOTH", "rule": "ORIGINAL", "toleranceMs": 60000,
            "ground": "OPT_OUT", "winner": "DYNAMICS"}
    assert decision["decidedAt"].timestamp() * 1000 <= decision["writtenAt"]
    assert abs(decision["writtenTime"] - decision["writtenAt"]) < 5000, "as Campaign calls it"
    assert consents.writes(contact) == {contact: {"dynamics": 0, "campaign": 1}}
    consents.assert_each_ended_once()
    counters = consents.wait_for_counter("written", {"DYNAMICS": 0, "CAMPAIGN": 1})
    assert counters["decided"] == {"DYNAMICS": 1, "CAMPAIGN": 0}
    assert_clean(consents)
    assert consents.lag() == 0
    writer.stop()
    committed = {(at.topic.rsplit(".", 1)[1], at.partition): at.offset for at in consents.committed()}
    for log in LOGS:
        assert [low for low, _ in consents.watermarks(log)] == [committed[log, n] for n in range(PARTITIONS)]


def test_an_opt_out_in_campaign_reaches_dynamics_and_only_that_column(consents):
    begin(consents)
    contact, = consents.people(1)
    consents.change("campaign", contact, AT + HOUR, **{PHONE: True})
    consents.wait_until_agreed([contact])
    assert consents.flags(contact) == [(False, False), (True, True), (False, False)]
    decision = consents.only_decision(contact)
    assert (decision["winner"], decision["ground"], decision["state"], decision["source"]) == (
        "CAMPAIGN", "LATER", "WRITTEN", "API")
    assert (decision["dynamicsTime"], decision["campaignTime"]) == (AT * 1000, (AT + HOUR) * 1000)
    lines = consents.admin._lines("/consent/writes", contact=contact)
    assert {column: of["client"] for column, of in lines[0]["dynamics"].items()} == {
        "donotbulkemail": 0, "donotphone": 1, "new_nopush": 0}
    assert_clean(consents)


def test_the_echo_of_our_own_write_ends_with_one_question(consents):
    begin(consents)
    contact, = consents.people(1)
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.wait_until_agreed([contact])
    writes = consents.writes(contact)
    consents.admin.reset_stats()
    consents.put([consents.said("campaign", contact, **{EMAIL: True})])
    consents.wait_for_counter("equal", 1)
    consents.wait_until_agreed([contact])
    assert consents.admin.stats()["dynamics"]["requests"]["GET"] == {"200": 1}
    assert "GET" not in consents.admin.stats()["campaign"]["requests"]
    assert consents.writes(contact) == writes
    assert len(consents.decisions()) == 1


def test_a_stale_record_is_only_a_reason_to_look(consents):
    """What it says was true once; both systems say otherwise by now."""
    begin(consents)
    contact, = consents.people(1)
    consents.put([consents.said("dynamics", contact, **{EMAIL: True}),
                  consents.said("campaign", contact, **{PHONE: True})])
    consents.wait_until_agreed([contact])
    assert consents.flags(contact) == [(False, False)] * 3
    assert consents.decisions() == {}
    assert consents.writes().get(contact, {"dynamics": 0, "campaign": 0}) == {"dynamics": 0, "campaign": 0}


@pytest.mark.parametrize("rule", ["original", "newest-wins", "opt-out-wins"])
def test_both_sides_differ_and_the_rule_decides(ferry, rule):
    """(Dynamics, seconds; Campaign, seconds), and who wins under each rule."""
    consents = Consents(ferry, rule=rule)
    begin(consents)
    table = [
        # Dynamics is later
        (True, 7200, False, 3600, "DYNAMICS", "DYNAMICS", "DYNAMICS"),
        (False, 7200, True, 3600, "CAMPAIGN", "DYNAMICS", "CAMPAIGN"),
        # Campaign is later
        (True, 3600, False, 7200, "CAMPAIGN", "CAMPAIGN", "DYNAMICS"),
        (False, 3600, True, 7200, "CAMPAIGN", "CAMPAIGN", "CAMPAIGN"),
        # equal, and as good as equal
        (True, 3600, False, 3600, "DYNAMICS", "DYNAMICS", "DYNAMICS"),
        (False, 3600, True, 3600, "CAMPAIGN", "CAMPAIGN", "CAMPAIGN"),
        (True, 3600, False, 3660, "DYNAMICS", "DYNAMICS", "DYNAMICS"),
        (False, 3660, True, 3600, "CAMPAIGN", "CAMPAIGN", "CAMPAIGN"),
        # a second beyond the tolerance
        (True, 3600, False, 3661, "CAMPAIGN", "CAMPAIGN", "DYNAMICS"),
        (False, 3661, True, 3600, "CAMPAIGN", "DYNAMICS", "CAMPAIGN"),
    ]
    people = consents.people(len(table))
    column = 4 + ["original", "newest-wins", "opt-out-wins"].index(rule)
    for contact, row in zip(people, table):
        consents.edit("campaign", contact, AT, **{EMAIL: not row[2]})  # so that it has a time
        consents.edit("campaign", contact, AT + row[3], **{EMAIL: row[2]})
        consents.edit("dynamics", contact, AT + row[1], **{EMAIL: row[0]})
    consents.put([consents.said("dynamics", contact, **{EMAIL: row[0]}) for contact, row in zip(people, table)])
    consents.wait_until_agreed(people)
    for contact, row in zip(people, table):
        decision = consents.only_decision(contact)
        assert decision["winner"] == row[column], (row, decision)
        assert (decision["dynamicsCounted"], decision["campaignCounted"]) == (
            (AT + row[1]) * 1000, (AT + row[3]) * 1000)
        value = row[0] if row[column] == "DYNAMICS" else row[2]
        assert consents.flags(contact)[0] == (value, value), row
    assert_clean(consents)


@pytest.mark.parametrize("direction", ["dynamics-to-campaign", "campaign-to-dynamics"])
def test_one_way_the_source_wins_and_the_other_side_is_no_reason(ferry, direction):
    consents = Consents(ferry, direction=direction)
    begin(consents)
    source, other = (("dynamics", "campaign") if direction.startswith("dynamics") else ("campaign", "dynamics"))
    out, back, ignored = consents.people(3)
    consents.edit(source, out, AT + HOUR, **{EMAIL: True})
    consents.edit(other, back, AT + 2 * HOUR, **{EMAIL: True})
    consents.edit(other, ignored, AT + 2 * HOUR, **{EMAIL: True})
    consents.put([consents.said(source, out, **{EMAIL: True}), consents.said(source, back, **{EMAIL: False}),
                  consents.said(other, ignored, **{EMAIL: True})])
    consents.wait_until_agreed([out, back])
    assert (consents.flags(out)[0], consents.flags(back)[0]) == ((True, True), (False, False))
    assert consents.flags(ignored)[0] in ((True, False), (False, True)), "left as it is"
    consents.wait_for_counter("ignored", 1)
    assert {record["ground"] for record in consents.decisions().values()} == {"ONE_WAY"}
    assert consents.decisions(ignored) == {}


def test_a_time_that_our_own_write_set_does_not_count(consents):
    """What we wrote to Campaign counts since the person opted out in Dynamics, not since we wrote it."""
    begin(consents)
    contact, = consents.people(1)
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.wait_until_agreed([contact])
    # In Campaign the pair is our own now, and a user of Dynamics opts in again, later than he opted out.
    consents.edit("dynamics", contact, AT + 2 * HOUR, **{EMAIL: False})
    consents.put([consents.said("dynamics", contact, **{EMAIL: False})])
    consents.wait_until_agreed([contact])
    last = consents.decisions(contact)[contact, EMAIL, 2]
    assert last["campaignTime"] > (AT + 24 * HOUR) * 1000, "the clock's, as we wrote it"
    assert last["campaignCounted"] == (AT + HOUR) * 1000, "the time of the value where it came from"
    assert last["dynamicsCounted"] == (AT + 2 * HOUR) * 1000
    # original: Dynamics is newer, so opt-out wins; had our own time counted, Campaign had won as the later one.
    assert (last["ground"], last["winner"]) == ("OPT_OUT", "CAMPAIGN")
    assert consents.flags(contact)[0] == (True, True)


def test_our_own_write_of_one_column_does_not_make_the_others_younger(consents):
    """Dynamics has one time for the whole row."""
    begin(consents)
    contact, = consents.people(1)
    consents.edit("dynamics", contact, AT + HOUR, **{PHONE: True})
    consents.edit("campaign", contact, AT + 2 * HOUR, **{EMAIL: True})
    consents.edit("campaign", contact, AT + HOUR, **{PHONE: True})
    consents.put([consents.said("campaign", contact, **{EMAIL: True, PHONE: True})])
    consents.wait_until_agreed([contact])
    assert consents.only_decision(contact)["attribute"] == EMAIL
    # Later than the row's own edit, earlier than our write of it: the newer word of a user.
    consents.change("campaign", contact, AT + 3 * HOUR, **{PHONE: False})
    consents.wait_until_agreed([contact])
    decision = consents.decisions(contact)[contact, PHONE, 1]
    assert decision["dynamicsTime"] > (AT + 24 * HOUR) * 1000, "our write moved the row's time"
    assert decision["dynamicsCounted"] == (AT + HOUR) * 1000
    assert (decision["ground"], decision["winner"]) == ("LATER", "CAMPAIGN")
    assert consents.flags(contact)[1] == (False, False)


def test_without_a_time_opt_out_wins(consents):
    begin(consents)
    first, second = consents.people(2)
    consents.change("dynamics", first, AT + HOUR, **{PUSH: True})
    consents.change("campaign", second, AT + HOUR, **{PUSH: True})
    consents.wait_until_agreed([first, second])
    for contact in (first, second):
        assert consents.flags(contact)[2] == (True, True)
        decision = consents.only_decision(contact)
        assert (decision["campaignTime"], decision["ground"]) == (0, "OPT_OUT")


def test_a_contact_without_a_profile_waits_for_it_and_outlives_the_writer(consents):
    writer = begin(consents, {"retry_ms": 10})
    contact, = consents.contacts(1)
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.wait_until_written()
    consents.wait_for_counter("waiting", 1)
    assert consents.states()[contact]["waiting"]["side"] == "DYNAMICS"
    assert consents.decisions() == {} and consents.rejects() == []
    writer.kill9()
    writer.start()
    consents.wait_for_counter("waiting", 1, 60)
    consents.profile(contact)
    consents.ferry.wait_until(lambda: consents.flags(contact)[0] == (True, True))
    consents.wait_for_counter("waiting", 0)
    consents.wait_until_written()
    decision = consents.only_decision(contact)
    assert (decision["cause"], decision["source"], decision["state"]) == ("DYNAMICS", "DELTA", "WRITTEN")
    assert "waiting" not in consents.states()[contact]


def test_who_waited_for_a_profile_and_is_deleted_waits_no_more(consents):
    begin(consents, {"retry_ms": 10})
    contact, = consents.contacts(1)
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.wait_for_counter("waiting", 1)
    consents.admin.delete("contact", contact)
    consents.wait_for_counter("waiting", 0)
    consents.wait_for_counter("withoutContact", 1)
    consents.ferry.wait_until(lambda: consents.states().get(contact) is None)


def test_a_profile_without_a_contact_is_counted_and_nobody_is_created(consents):
    begin(consents)
    contact, = consents.people(1)
    consents.admin.delete("contact", contact)
    stranger = consents.ids(1)[0]
    consents.put([consents.said("campaign", contact, **{EMAIL: True}),
                  consents.said("campaign", stranger, **{EMAIL: True})])
    consents.wait_for_counter("withoutContact", 2)
    consents.wait_until_written()
    assert consents.admin.count("contact") == 0
    assert consents.decisions() == {} and consents.states() == {}


def test_what_cannot_be_understood_is_a_reject_and_the_rest_goes_on(consents):
    begin(consents)
    contact, = consents.people(1)
    other = consents.ids(1)[0]
    good = consents.said("dynamics", contact, **{EMAIL: True})
    consents.put_bytes(contact, b"\xc3\x01garbage", "dynamics")
    consents.put_bytes(other, consents.encode(good | {"contactId": "no guid"}), "dynamics")
    consents.put_bytes(contact.upper(), consents.encode(good | {"contactId": contact.upper()}), "dynamics")
    consents.put_bytes(contact, b"", "load")
    consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.wait_until_agreed([contact])
    consents.wait_for_counter("rejected", 4)
    rejects = consents.rejects()
    assert len(rejects) == 4
    assert {value for _, _, value in rejects} == {
        b"\xc3\x01garbage", consents.encode(good | {"contactId": "no guid"}),
        consents.encode(good | {"contactId": contact.upper()}), b""}
    assert all("optouts." in origin for origin, _, _ in rejects)


def test_a_first_read_is_worked_through_and_live_changes_overtake_it(consents):
    ferry = consents.ferry
    ferry.start_sandbox(contacts=0, campaign_latency_ms=60, dynamics_latency_ms=60)
    consents.watch()
    ferry.start_events_writer(retry_ms=50)
    people = consents.people(1200)
    live = people[:5]
    for contact in people[5:]:
        consents.edit("dynamics", contact, AT + HOUR, **{EMAIL: True})
    consents.put([consents.said("dynamics", contact, "LOAD", **{EMAIL: True}) for contact in people[5:]], log="load")
    consents.start()
    ferry.wait_until(lambda: consents.counters()["written"]["CAMPAIGN"] > 50)
    for contact in live:
        consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    ferry.wait_until(lambda: all(consents.flags(contact)[0] == (True, True) for contact in live), 30)
    assert consents.counters()["written"]["CAMPAIGN"] < 1000, "the first read was over before it was overtaken"
    consents.wait_until_agreed(people, 120)
    assert sum(record["state"] == "WRITTEN" for record in consents.decisions().values()) == 1200
    assert_clean(consents)


def test_changes_of_one_contact_are_one_lane(consents):
    """Many changes at once are looked at together, and none is lost."""
    begin(consents, campaign_latency_ms=30, dynamics_latency_ms=30)
    contact, = consents.people(1)
    for number in range(20):
        consents.change("dynamics", contact, AT + HOUR + number, **{EMAIL: number % 2 == 0, PHONE: True})
    consents.wait_until_agreed([contact])
    consents.assert_each_ended_once()
    assert consents.flags(contact)[1] == (True, True)
    journal = consents.admin.stats()["campaign"]["requests"]
    assert journal["GET"]["200"] < 40, "a change that finds a lane at work is only one more reason"


def test_nothing_moves_before_go_and_after_stop(consents):
    ferry = consents.ferry
    ferry.start_sandbox(contacts=0)
    ferry.start_events_writer(retry_ms=50)
    first, second = consents.people(2)
    consents.change("dynamics", first, AT + HOUR, **{EMAIL: True})
    consents.order("PREPARE")
    consents.wait_for("READY")
    stays(lambda: consents.flags(first)[0] == (True, False), 1)
    consents.order("GO")
    consents.wait_until_agreed([first])
    consents.order("STOP")
    consents.wait_for("STOPPED", partitions={})
    consents.change("dynamics", second, AT + HOUR, **{EMAIL: True})
    stays(lambda: consents.flags(second)[0] == (True, False), 1)
    ready = consents.start()
    assert {log: sorted(ready["partitions"][log]) for log in LOGS} == {log: list(range(8)) for log in LOGS}
    consents.wait_until_agreed([second])


def test_two_writers_share_the_people_and_one_takes_over_from_the_other(consents):
    first = begin(consents)
    second = consents.ferry.start_events_writer(1, retry_ms=50)
    consents.ferry.wait_until(lambda: consents.task("writer-1") and all(
        len(consents.task(f"writer-{n}")["partitions"].get(log, [])) == 4 for n in (0, 1) for log in LOGS))
    for n in (0, 1):
        held = consents.task(f"writer-{n}")["partitions"]
        assert sorted(held["dynamics"]) == sorted(held["campaign"]) == sorted(held["load"])
    people = consents.people(60)
    for contact in people[:30]:
        consents.change("dynamics", contact, AT + HOUR, **{EMAIL: True})
    first.kill9()
    for contact in people[30:]:
        consents.change("campaign", contact, AT + HOUR, **{PHONE: True})
    consents.wait_until_agreed(people)
    consents.assert_each_ended_once()
    assert second.alive()


def test_a_column_that_is_no_boolean_any_more_fails_the_start_and_names_it(consents):
    ferry = consents.ferry
    ferry.start_sandbox(contacts=0)
    consents.admin.publish_dynamics(table="contact", removeColumn="new_nopush")
    ferry.start_events_writer(retry_ms=50)
    consents.order("PREPARE")
    error = consents.wait_for("FAILED")["error"]
    assert error["class"] == "schema" and "new_nopush" in error["message"]


def test_the_columns_and_fields_come_from_the_order(ferry):
    consents = Consents(ferry)
    ferry.start_sandbox(contacts=0, optout_names="denyList")
    renamed = consents._content()
    for attribute in renamed["optOuts"]["attributes"]:
        attribute["campaign"] = attribute["campaign"].replace("blackList", "denyList")
        attribute["time"] = attribute["time"] and attribute["time"].replace("blackList", "denyList")
    consents._content = lambda: renamed
    ferry.start_events_writer(retry_ms=50)
    consents.start()
    contact = consents.contacts(1)[0]
    consents.admin.campaign_insert("profile", externalId=contact, lastName="Moe")
    consents.admin.update("contact", contact, **{COLUMNS[EMAIL]: True})
    consents.put([consents.said("dynamics", contact, **{EMAIL: True})])
    consents.wait_until_written()
    assert consents.admin.campaign_row("profile", contact)["values"][
        FIELDS[EMAIL].replace("blackList", "denyList")] is True


# The reader of Dynamics passes over what is changed and changed back between two of its looks; somebody of whom a lane saw what
# lay between is looked at again.

def all_of(**flags):
    return {EMAIL: False, PHONE: False, PUSH: False, **flags}


def act_on_what_nobody_told(consents, decided):
    """Dynamics says something new, Campaign's word is a reason to look, and then Dynamics says the old again."""
    contact, = consents.people(1)
    consents.edit("dynamics", contact, **{PUSH: True})
    if not decided:
        consents.edit("campaign", contact, **{PUSH: True})
    consents.put([consents.said("campaign", contact, **all_of(**{PUSH: not decided}))])
    consents.wait_until_agreed([contact])
    consents.ferry.wait_until(lambda: (consents.states().get(contact) or {}).get("again"), 60)
    assert len(consents.decisions()) == decided
    consents.edit("dynamics", contact, **{PUSH: False})
    return contact


@pytest.mark.parametrize("decided", [True, False])
def test_what_was_seen_and_never_told_is_looked_at_again_by_a_successor(consents, decided):
    writer = begin(consents)
    contact = act_on_what_nobody_told(consents, decided)
    assert consents.flags(contact)[2] == (False, True), "nobody has noticed"
    writer.kill9()
    writer.start()
    consents.ferry.wait_until(lambda: consents.flags(contact)[2] == (True, True), 60)
    assert_clean(consents)


@pytest.mark.long
def test_what_was_seen_and_never_told_is_looked_at_again_after_a_while(ferry):
    consents = Consents(ferry, tolerance=0)
    begin(consents)
    contact = act_on_what_nobody_told(consents, True)
    assert consents.flags(contact)[2] == (False, True), "nobody has noticed"
    consents.ferry.wait_until(lambda: consents.flags(contact)[2] == (True, True), 150)
    assert_clean(consents)


def test_what_the_reader_tells_as_it_was_seen_leaves_no_doubt(consents):
    begin(consents)
    contact, = consents.people(1)
    consents.edit("campaign", contact, **{PHONE: True})
    consents.put([consents.said("campaign", contact, **all_of(**{PHONE: True}))])
    consents.wait_until_agreed([contact])
    consents.ferry.wait_until(lambda: (consents.states().get(contact) or {}).get("again"), 60)
    consents.put([consents.said("dynamics", contact, **all_of(**{PHONE: True}))])  # the echo of our write
    consents.ferry.wait_until(lambda: "again" not in consents.states()[contact], 60)
    assert_clean(consents)


def test_what_is_old_in_dynamics_leaves_no_doubt(consents):
    begin(consents)
    contact, = consents.people(1)
    consents.put([consents.said("campaign", contact, **all_of())])
    consents.wait_for_counter("equal", 1)
    consents.wait_until_written()
    assert consents.states() == {}
