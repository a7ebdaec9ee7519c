"""An export as large as Campaign makes them, within the memory of a small container."""

import time

import pytest

from exporting import Exporting, sent, text

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

MB = 1 << 20


def test_a_file_of_1_gb_is_read_within_40_mb(ferry):
    lab = Exporting.alone(ferry)
    reader = ferry.start_reader()
    lab.start()
    rows = 1_000_000
    name = "acs_broadlog_20261121_060000.csv"
    header, sample = text([sent(7_654_321, deliveryLabel="x" * 820)]).splitlines(keepends=True)
    part = lab.sftp.exports / "upload"
    with part.open("w") as file:
        file.write(header)
        for first in range(0, rows, 1000):
            file.write("".join(sample.replace("7654321", str(1_000_000 + row))
                               for row in range(first, first + 1000)))
    size = part.stat().st_size
    assert size >= 1_000_000_000
    part.rename(lab.sftp.exports / name)
    began, most = time.monotonic(), 0
    while not reader.events("file_read"):
        most = max(most, reader.memory())
        assert most <= 40 * MB, f"{most / MB:.1f} MB"
        assert time.monotonic() - began < 600
        time.sleep(0.05)
    print(f"{size / MB:.0f} MB in {time.monotonic() - began:.1f} s, RssAnon {most / MB:.1f} MB")
    lab.wait_until_moved()
    mark, = lab.marks().values()
    assert (mark["events"], mark["rejected"], mark["position"]) == (rows, 0, size)
    assert lab.status()["warning"] is None
