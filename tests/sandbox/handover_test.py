#!/usr/bin/env python3
"""Upgrades and leftovers: the manager hands its sessions over, `on_stop` keeps them, events and the audit trail tell what happened,
and `gc` finds what nobody claims."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


class Follower(threading.Thread):
    """Reads a stream of events to its end, which must come."""

    def __init__(self, site, path, headers=None):
        super().__init__()
        self.connection = harness.UnixConnection(site.api_socket, 60)
        self.connection.request("GET", path, headers=headers or {})
        self.response = self.connection.getresponse()
        assert self.response.status == 200 and self.response.headers["Content-Type"] == "text/event-stream", self.response.status
        self.events = []
        self.start()

    def run(self):
        event = {}
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                event["data"] = json.loads(value)
            elif name in ("id", "event"):
                event[name] = value
            elif not name and event:
                self.events.append(event)
                event = {}
        self.connection.close()

    def states(self):
        return [event["data"]["state"] for event in self.events if event["event"] == "state"]


def trail(site):
    lines = []
    for path in sorted((site.state / "manager/audit").glob("audit*.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return lines


def follows_events(site):
    """The steps of a session, as they come; where the client was away, from where it was."""
    session = site.create()
    own = f"/v1/sessions/{session['id']}"
    follower = Follower(site, f"{own}/events")
    harness.wait_for(lambda: follower.events, "the state as it is")
    assert follower.states() == ["ready"] and follower.events[0]["data"]["session"] == session["id"]
    everything = Follower(site, "/v1/events")
    site.api("POST", f"{own}/freeze")
    site.run_command(session["id"], "version")
    other = site.create()
    site.delete(other["id"])
    site.delete(session["id"])
    follower.join(20)
    assert not follower.is_alive() and follower.states() == ["ready", "frozen", "ready", "ending", "ended"], follower.events
    assert follower.events[-1]["data"]["reason"] == "deleted"
    frozen = follower.events[1]["id"]
    missed = Follower(site, f"{own}/events", {"Last-Event-ID": frozen})
    missed.join(20)
    assert missed.states() == ["ready", "ending", "ended"], missed.events
    harness.wait_for(lambda: everything.states().count("ended") == 2, "the stream of all has both")
    gap = Follower(site, "/v1/events", {"Last-Event-ID": "5"})
    harness.wait_for(lambda: gap.events, "what there is")
    assert gap.events[0]["event"] == "gap", gap.events[0]
    for value in ("x", "0", "-1", "1" * 30):
        answer = site.api("GET", f"{own}/events", headers={"Last-Event-ID": value})
        assert answer.status == 400 and answer.json["field"] == "Last-Event-ID", answer
    assert site.api("GET", f"{own}/events").status == 410
    return [everything, gap]


def only_own_events(site):
    """A tenant's token sees its own sessions, a session's token that one."""
    one, other = site.create(tenant="acme"), site.create(tenant="globex")
    answer = site.api("GET", f"/v1/sessions/{other['id']}/events", token=one["token"], tcp=True)
    assert answer.status == 404, answer
    assert site.api("GET", "/v1/events", token=one["token"], tcp=True).status == 403
    for session in (one, other):
        site.delete(session["id"])


def hands_over(site):
    """sandboxctl admin handover: another manager, the same sessions, no request refused and no command lost."""
    session = site.create()
    follower = Follower(site, f"/v1/sessions/{session['id']}/events")
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                answer = site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "version"})
            except (OSError, http.client.HTTPException) as error:
                answer = error
            if getattr(answer, "status", 0) != 200:
                failures.append(answer)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for _ in range(3):
        old = site.manager_pid()
        done = site.sandboxctl("admin", "handover")
        assert "next manager" in done.stdout, done
        assert site.manager_pid() != old and site.launcher.poll() is None
        assert site.get(session["id"])["pid"] == session["pid"]
    stop.set()
    for thread in asking:
        thread.join()
    assert not failures, (len(failures), failures[:3], site.log()[-2000:])
    follower.join(20)
    assert not follower.is_alive(), "its stream ended with its manager"
    site.delete(session["id"])
    site.assert_no_residue()


def long_command_goes_on(site):
    """A command that runs for longer than it takes to look three times is no hang for the manager that comes next."""
    session = site.create()
    lost = threading.Thread(target=lambda: _lost(site, session, "sim sleep 22"))
    lost.start()
    harness.wait_for(lambda: site.get(session["id"])["state"] == "busy", "it works")
    started = time.monotonic()
    os.kill(site.manager_pid(), signal.SIGKILL)
    lost.join()
    harness.wait_for(site.is_ready, "the next manager is there")
    harness.wait_for(lambda: site.get(session["id"])["state"] == "busy", "taken over, and still at work")
    answer = site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "version"}, timeout=60)
    assert answer.status == 200 and time.monotonic() - started > 20, answer
    now = site.get(session["id"])
    assert now["restarts"] == 0 and now["pid"] == session["pid"], now
    site.delete(session["id"])


def _lost(site, session, command):
    try:
        site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": command})
    except (OSError, http.client.HTTPException):
        pass


def same_key_after_a_kill(site):
    key = {"Idempotency-Key": "over-a-kill"}
    first = site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "test"}, headers=key)
    assert first.status == 202, first
    os.kill(site.manager_pid(), signal.SIGKILL)
    harness.wait_for(site.is_ready, "the next manager is there")
    second = site.api("POST", "/v1/sessions?wait=ready", {"tenant": "acme", "policy": "test"}, headers=key)
    assert second.status == 201 and (second.json["id"], second.json["token"]) == (first.json["id"], first.json["token"]), (first, second)
    site.delete(first.json["id"])
    site.assert_no_residue()


def collects_garbage(site):
    """What a crash left is named, then removed; what lives stays."""
    session = site.create()
    left = site.run / "sessions/aaaaaaaaaaaaaaaz"
    left.mkdir()
    (site.state / "logs/aaaaaaaaaaaaaaaz").mkdir()
    group = next(path for path in site.cgroup_root().rglob(session["id"]) if path.is_dir()).parent / "aaaaaaaaaaaaaaay"
    group.mkdir()
    # A process in it, as a launcher that dies in the middle of a start leaves one.
    stray = subprocess.Popen(["sleep", "600"])
    (group / "cgroup.procs").write_text(str(stray.pid))
    site.gateway("ip", "link", "add", "cx77", "type", "veth", "peer", "name", "cx77p")
    wanted = {("folder", left.name), ("cgroup", str(group)), ("link", "cx77")}
    told = json.loads(site.sandboxctl("-o", "json", "gc", "--dry-run").stdout)
    assert {(one["kind"], one["name"]) for one in told["found"]} == wanted, told
    assert left.exists() and group.exists() and stray.poll() is None
    removed = site.sandboxctl("gc").stdout
    assert all(name in removed for _, name in wanted), removed
    assert not left.exists() and not group.exists() and stray.wait(10) == -signal.SIGKILL
    assert "Nothing is left over" in site.sandboxctl("gc").stdout
    assert site.run_command(session["id"], "version")["ok"]
    denied = site.api("POST", "/v1/admin/gc", {}, token=session["token"], tcp=True)
    assert denied.status == 403, denied
    site.delete(session["id"])
    site.assert_no_residue()


def extends(site):
    session = site.create(max_lifetime_seconds=600)
    before = session["expires"]["lifetime_at"]
    assert site.sandboxctl("extend", session["id"], "20m").stdout.strip() == session["id"]
    assert site.get(session["id"])["expires"]["lifetime_at"] > before
    too_long = site.api("POST", f"/v1/sessions/{session['id']}/extend", {"seconds": 864000})
    assert too_long.status == 403 and too_long.json["field"] == "seconds", too_long
    for body in ({}, {"seconds": 0}, {"seconds": "1h"}, {"seconds": 5, "more": 1}):
        answer = site.api("POST", f"/v1/sessions/{session['id']}/extend", body)
        assert answer.status == 400, (body, answer)
    site.delete(session["id"])


def keeps_a_trail(site):
    """Who asked for what, every step, every refusal; nothing of a token."""
    session = site.create()
    answer = site.api("GET", f"/v1/sessions/{session['id']}", token="wrong", tcp=True)
    assert answer.status == 401
    site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "version"}, token=session["token"], tcp=True,
             headers={"X-Request-Id": "of-the-test"})
    site.delete(session["id"])

    def lines():
        return [line for line in trail(site) if line.get("session") == session["id"]]

    harness.wait_for(lambda: any(line["action"] == "session.delete" for line in lines()), "all of it is written")
    assert [line["outcome"] for line in lines() if line["action"] == "session.state"] == ["queued", "starting", "ready", "ending", "ended"]
    created = next(line for line in lines() if line["action"] == "session.create")
    assert created["actor"] == "admin uid 0" and created["outcome"] == "201" and created["tenant"] == "acme", created
    command = next(line for line in lines() if line["action"] == "command")
    assert command["actor"] == f"session {session['id']}" and command["request_id"] == "of-the-test" and command["took_seconds"] > 0, command
    assert any(line["action"] == "authentication" and line["outcome"] == "401" for line in trail(site))
    assert session["token"] not in "".join(path.read_text() for path in (site.state / "manager/audit").glob("*"))


def drains(site):
    """Nothing new comes, over a kill and a handover too; what runs goes on, and its end is waited for."""
    running = site.create()
    assert "1 live" in site.sandboxctl("admin", "drain").stdout
    for turn in range(3):
        refused = site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "test"})
        assert refused.status == 503 and refused.json["reason"] == "draining" and int(refused.headers["Retry-After"]) > 0, refused
        ready = site.api("GET", "/readyz")
        assert ready.status == 503 and ready.json["reason"] == "draining", ready
        pressure = site.api("GET", "/v1/pressure")
        assert pressure.status == 503 and pressure.json["reason"] == "draining", pressure
        assert site.run_command(running["id"], "version")["ok"]
        old = site.manager_pid()
        if turn == 0:
            os.kill(old, signal.SIGKILL)
            harness.wait_for(lambda: answers(site), "the next manager answers")
        else:
            site.sandboxctl("admin", "handover")
        harness.wait_for(lambda: site.get(running["id"])["state"] == "ready", "it is taken over")
    late = site.sandboxctl("--timeout", "200ms", "admin", "drain", "--wait", check=False)
    assert late.returncode == 6 and "1 sessions still live" in late.stderr, late
    waiting = subprocess.Popen([str(site.find("bin/sandboxctl")), "--host", f"unix://{site.api_socket}", "admin", "drain", "--wait"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    denied = site.api("POST", "/v1/admin/drain", {"undo": True}, token=running["token"], tcp=True)
    assert denied.status == 403, denied
    for body in ({"undo": 1}, {"more": True}):
        assert site.api("POST", "/v1/admin/drain", body).status == 400
    site.delete(running["id"])
    assert "0 live" in waiting.communicate(timeout=30)[0] and waiting.returncode == 0
    site.sandboxctl("admin", "drain", "--undo")
    site.delete(site.create()["id"])
    site.assert_no_residue()


def answers(site):
    try:
        return site.api("GET", "/healthz", timeout=2).status == 200
    except (OSError, http.client.HTTPException):
        return False


def on_stop_keeps(installed):
    """SIGTERM with on_stop = "keep": all programs go, the sessions stay, and the next ones take them over."""
    with harness.Stack(installed) as site:
        config = site.folder / "sandboxd.toml"
        config.write_text('on_stop = "keep"\n' + config.read_text())
        site.start()
        session = site.create()
        assert site.stop() == 0
        assert pathlib.Path(f"/proc/{session['pid']}").exists()
        site.start()
        now = site.api("GET", f"/v1/sessions/{session['id']}/wait?state=ready&timeout=20").json
        assert now["pid"] == session["pid"] and now["state"] == "ready", now
        assert site.api("GET", f"/v1/sessions/{session['id']}", token=session["token"], tcp=True).status == 200
        site.delete(session["id"])
        site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        tap.test("events of a session and of all, from where the client was", follows_events, site)
        tap.test("nobody follows another's session", only_own_events, site)
        tap.test("a handover loses no session and no request", hands_over, site)
        tap.test("a host that drains takes nothing new, whoever is killed, and tells when it is empty", drains, site)
        tap.test("a long command outlives its manager", long_command_goes_on, site)
        tap.test("a create with the same key after a kill is the same session", same_key_after_a_kill, site)
        tap.test("gc names and removes what nobody claims", collects_garbage, site)
        tap.test("a lifetime is extended within its policy", extends, site)
        tap.test("the audit trail has every call and every step", keeps_a_trail, site)
    tap.test("SIGTERM keeps the sessions where the site says so", on_stop_keeps, sys.argv[1])
    tap.finish()


if __name__ == "__main__":
    main()
