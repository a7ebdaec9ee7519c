"""Opt-In/Out: how long an opt-out takes from one system to the other, idle and behind a backlog of ingress."""

from crowd import Crowd
from figure import Figure, measures
from lab import median

EVERY = 0.05  # seconds between two changes


def percentile(delays):
    return delays[int(len(delays) * 0.99)] / 1000


def assert_only_their_own_delay(crowd, made):
    """Nobody else was ever mailable against his will, though some who were born meanwhile had opted out."""
    assert crowd.told()["mailableAtBirth"] == 0
    assert crowd.ever_mailable().keys() == set(made["dynamics"]), "until Campaign knew"
    assert crowd.born_opted_out() > 2 * sum(map(len, made.values())), "births with opt-outs"


def watch(crowd, count):
    """{system: delays in ms, sorted} of so many opt-outs in each, from the change to the write in the other one. The poll
    intervals of both readers, 200 ms here, are measured in."""
    made = crowd.opt_out_some(count, EVERY)
    found = {system: crowd.delays(system, contacts) for system, contacts in made.items()}
    for system, delays in found.items():
        print(f"  from {system}: median {median(delays)} ms, p99 {percentile(delays):.2f} s, longest {delays[-1]} ms")
    return made, found


def worse(found):
    return max(map(percentile, found.values()))


@measures("optouts-idle-p99", "optouts-backlog-p99")
def overtaking(lab):
    count = lab.count(300, 30)
    with lab.instance("optouts-idle") as instance:
        crowd = Crowd(instance, there=2_000, admit=0, latency=5, log_level="info").gather()
        _, found = watch(crowd, count)
        assert crowd.told()["mailableAtBirth"] == 0
        yield Figure("optouts-idle-p99", worse(found), "s", "<= 1")
    waiting = lab.count(1_000_000, 20_000)
    with lab.instance("optouts-backlog") as instance:
        crowd = Crowd(instance, there=2_000, waiting=waiting * 5 // 4, log_level="info").gather()
        made, found = watch(crowd, count)
        left = instance.backlog()
        print(f"  {left:,} records of ingress still waited behind the last one")
        assert left >= waiting, "the backlog became too small"
        assert_only_their_own_delay(crowd, made)
        yield Figure("optouts-backlog-p99", worse(found), "s", "<= 10")
