#!/usr/bin/env python3
"""Counts the test cases of TAP on stdin for a suite, while passing the text on.

usage: tap_stream.py SUITE
"""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from results import Results, Tap  # noqa: E402

# tests/vm/run says it of each program.
BEGINS = re.compile(r"^# \S+ begins$")

results, tap = Results(sys.argv[1]), Tap()
for raw in sys.stdin.buffer:
    line = raw.decode(errors="replace").rstrip("\n")
    print(line, flush=True)
    if BEGINS.match(line):
        tap.last = time.monotonic()  # the boot before is no test's
    case = tap.line(line)
    if case:
        results.record(case.verdict, case.name, seconds=case.seconds)
