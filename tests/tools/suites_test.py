#!/usr/bin/env python3
"""tools/test: what it runs side by side, what it prints, how it counts, and that an interrupt ends all of it."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap, wait_for  # noqa: E402

SECONDS = 30
# Ends, badly, where the file does not come.
AWAIT = 'await() { timeout 20 bash -c "until [[ -e $1 ]]; do sleep 0.02; done"; }\n'
RECORD = 'record() { printf "%s\\t%s\\t%s\\t%s\\n" "$1" "$(basename "$0")" "$2" "${3:-}" >>"$SANDBOX_TEST_RESULTS"; }\n'


@contextlib.contextmanager
def checkout(**suites):
    """A copy of tools/test with these suites, shell scripts in the folder where they run."""
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        (top / "tools/suites/lib").mkdir(parents=True)
        shutil.copy(TOP / "tools/test", top / "tools/test")
        shutil.copy(TOP / "tools/suites/lib/suites.py", top / "tools/suites/lib/suites.py")
        for suite, script in suites.items():
            path = top / "tools/suites" / suite
            # Only the guest's is asked to prepare.
            unprepared = "" if "prepare" in script else "[[ ${1:-} != prepare ]] || exit 0\n"
            path.write_text(f"#!/bin/bash\nset -e\n{AWAIT}{RECORD}{unprepared}{script}\n")
            path.chmod(0o755)
        yield top


def start(top, *names, **environment):
    kept = {key: value for key, value in os.environ.items() if key not in ("CI", "SANDBOX_TESTS_MUST_RUN", "SANDBOX_TEST_RESULTS")}
    # Whoever started the tests in the background ignores Ctrl-C, and bash keeps to that.
    return subprocess.Popen([top / "tools/test", *names], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**kept, **environment},
                            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def run(top, *names, **environment):
    process = start(top, *names, **environment)
    output = process.communicate(timeout=SECONDS)[0].decode()
    return process.returncode, output.splitlines()


def read_line(process, text):
    """Reads what it prints up to a line with this text."""
    lines, deadline = b"", time.monotonic() + SECONDS
    while text.encode() not in lines:
        assert select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))[0], lines
        data = os.read(process.stdout.fileno(), 4096)
        assert data, lines
        lines += data
    return lines.decode()


def counts():
    with checkout(unit="record pass a; record pass b; record skip c", vm="record pass a", api="record fail x; exit 1") as top:
        status, lines = run(top)
        assert status == 1 and lines[-1] == "3 passed, 1 failed, 1 skipped", lines
        assert "fail: api: x" in lines and "skip: unit: c" in lines, lines
        status, lines = run(top, "vm", "unit")
        assert status == 0 and lines[-1] == "3 passed, 0 failed, 1 skipped", lines
        status, lines = run(top, "unit", CI="true")
        assert status == 1, "under CI a skip is a failure"


def bad_suites():
    with checkout(unit="exit 3", api="record pass a; exit 4", vm="true") as top:
        status, lines = run(top)
        assert status == 1 and lines[-1] == "1 passed, 3 failed, 0 skipped", lines
        assert "fail: unit: the suite ran no test (status 3)" in lines, lines
        assert "fail: api: the suite ended with status 4, though no test failed" in lines, lines
        assert "fail: vm: the suite ran no test (status 0)" in lines, lines
        status, lines = run(top, "nosuch")
        assert status == 2 and "there is no suite 'nosuch'; there are: unit api vm" in lines[0], lines


def side_by_side():
    # Each waits for the other.
    with checkout(unit="touch unit.began; await vm.began; record pass a", vm="touch vm.began; await unit.began; record pass a") as top:
        status, lines = run(top)
        assert status == 0, lines


def busy_alone():
    alone = "[[ ! -e other ]]; touch other; sleep 0.3; rm other; record pass a"
    with checkout(format=alone, build=alone, unit=alone, sandbox=alone, new=alone) as top:
        status, lines = run(top)
        assert status == 0, lines
        assert [line for line in lines if line.startswith("== ")][:5] == ["== format", "== build", "== unit", "== sandbox", "== new"], lines


def prepares():
    vm = "if [[ ${1:-} == prepare ]]; then echo prepares; touch prepared; else await prepared; record pass b; fi"
    with checkout(build="await prepared; record pass a", vm=vm) as top:
        status, lines = run(top)
        assert status == 0 and lines.index("prepares") > lines.index("== vm"), lines


def not_mixed():
    unit = "for i in 1 2 3; do echo unit $i; touch unit.$i; await vm.$i; done; record pass a"
    vm = "for i in 1 2 3; do await unit.$i; echo vm $i; touch vm.$i; done; record pass a"
    with checkout(unit=unit, vm=vm) as top:
        status, lines = run(top)
        assert status == 0 and lines[:8] == ["== unit", "unit 1", "unit 2", "unit 3", "== vm", "vm 1", "vm 2", "vm 3"], lines


def told_early():
    vm = "echo why; record fail broken; exit 1"
    with checkout(unit="await go; record pass a", vm=vm) as top:
        process = start(top)
        read_line(process, "fail: vm: broken")
        (top / "go").touch()
        rest = process.communicate(timeout=SECONDS)[0].decode()
        assert process.returncode == 1 and "why" in rest, rest


def slowest():
    script = "\n".join(f"record pass 'case {number}' {number}.5" for number in range(12))
    with checkout(unit=f"{script}\nrecord pass untimed") as top:
        status, lines = run(top)
        at = lines.index("== slowest tests")
        assert status == 0 and [line.split(":")[-1].strip() for line in lines[at + 1:-1]] == [f"case {number}" for number in range(11, 1, -1)], lines
        assert "11.5 s" in lines[at + 1] and lines[-1] == "13 passed, 0 failed, 0 skipped", lines


def processes_in(folder):
    """Those that work in this folder: whatever became of their parents."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if os.readlink(path) == str(folder):
                found.append(path.parent.name)
    return found


def interrupted(number, to_group):
    # One that is deaf, one whose parent is gone, one in a session of its own.
    unit = "(trap '' INT TERM; touch deaf; sleep 600) & (setsid sleep 600 &); setsid sleep 601 & touch unit.began; wait"
    vm = "trap 'sleep 0.2; rm vm.began' EXIT; touch vm.began; sleep 600"
    with checkout(unit=unit, vm=vm, api="touch api.began; record pass a") as top:
        process = start(top)
        wait_for(lambda: all((top / name).exists() for name in ("unit.began", "vm.began", "deaf")), "both run")
        (os.killpg if to_group else os.kill)(process.pid, number)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 130, process.returncode
        assert not (top / "vm.began").exists(), "it has cleaned up"
        assert not processes_in(top) and not (top / "api.began").exists(), processes_in(top)


def orphans():
    """A test that waits for the end of a process whose parent is gone."""
    unit = "pid=$( (sleep 0.3 >/dev/null & echo $!) ); timeout 20 tail --pid=$pid -f /dev/null; record pass a"
    with checkout(unit=unit) as top:
        status, lines = run(top)
        assert status == 0, lines


def main():
    tap = Tap()
    tap.test("the last line counts the test cases of all suites", counts)
    tap.test("a suite that ends badly, or runs no test, is a failure", bad_suites)
    tap.test("the guest's suite runs beside those of the host", side_by_side)
    tap.test("all others run by themselves, what is quick to fail first", busy_alone)
    tap.test("the guest's image is made while the tree is built", prepares)
    tap.test("what suites print is not mixed", not_mixed)
    tap.test("a failure in the guest is told while the host's suites still run", told_early)
    tap.test("the ten slowest tests are named before the last line", slowest)
    tap.test("an orphan that a suite leaves is reaped", orphans)
    tap.test("Ctrl-C ends everything", interrupted, signal.SIGINT, True)
    tap.test("SIGTERM to tools/test alone ends everything", interrupted, signal.SIGTERM, False)
    tap.finish()


if __name__ == "__main__":
    main()
