#!/usr/bin/env python3
"""sandboxctl's verbs against the whole stack."""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

CEILINGS = '\n[override]\nmemory_max = "6G"\npids_max = 512\ncpus = 2.0\n'


class Ctl:
    def __init__(self, site):
        self.site = site
        site.write_policy("test", CEILINGS)
        self.folder = site.folder / "local"
        self.folder.mkdir()
        self.ipv6_port = harness.Stack.free_port()
        site.add_tokens(admin="admin-token-of-the-tests")
        settings = site.folder / "sandboxd.toml"
        own = f'"127.0.0.1:{site.tcp_port}"'
        settings.write_text(settings.read_text().replace(f"[{own}]", f'[{own}, "[::1]:{self.ipv6_port}"]'))

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

    def addresses(self):
        """A server may listen on some of the addresses alone that a name has, and one of IPv6 is written in brackets."""
        token, hosts = self.folder / "token", self.folder / "hosts"
        token.write_text("admin-token-of-the-tests")
        hosts.write_text("::1 localhost\n127.0.0.1 localhost\n")
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)

        def tenants(host):
            return subprocess.run([str(self.site.find("bin/sandboxctl")), "--host", host, "--token-file", str(token), "tenant", "ls"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        try:
            for host in (f"http://localhost:{self.site.tcp_port}", f"http://[::1]:{self.ipv6_port}"):
                done = tenants(host)
                assert done.returncode == 0 and "acme" in done.stdout, done
            nobody = tenants(f"http://[::1]:{self.site.tcp_port}")
            assert nobody.returncode == 1 and f"http://[::1]:{self.site.tcp_port} cannot be reached" in nobody.stderr, nobody
        finally:
            subprocess.run(["umount", "/etc/hosts"], check=True)


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
                ("any address of a name is enough, and IPv6 is in brackets", ctl.addresses),
                ("the doctor has a picture drawn", ctl.picture)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
