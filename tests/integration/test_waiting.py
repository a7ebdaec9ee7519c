"""What is set aside: children whose parent is missing, and deletes that are too many. Played on the topics."""

import json
import shutil
import signal

import pytest

from backlog import WORKFLOW, Backlog, account_mapping, contact, contact_mapping, field, waiting
from instance import INGRESS

CONTACTS = {"workflow": INGRESS, "configuration": {"mappings": [
    {"table": "contact", "resource": "profile", "key": "externalId", "fields": [
        {"source": "lastname", "destination": "lastName", "tooLong": "truncate"},
        {"source": "donotbulkemail", "destination": "denyListEmail"}]}]}}


def purchase_mapping(**more):
    fields = [field("new_orderno", "String", "orderNo", length=30),
              field("_new_contact_value", "Lookup", "profilelink", "link",
                    linkTable="contact")]
    return {"id": "new_purchase", "table": "new_purchase", "entitySet": "new_purchases",
            "primaryId": "new_purchaseid", "api": "profileAndServicesExt", "resource": "cusPurchase",
            "key": "purchaseId", "columns": sorted(one["source"] for one in fields),
            "columnsHash": "test", "fields": fields, "applyDeletes": True,
            "deleteFilteredOut": False} | more


@pytest.fixture
def backlog(ferry):
    return Backlog(ferry, [contact_mapping(), purchase_mapping()])


def purchase(backlog, key, parent, order="A1", **more):
    return backlog.change(key, {"new_orderno": order, "_new_contact_value": parent},
                          table="new_purchase", **more)


def children(backlog, writer="writer-0"):
    return backlog.task(writer)["counters"]["waiting"].get("new_purchase", 0)


def assert_no_breach(ferry):
    assert ferry.sandbox.admin.breaches() == []
    assert ferry.sandbox.admin.campaign_hidden("cusPurchase") == 0


def test_children_wait_in_their_topic_and_are_written_when_their_parents_come(ferry, backlog):
    admin = ferry.start_sandbox().admin
    writer = ferry.start_writer(retry_ms=50)
    parents, kids = backlog.ids(40), backlog.ids(400)
    backlog.start()
    backlog.put([purchase(backlog, key, parents[n % 40]) for n, key in enumerate(kids)])
    backlog.wait_until_written()
    held = waiting(ferry)
    assert sorted(held) == sorted(kids)
    assert {headers["ferry-wait"] for headers in held.values()} == {"parent"}
    ferry.wait_until(lambda: children(backlog) == 400, what="the status tells of them")
    states = backlog.written("new_purchase")
    assert {states[key]["state"] for key in kids} == {"WAITING"}
    assert {states[key]["version"] for key in kids} == {0}, "nothing of them is there"

    # Another process, without a disk of the first, takes them over.
    writer.kill9()
    ferry.start_writer(1, retry_ms=50)
    backlog.wait_for("RUNNING", "writer-1", 40)
    ferry.wait_until(lambda: children(backlog, "writer-1") == 400)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(parents)])
    ferry.wait_until(lambda: len(admin.campaign_rows("cusPurchase")) == 400, 30, "all children")
    backlog.wait_until_written()
    ferry.wait_until(lambda: not waiting(ferry), what="the topic holds nothing")
    ferry.wait_until(lambda: children(backlog, "writer-1") == 0)
    rows = admin.campaign_rows("cusPurchase")
    assert {rows[key]["values"]["profileExternalId"] for key in kids} == set(parents)
    assert backlog.rejects() == []
    assert_no_breach(ferry)


def test_a_child_updated_and_deleted_before_its_parent_came_leaves_nothing(ferry, backlog):
    admin = ferry.start_sandbox().admin
    ferry.start_writer(retry_ms=50)
    (parent,), (updated, deleted) = backlog.ids(1), backlog.ids(2)
    backlog.start()
    for order in ("A1", "A2", "A3"):
        backlog.put([purchase(backlog, key, parent, order) for key in (updated, deleted)])
        backlog.wait_until_written()
    assert sorted(waiting(ferry)) == sorted([updated, deleted])
    backlog.put([purchase(backlog, deleted, parent, op="DELETE")])
    backlog.wait_until_written()
    ferry.wait_until(lambda: sorted(waiting(ferry)) == [updated])
    backlog.put([backlog.change(parent, contact(1))])
    ferry.wait_until(lambda: not waiting(ferry), what="the parent wakes it")
    rows = admin.campaign_rows("cusPurchase")
    assert {key: row["values"]["orderNo"] for key, row in rows.items()} == {updated: "A3"}
    assert_no_breach(ferry)


def test_a_parent_that_is_filtered_out_or_deleted_rejects_its_children_at_once(ferry):
    backlog = Backlog(ferry, [
        contact_mapping(filter={"field": "lastname", "is": "notEquals", "value": "Nobody"}),
        purchase_mapping()])
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50)
    (filtered, gone, late), kids = backlog.ids(3), backlog.ids(3)
    backlog.start()
    backlog.put([backlog.change(filtered, contact(1) | {"lastname": "Nobody"}),
                 backlog.change(gone, contact(2))])
    backlog.wait_until_written()
    backlog.put([backlog.change(gone, {}, op="DELETE")])
    backlog.wait_until_deleted()
    backlog.put([purchase(backlog, key, parent)
                 for key, parent in zip(kids, (filtered, gone, late))])
    ferry.wait_until(lambda: len(backlog.rejects()) == 2, 30, "two rejects")
    for _, headers, _ in backlog.rejects():
        assert "deleted, or is filtered out" in headers["ferry-reason"]
        assert headers["ferry-origin"].startswith(f"{ferry.name}.changes.new_purchase/")
    ferry.wait_until(lambda: list(waiting(ferry)) == [kids[2]], what="the third goes on waiting")


def test_a_child_whose_parent_never_comes_is_a_reject_in_the_end(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50, waiting_timeout_s=3)
    (parent,), (kid,) = backlog.ids(1), backlog.ids(1)
    backlog.start()
    backlog.put([purchase(backlog, kid, parent)])
    ferry.wait_until(lambda: list(waiting(ferry)) == [kid])
    assert backlog.rejects() == []
    ferry.wait_until(lambda: len(backlog.rejects()) == 1, 20, "a reject")
    assert "did not come in time" in backlog.rejects()[0][1]["ferry-reason"]
    ferry.wait_until(lambda: not waiting(ferry))


def test_records_of_one_table_that_link_to_each_other_are_all_written(ferry):
    accounts = account_mapping()
    accounts["fields"].append(field("_parentaccountid_value", "Lookup", "parentlink", "link",
                                    linkTable="account"))
    backlog = Backlog(ferry, [accounts])
    admin = ferry.start_sandbox().admin
    ferry.start_writer(retry_ms=50)
    first, second, itself, child = backlog.ids(4)
    parents = {first: second, second: first, itself: itself, child: second}
    backlog.start()
    backlog.put([backlog.change(key, {"name": key[:8], "_parentaccountid_value": parent},
                                table="account") for key, parent in parents.items()])

    def linked():
        rows = admin.campaign_rows("cusAccount")
        return {key: row["values"].get("parentExternalId") for key, row in rows.items()} == parents
    ferry.wait_until(linked, 30, "every account with its parent")
    ferry.wait_until(lambda: not waiting(ferry, "account"))
    assert backlog.rejects() == [] and ferry.sandbox.admin.breaches() == []
    assert admin.campaign_hidden("cusAccount") == 0


# --- the brake on deletes ---

def decide(backlog, number, verdict, **more):
    document = {"decision": number, "verdict": verdict, "decidedAt": 1, "decidedBy": "test"} | more
    backlog._control.produce(f"{backlog.ferry.name}.workflows", json.dumps(document).encode(),
                             f"{WORKFLOW}/deletes/contact")
    assert backlog._control.flush(60) == 0


def loaded(ferry, count, **settings):
    backlog = Backlog(ferry)
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50, **settings)
    keys = backlog.ids(count)
    backlog.start()
    backlog.put([backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)])
    backlog.wait_until_written()
    return backlog, keys


def held(backlog, writer="writer-0"):
    return backlog.task(writer)["counters"]["deletesHeld"].get("contact", 0)


def profiles(ferry):
    return set(ferry.sandbox.admin.campaign_rows("profile"))


def test_too_many_deletes_wait_for_a_person_and_all_else_goes_on(ferry):
    backlog, keys = loaded(ferry, 600, deletes_brake_records=100)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:300]] +
                [backlog.change(keys[400], contact(400, 1))])
    backlog.wait_until_written()
    ferry.wait_until(lambda: held(backlog) == 300, what="all of them are held")
    assert profiles(ferry) == set(keys), "not one was deleted"
    assert ferry.sandbox.admin.campaign_row("profile", keys[400])["values"]["lastName"] == "Last 400 v1"
    warning = backlog.wait_for("RUNNING")["warning"]
    assert "300 deletes of table contact" in warning["message"]
    assert "ferryctl deletes approve" in warning["action"]

    # A record that comes back is not deleted any more; a restart changes nothing.
    backlog.put([backlog.change(keys[0], contact(0, 1))])
    ferry.wait_until(lambda: held(backlog) == 299)
    for writer in ferry.servers:
        if writer.name == "writer-0":
            writer.kill9()
    ferry.start_writer(1, retry_ms=50, deletes_brake_records=100)
    backlog.wait_for("RUNNING", "writer-1", 40)
    ferry.wait_until(lambda: held(backlog, "writer-1") == 299)
    assert profiles(ferry) == set(keys)

    decide(backlog, 1, "approve")
    ferry.wait_until(lambda: profiles(ferry) == set(keys) - set(keys[1:300]), what="they are gone")
    backlog.wait_until_written()
    ferry.wait_until(lambda: not waiting(ferry, "contact"))
    ferry.wait_until(lambda: backlog.task("writer-1")["warning"] is None)
    assert ferry.sandbox.admin.breaches() == []


def test_dropped_deletes_leave_the_records_and_a_later_change_is_written(ferry):
    backlog, keys = loaded(ferry, 300, deletes_brake_records=10)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:100]])
    ferry.wait_until(lambda: held(backlog) == 100)
    ferry.wait_until(lambda: len(waiting(ferry, "contact")) == 100, what="and what is held is committed")
    decide(backlog, 1, "drop")
    ferry.wait_until(lambda: not waiting(ferry, "contact"), what="none waits any more")
    assert profiles(ferry) == set(keys)
    assert backlog.written()[keys[0]]["state"] == "WRITTEN"
    ferry.sandbox.admin.reset_stats()
    backlog.put([backlog.change(keys[0], contact(0, 7))])
    backlog.wait_until_written()
    assert ferry.sandbox.admin.campaign_row("profile", keys[0])["values"]["lastName"] == "Last 0 v7"
    # The next ones are judged anew: few go at once.
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[100:105]])
    ferry.wait_until(lambda: profiles(ferry) == set(keys) - set(keys[100:105]))


def test_few_deletes_go_without_a_question(ferry):
    backlog, keys = loaded(ferry, 200, deletes_brake_records=50)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:40]])
    ferry.wait_until(lambda: profiles(ferry) == set(keys[40:]))
    backlog.wait_until_written()
    assert backlog.task()["warning"] is None
    # Within the hour they count together.
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[40:80]])
    ferry.wait_until(lambda: held(backlog) == 40)
    assert profiles(ferry) == set(keys[40:])


def test_a_held_delete_remembers_that_a_predecessor_may_have_inserted(ferry, monkeypatch):
    backlog, _ = loaded(ferry, 0, deletes_brake_records=0, deletes_brake_percent=0)
    writer = ferry.servers[-1]
    writer.stop()
    monkeypatch.setenv("FERRY_CRASH_AT", "before-commit:1")
    backlog.start_again(writer)
    monkeypatch.delenv("FERRY_CRASH_AT")
    keys = backlog.ids(20)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    assert writer.wait_for_exit() == -signal.SIGKILL, "the fault happened"
    inserted = profiles(ferry)
    assert inserted and not backlog.written(), "inserted, and nobody remembers"
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys])
    writer.start()
    ferry.wait_until(lambda: held(backlog) == 20, 30, "all deletes are held")
    ferry.wait_until(lambda: len(waiting(ferry, "contact")) == 20, what="and what is held is committed")
    decide(backlog, 1, "approve")
    ferry.wait_until(lambda: not waiting(ferry, "contact"), what="none waits any more")
    assert profiles(ferry) == set()


def begin_anew(ferry, writer):
    """The power fails, and the disk is gone with it."""
    writer.kill9()
    shutil.rmtree(ferry.folder / "writer-0.state")


def test_what_went_without_a_question_counts_after_a_crash_too(ferry):
    backlog, keys = loaded(ferry, 200, deletes_brake_records=50)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:40]])
    ferry.wait_until(lambda: profiles(ferry) == set(keys[40:]))
    backlog.wait_until_deleted()
    begin_anew(ferry, ferry.servers[-1])
    ferry.servers[-1].start()
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[40:80]])
    ferry.wait_until(lambda: held(backlog) == 40, 60, "these 40 and those 40 are more than 50")
    assert profiles(ferry) == set(keys[40:])


def test_approved_deletes_go_on_after_a_crash_and_later_ones_wait(ferry):
    backlog, keys = loaded(ferry, 400, deletes_brake_records=50, campaign_concurrency_max=4)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:300]])
    ferry.wait_until(lambda: held(backlog) == 300)
    ferry.wait_until(lambda: len(waiting(ferry, "contact")) == 300, what="and what is held is committed")
    ferry.sandbox.admin.set(campaignLatencyMs=1000)
    decide(backlog, 1, "approve")
    ferry.wait_until(lambda: len(profiles(ferry)) < 400, 30, "the first ones go")
    begin_anew(ferry, ferry.servers[-1])
    assert len(profiles(ferry)) > 150, "most of what was approved was still to be deleted"
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[300:380]])
    ferry.sandbox.admin.set(campaignLatencyMs=0)
    ferry.servers[-1].start()
    ferry.wait_until(lambda: profiles(ferry) == set(keys[300:]), 60, "all that was approved is gone")
    ferry.wait_until(lambda: held(backlog) == 80, 60, "the others wait")
    ferry.wait_until(lambda: len(waiting(ferry, "contact")) == 80, what="and nothing else does")
    assert profiles(ferry) == set(keys[300:])


def test_a_decision_is_not_about_deletes_that_came_after_the_count(ferry):
    backlog, keys = loaded(ferry, 600, deletes_brake_records=100)
    seen, unseen = keys[:200], keys[200:350]
    backlog.put([backlog.change(key, {}, op="DELETE") for key in seen])
    ferry.wait_until(lambda: held(backlog) == 200)
    backlog.wait_until_written()
    counters = ferry.wait_until(lambda: (now := backlog.task()["counters"])["queued"] == 0 and now, what="all is known")
    assert counters["deletesHeld"] == {"contact": 200}
    backlog.put([backlog.change(key, {}, op="DELETE") for key in unseen])
    ferry.wait_until(lambda: held(backlog) == 350)
    decide(backlog, 1, "approve", below=counters["deletesHeldBelow"]["contact"])
    ferry.wait_until(lambda: profiles(ferry) == set(keys) - set(seen), what="what was seen is gone")
    ferry.wait_until(lambda: held(backlog) == 150, what="the rest waits for another word")
    ferry.wait_until(lambda: sorted(waiting(ferry, "contact")) == sorted(unseen), what="in the topic, too")
    assert profiles(ferry) == set(keys) - set(seen)
    assert "150 deletes of table contact" in backlog.wait_for("RUNNING")["warning"]["message"]


def test_an_administrator_approves_what_the_brake_holds(ferry):
    admin = ferry.start_sandbox(contacts=400).admin
    ferry.start_controller()
    ferry.start_reader()
    ferry.start_writer(deletes_brake_records=100)
    ferry.apply(CONTACTS)
    ferry.start()
    ferry.wait_until(lambda: len(profiles(ferry)) == 400 and ferry.backlog() == 0)
    refused = ferry.ctl("deletes", "approve", INGRESS, "--table", "contact", check=False)
    assert refused.returncode == 1 and "no deletes of table 'contact' wait" in refused.stderr
    admin.delete_some("contact", 300, seed=3)
    ferry.wait_until(lambda: ferry.workflow()["deletesHeld"] == 300, what="all deletes are held")
    assert len(profiles(ferry)) == 400
    page = ferry.ctl("describe", "workflow", INGRESS).stdout
    assert "300 deletes of table contact wait for your decision" in page
    assert f"deletes: 300 wait for ferryctl deletes approve|drop {INGRESS} --table contact --expect 300" in page
    for verdict in ("approve", "drop"):
        refused = ferry.ctl("deletes", verdict, INGRESS, "--table", "contact", "--expect", "299", check=False)
        assert refused.returncode == 1, refused
        assert "300 deletes of table 'contact' wait now, not 299" in refused.stderr, refused
    assert ferry.topics.read("workflows")[-1].key().decode().split("/")[1] != "deletes", "nothing was decided"
    done = ferry.ctl("deletes", "approve", INGRESS, "--table", "contact", "--expect", "300")
    assert done.stdout == "300 deletes of table contact go on\n"
    left = {row["id"] for row in admin.rows("contact")}
    ferry.wait_until(lambda: profiles(ferry) == left, what="the profiles are gone")
    ferry.wait_until(lambda: ferry.workflow()["deletesHeld"] == 0 and not ferry.workflow()["warning"])
