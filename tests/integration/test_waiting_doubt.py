"""What was set aside and comes back elsewhere or later: nothing of it may be forgotten, undone or asked twice."""

import time

from backlog import Backlog, account_mapping, contact, contact_mapping, field, waiting
from test_waiting import decide, held, loaded, profiles, purchase, purchase_mapping


def test_what_another_writer_recalled_is_known_to_the_one_that_comes_back(ferry):
    backlog = Backlog(ferry, [contact_mapping(), purchase_mapping()])
    admin = ferry.start_sandbox().admin
    first = ferry.start_writer(retry_ms=50)
    parents, kids = backlog.ids(1), backlog.ids(20)
    backlog.start()
    backlog.put([purchase(backlog, key, parents[0]) for key in kids])
    backlog.wait_until_written()
    assert sorted(waiting(ferry)) == sorted(kids)
    first.stop()

    # The children are written, and not one offset of their table moves.
    second = ferry.start_writer(1, retry_ms=50)
    backlog.wait_for("RUNNING", "writer-1", 40)
    backlog.put([backlog.change(parents[0], contact(1))])
    ferry.wait_until(lambda: not waiting(ferry), what="all children are written")
    assert set(admin.campaign_rows("cusPurchase")) == set(kids)
    second.stop()

    backlog.start_again(first)
    backlog.put([purchase(backlog, key, parents[0], op="DELETE") for key in kids])
    backlog.wait_until_deleted()
    assert admin.campaign_rows("cusPurchase") == {}, "every delete was carried out"


def test_approved_deletes_do_not_count_against_those_that_come_later(ferry):
    backlog, keys = loaded(ferry, 300, deletes_brake_records=20)
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[:200]])
    ferry.wait_until(lambda: held(backlog) == 200, what="all of them are held")
    decide(backlog, 1, "approve")
    ferry.wait_until(lambda: profiles(ferry) == set(keys[200:]), what="they are gone")
    ferry.wait_until(lambda: not waiting(ferry, "contact"))
    backlog.put([backlog.change(key, {}, op="DELETE") for key in keys[200:205]])
    ferry.wait_until(lambda: profiles(ferry) == set(keys[205:]), what="few go without a question")
    assert backlog.task()["warning"] is None


def test_a_mutual_link_that_updates_leave_alone_is_set_all_the_same(ferry):
    accounts = account_mapping()
    accounts["fields"].append(field("_parentaccountid_value", "Lookup", "parentlink", "link",
                                    linkTable="account", applyUpdates=False))
    backlog = Backlog(ferry, [accounts])
    admin = ferry.start_sandbox().admin
    writer = ferry.start_writer(retry_ms=50)
    parent, changed, other, elsewhere = backlog.ids(4)

    def account(key, to, name):
        return backlog.change(key, {"name": name, "_parentaccountid_value": to}, table="account")

    def rows():
        return {key: (row["values"].get("name"), row["values"].get("parentExternalId"))
                for key, row in admin.campaign_rows("cusAccount").items()}
    backlog.start()
    backlog.put([account(changed, parent, "v1"), account(other, parent, "v1"),
                 account(elsewhere, parent, "v1")])
    ferry.wait_until(lambda: rows() == {key: ("v1", None) for key in (changed, other, elsewhere)},
                     what="created without the link")
    backlog.put([account(changed, parent, "v2")])
    backlog.wait_until_written()

    # Another process knows it, too.
    writer.kill9()
    ferry.start_writer(1, retry_ms=50)
    backlog.wait_for("RUNNING", "writer-1", 40)
    backlog.put([account(elsewhere, parent, "v2")])
    backlog.wait_until_written()
    backlog.put([account(parent, None, "v1")])
    ferry.wait_until(lambda: rows() == {parent: ("v1", None), changed: ("v2", parent),
                                        other: ("v1", parent), elsewhere: ("v2", parent)},
                     what="every account with its parent")
    ferry.wait_until(lambda: not waiting(ferry, "account"))


def test_children_that_wait_are_not_rows_that_the_brake_counts_on(ferry):
    backlog = Backlog(ferry, [contact_mapping(), purchase_mapping()])
    admin = ferry.start_sandbox().admin
    ferry.start_writer(retry_ms=50, deletes_brake_records=1, deletes_brake_percent=50)
    parents, kids, orphans = backlog.ids(2), backlog.ids(20), backlog.ids(200)
    backlog.start()
    backlog.put([backlog.change(parents[0], contact(1))])
    backlog.wait_until_written()
    backlog.put([purchase(backlog, key, parents[0]) for key in kids] +
                [purchase(backlog, key, parents[1]) for key in orphans])
    backlog.wait_until_written()
    assert sorted(waiting(ferry)) == sorted(orphans)
    backlog.put([purchase(backlog, key, parents[0], op="DELETE") for key in kids])
    ferry.wait_until(lambda: backlog.task()["counters"]["deletesHeld"].get("new_purchase") == 20,
                     what="the deletes are held")
    assert set(admin.campaign_rows("cusPurchase")) == set(kids)


def test_a_delete_that_was_held_for_long_does_not_shorten_the_wait_for_a_parent(ferry):
    backlog = Backlog(ferry, [contact_mapping(), purchase_mapping()])
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50, deletes_brake_records=0, deletes_brake_percent=0,
                       waiting_timeout_s=6)
    parents, kids = backlog.ids(2), backlog.ids(1)
    backlog.start()
    backlog.put([backlog.change(parents[0], contact(1))])
    backlog.wait_until_written()
    backlog.put([purchase(backlog, kids[0], parents[0])])
    backlog.wait_until_written()
    backlog.put([purchase(backlog, kids[0], parents[0], op="DELETE")])
    ferry.wait_until(lambda: kids[0] in waiting(ferry), what="the delete is held")
    since = int(waiting(ferry)[kids[0]]["ferry-since"])
    ferry.wait_until(lambda: time.time() * 1000 > since + 6500, what="longer than a child may wait")
    backlog.put([purchase(backlog, kids[0], parents[1])])
    backlog.wait_until_written()
    assert backlog.rejects() == []
    assert waiting(ferry)[kids[0]]["ferry-wait"] == "parent"


def test_a_writer_that_comes_back_first_reads_nothing_of_what_it_knows(ferry):
    backlog, keys = loaded(ferry, 40)
    writer = ferry.servers[-1]
    writer.stop()
    for message in ferry.topics.read("written.contact"):
        backlog._control.produce(message.topic(), None, message.key(), message.partition())
    assert backlog._control.flush(60) == 0
    backlog.start_again(writer)
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    assert not [name for name in writer.metrics() if name.startswith("ferry_writer_requests_total")]
