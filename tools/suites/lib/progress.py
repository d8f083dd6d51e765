#!/usr/bin/env python3
"""Runs a command that takes long, and says how far it is; what it prints goes to a file.

usage: progress.py LABEL LOG COMMAND [ARG]...

On a terminal, or where SANDBOX_PROGRESS=terminal, the command's last line of progress stands on one line that is
written over, as Ninja does it. Elsewhere a line says it now and then: "build: built 120 of 480, 95 s". Lines of progress
are Ninja's ("[120/480] Compiling x.cpp") and mmdebstrap's ("I: extracting archives..."); they are not written to LOG.
Ends with the command's status.
"""

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import time

NINJA = re.compile(r"^\[(\d+)/(\d+)\] ")
STEP = re.compile(r"^I: (.*?)(?:\.\.\.)?$")


class Progress:
    def __init__(self, label, seconds, terminal):
        self.label, self.seconds, self.terminal = label, seconds, terminal
        self.start = self.told = time.monotonic()
        self.done, self.text, self.shown = "", "", False

    def line(self, text):
        """Whether it was a line of progress."""
        ninja, step = NINJA.match(text), STEP.match(text)
        if not ninja and not step:
            return False
        self.done = f"built {ninja[1]} of {ninja[2]}" if ninja else step[1]
        self.text = text
        if self.terminal:
            self._say(f"\r\033[K{text[:shutil.get_terminal_size().columns - 1]}")
            self.shown = True
        return True

    def tell(self):
        """Says where it is, where it is time for that: also where nothing was printed for long."""
        now = time.monotonic()
        if not self.terminal and now >= self.told + self.seconds:
            self.told = now
            self._say(f"{self.label}: {self.done + ', ' if self.done else ''}{now - self.start:.0f} s\n")

    def clear(self):
        if self.shown:
            self._say("\r\033[K")

    @staticmethod
    def _say(text):
        sys.stdout.write(text)
        sys.stdout.flush()


def follow(process, progress, log):
    # A process that the command leaves behind may keep the pipe: who is followed is the command.
    pending = b""
    stream = process.stdout.fileno()
    while True:
        ended = process.poll() is not None  # before the look: what it wrote last is read, too
        ready = select.select([stream], [], [], 0 if ended else 0.5)[0]
        data = os.read(stream, 1 << 16) if ready else b""
        pending += data
        *lines, pending = pending.split(b"\n")
        for raw in lines:
            if not progress.line(raw.decode(errors="replace")):
                log.write(raw + b"\n")
        progress.tell()
        if not data and (ready or ended):
            log.write(pending)
            return process.wait()


def main():
    label, log, *command = sys.argv[1:]
    terminal = sys.stdout.isatty() or os.environ.get("SANDBOX_PROGRESS") == "terminal"
    progress = Progress(label, float(os.environ.get("SANDBOX_PROGRESS_SECONDS") or 20), terminal)
    with open(log, "wb") as file, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                   stderr=subprocess.STDOUT) as process:
        try:
            return follow(process, progress, file)
        except KeyboardInterrupt:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            return 130
        finally:
            progress.clear()


if __name__ == "__main__":
    sys.exit(main())
