"""ferry-reader against the sandbox and a real Kafka: what it hears of opt-outs in both systems."""

import collections
import datetime
import signal

import pytest

from opting import EMAIL, PHONE, Opting


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# Dynamics.

@pytest.fixture
def contacts(ferry):
    """Of which only the opt-outs in Dynamics are read."""
    ferry.start_sandbox(contacts=300)
    return Opting(ferry, direction="dynamics-to-campaign")


def truth(ferry, *columns):
    rows = ferry.sandbox.admin.rows("contact", select=",".join(columns))
    return {row["id"]: tuple(row["columns"].get(column, False) for column in columns) for row in rows}


def told(records, *attributes):
    return {record["contactId"]: tuple(record["values"].get(attribute, False) for attribute in attributes)
            for record in records}


def wait_until_loaded(lab, read_number=1):
    lab.ferry.wait_until(lambda: lab.checkpoint().get("phase") == "DELTA" and
                         lab.checkpoint()["readNumber"] == read_number, what="the full read is at its end")


def assert_heard_once(lab):
    """Each row that was served and gone on from became one record, but for the deleted ones."""
    served = [line for line in lab.ferry.sandbox.admin.served("contact")
              if line["id"] and line["followed"] and not line["deleted"]]
    for kind, topic in (("initial", "load"), ("delta", "dynamics")):
        wanted = collections.Counter(line["id"] for line in served if line["kind"] == kind)
        found = collections.Counter(record["contactId"] for record in lab.seen(topic))
        assert found == wanted, (kind, list((found - wanted).items())[:5], list((wanted - found).items())[:5])


def test_the_first_read_of_contacts_is_a_load_and_changes_are_news(contacts, ferry):
    ferry.start_reader(dynamics_page_size=100)
    contacts.start()
    wait_until_loaded(contacts)
    loaded = contacts.seen("load")
    assert told(loaded, "denyListEmail", "denyListPhone") == truth(ferry, "donotbulkemail", "donotphone")
    assert {value for record in loaded for value in record["values"].values()} == {True, False}
    assert {(record["side"], record["source"], record["place"]) for record in loaded} == {("DYNAMICS", "LOAD", "")}
    assert contacts.seen("dynamics") == []

    row = loaded[0]["contactId"]
    ferry.sandbox.admin.update("contact", row, donotbulkemail=True, donotphone=False)
    one, = ferry.wait_until(lambda: contacts.seen("dynamics"))
    assert one == {"contactId": row, "side": "DYNAMICS", "source": "DELTA", "place": "",
                   "changedAt": moment(ferry.sandbox.admin.row("contact", row)["columns"]["modifiedon"]),
                   "values": {"denyListEmail": True, "denyListPhone": False}, "readAt": one["readAt"]}
    assert abs(one["readAt"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=2)
    ferry.wait_until(lambda: ferry.sandbox.admin.served("contact")[-1]["id"] is None)
    assert_heard_once(contacts)
    assert ferry.sandbox.admin.breaches() == []


def test_only_the_mapped_columns_and_the_time_cross_the_wire(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    assert "$select=donotbulkemail,donotphone,modifiedon" in contacts.checkpoint()["link"].replace("%2C", ",").replace(
        "%24", "$")


def test_keys_of_opt_outs_are_where_the_contacts_keys_are(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    messages = contacts.topics.read("optouts.load")
    assert {message.key().decode() for message in messages} == set(truth(ferry, "donotphone"))
    assert len({message.partition() for message in messages}) == 8


def test_a_deleted_contact_is_counted_and_no_record(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    ferry.sandbox.admin.delete_some("contact", 7)
    ferry.wait_until(lambda: contacts.status()["counters"].get("deleted") == 7)
    assert contacts.seen("dynamics") == []


def test_opt_outs_wait_for_go_and_go_on_where_they_were_stopped(contacts, ferry):
    ferry.start_reader()
    contacts.prepare()
    contacts.wait_for_state("READY")
    assert contacts.seen("load") == [] and contacts.checkpoint() == {}
    contacts.order("GO")
    wait_until_loaded(contacts)
    contacts.stop()
    changed = ferry.sandbox.admin.touch("contact", 5, ids=True)["ids"]
    contacts.start()
    ferry.wait_until(lambda: len(contacts.seen("dynamics")) == 5)
    assert sorted(contacts.latest_seen("dynamics")) == sorted(changed)
    assert len(contacts.seen("load")) == 300, "nothing was read in full again"


def test_an_expired_link_loads_again_and_misses_no_one(contacts, ferry):
    ferry.start_reader(dynamics_page_size=100)
    contacts.start()
    wait_until_loaded(contacts)
    contacts.stop()
    ferry.sandbox.admin.delete_some("contact", 20)
    ferry.sandbox.admin.touch("contact", 30)
    ferry.sandbox.admin.fault("dynamics", "deltaExpired", count=1)
    contacts.start()
    wait_until_loaded(contacts, 2)
    assert sum(fault["fired"] for fault in ferry.sandbox.admin.faults()) == 1
    assert len(contacts.seen("load")) == 300 + 280 and contacts.seen("dynamics") == []
    assert {record["source"] for record in contacts.seen("load")} == {"LOAD"}
    ferry.sandbox.admin.touch("contact", 3)
    ferry.wait_until(lambda: len(contacts.seen("dynamics")) == 3)


def test_another_attribute_loads_again_even_of_the_same_column(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    contacts.stop()
    contacts.consent["attributes"] = [EMAIL, PHONE, {**PHONE, "name": "denyListMobile", "campaign": "blackListMobile"}]
    contacts.start()
    wait_until_loaded(contacts, 2)
    again = contacts.seen("load")
    assert len(again) == 600
    assert sum(record["values"].get("denyListMobile") is not None for record in again) == 300


def test_a_column_that_is_no_boolean_fails_the_task_by_name(contacts, ferry):
    ferry.start_reader()
    contacts.consent["attributes"] = [EMAIL, {**PHONE, "dynamics": "lastname"}]
    contacts.prepare()
    contacts.wait_for_state("FAILED")
    assert "lastname" in contacts.status()["error"]["message"]
    assert "Boolean" in contacts.status()["error"]["message"]
    assert contacts.seen("load") == []


def test_one_direction_reads_one_side(contacts, ferry):
    ferry.start_reader()
    contacts.start()
    wait_until_loaded(contacts)
    assert contacts.status("profiles") == {}


def test_opt_outs_are_read_beside_the_contacts_themselves(contacts, ferry):
    from reading import Reading, mapping
    ingress = Reading(ferry, tables=("contact",), control=False)
    reader = ferry.start_reader()
    ingress.start(mapping())
    contacts.start()
    ingress.wait_until_mirrored()
    wait_until_loaded(contacts)
    metrics = reader.metrics()
    assert metrics['ferry_reader_records_total{table="contact"}'] == 300
    assert metrics['ferry_reader_records_total{table="contact/opt-outs"}'] == 300


@pytest.mark.parametrize("step", ["produced:150", "before-commit:2", "after-commit:2"])
def test_killed_in_a_transaction_of_contacts_each_is_heard_once(contacts, ferry, monkeypatch, step):
    reader = ferry.start_reader(dynamics_page_size=100)
    contacts.prepare()
    contacts.wait_for_state("READY")
    reader.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", step)
    reader.start()
    monkeypatch.delenv("FERRY_CRASH_AT")
    contacts.wait_for_state("READY")
    contacts.order("GO")
    assert reader.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    committed = len(contacts.seen("load"))
    assert committed < 300 and committed == contacts.checkpoint().get("recordsRead", 0)
    reader.start()
    wait_until_loaded(contacts)
    assert told(contacts.seen("load"), "denyListEmail") == truth(ferry, "donotbulkemail")
    assert_heard_once(contacts)
