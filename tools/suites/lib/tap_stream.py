#!/usr/bin/env python3
"""Counts the test cases of TAP on stdin for a suite, while passing the text on.

usage: tap_stream.py SUITE
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from results import Results, parse_tap_line  # noqa: E402

results = Results(sys.argv[1])
for raw in sys.stdin.buffer:
    line = raw.decode(errors="replace").rstrip("\n")
    print(line, flush=True)
    case = parse_tap_line(line)
    if case:
        results.record(case[0], case[1])
