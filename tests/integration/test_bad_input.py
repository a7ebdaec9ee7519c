"""Bad input of every kind: one clear sentence that names the thing, FAILED only where a person is needed, no record lost."""

import copy
import json

import pytest

import servers
from instance import INGRESS
from load import Load
from oracle import CONTACTS, Oracle

MAPPING = CONTACTS["configuration"]["mappings"][0]
ROWS = 300


def wish(mapping):
    return {"workflow": INGRESS, "configuration": {"mappings": [mapping]}}


def with_field(source, destination, **more):
    """The example's mapping and one field more."""
    mapping = copy.deepcopy(MAPPING)
    mapping["fields"].append({"source": source, "destination": destination} | more)
    return wish(mapping)


def other(**members):
    return wish(copy.deepcopy(MAPPING) | members)


NEXT = f"/mappings/0/fields/{len(MAPPING['fields'])}"

# What is saved: where the fault is, and what its sentence names.
REFUSED_WHEN_SAVED = {
    "unknown table": (other(table="contakt"), "/mappings/0/table", ["contakt"]),
    "table without change tracking": (
        wish({"table": "new_untracked", "resource": "cusAccount", "api": "customResources",
              "key": "accountId",
              "fields": [{"source": "new_name", "destination": "name"}]}),
        "/mappings/0/table", ["new_untracked", "Track changes"]),
    "unknown resource": (other(resource="profil"), "/mappings/0/resource", ["profil"]),
    "unknown column": (with_field("shoesize", "cusScore"), NEXT + "/source",
                       ["shoesize", "contact"]),
    "unknown field": (with_field("jobtitle", "shoeSize"), NEXT + "/destination",
                      ["shoeSize", "profile"]),
    "read-only field": (with_field("jobtitle", "created"), NEXT + "/destination",
                        ["created", "read-only"]),
    "two sources for one field": (with_field("nickname", "firstName"), NEXT + "/destination",
                                  ["firstName", "field number 1", "two sources"]),
    "type that cannot fit": (with_field("birthdate", "cusScore"), NEXT + "/destination",
                             ["birthdate", "cusScore", "date", "number"]),
    "key that is no identification key": (other(key="lastName", fields=[{"source": "firstname", "destination": "firstName",
                                                "tooLong": "truncate"}]),
                                          "/mappings/0/key",
                                          ["lastName", "profile", "identification key"]),
    "unknown key": (other(key="externalIdd"), "/mappings/0/key", ["externalIdd", "profile"]),
}
NO_JSON = {
    "{": ["no JSON", "line 1"],
    '{"workflow": "x", "configuration": {"mappings": [}}': ["no JSON", "column"],
    '{"workflow": "x", "workflow": "y"}': ["no JSON", "duplicate"],
    "[]": ["must hold", "configuration"],
    '{"workflow": "dynamics-to-campaign", "configuration": []}': ["must hold"],
    b'{"workflow": "dynamics-to-campaign\xff"}'.decode(errors="surrogateescape"): ["no JSON", "byte 0xff"],
}


def test_what_cannot_work_is_not_saved_and_its_fault_is_named(ferry):
    admin = ferry.start_sandbox(contacts=5).admin
    # A key is proved by a record that is there.
    admin.campaign_insert("profile", externalId="e1", lastName="Lee")
    ferry.start_controller()
    for name, (document, path, words) in REFUSED_WHEN_SAVED.items():
        said = ferry.ctl("apply", "-f", "-", stdin=json.dumps(document), check=False)
        assert said.returncode == 1, (name, said.stdout)
        faults = [line for line in said.stderr.splitlines() if line.startswith(f"  {path}: ")]
        assert len(faults) == 1 and all(word in faults[0] for word in words), (name, said.stderr)
    for text, words in NO_JSON.items():
        file = ferry.folder / "bad.json"
        file.write_bytes(text.encode(errors="surrogateescape"))
        said = ferry.ctl("apply", "-f", file, check=False)
        assert said.returncode == 1 and all(word in said.stderr for word in words), (text, said)
    assert ferry.workflow()["savedRevision"] is None
    ferry.apply(CONTACTS)


class Whole:
    """All of Ferry, with 300 contacts to carry."""

    def __init__(self, ferry):
        self.ferry = ferry
        self.admin = ferry.start_sandbox(contacts=ROWS).admin
        self.controller = ferry.start_controller()
        self.reader = ferry.start_reader(dynamics_page_size=50)
        self.writer = ferry.start_writer(retry_ms=50)
        ferry.apply(CONTACTS)
        self.oracle = Oracle(ferry)

    def wait_until(self, status):
        self.ferry.wait_until(lambda: self.ferry.status() == status, 60, status)

    def stop(self):
        self.ferry.ctl("stop", INGRESS, "--wait")

    def error(self):
        return self.ferry.ctl_json("get", "workflow", INGRESS)["error"]

    def spoil_secret(self, system):
        """The old tokens are good for nothing either."""
        (self.ferry.folder / f"{system}.secret").write_text("wrong\n")
        self.admin.fault(system, "tokenRevoked", count=1)

    def mend_secret(self, system):
        right = {"dynamics": servers.Sandbox.DYNAMICS_SECRET,
                 "campaign": servers.Sandbox.CAMPAIGN_SECRET}[system]
        (self.ferry.folder / f"{system}.secret").write_text(right + "\n")


@pytest.fixture
def whole(ferry):
    return Whole(ferry)


def publish_campaign(**change):
    return lambda whole: whole.admin.publish_campaign(resource="profile", **change)


def publish_dynamics(**change):
    return lambda whole: whole.admin.publish_dynamics(table="contact", **change)


# What no longer holds when it is started: harm, mend, class, what the sentence names.
FAILED_AT_START = {
    "field was published away": (
        publish_campaign(removeField="cusStatus"),
        publish_campaign(addField={"name": "cusStatus", "type": "string", "length": 30}),
        "mapping", ["cusStatus", "profile"]),
    "field became read-only": (
        publish_campaign(readOnly="fax"), publish_campaign(writable="fax"),
        "mapping", ["fax", "read-only"]),
    "identification key was dropped": (
        publish_campaign(dropKey=True), publish_campaign(addKey=True),
        "schema", ["externalId", "profile", "identification key"]),
    "column was deleted": (
        publish_dynamics(removeColumn="fax"),
        publish_dynamics(addColumn={"name": "fax", "type": "String", "length": 50}),
        "mapping", ["fax", "contact"]),
    "change tracking is off": (
        publish_dynamics(tracking=False), publish_dynamics(tracking=True),
        "schema", ["contact", "Track changes"]),
    "wrong secret of Dynamics": (
        lambda whole: whole.spoil_secret("dynamics"), lambda whole: whole.mend_secret("dynamics"),
        "credentials", ["Dynamics 365", "client secret in", "dynamics.secret"]),
    "wrong secret of Campaign": (
        lambda whole: whole.spoil_secret("campaign"), lambda whole: whole.mend_secret("campaign"),
        "credentials", ["Campaign", "client secret in", "campaign.secret"]),
}


def test_what_no_longer_holds_fails_the_start_and_loses_nothing_when_mended(whole, ferry):
    for name, (harm, mend, reason, words) in FAILED_AT_START.items():
        harm(whole)
        said = ferry.ctl("start", INGRESS, "--wait", check=False)
        assert said.returncode == 1 and ferry.status() == "FAILED", (name, said)
        error = whole.error()
        assert error["class"] == reason, (name, error)
        assert all(word in error["message"] + error["action"] for word in words), (name, error)
        assert error["message"] in said.stderr, name
        mend(whole)
        if reason == "credentials":  # for a few seconds nobody is hammered with a wrong secret
            ferry.wait_until(lambda: ferry.ctl("start", INGRESS, "--wait", check=False).returncode == 0)
        whole.stop()
    ferry.start()
    whole.oracle.wait_until_settled()


# Faults while it runs.

REFUSED_WHILE_RUNNING = {"dynamics": ["Dynamics 365", "dynamics.secret"],
                         "campaign": ["Campaign", "campaign.secret"]}


def test_a_secret_that_no_longer_holds_fails_what_runs_until_it_is_mended(whole, ferry):
    ferry.start()
    whole.oracle.wait_until_settled()
    for number, (system, words) in enumerate(REFUSED_WHILE_RUNNING.items()):
        whole.spoil_secret(system)
        whole.admin.touch("contact", 20, seed=number)
        whole.wait_until("FAILED")
        error = whole.error()
        assert error["class"] == "credentials", error
        assert all(word in error["message"] + error["action"] for word in words), error
        assert "wrong" not in error["message"] + error["action"]
        whole.mend_secret(system)
        whole.stop()
        ferry.wait_until(lambda: ferry.ctl("start", INGRESS, "--wait", check=False).returncode == 0)
        whole.oracle.wait_until_settled()


def warning_of(ferry, *words):
    def shown():
        return [one for one in ferry.workflow()["warnings"]
                if all(word in one["message"] for word in words)]
    return ferry.wait_until(shown, 30, f"a warning with {words}")[0]


def test_campaign_that_answers_a_web_page_is_a_warning_at_start_and_while_running(whole, ferry):
    whole.admin.fault("campaign", "html", status=200)
    ferry.ctl("start", INGRESS)
    assert ferry.status() == "STARTING"
    assert warning_of(ferry, "Campaign", "web page")["retryAt"] > 0
    whole.admin.clear_faults()
    whole.wait_until("RUNNING")
    whole.oracle.wait_until_settled()
    whole.admin.fault("campaign", "html")
    whole.admin.touch("contact", 20)
    assert warning_of(ferry, "Campaign", "HTTP 502")["class"] == "network"
    assert ferry.status() == "RUNNING"
    whole.admin.clear_faults()
    whole.oracle.assert_delivered()
    ferry.wait_until(lambda: not ferry.workflow()["warnings"], 30, "the warning is over")


def test_a_byte_that_is_no_utf8_rejects_its_record_until_the_record_is_mended(whole, ferry):
    whole.admin.fault("dynamics", "invalidUtf8", count=1, after=2, match={"path": "/contacts?"})
    ferry.start()
    reject = ferry.wait_until(lambda: ferry.ctl_json("get", "rejects", INGRESS)["items"], 30)[0]
    assert "UTF-8" in reject["reason"] and reject["class"] == "schema"
    ferry.wait_until(lambda: whole.admin.campaign_count("profile") == ROWS - 1, 30, "all others")
    assert ferry.status() == "RUNNING"
    [message] = ferry.topics.read(f"rejects.{INGRESS}")
    headers = {name: value.decode() for name, value in message.headers()}
    assert headers["ferry-attempts"] == "1"
    with pytest.raises(UnicodeDecodeError):
        message.value().decode()
    assert message.value().startswith(b'{"@odata.etag"') and message.value().endswith(b"}")
    missing = ({row["id"] for row in whole.admin.rows("contact", select="createdon")}
               - set(whole.admin.campaign_rows("profile")))
    assert {headers["ferry-origin"]} == {f"contact/{id_}" for id_ in missing}
    ferry.wait_until(lambda: (ferry.workflow()["mappings"][0]["reader"]["counters"] or {}).get(
        "recordsRejected") == 1, 30, "the reader counts it")
    whole.admin.update("contact", missing.pop(), lastname="Mended")
    whole.oracle.wait_until_settled()
    assert len(ferry.ctl_json("get", "rejects", INGRESS)["items"]) == 1


FOREIGN_LINKS = ["host", "port", "path", "userinfo", "scheme"]  # path: another tenant of the same host


def test_a_link_that_points_elsewhere_is_named_and_not_followed(whole, ferry):
    admin = whole.admin

    def fired():
        return sum(fault["fired"] for fault in admin.faults())
    admin.fault("dynamics", "foreignLink", variant="path", count=1, after=2,
                match={"path": "/contacts?"})
    ferry.start()
    whole.oracle.wait_until_settled()
    assert fired() == 1, "in the middle of the first read"
    with Load(ferry, per_second=30):
        for number, variant in enumerate(FOREIGN_LINKS):
            admin.fault("dynamics", "foreignLink", variant=variant, count=1,
                        match={"path": "/contacts?"})
            ferry.wait_until(lambda: fired() == number + 2, 30, f"a link of another {variant}")
            waits = ferry.wait_until(lambda: (found := whole.reader.events(
                "task_waits", **{"class": "network"}))[number + 1:] and found, 30, "it was told")
            said = waits[-1]["message"]
            assert "table contact" in said and "bad link" in said and "nothing was sent" in said, said
            assert ferry.status() == "RUNNING"
    whole.oracle.assert_delivered()


def test_services_that_start_before_kafka_say_so_and_begin_when_it_comes(ferry_on_own_kafka,
                                                                         monkeypatch):
    ferry = ferry_on_own_kafka
    ferry.kafka.stop()
    ferry.start_sandbox(contacts=50)
    monkeypatch.setattr(servers.Program, "wait_until_running",
                        lambda self: self._wait(lambda: self.address(), "listens"))
    services = [ferry.start_controller(), ferry.start_reader(), ferry.start_writer()]
    said = ferry.ctl("get", "workflows", check=False)
    assert said.returncode == 1 and "Kafka" in said.stderr, said
    controller, reader, writer = services
    ferry.wait_until(lambda: reader.events("control_topics_missing"), 60, "the reader has tried")
    ferry.wait_until(lambda: writer.events("orders"), 60, "the writer has tried")
    for service in services:
        assert service.get("/healthz").status_code == 200, service.name
        assert service.get("/readyz").status_code == 503, service.name
    assert "run orders" in writer.get("/readyz").text
    ferry.kafka.start()
    for service in services:
        ferry.wait_until(lambda: service.get("/readyz").ok, 60, f"{service.name} is ready")
    ferry.apply(CONTACTS)
    ferry.start()
    Oracle(ferry).assert_delivered()
