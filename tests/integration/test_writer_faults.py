"""What ferry-writer does when Campaign, the network or another writer does not play along."""

import pytest

from backlog import (Backlog, account_mapping, contact, contact_mapping, field,
                     purchase_mapping)
from test_writer import assert_never_back, assert_profiles, edits


@pytest.fixture
def backlog(ferry):
    return Backlog(ferry)


def load(backlog, keys):
    return [backlog.change(key, contact(n), origin="LOAD") for n, key in enumerate(keys)]


def fired(ferry):
    return sum(fault["fired"] for fault in ferry.sandbox.admin.faults())


def shared(backlog):
    """writer-0 and writer-1 own the eight partitions together."""
    owned = [backlog.task(name)["partitions"].get("contact", []) for name in
             ("writer-0", "writer-1")]
    return all(owned) and sorted(owned[0] + owned[1]) == list(range(8))


PASSING_FAULTS = {
    "429": {"kind": "status429", "retryAfter": 1, "count": 5},
    "503": {"kind": "status503", "count": 20, "probability": 0.3},
    "oops": {"kind": "status502oops", "count": 20, "probability": 0.3},
    "html": {"kind": "html", "count": 20, "probability": 0.3},
    "cut": {"kind": "dropBeforeReply", "count": 20, "probability": 0.3},
    "lost reply": {"kind": "lostReply", "count": 30, "probability": 0.3},
    "token revoked": {"kind": "tokenRevoked", "count": 3, "probability": 0.1},
    "stalled": {"kind": "stall", "ms": 3000, "count": 10, "probability": 0.1},
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_passing_fault_rejects_nothing_and_doubles_nothing(ferry, backlog, fault):
    ferry.start_sandbox(campaign_latency_ms=2)
    ferry.start_writer(**{"campaign_timeout_ms": 1000, "retry_ms": 50})
    keys = backlog.ids(500)
    backlog.start()
    members = dict(PASSING_FAULTS[fault])
    ferry.sandbox.admin.fault("campaign", members.pop("kind"), **members,
                              match={"path": "profileAndServicesExt/profile"})
    backlog.put(load(backlog, keys))
    backlog.wait_until_written()
    backlog.put([backlog.change(key, contact(n, 1)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    assert fired(ferry) > 0, "the fault did not happen"
    assert_profiles(ferry, {key: (n, 1) for n, key in enumerate(keys)})
    assert_never_back(ferry)
    assert backlog.rejects() == []
    task = backlog.wait_for("RUNNING")
    assert task["warning"] is None and task["error"] is None


def test_campaign_away_for_a_while_is_a_warning_with_the_next_try(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50)
    keys = backlog.ids(300)
    backlog.start()
    ferry.sandbox.admin.fault("campaign", "status503")
    backlog.put(load(backlog, keys))
    task = ferry.wait_until(lambda: (backlog.task() or {}).get("warning") and backlog.task(), 20)
    assert task["state"] == "RUNNING" and task["warning"]["retryAt"] > 0
    ferry.sandbox.admin.clear_faults()
    backlog.wait_until_written()
    backlog.wait_for("RUNNING", warning=None)
    assert_profiles(ferry, {key: (n, 0) for n, key in enumerate(keys)})
    assert backlog.rejects() == []


def test_a_stopped_writer_that_wakes_late_overwrites_nothing(ferry, backlog):
    """SIGSTOP beyond the session: the rival takes over and writes newer values."""
    ferry.start_sandbox(campaign_latency_ms=20)
    first = ferry.start_writer(0, campaign_concurrency_max=8)
    keys = backlog.ids(200)
    rounds = edits(backlog, keys, 6)
    backlog.put(load(backlog, keys))
    backlog.start()
    backlog.put(next(rounds))
    ferry.wait_until(lambda: ferry.sandbox.admin.stats()["campaign"]["inFlight"] > 0)
    first.pause()
    ferry.start_writer(1)
    for records in rounds:
        backlog.put(records)
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 6) for n, key in enumerate(keys)})
    first.resume()
    ferry.wait_until(lambda: first.events("stood_still") or first.events("lost"))
    ferry.wait_until(lambda: shared(backlog))
    backlog.put([backlog.change(key, contact(n, 7)) for n, key in enumerate(keys)])
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 7) for n, key in enumerate(keys)})
    assert_never_back(ferry)


def test_writers_come_and_go_under_load(ferry, backlog):
    ferry.start_sandbox(campaign_latency_ms=10)
    ferry.start_writer(0, campaign_concurrency_max=8)
    keys = backlog.ids(200)
    rounds = edits(backlog, keys, 12)
    backlog.put(load(backlog, keys))
    backlog.start()
    backlog.put(next(rounds))
    second = ferry.start_writer(1, campaign_concurrency_max=8)
    backlog.wait_for("RUNNING", "writer-1")
    for _ in range(5):
        backlog.put(next(rounds))

    ferry.wait_until(lambda: shared(backlog))
    for _ in range(3):
        backlog.put(next(rounds))
    second.stop()
    for records in rounds:
        backlog.put(records)
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 12) for n, key in enumerate(keys)})
    assert_never_back(ferry)


def test_a_bad_record_is_rejected_with_its_reason_and_the_others_arrive(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer()
    keys = backlog.ids(20)
    backlog.start()
    records = load(backlog, keys)
    records[3]["fields"]["lastname"] = "L" * 51
    backlog.put(records)
    backlog.put_bytes(backlog.ids(1)[0], b"no avro")
    backlog.wait_until_written()
    rejects = backlog.rejects()
    assert len(rejects) == 2
    assert_profiles(ferry, {key: (n, 0) for n, key in enumerate(keys) if n != 3})
    values = {value: headers for _, headers, value in rejects}
    assert values[b"no avro"]["ferry-class"] == "bug"
    headers = values[backlog.encode(records[3])]
    assert "lastName" in headers["ferry-reason"] and "LLL" not in headers["ferry-reason"]
    assert headers["ferry-class"] == "mapping"
    assert headers["ferry-origin"].startswith(f"{ferry.name}.changes.contact/")
    assert backlog.written()[keys[3]]["state"] == "REJECTED"
    # A better version of a rejected record goes through.
    backlog.put([backlog.change(keys[3], contact(3, 1))])
    backlog.wait_until_written()
    assert ferry.sandbox.admin.campaign_row("profile", keys[3])["values"]["lastName"] == "Last 3 v1"


def test_a_500_that_names_nobody_is_judged_by_its_neighbours(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=20)
    keys = backlog.ids(100)
    backlog.start()
    poison = keys[7]
    backlog.put(load(backlog, keys))
    backlog.wait_until_written()
    ferry.sandbox.admin.fault("campaign", "status500text", text="RST-360011 An error has occurred",
                              match={"path": poison})
    backlog.put([backlog.change(poison, contact(7, 1))])
    version = 0

    def rejected():
        nonlocal version
        version += 1  # a neighbour that succeeds
        backlog.put([backlog.change(keys[0], contact(0, version))])
        return backlog.rejects()
    rejects = ferry.wait_until(rejected, 60)
    assert len(rejects) == 1 and int(rejects[0][1]["ferry-attempts"]) >= 8
    assert rejects[0][1]["ferry-status"] == "500"
    ferry.sandbox.admin.clear_faults()
    backlog.put([backlog.change(poison, contact(7, 2))])
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, {0: version, 7: 2}.get(n, 0)) for n, key in enumerate(keys)})


def test_an_ill_destination_rejects_nothing_and_is_probed_gently(ferry, backlog):
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50)
    keys = backlog.ids(500)
    backlog.start()
    ferry.sandbox.admin.fault("campaign", "status500text", text="RST-360011 An error has occurred",
                              match={"path": "profileAndServicesExt/profile"})
    backlog.put(load(backlog, keys))
    ferry.wait_until(lambda: fired(ferry) >= 12)
    seen = fired(ferry)
    assert seen < 100, "hundreds of requests against an ill destination"
    assert backlog.rejects() == []
    ferry.sandbox.admin.clear_faults()
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 0) for n, key in enumerate(keys)})
    assert backlog.rejects() == []


def test_a_wrong_secret_fails_and_goes_on_when_it_is_mended(ferry, backlog):
    ferry.start_sandbox()
    secret = ferry.folder / "campaign.secret"
    right = secret.read_text()
    secret.write_text("wrong\n")
    ferry.start_writer()
    keys = backlog.ids(20)
    backlog.put(load(backlog, keys))
    backlog.order("PREPARE")
    task = backlog.wait_for("FAILED")
    assert task["error"]["class"] == "credentials"
    secret.write_text(right)
    backlog.wait_for("READY", error=None, timeout=60)
    backlog.order("GO")
    backlog.wait_until_written()
    assert_profiles(ferry, {key: (n, 0) for n, key in enumerate(keys)})


@pytest.mark.parametrize("delete", [True, False])
def test_what_leaves_the_filter_is_deleted_only_if_the_mapping_says_so(ferry, delete):
    backlog = Backlog(ferry, [contact_mapping(
        deleteFilteredOut=delete,
        filter={"field": "donotbulkemail", "is": "equals", "value": False, "type": "Boolean"})])
    ferry.start_sandbox()
    ferry.start_writer()
    keys = backlog.ids(70)
    backlog.start()
    backlog.put(load(backlog, keys))
    backlog.wait_until_written()
    wanted = {key: (n, 0) for n, key in enumerate(keys) if n % 7 != 0}
    assert_profiles(ferry, wanted)
    assert ferry.sandbox.admin.stats()["campaign"]["calls"]["insert"] == 60
    backlog.put([backlog.change(key, contact(n, 1) | {"donotbulkemail": True})
                 for n, key in enumerate(keys) if n % 7 == 1])
    backlog.wait_until_deleted()
    if delete:
        wanted = {key: value for key, value in wanted.items() if value[0] % 7 != 1}
    assert_profiles(ferry, wanted)


PUBLICATIONS = {
    "removed": ({"removeField": "cusLoyaltyTier"},
                {"addField": {"name": "cusLoyaltyTier", "type": "string", "length": 30}}),
    "read-only": ({"readOnly": "cusLoyaltyTier"}, {"writable": "cusLoyaltyTier"}),
    "shorter": ({"length": {"field": "cusLoyaltyTier", "max": 3}},
                {"length": {"field": "cusLoyaltyTier", "max": 30}}),
    "key dropped": ({"dropKey": True}, {"addKey": True}),
}


def tiered(number, version=0):
    return contact(number, version) | {"jobtitle": "gold or silver"}


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_a_published_schema_stops_its_table_alone_and_loses_nothing(ferry, publication):
    profile = contact_mapping()
    profile["fields"].append(field("jobtitle", "String", "cusLoyaltyTier", length=30))
    profile["columns"].append("jobtitle")
    backlog = Backlog(ferry, [profile, account_mapping()])
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50)
    admin = ferry.sandbox.admin
    keys, accounts = backlog.ids(300), backlog.ids(300)
    backlog.start()
    backlog.put([backlog.change(key, tiered(n), origin="LOAD") for n, key in enumerate(keys[:200])])
    backlog.wait_until_written()
    harm, mend = PUBLICATIONS[publication]
    admin.publish_campaign(resource="profile", **harm)
    backlog.put([backlog.change(key, tiered(n, 1)) for n, key in enumerate(keys)])
    task = backlog.wait_for("FAILED")
    assert task["error"]["class"] == "schema"
    name = "externalId" if publication == "key dropped" else "cusLoyaltyTier"
    assert name in task["error"]["message"] and "contact" in task["error"]["action"]
    # The other table goes on.
    backlog.put([backlog.change(key, {"name": f"Account {n}", "address1_city": "Here"},
                                table="account") for n, key in enumerate(accounts)])
    ferry.wait_until(lambda: admin.campaign_count("cusAccount") == 300)
    assert backlog.lag() > 0
    admin.publish_campaign(resource="profile", **mend)
    backlog.wait_for("RUNNING", error=None)
    backlog.wait_until_written()
    assert len(backlog.rejects()) <= 20
    rejected = {ferry.topics.decode(value)["id"] for _, _, value in backlog.rejects()}
    rows = admin.campaign_rows("profile")
    assert admin.campaign_count("profile") == len(rows) and set(rows) >= set(keys) - rejected
    for n, key in enumerate(keys):
        if key not in rejected:
            assert rows[key]["values"]["lastName"] == f"Last {n} v1"


def purchase(backlog, key, parent, version=0):
    return backlog.change(key, {"new_orderno": f"order v{version}", "_new_contact_value": parent},
                          table="new_purchase")


def orders(admin):
    return {key: (row["values"].get("orderNo"), row["values"].get("profileExternalId"))
            for key, row in admin.campaign_rows("cusPurchase").items()}


def cardinality(name):
    return {"resource": "cusPurchase", "linkCardinality": {"link": "profilelink", "cardinality": name}}


def test_a_link_that_became_a_collection_stops_its_table_alone_and_loses_nothing(ferry):
    backlog = Backlog(ferry, [contact_mapping(), purchase_mapping()])
    ferry.start_sandbox()
    ferry.start_writer(retry_ms=50)
    admin = ferry.sandbox.admin
    parents, keys = backlog.ids(20), backlog.ids(150)
    parent_of = {key: parents[n % 20] for n, key in enumerate(keys)}
    backlog.start()
    backlog.put([backlog.change(key, contact(n)) for n, key in enumerate(parents)])
    backlog.wait_until_written()
    backlog.put([purchase(backlog, key, parent_of[key]) for key in keys[:100]])
    backlog.wait_until_written()
    # An optional link takes a parent as before: nobody stops for it.
    admin.publish_campaign(**cardinality("0-1"))
    backlog.put([purchase(backlog, key, parent_of[key], 1) for key in keys[:100]])
    backlog.wait_until_written()
    assert backlog.task()["error"] is None

    admin.publish_campaign(**cardinality("N"))
    backlog.put([purchase(backlog, key, parent_of[key], 2) for key in keys])
    error = backlog.wait_for("FAILED")["error"]
    assert error["class"] == "schema"
    assert "profilelink" in error["message"] and "new_purchase" in error["action"]
    backlog.put([backlog.change(key, contact(n, 1)) for n, key in enumerate(parents)])
    ferry.wait_until(lambda: admin.campaign_row("profile", parents[-1])["values"]["lastName"]
                     .endswith("v1"), 30, "the other table goes on")
    assert backlog.lag() > 0
    assert all(order == "order v1" for order, _ in orders(admin).values()), "the fault happened"

    admin.publish_campaign(**cardinality("1"))
    backlog.wait_for("RUNNING", error=None)
    backlog.wait_until_written()
    assert len(backlog.rejects()) <= 20
    rejected = {ferry.topics.decode(value)["id"] for _, _, value in backlog.rejects()}
    found = orders(admin)
    assert len(found) == admin.campaign_count("cusPurchase") and set(found) >= set(keys) - rejected
    assert all(found[key] == ("order v2", parent_of[key]) for key in keys if key not in rejected)
    accepted = [entry["key"] for entry in admin.journal("cusPurchase")]
    assert len(accepted) == 100 + 100 + 150 - len(rejected), "nothing is doubled"
    assert admin.campaign_hidden("cusPurchase") == 0
