"""The .cpp files of a build tree's compile commands, what each depends on, and the marks that say that one is known
to be clean."""

import hashlib
import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TOP = Path.cwd()
PRECOMPILED = re.compile(r" (-include-pch \S+|-Winvalid-pch)")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


@dataclass
class Source:
    path: Path
    commands: list  # a file may be a part of several programs
    files: set  # itself, and all headers of ours that it includes

    @property
    def name(self):
        return str(self.path.relative_to(TOP))

    def state(self, settings):
        """Of the file, its headers, its commands and these settings: another state is not known to be clean."""
        digest = hashlib.sha256(settings + "\n".join(sorted(self.commands)).encode())
        for file in sorted(self.files):
            digest.update(str(file.relative_to(TOP)).encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()


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


def compile_commands(tree):
    """Without precompiled headers: so each file is seen to include what it uses, and nothing has to be built."""
    commands = json.loads((Path(tree) / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in commands:
        entry["command"] = PRECOMPILED.sub("", entry["command"])
    return commands


def all_sources(tree, commands):
    found = {}
    for entry in commands:
        path = (Path(entry["directory"]) / entry["file"]).resolve()
        if path.suffix != ".cpp" or not path.is_file() or TOP not in path.parents or Path(tree).resolve() in path.parents:
            continue
        if path not in found:
            files = set()
            included(path, files)
            found[path] = Source(path, [], files)
        found[path].commands.append(entry["command"])
    return list(found.values())


class Marks:
    """One empty file for each state that was found to be clean."""

    def __init__(self, folder, kind):
        self.folder, self.kind = Path(folder), kind
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, state):
        return self.folder / f"{self.kind}-{state}"

    def has(self, state):
        return self._path(state).exists()

    def add(self, state):
        self._path(state).touch()


def version_of(program):
    return subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE).stdout


def in_parallel(label, function, items):
    """What the function returns for each, in order; says now and then how many are done."""
    told, done, results = time.monotonic(), 0, []
    seconds = float(os.environ.get("SANDBOX_PROGRESS_SECONDS") or 20)
    start = told
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for result in pool.map(function, items):
            results.append(result)
            done += 1
            if time.monotonic() >= told + seconds:
                told = time.monotonic()
                print(f"{label}: {done} of {len(items)}, {told - start:.0f} s", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    return results
