#!/usr/bin/env python3
"""`sandboxctl top` and `ls --watch` on a real terminal: they draw, take keys and sizes, and leave the terminal as it was."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class OnTerminal:
    def __init__(self, site, *arguments, columns=100, rows=24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen([str(site.find("bin/sandboxctl")), "--host", f"unix://{site.api_socket}", *arguments], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, preexec_fn=take_terminal)

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text, timeout=15):
        """Reads on until `text` is there, and forgets what came before its end."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"{text} did not come: {self.seen[-2000:]}"
            self.seen += os.read(self.master, 65536)
        at = self.seen.index(text) + len(text)
        found, self.seen = self.seen[:at], self.seen[at:]
        return found

    def press(self, key):
        os.write(self.master, key)

    def ends(self, status):
        self.wait_for(LEAVE)
        assert self.process.wait(10) == status, self.process.returncode
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        os.close(self.master)
        os.close(self.slave)


class Top:
    def __init__(self, site):
        self.site = site
        self.session = site.create()
        self.id = self.session["id"].encode()

    def keys(self):
        top = OnTerminal(self.site, "top", "--interval", "200ms")
        top.wait_for(ENTER)
        top.wait_for(self.id)
        modes = termios.tcgetattr(top.slave)
        assert not modes[3] & (termios.ECHO | termios.ICANON), "keys are taken one by one"
        top.press(b"s")
        top.wait_for(b"by memory")
        frames = [top.wait_for(self.id) for _ in range(3)]  # it goes on by itself
        assert frames
        top.press(b"q")
        top.ends(0)

    def size(self):
        top = OnTerminal(self.site, "top", "--interval", "1h", columns=80)
        drawn = top.wait_for(self.id)
        assert b"TENANT" not in drawn, drawn
        top.resize(160, 24)
        os.kill(top.process.pid, signal.SIGWINCH)
        top.wait_for(b"TENANT")
        top.press(b"\x03")  # ^C
        top.ends(128 + signal.SIGINT)

    def terminated(self):
        top = OnTerminal(self.site, "top")
        top.wait_for(self.id)
        top.process.terminate()
        top.ends(128 + signal.SIGTERM)

    def watch(self):
        ls = OnTerminal(self.site, "ls", "--watch", "--interval", "200ms")
        ls.wait_for(self.id)
        other = self.site.create(tenant="globex")
        ls.wait_for(other["id"].encode())
        ls.press(b"q")
        ls.ends(0)
        self.site.delete(other["id"])

    def piped(self):
        text = self.site.sandboxctl("top").stdout
        assert "\x1b" not in text and len(text.splitlines()) == 3 and self.id.decode() in text, text
        assert re.search(r"\d+%", text) and "MEMORY" in text, text
        assert self.site.sandboxctl("top", "--no-headers", self.id.decode()[:8]).stdout.startswith(self.id.decode())
        rows = json.loads(self.site.sandboxctl("-o", "json", "top", "--once").stdout)["sessions"]
        assert [row["session"]["id"].encode() for row in rows] == [self.id] and rows[0]["stats"]["id"] == self.session["id"], rows
        assert self.site.sandboxctl("ls", "--watch", check=False).returncode == 2
        assert self.site.sandboxctl("top", "--sort", "colour", check=False).returncode == 2
        assert self.site.sandboxctl("top", "--interval", "1ms", check=False).returncode == 2


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        top = Top(site)
        tap.test("top draws again and again, sorts by a key, and leaves the terminal as it was", top.keys)
        tap.test("top follows the size of its terminal, and ^C leaves it as it was", top.size)
        tap.test("a signal leaves the terminal as it was", top.terminated)
        tap.test("ls --watch shows a session that is made meanwhile", top.watch)
        tap.test("into a pipe top prints one table and ends", top.piped)
        site.delete(top.session["id"])
        site.assert_no_residue()
    tap.finish()


if __name__ == "__main__":
    main()
