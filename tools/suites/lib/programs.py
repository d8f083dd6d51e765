#!/usr/bin/env python3
"""Runs test programs, and counts each test case in them.

  programs.py SUITE meson BUILD      the tests of this suite in a Meson build tree
  programs.py SUITE tap PROGRAM...   programs that print TAP; --argument ARG is given to each, --under COMMAND runs it

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
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from results import Case, Results, Tap, parse_junit  # noqa: E402

# Other work may share the machine's cores.
PATIENCE = 2

# Set by an interrupt.
stopping = threading.Event()


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


def run_program(command, env, cwd, timeout, each_line=lambda line: None):
    """(exit status or None where time ran out, output). Its process group ends with it. The
    output goes to a file that is followed, as a process that the test left would hold a pipe open."""
    deadline = time.monotonic() + timeout
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env={**os.environ, **env}, cwd=cwd, start_new_session=True)
        seen, pending, running = bytearray(), b"", True
        try:
            while running:
                try:
                    process.wait(timeout=0.05)
                    running = False
                except subprocess.TimeoutExpired:
                    running = time.monotonic() < deadline and not stopping.is_set()
                data = os.pread(output.fileno(), 1 << 30, len(seen))
                seen += data
                *lines, pending = (pending + data).split(b"\n")
                for line in [*lines, *([pending] if pending and not running else [])]:
                    each_line(line.decode(errors="replace"))
        finally:
            status = process.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return status, seen.decode(errors="replace")


def run_test(results, name, command, env=None, cwd=None, timeout=300.0, protocol="exitcode"):
    if stopping.is_set():
        return
    start, tap = time.monotonic(), Tap()
    catch = protocol == "exitcode" and is_catch(command[0])
    with tempfile.TemporaryDirectory(prefix="sandbox-test-") as scratch:
        report = os.path.join(scratch, "report.xml")
        arguments = ["-r", "junit", "-o", report] if catch else []
        status, output = run_program([*command, *arguments], env or {}, cwd, timeout, tap.line)
        took = time.monotonic() - start
        try:
            if catch:
                with open(report, encoding="utf-8", errors="replace") as file:
                    cases = parse_junit(file.read())
            elif protocol == "tap":
                cases = tap.cases
            else:
                verdict = {0: "pass", 77: "skip"}.get(status, "fail")
                cases = [Case(verdict, name, output, took)] if status is not None else []
        except (OSError, SyntaxError):  # ElementTree's ParseError is a SyntaxError.
            cases = []
    if stopping.is_set():
        return
    for case in cases:
        results.record(case.verdict, f"{name}: {case.name}" if case.name != name else name,
                       case.detail if case.verdict != "pass" else "", case.seconds)
    failed = any(case.verdict == "fail" for case in cases)
    tail = "\n".join(output.splitlines()[-60:])
    if status is None:
        results.record("fail", f"{name}: did not end within {timeout:g} s", tail, took)
    elif not cases:
        results.record("fail", f"{name}: ended with status {status} and reported no test", tail, took)
    elif status not in (0, 77) and not failed:
        results.record("fail", f"{name}: ended with status {status}, though no test failed", tail, took)
    print(f"{results.suite}: {name}: {len(cases)} tests in {took:.1f} s", flush=True)


def run_all(results, jobs, tests):
    """An interrupt ends what runs, and starts no more."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for done in [pool.submit(run_test, results, *test) for test in tests]:
                done.result()
        except BaseException:
            stopping.set()
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("kind", choices=("meson", "tap"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--argument", action="append", default=[])
    parser.add_argument("--under", help="a command that each program that prints TAP is run by")
    parser.add_argument("--timeout", type=float, default=300, help="of each program that prints TAP")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_intermixed_args()
    results = Results(options.suite)

    tests = []
    if options.kind == "meson":
        for test in meson_tests(options.names[0], options.suite):
            tests.append((test["name"], test["cmd"], test["env"], test["workdir"],
                          max(test["timeout"], 30) * PATIENCE, test["protocol"]))
    else:
        under = [options.under] if options.under else []
        for program in options.names:
            tests.append((os.path.basename(program), [*under, program, *options.argument], {}, None, options.timeout, "tap"))
    # A polite end is one, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Who starts the tests by nohup, or in the background of a script, ignores these; the tests' programs do not.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    try:
        run_all(results, options.jobs, tests)
    except KeyboardInterrupt:
        return 130
    return 1 if results.counts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
