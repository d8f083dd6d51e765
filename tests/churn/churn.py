#!/usr/bin/env python3
"""Many sessions of ten tenants that come, work, crash, rest and go, while the manager and the launcher are killed at random moments.

Each client keeps its own ledger: what it asked for decides how its session must end, before anybody is asked. In the
end nothing is lost, nothing is left, and no session ended otherwise than its ledger says.

usage: churn.py INSTALLATION [--sessions N] [--kills N] [--clients N] [--seed N]
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

TENANTS = [f"tenant{number}" for number in range(10)]
PATIENCE = 120  # seconds for anything that a kill may delay
RETRY = 0.1  # seconds; fifty clients that ask more often keep a slow host from starting the next manager


class Lost(Exception):
    """The connection ended before there was an answer: whether it was done is not known."""


class Ledger:
    """What every session's end must be."""

    def __init__(self):
        self.lock = threading.Lock()
        self.expected = {}  # id: set of reasons
        self.ends = {}  # as it was told at once: what is told later must be the same
        self.tokens = {}  # of those that live
        self.foreign_tokens = 0  # how often one was tried
        self.calls = {}  # request id: what was told to be done
        self.failures = []

    def call(self, request_id, method, status):
        with self.lock:
            self.calls[request_id] = (method, status)

    def write(self, session, reasons, token=None):
        with self.lock:
            self.expected[session] = set(reasons)
            if token:
                self.tokens[session] = token

    def close(self, session, end):
        """It has ended, and everybody may know how."""
        with self.lock:
            self.tokens.pop(session, None)
            self.ends[session] = end

    def other_token(self, session, chance):
        with self.lock:
            others = [token for other, token in self.tokens.items() if other != session]
            self.foreign_tokens += bool(others)
        return chance.choice(others) if others else None


class Client:
    """One session after the other, each with a scenario of its own."""

    def __init__(self, site, ledger, number, seed):
        self.site, self.ledger = site, ledger
        self.chance = random.Random(f"{seed}/{number}")
        self.number = number

    # -- talking to a manager that may die at any moment

    def once(self, method, path, body=None, token=None, timeout=60):
        try:
            answer = self.site.api(method, path, body, token=token, tcp=token is not None, timeout=timeout)
        except (OSError, http.client.HTTPException) as error:
            raise Lost(str(error)) from error
        # Of commands nobody waits until they are in the trail.
        if method != "GET" and answer.status < 300 and not path.endswith("/commands"):
            self.ledger.call(answer.headers["X-Request-Id"], method, answer.status)
        return answer

    def sure(self, method, path, body=None, token=None):
        """For what may be asked twice."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.once(method, path, body, token)
            except Lost:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY)

    def look(self, session):
        answer = self.sure("GET", f"/v1/sessions/{session}")
        assert answer.status in (200, 410), f"{session} is lost: {answer}"
        return answer.json

    def has_ended(self, session):
        return "end" in self.look(session)

    def command(self, session, text):
        """Until it was answered, or the session has ended. Never assumes that what was lost was done."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.has_ended(session):
            try:
                answer = self.once("POST", f"/v1/sessions/{session}/commands", {"command": text})
            except Lost:
                continue
            if answer.status == 200:
                return answer.json
            assert answer.status in (409, 410, 429, 502, 503, 504), answer
            if answer.status in (409, 429, 503):
                time.sleep(RETRY)
        return None

    def until_ended(self, session):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.once("GET", f"/v1/sessions/{session}/wait?state=ended&timeout=20")
                if answer.status in (200, 410):
                    self.ledger.close(session, answer.json["end"])
                    return
            except Lost:
                time.sleep(RETRY)
        raise AssertionError(f"{session} does not end: {self.look(session)}")

    # -- one session

    def create(self, policy, tenant, **more):
        """Its id and token. One whose answer was lost is found by its label, and ended: nobody has its token."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            label = f"{self.chance.random()}"
            try:
                answer = self.once("POST", "/v1/sessions", {"tenant": tenant, "policy": policy, "labels": {"try": label}, **more})
            except Lost:
                for found in self.sure("GET", f"/v1/sessions?label=try={label}").json["sessions"]:
                    # Its clock may be faster: on a slow host it is looked for long after it was made.
                    clock = ["lifetime"] * ("max_lifetime_seconds" in more) + ["idle"] * (policy == "drowsy")
                    self.ledger.write(found["id"], ["deleted", "cancelled", *clock])
                    self.sure("DELETE", f"/v1/sessions/{found['id']}")
                continue
            if answer.status in (429, 503):
                time.sleep(0.1)
                continue
            assert answer.status == 202, answer
            return answer.json["id"], answer.json["token"]
        raise AssertionError("no session could be made")

    def until_ready(self, session):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.once("GET", f"/v1/sessions/{session}/wait?state=ready&timeout=20")
            except Lost:
                time.sleep(RETRY)
                continue
            if answer.status == 200 and answer.json["state"] in ("ready", "busy", "frozen"):
                return
            assert "end" not in answer.json, f"{session} ended instead of being ready: {answer}"
        raise AssertionError(f"{session} does not become ready: {self.look(session)}")

    def check_tokens(self, session, token):
        own = self.sure("GET", f"/v1/sessions/{session}", token=token)
        assert own.status in (200, 410), own
        other = self.ledger.other_token(session, self.chance)
        if other:
            for method, path, body in (("GET", "", None), ("POST", "/commands", {"command": "exit"}), ("DELETE", "", None)):
                foreign = self.sure(method, f"/v1/sessions/{session}{path}", body, token=other)
                assert foreign.status in (401, 403, 404), foreign

    def session(self):
        scenario = self.chance.choice(SCENARIOS + ([] if self.site.best_effort else [Client.eats_memory]))
        tenant = self.chance.choice(TENANTS)
        scenario(self, tenant)

    def begin(self, tenant, reasons, policy="frail", **more):
        session, token = self.create(policy, tenant, **more)
        self.ledger.write(session, reasons, token)
        return session, token

    def begin_ready(self, tenant, reasons, policy="frail", **more):
        session, token = self.begin(tenant, reasons, policy, **more)
        self.until_ready(session)
        self.check_tokens(session, token)
        return session

    def delete(self, session):
        answer = self.sure("DELETE", f"/v1/sessions/{session}?grace_seconds=2")
        assert answer.status in (200, 410), answer
        self.until_ended(session)

    def works_and_is_deleted(self, tenant):
        session = self.begin_ready(tenant, ["deleted"])
        for _ in range(self.chance.randrange(4)):
            self.command(session, "version")
        self.delete(session)

    def is_deleted_at_once(self, tenant):
        session, _ = self.begin(tenant, ["cancelled", "deleted"])
        self.delete(session)

    def exits(self, tenant):
        session = self.begin_ready(tenant, ["exited"])
        while not self.has_ended(session):
            self.command(session, "exit")
            time.sleep(0.05)
        self.until_ended(session)

    def crashes(self, tenant):
        session = self.begin_ready(tenant, ["signalled"])
        while not self.has_ended(session):
            self.command(session, "sim crash SEGV")
        self.until_ended(session)

    def hangs(self, tenant):
        session = self.begin_ready(tenant, ["hung"], policy="hasty")
        while not self.has_ended(session):
            self.command(session, "sim hang")
        self.until_ended(session)

    def crashes_again_and_again(self, tenant):
        session = self.begin_ready(tenant, ["crash_loop"], policy="frantic")
        while not self.has_ended(session):
            self.command(session, "sim crash SEGV")
        self.until_ended(session)

    def eats_memory(self, tenant):
        session = self.begin_ready(tenant, ["oom"], policy="narrow")
        while not self.has_ended(session):
            self.command(session, "sim memory 512M")
        self.until_ended(session)

    def crashes_and_goes_on(self, tenant):
        session = self.begin_ready(tenant, ["deleted"], policy="sturdy")
        try:
            self.once("POST", f"/v1/sessions/{session}/commands", {"command": "sim crash SEGV"})
        except Lost:
            pass
        assert self.command(session, "version"), f"{session} does not come back: {self.look(session)}"
        self.delete(session)

    def rests(self, tenant):
        session = self.begin_ready(tenant, ["deleted"])
        answer = self.sure("POST", f"/v1/sessions/{session}/freeze")
        while answer.status == 503:  # the launcher was killed over it
            answer = self.sure("POST", f"/v1/sessions/{session}/freeze")
        assert answer.status in (200, 409), answer
        assert self.command(session, "version")
        self.delete(session)

    def is_left_alone(self, tenant):
        """From when it is ready, which may be over before anybody sees it."""
        session, token = self.begin(tenant, ["idle"], policy="drowsy")
        self.check_tokens(session, token)
        self.until_ended(session)

    def lives_so_long(self, tenant):
        session, token = self.begin(tenant, ["lifetime"], max_lifetime_seconds=3)
        self.check_tokens(session, token)
        self.until_ended(session)


SCENARIOS = [Client.works_and_is_deleted, Client.works_and_is_deleted, Client.is_deleted_at_once, Client.exits, Client.crashes, Client.hangs,
             Client.crashes_again_and_again, Client.crashes_and_goes_on, Client.rests, Client.is_left_alone, Client.lives_so_long]


def write_site(site):
    site.write_policy("frail", "[recovery]\nmax_restarts = 0\n")
    site.write_policy("hasty", 'command_timeout = "1s"\n[recovery]\nmax_restarts = 0\n')
    site.write_policy("sturdy", "[recovery]\nmax_restarts = 20\n")
    site.write_policy("frantic", "[recovery]\nmax_restarts = 1\n")
    if not site.best_effort:
        sizes = "".join(f'[filesystem.{name}]\nsize = "16M"\n' for name in ("tmp", "home", "work", "shm"))
        site.write_policy("narrow", f'[resources]\nmemory_max = "256M"\n[recovery]\nmax_restarts = 0\n{sizes}')
    site.write_policy("drowsy", '[lifecycle]\nend_after = "2s"\n[recovery]\nmax_restarts = 0\n')
    policies = ["frail", "hasty", "sturdy", "frantic", "drowsy", *([] if site.best_effort else ["narrow"])]
    for name in TENANTS:
        path = site.tenants / f"{name}.toml"
        path.write_text(f"max_sessions = 50\npolicies = {policies}\n")
        path.chmod(0o644)


class Killer(threading.Thread):
    """Kills the manager and the launcher in turns, at random moments, spread over the work that is done."""

    def __init__(self, site, kills, seed, progress):
        super().__init__()
        self.site, self.progress = site, progress
        chance = random.Random(f"{seed}/kills")
        self.moments = sorted(chance.random() * 0.95 for _ in range(2 * kills))
        self.delays = [chance.random() * 0.2 for _ in self.moments]
        self.done = collections.Counter()
        self.failure = None

    def run(self):
        try:
            for number, (moment, delay) in enumerate(zip(self.moments, self.delays, strict=True)):
                while self.progress() < moment:
                    time.sleep(0.01)
                time.sleep(delay)
                (self.kill_manager if number % 2 == 0 else self.kill_launcher)()
        except Exception as error:  # noqa: BLE001: whatever it is, the test must know
            self.failure = error

    def kill_manager(self):
        harness.wait_for(self.site.is_ready, "the manager is there", timeout=60)
        pid = self.site.manager_pid()
        os.kill(pid, signal.SIGKILL)
        harness.wait_for(lambda: self.site.is_ready() and self.site.manager_pid() != pid, "the next manager is ready", timeout=60)
        self.done["manager"] += 1

    def kill_launcher(self):
        """And with it the manager that it started."""
        manager = os.pidfd_open(self.site.manager_pid())
        self.site.launcher.kill()
        self.site.launcher.wait(10)
        harness.wait_for_end(manager)
        os.close(manager)
        self.site.start()
        self.done["launcher"] += 1


def run_clients(site, ledger, sessions, clients, seed, done):
    left = collections.deque(range(sessions))

    def work(number):
        client = Client(site, ledger, number, seed)
        while True:
            try:
                left.popleft()
            except IndexError:
                return
            try:
                client.session()
            except Exception as error:  # noqa: BLE001: one client's failure is told with all others
                ledger.failures.append(f"client {number}: {type(error).__name__}: {str(error)[:2000]}")
            done.append(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def all_sessions(site):
    return {one["id"]: one for one in site.api("GET", "/v1/sessions").json["sessions"]}


def trail(site):
    """Oldest first."""
    lines = []
    for path in sorted((site.state / "manager/audit").glob("audit*.jsonl"), key=lambda path: (path.name == "audit.jsonl", path.name)):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return lines


def audited(site, ledger, kills):
    """The trail has each session from its create to its end, with the reason of the store, and each call that was told to be done. Only what a
    manager did in the very moment of its kill may stand there twice: the next one does it again."""
    found, steps, calls, again = all_sessions(site), collections.defaultdict(list), {}, 0
    for line in trail(site):
        if line["action"] == "session.state":
            steps[line["session"]].append(line)
        elif "request_id" in line:
            calls[line["request_id"]] = line
    for session in ledger.expected:
        own = steps[session]
        outcomes = [line["outcome"] for line in own]
        assert outcomes and outcomes[0] == "queued" and outcomes[-1] == "ended", (session, own)
        reason = found[session]["end"]["reason"]
        ends = [line for line in own if line["outcome"] == "ended"]
        assert all(line["detail"].startswith(reason + ":") and line["tenant"] == found[session]["tenant"] for line in ends), (reason, ends)
        again += len(ends) - 1
    assert again <= kills, f"{again} sessions ended twice in the trail, with {kills} kills"
    missing = {number: call for number, call in ledger.calls.items() if number not in calls}
    assert not missing, f"{len(missing)} of {len(ledger.calls)} calls are not in the trail: {list(missing.items())[:3]}"
    wrong = [(call, calls[number]) for number, call in ledger.calls.items() if calls[number]["outcome"] != str(call[1])]
    assert not wrong, wrong[:3]
    lost = [line for line in trail(site) if line["action"] == "audit.lost"]
    assert not lost, lost
    print(f"# the trail accounts for {len(ledger.expected)} sessions and {len(ledger.calls)} calls; {again} ends stand there twice", flush=True)


def churn(site, options):
    ledger, done = Ledger(), []
    killer = Killer(site, options.kills, options.seed, lambda: len(done) / options.sessions)
    killer.start()
    started = time.monotonic()
    run_clients(site, ledger, options.sessions, options.clients, options.seed, done)
    killer.join()
    assert killer.failure is None, f"{killer.failure!r}\n{site.log()[-3000:]}"
    assert not ledger.failures, "\n".join(ledger.failures[:5]) + f"\n({len(ledger.failures)} in all)"
    harness.wait_for(site.is_ready, "the last manager is ready")
    found = all_sessions(site)
    ends = collections.Counter(one["end"]["reason"] for one in found.values() if "end" in one)
    print(f"# {len(ledger.expected)} sessions in {time.monotonic() - started:.0f} s, killed: {dict(killer.done)}, ends: {dict(ends)}", flush=True)
    print(f"# tokens of others were tried {ledger.foreign_tokens} times", flush=True)
    assert ledger.foreign_tokens > options.sessions / 2, ledger.foreign_tokens
    assert set(found) == set(ledger.expected), f"lost: {set(ledger.expected) - set(found)}; unknown: {set(found) - set(ledger.expected)}"
    wrong = {session: (one.get("end", one["state"]), expected) for session, expected in ledger.expected.items()
             for one in [found[session]] if one.get("end", {}).get("reason") not in expected}
    assert not wrong, f"{len(wrong)} ended otherwise: {list(wrong.items())[:5]}"
    changed = {session: (end, found[session]["end"]) for session, end in ledger.ends.items() if found[session]["end"] != end}
    assert not changed, f"{len(changed)} were told otherwise before: {list(changed.items())[:3]}"
    if options.sessions >= 300:  # each scenario's turn has come
        missing = {"deleted", "exited", "signalled", "hung", "crash_loop", "idle", "lifetime", *([] if site.best_effort else ["oom"])} - set(ends)
        assert not missing, f"nothing ended as {missing}"
    audited(site, ledger, 2 * options.kills)
    site.assert_no_residue()


def stays_level(site, options):
    """What lived through all of it grows no more."""
    figures = []
    programs = {"launcher": site.launcher.pid, "manager": site.manager_pid()}
    size = min(40, options.sessions // 2)
    for batch in range(3):
        ledger = Ledger()
        run_clients(site, ledger, size, 20, f"{options.seed}/{batch}", [])
        assert not ledger.failures, ledger.failures[:3]
        site.assert_no_residue()
        figures.append({name: (harness.resident_kib(pid), harness.descriptors(pid)) for name, pid in programs.items()})
    print(f"# KiB resident and descriptors after {size}, {2 * size} and {3 * size} sessions more: {figures}", flush=True)
    for name in programs:
        assert figures[2][name][1] == figures[1][name][1], figures
        assert figures[2][name][0] <= figures[1][name][0] + 2048, figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("installation")
    parser.add_argument("--sessions", type=int, default=int(os.environ.get("SANDBOX_CHURN_SESSIONS", "120")))
    parser.add_argument("--kills", type=int, default=int(os.environ.get("SANDBOX_CHURN_KILLS", "5")), help="of each of the two programs")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--driver", choices=("cgroupfs", "systemd"), default="cgroupfs", help="systemd: on a whole host, with limits that hold")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    on_a_whole_host = options.driver == "systemd"
    if not on_a_whole_host:
        harness.private_host()
    print(f"# {options.sessions} sessions, {options.clients} clients, {options.kills} kills of each program, --seed {options.seed}", flush=True)
    tap = harness.Tap()
    with harness.Stack(options.installation, driver=options.driver, best_effort=not on_a_whole_host) as site:
        write_site(site)
        site.start()
        tap.test("every session ends as its ledger and the audit trail say, whoever is killed meanwhile, and nothing is left", churn, site, options)
        tap.test("memory and descriptors of both programs stay level", stays_level, site, options)
    tap.finish()


if __name__ == "__main__":
    main()
