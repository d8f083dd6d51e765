#!/usr/bin/env python3
"""Managers and launchers that are killed: sessions, their tokens and their ports go on, and nothing is lost of those that ended."""

import http.client
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


def kill(pid):
    """Returns when it has gone."""
    with_pidfd = os.pidfd_open(pid)
    signal.pidfd_send_signal(with_pidfd, signal.SIGKILL)
    harness.wait_for_end(with_pidfd)
    os.close(with_pidfd)


def kill_manager(site):
    """The launcher starts the next one."""
    old = site.manager_pid()
    kill(old)
    harness.wait_for(site.is_ready, "the next manager is ready")
    assert site.manager_pid() != old


def kill_both(site):
    manager = os.pidfd_open(site.manager_pid())
    site.launcher.kill()
    site.launcher.wait(10)
    harness.wait_for_end(manager)  # it does not outlive the launcher that started it
    os.close(manager)
    site.start()


def delete_or_lose(site, session, grace=None):
    try:
        site.delete(session["id"], grace=grace)
    except (OSError, http.client.HTTPException):
        pass  # the manager died over it


def by_port(port, token):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/run?command=version", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def goes_on(site, kill_some):
    sessions = [site.create(tenant=("acme", "globex")[number % 2]) for number in range(12)]
    crashed = site.create()
    site.api("POST", f"/v1/sessions/{crashed['id']}/commands", {"command": "exit"})
    before = site.wait_ended(crashed["id"])
    for _ in range(3):
        kill_some(site)
        for session in sessions:
            answer = site.api("GET", f"/v1/sessions/{session['id']}/wait?state=ready&timeout=20")
            now = answer.json
            for field in ("state", "pid", "address", "published_port", "created_at", "tenant", "policy", "limits"):
                assert now[field] == session[field], (field, now[field], session[field])
        for session, other in zip(sessions, sessions[1:] + sessions[:1]):
            own = f"/v1/sessions/{session['id']}"
            assert site.api("POST", f"{own}/commands", {"command": "version"}, token=session["token"], tcp=True).status == 200
            assert site.api("GET", own, token=other["token"], tcp=True).status in (403, 404)
            status, text = by_port(session["published_port"], session["token"])
            assert status == 200 and "version" in text, (status, text)
            assert by_port(session["published_port"], other["token"])[0] == 401
        after = site.get(crashed["id"])
        assert after["end"] == before["end"], (after["end"], before["end"])
    fresh = site.create()
    assert fresh["id"] not in {session["id"] for session in sessions}
    for session in [*sessions, fresh]:
        assert site.delete(session["id"]).json["end"]["reason"] == "deleted"
    site.assert_no_residue()


def creates_in_flight(site):
    """Creates that are answered with 202 outlive the manager that answered, whatever had become of their sandbox."""
    made = []
    for batch in range(4):
        answers = []

        def create(answers=answers):
            answer = site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "test"})
            answers.append(answer)

        threads = [threading.Thread(target=create) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(answer.status == 202 for answer in answers), answers
        (kill_manager, kill_both)[batch % 2](site)
        made += [answer.json for answer in answers]
    for session in made:
        answer = site.api("GET", f"/v1/sessions/{session['id']}/wait?state=ready&timeout=30", timeout=40)
        assert answer.status == 200 and answer.json["state"] == "ready", (answer, site.log()[-3000:])
        assert site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "version"}, token=session["token"], tcp=True).status == 200
    assert {session["id"] for session in site.api("GET", "/v1/sessions?state=ready").json["sessions"]} == {session["id"] for session in made}
    for session in made:
        site.delete(session["id"])
    site.assert_no_residue()


def deletes_in_flight(site):
    """A delete whose answer was lost is done by the next manager, for the same reason."""
    for kill_some in (kill_manager, kill_both):
        sessions = [site.create() for _ in range(6)]
        for session in sessions[::2]:
            site.run_command(session["id"], "sim ignore-eof")  # so that it takes its grace

        threads = [threading.Thread(target=delete_or_lose, args=(site, session, 1)) for session in sessions]
        for thread in threads:
            thread.start()
        states = lambda: {site.get(session["id"]).get("state", "ended") for session in sessions}  # noqa: E731
        harness.wait_for(lambda: states() <= {"ending", "ended"}, "all of them are on their way")
        kill_some(site)
        for thread in threads:
            thread.join()
        for session in sessions:
            ended = site.wait_ended(session["id"])
            assert ended["state"] == "ended" and ended["end"]["reason"] == "deleted", ended
            assert "exit_status" in ended["end"] or "signal" in ended["end"], ended
        site.assert_no_residue()


def fault_file(site):
    """In the manager's own folder: it takes the file away before it dies."""
    return site.state / "manager/fault"


def arm(site, *states):
    """The manager dies at the first of these steps, the next one at the next."""
    path = fault_file(site)
    # Taken by its first line, so it must be there as a whole.
    scratch = path.with_suffix(".new")
    scratch.write_text("".join(f"{state}\n" for state in states))
    os.chown(scratch, harness.MANAGER_UID, harness.MANAGER_UID)
    scratch.rename(path)


def killed_at_each_step(site):
    """E41: the manager dies as a session takes the step; the next one gets it to where it has to be."""
    fault = fault_file(site)
    # queued: a second time, as the next manager has it made. ready: when it was recovering.
    for steps in ("starting", "starting queued", "ready", "frozen", "recovering", "recovering ready", "ending", "ended"):
        state = steps.split()[0]
        arm(site, *steps.split())
        old = site.manager_pid()
        try:
            site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "test", "labels": {"step": steps.replace(" ", "-")}})
        except (OSError, http.client.HTTPException):
            assert state in ("starting", "ready"), state  # it may be that quick
        harness.wait_for(site.is_ready, "a manager is there")
        def find(label=steps.replace(" ", "-")):
            try:
                return site.api("GET", f"/v1/sessions?label=step={label}").json["sessions"]
            except (OSError, http.client.HTTPException):
                return None  # it died again

        session = harness.wait_for(find, "it is there")[0]
        own = f"/v1/sessions/{session['id']}"

        def settles(own=own):
            """Its state once nothing is on its way; a manager that is gone is asked again."""
            try:
                answer = site.api("GET", f"{own}/wait?state=ready,frozen&timeout=20")
            except (OSError, http.client.HTTPException):
                return None
            return answer.json.get("state", "ended") if answer.status in (200, 410) else None

        def lost(method, path, body=None):
            try:
                site.api(method, path, body)
            except (OSError, http.client.HTTPException):
                pass

        harness.wait_for(settles, "it is ready")
        if state == "frozen":
            lost("POST", f"{own}/freeze")
        elif state == "recovering":
            lost("POST", f"{own}/commands", {"command": "sim crash SEGV"})
        elif state in ("ending", "ended"):
            lost("DELETE", own)
        harness.wait_for(lambda: not fault.exists(), f"the manager dies at {steps}\n{site.log()[-2000:]}")
        harness.wait_for(lambda old=old: site.is_ready() and site.manager_pid() != old, "the next manager is ready")
        if state not in ("ending", "ended"):  # that it is to end is stored before the step
            harness.wait_for(settles, "it is settled")
            answer = site.api("POST", f"{own}/commands", {"command": "version"})
            assert answer.status == 200, (steps, answer, site.log()[-2500:])
            site.delete(session["id"])
        site.wait_ended(session["id"])
        end = site.get(session["id"])["end"]
        assert end["reason"] == "deleted", (steps, end)
        site.assert_no_residue()


def killed_while_busy(site):
    """Its client is told nothing, and ChimeraX goes on with what it does; the session serves when it is done."""
    session = site.create()
    own = f"/v1/sessions/{session['id']}"
    lost = []

    def ask():
        try:
            lost.append(site.api("POST", f"{own}/commands", {"command": "sim sleep 3"}))
        except (OSError, http.client.HTTPException) as error:
            lost.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    harness.wait_for(lambda: site.get(session["id"])["state"] == "busy", "it is busy")
    kill_manager(site)
    asking.join()
    assert isinstance(lost[0], (OSError, http.client.HTTPException)), lost
    answer = site.api("GET", f"{own}/wait?state=ready&timeout=20")
    assert answer.status == 200, answer
    assert site.run_command(session["id"], "version")
    now = site.get(session["id"])
    assert now["pid"] == session["pid"] and now["restarts"] == 0, now
    assert site.delete(session["id"]).json["end"]["reason"] == "deleted"
    site.assert_no_residue()


def killed_as_stuck(site):
    """E48: what cannot be removed is stuck, is told so, and goes once it can, also by the hand of the next manager."""
    for states in ([], ["stuck"]):
        session = site.create()
        group = next(path for path in site.cgroup_root().rglob(session["id"]) if path.is_dir())
        subprocess.run(["mount", "--bind", group, group], check=True)  # rmdir(2): EBUSY
        fault = fault_file(site)
        if states:
            arm(site, *states)
        delete_or_lose(site, session)
        if states:
            harness.wait_for(lambda fault=fault: not fault.exists() and site.is_ready(), "the manager dies at it")
        harness.wait_for(lambda session=session: site.get(session["id"]).get("state") == "stuck", f"it is stuck\n{site.log()[-2000:]}")
        assert group.exists()
        subprocess.run(["umount", group], check=True)
        end = site.wait_ended(session["id"])["end"]
        assert end["reason"] == "deleted" and end["exit_status"] == 0, end
        site.assert_no_residue()


def damaged_store(site):
    """What lives is known from the launcher, and its token works."""
    session = site.create()
    site.launcher.kill()
    site.launcher.wait(10)
    store = site.state / "manager/sessions.db"
    store.write_bytes(b"no database at all" * 1000)
    site.start()
    harness.wait_for(lambda: site.api("GET", f"/v1/sessions/{session['id']}").status == 200, "the launcher tells")
    now = site.api("GET", f"/v1/sessions/{session['id']}/wait?state=ready&timeout=20").json
    assert now["state"] == "ready" and now["published_port"] == session["published_port"], now
    assert by_port(session["published_port"], session["token"])[0] == 200
    assert len(list(store.parent.glob("sessions.db.damaged-*"))) == 1
    site.delete(session["id"])
    site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start(environment={"SANDBOXD_FAULT_FILE": str(fault_file(site))})
        tap.test("E41: killed at each step of a session, the next manager goes on with it", killed_at_each_step, site)
        tap.test("E41: killed while a session is busy, the next manager waits for it", killed_while_busy, site)
        tap.test("E48: a session that cannot be removed is stuck until it can, whoever was killed", killed_as_stuck, site)
        tap.test("SIGKILL to the manager: sessions, tokens and ports go on", goes_on, site, kill_manager)
        tap.test("SIGKILL to the launcher and the manager: sessions, tokens and ports go on", goes_on, site, kill_both)
        tap.test("a create that was answered outlives the manager and the launcher", creates_in_flight, site)
        tap.test("a delete under way is done by the next manager, for the same reason", deletes_in_flight, site)
        tap.test("a damaged store is set aside, and live sessions are known from the launcher", damaged_store, site)
    tap.finish()


if __name__ == "__main__":
    main()
