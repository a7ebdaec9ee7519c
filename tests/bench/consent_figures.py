"""Opt-In/Out: how long an opt-out takes from one system to the other, idle and behind a backlog of ingress."""

import time

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


def watch_files(crowd, count, people):
    """Delays in ms, sorted, of so many files with so many people each, from the file's first byte to the write in Dynamics.
    A file has to stand still for two looks, 100 ms each here, which are measured in. The first file after a start is shown
    beside: with it reader and writer meet topics for the first time."""
    found = []
    for _ in range(1 + count):
        contacts = [crowd.opt_out("campaign") for _ in range(people)]
        begun = crowd.export()
        found += [crowd.ferry.wait_until(lambda contact=contact: crowd.arrival("campaign", contact)) - begun
                  for contact in contacts]
        time.sleep(1)  # a file's name tells the second
    first, others = found[:people], sorted(found[people:])
    print(f"  from files: median {median(others):.0f} ms, longest {others[-1]:.0f} ms; the first one {max(first):.0f} ms")
    return others


def worse(found):
    return max(map(percentile, found.values()))


@measures("optouts-file-p99")
def telling_by_files(lab):
    with lab.instance("optouts-file") as instance:
        crowd = Crowd(instance, there=2_000, admit=0, latency=5, files=True, log_level="info").gather()
        found = watch_files(crowd, lab.count(30, 5), people=10)
        yield Figure("optouts-file-p99", percentile(found), "s", "<= 1")


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
