"""ferry-sandbox on trial: clients that others wrote for the real systems run against it.

`dynamics` and `campaign` are sandboxes shared by the tests of a file; a test that makes a client
break a rule says so in `breaches`, any other breach fails it.
"""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))  # the harness: servers, support

import requests  # noqa: E402
import servers  # noqa: E402
from stranger import Stranger, environment, settle  # noqa: E402

FOLDER = ROOT / "build" / "strangers" / "run"


def pytest_report_header(config):
    return [f"programs: {servers.BUILD}", f"logs: {FOLDER}"]


@pytest.fixture(scope="session")
def folder():
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER


@pytest.fixture(scope="session")
def certificate(folder):
    """For 127.0.0.1 and a day, its own authority: (certificate, key)."""
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True)
    return files


@pytest.fixture
def breaches():
    """Patterns, one for each breach that the test brings about, in their order."""
    return []


# Microsoft's client: TLS, and every header that the documentation asks for.

@pytest.fixture(scope="module")
def dynamics_by_tls(folder, certificate):
    sandbox = servers.Sandbox(folder / "microsoft", contacts=60, accounts=5, purchases=10, seed=7,
                              tls_cert=certificate[0], tls_key=certificate[1])
    yield sandbox.start()
    sandbox.stop()


@pytest.fixture(scope="module")
def new_microsoft(folder, certificate, dynamics_by_tls):
    """Makes clients; all end with the file's tests."""
    clients = []

    def make(secret=servers.Sandbox.DYNAMICS_SECRET):
        env = environment(url=dynamics_by_tls.dynamics, tenant=servers.Sandbox.TENANT,
                          id=servers.Sandbox.DYNAMICS_CLIENT, secret=secret)
        env |= {"REQUESTS_CA_BUNDLE": str(certificate[0])}
        clients.append(Stranger("microsoft", folder, env))
        return clients[-1]

    yield make
    for client in clients:
        client.stop()


@pytest.fixture(scope="module")
def microsoft_client(new_microsoft):
    return new_microsoft()


@pytest.fixture
def microsoft(dynamics_by_tls, microsoft_client, breaches):
    dynamics_by_tls.admin.clear_faults()
    dynamics_by_tls.admin.reset_stats()
    yield microsoft_client
    settle(dynamics_by_tls, breaches)


# Adobe's SDK: its habits break two rules of the documentation, which the real system admits. The
# sandbox counts them and goes on.
HABITS = re.compile("Cache-Control: no-cache missing|Content-Type: application/json missing")

@pytest.fixture(scope="module")
def campaign_server(folder):
    sandbox = servers.Sandbox(folder / "adobe")
    yield sandbox.start()
    sandbox.stop()


def campaign_token(sandbox):
    answer = requests.post(sandbox.campaign + "/ims/token/v3", timeout=10, data={
        "grant_type": "client_credentials", "client_id": sandbox.CAMPAIGN_CLIENT,
        "client_secret": sandbox.CAMPAIGN_SECRET, "scope": "openid,AdobeID,campaign_sdk"})
    return answer.json()["access_token"]


@pytest.fixture(scope="module")
def adobe_client(folder, campaign_server):
    client = Stranger("adobe", folder, environment(
        url=campaign_server.campaign, organisation=campaign_server.ORGANISATION,
        key=campaign_server.CAMPAIGN_CLIENT, token=campaign_token(campaign_server)))
    yield client
    client.stop()


@pytest.fixture
def adobe(campaign_server, adobe_client, breaches):
    for resource in ("profile", "cusPurchase", "cusPurchaseLine", "cusAccount"):
        campaign_server.admin.call("DELETE", f"/campaign/{resource}/rows")
    campaign_server.admin.clear_faults()
    campaign_server.admin.reset_stats()
    yield adobe_client
    settle(campaign_server, breaches, HABITS)
