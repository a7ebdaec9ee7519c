"""ferry-reader and Campaign's exports: processes die, connections are cut, servers refuse."""

import collections
import pathlib
import subprocess
import time

import pytest

import reading
from exporting import Exporting, chance_of, lab, sent, text  # noqa: F401 (a fixture)

LAB = Exporting
BROAD = "acs_broadlog_20261121_060000.csv"


def broad(number, first, count):
    """A file of its own: no two have a row in common."""
    return f"acs_broadlog_20261121_{number:06}.csv", text([sent(row) for row in range(first, first + count)])


def assert_marks_tell_what_is_committed(lab):
    """Of each file the rows before its position, each once; nothing of a file without a checkpoint."""
    lines = collections.defaultdict(list)
    for event in lab.committed():
        lines[event["file"]].append(event["line"])
    marks = {mark["file"]: mark for mark in lab.marks().values()}
    assert set(lines) == {name for name, mark in marks.items() if mark["events"]}
    for name, found in lines.items():
        assert sorted(found) == list(range(2, marks[name]["line"])), name


# Deaths.

# A killed member keeps its partitions for six seconds, so that is what a life costs.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kills", [7, pytest.param(35, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_kills_at_random_moments_lose_and_double_nothing(lab, ferry, kills):
    chance = chance_of(ferry)
    reader = ferry.start_reader()
    lab.start()
    rows, unfinished = 0, 0
    for number in range(kills):
        # Every other life ends while rows are committed, the rest anywhere: looking, copying, moving.
        committing = number % 2 == 0
        count = 60000 if committing else chance.randint(15000, 25000)
        name, data = broad(number, rows, count)
        lab.put(name, data)
        rows += count
        if committing:
            ferry.wait_until(lambda: reader.events("rows_committed", file=name))
        moment = time.monotonic() + chance.uniform(0, 0.1 if committing else 0.9)
        ferry.wait_until(lambda: time.monotonic() > moment)
        reader.kill9()
        if number % 7 == 6:
            assert_marks_tell_what_is_committed(lab)
        unfinished += bool(lab.waiting())
        reader.start()
        ferry.wait_until(lambda: any(line["state"] == "RUNNING" for line in reader.events("task_state")), 60)
    lab.wait_until_moved(kills, timeout=120)
    assert_marks_tell_what_is_committed(lab)
    assert lab.ids() == {f"send:{row}": 1 for row in range(rows)}
    attempts = len(lab.topics.read("events.email", isolation="read_uncommitted"))
    assert attempts > rows, "kills tore transactions"
    assert unfinished >= kills // 2, "kills came in mid-work"
    assert lab.rejects() == []


@pytest.mark.parametrize("step", ["begun:3", "produced:25000", "before-checkpoint-produced:3", "before-commit:3",
                                  "after-commit:3"])
def test_killed_at_a_step_of_the_transaction(lab, monkeypatch, step):
    name, data = broad(1, 0, 60000)
    lab.put(name, data)
    reader = lab.crash_in_mid_file(monkeypatch, step, 60000)
    assert_marks_tell_what_is_committed(lab)
    reader.start()
    lab.wait_until_moved()
    assert lab.ids() == {f"send:{row}": 1 for row in range(60000)}


def test_a_commit_whose_result_is_unknown_is_asked_from_the_log(lab, ferry, monkeypatch):
    name, data = broad(1, 0, 60000)
    lab.put(name, data)
    monkeypatch.setenv("FERRY_CRASH_AT", "unknown-result:3")
    reader = ferry.start_reader()
    lab.start()
    lab.wait_until_moved()
    assert len(reader.events("seat_lost")) == 1, "the fault happened"
    assert lab.ids() == {f"send:{row}": 1 for row in range(60000)}
    assert_marks_tell_what_is_committed(lab)


def test_another_reader_goes_on_where_one_was_frozen(lab, ferry):
    first = ferry.start_reader(0)
    lab.start()
    lab.put(*broad(1, 0, 100000))
    ferry.wait_until(lambda: first.events("rows_committed"))
    first.pause()
    assert lab.waiting(), "frozen in mid-work"
    second = ferry.start_reader(1)
    ferry.wait_until(lambda: second.events("file_read"), 90, "the other one has read it to its end")
    first.resume()
    lab.wait_until_moved()
    assert lab.ids() == {f"send:{row}": 1 for row in range(100000)}
    assert_marks_tell_what_is_committed(lab)


# The connection.

def test_a_connection_that_is_cut_in_mid_file_costs_a_new_try_and_no_more(lab, ferry):
    reader = ferry.start_reader()
    lab.start()
    lab.put(BROAD, b"deliveryLogId,externalId,status,failureType,eventDate,padding\n" + b"".join(
        b"%d,,0,0,,%s\n" % (row, b"x" * 60000) for row in range(4000)) + text([sent(1)], [
            "deliveryLogId", "externalId", "status", "failureType", "eventDate", "email"]).encode().split(b"\n")[1])
    copying = pathlib.Path(f"/proc/{reader.pid}/fd")

    def copied():
        """Bytes of the copy in state.dir, which has no name."""
        sizes = [fd.stat().st_size for fd in copying.iterdir() if ".state/" in str(fd.readlink())]
        return sum(sizes)
    ferry.wait_until(lambda: copied() > 1_000_000, 30, "a part of it is copied")
    assert ferry.sftp.cut() > 0, "the fault happened"
    warning = lab.wait_for_warning(f"{ferry.sftp.port}", BROAD)
    assert warning["class"] == "network" and warning["retryAt"] > 0
    lab.wait_until_moved(timeout=90)
    assert lab.ids() == {"send:1": 1}
    ferry.wait_until(lambda: lab.counters().get("skipped", {}).get("otherKind") == 4000)
    ferry.wait_until(lambda: lab.status()["warning"] is None)
    assert lab.status()["state"] == "RUNNING"


def test_a_file_that_fails_at_each_try_does_not_hold_up_those_behind_it(lab, ferry):
    """Its name has no room for the hash, so it is read and cannot be moved: the server says "bad message"."""
    reader = ferry.start_reader()
    lab.start()
    long = "acs_broadlog_" + "x" * 230
    lab.put("acs_broadlog_first.csv", text([sent(0)]))
    lab.put(long, text([sent(1)]))
    lab.put("acs_broadlog_z.csv", text([sent(2)]))
    ferry.wait_until(lambda: lab.waiting() == [long], 30, "the others are read and moved")
    assert lab.ids() == {"send:0": 1, "send:1": 1, "send:2": 1}
    warning = lab.wait_for_warning("xxx", "status 5")
    assert warning["class"] == "network" and lab.status()["state"] == "RUNNING"
    assert reader.events("file_fails"), "the fault happened"


def test_a_folder_that_the_server_fails_at_is_a_warning(ferry):
    lab = Exporting.alone(ferry, folder="x" * 300)
    ferry.start_reader()
    lab.prepare()
    warning = lab.wait_for_warning("cannot list", "status 5")
    assert warning["retryAt"] > 0 and lab.status()["state"] != "FAILED"


def test_a_warning_is_told_again_when_the_seat_was_lost(lab, ferry, monkeypatch):
    monkeypatch.setenv("FERRY_CRASH_AT", "unknown-result:1")
    reader = ferry.start_reader()
    lab.start()
    lab.put(BROAD, "no,header\n")
    lab.wait_for_warning(BROAD, "deliveryLogId")
    lab.put("acs_broadlog_9.csv", text([sent(1)]))
    ferry.wait_until(lambda: lab.waiting() == [BROAD])
    assert len(reader.events("seat_lost")) == 1, "the fault happened"
    lab.wait_for_warning(BROAD, "deliveryLogId")
    assert lab.ids() == {"send:1": 1}


def test_a_server_that_hangs_up_between_two_looks_is_no_fault(lab, ferry):
    reader = ferry.start_reader(sftp_poll_interval_ms=1000)
    lab.start()
    for number in range(3):
        time.sleep(0.5)
        ferry.sftp.cut()
        lab.put(*broad(number, number, 1))
        lab.wait_until_moved(number + 1)
    assert len(lab.ids()) == 3
    assert len(reader.events("task_waits")) <= 1, "at most a cut in the middle of a look"


def test_a_server_that_is_down_for_a_while_is_a_warning(lab, ferry):
    ferry.start_reader()
    lab.start()
    ferry.sftp.stop()
    warning = lab.wait_for_warning(f"sftp://127.0.0.1:{ferry.sftp.port}")
    assert warning["class"] == "network"
    lab.put(BROAD, text([sent(1)]))
    ferry.sftp.start()
    lab.wait_until_moved()
    assert lab.ids() == {"send:1": 1}
    assert lab.status()["state"] == "RUNNING"


def test_a_server_that_says_nothing_is_given_up_after_the_timeout_and_a_stop_does_not_wait_for_it(lab, ferry):
    reader = ferry.start_reader(sftp_timeout_ms=1500)
    lab.start()
    ferry.sftp.pause()
    lab.wait_for_warning(f"sftp://127.0.0.1:{ferry.sftp.port}")
    ferry.sftp.resume()
    lab.put(BROAD, text([sent(1)]))
    lab.wait_until_moved()
    ferry.sftp.pause()
    began = time.monotonic()
    lab.stop()
    reader.stop()
    assert time.monotonic() - began < 10
    ferry.sftp.resume()


# What only a person can mend.

def failure(lab, ferry, **settings):
    """The error of a task that does not come to be ready."""
    ferry.start_reader(**settings)
    lab.prepare()
    lab.wait_for_state("FAILED")
    return lab.status()["error"]


def fingerprint(key):
    run = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True)
    return run.stdout.split()[1]


def test_an_unknown_host_key_is_refused_with_its_fingerprint(lab, ferry):
    ferry.sftp.known_hosts.write_text("")
    error = failure(lab, ferry)
    assert error["class"] == "credentials"
    assert "unknown" in error["message"] and fingerprint(ferry.sftp._host_key) in error["message"]
    assert str(ferry.sftp.known_hosts)[:40] in error["message"] and "ssh-keyscan" in error["action"]


def test_a_changed_host_key_is_refused(lab, ferry):
    ferry.sftp.stop()
    ferry.sftp.new_host_key()
    ferry.sftp.start()
    error = failure(lab, ferry)
    assert error["class"] == "credentials" and "has changed" in error["message"]
    assert fingerprint(ferry.sftp._host_key) in error["message"]


def test_a_host_key_that_changes_while_it_runs_stops_the_task(lab, ferry):
    ferry.start_reader()
    lab.start()
    ferry.sftp.stop()
    ferry.sftp.new_host_key()
    lab.put(BROAD, text([sent(1)]))
    ferry.sftp.start()
    lab.wait_for_state("FAILED")
    assert "has changed" in lab.status()["error"]["message"]
    assert lab.waiting() == [BROAD] and lab.committed() == []


def test_without_a_known_hosts_file_nobody_is_trusted(lab, ferry):
    ferry.sftp.known_hosts.unlink()
    error = failure(lab, ferry)
    assert error["class"] == "credentials" and str(ferry.sftp.known_hosts)[:40] in error["message"]


@pytest.mark.parametrize("mark", ["@revoked", "@cert-authority"])
def test_marks_in_the_known_hosts_are_refused(lab, ferry, mark):
    line = ferry.sftp.known_hosts.read_text()
    ferry.sftp.known_hosts.write_text(f"{line}{mark} {line}")
    error = failure(lab, ferry)
    assert error["class"] == "credentials"
    assert "line 2" in error["message"] and mark in error["message"]


def test_a_server_with_an_rsa_host_key_only_is_refused_with_what_it_needs(lab, ferry):
    ferry.sftp.stop()
    kind, key = ferry.sftp._make_key(ferry.sftp._host_key, "rsa").split()[:2]
    ferry.sftp.known_hosts.write_text(f"[{ferry.sftp.host}]:{ferry.sftp.port} {kind} {key}\n")
    ferry.sftp.start()
    error = failure(lab, ferry)
    assert error["class"] == "credentials" and "needs an Ed25519 or ECDSA host key" in error["message"]


def test_a_damaged_private_key_is_named_as_the_reason(lab, ferry):
    ferry.sftp.key.write_text(ferry.sftp.key.read_text().replace("-----BEGIN", "----BEGIN"))
    error = failure(lab, ferry)
    assert error["class"] == "credentials" and "damaged" in error["message"]


def test_an_rsa_key_is_named_as_the_reason(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp(key_type="rsa")
    error = failure(Exporting(ferry), ferry)
    assert error["class"] == "credentials" and "RSA" in error["message"] and "ed25519" in error["action"]


def test_a_key_with_a_passphrase_is_named_as_the_reason(lab, ferry):
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", ferry.sftp.key], check=True)
    error = failure(lab, ferry)
    assert error["class"] == "credentials" and "passphrase" in error["message"]


def test_an_ecdsa_key_and_hashed_known_hosts_with_other_kinds_are_good(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp(key_type="ecdsa")
    lab = Exporting(ferry)
    place, others = f"[127.0.0.1]:{ferry.sftp.port}", []
    for kind in ("ecdsa", "rsa"):
        others.append(f"{place} {ferry.sftp._make_key(ferry.folder / kind, kind)}")
    ferry.sftp.known_hosts.write_text("".join(others) + ferry.sftp.known_hosts.read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", ferry.sftp.known_hosts], check=True, capture_output=True)
    assert "127.0.0.1" not in ferry.sftp.known_hosts.read_text()
    ferry.start_reader()
    lab.start()
    lab.put(BROAD, text([sent(1)]))
    lab.wait_until_moved()
    assert lab.ids() == {"send:1": 1}


def test_a_key_that_the_server_does_not_know_is_refused(lab, ferry):
    ferry.sftp._make_key(ferry.folder / "stranger")
    error = failure(lab, ferry, **{"sftp.private.key.file": ferry.folder / "stranger"})
    assert error["class"] == "credentials" and "refused" in error["message"]
    assert "installed" in error["action"]


def test_a_missing_folder_is_named(ferry):
    error = failure(Exporting.alone(ferry, folder="d365_loads/nowhere"), ferry)
    assert error["class"] == "mapping" and "d365_loads/nowhere" in error["message"]


def test_a_folder_that_may_not_be_listed_is_named(ferry):
    ferry.start_sandbox(contacts=1)
    ferry.start_sftp(denied=["opendir"])
    error = failure(Exporting(ferry), ferry)
    assert error["class"] == "permission" and "d365_loads/exports" in error["message"]


def test_a_folder_that_is_gone_for_a_while_is_a_warning(lab, ferry):
    ferry.start_reader()
    lab.start()
    away = lab.sftp.exports.with_name("away")
    lab.sftp.exports.rename(away)
    lab.wait_for_warning("d365_loads/exports", "no such")
    away.rename(lab.sftp.exports)
    lab.put(BROAD, text([sent(1)]))
    lab.wait_until_moved()
    ferry.wait_until(lambda: lab.status()["warning"] is None)


def test_a_reader_without_sftp_names_the_setting_and_goes_on_with_tables(ferry):
    ferry.start_sandbox(contacts=10)
    ferry.sftp = None
    lab = Exporting(ferry)
    error = failure(lab, ferry)
    assert error["class"] == "mapping" and "sftp.host" in error["message"]
    tables = reading.Reading(ferry, control=False)
    tables.start(reading.mapping())
    tables.wait_until_mirrored()


def test_half_of_the_settings_is_refused_at_the_start(lab, ferry):
    reader = ferry.start_reader()
    reader.stop()
    run = subprocess.run([*map(str, reader.command()), "--set", "sftp.known.hosts.file="], capture_output=True,
                         text=True, timeout=20)
    assert run.returncode == 2 and "sftp.known.hosts.file" in run.stderr, run.stderr


def test_a_state_folder_that_cannot_be_made_is_a_warning(lab, ferry):
    state = ferry.folder / "nowhere" / "state"  # the reader makes the last of them only
    ferry.start_reader(**{"state.dir": state})
    lab.start()
    lab.put(BROAD, text([sent(1)]))
    warning = lab.wait_for_warning("state.dir", BROAD)
    assert warning["retryAt"] > 0
    state.parent.mkdir()
    lab.wait_until_moved()
    assert lab.ids() == {"send:1": 1}
