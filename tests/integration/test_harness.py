"""The ground the other tests stand on: a real broker, real signals, logs that are found."""

import contextlib
import io
import pathlib
import signal
import subprocess
import sys
import textwrap

import confluent_kafka
import fastavro
import pytest

import servers
import support


def produce(broker, topic, value):
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, value)
    assert producer.flush(60) == 0


def create(broker, topic):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([confluent_kafka.admin.NewTopic(topic, 1)])[topic].result()


def test_broker_keeps_its_address_and_its_data_over_kill_and_restart(own_kafka):
    create(own_kafka, "look.kept")
    before = own_kafka.bootstrap
    produce(own_kafka, "look.kept", b"one")
    own_kafka.kill9()
    own_kafka.start()
    assert own_kafka.bootstrap == before
    produce(own_kafka, "look.kept", b"two")
    messages = support.Topics(own_kafka.bootstrap, "look").read("kept")
    assert [message.value() for message in messages] == [b"one", b"two"]


def test_paused_broker_is_silent_and_goes_on(own_kafka):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": own_kafka.bootstrap})
    own_kafka.pause()
    with pytest.raises(confluent_kafka.KafkaException):
        admin.list_topics(timeout=1)
    own_kafka.resume()
    support.wait_until(lambda: admin.list_topics(timeout=1))


def test_aborted_records_are_seen_by_read_uncommitted_only(kafka):
    create(kafka, "aborted.records")
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap,
                                         "transactional.id": "aborted"})
    producer.init_transactions(30)
    for end, value in ((producer.abort_transaction, b"no"), (producer.commit_transaction, b"yes")):
        producer.begin_transaction()
        producer.produce("aborted.records", value)
        producer.flush(60)
        end(30)
    topics = support.Topics(kafka.bootstrap, "aborted")
    assert [m.value() for m in topics.read("records")] == [b"yes"]
    assert [m.value() for m in topics.read("records", "read_uncommitted")] == [b"no", b"yes"]
    topics.delete_all()


def sftp_words(server, known_hosts=None, key=None):
    """The options of OpenSSH's own client."""
    return ["-P", str(server.port), "-i", key or server.key, "-o", "StrictHostKeyChecking=yes",
            "-o", f"UserKnownHostsFile={known_hosts or server.known_hosts}", "-o", "BatchMode=yes",
            "-o", "IdentitiesOnly=yes", "-F", "none"]


def sftp_run(server, commands, **changes):
    return subprocess.run(["sftp", *sftp_words(server, **changes), "-b", "-", f"{server.user}@{server.host}"],
                          input=commands, capture_output=True, text=True, timeout=30)


def test_files_are_read_and_renamed_in_the_home_of_the_sftp_server(sftp):
    (sftp.exports / "a.csv").write_text("one\n")
    run = sftp_run(sftp, f"get d365_loads/exports/a.csv {sftp.folder}/copy\n"
                         "rename d365_loads/exports/a.csv d365_loads/exports/b.csv\n")
    assert run.returncode == 0, run.stderr
    assert (sftp.folder / "copy").read_text() == "one\n"
    assert [file.name for file in sftp.exports.iterdir()] == ["b.csv"]


def test_sftp_server_is_known_by_its_key_and_knows_its_client(sftp, tmp_path):
    (tmp_path / "none").touch()
    assert "Host key verification failed" in sftp_run(
        sftp, "pwd\n", known_hosts=tmp_path / "none").stderr
    stranger = servers.Sftp(tmp_path / "stranger", sftp.port)
    assert "Permission denied (publickey)" in sftp_run(sftp, "pwd\n", key=stranger.key).stderr
    sftp.stop()
    known = sftp.new_host_key()
    sftp.start()
    assert "Host key verification failed" in sftp_run(sftp, "pwd\n").stderr
    sftp.known_hosts.write_text(known)
    assert sftp_run(sftp, "pwd\n").returncode == 0


def test_sftp_server_denies_what_it_is_told_to(tmp_path):
    server = servers.Sftp(tmp_path, support.free_port(), denied=["opendir"]).start()
    try:
        assert "Permission denied" in sftp_run(server, "ls d365_loads\n").stderr
        server.stop()
        server.denied, server.read_only = (), True
        server.start()
        assert "Permission denied" in sftp_run(server, "mkdir x\n").stderr
        assert sftp_run(server, "ls d365_loads\n").returncode == 0
    finally:
        server.kill9()


@pytest.mark.parametrize("end", ["cut", "kill9", "stop"])
def test_connections_to_the_sftp_server_end_with_it(sftp, end):
    client = subprocess.Popen(["sftp", *sftp_words(sftp), f"{sftp.user}@{sftp.host}"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        support.wait_until(lambda: "Starting session" in sftp.log_text(), what="the client is served")
        sftp.pause()
        sftp.resume()
        assert client.poll() is None
        getattr(sftp, end)()
        with contextlib.suppress(BrokenPipeError):  # it noticed by itself
            client.stdin.write(b"ls\n")  # it would not while it waits for a command
            client.stdin.flush()
        assert client.wait(30) != 0
        assert sftp.alive() == (end == "cut")
    finally:
        client.kill()
        with contextlib.suppress(BrokenPipeError):
            client.stdin.close()


def test_servers_die_with_the_process_that_started_them(tmp_path):
    parent = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
        import servers
        class Sleeper(servers.Server):
            def command(self): return ["sleep", "600"]
        print(Sleeper("sleeper", {str(tmp_path)!r}).start(wait=False).pid, flush=True)
        time.sleep(600)
    """)
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    child = pathlib.Path("/proc", process.stdout.readline().strip())
    support.wait_until(lambda: b"sleep" in (child / "cmdline").read_bytes().split(b"\0")[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    support.wait_until(lambda: not child.exists() or "(sleep) Z" in (child / "stat").read_text())


def test_server_that_ends_by_itself_is_noticed_at_once(tmp_path):
    class Broken(servers.Server):
        def command(self):
            return ["sh", "-c", "echo cannot >&2; exit 3"]

        def wait_until_running(self):
            self._wait(lambda: False, "runs")

    with pytest.raises(AssertionError, match="ended by itself with 3"):
        Broken("broken", tmp_path).start()


def test_log_lines_are_read_as_fields():
    line = 'level=info event=listening name=health address=127.0.0.1:80 message="up and \\"well\\""'
    assert support.logfmt(line) == {"level": "info", "event": "listening", "name": "health",
                                    "address": "127.0.0.1:80", "message": 'up and "well"'}
    assert support.logfmt('half of a "line') == {}


def test_values_are_decoded_by_the_fingerprint_of_their_schema(kafka):
    topics = support.Topics(kafka.bootstrap, "none")
    for fingerprint, schema in topics._schemas.items():
        if schema["name"] == "ferry.WrittenRecord":
            written = {"id": "a", "state": "ABSENT", "version": 1, "readNumber": 1, "hash": 0,
                       "writtenAt": 0}
            body = io.BytesIO()
            fastavro.schemaless_writer(body, schema, written)
            decoded = topics.decode(topics.SINGLE_OBJECT + fingerprint + body.getvalue())
            assert (decoded["id"], decoded["state"]) == ("a", "ABSENT")
            return
    pytest.fail("no schema of WrittenRecord")
