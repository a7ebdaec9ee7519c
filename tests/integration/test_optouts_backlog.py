"""Opt-outs go before all bulk: a backlog of births is ahead of them in the same writer, and Campaign's limit is used up."""

import pytest

from backlog import Backlog, contact, contact_mapping
from consenting import AT, EMAIL, Consents
from crowd import Crowd


def assert_only_their_own_delay(crowd, made):
    """Nobody else ever was mailable against his will, though many who were born had opted out."""
    told = crowd.told()
    assert told["mailableAtBirth"] == 0
    assert (told["mailable"], told["disagreements"]) == (0, 0)
    assert crowd.ever_mailable().keys() == set(made["dynamics"]), "until Campaign knew"
    assert crowd.born_opted_out() > crowd.waiting // 100, "among the births were many opt-outs"
    assert crowd.admin.breaches() == []


def test_opt_outs_overtake_a_backlog_of_births_in_both_directions(ferry):
    """A creation takes a second here, and 10,000 of them wait: more than two and a half minutes. The ceiling of the writer
    is the very limit of Campaign, so that bulk is never refused and everybody else could be."""
    crowd = Crowd(ferry, there=100, waiting=10_000, latency=5, birth=1000, log_level="info")
    crowd.gather()
    assert crowd.admin.stats()["campaign"]["inFlightPeak"] > 48, "bulk was near the limit"
    made = crowd.opt_out_some(10, every=0.1)
    for system, contacts in made.items():
        crowd.delays(system, contacts)
    assert crowd.born() < crowd.there + crowd.waiting, "the backlog was over before it was overtaken"
    crowd.hurry()
    assert_only_their_own_delay(crowd, made)


def test_who_waits_for_a_profile_is_looked_at_when_ingress_creates_it(ferry):
    """From a record that is older than his opt-out. By time alone it would take five minutes and more."""
    consents = Consents(ferry)
    ferry.start_sandbox(contacts=0)
    consents.watch()
    ferry.start_events_writer(retry_ms=60000)
    consents.start()
    fields = [field for field in contact_mapping()["fields"] if field["source"] != "donotbulkemail"]
    ingress = Backlog(ferry, [contact_mapping(fields=fields)])
    ingress.start()
    person, = consents.contacts(1)
    consents.change("dynamics", person, AT + 3600, **{EMAIL: True})
    consents.wait_for_counter("waiting", 1)
    consents.wait_until_written()
    ingress.put([ingress.change(person, contact(1))])
    ferry.wait_until(lambda: consents.admin.campaign_row("profile", person), 60)
    ferry.wait_until(lambda: consents.flags(person)[0] == (True, True), 60)
    consents.wait_for_counter("waiting", 0)
    consents.wait_until_written()
    assert consents.only_decision(person)["state"] == "WRITTEN"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_opt_outs_overtake_a_million_records(ferry):
    """Campaign admits 64 requests at once and does not say so: the backlog would last a quarter of an hour."""
    crowd = Crowd(ferry, there=2_000, waiting=1_000_000, log_level="info")
    crowd.gather(timeout=600)
    assert ferry.backlog() > 900_000
    made = crowd.opt_out_some(300, every=0.05)
    for system, contacts in made.items():
        crowd.delays(system, contacts)
    assert ferry.backlog() > 700_000
    crowd.hurry(timeout=1200)
    assert_only_their_own_delay(crowd, made)
