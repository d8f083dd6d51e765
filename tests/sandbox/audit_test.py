#!/usr/bin/env python3
"""The audit trail on a disk that fills up: no session stops, what waits is written once there is room, and what was lost is told in the trail
itself."""

import hmac
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

MOST_KEPT = 16 << 20  # StoreWriter::kMostAuditBytes


def metric(site, name):
    lines = site.api("GET", "/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def trail(site):
    """Whole lines: one may be on its way to the disk."""
    lines = []
    for path in sorted((site.state / "manager/audit").glob("audit*.jsonl"), key=lambda path: (path.name == "audit.jsonl", path.name)):
        lines += [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    return lines


def fill(site):
    """All that the manager may write; returns the file that takes the room, and is not there where the manager has taken all of it."""
    path = site.state / "filler"
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
    except OSError:
        pass
    return path


def refusals(site, count):
    """Each is a line of the trail of more than a kilobyte."""
    path = "/v1/policies/" + "x" * 1500
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(site.api_socket)
        client.settimeout(30)
        stream = client.makefile("rb")
        for _ in range(count):
            client.sendall(request)
            length = 0
            assert stream.readline().startswith(b"HTTP/1.1 40"), "refused"
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            stream.read(length)


def waits_for_room(site):
    """A short while without room: sessions run on and end, errors are counted, and not one line is missing."""
    session = site.create()
    assert metric(site, "sandboxd_audit_write_errors_total") == 0
    filler = fill(site)
    for _ in range(100):
        assert site.run_command(session["id"], "version", timeout=10)["ok"]
    harness.wait_for(lambda: metric(site, "sandboxd_audit_write_errors_total") > 0, "the error is counted")
    started = time.monotonic()
    assert site.delete(session["id"], grace=0).status == 200
    assert time.monotonic() - started < 10, "nobody is held up"
    assert "the audit trail cannot be written, and it is tried again each second" in site.log()
    filler.unlink(missing_ok=True)
    harness.wait_for(lambda: any(line.get("session") == session["id"] and line["outcome"] == "ended" for line in trail(site)), "all is written")
    own = [line for line in trail(site) if line.get("session") == session["id"]]
    assert [line["outcome"] for line in own if line["action"] == "session.state"] == ["queued", "starting", "ready", "ending", "ended"], own
    assert sum(line["action"] == "command" for line in own) == 100
    assert metric(site, "sandboxd_audit_lost_lines_total") == 0 and not [line for line in trail(site) if line["action"] == "audit.lost"]
    harness.wait_for(lambda: "the audit trail can be written again" in site.log(), "the log says so")


def tells_what_is_lost(site):
    """More lines than memory holds: the others are counted, and one line tells how many, from when to when."""
    session = site.create()
    harness.wait_for(lambda: any(line["action"] == "session.create" and line.get("session") == session["id"] for line in trail(site)), "it is written")
    filler = fill(site)
    sent = 0
    while metric(site, "sandboxd_audit_lost_lines_total") == 0:
        refusals(site, 1000)
        sent += 1000
        assert sent * 1000 < 4 * MOST_KEPT, "no line was lost"
    assert site.run_command(session["id"], "version", timeout=10)["ok"], "the session runs on"
    filler.unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,size=128M", site.state], check=True)
    harness.wait_for(lambda: any(line["action"] == "audit.lost" for line in trail(site)), "the gap is told")
    lines = trail(site)
    told = [line for line in lines if line["action"] == "audit.lost"]
    lost = sum(int(line["outcome"]) for line in told)
    assert lost == metric(site, "sandboxd_audit_lost_lines_total"), (told, lost)
    kept = sum(line["action"] == "authentication" for line in lines)
    command = sum(line["action"] == "command" and line.get("session") == session["id"] for line in lines)
    assert kept + lost + command == sent + 1, (kept, lost, command, sent)
    match = re.fullmatch(r"(\d+) lines from (\S+Z) to (\S+Z) were dropped while the trail could not be written", told[0]["detail"])
    assert match and match[2] <= match[3] <= told[0]["at"], told
    assert match[2] > next(line["at"] for line in lines if line.get("session") == session["id"] and line["action"] == "session.create")
    assert f"the audit trail can be written again; {told[0]['detail']}" in site.log()
    site.delete(session["id"])
    site.assert_no_residue({**{key: [] for key in site.residue()}, "mounts": [str(site.state)]})


MULTIPART = "--b\r\nContent-Disposition: form-data; name=\"command\"\r\n\r\nlog text {}\r\n--b--\r\n"


def hash_of(site, command):
    """As the manual tells admins to find a command."""
    key = (site.state / "manager/audit-key").read_bytes()
    return hmac.new(key, command.encode(), "sha256").hexdigest()


def lines_of(site, session, count):
    def found():
        return [line for line in trail(site) if line.get("session") == session["id"] and line["action"] in ("command", "rest")]
    harness.wait_for(lambda: len(found()) == count, f"{count} lines of the trail")
    return found()


def run_all_ways(site, session, word):
    """One command each way: API, raw GET, raw POST, and one that fails; what the trail is to have of them."""
    site.run_command(session["id"], f"log text {word}-api")
    raw = f"/v1/sessions/{session['id']}/rest/run"
    assert site.api("GET", f"{raw}?command=log%20text%20{word}-get").status == 200
    body = MULTIPART.format(word + "-post")
    assert site.api("POST", raw, body.encode(), headers={"Content-Type": "multipart/form-data; boundary=b"}).status == 200
    site.run_command(session["id"], f"{word}-unknown")
    # Of a caller who may not see the session, nothing is kept that would seem to be the session's.
    site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": f"{word}-foreign"}, token="globex-secret")
    return [f"log text {word}-api", f"log text {word}-get", body, f"{word}-unknown"]


def keeps_commands_as_the_policy_says(site):
    """Their text, a hash of each that an admin can compare, or nothing; in no case are they in the log of the programs."""
    for kind in ("text", "hash", "none", "default"):
        site.write_policy("small", f'[audit]\ncommands = "{kind}"\n' if kind != "default" else "", extends="test")
        site.sandboxctl("admin", "reload")
        word = f"secretword-{kind}"
        session = site.create(policy="small")
        sent = run_all_ways(site, session, word)
        lines = lines_of(site, session, 5)
        foreign = lines.pop()
        assert foreign["outcome"] == "404" and not {"commands", "command_hashes"} & set(foreign), foreign
        texts = [line.get("commands") for line in lines]
        hashes = [line.get("command_hashes") for line in lines]
        nothing = [None] * len(sent)
        assert texts == ([[command] for command in sent] if kind == "text" else nothing), lines
        assert hashes == ([[hash_of(site, command)] for command in sent] if kind in ("hash", "default") else nothing), lines
        written = "".join(path.read_text() for path in (site.state / "manager/audit").glob("audit*.jsonl"))
        assert (word in written) == (kind == "text"), kind
        assert f"{word}-foreign" not in written
        assert word not in site.log(), "the log has no command"
        shown = site.sandboxctl("audit", "--session", session["id"]).stdout
        assert (f"log text {word}-api" in shown) == (kind == "text"), shown
        assert ("hash " + hash_of(site, sent[0])[:12] in shown) == (kind in ("hash", "default")), shown
        site.delete(session["id"])
    (site.policies / "small.toml").unlink()
    site.sandboxctl("admin", "reload")
    key = site.state / "manager/audit-key"
    assert key.stat().st_mode & 0o777 == 0o600, oct(key.stat().st_mode)


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M,mode=755", "tmpfs", site.state], check=True)
        site.add_tokens(globex="globex-secret")
        site.start()
        tap.test("the trail has the text, a hash or nothing of commands, as the policy says", keeps_commands_as_the_policy_says, site)
        tap.test("a disk without room stops no session, and loses no line", waits_for_room, site)
        tap.test("what memory does not hold is counted, and the trail says how much, from when to when", tells_what_is_lost, site)
        site.stop()
        subprocess.run(["umount", site.state], check=True)
    tap.finish()


if __name__ == "__main__":
    main()
