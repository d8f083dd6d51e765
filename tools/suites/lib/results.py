"""Where a suite's Python half writes test cases, and how it reads them from what a test printed."""

import os
import re
import sys
import threading
import xml.etree.ElementTree as ElementTree

TAP_LINE = re.compile(r"^(not )?ok\b(?: +\d+)?(?: +-)? *(.*?)(?: +# +[\d.]+ s)?$")
SKIP = re.compile(r"# *skip\b:? *(.*)", re.IGNORECASE)
# Catch2 2 has no skip: a test that cannot run prints this on a line of its own.
SKIPPED_LINE = re.compile(r"^SKIPPED: *(.*)$", re.MULTILINE)


class Results:
    def __init__(self, suite):
        self.suite = suite
        self.lock = threading.Lock()
        self.counts = {"pass": 0, "fail": 0, "skip": 0}
        self.path = os.environ.get("SANDBOX_TEST_RESULTS", os.devnull)

    def record(self, verdict, name, detail=""):
        with self.lock:
            self.counts[verdict] += 1
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(f"{verdict}\t{self.suite}\t{name}\n")
            if verdict != "pass":
                print(f"{verdict}: {self.suite}: {name}")
                for line in detail.splitlines():
                    print(f"    {line}")
                sys.stdout.flush()


def parse_tap_line(line):
    """(verdict, name, reason of a skip), or None where the line is no test case."""
    match = TAP_LINE.match(line.rstrip())
    if not match:
        return None
    failed, name = match.groups()
    skip = SKIP.search(name)
    if skip and not failed:
        return "skip", name[:skip.start()].strip(), skip.group(1)
    return ("fail" if failed else "pass"), name, ""


def parse_tap(text):
    """(verdict, name, detail) of each test case; the lines after a failure are its detail."""
    cases = []
    for line in text.splitlines():
        case = parse_tap_line(line)
        if case:
            cases.append(list(case))
        elif cases and cases[-1][0] == "fail":
            cases[-1][2] += line + "\n"
    return [tuple(case) for case in cases]


def parse_junit(text):
    cases = []
    for element in ElementTree.fromstring(text).iter("testcase"):
        name = element.get("name", "")
        problems = [*element.findall("failure"), *element.findall("error")]
        output = "".join(part.text or "" for tag in ("system-out", "system-err") for part in element.findall(tag))
        skipped = SKIPPED_LINE.search(output)
        if problems:
            cases.append(("fail", name, "".join(problem.text or "" for problem in problems) + output))
        elif skipped:
            cases.append(("skip", name, skipped.group(1)))
        else:
            cases.append(("pass", name, ""))
    return cases
