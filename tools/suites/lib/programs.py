#!/usr/bin/env python3
"""Runs test programs, and counts each test case in them.

  programs.py SUITE meson BUILD      the tests of this suite in a Meson build tree
  programs.py SUITE tap PROGRAM...   programs that print TAP; --argument ARG is given to each

A Catch2 program counts by its JUnit report. A program that ends badly without having named a
failed case, or by the clock, is one failure itself.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from results import Results, parse_junit, parse_tap  # noqa: E402

# Other work may share the machine's cores.
PATIENCE = 2


def meson_tests(tree, suite):
    listed = subprocess.run(["meson", "introspect", "--tests", tree], check=True, stdout=subprocess.PIPE).stdout
    return [test for test in json.loads(listed) if any(s.rpartition(":")[2] == suite for s in test["suite"])]


def is_catch(program):
    """Told by a text of its reporters, as the library is linked into the program."""
    try:
        with open(program, "rb") as file:
            return b"junitreport target" in file.read()
    except OSError:
        return False


def run_program(command, env, cwd, timeout):
    """(exit status or None where time ran out, output). Its process group ends with it. The
    output goes to a file, as a process that the test left would hold a pipe open."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env={**os.environ, **env}, cwd=cwd, start_new_session=True)
        try:
            status = process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            status = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace")


def run_test(results, name, command, env=None, cwd=None, timeout=300.0, protocol="exitcode"):
    start = time.monotonic()
    catch = protocol == "exitcode" and is_catch(command[0])
    with tempfile.TemporaryDirectory(prefix="sandbox-test-") as scratch:
        report = os.path.join(scratch, "report.xml")
        arguments = ["-r", "junit", "-o", report] if catch else []
        status, output = run_program([*command, *arguments], env or {}, cwd, timeout)
        try:
            if catch:
                with open(report, encoding="utf-8", errors="replace") as file:
                    cases = parse_junit(file.read())
            elif protocol == "tap":
                cases = parse_tap(output)
            else:
                cases = [({0: "pass", 77: "skip"}.get(status, "fail"), name, output)] if status is not None else []
        except (OSError, SyntaxError):  # ElementTree's ParseError is a SyntaxError.
            cases = []
    for verdict, case, detail in cases:
        results.record(verdict, f"{name}: {case}" if case != name else name, detail if verdict != "pass" else "")
    failed = any(verdict == "fail" for verdict, _, _ in cases)
    tail = "\n".join(output.splitlines()[-60:])
    if status is None:
        results.record("fail", f"{name}: did not end within {timeout:g} s", tail)
    elif not cases:
        results.record("fail", f"{name}: ended with status {status} and reported no test", tail)
    elif status not in (0, 77) and not failed:
        results.record("fail", f"{name}: ended with status {status}, though no test failed", tail)
    print(f"{results.suite}: {name}: {len(cases)} tests in {time.monotonic() - start:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("kind", choices=("meson", "tap"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--argument", action="append", default=[])
    parser.add_argument("--timeout", type=float, default=300, help="of each program that prints TAP")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_intermixed_args()
    results = Results(options.suite)

    jobs = []
    if options.kind == "meson":
        for test in meson_tests(options.names[0], options.suite):
            jobs.append((test["name"], test["cmd"], test["env"], test["workdir"],
                         max(test["timeout"], 30) * PATIENCE, test["protocol"]))
    else:
        for program in options.names:
            jobs.append((os.path.basename(program), [program, *options.argument], {}, None, options.timeout, "tap"))
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(run_test, results, *job) for job in jobs]:
            done.result()
    return 1 if results.counts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
