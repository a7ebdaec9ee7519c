"""ferry-writer against a real Kafka and the sandbox's Campaign; the test plays reader and controller."""

import collections

import pytest

from backlog import PARTITIONS, Backlog, contact
from support import stays, wait_until

COUNT = 10000


@pytest.fixture
def backlog(ferry):
    return Backlog(ferry)


def assert_profiles(ferry, wanted):
    """wanted: {key: (number, version)}: exactly these profiles, with exactly these values."""
    rows = ferry.sandbox.admin.campaign_rows("profile")
    assert set(rows) == set(wanted)
    for key, (number, version) in wanted.items():
        fields = contact(number, version)
        values = rows[key]["values"]
        seen = (values.get("firstName"), values.get("lastName"), values.get("email"),
                values.get("blackListEmail", False))
        assert seen == (fields["firstname"], fields["lastname"], fields["emailaddress1"],
                        fields["donotbulkemail"]), key


def assert_never_back(ferry):
    """What Campaign accepted for a key never goes back to an older version."""
    last = collections.defaultdict(int)
    for entry in ferry.sandbox.admin.journal("profile"):
        name = (entry.get("body") or {}).get("lastName")
        if name:
            version = int(name.rpartition(" v")[2])
            assert version >= last[entry["key"]], (entry["key"], last[entry["key"]], version)
            last[entry["key"]] = version


def places(ferry, topic):
    """{key: the partitions in which it lies}."""
    found = collections.defaultdict(set)
    for message in ferry.topics.read(topic):
        found[message.key()].add(message.partition())
    return found


def assert_clean(ferry):
    assert ferry.sandbox.admin.breaches() == []


def test_a_first_load_arrives_whole_and_the_lag_is_exactly_zero(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer()
    keys = backlog.ids(COUNT)
    backlog.put([backlog.change(key, contact(number), origin="LOAD")
                 for number, key in enumerate(keys)])
    ready = backlog.start()
    assert sorted(ready["partitions"]["contact"]) == list(range(8))
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (number, 0) for number, key in enumerate(keys)})
    calls = backlog.calls()
    assert (calls["insert"], calls["update"], calls["delete"]) == (COUNT, 0, 0)
    assert {record["state"] for record in backlog.written().values()} == {"WRITTEN"}
    assert places(ferry, "written.contact") == places(ferry, "changes.contact")
    assert_clean(ferry)


def test_insert_update_delete_cost_one_call_and_an_unchanged_record_none(ferry, backlog):
    ferry.start_sandbox()
    writer = ferry.start_writer()
    keys = backlog.ids(400)
    backlog.start()

    def settle(records):
        ferry.sandbox.admin.reset_stats()
        backlog.put(records)
        backlog.wait_until_deleted()
        calls = backlog.calls()
        return calls["insert"], calls["update"], calls["delete"]

    insert = [backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)]
    assert settle(insert) == (400, 0, 0)
    writer.stop()  # what it remembers is rebuilt from Kafka
    for file in (ferry.folder / "writer-0.state").iterdir():
        file.unlink()
    backlog.start_again(writer)
    same_version = [dict(record, origin="RESYNC") for record in insert]
    assert settle(same_version) == (0, 0, 0)
    same_content = [backlog.change(key, contact(n)) for n, key in enumerate(keys)]
    assert settle(same_content) == (0, 0, 0)
    update = [backlog.change(key, contact(n, 1)) for n, key in enumerate(keys)]
    assert settle(update) == (0, 400, 0)
    delete = [backlog.change(key, None, op="DELETE") for key in keys[:100]]
    assert settle(delete) == (0, 0, 100)
    assert settle(delete) == (0, 0, 0)
    assert_profiles(ferry, {key: (n, 1) for n, key in enumerate(keys) if n >= 100})
    assert_clean(ferry)


def test_a_writer_for_which_no_partition_is_left_does_nothing_and_takes_over(ferry, backlog):
    ferry.start_sandbox()
    writers = [ferry.start_writer(n) for n in range(PARTITIONS + 1)]
    backlog.order("PREPARE")
    for writer in writers:
        backlog.wait_for("READY", writer.name, 60)
    backlog.order("GO")
    for writer in writers:
        backlog.wait_for("RUNNING", writer.name, 60)
    keys = backlog.ids(200)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    idle = [writer for writer in writers if writer.events("assigned", partitions="0")]
    assert idle, "one of them was told that it has none"
    next(writer for writer in writers if writer not in idle).stop()
    ferry.wait_until(lambda: any(writer.events("assigned")[-1]["partitions"] != "0" for writer in idle), 60,
                     "it has one now")
    backlog.put([backlog.change(key, contact(n, 1)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 1) for n, key in enumerate(keys)})
    assert_clean(ferry)


def test_a_replay_mends_what_was_damaged_in_campaign(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer()
    keys = backlog.ids(300)
    backlog.start()
    load = [backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)]
    backlog.put(load)
    backlog.wait_until_written()
    assert ferry.sandbox.admin.spoil("profile", 100)["spoilt"] == 100
    backlog.put([dict(record, origin="REPLAY") for record in load])
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 0) for n, key in enumerate(keys)})


def test_nothing_moves_before_go_and_after_stop(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer()
    keys = backlog.ids(50)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    backlog.order("PREPARE")
    backlog.wait_for("READY")
    stays(lambda: ferry.sandbox.admin.campaign_count("profile") == 0, 1)
    backlog.order("GO")
    backlog.wait_until_written()
    assert ferry.sandbox.admin.campaign_count("profile") == 50
    backlog.order("STOP")
    backlog.wait_for("STOPPED", partitions={})
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(backlog.ids(50))])
    stays(lambda: ferry.sandbox.admin.campaign_count("profile") == 50, 1)
    backlog.start()
    backlog.wait_until_written()
    assert ferry.sandbox.admin.campaign_count("profile") == 100


def edits(backlog, keys, rounds):
    """Every key again and again, each time with a higher version, in an order of the seed."""
    for version in range(1, rounds + 1):
        order = list(enumerate(keys))
        backlog.random.shuffle(order)
        yield [backlog.change(key, contact(number, version)) for number, key in order]


def test_killed_five_times_it_loses_nothing_and_never_goes_back(ferry, backlog):
    ferry.start_sandbox(campaign_latency_ms=20)
    writer = ferry.start_writer(campaign_concurrency_max=8)
    keys = backlog.ids(300)
    rounds = edits(backlog, keys, 20)
    admin = ferry.sandbox.admin
    backlog.put([backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)])
    backlog.start()
    for _ in range(5):
        for _ in range(4):
            backlog.put(next(rounds))
        ahead = len(admin.journal("profile")) + backlog.random.randrange(10, 150)
        ferry.wait_until(lambda: len(admin.journal("profile")) >= ahead)
        ferry.wait_until(lambda: admin.stats()["campaign"]["inFlight"] > 0)
        writer.kill9()
        writer.start()
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (number, 20) for number, key in enumerate(keys)})
    assert_never_back(ferry)
    assert_clean(ferry)


def test_few_records_that_changed_often_in_the_backlog_are_written(ferry, backlog):
    """Far more changes of one record than may be on the way at once: they are merged, but not all into one."""
    ferry.start_sandbox()
    keys = backlog.ids(60)
    for records in edits(backlog, keys, 120):
        backlog.put(records)
    partitions = collections.Counter(message.partition() for message in ferry.topics.read("changes.contact"))
    assert max(partitions.values()) > 800, "more of one than may be on the way"
    ferry.start_writer()
    backlog.start()
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (number, 120) for number, key in enumerate(keys)})
    assert_never_back(ferry)
    assert len(ferry.sandbox.admin.journal("profile")) < 60 * 10
    assert_clean(ferry)


STEPS = ["begun:3", "produced:3", "offsets-sent:3", "before-commit:3", "committed:3",
         "request-sent:100"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_transaction_it_loses_nothing(ferry, backlog, monkeypatch,
                                                              step):
    ferry.start_sandbox(campaign_latency_ms=5)
    keys = backlog.ids(200)
    rounds = 5
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    writer = ferry.start_writer()
    monkeypatch.delenv("FERRY_CRASH_AT")
    backlog.start()
    backlog.put([backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)])
    for records in edits(backlog, keys, rounds):
        # A round is a transaction at least: what waits longer is merged into fewer.
        wait_until(lambda: not writer.alive() or backlog.is_written())
        backlog.put(records)
    assert writer.wait_for_exit(60) == -9, "it did not reach the step"
    writer.start()
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (number, rounds) for number, key in enumerate(keys)})
    assert_never_back(ferry)


def test_an_unknown_result_of_a_commit_is_settled_by_a_new_producer(ferry, backlog, monkeypatch):
    ferry.start_sandbox(campaign_latency_ms=5)
    keys = backlog.ids(500)
    monkeypatch.setenv("FERRY_CRASH_AT", "unknown-result:2")
    writer = ferry.start_writer()
    monkeypatch.delenv("FERRY_CRASH_AT")
    backlog.start()
    load = [backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)]
    for part in (load[:250], load[250:]):
        backlog.put(part)
        backlog.wait_until_written()
    assert writer.events("trouble"), "the fault did not happen"
    assert_profiles(ferry, {key: (number, 0) for number, key in enumerate(keys)})
    assert len(backlog.written()) == 500
