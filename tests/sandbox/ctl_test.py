#!/usr/bin/env python3
"""sandboxctl's verbs against the whole stack."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

CEILINGS = '\n[override]\nmemory_max = "6G"\npids_max = 512\ncpus = 2.0\n'


class Ctl:
    def __init__(self, site):
        self.site = site
        site.write_policy("test", CEILINGS)
        self.folder = site.folder / "local"
        self.folder.mkdir()

    def start(self, *arguments, **more):
        return subprocess.Popen([str(self.site.find("bin/sandboxctl")), "--host", f"unix://{self.site.api_socket}", *arguments],
                                stdin=more.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def events(self):
        session = self.site.create(tenant="globex")["id"]
        follower = self.start("events", "-f", session[:8])
        assert "ready" in follower.stdout.readline()
        known = self.site.sandboxctl("events", session).stdout.splitlines()
        assert [line.split("  ")[3] for line in known] == ["queued", "queued → starting", "starting → ready"], known
        self.site.sandboxctl("freeze", session)
        assert "ready → frozen" in follower.stdout.readline()
        self.site.sandboxctl("kill", session)
        rest, _ = follower.communicate(timeout=30)
        assert "ended  deleted" in rest and follower.returncode == 0, rest
        last = json.loads(self.site.sandboxctl("-o", "json", "events", session).stdout.splitlines()[-1])
        assert last["state"] == "ended" and last["session"] == session, last
        assert self.site.sandboxctl("events", session, "--after", last["id"]).stdout == ""

    def over_a_handover(self):
        session = self.site.create()["id"]
        follower = self.start("events", "-f", session)
        assert "ready" in follower.stdout.readline()
        self.site.sandboxctl("admin", "handover")
        self.site.sandboxctl("wait", session)  # the next manager looks at it first
        self.site.sandboxctl("freeze", session)
        lines = []
        while not lines or "frozen" not in lines[-1]:
            lines.append(follower.stdout.readline())
            assert lines[-1], lines
        self.site.sandboxctl("kill", session)
        assert "ended  deleted" in follower.communicate(timeout=30)[0] and follower.returncode == 0

    def audit(self):
        session = self.site.create(tenant="globex")["id"]
        self.site.sandboxctl("exec", session, "version")
        self.site.sandboxctl("kill", session)
        entries = json.loads(self.site.sandboxctl("-o", "json", "audit", "--session", session, "--since", "1h").stdout)["entries"]
        actions = [entry["action"] for entry in entries]
        assert "session.create" in actions and "command" in actions and "session.delete" in actions, actions
        table = self.site.sandboxctl("audit", "-t", "globex", "-n", "2")
        assert table.stdout.startswith("AT ") and len(table.stdout.splitlines()) == 3 and "--limit" in table.stderr, table
        assert self.site.sandboxctl("audit", "--session", session, "--until", "1h").stdout.count("\n") == 1

    def copies(self):
        session = self.site.create()["id"]
        big = os.urandom(3_000_000)
        (self.folder / "tree/deep").mkdir(parents=True)
        (self.folder / "tree/deep/big").write_bytes(big)
        (self.folder / "tree/a b").write_text("text")
        self.site.sandboxctl("cp", "-r", str(self.folder / "tree"), f"{session[:10]}:/work/tree")
        assert "a b" in self.site.value(session, "sim ls /work/tree")["names"]
        self.site.sandboxctl("cp", "-r", f"{session}:tree", str(self.folder / "back"))
        assert (self.folder / "back/deep/big").read_bytes() == big and (self.folder / "back/a b").read_text() == "text"
        assert self.site.sandboxctl("cp", f"{session}:tree/a b", "-").stdout == "text"
        missing = self.site.sandboxctl("cp", f"{session}:none", str(self.folder), check=False)
        assert missing.returncode == 3 and missing.stderr, missing
        self.site.sandboxctl("render", session, str(self.folder / "picture.png"), "--width", "64", "--height", "48")
        assert (self.folder / "picture.png").read_bytes()[16:24] == (64).to_bytes(4, "big") + (48).to_bytes(4, "big")
        self.site.sandboxctl("kill", session)

    def steers(self):
        session = self.site.create(labels={"a": "1"})
        ctl = self.site.sandboxctl
        ctl("update", session["id"], "-l", "b=2", "-n", "renamed", "--idle", "2h")
        after = self.site.get(session["id"])
        assert after["labels"] == {"a": "1", "b": "2"} and after["name"] == "renamed", after
        assert ctl("ls", "-q", "-l", "b=2").stdout.split() == [session["id"]]
        assert ctl("ls", "-q", "-l", "b=3").stdout == "" and ctl("ls", "-q", "-s", "frozen").stdout == ""
        refused = ctl("update", session["id"], "--pids", "513", check=False)
        assert refused.returncode == 4 and "at most 512" in refused.stderr, refused
        assert ctl("restart", "--wait", session["id"]).stdout.strip() == session["id"]
        assert self.site.get(session["id"])["pid"] != session["pid"]
        follower = self.start("logs", "-f", session["id"])
        assert follower.stdout.readline(), "what is there already"
        ctl("exec", session["id"], "sim print a-line-of-the-log")
        ctl("kill", session["id"])
        assert "a-line-of-the-log" in follower.communicate(timeout=30)[0]

    def attach_at_a_terminal(self):
        session = self.site.create()["id"]
        primary, secondary = os.openpty()
        attached = subprocess.Popen([str(self.site.find("bin/sandboxctl")), "--host", f"unix://{self.site.api_socket}", "attach", session[:9]],
                                    stdin=secondary, stdout=secondary, stderr=secondary, start_new_session=True,
                                    env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(secondary)
        screen = Screen(primary)
        prompt = f"{session[:8]}> "
        screen.wait_for(prompt)
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

    def attach_by_a_pipe(self):
        session = self.site.create()["id"]
        piped = self.start("attach", session, stdin=subprocess.PIPE)
        out, err = piped.communicate("version\nfoo\nversion\n", timeout=30)
        assert out.count("UCSF ChimeraX version") == 2 and "Unknown command: foo" in err and piped.returncode == 1, (out, err)
        waits = self.start("attach", session, stdin=subprocess.PIPE)
        waits.stdin.write("version\n")
        waits.stdin.flush()
        assert "UCSF" in waits.stdout.readline()
        self.site.sandboxctl("kill", session)
        assert waits.wait(20) == 3 and "ended" in waits.stderr.read(), "the session's end is the end"

    def jobs(self):
        (self.folder / "ok.cxc").write_text("open 'in.pdb'\nsave /work/out.png\nexit\nfoo\n")
        (self.folder / "bad.cxc").write_text("version\nfoo\nversion\n")
        (self.folder / "long.cxc").write_text("version\nsim hang\n")
        (self.folder / "in.pdb").write_text("ATOM      1  CA  GLY A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n")
        done = self.start("run", "-t", "acme", "-p", "test", "--in", "in.pdb", "--out", "out.png", "--", "ok.cxc", cwd=self.folder)
        out, err = done.communicate(timeout=60)
        assert done.returncode == 0 and (self.folder / "out.png").read_bytes()[:4] == b"\x89PNG", (out, err)
        failed = self.start("run", "-t", "acme", "-p", "test", "bad.cxc", cwd=self.folder)
        out, err = failed.communicate(timeout=60)
        assert failed.returncode == 1 and out.count("UCSF ChimeraX version") == 1 and "command 2 of 3" in err, (out, err)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            stopped = self.start("run", "-t", "acme", "-p", "test", "long.cxc", cwd=self.folder)
            assert stopped.stdout.readline(), "it runs"
            harness.wait_for(lambda: self.site.sandboxctl("ls", "-q", "-s", "busy").stdout, "its command hangs")
            stopped.send_signal(number)
            assert stopped.wait(30) == status, stopped.stderr.read()
        assert self.site.sandboxctl("ls", "-q").stdout == "", "every job's session has ended"

    def picture(self):
        """The doctor's own session draws, and is gone; what draws none is a finding, with its cure."""
        def checked(*more):
            done = self.site.sandboxctl("-o", "json", "doctor", "--config", self.site.folder / "sandboxd.toml", "--picture", *more, check=False)
            return [check for check in json.loads(done.stdout)["checks"] if check["name"] == "picture"]
        assert [check["verdict"] for check in checked("-p", "test")] == ["ok"]
        ended = self.site.api("GET", "/v1/sessions?state=ended").json["sessions"]
        assert "doctor" in [session["name"] for session in ended], ended
        blind, = checked("-t", "globex", "-p", "nosuch")
        assert blind["verdict"] == "failed" and blind["cure"], blind
        assert self.site.sandboxctl("ls", "-q").stdout == "", "nothing is left of it"


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


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        ctl = Ctl(site)
        site.start()
        for name, function in (
                ("events are listed, and followed to the end of their session", ctl.events),
                ("events are followed over a handover of the manager", ctl.over_a_handover),
                ("the audit trail is read by session, tenant and time", ctl.audit),
                ("files, folders and pictures go in and out", ctl.copies),
                ("a session that runs is changed, started again and its log followed", ctl.steers),
                ("attach edits lines, shows what others do, and ends with Ctrl-D", ctl.attach_at_a_terminal),
                ("attach takes commands from a pipe", ctl.attach_by_a_pipe),
                ("a job ends with its session, also when it fails or is stopped", ctl.jobs),
                ("the doctor has a picture drawn", ctl.picture)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
