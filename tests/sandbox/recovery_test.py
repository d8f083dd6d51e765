#!/usr/bin/env python3
"""What becomes of a ChimeraX that crashes, hangs, leaves or does not listen, in real sandboxes: each as the policy says, with its evidence."""

import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

RECOVERY = '[recovery]\nmax_restarts = 2\nwindow = "10m"\n'


def write_policies(site):
    site.write_policy("sturdy", RECOVERY)
    site.write_policy("hasty", f'command_timeout = "3s"\n{RECOVERY}')
    site.write_policy("saving", f'{RECOVERY}autosave_every = "1s"\n')
    site.write_policy("frail", '[recovery]\nmax_restarts = 0\n')
    site.write_policy("drowsy", 'command_timeout = "1m"\n[lifecycle]\nend_after = "2s"\n')
    tenant = site.tenants / "acme.toml"
    tenant.write_text('max_sessions = 1000\npolicies = ["sturdy", "saving", "hasty", "frail", "drowsy"]\n')
    tenant.chmod(0o644)


def restarted(site, session, count):
    """The session once ChimeraX was started again so often, and serves."""
    def look():
        now = site.get(session["id"])
        assert now.get("state") != "ended" and "end" not in now, now
        return now if now["restarts"] == count and now["state"] == "ready" else None
    return harness.wait_for(look, f"restart {count}\n{site.log()[-2000:]}", timeout=40)


def command(site, session, text, timeout=60):
    return site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": text}, timeout=timeout)


def ended(site, session, reason):
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] == reason, (end, site.log()[-3000:])
    site.assert_no_residue()
    return end


def starts_again(site):
    """Same id, address, token, workspace; the command whose answer was lost is told of, and not sent again."""
    session = site.create(policy="sturdy")
    site.run_command(session["id"], "save /work/mine.cxs")
    lost = command(site, session, "sim crash SEGV")
    assert lost.status == 502 and lost.json["state_may_have_changed"] is True, lost
    now = restarted(site, session, 1)
    for field in ("address", "port", "published_port", "created_at", "ready_at"):
        assert now[field] == session[field], field
    assert now["pid"] != session["pid"] and "SIGSEGV" in now["restart_reason"], now
    assert not pathlib.Path(f"/proc/{session['pid']}").exists()
    assert site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "open /work/mine.cxs"}, token=session["token"], tcp=True).status == 200
    # What it left running is gone too, and the memory of the first one is not charged twice.
    command(site, session, "sim daemonize")
    os.kill(now["pid"], signal.SIGKILL)
    later = restarted(site, session, 2)
    assert len(harness.processes_of_uids(site.uid_base, site.uid_base + 65536)) == 2, "sandbox-init and ChimeraX"
    site.delete(later["id"])
    site.assert_no_residue()


def saved(site, session):
    """The file of an autosave after the last command."""
    def look():
        now = site.get(session["id"])
        autosave = now.get("autosave") or {}
        return autosave.get("file") if (autosave.get("last_at") or "") >= now["last_activity_at"] else None
    return harness.wait_for(look, f"an autosave\n{site.log()[-2000:]}")


def autosaves(site):
    """What was there at the last autosave is there again after a crash; what cannot be opened is told."""
    session = site.create(policy="saving")
    site.run_command(session["id"], "sim set colour green")
    assert saved(site, session) == "/work/.autosave-0.cxs"
    site.run_command(session["id"], "sim set colour red")
    used_at = site.get(session["id"])["last_activity_at"]
    assert saved(site, session) == "/work/.autosave-1.cxs"
    assert site.get(session["id"])["last_activity_at"] == used_at
    command(site, session, "sim crash SEGV")
    now = restarted(site, session, 1)
    assert now["autosave"]["restored_at"] and now["autosave"]["file"] == "/work/.autosave-1.cxs", now
    assert site.value(session["id"], "sim get colour")["value"] == "red"

    # A manager that is killed forgets none of it.
    site.run_command(session["id"], "sim set colour blue")
    saved(site, session)
    manager = site.manager_pid()
    os.kill(manager, signal.SIGKILL)
    harness.wait_for(lambda: site.manager_pid() != manager and site.is_ready(), "the next manager")
    harness.wait_for(lambda: site.get(session["id"])["state"] == "ready", "the session is taken over")
    command(site, session, "sim crash SEGV")
    now = restarted(site, session, 2)
    assert now["autosave"]["restored_at"], now
    assert site.value(session["id"], "sim get colour")["value"] == "blue"
    site.delete(session["id"])

    # The tenant's own doing: what is there in the file's place cannot be opened.
    session = site.create(policy="saving")
    site.run_command(session["id"], "sim set colour green")
    file = saved(site, session)
    command(site, session, f"sim write {file} nonsense; sim crash SEGV")
    now = restarted(site, session, 1)
    assert now["autosave"]["failure"].startswith("opening: not a session file"), now
    assert not now["autosave"]["restored_at"], now
    site.delete(session["id"])
    site.assert_no_residue()


def crash_loop(site):
    session = site.create(policy="sturdy")
    for count in (1, 2):
        command(site, session, "sim crash ABRT")
        restarted(site, session, count)
    command(site, session, "sim crash ABRT")
    end = ended(site, session, "crash_loop")
    assert "SIGABRT" in end["message"] and end["signal"] == signal.SIGABRT and end["log_tail"], end
    again = site.api("GET", f"/v1/sessions/{session['id']}")
    assert again.json["end"] == end and end["cpu_seconds"] > 0, again


def hangs(site):
    """Over command_timeout it is hung, whatever the REST thread says; the caller's own shorter timeout is another thing."""
    session = site.create(policy="hasty")
    answer = site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "sim sleep 1.5", "timeout_seconds": 0.5})
    assert answer.status == 504 and answer.json["state_may_have_changed"] is True, answer
    assert site.get(session["id"])["state"] == "busy"
    harness.wait_for(lambda: site.get(session["id"])["state"] == "ready", "the command ends by itself")
    assert site.get(session["id"])["restarts"] == 0
    answer = command(site, session, "sim hang")
    assert answer.status in (502, 504) and answer.json["state_may_have_changed"] is True, answer
    assert "command_timeout" in restarted(site, session, 1)["restart_reason"]
    assert site.run_command(session["id"], "version")["ok"]
    site.delete(session["id"])
    site.assert_no_residue()


def stops_listening(site):
    """The tenant closes the REST port: ChimeraX lives, and nobody reaches it."""
    session = site.create(policy="sturdy")
    command(site, session, "remotecontrol rest stop")
    assert "stopped answering" in restarted(site, session, 1)["restart_reason"]
    site.delete(session["id"])
    site.assert_no_residue()


def leaves(site):
    """What is no accident starts nothing again."""
    session = site.create(policy="sturdy")
    command(site, session, "exit")
    end = ended(site, session, "exited")  # told over REST, it aborts: no crash all the same
    assert end["message"] == "ChimeraX was told to exit.", end
    session = site.create(policy="frail")
    command(site, session, "sim crash SEGV")
    assert ended(site, session, "signalled")["signal"] == signal.SIGSEGV
    session = site.create(policy="sturdy")
    init = site.api("GET", f"/v1/sessions/{session['id']}/inspect").json
    for pid in [pid for pid, _ in harness.processes_of_uids(site.uid_base, site.uid_base + 65536)
                if "sandbox-init" in pathlib.Path(f"/proc/{pid}/comm").read_text()]:
        os.kill(pid, signal.SIGKILL)
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] in ("orphaned", "signalled"), (end, init)
    site.assert_no_residue()


def ignores_everything(site):
    """No end of its stdin and no SIGTERM moves it: SIGKILL does, when both graces are over."""
    session = site.create(policy="sturdy")
    site.run_command(session["id"], "sim ignore-eof")
    site.run_command(session["id"], "sim ignore-term")
    since = time.monotonic()
    answer = site.delete(session["id"], grace=1)
    assert answer.json["end"]["reason"] == "deleted" and answer.json["end"]["signal"] == signal.SIGKILL, answer
    assert 1.9 < time.monotonic() - since < 30
    site.assert_no_residue()


def busy_is_not_idle(site):
    session = site.create(policy="drowsy")
    assert command(site, session, "sim sleep 4").status == 200
    now = site.get(session["id"])
    assert now["state"] == "ready", now
    ended(site, session, "idle")


def ends_as_it_becomes_ready(site):
    """The end of stdin within a millisecond of readiness."""
    for _ in range(20):
        session = site.create(policy="sturdy", wait="", expect=202)
        harness.wait_for(lambda session=session: site.get(session["id"])["state"] == "ready", "it is ready")
        end = site.delete(session["id"], grace=2).json["end"]
        assert end["reason"] == "deleted" and end["exit_status"] == 0, end
    site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        write_policies(site)
        site.start()
        tap.test("a ChimeraX that crashes is started again in its sandbox", starts_again, site)
        tap.test("after a crash the last autosave is open again", autosaves, site)
        tap.test("a crash loop ends the session, with what was printed last", crash_loop, site)
        tap.test("a hung ChimeraX is started again; one that is busy is not", hangs, site)
        tap.test("one whose REST port the tenant closed is started again", stops_listening, site)
        tap.test("an exit, a policy without restarts and the death of sandbox-init start nothing again", leaves, site)
        tap.test("a process that ignores everything is killed after both graces", ignores_everything, site)
        tap.test("a session that is busy for longer than the idle time is not idle", busy_is_not_idle, site)
        tap.test("a delete within a moment of readiness ends in good order", ends_as_it_becomes_ready, site)
    tap.finish()


if __name__ == "__main__":
    main()
