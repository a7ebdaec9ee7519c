"""ferry-reader copies Campaign's exports where that is hard: no room on its disk, a line that breaks again and again."""

import hashlib
import resource

import pytest

from cutter import Breaker
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


# The line.

@pytest.fixture
def line(lab, ferry):
    """Between the reader and the server."""
    breaker = Breaker(ferry.sftp.port)
    known = ferry.sftp.known_hosts.read_text()
    ferry.sftp.known_hosts.write_text(known.replace(f":{ferry.sftp.port} ", f":{breaker.port} "))
    yield breaker
    breaker.close()


def test_a_copy_that_is_cut_again_and_again_goes_on_where_it_was_cut(lab, line, ferry):
    reader = ferry.start_reader(**{"sftp.port": line.port})
    lab.start()
    line.after = MIB
    name = "acs_broadlog_1.csv"
    put_rows(lab, name, 0, 25000)
    put_rows(lab, "acs_broadlog_2.csv", 25000, 10)
    data = (lab.sftp.exports / name).read_bytes()
    assert len(data) > 4 * MIB
    lab.wait_until_moved(2, timeout=50)
    assert line.breaks >= 4, "no connection brought more than a part of it"
    assert any(f"of its {len(data)} bytes are copied" in wait["message"] for wait in reader.events("task_waits"))
    read, = reader.events("file_read", file=name)
    assert read["sha256"] == hashlib.sha256(data).hexdigest()
    assert lab.ids() == once(0, 25010)
    ferry.wait_until(lambda: lab.status()["warning"] is None)


def test_a_file_that_hardly_comes_on_does_not_hold_up_those_behind_it(lab, line, ferry):
    reader = ferry.start_reader(**{"sftp.port": line.port})
    lab.start()
    line.after = MIB // 8
    name = "acs_broadlog_1.csv"
    put_rows(lab, name, 0, 20000)
    put_rows(lab, "acs_broadlog_2.csv", 20000, 10)
    ferry.wait_until(lambda: lab.waiting() == [name], 40, "the small one is read and moved")
    assert lab.ids() == once(20000, 20010)
    assert reader.events("file_fails", file=name) and line.breaks >= 3, "the fault happened"
    line.after = None
    lab.wait_until_moved(2, timeout=50)
    assert lab.ids() == once(0, 20010)


def test_a_file_that_is_replaced_between_two_cuts_is_copied_from_its_start(lab, line, ferry):
    reader = ferry.start_reader(**{"sftp.port": line.port})
    lab.start()
    line.after, line.then = MIB, [0]
    name = "acs_broadlog_1.csv"
    put_rows(lab, name, 0, 25000)
    lab.wait_for_warning(name, "bytes are copied")
    put_rows(lab, name, 30000, 20000)
    line.after = None
    lab.wait_until_moved(timeout=50)
    assert line.breaks >= 1, "the fault happened"
    assert reader.events("file_read")[-1]["sha256"] == hashlib.sha256(
        text([sent(row) for row in range(30000, 50000)]).encode()).hexdigest()
    assert lab.ids() == once(30000, 50000)
    assert lab.rejects() == []
