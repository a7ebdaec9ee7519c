"""What the writer of e-mail events costs with a million of them in the backlog."""

import pytest

from test_activities import start_sandbox
from timeline import Timeline

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

PAGE = 20_000
MEMORY = 40_000_000


@pytest.mark.parametrize("count, operation_us", [(1_000_000, 0), (100_000, 300)],
                         ids=["a million", "a slow Dynamics"])
def test_a_backlog_takes_at_most_forty_megabytes_and_two_requests_a_thousand(ferry, count,
                                                                             operation_us):
    timeline = Timeline(ferry)
    start_sandbox(ferry, contacts=1000, limit_requests=0, limit_exec_ms=0,
                  operation_us=operation_us)
    writer = ferry.start_events_writer()
    contacts = timeline.contacts()
    for _ in range(count // PAGE):
        timeline.put(timeline.events(contacts, PAGE))
    timeline.start()
    peak = 0

    def written():
        nonlocal peak
        peak = max(peak, writer.memory())
        return timeline.is_written()

    ferry.wait_until(written, 900, "the backlog is written")
    assert timeline.operations() == {"204": count}
    assert timeline.batches() <= 2 * count / 1000
    print(f"peak of RssAnon: {peak / 1e6:.1f} MB, requests: {timeline.batches()}, "
          f"in flight: {ferry.sandbox.admin.stats()['dynamics']['inFlightPeak']}")
    assert peak <= MEMORY, f"{peak / 1e6:.1f} MB"
