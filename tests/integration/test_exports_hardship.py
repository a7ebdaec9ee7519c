"""ferry-reader copies Campaign's exports where that is hard: no room on its disk, a line that breaks again and again."""

import resource

import pytest

from exporting import Exporting, sent, text

MIB = 1 << 20


@pytest.fixture
def lab(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp()
    return Exporting(ferry)


def put_rows(lab, name, first, count):
    """A file of its own: no two have a row in common."""
    lab.put(name, text([sent(row) for row in range(first, first + count)]))


def once(first, last):
    return {f"send:{row}": 1 for row in range(first, last)}


# The disk. Not every machine lets a test mount a small one, so it is the kernel's limit for the size of a file
# that refuses the write in the middle of a copy.

def give_room(reader, size):
    _, most = resource.prlimit(reader.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(reader.pid, resource.RLIMIT_FSIZE, (size, most))


def test_a_disk_without_room_for_some_files_holds_up_none_of_the_others(lab, ferry):
    reader = ferry.start_reader()
    lab.start()
    give_room(reader, 2 * MIB)
    large = [f"acs_broadlog_{number}.csv" for number in range(4)]
    for number, name in enumerate(large):
        put_rows(lab, name, number * 15000, 15000)
        assert (lab.sftp.exports / name).stat().st_size > 2 * MIB
    put_rows(lab, "acs_broadlog_z.csv", 60000, 10)
    ferry.wait_until(lambda: lab.waiting() == large, 60, "the one that has room is read and moved")
    assert lab.ids() == once(60000, 60010)
    failures = [line["file"] for line in reader.events("file_fails")]
    assert set(failures) == set(large), "the fault happened"
    warning = lab.wait_for_warning("acs_broadlog_", f"state.dir {reader.settings['state.dir']}", "File too large")
    assert warning["class"] == "quota" and "make room" in warning["action"]
    assert lab.status()["state"] == "RUNNING"

    give_room(reader, resource.RLIM_INFINITY)
    lab.wait_until_moved(5, timeout=90)
    assert lab.ids() == once(0, 60010)
    ferry.wait_until(lambda: lab.status()["warning"] is None)
    assert lab.rejects() == []
