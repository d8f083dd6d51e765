#!/usr/bin/env python3
"""Runs clang-tidy over the .cpp files of a build tree's compile commands, within a time.

usage: tidy.py BUILD CACHE SECONDS

A file that was clean is not looked at again until it, a header of ours that it includes, the
settings or its compile command change: CACHE holds a mark for each such state. Files that
differ from the last commit come first, then the last commit's; the programs' before the
tests', the small ones first. What the time does not suffice for is said, and is left for the
next run.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from results import Results  # noqa: E402

TIDY = "clang-tidy-14"
PRECOMPILED = re.compile(r" (-include-pch \S+|-Winvalid-pch)")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
TOP = Path.cwd()


def included(path, seen):
    """Adds this file, and all of ours that it includes, to seen."""
    if path in seen:
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
        for folder in (path.parent, TOP / "include", TOP / "src", TOP / "tests"):
            candidate = (folder / name).resolve()
            if candidate.is_file():
                included(candidate, seen)
                break


def state_of(path, command, settings):
    files = set()
    included(path, files)
    digest = hashlib.sha256(settings + command.encode())
    for file in sorted(files):
        digest.update(str(file.relative_to(TOP)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def git_names(*arguments):
    done = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return {TOP / name for name in done.stdout.decode().split("\n") if name}


def in_order(paths):
    dirty = git_names("diff", "--name-only", "HEAD")
    last = git_names("diff", "--name-only", "HEAD~1", "HEAD")

    def rank(path):
        return path not in dirty, path not in last, TOP / "tests" in path.parents, path.stat().st_size, path

    return sorted(paths, key=rank)


def main():
    tree, cache, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    results = Results("format")
    deadline = time.monotonic() + seconds
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TIDY, "--version"], check=True, stdout=subprocess.PIPE).stdout
    settings = version + (TOP / ".clang-tidy").read_bytes()

    # Without precompiled headers: so each file is seen to include what it uses, and nothing has to be built.
    commands = json.loads((Path(tree) / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in commands:
        entry["command"] = PRECOMPILED.sub("", entry["command"])
    database = Path(tree) / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")

    states = {}
    for entry in commands:
        path = (Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_file() and TOP in path.parents and Path(tree).resolve() not in path.parents:
            states[path] = state_of(path, entry["command"], settings)
    todo = in_order(path for path, state in states.items() if not (cache / state).exists())

    def tidy(path):
        if time.monotonic() > deadline:
            return None
        done = subprocess.run([TIDY, "--quiet", "-p", str(database), str(path)], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        name = path.relative_to(TOP)
        if done.returncode == 0:
            (cache / states[path]).touch()
            return True
        text = done.stdout.decode(errors="replace").strip() or done.stderr.decode(errors="replace").strip()
        results.record("fail", f"clang-tidy finds nothing in {name}", text)
        return False

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(tidy, todo))
    left = verdicts.count(None)
    print(f"format: clang-tidy: {len(states)} files, {len(states) - len(todo)} known clean, "
          f"{len(todo) - left} checked, {left} left for the next run", flush=True)
    if not results.counts["fail"]:
        results.record("pass", "clang-tidy finds nothing")
    return 1 if results.counts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
