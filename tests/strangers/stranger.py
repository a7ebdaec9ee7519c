"""A client of somebody else as a process of its own: a question a line, an answer a line."""

import json
import os
import pathlib
import re
import subprocess

from support import ROOT

HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = ROOT / "build" / "strangers"  # by script/bootstrap test

PROGRAMS = {
    "microsoft": [INSTALLED / "microsoft/bin/python", HERE / "microsoft/driver.py"],
    "airbyte": [INSTALLED / "airbyte/bin/python", HERE / "airbyte/driver.py"],
    "adobe": ["node", HERE / "adobe/driver.js"],
}


def command(name, *words):
    """Dies with pytest, also when pytest is killed."""
    assert (INSTALLED / name).is_dir(), f"{INSTALLED / name} is missing: script/bootstrap test"
    return ["setpriv", "--pdeathsig", "KILL", "--", *map(str, (*PROGRAMS[name], *words))]


def environment(**settings):
    """Nothing of ours that could lead a client elsewhere, like a proxy or a certificate store."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "NODE_PATH": str(INSTALLED / "adobe/node_modules"), "PYTHONUTF8": "1", "LOG_LEVEL": "error",
            **{f"STRANGER_{name.upper()}": value for name, value in settings.items()}}


class Refused(Exception):
    """What the client told its caller about a refusal, in the client's own words."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


class Stranger:
    def __init__(self, name, folder, env):
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command(name), env=env, cwd=folder, stderr=log, text=True, encoding="utf-8",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, call, *args, **options):
        question = {"call": call, "args": args} | ({"options": options} if options else {})
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the driver ended; its log:\n{self.log.read_text()}"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(20) == 0, self.log.read_text()


def settle(sandbox, breaches, habits=re.compile("(?!)")):
    """Every breach of the test was announced, and every announced one happened."""
    counted = [text for text in sandbox.admin.breaches() if not habits.search(text)]
    assert len(counted) == len(breaches) and all(map(re.search, breaches, counted)), (
        f"breaches: {counted}, expected: {breaches}")
