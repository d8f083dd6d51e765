#!/usr/bin/env python3
"""Clang parses every .cpp file of a build tree's compile commands, with all warnings as errors.

usage: clang.py BUILD CACHE

No objects are made: warnings and errors come from the front end. A file that is known to be clean, from here or from
clang-tidy, which reports Clang's diagnostics too, is not parsed again until it, a header of ours that it includes, or
its compile command changes.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from results import Results  # noqa: E402
from sources import Marks, all_sources, compile_commands, in_parallel, version_of  # noqa: E402

CLANG = "clang++-14"
OUTPUTS = re.compile(r" (-MD|-M[QF] \S+|-o \S+|-c(?= ))")


def marks(cache):
    return Marks(cache, "clang")


def parse_only(command):
    words = shlex.split(OUTPUTS.sub("", command))
    compiler = next(index for index, word in enumerate(words) if word.rpartition("/")[2].startswith("clang++"))
    return [CLANG, "-fsyntax-only", *words[compiler + 1:]]  # what stands before it is ccache


def main():
    tree, cache = sys.argv[1:]
    results, known, settings = Results("build"), marks(cache), version_of(CLANG)
    sources = all_sources(tree, compile_commands(tree))
    todo = [source for source in sources if not known.has(source.state(settings))]

    def parse(source):
        for command in source.commands:
            done = subprocess.run(parse_only(command), stdin=subprocess.DEVNULL, check=False, cwd=tree,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            text = done.stdout.decode(errors="replace").strip()
            if done.returncode != 0 or text:
                results.record("fail", f"Clang takes {source.name} without a warning", text)
                return
        known.add(source.state(settings))

    in_parallel("build: Clang", parse, todo)
    print(f"build: Clang: {len(sources)} files, {len(sources) - len(todo)} known clean, {len(todo)} parsed", flush=True)
    if results.counts["fail"]:
        return 1
    results.record("pass", "Clang takes everything without a warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
