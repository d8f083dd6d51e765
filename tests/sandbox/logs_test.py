#!/usr/bin/env python3
"""The log of a session outlives it: after every kind of end, for a while, within bounds, and for those alone who may see the session."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

KIB = 1024
SETTINGS = '[logs]\nkeep = "1h"\nsize_per_tenant = "1M"\nsize = "1536K"\n'


def log(site, session, token=None, **query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return site.api("GET", f"/v1/sessions/{session['id']}/logs?{text}", token=token, tcp=token is not None)


def kill(pid):
    pidfd = os.pidfd_open(pid)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    harness.wait_for_end(pidfd)
    os.close(pidfd)


def lost(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except (OSError, http.client.HTTPException):
        pass  # the manager died over it


def kept(site, session):
    return site.get(session["id"])["session"]["end"]["log"]


def speaks(site, session, text):
    site.run_command(session["id"], f"sim print {text}")


def launcher_keeps_none(site):
    """It has removed what the manager has, also of sessions that it ended alone."""
    harness.wait_for(lambda: not list((site.state / "logs").iterdir()) and not list((site.run / "ended").iterdir()), "the launcher forgets")


def last_words_of_a_crash(site):
    session = site.create()
    site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "sim print these are last words; sim crash SEGV"})
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] == "signalled" and end["log"]["kept"] and end["log"]["bytes"] > 0, end
    answer = log(site, session)
    assert answer.status == 200 and b"REST server started" in answer.body and b"these are last words\n" in answer.body, answer
    assert b"Fatal" in log(site, session, stream="stderr").body
    done = site.sandboxctl("logs", session["id"])
    assert "these are last words\n" in done.stdout and "Fatal" in done.stderr, done
    assert "Log:           kept until " in site.sandboxctl("status", session["id"], check=False).stdout


def every_kind_of_end(site):
    site.write_policy("small", '[lifecycle]\nmax_lifetime = "3s"\n', extends="test")
    site.write_policy("strict", 'start_timeout = "2s"\nenvironment = { CHIMERAX_STANDIN_FAIL = "bind" }\n', extends="test")
    site.sandboxctl("admin", "reload")
    mute = site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "strict"}).json
    deleted, exited, short = site.create(), site.create(), site.create(policy="small")
    for session in (deleted, exited, short):
        speaks(site, session, f"words of {session['id']}")
    site.api("POST", f"/v1/sessions/{exited['id']}/commands", {"command": "exit"})
    site.delete(deleted["id"])
    for session, reason in ((deleted, "deleted"), (exited, "exited"), (short, "lifetime")):
        end = site.wait_ended(session["id"])["end"]
        assert end["reason"] == reason and end["log"]["kept"], end
        assert f"words of {session['id']}\n" in log(site, session).body.decode(), reason
        assert site.sandboxctl("logs", session["id"], "--tail", "1", "--stream", "stdout").stdout.count("\n") == 1
        assert f"words of {session['id']}\n" in site.sandboxctl("logs", "-f", session["id"]).stdout
    end = site.wait_ended(mute["id"])["end"]
    assert end["reason"] == "start_timeout" and end["log"]["kept"], end
    assert b"Traceback" in log(site, mute, stream="stderr").body
    launcher_keeps_none(site)


def follower_gets_the_end(site):
    session = site.create()
    answers = []
    follower = threading.Thread(target=lambda: answers.append(log(site, session, follow=1)))
    follower.start()
    speaks(site, session, "before")
    site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "sim print the very last; exit"})
    follower.join(30)
    assert answers and answers[0].body.endswith(log(site, session, tail=40).body), answers
    assert b"the very last\n" in answers[0].body, answers


def only_for_its_tenant(site):
    session, other = site.create(), site.create()
    speaks(site, session, "secret")
    site.delete(session["id"])
    for token in ("acme-token", session["token"]):
        assert b"secret" in log(site, session, token=token).body, token
    for token in ("globex-token", other["token"]):
        assert log(site, session, token=token).status == 404, token
    for path in (site.state / "manager/logs", *(site.state / "manager/logs").iterdir()):
        facts = path.stat()
        assert facts.st_uid == harness.MANAGER_UID and facts.st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), (path, oct(facts.st_mode))
    site.delete(other["id"])


def next_managers(site):
    session = site.create()
    speaks(site, session, "from before")
    site.delete(session["id"])
    before = kept(site, session)
    for _ in range(2):
        kill(site.manager_pid())
        harness.wait_for(site.is_ready, "the next manager is ready")
        assert kept(site, session) == before
        assert b"from before\n" in log(site, session).body


def killed_during_the_end(site):
    """By kill -9, as it takes the step and while the launcher ends the sandbox; and both of them at once."""
    fault = site.state / "manager/fault"
    for way in ("ending", "ended", "manager", "both"):
        session = site.create()
        speaks(site, session, f"before {way}")
        if way in ("ending", "ended"):
            scratch = fault.with_suffix(".new")
            scratch.write_text(f"{way}\n")
            os.chown(scratch, harness.MANAGER_UID, harness.MANAGER_UID)
            scratch.rename(fault)
            lost(site.delete, session["id"])
            harness.wait_for(lambda: not fault.exists(), "the manager dies")
        else:
            site.run_command(session["id"], "sim ignore-term; sim ignore-eof" if way == "both" else "version")
            deleting = threading.Thread(target=lost, args=(site.delete, session["id"]), kwargs={"grace": 1})
            deleting.start()
            harness.wait_for(lambda session=session: site.get(session["id"]).get("state", "ended") in ("ending", "ended"), "it is on its way")
            if way == "both":
                manager = os.pidfd_open(site.manager_pid())
                site.launcher.kill()
                site.launcher.wait(10)
                harness.wait_for_end(manager)
                os.close(manager)
                site.start(environment={"SANDBOXD_FAULT_FILE": str(fault)})
            else:
                kill(site.manager_pid())
            deleting.join()
        harness.wait_for(site.is_ready, "the next manager is ready")
        end = site.wait_ended(session["id"])["end"]
        assert end["reason"] == "deleted" and end["log"]["kept"], (way, end)
        assert f"before {way}\n" in log(site, session).body.decode(), way
        launcher_keeps_none(site)
    assert not list((site.state / "manager/logs").glob("*.part"))


def ended_with_nobody_there(site):
    """ChimeraX exits while neither the launcher nor the manager is there."""
    session = site.create()
    speaks(site, session, "alone")
    manager = os.pidfd_open(site.manager_pid())
    site.launcher.kill()
    site.launcher.wait(10)
    harness.wait_for_end(manager)
    os.close(manager)
    kill(session["pid"])
    site.start(environment={"SANDBOXD_FAULT_FILE": str(site.state / "manager/fault")})
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] in ("signalled", "orphaned") and end["log"]["kept"], end
    assert b"alone\n" in log(site, session).body
    launcher_keeps_none(site)


def host_restarted(site):
    """What a boot leaves: the state folder, and nothing of the run folder."""
    session = site.create()
    speaks(site, session, "before the boot")
    manager = os.pidfd_open(site.manager_pid())
    site.launcher.kill()
    site.launcher.wait(10)
    harness.wait_for_end(manager)
    os.close(manager)
    site._remove_cgroups()
    for name in ("sessions", "ended"):
        shutil.rmtree(site.run / name)
    with sqlite3.connect(site.state / "manager/sessions.db") as store:
        record = json.loads(store.execute("SELECT record FROM sessions WHERE id = ?", (session["id"],)).fetchone()[0])
        record["boot_id"] = "another"
        store.execute("UPDATE sessions SET record = ? WHERE id = ?", (json.dumps(record), session["id"]))
    store.close()
    subprocess.run(["chown", "-R", f"{harness.MANAGER_UID}", str(site.state / "manager")], check=True)
    site.start(environment={"SANDBOXD_FAULT_FILE": str(site.state / "manager/fault")})
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] == "host_restarted" and end["log"]["kept"], end
    assert b"before the boot\n" in log(site, session).body
    launcher_keeps_none(site)


def bounds(site):
    """acme keeps no more than its size, and globex' log stays, whatever acme does; both together stay within the size of all."""
    def flooded(tenant, size):
        session = site.create(tenant=tenant)
        site.run_command(session["id"], f"sim flood stdout {size}")
        harness.wait_for(lambda: len(log(site, session, tail=size).body) >= size, "it is written")
        site.delete(session["id"])
        return session

    globex = flooded("globex", 300 * KIB)
    acme = [flooded("acme", 400 * KIB) for _ in range(5)]
    assert kept(site, globex)["kept"], kept(site, globex)
    assert [kept(site, session)["kept"] for session in acme] == [False, False, False, True, True], [kept(site, session) for session in acme]
    assert kept(site, acme[0])["reason"] == "dropped", kept(site, acme[0])
    answer = log(site, acme[0])
    assert answer.status == 410 and answer.json["end"]["log"]["reason"] == "dropped", answer
    done = site.sandboxctl("logs", acme[0]["id"], check=False)
    assert done.returncode == 3 and "dropped" in done.stderr, done
    on_disk = sum(path.stat().st_size for path in (site.state / "manager/logs").iterdir())
    assert on_disk <= 1536 * KIB, on_disk
    lines = site.api("GET", "/metrics").body.decode().splitlines()
    assert next(float(line.split()[1]) for line in lines if line.startswith("sandboxd_kept_logs_bytes ")) == on_disk
    # Of one log, no more than the tenant may keep.
    huge = flooded("globex", 2048 * KIB)
    assert kept(site, huge)["kept"] and kept(site, huge)["bytes"] <= 1024 * KIB, kept(site, huge)


def full_disk(site):
    session = site.create()
    speaks(site, session, "for nothing")
    site.run_command(session["id"], f"sim flood stdout {200 * KIB}")
    filler = site.state / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    started = time.monotonic()
    answer = site.delete(session["id"], grace=0)
    assert answer.status == 200 and time.monotonic() - started < 10, "nobody is held up"
    fate = answer.json["end"]["log"]
    assert fate["kept"] is False and fate["reason"] == "failed" and "No space left" in fate["message"], fate
    assert f"the log of session {session['id']} is not kept" in site.log()
    assert not list((site.state / "manager/logs").glob(f"{session['id']}*")), "half a log is none"
    filler.unlink()
    session = site.create()
    speaks(site, session, "there is room again")
    assert site.delete(session["id"]).json["end"]["log"]["kept"]
    assert b"there is room again\n" in log(site, session).body
    launcher_keeps_none(site)


def switched_off(site):
    path = site.folder / "sandboxd.toml"
    path.write_text(path.read_text().replace('keep = "1h"', 'keep = "none"'))
    site.sandboxctl("admin", "reload")
    harness.wait_for(lambda: not list((site.state / "manager/logs").iterdir()), "what was kept goes")
    session = site.create()
    fate = site.delete(session["id"]).json["end"]["log"]
    assert fate["kept"] is False and fate["reason"] == "off", fate
    assert log(site, session).status == 410


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1], settings=SETTINGS) as site:
        site.state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32M,mode=755", "tmpfs", site.state], check=True)
        site.write_policy("test", "[recovery]\nmax_restarts = 0\n")
        site.add_tokens(acme="acme-token", globex="globex-token")
        site.start(environment={"SANDBOXD_FAULT_FILE": str(site.state / "manager/fault")})
        tap.test("a crash's last words are there after it", last_words_of_a_crash, site)
        tap.test("every kind of end keeps the log", every_kind_of_end, site)
        tap.test("a follower gets the last lines", follower_gets_the_end, site)
        tap.test("a kept log is for those alone who may see the session", only_for_its_tenant, site)
        tap.test("kept logs outlive managers", next_managers, site)
        tap.test("a manager that is killed during an end, with and without the launcher, loses no log", killed_during_the_end, site)
        tap.test("an end while nobody is there keeps the log", ended_with_nobody_there, site)
        tap.test("a boot keeps the logs of those that it ended", host_restarted, site)
        tap.test("a disk without room loses the log, and holds up no end", full_disk, site)
        tap.test("kept logs stay within their sizes, each tenant's by itself", bounds, site)
        tap.test("a site that keeps no logs drops what it has kept", switched_off, site)
        site.stop()
        subprocess.run(["umount", site.state], check=True)
    tap.finish()


if __name__ == "__main__":
    main()
