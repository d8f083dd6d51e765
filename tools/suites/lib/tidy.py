#!/usr/bin/env python3
"""Runs clang-tidy over the .cpp files that a change reaches, within a time.

usage: tidy.py BUILD CACHE

A change reaches the files that it touches, and those that include a header that it touches. SANDBOX_TIDY says since
when: a commit, or `all` for every file. Without it: since the last commit that is a day older than the one that is
checked out, that is, all of the last day's work, which is the same in every clone; a clone with no such commit is
looked at in whole.

A file that was clean is not looked at again until it, a header of ours that it includes, the settings or its compile
command change. Files that differ from the last commit come first, then the last commit's, then those that changed
themselves; the programs' before the tests', the small ones first. What SANDBOX_TIDY_SECONDS do not suffice for is
said, and is left for the next run.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import clang  # noqa: E402
from results import Results  # noqa: E402
from sources import TOP, Marks, all_sources, compile_commands, in_parallel, version_of  # noqa: E402

TIDY = "clang-tidy-14"
DAY = 86400


def git(*arguments):
    done = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode().split("\n")[:-1]


def paths(names):
    return {TOP / name for name in names}


def base_commit():
    """None: all files."""
    wanted = os.environ.get("SANDBOX_TIDY", "")
    if wanted == "all":
        return None
    if wanted:
        found = git("rev-parse", "--verify", f"{wanted}^{{commit}}")
        if not found:
            sys.exit(f"tidy: SANDBOX_TIDY={wanted} is neither `all` nor a commit that git knows")
        return found[0]
    head = git("log", "-1", "--format=%ct")
    return next(iter(git("rev-list", "-1", "--first-parent", f"--before={int(head[0]) - DAY}", "HEAD")), None) if head else None


def reached(sources, base):
    """(the sources that the change since base reaches, the files that it touches)"""
    if base is None:
        return sources, set()
    touched = paths(git("diff", "--name-only", base) + git("ls-files", "--others", "--exclude-standard"))
    if TOP / ".clang-tidy" in touched:
        return sources, touched
    return [source for source in sources if source.files & touched], touched


def in_order(sources, touched):
    dirty = paths(git("diff", "--name-only", "HEAD"))
    last = paths(git("diff", "--name-only", "HEAD~1", "HEAD"))

    def rank(source):
        path = source.path
        return path not in dirty, path not in last, path not in touched, TOP / "tests" in path.parents, path.stat().st_size, path

    return sorted(sources, key=rank)


def write_database(tree, commands):
    database = Path(tree) / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    return database


def main():
    tree, cache = sys.argv[1:]
    results, known = Results("format"), Marks(cache, "tidy")
    deadline = time.monotonic() + float(os.environ.get("SANDBOX_TIDY_SECONDS") or 300)
    settings = version_of(TIDY) + (TOP / ".clang-tidy").read_bytes()
    compiles, compiler = clang.marks(cache), version_of(clang.CLANG)

    commands = compile_commands(tree)
    database = write_database(tree, commands)
    sources = all_sources(tree, commands)
    base = base_commit()
    chosen, touched = reached(sources, base)
    todo = in_order([source for source in chosen if not known.has(source.state(settings))], touched)

    def tidy(source):
        if time.monotonic() > deadline:
            return None
        done = subprocess.run([TIDY, "--quiet", "-p", str(database), str(source.path)], stdin=subprocess.DEVNULL,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode == 0:
            known.add(source.state(settings))
            compiles.add(source.state(compiler))  # Clang's own warnings are errors here, too.
            return True
        text = done.stdout.decode(errors="replace").strip() or done.stderr.decode(errors="replace").strip()
        results.record("fail", f"clang-tidy finds nothing in {source.name}", text)
        return False

    verdicts = in_parallel("format: clang-tidy", tidy, todo)
    left = verdicts.count(None)
    since = f"reached by what changed since {base[:12]}" if base else "in all"
    print(f"format: clang-tidy: {len(chosen)} files of {len(sources)} {since}, {len(chosen) - len(todo)} known clean, "
          f"{len(todo) - left} checked, {left} left for the next run", flush=True)
    if results.counts["fail"]:
        return 1
    results.record("pass", "clang-tidy finds nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
