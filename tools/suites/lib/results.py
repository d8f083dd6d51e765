"""Where a suite's Python half writes test cases, and how it reads them from what a test printed."""

import os
import re
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Optional

TAP_LINE = re.compile(r"^(not )?ok\b(?: +\d+)?(?: +-)? *(.*?)(?: +# +([\d.]+) s)?$")
SKIP = re.compile(r"# *skip\b:? *(.*)", re.IGNORECASE)
# Catch2 2 has no skip: a test that cannot run prints this on a line of its own.
SKIPPED_LINE = re.compile(r"^SKIPPED: *(.*)$", re.MULTILINE)


class Results:
    def __init__(self, suite):
        self.suite = suite
        self.lock = threading.Lock()
        self.counts = {"pass": 0, "fail": 0, "skip": 0}
        self.path = os.environ.get("SANDBOX_TEST_RESULTS", os.devnull)

    def record(self, verdict, name, detail="", seconds=None):
        with self.lock:
            self.counts[verdict] += 1
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(f"{verdict}\t{self.suite}\t{name}\t{'' if seconds is None else f'{seconds:.3f}'}\n")
            if verdict != "pass":
                print(f"{verdict}: {self.suite}: {name}")
                for line in detail.splitlines():
                    print(f"    {line}")
                sys.stdout.flush()


@dataclass
class Case:
    verdict: str  # pass, fail or skip
    name: str
    detail: str = ""  # of a failure, or why it was skipped
    seconds: Optional[float] = None


def parse_tap_line(line):
    """None where the line is no test case."""
    match = TAP_LINE.match(line.rstrip())
    if not match:
        return None
    failed, name, seconds = match.groups()
    case = Case("fail" if failed else "pass", name, "", float(seconds) if seconds else None)
    skip = SKIP.search(name)
    if skip and not failed:
        case.verdict, case.name, case.detail = "skip", name[:skip.start()].strip(), skip.group(1)
    return case


class Tap:
    """The test cases of TAP that is read as it comes: a case that does not say its time took what went by since the one before."""

    def __init__(self):
        self.cases, self.last = [], time.monotonic()

    def line(self, text):
        """The test case, where the line is one; the lines after a failure are its detail."""
        case, now = parse_tap_line(text), time.monotonic()
        if case:
            case.seconds = now - self.last if case.seconds is None else case.seconds
            self.last = now
            self.cases.append(case)
        elif self.cases and self.cases[-1].verdict == "fail":
            self.cases[-1].detail += text + "\n"
        return case


def parse_junit(text):
    cases = []
    for element in ElementTree.fromstring(text).iter("testcase"):
        case = Case("pass", element.get("name", ""), "", float(element.get("time") or 0))
        problems = [*element.findall("failure"), *element.findall("error")]
        output = "".join(part.text or "" for tag in ("system-out", "system-err") for part in element.findall(tag))
        skipped = SKIPPED_LINE.search(output)
        if problems:
            case.verdict, case.detail = "fail", "".join(problem.text or "" for problem in problems) + output
        elif skipped:
            case.verdict, case.detail = "skip", skipped.group(1)
        cases.append(case)
    return cases
