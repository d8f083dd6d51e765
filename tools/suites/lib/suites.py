#!/usr/bin/env python3
"""Runs suites, for tools/test: in the order of cost, side by side where that disturbs nobody, and counts their test cases.

What a suite prints is printed at once where it is the first of those that run, and otherwise as soon as those before it
have ended; that a test failed is told at once in any case.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Optional

sys.dont_write_bytecode = True

FOLDER = Path("tools/suites")
# What is quick to fail comes first. A suite that is not named here comes after those of the host.
ORDER = ("tools", "format", "build", "unit", "sandbox", "api", "browser", "churn")
# These use all cores, so they run by themselves.
BUSY = ("tools", "format", "build")
# On a machine of their own: they run beside all others but the busy ones, one after the other. The first prepares
# (the image) while those run.
GUESTS = ("vm", "package")
SLOWEST = 10


def fail(message):
    print(f"test: {message}", file=sys.stderr)
    sys.exit(2)


def all_suites():
    there = sorted(path.name for path in FOLDER.iterdir() if path.is_file())
    known = [name for name in ORDER if name in there]
    others = [name for name in there if name not in known and name not in GUESTS]
    return known + others + [name for name in GUESTS if name in there]


def choose(names):
    known = all_suites()
    for name in names:
        if name not in known:
            fail(f"there is no suite '{name}'; there are: {' '.join(known)}")
    return [name for name in known if name in names] if names else known


class Results:
    """The file to which the suites add a line for each test case."""

    def __init__(self, path):
        self.path, self.told = path, 0

    def lines(self):
        found = [line.rstrip("\n").split("\t") for line in open(self.path, encoding="utf-8", errors="replace") if line.endswith("\n")]
        return [(line + [""] * 4)[:4] for line in found]

    def of(self, suite, verdict=None):
        return [line for line in self.lines() if line[1] == suite and verdict in (None, line[0])]

    def add(self, verdict, suite, name):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{verdict}\t{suite}\t{name}\t\n")

    def new_failures(self):
        lines = self.lines()
        new, self.told = lines[self.told:], len(lines)
        return [line for line in new if line[0] == "fail"]


# The suites' own processes, and those of them that have ended: {pid: (status, usage)}.
started = set()
ended = {}


def collect():
    """Reaps what has ended: also orphans, as a test may wait for the end of one."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            if pid in started:
                started.remove(pid)
                ended[pid] = (status, usage)


@dataclass
class Suite:
    name: str
    output: BinaryIO
    preparation: Optional[subprocess.Popen] = None
    process: Optional[subprocess.Popen] = None
    start: float = 0
    wall: float = 0
    cpu: float = 0
    printed: int = -1  # bytes; its heading is not printed yet

    def run(self, *arguments):
        process = subprocess.Popen([FOLDER / self.name, *arguments], stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)
        started.add(process.pid)
        return process

    def prepare(self):
        self.preparation = self.run("prepare")

    def begin(self):
        self.start = time.monotonic()
        self.process = self.run()

    def reap(self, process):
        """Whether it has ended. Counts the CPU time of all its processes."""
        if process.returncode is None and process.pid in ended:
            status, usage = ended.pop(process.pid)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu += usage.ru_utime + usage.ru_stime
        return process.returncode is not None

    def has_ended(self):
        prepared = self.preparation is None or self.reap(self.preparation)
        if not self.reap(self.process) or not prepared:
            return False
        self.wall = time.monotonic() - self.start
        return True

    def print_new(self):
        if self.printed < 0:
            self.printed = 0
            print(f"== {self.name}", flush=True)
        data = os.pread(self.output.fileno(), 1 << 30, self.printed)
        self.printed += len(data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def judge(suite, results):
    """A suite that ends badly without a failed test case, or runs none, is a failure itself."""
    status = suite.process.returncode
    if not results.of(suite.name):
        results.add("fail", suite.name, f"the suite ran no test (status {status})")
    elif status != 0 and not results.of(suite.name, "fail"):
        results.add("fail", suite.name, f"the suite ended with status {status}, though no test failed")


def run_lanes(lanes, results):
    """Those of a lane one after the other, the lanes side by side; what they print is not mixed."""
    shown = [suite for lane in lanes for suite in lane]
    running = []
    while shown:
        for lane in lanes:
            if lane and lane[0] not in running:
                lane[0].begin()
                running.append(lane[0])
        time.sleep(0.1)
        collect()
        done = [suite for suite in running if suite.has_ended()]
        for suite in done:
            judge(suite, results)
        for _, name, test, _ in results.new_failures():
            if name != shown[0].name:
                print(f"fail: {name}: {test} (more of it when {shown[0].name} has ended)", flush=True)
        for suite in done:
            running.remove(suite)
            next(lane for lane in lanes if lane and lane[0] is suite).pop(0)
        while shown and shown[0].process:
            shown[0].print_new()
            if shown[0].process.returncode is None or shown[0] in running:
                break
            shown.pop(0)


def descendants(pid):
    """Parents first: a shell that is told before its child takes the child's end for no failure while it cleans up."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in path.read_text().split():
                yield int(child)
                yield from descendants(int(child))


def end_all(steps):
    """Whatever the suites started, by these (signal or none, seconds to wait); what they start to clean up gets the next alone."""
    for number, seconds in steps:
        deadline = time.monotonic() + seconds
        left = list(descendants(os.getpid()))
        for pid in left if number else ():
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            collect()
            left = list(descendants(os.getpid()))


def report(suites, results):
    lines = results.lines()
    count = {verdict: sum(line[0] == verdict for line in lines) for verdict in ("pass", "fail", "skip")}
    print("== times")
    for suite in suites:
        print(f"{suite.name:10} {suite.wall:4.0f} s, CPU {suite.cpu:4.0f} s")
    timed = sorted((line for line in lines if line[3]), key=lambda line: -float(line[3]))
    if timed:
        print("== slowest tests")
        for _, suite, name, seconds in timed[:SLOWEST]:
            print(f"{float(seconds):7.1f} s  {suite}: {name}")
    if count["fail"] or count["skip"]:
        print("== failed and skipped")
        for verdict, suite, name, _ in lines:
            if verdict != "pass":
                print(f"{verdict}: {suite}: {name}")
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped", flush=True)
    return 1 if count["fail"] or not lines or (os.environ.get("CI") == "true" and count["skip"]) else 0


def run(names, folder):
    results = Results(folder / "results")
    results.path.touch()
    os.environ["SANDBOX_TEST_RESULTS"] = str(results.path)
    if sys.stdout.isatty():
        os.environ["SANDBOX_PROGRESS"] = "terminal"
    if os.environ.get("CI") == "true":
        # What a machine should be able to run must run: a test may not decide to skip.
        os.environ["SANDBOX_TESTS_MUST_RUN"] = "1"
    suites = [Suite(name, open(folder / f"{name}.log", "a+b")) for name in names]
    guests = [suite for suite in suites if suite.name in GUESTS]
    for suite in guests[:1]:
        suite.prepare()
    for suite in suites:
        if suite.name in BUSY:
            run_lanes([[suite]], results)
    host = [suite for suite in suites if suite.name not in (*BUSY, *GUESTS)]
    run_lanes([host, guests], results)
    return report(suites, results)


def adopt_orphans():
    """prctl(2): what a suite leaves behind becomes a child of this process, so that an interrupt finds it."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


# Ctrl-C has reached them already: they end, and clean up, by themselves.
ENDS = {signal.SIGINT: ((None, 3), (signal.SIGTERM, 5), (signal.SIGKILL, 1)), signal.SIGTERM: ((signal.SIGTERM, 5), (signal.SIGKILL, 1))}


class Interrupted(BaseException):
    pass


def interrupted(number, _):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number))


def main():
    names = choose(sys.argv[1:])
    for number in ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # by a shell that runs this in the background
            signal.signal(number, interrupted)
    adopt_orphans()
    # Those who run as root write there as well.
    with tempfile.TemporaryDirectory(prefix="sandbox-tests-") as folder:
        try:
            return run(names, Path(folder))
        except Interrupted as interrupt:
            print("test: interrupted; ending what runs", file=sys.stderr, flush=True)
            end_all(ENDS[interrupt.args[0]])
            return 130


if __name__ == "__main__":
    sys.exit(main())
