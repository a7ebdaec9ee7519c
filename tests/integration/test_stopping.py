"""SIGTERM while Kafka is away: a pod has 90 s (k8s/base), and what it could not commit is done again."""

import pytest

from test_births import NAMES

GRACE_S = 85


@pytest.mark.parametrize("how, late", [("pause", False), ("kill9", True)])
def test_each_program_stops_though_kafka_is_away_and_nothing_is_lost(ferry_on_own_kafka, how, late):
    ferry = ferry_on_own_kafka
    admin = ferry.start_sandbox(contacts=4000, campaign_latency_ms=200).admin
    programs = [ferry.start_controller(), ferry.start_reader(dynamics_page_size=500), ferry.start_writer()]
    ferry.apply(NAMES)
    ferry.start()
    ferry.wait_until(lambda: admin.campaign_count("profile") > 100, 60, "it is at work")
    getattr(ferry.kafka, how)()
    if late:  # and librdkafka waits for our answer to that
        ferry.wait_until(lambda: programs[2].events("lost"), 60, "the writer lost its partitions")
    for program in programs:
        program.process.terminate()
    assert [program.wait_for_exit(GRACE_S) for program in programs] == [0, 0, 0]
    assert admin.campaign_count("profile") < 4000, "in the middle of its work"
    ferry.kafka.resume() if how == "pause" else ferry.kafka.start()
    admin.set(campaignLatencyMs=0)
    for program in programs:
        program.start()
    ferry.wait_until(lambda: admin.campaign_count("profile") == 4000, 90, "everybody has a profile")
    ferry.wait_until(lambda: ferry.backlog() == 0, 60, "the backlog is empty")
    assert admin.breaches() == []
