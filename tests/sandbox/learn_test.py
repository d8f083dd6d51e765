#!/usr/bin/env python3
"""`sandboxctl policy learn`: which system calls a session makes, from one that may do no more than any other."""

import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

TRIED = "sim memory 4096 memfd"  # refused by the profile of these tests


def write_profile(site, name, without):
    """The shipped one but for a call."""
    profile = json.loads((site.policies / "seccomp/chimerax.json").read_text())
    for rule in profile["syscalls"]:
        rule["names"] = [call for call in rule["names"] if call != without]
    profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
    (site.policies / f"seccomp/{name}.json").write_text(json.dumps(profile))


def learning(site, *arguments):
    return subprocess.Popen([site.find("bin/sandboxctl"), "--host", f"unix://{site.api_socket}", "policy", "--config", site.folder / "sandboxd.toml", "learn",
                             "test", "-t", "acme", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ready_session(command):
    line = command.stderr.readline()
    assert "is ready, and its system calls are counted" in line, line
    return line.split()[1]


def counts(site):
    """Each call, allowed or refused, also of the end; and what is refused is refused as ever."""
    plain, learned = site.create(), site.create(learn=True)
    assert learned["learns"] and "learns" not in plain
    answers = [site.value(session["id"], TRIED) for session in (plain, learned)]
    assert answers[0] == answers[1] and answers[0]["error"], answers
    assert site.value(learned["id"], "sim ls /work") == site.value(plain["id"], "sim ls /work")
    ended = site.delete(learned["id"]).json["end"]
    calls = ended["system_calls"]
    assert calls["refused"].get("memfd_create") == 1, calls
    for name in ("read", "execve", "openat", "exit_group", "getdents64", "socket", "futex"):
        assert calls["allowed"].get(name, 0) >= 1, (name, calls)
    assert "memfd_create" not in calls["allowed"] and "clone3" not in calls["allowed"], calls
    assert site.get(learned["id"])["session"]["end"]["system_calls"] == calls
    assert "system_calls" not in site.delete(plain["id"]).json["end"]
    site.assert_no_residue()


def is_confined(site):
    """Every promise holds, and holds again after ChimeraX and the launcher were started anew."""
    session = site.create(learn=True)

    def proofs():
        done = site.sandboxctl("-o", "json", "verify", session["id"], check=False)
        document = json.loads(done.stdout)
        return {proof["promise"] for proof in document["proofs"] if proof["verdict"] == "failed"}

    assert proofs() == set(), proofs()
    assert "calls counted" in site.sandboxctl("inspect", session["id"]).stdout
    assert site.api("POST", f"/v1/sessions/{session['id']}/restart").status in (200, 202)
    site.api("GET", f"/v1/sessions/{session['id']}/wait?state=ready&timeout=20")
    assert site.value(session["id"], TRIED)["error"]
    site.launcher.kill()
    site.launcher.wait()
    site.start()
    harness.wait_for(lambda: site.get(session["id"])["state"] == "ready", "the next launcher has it")
    assert site.value(session["id"], TRIED)["error"], "who counts has outlived the launcher"
    assert proofs() - {"published port"} == set(), proofs()
    assert site.api("POST", f"/v1/sessions/{session['id']}/freeze").status == 200
    assert site.value(session["id"], TRIED)["error"]
    calls = site.delete(session["id"]).json["end"]["system_calls"]
    assert calls["refused"]["memfd_create"] == 3, calls
    site.assert_no_residue()


def counter_dies(site):
    """Who counts is killed: the calls fail, the session ends, nothing is left of it, and no call gets through."""
    session = site.create(learn=True)
    group = next(path for path in site.cgroup_root().rglob(session["id"]) if path.is_dir())
    pids = [pid for pid in (group / "init/cgroup.procs").read_text().split()
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "sandbox-learn\n"]
    assert len(pids) == 1, pids
    status = pathlib.Path(f"/proc/{pids[0]}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65534"] * 4 and fields["NoNewPrivs"] == "1", status
    assert {fields[name].strip("0") for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}, status
    assert int(pathlib.Path(f"/proc/{pids[0]}/oom_score_adj").read_text()) < 300, "its death gives no memory back"
    os.kill(int(pids[0]), signal.SIGKILL)
    ended = site.wait_ended(session["id"])
    assert ended["end"]["reason"] in ("signalled", "orphaned", "hung"), ended["end"]
    site.assert_no_residue()


def dies_while_held(site):
    """The session ends by itself: what was learned is told, and that it is not the whole."""
    profile = site.folder / "half.json"
    command = learning(site, "--profile", profile)
    session = ready_session(command)
    site.run_command(session, "sim exit 0", expect=502)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 1 and "CALL" in out and "exited" in err and not profile.exists(), (command.returncode, out, err)
    site.assert_no_residue()


def rights(site):
    token = site.api("POST", "/v1/tokens", {"tenant": "acme"}).json["token"]
    refused = site.api("POST", "/v1/sessions", {"policy": "test", "learn": True}, token=token, tcp=True)
    assert refused.status == 403 and "admin" in refused.body.decode(), refused


def narrows(site):
    """What was learned is enough for the same again, and for no more."""
    folder = site.folder / "scripts"
    folder.mkdir()
    script = folder / "look.cxc"
    script.write_text("sim ls /work\nsim write /work/a.txt hello\n")
    profile = site.policies / "seccomp/learned.json"
    told = site.sandboxctl("policy", "--config", site.folder / "sandboxd.toml", "learn", "test", "-t", "acme", "--profile", profile, script)
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["CALL", "ALLOWED", "REFUSED"], told
    assert any(line.split()[0] == "openat" and int(line.split()[1]) > 0 for line in lines[1:]), told
    assert "allows" in told.stderr and "keyctl" not in told.stderr and "ptrace" not in told.stdout, told
    site.sandboxctl("policy", "check", profile)
    names = {name for rule in json.loads(profile.read_text())["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert "openat" in names and "mlockall" not in names and "memfd_create" not in names, names
    site.write_policy("narrow", '[seccomp]\nprofile = "learned"\n')
    site.tenants.joinpath("acme.toml").write_text('max_sessions = 9\npolicies = ["test", "narrow"]\n')
    site.sandboxctl("admin", "reload")
    for _ in range(3):
        site.sandboxctl("run", "-t", "acme", "-p", "narrow", script)
    again = json.loads(site.sandboxctl("-o", "json", "policy", "--config", site.folder / "sandboxd.toml", "learn", "narrow", "-t", "acme", script).stdout)
    assert set(again) == {"policy", "profile", "session", "system_calls", "unused"}, again
    site.assert_no_residue()


def stops_by_signal(site):
    """Without a script the session is the operator's until Ctrl-C."""
    command = learning(site)
    session = ready_session(command)
    assert site.value(session, TRIED)["error"]
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 0, (out, err)
    assert next(line.split() for line in out.splitlines() if line.startswith("memfd_create")) == ["memfd_create", "-", "1"], out
    assert "refused some or all of: clone3, memfd_create." in err, err
    site.assert_no_residue()


def says_what_is_wrong(site):
    for arguments, status, word in ((("nosuch", "-t", "acme"), 3, "nosuch"), (("test",), 2, "tenant"),
                                    (("test", "-t", "acme", "--profile", "/no/such/folder/p.json"), 3, "/no/such/folder"),
                                    (("test", "-t", "acme", "/no/such.cxc"), 3, "/no/such.cxc")):
        done = site.sandboxctl("policy", "--config", site.folder / "sandboxd.toml", "learn", *arguments, check=False)
        assert done.returncode == status and word in done.stderr and not done.stdout, (arguments, done)
    site.assert_no_residue()


def tells_why_not(site):
    """A profile too narrow to start with: what it refused is told, and that it failed."""
    write_profile(site, "nosocket", "socket")
    site.write_policy("deaf", 'start_timeout = "3s"\n[seccomp]\nprofile = "nosocket"\n')
    site.tenants.joinpath("acme.toml").write_text('max_sessions = 9\npolicies = ["test", "deaf"]\n')
    site.sandboxctl("admin", "reload")
    done = site.sandboxctl("policy", "--config", site.folder / "sandboxd.toml", "learn", "deaf", "-t", "acme", check=False)
    assert done.returncode == 1 and "start_timeout" in done.stderr, done
    assert any(line.split()[0] == "socket" and line.split()[2] != "-" for line in done.stdout.splitlines()[1:]), done


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        write_profile(site, "nomemfd", "memfd_create")
        site.write_policy("test", '[seccomp]\nprofile = "nomemfd"\n')
        site.start()
        tap.test("each system call of a session is counted, and decided on as ever", counts, site)
        tap.test("a session that is learned from keeps every promise, whoever is started anew", is_confined, site)
        tap.test("who counts has no rights, and its death opens nothing", counter_dies, site)
        tap.test("an admin alone may learn", rights, site)
        tap.test("a learned profile is enough for the same scripts", narrows, site)
        tap.test("without scripts it learns until a signal comes", stops_by_signal, site)
        tap.test("a session that ends by itself is no whole run", dies_while_held, site)
        tap.test("what is wrong is said before a session is made", says_what_is_wrong, site)
        tap.test("of a session that does not start it says what was refused", tells_why_not, site)
    tap.finish()


if __name__ == "__main__":
    main()
