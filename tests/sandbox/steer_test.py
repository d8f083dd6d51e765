#!/usr/bin/env python3
"""What a caller changes of a session that lives, and what it sees of it, by the API with a real launcher."""

import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

CEILINGS = '\n[override]\nmemory_max = "6G"\npids_max = 512\ncpus = 2.0\n'


class Steer:
    def __init__(self, site):
        self.site = site
        site.write_policy("test", CEILINGS)

    def picture(self):
        session = self.site.create()
        route = f"/v1/sessions/{session['id']}/render"
        answer = self.site.api("POST", route, {"width": 64, "height": 48, "supersample": 2, "transparent": True})
        assert answer.status == 200 and answer.headers["Content-Type"] == "image/png", answer
        assert answer.body[:8] == b"\x89PNG\r\n\x1a\n" and answer.body[16:24] == (64).to_bytes(4, "big") + (48).to_bytes(4, "big")
        assert self.site.api("POST", route).status == 200
        assert self.site.api("GET", f"/v1/sessions/{session['id']}/files?list=1").json["entries"] == [], "nothing stays in /work"
        self.site.delete(session["id"], grace=0)

    def restart(self):
        session = self.site.create()
        route = f"/v1/sessions/{session['id']}"
        self.site.api("PUT", route + "/files/kept", b"kept")
        hangs = threading.Thread(target=lambda: self.site.api("POST", route + "/commands", {"command": "sim hang"}, timeout=60))
        hangs.start()
        harness.wait_for(lambda: self.site.get(session["id"])["state"] == "busy", "it is busy")
        answer = self.site.api("POST", route + "/restart")
        assert answer.status == 202 and answer.json["state"] == "recovering", answer
        hangs.join(30)
        assert not hangs.is_alive(), "the command that hung is answered"
        after = self.site.api("GET", route + "/wait?state=ready").json
        assert after["restarts"] == 1 and after["pid"] != session["pid"] and after["address"] == session["address"], after
        assert self.site.run_command(session["id"], "version")["ok"]
        assert self.site.api("GET", route + "/files/kept").body == b"kept", "the sandbox stays"
        self.site.delete(session["id"], grace=0)

    def change(self):
        session = self.site.create(labels={"old": "1"})
        route = f"/v1/sessions/{session['id']}"
        answer = self.site.api("PATCH", route, {"name": "renamed", "labels": {"new": "2"}})
        assert answer.status == 200 and answer.json["name"] == "renamed" and answer.json["labels"] == {"new": "2"}, answer
        assert self.site.api("PATCH", route, {"limits": {"pids": 513}}).status == 403
        assert self.site.api("PATCH", route, {"name": "by itself"}, token=session["token"], tcp=True).status == 403
        folder = next(self.site.cgroup_root().rglob(session["id"]))
        if not (folder / "payload/pids.max").exists():
            assert self.site.api("PATCH", route, {"limits": {"pids": 400}}).status == 501
            return
        answer = self.site.api("PATCH", route, {"limits": {"pids": 400}})
        assert answer.status == 200 and answer.json["limits"]["enforced"]["pids"] == 400, answer
        assert (folder / "payload/pids.max").read_text() == "400\n"
        self.site.delete(session["id"], grace=0)

    def follow(self):
        session = self.site.create()
        route = f"/v1/sessions/{session['id']}"
        seen = {}

        def follow(name, path):
            seen[name] = self.site.api("GET", route + path, timeout=60)
        threads = [threading.Thread(target=follow, args=args) for args in (("log", "/logs?follow=1"), ("stats", "/stats?follow=1"))]
        for thread in threads:
            thread.start()
        self.site.run_command(session["id"], "log a-line-of-the-log")
        self.site.delete(session["id"])
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "a stream ends with its session"
        assert b"REST server started" in seen["log"].body, seen["log"]
        events = [json.loads(line[6:]) for line in seen["stats"].body.decode().splitlines() if line.startswith("data: ")]
        assert events and events[-1]["state"] == "ended" and events[-1]["id"] == session["id"], seen["stats"]

    def tell(self):
        session = self.site.create(tenant="globex")
        entries = self.site.api("GET", f"/v1/audit?session={session['id']}").json["entries"]
        assert [entry["outcome"] for entry in entries if entry["action"] == "session.state"] == ["queued", "starting", "ready"], entries
        quotas = {quota["tenant"]: quota for quota in self.site.api("GET", "/v1/quota").json["quotas"]}
        assert quotas["globex"]["sessions"]["live"] == 1, quotas
        pages = self.site.api("GET", "/v1/sessions?limit=1").json
        assert len(pages["sessions"]) == 1 and self.site.api("GET", f"/v1/sessions?cursor={pages['next_cursor']}").json["sessions"]
        assert self.site.api("GET", "/v1/openapi.json").json == harness.API.document
        self.site.delete(session["id"], grace=0)


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        steer = Steer(site)
        site.start()
        for name, function in (
                ("a picture, of which nothing stays in the workspace", steer.picture),
                ("a restart that was asked for ends the command that hangs", steer.restart),
                ("names, labels and limits change while it lives", steer.change),
                ("log and figures are followed to the end", steer.follow),
                ("the audit trail, quotas, pages and the API's own document", steer.tell)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
