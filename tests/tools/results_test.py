#!/usr/bin/env python3
"""How test cases and their times are read from what a test prints, and counted."""

import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
LIB = TOP / "tools/suites/lib"
sys.path[:0] = [str(TOP / "tests/lib"), str(LIB)]
sys.dont_write_bytecode = True
import results  # noqa: E402
from stack import Tap  # noqa: E402


def recorded(command, **programs):
    """The lines that this command adds to the results, with times as numbers; the programs are scripts beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for program, script in programs.items():
            (folder / program).write_text(f"#!/bin/bash\n{script}\n")
            (folder / program).chmod(0o755)
        file = folder / "results"
        file.touch()
        done = subprocess.run(command, cwd=folder, env={**os.environ, "SANDBOX_TEST_RESULTS": str(file)}, check=False, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = [line.split("\t") for line in file.read_text().splitlines()]
        return done.returncode, [(verdict, case, float(seconds)) for verdict, _, case, seconds in lines], done.stdout.decode()


def tap_lines():
    for line, expected in (("ok 1 - a # 1.50 s", ("pass", "a", 1.5)), ("not ok 2 - b", ("fail", "b", None)), ("ok 3 - c # skip no root", ("skip", "c", None)),
                           ("ok d", ("pass", "d", None)), ("okay", None), ("# ok", None), ("1..3", None)):
        case = results.parse_tap_line(line)
        assert (case and (case.verdict, case.name, case.seconds)) == expected, (line, case)


def junit():
    cases = results.parse_junit('<testsuites><testsuite><testcase name="a" time="0.25"/><testcase name="b" time="1"><failure>why</failure></testcase>'
                                '<testcase name="c" time="0"><system-out>SKIPPED: no root\n</system-out></testcase></testsuite></testsuites>')
    assert [(case.verdict, case.name, case.seconds) for case in cases] == [("pass", "a", 0.25), ("fail", "b", 1), ("skip", "c", 0)], cases
    assert cases[1].detail == "why" and cases[2].detail == "no root"


def programs():
    status, lines, output = recorded([LIB / "programs.py", "x", "tap", "--jobs", "2", "--argument", "given", "./slow", "./bad", "./none"],
                                     slow='sleep 0.5; echo "ok 1 - late"; echo "ok 2 - $1 # 7.00 s"', bad="echo 'not ok 1 - broken'; echo why; exit 1", none="exit 3")
    by_name = {case: (verdict, seconds) for verdict, case, seconds in lines}
    assert status == 1 and len(lines) == 4, lines
    assert by_name["slow: late"][0] == "pass" and 0.5 <= by_name["slow: late"][1] < 7, "the time until its line came"
    assert by_name["slow: given"] == ("pass", 7), "the time that the test says"
    assert by_name["bad: broken"][0] == "fail" and "    why" in output.splitlines(), output
    assert by_name["none: ended with status 3 and reported no test"][0] == "fail", lines


def under():
    status, lines, _ = recorded([LIB / "programs.py", "x", "tap", "--under", "./host", "--argument", "given", "./one"],
                                host='echo "ok host"; exec "$@"', one='echo "ok $1"')
    assert status == 0 and [case for _, case, _ in lines] == ["one: host", "one: given"], lines


def late():
    status, lines, _ = recorded([LIB / "programs.py", "x", "tap", "--timeout", "0.5", "./slow"], slow="echo ok first; sleep 600")
    assert status == 1 and [line[:2] for line in lines] == [("pass", "slow: first"), ("fail", "slow: did not end within 0.5 s")], lines


def stream():
    status, lines, output = recorded(
        ["bash", "-c", f"(sleep 1; echo '# a begins'; echo ok a; echo 'not ok b # 3.00 s') | {LIB}/tap_stream.py x"])
    assert status == 0 and "ok a" in output.splitlines(), output
    assert [line[:2] for line in lines] == [("pass", "a"), ("fail", "b")] and lines[0][2] < 1 and lines[1][2] == 3, lines


def main():
    tap = Tap()
    tap.test("a line of TAP is a test case, with its time where it says one", tap_lines)
    tap.test("a JUnit report has the time of each test case", junit)
    tap.test("programs that print TAP are counted and timed as their lines come", programs)
    tap.test("each is run by the command that is given", under)
    tap.test("a program that does not end in time is a failure, what it has reported counts", late)
    tap.test("the guest's boot is the time of no test", stream)
    tap.finish()


if __name__ == "__main__":
    main()
