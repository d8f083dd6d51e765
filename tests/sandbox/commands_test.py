#!/usr/bin/env python3
"""Commands by the API and by sandboxctl, against the whole stack: before a session is ready, several at once, and with every answer that
Python can write."""

import json
import os
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

ODD = ["", "\udce9", "caf\udce9.pdb", "\ud83d", "\ud83dx", "\ude00\ud83d", "\U0001f600", "\0", "\x7f", "\x85", "\u2028", '"', "\\", "\\u", "NaN", "Infinity",
       "[", '{"', "1e400", "\ufeff", "\uffff", "a" * 300, "\n\r\t"]
SLOW = 'environment = { CHIMERAX_STANDIN_START_DELAY = "1500ms" }\n'
NEVER = 'start_timeout = "2s"\nenvironment = { CHIMERAX_STANDIN_FAIL = "noport" }\n'


def as_told(value):
    """What the API makes of a value: no half surrogate pairs, no numbers beyond a double."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**1024:
        return str(value)
    if isinstance(value, list):
        return [as_told(one) for one in value]
    if isinstance(value, dict):
        return {as_told(str(name)): as_told(one) for name, one in value.items()}
    return value


class Commands:
    def __init__(self, site):
        self.site = site
        self.random = random.Random(int(os.environ.get("SANDBOX_TEST_SEED", "1")))

    def post(self, session, body, timeout=60):
        return self.site.api("POST", f"/v1/sessions/{session}/commands", body, timeout=timeout)

    # -- before it is ready ---------------------------------------------------------------------------------------

    def as_the_readme_says(self):
        ctl = self.site.sandboxctl
        session = ctl("-o", "id", "create", "-t", "acme", "-p", "slow").stdout.strip()
        assert self.site.get(session)["state"] in ("queued", "starting")
        assert "UCSF ChimeraX" in ctl("exec", session, "version").stdout
        ctl("stop", session)

    def files_and_pictures_wait(self):
        ctl, folder = self.site.sandboxctl, self.site.folder
        (folder / "m.pdb").write_bytes(harness.helix())
        session = ctl("-o", "id", "create", "-t", "acme", "-p", "slow").stdout.strip()
        ctl("cp", str(folder / "m.pdb"), f"{session}:m.pdb")
        ctl("exec", session, "open /work/m.pdb")
        assert "m.pdb" in ctl("exec", session, "info models").stdout
        other = ctl("-o", "id", "create", "-t", "acme", "-p", "slow").stdout.strip()
        ctl("render", other, str(folder / "picture.png"))
        assert (folder / "picture.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        third = self.site.create(policy="slow", wait="", expect=202)["id"]
        answer = self.site.api("GET", f"/v1/sessions/{third}/inspect")
        assert answer.status == 200, answer
        for one in (session, other, third):
            ctl("stop", one)

    def ends_before(self):
        session = self.site.create(policy="never", wait="", expect=202)["id"]
        answer = self.post(session, {"command": "version"})
        assert answer.status == 410 and answer.json["end"]["reason"] == "start_timeout", answer
        session = self.site.create(policy="slow", wait="", expect=202)["id"]
        answer = self.post(session, {"command": "version", "timeout_seconds": 0.2})
        assert answer.status == 504 and "nothing was sent" in answer.json["detail"] and "state_may_have_changed" not in answer.json, answer
        self.site.delete(session)

    # -- several at once ------------------------------------------------------------------------------------------

    def several(self):
        self.session = self.site.create()["id"]
        answer = self.post(self.session, {"commands": ["sim set k 1", "sim get k; version", "nonsense", "sim set k 2"]}).json
        assert (answer["ok"], answer["failed"], len(answer["results"])) == (False, 2, 3), answer
        assert len(answer["results"][1]["values"]) == 2 and len(answer["values"]) == 3, answer
        assert answer["error"]["message"] == answer["results"][2]["error"]["message"] == "Unknown command: nonsense", answer
        assert self.post(self.session, {"command": "sim get k"}).json["values"] == self.post(self.session, {"commands": ["sim get k"]}).json["values"]

    def one_turn(self):
        """Another client's commands come before or after a list, never between."""
        lists, stop = 12, threading.Event()

        def disturb():
            while not stop.is_set():
                self.post(self.session, {"command": "sim set k other"})
        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            for number in range(lists):
                answer = self.post(self.session, {"commands": [f"sim set k {number}", "version", "sim get k"]}).json
                assert answer.get("ok") and str(number) in json.dumps(answer["values"][-1]), answer
        finally:
            stop.set()
            disturber.join()

    def crash_in_the_middle(self):
        session = self.site.create()["id"]
        problem = self.post(session, {"commands": ["sim set k 1", "sim crash 9", "version"]})
        assert problem.status == 502 and problem.json["failed"] == 1 and problem.json["state_may_have_changed"], problem
        assert [one["command"] for one in problem.json["results"]] == ["sim set k 1"], problem

    # -- answers --------------------------------------------------------------------------------------------------

    def answers(self, reply, expect=200):
        """A command that this is the answer to."""
        route = f"/v1/sessions/{self.session}/files/answer.json"
        body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        assert self.site.api("PUT", route, body).status in (200, 201)
        assert self.post(self.session, {"command": "sim answer /work/answer.json"}).json["ok"]
        answer = self.post(self.session, {"command": "version"})
        assert answer.status == expect, (answer, body[:1000])
        return answer.json

    def text(self):
        return "".join(self.random.choice([*ODD, chr(self.random.randrange(0x10000))]) for _ in range(self.random.randrange(4)))

    def value(self, depth=4):
        pick = self.random
        return pick.choice([lambda: None, lambda: True, lambda: pick.randrange(-9, 9), lambda: 10 ** pick.randrange(600), lambda: float("nan"),
                            lambda: -float("inf"), lambda: pick.random() * 10.0 ** pick.randrange(-300, 300), self.text, self.text,
                            *([lambda: [self.value(depth - 1) for _ in range(pick.randrange(4))],
                               lambda: {self.text(): self.value(depth - 1) for _ in range(pick.randrange(4))}] * 2 if depth else [])])()

    def all_that_python_writes(self):
        for _ in range(150):
            values = [self.value() for _ in range(self.random.randrange(4))]
            log = {level: [self.text() for _ in range(self.random.randrange(3))] for level in ("note", "warning", "error", "bug")}
            error = {"type": self.text(), "message": self.text()} if self.random.randrange(3) == 0 else None
            answer = self.answers({"json values": [json.dumps(one) for one in values], "python values": values, "log messages": log, "error": error})
            assert answer["values"] == as_told(values), (answer, values)
            assert answer["log"] == as_told(log) and answer["error"] == as_told(error), (answer, log, error)

    def deep(self):
        def nested(levels):
            return "[" * levels + "]" * levels
        for levels in (100, 900, 1001, 100_000):
            reply = {"json values": [nested(levels), "1"], "log messages": {"note": ["n"]}, "error": None}
            answer = self.answers(reply)
            told = answer["values"][0]
            assert answer["values"][1] == 1 and answer["log"]["note"] == ["n"], levels
            assert (told == nested(levels)) if levels > 1000 else (json.dumps(told) == nested(levels)), levels

    def not_understood(self):
        for odd in (b"", b"<html>\xff", b"[]", b"{}", b'{"json values": [', b'{"log messages": []}', b"\xef\xbb\xbf"):
            answer = self.answers(odd, expect=502)
            assert answer["state_may_have_changed"] is True and answer["failed"] == 0, answer
        assert self.answers(b'\xef\xbb\xbf{"json values": null, "error": null}')["values"] == []
        assert self.site.api("POST", f"/v1/sessions/{self.session}/commands", b'{"command": "caf\\udce9"}').status == 400
        assert self.site.run_command(self.session, "version")["ok"], "it serves on"

    # -- what people see ------------------------------------------------------------------------------------------

    def told_once(self):
        ctl = self.site.sandboxctl
        for command in ("open nosuch", "nonsense"):
            message = self.site.run_command(self.session, command)["error"]["message"]
            for arguments in (("exec", self.session, command),):
                done = ctl(*arguments, check=False)
                assert done.returncode == 1 and (done.stdout + done.stderr).count(message) == 1, done

    def no_network(self):
        answer = self.site.run_command(self.session, "open 1abc")
        assert "urlopen error" in answer["error"]["message"] and "sandboxctl cp" in answer["hint"], answer
        done = self.site.sandboxctl("exec", self.session, "open 1abc", check=False)
        assert done.returncode == 1 and done.stderr.count("urlopen error") == 1 and "sandboxctl cp" in done.stderr and not done.stdout, done
        assert self.site.run_command(self.session, "open nosuch")["hint"] is None


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        (site.tenants / "acme.toml").write_text('max_sessions = 1000\npolicies = ["test", "slow", "never"]\n')
        site.write_policy("slow", SLOW)
        site.write_policy("never", NEVER)
        site.start()
        tests = Commands(site)
        tap.test("a session that is not ready yet takes commands, as the README has them", tests.as_the_readme_says)
        tap.test("files and pictures wait for a session's start", tests.files_and_pictures_wait)
        tap.test("who waits for a start learns that the session ended, or that nothing was sent in time", tests.ends_before)
        tap.test("several commands have a result each, and stop at the first that fails", tests.several)
        tap.test("no other client's command comes between those of a list", tests.one_turn)
        tap.test("a crash in the middle of a list keeps what came before it", tests.crash_in_the_middle)
        tap.test("whatever json.dumps writes is taken, values and log", tests.all_that_python_writes)
        tap.test("a value that nests too deep is told as its text, with the log", tests.deep)
        tap.test("an answer that is not understood says that the state may have changed", tests.not_understood)
        tap.test("sandboxctl tells ChimeraX's error once", tests.told_once)
        tap.test("a fetch without a network comes with the cure", tests.no_network)
    tap.finish()


if __name__ == "__main__":
    main()
