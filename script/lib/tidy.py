#!/usr/bin/env python3
"""Runs clang-tidy on the project's own sources, two at a time, and skips what it has found clean
before: same source, same project headers, same command, same .clang-tidy.

    tidy.py COMPILE_COMMANDS CACHE_FOLDER [SOURCE...]
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked_sources():
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "*.c"],
                           check=True, capture_output=True, text=True).stdout
    return {ROOT / name for name in names.split("\0") if name}


def headers_of(entry):
    """The project's files that this one includes, itself among them."""
    command = shlex.split(entry["command"])
    if "-o" in command:
        at = command.index("-o")
        del command[at:at + 2]
    rule = subprocess.run([*command, "-MM", "-MT", "x"], cwd=entry["directory"],
                          capture_output=True, text=True)
    words = rule.stdout.replace("\\\n", " ").split()[1:]
    return [pathlib.Path(entry["directory"], word) for word in words]


def fingerprint(entry):
    digest = hashlib.sha256(entry["command"].encode())
    for rules in (".clang-tidy", "tests/.clang-tidy"):
        digest.update((ROOT / rules).read_bytes())
    for path in sorted(headers_of(entry)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tidy(entry, commands, cache):
    clean = cache / fingerprint(entry)
    if clean.exists():
        return True, ""
    # With its assertions a list of utlist.h tells the analyzer what it relies on.
    run = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-UNDEBUG", "-p", commands.parent,
                          entry["file"]], capture_output=True, text=True)
    if run.returncode == 0:
        clean.touch()
        return True, ""
    return False, run.stdout or run.stderr


def main():
    commands, cache = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    wanted = {pathlib.Path(name).resolve() for name in sys.argv[3:]} or tracked_sources()
    cache.mkdir(parents=True, exist_ok=True)
    entries = {entry["file"]: entry for entry in json.loads(commands.read_text())
               if pathlib.Path(entry["file"]) in wanted}

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for good, text in pool.map(lambda entry: tidy(entry, commands, cache), entries.values()):
            if not good:
                failed += 1
                print(text, end="", flush=True)
    print(f"clang-tidy: {len(entries) - failed} files passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
