"""/readyz says what a process could do now, /healthz only that its loop turns."""

import contextlib

import confluent_kafka

from instance import INGRESS
from oracle import CONTACTS, Oracle


def not_ready(service):
    """What it says while it is not; else nothing."""
    answer = service.get("/readyz")
    return answer.text if answer.status_code == 503 else ""


@contextlib.contextmanager
def stuck_group(ferry):
    """A member of the writers' group that owns everything and answers no rebalance: nobody gets in."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": ferry.kafka.bootstrap, "group.id": f"{ferry.name}.{INGRESS}", "enable.auto.commit": False,
        "session.timeout.ms": 300_000, "max.poll.interval.ms": 600_000})
    # With callbacks of our own the library waits for a poll of ours, which does not come.
    callbacks = {"on_assign": lambda *_: None, "on_revoke": lambda *_: None}
    try:
        consumer.subscribe([f"{ferry.name}.changes.contact"], **callbacks)

        def owns():
            consumer.poll(0.1)
            return consumer.assignment()

        ferry.wait_until(owns, 30, "the stranger owns the partitions")
        yield
    finally:
        consumer.close()


def test_workers_that_lose_kafka_are_not_ready_and_stay_alive(ferry_on_own_kafka):
    ferry = ferry_on_own_kafka
    _, controller, reader, writer = ferry.start_all(contacts=50)
    ferry.apply(CONTACTS)
    ferry.start()
    for service in (reader, writer):
        ferry.wait_until(lambda: service.get("/readyz").ok, 30, f"{service.name} is ready")
    controller.stop()  # it is of no use to them
    ferry.kafka.stop()
    for service in (reader, writer):
        # A broker that ends in good order may first end the membership in its groups.
        ferry.wait_until(lambda: "Kafka has not answered" in not_ready(service), 90, f"{service.name} says why")
    for service in (reader, writer):
        assert service.get("/healthz").status_code == 200, service.name
    ferry.kafka.start()
    controller.start()
    for service in (reader, writer):
        ferry.wait_until(lambda: service.get("/readyz").ok, 60, f"{service.name} is ready again")
        assert service.alive(), service.name
    Oracle(ferry).assert_delivered()


def test_a_writer_is_ready_when_it_is_in_the_group_of_what_runs(ferry):
    _, _, _, writer = ferry.start_all(contacts=50)
    ferry.apply(CONTACTS)
    ferry.start()
    ferry.wait_until(lambda: writer.get("/readyz").ok, 30, "it is ready")
    writer.stop()
    with stuck_group(ferry):
        writer.start()
        ferry.wait_until(lambda: "group of dynamics-to-campaign" in not_ready(writer), 30, "it says what is missing")
        assert writer.get("/healthz").status_code == 200
    ferry.wait_until(lambda: writer.get("/readyz").ok, 60, "it is ready")
    Oracle(ferry).assert_delivered()
