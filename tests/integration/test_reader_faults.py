"""What Dynamics 365 may do to ferry-reader: it waits, reads again or says why it cannot, and loses nothing."""

import pytest

import reading
import support
from reading import CONTACT, Reading, mapping

UNTRACKED = {"id": "new_untracked", "table": "new_untracked", "entitySet": "new_untrackeds",
             "primaryId": "new_untrackedid", "columns": ["new_name"]}


@pytest.fixture
def lab(ferry):
    ferry.start_sandbox(contacts=1000)
    return Reading(ferry, tables=("contact", "new_untracked", "new_nothing"))


def fired(ferry):
    return sum(fault["fired"] for fault in ferry.sandbox.admin.faults())


def warning(lab):
    return lab.status().get("warning")


@pytest.mark.parametrize("kind, members, expected", [
    ("status429", {"retryAfter": 1}, "quota"),
    ("status503", {}, "network"),
    ("html", {}, "network"),
    ("dropBeforeReply", {}, "network"),
    ("lostReply", {}, "network"),
])
def test_passing_fault_is_a_warning_and_passes(lab, ferry, kind, members, expected):
    reader = ferry.start_reader(dynamics_page_size=100)
    ferry.sandbox.admin.fault("dynamics", kind, count=3, after=3, match={"path": "/contacts?"},
                              **members)
    lab.prepare(mapping())
    lab.wait_for_state("READY")
    lab.order("GO")
    lab.wait_until_mirrored()
    assert fired(ferry) == 3
    waits = reader.events("task_waits")
    assert {wait["class"] for wait in waits} == {expected}
    assert all(int(wait["retry_in_ms"]) > 0 for wait in waits)
    ferry.wait_until(lambda: lab.status()["state"] == "RUNNING" and not warning(lab))
    reading.assert_exactly_once(lab)


def test_retry_after_is_honoured_and_shown(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    ferry.sandbox.admin.fault("dynamics", "status429", count=1, after=2, retryAfter=4,
                              match={"path": "/contacts?"})
    lab.start(mapping())
    shown = ferry.wait_until(lambda: warning(lab))
    assert shown["class"] == "quota"
    assert shown["retryAt"] - lab.status()["heartbeatAt"] > 1500

    def asked():
        return ferry.sandbox.admin.stats()["dynamics"]["calls"]["page"]
    before = asked()
    support.stays(lambda: asked() == before, 1.5, "nothing is asked meanwhile")
    lab.wait_until_mirrored()
    reading.assert_exactly_once(lab)


def test_token_revoked_in_mid_load_is_renewed(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    ferry.sandbox.admin.fault("dynamics", "tokenRevoked", count=2, after=4,
                              match={"path": "/contacts?"})
    lab.start(mapping())
    lab.wait_until_mirrored()
    assert fired(ferry) == 2
    assert ferry.sandbox.admin.stats()["dynamics"]["calls"]["token"] >= 3
    reading.assert_exactly_once(lab)


def test_expired_delta_link_reads_again_and_finds_the_missed_deletes(lab, ferry):
    reader = ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping())
    lab.wait_until_mirrored()
    lab.stop()
    gone = ferry.sandbox.admin.delete_some("contact", 30, ids=True)["ids"]
    ferry.sandbox.admin.append("contact", 10, seed=9)
    ferry.sandbox.admin.fault("dynamics", "deltaExpired", count=1)
    lab.start()
    ferry.wait_until(lambda: lab.checkpoint()["readNumber"] == 2 and
                     lab.checkpoint()["phase"] == "DELTA")
    assert fired(ferry) == 1
    assert any("expired" in wait["message"] for wait in reader.events("task_waits"))
    deletes = [record for record in lab.changes() if record["op"] == "DELETE"]
    assert sorted(record["id"] for record in deletes) == sorted(gone)
    assert {(record["origin"], record["readNumber"]) for record in deletes} == {("RESYNC", 2)}
    assert lab.mirrors()
    ferry.sandbox.admin.touch("contact", 5)
    lab.wait_until_mirrored()
    newest = [record for record in lab.changes() if record["origin"] == "DELTA"]
    assert len(newest) == 5 and {record["readNumber"] for record in newest} == {2}


def test_links_that_expire_in_mid_load_begin_another_read(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    ferry.sandbox.admin.fault("dynamics", "metadataChangedExpiry", count=1, after=4,
                              match={"path": "/contacts?"})
    lab.start(mapping())
    lab.wait_until_mirrored()
    assert fired(ferry) == 1
    ferry.wait_until(lambda: lab.checkpoint()["readNumber"] == 2 and
                     lab.checkpoint()["phase"] == "DELTA")
    assert not [record for record in lab.changes() if record["op"] == "DELETE"]


def test_column_deleted_while_running_stops_the_table_and_a_mended_mapping_goes_on(lab, ferry):
    ferry.start_reader(dynamics_page_size=100)
    lab.start(mapping(columns=["firstname", "jobtitle"]))
    lab.wait_until_mirrored()
    before = lab.checkpoint()
    ferry.sandbox.admin.publish_dynamics(table="contact", removeColumn="jobtitle")
    failed = lab.wait_for_state("FAILED")["contact"]
    assert failed["error"]["class"] == "schema"
    assert "jobtitle" in failed["error"]["message"] and "contact" in failed["error"]["message"]
    assert failed["error"]["action"]
    assert lab.checkpoint()["columnsHash"] == before["columnsHash"]
    lab.start(mapping(columns=["firstname"]))
    ferry.wait_until(lambda: lab.checkpoint()["readNumber"] == 2 and
                     lab.checkpoint()["phase"] == "DELTA")
    lab.wait_until_mirrored()


@pytest.mark.parametrize("base, words", [
    (UNTRACKED, ["new_untracked", "change tracking"]),
    ({**UNTRACKED, "id": "new_nothing", "table": "new_nothing"}, ["new_nothing"]),
    ({**CONTACT, "columns": ["firstname", "shoesize"]}, ["contact", "shoesize"]),
])
def test_mapping_that_does_not_fit_fails_with_a_sentence(lab, ferry, base, words):
    ferry.start_reader()
    lab.prepare(mapping(base))
    failed = lab.wait_for_state("FAILED")[base["id"]]
    assert failed["error"]["class"] == "schema" or base["table"] == "new_nothing"
    assert all(word in failed["error"]["message"] for word in words), failed["error"]
    assert failed["error"]["action"]


def test_wrong_secret_fails_with_its_class(lab, ferry):
    (ferry.folder / "dynamics.secret").write_text("wrong\n")
    ferry.start_reader()
    lab.prepare(mapping())
    failed = lab.wait_for_state("FAILED")["contact"]
    assert failed["error"]["class"] == "credentials"
    assert "wrong\n" not in failed["error"]["message"]
    (ferry.folder / "dynamics.secret").write_text(ferry.sandbox.DYNAMICS_SECRET)

    def is_ready():
        lab.prepare(mapping())
        ended = ferry.wait_until(lambda: lab.status()["generation"] == lab.generation and
                                 lab.status()["state"] in ("READY", "FAILED") and lab.status()["state"])
        return ended == "READY"
    ferry.wait_until(is_ready, what="the quiet second behind a refusal is over")
    lab.order("GO")
    lab.wait_for_state("RUNNING")
    lab.wait_until_mirrored()


def test_topic_with_another_number_of_partitions_is_refused(lab, ferry):
    lab.make_topics("changes.account", partitions=3)
    ferry.start_reader()
    lab.prepare(mapping(reading.ACCOUNT))
    failed = lab.wait_for_state("FAILED")["account"]
    assert f"{ferry.name}.changes.account" in failed["error"]["message"]
    assert "3" in failed["error"]["message"]

