"""ferryctl as a person and a script use it."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest

import servers
from instance import INGRESS
from support import ROOT, wait_until
from workers import Workers

CONTACTS = {"mappings": [{"table": "contact", "resource": "profile", "key": "externalId",
                          "fields": [{"source": "firstname", "destination": "firstName"}]}]}
EVERY_EXIT = {"done": 0, "refused": 1, "usage": 2, "unreachable": 3, "timeout": 4}


@pytest.fixture
def played(ferry):
    """A controller whose workers the test plays."""
    ferry.start_sandbox()
    ferry.start_controller()
    return Workers(ferry)


def wish(configuration=None, **more):
    return {"workflow": INGRESS, "configuration": configuration or CONTACTS, **more}


def renamed(name):
    other = json.loads(json.dumps(CONTACTS))
    other["mappings"][0]["fields"][0]["destination"] = name
    return other


def run(ferry, workers):
    ferry.apply(wish())
    ferry.ctl("start", INGRESS)
    workers.both("READY")
    ferry.wait_until(lambda: ferry.status() == "RUNNING")
    workers.both("RUNNING")


# --- the whole way, with the real reader and the real writer ---


def test_contacts_cross_when_started_and_the_backlog_ends_at_zero(ferry):
    sandbox, *_ = ferry.start_all(contacts=300)
    ferry.apply(json.loads((ROOT / "docs" / "examples" / "contacts.json").read_text()))
    out = ferry.ctl("start", INGRESS, "--wait").stdout
    assert out.splitlines()[-1] == f"workflow/{INGRESS} is RUNNING"
    ferry.wait_until(lambda: sandbox.admin.call("GET", "/campaign/profile/count").json()["rows"] == 300
                     and ferry.backlog() == 0, 60)
    page = ferry.ctl("describe", "workflow", INGRESS).stdout
    assert re.search(r"contact -> profile: backlog 0, waiting 0", page)
    assert "Stop the workflow before you publish" in page
    assert ferry.ctl("stop", INGRESS, "--wait").stdout.splitlines()[-1].endswith("is STOPPED")
    assert ferry.status() == "STOPPED"


def test_wrong_secret_is_failed_with_its_class_until_it_is_right(ferry):
    ferry.start_sandbox(contacts=10)
    (ferry.folder / "dynamics.secret").write_text("wrong\n")
    ferry.start_controller()
    assert "warning: saved without a full check" in ferry.apply(wish()).stderr
    refused = ferry.ctl("start", INGRESS, "--wait", check=False)
    assert refused.returncode == EVERY_EXIT["refused"]
    assert ferry.status() == "FAILED"
    assert ferry.workflow()["error"]["class"] == "credentials"
    assert ferry.workflow()["error"]["message"] in refused.stderr
    ferry.ctl("stop", INGRESS)
    assert ferry.status() == "STOPPED"
    (ferry.folder / "dynamics.secret").write_text(servers.Sandbox.DYNAMICS_SECRET + "\n")
    # For a few seconds the controller does not ask again: nobody is hammered with a wrong secret.
    ferry.wait_until(lambda: ferry.ctl("start", INGRESS, check=False).returncode == 0)
    assert ferry.status() == "STARTING"


# --- get ---


def test_workflows_are_listed_in_columns_and_as_json(ferry, played):
    lines = ferry.ctl("get", "workflows").stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "BACKLOG", "WAITING", "RESTART-NEEDED", "AGE"]
    assert lines[1].split() == [INGRESS, "STOPPED", "0", "0", "no", "-"]
    assert len({line.index(word) for line, word in zip(lines, ("STATUS", "STOPPED"))}) == 1
    items = ferry.ctl_json("get", "workflows")["items"]
    assert [item["id"] for item in items] == [INGRESS, "campaign-to-dynamics", "opt-in-out"]
    keys = {"id", "name", "status", "backlog", "restartNeeded", "stopping", "warning", "error",
            "generation", "revision", "mappings"}
    assert keys <= set(items[0])
    names = ferry.ctl("get", "workflows", "-o", "name").stdout.split()
    assert names[0] == f"workflow/{INGRESS}"
    assert ferry.ctl_json("get", "workflow", INGRESS)["id"] == INGRESS


def test_watch_prints_what_changes(ferry, played):
    ferry.apply(wish())
    url = ferry.servers[-1].url
    watch = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", servers.program("ferryctl"),
                              "--server", url, "get", "workflow", INGRESS, "--watch"],
                             stdout=subprocess.PIPE, text=True)
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")))
    thread.start()
    wait_until(lambda: any("STOPPED" in line for line in lines))
    ferry.ctl("start", INGRESS)
    wait_until(lambda: any("STARTING" in line for line in lines))
    watch.send_signal(signal.SIGTERM)
    watch.wait(10)
    thread.join(10)


# --- apply, get config, diff, edit ---


def test_apply_saves_and_says_when_nothing_changed(ferry, played):
    assert "configured (revision 1)" in ferry.apply(wish()).stdout
    assert "unchanged" in ferry.apply(wish()).stdout
    assert "configured (revision 2)" in ferry.apply(wish(renamed("lastName"))).stdout
    saved = ferry.ctl_json("get", "config", INGRESS)
    assert (saved["revision"], saved["configuration"]) == (2, renamed("lastName"))
    older = ferry.ctl_json("get", "config", INGRESS, "--revision", 1)
    assert older["configuration"] == CONTACTS
    lines = ferry.ctl("get", "revisions", INGRESS).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["REVISION", "2", "1"]


def test_what_get_config_prints_can_be_applied(ferry, played):
    ferry.apply(wish())
    ferry.apply(wish(renamed("lastName")))
    older = ferry.ctl("get", "config", INGRESS, "--revision", 1).stdout
    # It is an edit of revision 1, and 2 is there: somebody else's work is not overwritten.
    refused = ferry.ctl("apply", "-f", "-", stdin=older, check=False)
    assert refused.returncode == EVERY_EXIT["refused"] and "revision 2" in refused.stderr
    again = json.loads(older)
    del again["revision"]
    assert "revision 3" in ferry.ctl("apply", "-f", "-", stdin=json.dumps(again)).stdout


def test_rollback_saves_an_older_revision_again(ferry, played):
    def rollback(*words):
        return ferry.ctl("rollback", INGRESS, *words, check=False)
    assert rollback().returncode == EVERY_EXIT["refused"]
    ferry.apply(wish())
    nothing = rollback()
    assert nothing.returncode == EVERY_EXIT["refused"] and "no older revision" in nothing.stderr
    ferry.apply(wish(renamed("lastName")))
    ferry.apply(wish(renamed("middleName")))
    missing = rollback("--to-revision", 9)
    assert missing.returncode == EVERY_EXIT["refused"] and "no revision 9" in missing.stderr
    assert "configured (revision 4)" in rollback("--to-revision", 1).stdout
    assert ferry.ctl_json("get", "config", INGRESS)["configuration"] == CONTACTS
    assert "configured (revision 5)" in rollback().stdout
    assert ferry.ctl_json("get", "config", INGRESS)["configuration"] == renamed("middleName")
    assert "unchanged" in rollback("--to-revision", 5).stdout


def test_faults_are_printed_with_their_paths(ferry, played):
    bad = renamed("firstName")
    bad["mappings"][0]["fields"].append({"source": "lastname", "destination": "firstName"})
    refused = ferry.ctl("apply", "-f", "-", stdin=json.dumps(wish(bad)), check=False)
    assert refused.returncode == EVERY_EXIT["refused"]
    assert "  /mappings/0/fields/1/destination: " in refused.stderr
    refused = ferry.ctl("apply", "-f", "-", stdin=json.dumps(wish(renamed("nothere"))), check=False)
    assert refused.returncode == EVERY_EXIT["refused"]
    assert "/mappings/0/fields/0/destination" in refused.stderr and "nothere" in refused.stderr
    assert ferry.workflow()["savedRevision"] is None


def test_file_that_is_no_configuration_is_refused(ferry, played):
    for text, said in (("{", "line 1"), ("[]", "must hold"), ("{}", "must hold"),
                       ('{"configuration":{}}', "must hold")):
        refused = ferry.ctl("apply", "-f", "-", stdin=text, check=False)
        assert refused.returncode == EVERY_EXIT["refused"] and said in refused.stderr


def test_diff_shows_what_does_not_run_yet(ferry, played):
    run(ferry, played)
    assert "no difference" in ferry.ctl("diff", INGRESS).stdout
    applied = ferry.apply(wish(renamed("lastName"))).stdout
    assert "takes effect when" in applied
    assert ferry.workflow()["restartNeeded"]
    lines = ferry.ctl("diff", INGRESS).stdout.splitlines()
    assert lines[0] == "running revision 1, saved revision 2"
    assert any(line.startswith("- /mappings/0/fields/0") for line in lines)
    assert any(line.startswith("+ /mappings/0/fields/0") for line in lines)
    changes = ferry.ctl_json("diff", INGRESS)["changes"]
    assert changes and all(change["op"] in ("add", "remove", "replace") for change in changes)
    running = ferry.ctl_json("get", "config", INGRESS, "--running")
    assert running["configuration"] == CONTACTS


def edit(ferry, editor, check=True):
    before = dict(os.environ)
    os.environ.pop("VISUAL", None)
    os.environ["EDITOR"] = editor
    try:
        return ferry.ctl("edit", INGRESS, check=check, stdin="")
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_edit_opens_an_editor_and_saves(ferry, played):
    ferry.apply(wish())
    assert "unchanged" in edit(ferry, "true").stdout
    assert "revision 2" in edit(ferry, "sed -i s/firstName/lastName/").stdout
    assert ferry.ctl_json("get", "config", INGRESS)["configuration"] == renamed("lastName")


def test_edit_that_is_refused_is_kept(ferry, played):
    ferry.apply(wish())
    refused = edit(ferry, "sed -i s/firstName/nothere/", check=False)
    assert refused.returncode == EVERY_EXIT["refused"]
    kept = re.search(r"ferryctl apply -f (\S+)", refused.stderr).group(1)
    text = open(kept, encoding="utf-8").read()
    os.unlink(kept)
    assert "nothere" in text and "/destination" in refused.stderr
    assert ferry.workflow()["savedRevision"] == 1


# --- start and stop ---


def test_wait_says_what_it_waits_for_and_runs_out_of_time(ferry, played):
    ferry.apply(wish())
    late = ferry.ctl("start", INGRESS, "--wait", "--timeout", 2, check=False)
    assert late.returncode == EVERY_EXIT["timeout"]
    assert "waiting: no live reader has taken contact" in late.stdout
    assert "not RUNNING after 2 s" in late.stderr
    ferry.ctl("stop", INGRESS, "--wait")


def test_failure_ends_the_wait_with_its_reason(ferry, played):
    ferry.apply(wish())
    ferry.ctl("start", INGRESS)
    error = {"class": "permission", "message": "the reader may not read contact", "action": "ask"}
    played.reader("FAILED", error=error)
    failed = ferry.ctl("start", INGRESS, "--wait", "--timeout", 5, check=False)
    # FAILED is left by Start: a new generation, whose reader has said nothing yet.
    assert failed.returncode == EVERY_EXIT["timeout"]
    played.reader("FAILED", error=error)
    wait_until(lambda: ferry.status() == "FAILED")
    page = ferry.ctl("describe", "workflow", INGRESS).stdout
    assert "Error (permission): the reader may not read contact" in page
    assert "what to do: ask" in page


# --- exit codes, completion ---


@pytest.mark.parametrize("words, said", [
    ((), "ferryctl: say what to do; see ferryctl --help\n"),
    (("deletes",), "ferryctl: there is no command 'deletes'; there is deletes approve ID, deletes drop ID; "
                   "see ferryctl --help\n"),
    (("describe", INGRESS), f"ferryctl: there is no command 'describe {INGRESS}'; there is describe workflow ID; "
                            "see ferryctl --help\n"),
    (("nonsense", "x"), "ferryctl: there is no command 'nonsense x'; see ferryctl --help\n"),
    (("deletes", "drop"), "ferryctl: usage: ferryctl deletes drop ID: drop them: the records stay in Adobe Campaign "
                          "(--table NAME, --expect N)\n"),
    (("deletes", "drop", INGRESS, "--expect", "0"), "ferryctl: --expect takes a number from 1 to 1000000000, "
                                                    "not '0'\n")])
def test_half_a_command_is_told_the_other_half(words, said):
    result = subprocess.run([servers.program("ferryctl"), *words], capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout, result.stderr) == (EVERY_EXIT["usage"], "", said)


def test_describe_shows_what_the_brake_holds_and_what_to_type(ferry, played):
    run(ferry, played)
    warning = {"class": "none", "message": "3 deletes wait.", "action": "Decide."}
    counters = {"waiting": {}, "deletesHeld": {"contact": 3}, "deletesHeldBelow": {"contact": {"0": 12}}}

    def tells():
        """Again and again: whoever is silent for 15 s holds nothing."""
        played.writer("RUNNING", warning=warning, counters=counters)
        return ferry.ctl("describe", "workflow", INGRESS).stdout
    page = ferry.wait_until(lambda: "deletes: 3" in (page := tells()) and page)
    assert f"deletes: 3 wait for ferryctl deletes approve|drop {INGRESS} --table contact --expect 3\n" in page
    assert "Warning: 3 deletes wait." in page and "(none)" not in page
    assert re.search(r"^ +waiting +-$", page, re.MULTILINE), page
    assert "deletesHeldBelow" not in page
    # What was told of the offsets stands in the decision.
    tells()
    assert ferry.ctl("deletes", "drop", INGRESS, "--table", "contact").stdout == \
        "3 deletes of table contact are dropped; the records stay in Adobe Campaign\n"
    decision = ferry.topics.documents("workflows")[f"{INGRESS}/deletes/contact"]
    assert (decision["verdict"], decision["below"]) == ("drop", {"0": 12})


def test_exit_codes_are_as_the_help_says(ferry, played):
    help_text = ferry.ctl("--help").stdout
    assert [int(code) for code in re.findall(r"^  (\d)  ", help_text, re.M)] == [0, 1, 2, 3, 4]
    for words in (["get"], ["get", "nonsense"], ["start"], ["apply"], ["--nonsense"],
                  ["get", "workflows", "-o", "xml"], ["start", INGRESS, "--timeout", "soon"],
                  ["completion", "tcsh"], ["get", "workflows", "too", "many"]):
        wrong = ferry.ctl(*words, check=False)
        assert wrong.returncode == EVERY_EXIT["usage"], words
        assert wrong.stderr
    for words in (["get", "workflow", "nonsense"], ["start", "opt-in-out"], ["start", INGRESS]):
        refused = ferry.ctl(*words, check=False)
        assert refused.returncode == EVERY_EXIT["refused"], words
        assert refused.stderr.startswith("ferryctl: ")
    for server in ("http://127.0.0.1:9", ferry.sandbox.campaign):
        lost = ferry.ctl("--server", server, "get", "workflows", check=False)
        assert lost.returncode == EVERY_EXIT["unreachable"], server


def test_version_names_both_sides(ferry, played):
    lines = ferry.ctl("version").stdout.splitlines()
    assert lines[0].startswith("ferryctl ") and f"instance {ferry.name}, writes" in lines[1]


COMPLETE = """
source <(FERRYCTL completion bash)
ferryctl() { FERRYCTL "$@"; }
COMP_WORDS=(TYPED) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_ferryctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


TYPED = [
    ("ferryctl ''", {"get", "describe", "start", "stop", "apply", "edit", "diff", "check",
                    "replay", "rollback"}),
    ("ferryctl get wor", {"workflows", "workflow"}),
    ("ferryctl describe ''", {"workflow"}),
    ("ferryctl start dyn", {INGRESS}),
    ("ferryctl get config ''", {INGRESS, "opt-in-out"}),
    ("ferryctl stop --w", {"--wait", "--watch"}),
    ("ferryctl replay x --c", {"--cancel"}),
    ("ferryctl get workflows -o ''", {"json", "wide", "name"}),
]


def test_bash_completes(ferry, played):
    tool = f"{servers.program('ferryctl')} --server {ferry.servers[-1].url}"
    for words, expected in TYPED:
        script = COMPLETE.replace("FERRYCTL", tool).replace("TYPED", words)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30,
                              check=True)
        assert expected <= set(done.stdout.split()), (words, done)
