#!/usr/bin/env python3
"""A command that takes long says how far it is, on a terminal and elsewhere."""

import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap  # noqa: E402

PROGRESS = TOP / "tools/suites/lib/progress.py"
SECONDS = 30


def read_until(descriptor, text):
    """All that came until this text; fails where it does not come."""
    seen, deadline = b"", time.monotonic() + SECONDS
    while text not in seen:
        assert select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0], f"{text} has not come: {seen}"
        data = os.read(descriptor, 4096)
        assert data, f"{text} has not come: {seen}"
        seen += data
    return seen


class Command:
    """A shell script under progress.py that can wait for the test: `read` returns when the test says so."""

    def __init__(self, script, output=subprocess.PIPE, every="0.1"):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name) / "log"
        gate = pathlib.Path(self.folder.name) / "gate"
        os.mkfifo(gate)
        environment = {key: value for key, value in os.environ.items() if key != "SANDBOX_PROGRESS"}
        self.process = subprocess.Popen([PROGRESS, "test", self.log, "bash", "-c", f"exec <>{gate}; {script}"], stdout=output,
                                        env={**environment, "SANDBOX_PROGRESS_SECONDS": every})
        self.gate = os.open(gate, os.O_RDWR)

    def end(self):
        os.write(self.gate, b"\n")
        status = self.process.wait(timeout=SECONDS)
        os.close(self.gate)
        return status

    def rest(self):
        return self.process.stdout.read()


def now_and_then():
    command = Command("echo '[120/480] Compiling x.cpp'; read -r")
    read_until(command.process.stdout.fileno(), b"test: built 120 of 480, ")
    assert command.end() == 0
    assert b"Compiling" not in command.rest()


def silent():
    command = Command("read -r")
    read_until(command.process.stdout.fileno(), b"test: ")
    assert command.end() == 0


def steps():
    command = Command("echo 'I: extracting archives...'; read -r")
    read_until(command.process.stdout.fileno(), b"test: extracting archives, ")
    assert command.end() == 0


def quick():
    command = Command("echo '[1/2] Compiling x.cpp'; echo '[2/2] Linking x'", every="1000")
    assert command.end() == 0 and command.rest() == b""


def terminal():
    ours, theirs = pty.openpty()
    command = Command("echo '[1/2] Compiling x.cpp'; read -r; echo '[2/2] Linking x'", output=theirs)
    read_until(ours, b"\r\x1b[K[1/2] Compiling x.cpp")
    assert command.end() == 0
    assert read_until(ours, b"Linking x\r\x1b[K").endswith(b"\r\x1b[K"), "its line is gone at the end"
    os.close(ours)
    os.close(theirs)


def kept():
    command = Command("echo '[1/2] Compiling x.cpp'; echo 'x.cpp:1: warning: bad'; echo more >&2; echo -n end; exit 3")
    assert command.end() == 3
    assert command.log.read_text() == "x.cpp:1: warning: bad\nmore\nend", command.log.read_text()


def left_behind():
    command = Command("(exec sleep 600) & echo $! >&2; exit 5")
    assert command.end() == 5
    os.kill(int(command.log.read_text()), 9)


def builds():
    """What the suites and tools/demo build with, over a Ninja of the test's."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.mkfifo(folder / "gate")
        ninja = folder / "ninja"
        ninja.write_text(f"#!/bin/bash\necho '[120/480] Compiling x.cpp'\nread -r <{folder}/gate\n"
                         "echo 'FAILED: x.cpp.o'\necho 'ninja: build stopped: subcommand failed.'\nexit 1\n")
        ninja.chmod(0o755)
        script = f". {TOP}/tools/suites/lib/common.sh; if compile {folder}/build; then exit 9; else exit 7; fi"
        environment = {key: value for key, value in os.environ.items() if key != "SANDBOX_PROGRESS"}
        process = subprocess.Popen(["bash", "-c", script, "demo"], stdout=subprocess.PIPE,
                                   env={**environment, "PATH": f"{folder}:{os.environ['PATH']}", "SANDBOX_PROGRESS_SECONDS": "0.1"})
        read_until(process.stdout.fileno(), b"demo: built 120 of 480, ")
        (folder / "gate").write_text("\n")
        rest = process.communicate(timeout=SECONDS)[0].decode()
        assert process.returncode == 7 and rest.splitlines()[-1] == "FAILED: x.cpp.o", rest


def main():
    tap = Tap()
    tap.test("elsewhere than on a terminal, a line now and then says how far it is", now_and_then)
    tap.test("a command that prints nothing is told of as well", silent)
    tap.test("the step of the guest's image is told", steps)
    tap.test("a command that is quick prints nothing", quick)
    tap.test("on a terminal the build's own line stands, written over by the next", terminal)
    tap.test("all else that it prints is in the file, and its status is handed on", kept)
    tap.test("a build says how far it is, and prints what failed", builds)
    tap.test("a process that it leaves behind does not keep it", left_behind)
    tap.finish()


if __name__ == "__main__":
    main()
