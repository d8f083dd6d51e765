#!/usr/bin/env python3
"""Where stderr is the journal, the log is in it with fields: `journalctl SESSION=ID` and `TENANT=NAME` find what is about one."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

PLAIN = {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"}


def fields(datagram):
    """[(name, value)] of one message in the journal's native protocol: NAME=value, or NAME and the size of a value of any bytes."""
    found, rest = [], datagram
    while rest:
        head, rest = rest.split(b"\n", 1)
        if b"=" in head:
            name, value = head.split(b"=", 1)
        else:
            size = int.from_bytes(rest[:8], "little")
            name, value, rest = head, rest[8:8 + size], rest[9 + size:]
        found.append((name.decode(), value.decode()))
    return found


class Journal:
    """In the place of systemd-journald, on a /run of the test's own."""

    def __init__(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
        os.makedirs("/run/systemd/journal")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/run/systemd/journal/socket")
        os.chmod("/run/systemd/journal/socket", 0o666)
        self.datagrams = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        """Always: a full queue would hold the programs up."""
        while True:
            self.datagrams.append(self.socket.recv(1 << 20))

    def messages(self):
        found = [fields(datagram) for datagram in self.datagrams]
        assert all(len(given) == len(dict(given)) for given in found), f"a field is there twice: {found}"
        return [dict(given) for given in found]

    def find(self, text):
        """The first message that has this, once it is there."""
        return harness.wait_for(lambda: next((message for message in self.messages() if text in message["MESSAGE"]), None), f"a message with {text!r}")


class Fields:
    def __init__(self, site, journal):
        self.site, self.journal = site, journal
        self.sessions = {}

    def start(self):
        """stderr is a file here, which JOURNAL_STREAM names as systemd names its stream."""
        self.site.log_path.touch()
        status = self.site.log_path.stat()
        self.site.start(environment={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})

    def of_a_session(self):
        session = self.site.create(tenant="acme")["id"]
        self.sessions[session] = "acme"
        for text, program in ((" runs as ", "sandbox-launcher"), ("starting -> ready", "sandboxd")):
            message = self.journal.find(text)
            assert set(message) == {*PLAIN, "SESSION", "TENANT"}, message
            assert (message["SESSION"], message["TENANT"]) == (session, "acme"), message
            assert message["SYSLOG_IDENTIFIER"] == program and message["PRIORITY"] == "6", message

    def of_none(self):
        for text, program in (("listens on ", "sandbox-launcher"), ("connected to the launcher", "sandboxd")):
            message = self.journal.find(text)
            assert set(message) == PLAIN and message["SYSLOG_IDENTIFIER"] == program, message

    def priorities(self):
        (self.site.policies / "broken.toml").write_text("cpus = \n")
        assert self.site.sandboxctl("admin", "reload", check=False).returncode != 0
        message = self.journal.find("broken.toml")
        assert message["PRIORITY"] == "3" and set(message) == PLAIN, message
        (self.site.policies / "broken.toml").unlink()

    def all_of_a_life(self):
        """Whatever is said of a session has it as a field, from its start through crash, restart and rest to its end."""
        self.site.write_policy("test", '[recovery]\nmax_restarts = 1\nautosave_every = "1s"\n')
        self.site.sandboxctl("admin", "reload")
        session = self.site.create(tenant="globex")["id"]
        self.sessions[session] = "globex"
        self.site.run_command(session, "version")
        self.site.api("POST", f"/v1/sessions/{session}/freeze")
        self.site.api("POST", f"/v1/sessions/{session}/thaw")
        os.kill(self.site.get(session)["pid"], 11)
        self.journal.find("ChimeraX was started again as ")
        harness.wait_for(lambda: self.site.get(session)["state"] == "ready", "it serves again")
        for one in self.sessions:
            self.site.api("DELETE", f"/v1/sessions/{one}")
            self.site.wait_ended(one)
        self.journal.find(f"session {session} of globex: ending -> ended")
        named = 0
        for message in self.journal.messages():
            for one, tenant in self.sessions.items():
                if one in message["MESSAGE"]:
                    named += 1
                    assert message.get("SESSION") == one, message
                    assert message.get("TENANT") == tenant, message
            if re.search(r"tenant (acme|globex)\b", message["MESSAGE"]):
                assert message.get("TENANT") in message["MESSAGE"], message
        assert named > 12, f"only {named} were found"

    def forged(self):
        """A manager that is not to be trusted sends what would be more fields, lines, or another session's."""
        line = "x\nSESSION=aaaaaaaaaaaaaaaa\nTENANT=globex\nPRIORITY=0\n"
        before = len(self.journal.messages())
        client = harness.LauncherClient(self.site)
        client.launch(line, 77, tenant=line, digest="0" * 64)
        client.socket.send(line.encode())
        closed = self.journal.find("closed a connection")
        client.close()
        more = self.journal.messages()[before:]
        assert closed in more and set(closed) == PLAIN, closed
        for message in more:
            assert message["SYSLOG_IDENTIFIER"] in ("sandbox-launcher", "sandboxd") and message["PRIORITY"] != "0", message
            assert message.get("SESSION") != "aaaaaaaaaaaaaaaa" and message.get("TENANT") != "globex", message
            assert all("\n" not in value for value in message.values()), message

    def nothing_on_stderr(self):
        assert self.site.stop() == 0
        assert not self.site.log(), self.site.log()

    def failed_start(self):
        """Why a program does not start is an error in the journal, a line a message."""
        with (self.site.folder / "sandboxd.toml").open("a") as settings:
            settings.write("[no_such_table]\n")
        done = self.failing()
        message = self.journal.find("no_such_table")
        assert done != 0 and message["PRIORITY"] == "3" and set(message) == PLAIN, message
        assert all("\n" not in one["MESSAGE"] for one in self.journal.messages()), self.journal.messages()

    def failing(self):
        self.start_only()
        return self.site.launcher.wait(60)

    def start_only(self):
        status = self.site.log_path.stat()
        self.site.start(wait=False, environment={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})


def main():
    harness.private_host()
    tap = harness.Tap()
    journal = Journal()
    with harness.Stack(sys.argv[1]) as site:
        test = Fields(site, journal)
        test.start()
        tap.test("a line about a session has SESSION and TENANT, and no other fields beside text, priority and program", test.of_a_session)
        tap.test("a line about no session has neither", test.of_none)
        tap.test("an error has the priority of one", test.priorities)
        tap.test("each line that names a session or a tenant has it as a field", test.all_of_a_life)
        tap.test("nothing that is quoted makes a field, a line, or another subject", test.forged)
        tap.test("what goes to the journal does not go to stderr", test.nothing_on_stderr)
        tap.test("why a program does not start is an error in the journal", test.failed_start)
    tap.finish()


if __name__ == "__main__":
    main()
