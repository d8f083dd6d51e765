#!/usr/bin/env python3
"""What callers may do with tokens, and cannot do without (E32), over TCP with a real launcher."""

import hashlib
import os
import pathlib
import signal
import sqlite3
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


class Tokens:
    def __init__(self, site):
        self.site = site

    def make(self, token=None, **body):
        answer = self.site.api("POST", "/v1/tokens", body, token=token, tcp=bool(token))
        assert answer.status == 201, answer
        return answer.json

    def status(self, method, path, token=None, body=None):
        return self.site.api(method, path, body, token=token, tcp=True).status

    def refusals(self):
        return [(entry["action"], entry["outcome"]) for entry in self.site.api("GET", "/v1/audit?limit=1000").json["entries"]
                if entry["action"] in ("authentication", "authorization") and entry["actor"] == "tcp"]

    def attacks(self):
        """No token, wrong ones, another session's, another tenant's, expired, revoked: each is refused, and in the audit trail."""
        acme, globex = self.make(tenant="acme"), self.make(tenant="globex")
        mine, other = self.site.create(), self.site.create()
        path = f"/v1/sessions/{mine['id']}"
        for token in (acme["token"], mine["token"]):
            assert self.status("GET", path, token) == 200, "the probe works where it is allowed"
        before = len(self.refusals())
        short = self.make(tenant="acme", ttl_seconds=0.001)
        harness.wait_for(lambda: self.site.api("GET", f"/v1/tokens/{short['id']}").json["state"] == "expired", "it expires")
        revoked = self.make(tenant="acme")
        assert self.site.api("DELETE", f"/v1/tokens/{revoked['id']}").json["state"] == "revoked"
        stored = hashlib.sha256(acme["token"].encode()).hexdigest()
        wrong = [None, "x", stored, acme["id"], acme["token"][:-1], acme["token"] + "A", acme["token"].swapcase(), short["token"], revoked["token"]]
        for token in wrong:
            assert self.status("GET", path, token) == 401, token
        for token in (other["token"], globex["token"]):
            assert self.status("GET", path, token) == 404, "another's is as one that never was"
            assert self.status("DELETE", path, token) == 404
        assert self.status("GET", "/v1/sessions", mine["token"]) == 403
        assert self.status("POST", "/v1/tokens", mine["token"], {}) == 403
        assert self.status("POST", "/v1/tokens", acme["token"], {"role": "admin"}) == 403
        expected = [("authentication", "401")] * len(wrong) + [("authorization", "403")] * 2
        harness.wait_for(lambda: self.refusals()[before:] == expected, "the audit trail has each refusal")
        trail = self.site.api("GET", "/v1/audit?limit=1000").body.decode()
        log = self.site.log()
        assert not [secret for secret in (acme["token"], short["token"], revoked["token"], mine["token"]) if secret in trail or secret in log]
        for session in (mine, other):
            self.site.delete(session["id"], grace=0)

    def monitor(self):
        token = self.make(role="monitor")["token"]
        assert self.site.api("GET", "/metrics", token=token, tcp=True).body.startswith(b"# HELP")
        assert self.status("GET", "/v1/pressure", token) == 200
        for path in ("/v1/sessions", "/v1/events", "/v1/audit", "/v1/tokens", "/v1/quota", "/v1/tenants"):
            assert self.status("GET", path, token) == 403, path

    def one_session(self):
        """A token that a tenant gives away opens one session of his, and ends with the token that it was made with."""
        tenant = self.make(tenant="acme")
        session, other = self.site.create(), self.site.create()
        token = self.make(tenant["token"], session=session["id"])
        path = f"/v1/sessions/{session['id']}"
        answer = self.site.api("POST", path + "/commands", {"command": "version"}, token=token["token"], tcp=True)
        assert answer.status == 200, answer
        assert self.status("GET", f"/v1/sessions/{other['id']}", token["token"]) == 404
        self.site.api("DELETE", f"/v1/tokens/{tenant['id']}")
        assert self.status("GET", path, token["token"]) == 401
        for one in (session, other):
            self.site.delete(one["id"], grace=0)

    def streams(self):
        """A stream that is open ends by itself soon after its token is revoked."""
        session = self.site.create()
        token = self.make(tenant="acme")
        path = f"/v1/sessions/{session['id']}"
        seen = {}

        def follow(name, route):
            seen[name] = self.site.api("GET", path + route, token=token["token"], tcp=True, timeout=60)
        threads = [threading.Thread(target=follow, args=args)
                   for args in (("events", "/events"), ("stats", "/stats?follow=1"), ("logs", "/logs?follow=1"))]
        for thread in threads:
            thread.start()
        used = f"/v1/tokens/{token['id']}"
        harness.wait_for(lambda: self.site.api("GET", used).json["last_used_at"], "the token is in use")
        self.site.api("DELETE", used)
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive(), "a stream outlives its token"
        assert self.site.get(session["id"])["state"] in ("ready", "busy"), "and not because its session ended"
        self.site.delete(session["id"], grace=0)

    def restart(self):
        """Tokens and their ends outlive SIGKILL and a handover; the store has no secret."""
        kept, revoked = self.make(tenant="acme"), self.make(tenant="acme")
        assert self.site.api("DELETE", f"/v1/tokens/{revoked['id']}").status == 200
        old = self.site.manager_pid()
        os.kill(old, signal.SIGKILL)
        harness.wait_for(lambda: self.site.is_ready() and self.site.manager_pid() != old, "the next manager is ready")
        assert self.status("GET", "/v1/sessions", kept["token"]) == 200
        assert self.status("GET", "/v1/sessions", revoked["token"]) == 401
        self.site.sandboxctl("admin", "handover")
        assert self.status("GET", "/v1/sessions", kept["token"]) == 200
        assert self.status("GET", "/v1/sessions", revoked["token"]) == 401
        stored = b"".join(path.read_bytes() for path in (self.site.state / "manager").rglob("*") if path.is_file())
        assert hashlib.sha256(kept["token"].encode()).hexdigest().encode() in stored, "the search finds what is there"
        assert kept["token"].encode() not in stored

    def damage(self):
        """A damaged store is set aside, and the tokens in it: the log says so, and new ones can be made."""
        lost = self.make(tenant="acme")
        self.site.stop()
        path = self.site.state / "manager/sessions.db"
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        path.write_bytes(b"x" * 10000)
        self.site.start()
        assert "all API tokens are lost" in self.site.log(), self.site.log()[-2000:]
        assert self.status("GET", "/v1/sessions", lost["token"]) == 401
        assert self.status("GET", "/v1/sessions", self.make(tenant="acme")["token"]) == 200


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        tokens = Tokens(site)
        site.start()
        for name, function in (
                ("E32 no token, a wrong, an expired, a revoked, another's: refused and audited", tokens.attacks),
                ("a monitor's token reads figures and nothing else", tokens.monitor),
                ("a token of one session opens that one, and ends with its maker's", tokens.one_session),
                ("open streams end soon after their token is revoked", tokens.streams),
                ("tokens outlive a kill and a handover, and no secret is stored", tokens.restart),
                ("a damaged store takes the tokens along, and says so", tokens.damage)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
