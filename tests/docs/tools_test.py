#!/usr/bin/env python3
"""What tools/bench and tools/demo say of arguments and programs that are wrong or missing. That they work is shown with the pages' commands."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from stack import Tap  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
WRONG = {
    "": "bench: say which benchmark",
    "lunch": "bench: there is no benchmark 'lunch'",
    "launch --round 3": "bench: launch has no option '--round'",
    "launch --rounds": "bench: --rounds takes a whole number, not ''",
    "launch --rounds 0": "bench: --rounds takes a whole number, not '0'",
    "launch --only ours,podman": "bench: --only takes ours, bwrap, crun and clone3, not 'podman'",
    "sample --seconds soon": "bench: --seconds takes a whole number, not 'soon'",
    "sample --true-groups": "bench: sample has no option '--true-groups'",
}


def arguments():
    for words, message in WRONG.items():
        done = subprocess.run([TOP / "tools/bench", *words.split()], capture_output=True, text=True, timeout=60)
        first, *usage = done.stderr.splitlines()
        assert (done.returncode, done.stdout, first) == (2, "", message), (words, done)
        assert usage[0].startswith("usage: tools/bench launch"), done.stderr


def programs():
    done = subprocess.run([sys.executable, TOP / "tests/bench/launch.py", "-", "-", "-"], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("bench: bwrap and crun cannot be found. tools/setup test installs"), done
    assert "Traceback" not in done.stderr, done.stderr


def demo():
    done = subprocess.run(["/bin/bash", TOP / "tools/demo", "--inside", "-", "-"], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.endswith("demo: curl is missing; tools/setup demo installs it\n"), done
    done = subprocess.run([TOP / "tools/demo", "--kep"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr == "usage: tools/demo [--keep]\n", done


def main():
    tap = Tap()
    tap.test("a wrong argument is told, with the usage, before anything is set up", arguments)
    tap.test("a program that is missing is named, with what installs it", programs)
    tap.test("the tour names the program that it lacks, before it starts", demo)
    tap.finish()


if __name__ == "__main__":
    main()
