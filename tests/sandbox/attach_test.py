#!/usr/bin/env python3
"""sandboxctl attach, at a terminal and by a pipe, against the whole stack."""

import fcntl
import os
import pathlib
import select
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


class Screen:
    """What a program writes to its terminal, as it comes."""

    def __init__(self, terminal):
        self.terminal, self.text, self.seen = terminal, "", 0

    def wait_for(self, what, timeout=20):
        deadline = time.monotonic() + timeout
        while what not in self.text[self.seen:]:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.terminal], [], [], left)[0], f"no {what!r} in {self.text[self.seen:]!r}"
            self.text += os.read(self.terminal, 4096).decode(errors="replace")
        self.seen = self.text.index(what, self.seen) + len(what)


class Attach:
    def __init__(self, site):
        self.site = site
        site.write_policy("test")

    def start(self, *arguments, **more):
        return subprocess.Popen([str(self.site.find("bin/sandboxctl")), "--host", f"unix://{self.site.api_socket}", *arguments], **more)

    def at_a_terminal(self, session):
        """The terminal is its controlling one, so that Ctrl-C is a signal where it is no key."""
        primary, secondary = os.openpty()
        attached = self.start("attach", session[:9], stdin=secondary, stdout=secondary, stderr=secondary, start_new_session=True,
                              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(secondary)
        screen, prompt = Screen(primary), f"{session[:8]}> "
        screen.wait_for(prompt)
        return attached, primary, screen, prompt

    def lines(self):
        session = self.site.create()["id"]
        attached, primary, screen, prompt = self.at_a_terminal(session)
        os.write(primary, b"versoin" + b"\x1b[D" * 2 + b"\x08" + b"\x1b[D" + b"i" + b"\x05\r")  # edited with arrows and Ctrl-E
        screen.wait_for("Unknown command")
        os.write(primary, b"version\r")  # before the prompt is there
        screen.wait_for("UCSF ChimeraX version")
        screen.wait_for(prompt)
        os.write(primary, b"half a li")
        screen.wait_for("half a li")
        self.site.sandboxctl("freeze", session)
        screen.wait_for("ready \u2192 frozen")
        screen.wait_for("half a li")  # the line is there again
        os.write(primary, b"\x15" + b"\x1b[A\r")  # Ctrl-U, the last command again
        screen.wait_for("UCSF ChimeraX version")
        screen.wait_for(prompt)
        os.write(primary, b"\x04")
        assert attached.wait(20) == 0, screen.text
        os.close(primary)
        self.site.sandboxctl("kill", session)

    def exit_asks(self):
        session = self.site.create()["id"]
        attached, primary, screen, prompt = self.at_a_terminal(session)
        for keys in (b"exit\r", b"version; quit\r", b"remote rest stop\r"):
            os.write(primary, keys)
            screen.wait_for("would end ChimeraX and this session, with its models; Ctrl-D leaves it running")
            screen.wait_for("End it? [y/N] ")
            os.write(primary, b"\r")
            screen.wait_for(prompt)
        os.write(primary, b"version\r")
        screen.wait_for("UCSF ChimeraX version")
        screen.wait_for(prompt)
        os.write(primary, b"exit\r")
        screen.wait_for("End it? [y/N] ")
        os.write(primary, b"y\r")
        assert attached.wait(30) == 3, screen.text
        assert self.site.wait_ended(session)["end"]["reason"] == "exited"
        os.close(primary)

    def interrupts(self):
        session = self.site.create()["id"]
        attached, primary, screen, prompt = self.at_a_terminal(session)
        os.write(primary, b"no such command\x03")
        screen.wait_for("Ctrl-D leaves")
        screen.wait_for(prompt)
        os.write(primary, b"version\r")
        screen.wait_for("UCSF ChimeraX version")
        screen.wait_for(prompt)
        assert "Unknown command" not in screen.text, "the line was cleared"
        os.write(primary, b"sim sleep 2\r")
        self.busy(session)
        os.write(primary, b"\x03")
        screen.wait_for("the command goes on in the session; Ctrl-C again leaves")
        screen.wait_for(prompt)
        os.write(primary, b"sim hang\r")
        self.busy(session)
        os.write(primary, b"\x03")
        screen.wait_for("Ctrl-C again leaves")
        os.write(primary, b"\x03")
        screen.wait_for("the command still runs in the session")
        assert attached.wait(20) == 130, screen.text
        assert self.site.get(session)["state"] == "busy"
        os.close(primary)
        self.site.sandboxctl("kill", session)

    def busy(self, session):
        harness.wait_for(lambda: self.site.get(session)["state"] == "busy", "the command runs")

    def piped(self):
        session = self.site.create()["id"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        piped = self.start("attach", session, **pipes)
        out, err = piped.communicate("version\nfoo\nversion\n", timeout=30)
        assert out.count("UCSF ChimeraX version") == 2 and "Unknown command: foo" in err and piped.returncode == 1, (out, err)
        waits = self.start("attach", session, **pipes)
        waits.stdin.write("version\n")
        waits.stdin.flush()
        assert "UCSF" in waits.stdout.readline()
        self.site.sandboxctl("kill", session)
        assert waits.wait(20) == 3 and "ended" in waits.stderr.read(), "the session's end is the end"
        session = self.site.create()["id"]
        ends = self.start("attach", session, **pipes)
        ends.communicate("exit\nversion\n", timeout=60)
        assert ends.returncode != 0 and self.site.wait_ended(session)["end"]["reason"] == "exited", "as it was given"


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        attach = Attach(site)
        site.start()
        for name, function in (
                ("attach edits lines, shows what others do, and ends with Ctrl-D", attach.lines),
                ("what would end ChimeraX is asked about", attach.exit_asks),
                ("Ctrl-C clears the line, and leaves a command that runs only the second time", attach.interrupts),
                ("attach takes commands from a pipe", attach.piped)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
