"""Fixtures: `kafka`, one broker for all of a worker; `ferry`, an instance of the test's own."""

import os
import pathlib
import random
import re
import shutil
import zlib

import pytest

import servers
import support
from instance import Instance
from support import ROOT

# Side by side (pytest -n 4) each worker has a folder of its own, and in it a broker of its own.
FOLDER = pathlib.Path(os.environ.get("FERRY_TEST_FOLDER", ROOT / "build" / "integration"),
                      os.environ.get("PYTEST_XDIST_WORKER", "."))
SEED = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests that take minutes")
    parser.addoption("--seed", type=int, help="repeat the random choices of an earlier run")


def pytest_configure(config):
    seed = config.getoption("--seed")
    config.stash[SEED] = random.SystemRandom().randrange(2**31) if seed is None else seed
    config.option.seed = config.stash[SEED]  # workers are told the options


def pytest_report_header(config):
    return [f"seed: {config.stash[SEED]} (again: pytest --seed {config.stash[SEED]} ...)",
            f"programs: {servers.BUILD}", f"logs: {FOLDER}"]


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    longs = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=longs)
    items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows the end of every log it has."""
    report = yield
    if report.failed:
        for fixture in item.funcargs.values():
            for server in getattr(fixture, "servers", [fixture]):
                if isinstance(server, servers.Server):
                    report.sections.append((f"{server.name}: {server.log}", server.log_tail()))
    item.stash.setdefault(FAILED, set()).update({call.when} if report.failed else ())
    return report


FAILED = pytest.StashKey[set]()


def _folder(item):
    """Fresh; short and unique, also as the name of topics."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", item.name).strip("-")[:60]
    folder = FOLDER / f"{name}-{zlib.crc32(item.nodeid.encode()):08x}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def seed(request):
    """A number for the test's random choices: the run's seed and the test's name decide it."""
    return zlib.crc32(f"{request.config.stash[SEED]} {request.node.nodeid}".encode())


@pytest.fixture(scope="session")
def kafka():
    """The broker that tests share. Do not harm it: `own_kafka` is for that."""
    folder = FOLDER / "kafka"
    shutil.rmtree(folder, ignore_errors=True)
    broker = servers.Kafka(folder).start()
    yield broker
    broker.stop()
    shutil.rmtree(folder / "data", ignore_errors=True)


@pytest.fixture
def own_kafka(request):
    """A broker for a test that stops, kills or pauses it."""
    broker = servers.Kafka(_folder(request.node) / "kafka").start()
    yield broker
    broker.kill9()
    shutil.rmtree(broker.folder / "data", ignore_errors=True)


def _registry(folder):
    server = servers.Registry(folder, support.free_port())
    yield server
    server.kill9()


@pytest.fixture(scope="module")
def registry():
    """A schema registry that the tests of a module share; each has subjects of its own."""
    for server in _registry(FOLDER / "registry"):
        yield server.start()


@pytest.fixture
def late_registry():
    """A schema registry that the test starts itself."""
    yield from _registry(FOLDER / "registry-late")


@pytest.fixture
def sftp(tmp_path):
    """An sftp server of the test's own; with an instance, its start_sftp is meant instead."""
    server = servers.Sftp(tmp_path / "sftp", support.free_port()).start()
    yield server
    server.kill9()


def _instance(request, kafka, seed):
    folder = _folder(request.node) if kafka.folder.parent == FOLDER else kafka.folder.parent
    instance = Instance(folder.name, folder, kafka, seed)
    yield instance
    try:
        instance.stop()
    finally:
        instance.kill()
    if not request.node.stash.get(FAILED, None):
        shutil.rmtree(folder, ignore_errors=True)  # its own broker may still write


@pytest.fixture
def ferry(request, kafka, seed):
    yield from _instance(request, kafka, seed)


@pytest.fixture
def ferry_on_own_kafka(request, own_kafka, seed):
    yield from _instance(request, own_kafka, seed)
