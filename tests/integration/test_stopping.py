"""SIGTERM while Kafka is away: a pod has 90 s (k8s/base), and what it could not commit is done again."""

import time

from test_births import NAMES

GRACE_S = 85


def begin(ferry, contacts, **flags):
    """Controller, reader and writer at work."""
    admin = ferry.start_sandbox(contacts=contacts, **flags).admin
    programs = [ferry.start_controller(), ferry.start_reader(dynamics_page_size=500), ferry.start_writer()]
    ferry.apply(NAMES)
    ferry.start()
    return admin, programs


def stop(programs):
    """At once, and within the time that a pod has; those that were ended by force."""
    until = time.monotonic() + GRACE_S
    for program in programs:
        program.process.terminate()
    assert [program.wait_for_exit(until - time.monotonic()) for program in programs] == [0, 0, 0]
    return [program.name for program in programs if program.events("ended_by_force")]


def test_each_program_stops_in_the_middle_of_its_work_and_nothing_is_lost(ferry_on_own_kafka):
    ferry = ferry_on_own_kafka
    admin, programs = begin(ferry, 4000, campaign_latency_ms=200)
    ferry.wait_until(lambda: admin.campaign_count("profile") > 100, 60, "it is at work")
    ferry.kafka.pause()
    assert set(stop(programs)) <= {"writer-0"}, "only a commit may wait in the library for as long"
    assert admin.campaign_count("profile") < 4000
    ferry.kafka.resume()
    admin.set(campaignLatencyMs=0)
    for program in programs:
        program.start()
    ferry.wait_until(lambda: admin.campaign_count("profile") == 4000, 90, "everybody has a profile")
    ferry.wait_until(lambda: ferry.backlog() == 0, 60, "the backlog is empty")
    assert admin.breaches() == []


def test_a_writer_that_lost_its_partitions_to_an_outage_stops_like_any_other(ferry_on_own_kafka):
    """The library waits for its answer to that before it leaves the group."""
    ferry = ferry_on_own_kafka
    admin, programs = begin(ferry, 20)
    ferry.wait_until(lambda: admin.campaign_count("profile") == 20 and ferry.backlog() == 0, 60, "all is done")
    ferry.kafka.kill9()
    ferry.wait_until(lambda: programs[2].events("lost"), 60, "the writer lost its partitions")
    assert stop(programs) == []
