"""Starts ferry-sandbox for the tests: FERRY_SANDBOX, or the newest binary under build/."""

import contextlib
import glob
import http.client
import json
import os
import pathlib
import subprocess
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TENANT = "11111111-aaaa-4bbb-8ccc-000000000001"
API = "/api/data/v9.2/"
EXT = "/acme/campaign/profileAndServicesExt/"


def binary():
    if "FERRY_SANDBOX" in os.environ:
        return os.environ["FERRY_SANDBOX"]
    found = glob.glob(str(ROOT / "build" / "**" / "ferry-sandbox"), recursive=True)
    found = [path for path in found if os.access(path, os.X_OK) and os.path.isfile(path)]
    if not found:
        pytest.fail("no ferry-sandbox under build/: build it, or set FERRY_SANDBOX")
    return max(found, key=os.path.getmtime)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


def parts_of(reply):
    """What stands in a multipart answer: (status, headers, body) of each part."""
    kind, _, boundary = reply.headers["Content-Type"].partition("; boundary=")
    if kind != "multipart/mixed":
        return []
    pieces = reply.body.decode().split(f"--{boundary}")
    assert pieces[0] == "" and pieces[-1] == "--\r\n", "no preamble, a closing delimiter"
    parts = []
    for piece in pieces[1:-1]:
        head, inner, body = piece.removesuffix("\r\n").split("\r\n\r\n", 2)
        assert head.startswith("\r\nContent-Type: application/http\r\n"
                               "Content-Transfer-Encoding: binary"), head
        line, *headers = inner.split("\r\n")
        parts.append((int(line.split()[1]), dict(one.split(": ", 1) for one in headers), body))
    return parts


class Sandbox:
    def __init__(self, *flags):
        self.process = subprocess.Popen([binary(), *map(str, flags)], stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line, "ferry-sandbox did not start"
        self.urls = json.loads(line)
        self.tokens = {}

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(10) == 0

    def call(self, system, verb, target, body=None, headers=None, timeout=20):
        base = urllib.parse.urlsplit(self.urls[system])
        connection = http.client.HTTPConnection(base.hostname, base.port, timeout=timeout)
        try:
            data = body
            if isinstance(body, (dict, list)):
                data = json.dumps(body).encode()
            connection.request(verb, target, body=data, headers=headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    # Dynamics

    def dynamics_token_form(self, **changes):
        form = {
            "grant_type": "client_credentials",
            "client_id": "ferry-dynamics",
            "client_secret": "dynamics-secret",
            "scope": self.urls["dynamics"] + "/.default",
        }
        form.update(changes)
        return self.call(
            "dynamics",
            "POST",
            f"/{TENANT}/oauth2/v2.0/token",
            urllib.parse.urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def dynamics_headers(self, **more):
        if "dynamics" not in self.tokens:
            self.tokens["dynamics"] = self.dynamics_token_form().json["access_token"]
        headers = {
            "Authorization": "Bearer " + self.tokens["dynamics"],
            "Accept": "application/json",
            "OData-Version": "4.0",
            "OData-MaxVersion": "4.0",
            "Content-Type": "application/json; charset=utf-8",
        }
        headers.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in headers.items() if value is not None}

    def dynamics(self, verb, target, body=None, **headers):
        if target.startswith("http"):
            assert target.startswith(self.urls["dynamics"] + "/")
            target = target[len(self.urls["dynamics"]) :]
        elif not target.startswith("/"):
            target = API + target
        return self.call("dynamics", verb, target, body, self.dynamics_headers(**headers))

    def batch(self, operations, **headers):
        """Posts (verb, target, body or None) as a $batch: the reply, and (status, headers, body) of each part."""
        parts = []
        for verb, target, body in operations:
            text = json.dumps(body) if body is not None else ""
            kind = "Content-Type: application/json; type=entry\r\n" if body is not None else ""
            parts.append("--b1\r\nContent-Type: application/http\r\n"
                         "Content-Transfer-Encoding: binary\r\n\r\n"
                         f"{verb} {API}{target} HTTP/1.1\r\n{kind}\r\n{text}\r\n")
        reply = self.dynamics("POST", "$batch", ("".join(parts) + "--b1--\r\n").encode(),
                              Content_Type="multipart/mixed; boundary=b1", **headers)
        return reply, parts_of(reply)

    def read(self, target, size=1000):
        """Follows a tracked read to its end: (rows, deltaLink)."""
        prefer = "odata.track-changes,odata.maxpagesize=%d" % size
        rows, pages = [], 0
        while True:
            reply = self.dynamics("GET", target, Prefer=prefer)
            assert reply.status == 200, reply.text
            rows += reply.json["value"]
            pages += 1
            target = reply.json.get("@odata.nextLink")
            if not target:
                self.pages = pages
                return rows, reply.json.get("@odata.deltaLink")

    # Campaign

    def campaign_token_form(self, query="", **changes):
        form = {
            "grant_type": "client_credentials",
            "client_id": "ferry-campaign",
            "client_secret": "campaign-secret",
            "scope": "openid,AdobeID,campaign_sdk",
        }
        form.update(changes)
        form = {name: value for name, value in form.items() if value is not None}
        return self.call("campaign", "POST", "/ims/token/v3" + query, urllib.parse.urlencode(form))

    def campaign_headers(self, **more):
        if "campaign" not in self.tokens:
            self.tokens["campaign"] = self.campaign_token_form().json["access_token"]
        headers = {
            "Authorization": "Bearer " + self.tokens["campaign"],
            "X-Api-Key": "ferry-campaign",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json",
        }
        headers.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in headers.items() if value is not None}

    def campaign(self, verb, target, body=None, **headers):
        if target.startswith("http"):
            assert target.startswith(self.urls["campaign"] + "/")
            target = target[len(self.urls["campaign"]) :]
        elif not target.startswith("/"):
            target = EXT + target
        return self.call("campaign", verb, target, body, self.campaign_headers(**headers))

    # control

    def admin(self, verb, target, body=None):
        return self.call("admin", verb, "/sandbox/" + target, body)

    def stats(self, system):
        return self.admin("GET", "stats").json[system]

    def breaches(self, system):
        return self.stats(system)["breaches"]["count"]

    def fault(self, system, kind, **more):
        reply = self.admin("POST", "faults", {"system": system, "kind": kind, **more})
        assert reply.status == 201, reply.text
        return reply.json["id"]


@contextlib.contextmanager
def running(*flags):
    sandbox = Sandbox(*flags)
    try:
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture
def start():
    """Starts sandboxes with flags of one's own; all end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *flags: stack.enter_context(running(*flags))


@pytest.fixture(scope="session")
def shared():
    with running(
        "--contacts", 60, "--accounts", 5, "--purchases", 10, "--lines", 10, "--record"
    ) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared):
    """The shared one, with Campaign empty, counters at 0 and no faults."""
    shared.admin("DELETE", "faults")
    for resource in ("profile", "cusPurchase", "cusPurchaseLine", "cusAccount"):
        shared.admin("DELETE", f"campaign/{resource}/rows")
    shared.tokens.clear()
    shared.admin("POST", "stats/reset")
    return shared
