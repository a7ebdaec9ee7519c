"""Linked tables on two levels: a child is written with its parent's key, and waits when the parent is not there yet."""

from instance import INGRESS

CONTACTS, PURCHASES, LINES = 120, 90, 60

CONFIGURATION = {"workflow": INGRESS, "configuration": {"mappings": [
    {"table": "contact", "resource": "profile", "key": "externalId", "fields": [
        {"source": "lastname", "destination": "lastName", "tooLong": "truncate"},
        {"source": "donotbulkemail", "destination": "denyListEmail"}]},
    {"table": "new_purchase", "resource": "cusPurchase", "key": "purchaseId", "fields": [
        {"source": "new_orderno", "destination": "orderNo", "tooLong": "truncate"},
        {"source": "new_amount", "destination": "amountText"},
        {"source": "new_contact", "destination": "profilelink", "link": {"table": "contact"}}]},
    {"table": "new_purchaseline", "resource": "cusPurchaseLine", "key": "lineId", "fields": [
        {"source": "new_sku", "destination": "sku", "tooLong": "truncate"},
        {"source": "new_purchase", "destination": "purchaselink", "link": {"table": "new_purchase"}}]}]}}


def test_two_levels_of_links_cross_and_no_child_is_hidden(ferry):
    admin = ferry.start_sandbox(contacts=CONTACTS, purchases=PURCHASES, lines=LINES).admin
    ferry.start_controller()
    ferry.start_reader()
    ferry.start_writer()
    ferry.apply(CONFIGURATION)
    ferry.start()

    def all_there():
        return (len(admin.campaign_rows("profile")) == CONTACTS and len(admin.campaign_rows("cusPurchase")) == PURCHASES
                and len(admin.campaign_rows("cusPurchaseLine")) == LINES)

    ferry.wait_until(all_there, 90, "all three tables are in Campaign")
    ferry.wait_until(lambda: ferry.backlog() == 0, 30, "backlog 0")
    for resource in ("cusPurchase", "cusPurchaseLine"):
        assert admin.campaign_hidden(resource) == 0
    assert admin.stats()["campaign"]["breaches"]["count"] == 0

    purchases = {row["id"]: row for row in admin.rows("new_purchase")}
    for key, row in admin.campaign_rows("cusPurchase").items():
        assert row["values"]["profileExternalId"] == purchases[key]["columns"]["_new_contact_value"]
