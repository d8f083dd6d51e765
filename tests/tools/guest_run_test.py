#!/usr/bin/env python3
"""tests/vm/run, which runs the guest's tests: also over a reset of the guest."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap  # noqa: E402


class Guest:
    """A folder of tests, and the file that outlives a reset."""

    def __init__(self, folder, **tests):
        self.folder = pathlib.Path(folder)
        shutil.copy(TOP / "tests/vm/run", self.folder / "run")
        for name, script in tests.items():
            path = self.folder / (name if name == "reset" else f"{name}.test")
            path.write_text(f"#!/bin/bash\n{script}\n")
            path.chmod(0o755)

    def boot(self, *names):
        """(exit status, the lines of test cases). A test resets the guest by killing what runs it."""
        done = subprocess.run([self.folder / "run", *names], env={**os.environ, "SANDBOX_VM_BEGUN": str(self.folder / "begun")}, check=False,
                              stdout=subprocess.PIPE, timeout=60)
        return done.returncode, [line for line in done.stdout.decode().splitlines() if "ok" in line.split()]


# All at once, as a reset does: run, timeout, which it runs the test by, and the test.
RESET = 'kill -9 "$(ps -o ppid= "$PPID" | tr -d " ")" "$PPID" "$$"'


def in_order(folder):
    guest = Guest(folder, a="echo ok a", b="echo ok b", reset="echo ok reset")
    assert guest.boot() == (0, ["ok a", "ok b", "ok reset"])


def over_a_reset(folder):
    again = f"if [[ -e {folder}/second ]]; then echo ok after; else touch {folder}/second; {RESET}; fi"
    guest = Guest(folder, a="echo ok a", b="echo ok b", reset=again)
    status, lines = guest.boot()
    assert status == -9 and lines == ["ok a", "ok b"], (status, lines)
    assert guest.boot() == (0, ["ok after"])


def not_asked_for(folder):
    guest = Guest(folder, a="echo ok a", b=RESET, c="echo ok c", reset="echo ok reset")
    status, lines = guest.boot()
    assert status == -9 and lines == ["ok a"], (status, lines)
    assert guest.boot() == (1, ["not ok b.test: the guest was reset in the middle of it", "ok c", "ok reset"])


def named(folder):
    guest = Guest(folder, a="echo ok a", b="echo ok b", reset="echo ok reset")
    assert guest.boot("b.test") == (0, ["ok b"])


def main():
    tap = Tap()
    for name, function in (("all tests run, `reset` last", in_order), ("after a reset the tests go on where they were", over_a_reset),
                           ("a reset that no test asked for is a failure", not_asked_for), ("only what is named is run", named)):
        with tempfile.TemporaryDirectory() as folder:
            tap.test(name, function, folder)
    tap.finish()


if __name__ == "__main__":
    main()
