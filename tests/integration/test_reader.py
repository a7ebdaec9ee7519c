"""ferry-reader against the sandbox and a real Kafka: what it reads, and that it reads it once."""

import pytest

import reading
from reading import ACCOUNT, CONTACT, PURCHASE, Reading, mapping, pairs, served_pairs


@pytest.fixture
def lab(ferry):
    ferry.start_sandbox(contacts=1000, accounts=20, purchases=50)
    return Reading(ferry, tables=("contact", "account", "new_purchase"))


def test_10000_contacts_cross_once_with_their_deltas_and_deletes(ferry):
    ferry.start_sandbox(contacts=10000)
    lab = Reading(ferry)
    ferry.start_reader(dynamics_page_size=1000)
    lab.start(mapping())
    lab.wait_until_mirrored()
    loaded = lab.changes()
    assert len(loaded) == 10000
    assert {record["origin"] for record in loaded} == {"LOAD"}
    assert {record["readNumber"] for record in loaded} == {1}

    ferry.sandbox.admin.touch("contact", 1500, seed=ferry.seed % 1000)
    ferry.sandbox.admin.delete_some("contact", 40, seed=ferry.seed % 999)
    ferry.sandbox.admin.append("contact", 25, seed=3)
    ferry.wait_until(lambda: lab.mirrors() and
                     sum(record["op"] == "DELETE" for record in lab.changes()) == 40)
    assert {record["origin"] for record in lab.changes()[-50:]} <= {"LOAD", "DELTA"}
    # Nobody was killed: each page was served once, so even the multiset is the same.
    ferry.wait_until(lambda: served_pairs(ferry.sandbox.admin.served("contact")) ==
                     pairs(lab.changes()), what="every page that was served is committed")
    assert ferry.sandbox.admin.breaches() == []


def test_nothing_moves_before_go(lab, ferry):
    ferry.start_reader()
    lab.prepare(mapping())
    lab.wait_for_state("READY")
    assert lab.changes() == []
    assert ferry.sandbox.admin.stats()["dynamics"]["calls"]["page"] == 0
    assert lab.checkpoint() == {}
    lab.order("GO")
    lab.wait_until_mirrored()


def test_stop_stops_and_a_start_goes_on_from_the_checkpoint(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping())
    lab.wait_until_mirrored()
    lab.stop()
    before = ferry.sandbox.admin.stats()["dynamics"]["calls"]
    ferry.sandbox.admin.touch("contact", 30)
    lab.start()
    lab.wait_until_mirrored()
    after = ferry.sandbox.admin.stats()["dynamics"]["calls"]
    assert after["page"] == before["page"], "a start after a stop reads nothing in full again"
    assert len(lab.changes()) == 1030
    reading.assert_exactly_once(lab)


def test_values_are_carried_as_they_were_sent(lab, ferry):
    ferry.start_reader()
    one = ferry.sandbox.admin.insert(
        "contact", firstname="Zoë 山田 🚢", lastname='quo"te\\back', annualincome=1234567.89,
        gendercode=2, birthdate="1980-04-05", donotbulkemail=True, numberofchildren=3)
    lab.start(mapping())
    lab.wait_until_mirrored()
    record = lab.latest()[one["id"]]
    fields = record["fields"]
    assert record["version"] == one["version"]
    assert fields["firstname"] == "Zoë 山田 🚢"
    assert fields["lastname"] == 'quo"te\\back'
    assert fields["gendercode"] == 2
    assert fields["birthdate"] == "1980-04-05"
    assert fields["donotbulkemail"] is True
    assert fields["numberofchildren"] == 3
    assert isinstance(fields["annualincome"], str) and float(fields["annualincome"]) == 1234567.89
    assert fields["emailaddress1"] is None
    assert set(fields) == set(CONTACT["columns"])


def test_many_tables_are_read_side_by_side(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping(), mapping(ACCOUNT), mapping(PURCHASE))
    for table in ("contact", "account", "new_purchase"):
        lab.wait_until_mirrored(table)
        reading.assert_exactly_once(lab, table)
    paid = [record["fields"] for record in lab.changes("new_purchase")]
    assert all(isinstance(fields["new_amount"], (str, type(None))) for fields in paid)
    assert any(isinstance(fields["new_rating"], float) for fields in paid)


def test_another_set_of_columns_reads_the_table_again(lab, ferry):
    ferry.start_reader(dynamics_page_size=300)
    lab.start(mapping())
    lab.wait_until_mirrored()
    lab.stop()
    gone = ferry.sandbox.admin.delete_some("contact", 7, ids=True)["ids"]
    lab.start(mapping(columns=["firstname", "jobtitle"]))
    ferry.wait_until(lambda: lab.checkpoint()["readNumber"] == 2 and
                     lab.checkpoint()["phase"] == "DELTA")
    latest = lab.latest()
    again = [record for record in lab.changes() if record["readNumber"] == 2]
    assert {record["origin"] for record in again} == {"RESYNC"}
    assert {id_ for id_, record in latest.items() if record["op"] == "DELETE"} == set(gone)
    assert all(set(record["fields"]) == {"firstname", "jobtitle"}
               for record in again if record["op"] == "UPSERT")
    lab.wait_until_mirrored()


def test_status_counts_and_ages(lab, ferry):
    reader = ferry.start_reader()
    lab.start(mapping())
    lab.wait_until_mirrored()
    status = ferry.wait_until(
        lambda: lab.status() if "changeTrackingExpiresAfterDays" in
        lab.status().get("counters", {}) and
        lab.status()["counters"].get("recordsRead", 0) >= 1000 else None)
    counters = status["counters"]
    assert counters["phase"] == "DELTA"
    assert counters["readNumber"] == 1
    assert counters["changeTrackingExpiresAfterDays"] == 7
    assert 0 <= counters["deltaLinkAgeSeconds"] < 60
    metrics = reader.metrics()
    assert metrics['ferry_reader_records_total{table="contact"}'] == 1000
    assert metrics['ferry_reader_transactions_total{table="contact"}'] >= 1
    assert metrics['ferry_reader_answers_total{verdict="ok"}'] >= 2


def test_three_readers_share_the_tasks_and_hand_them_over(lab, ferry):
    readers = [ferry.start_reader(number, dynamics_page_size=100) for number in range(3)]
    lab.start(mapping(), mapping(ACCOUNT), mapping(PURCHASE))
    lab.wait_until_mirrored()
    owner = lab.status()["worker"]
    next(reader for reader in readers if reader.name == owner).stop()
    ferry.sandbox.admin.touch("contact", 50)
    lab.wait_until_mirrored()
    ferry.wait_until(lambda: lab.status()["worker"] != owner, 10, "another has the task")
    for table in ("contact", "account", "new_purchase"):
        reading.assert_exactly_once(lab, table)
