#!/usr/bin/env python3
"""The manager with a real launcher, by its API: many sessions at once, crashes of both, and whatever can be wrong at a site."""

import concurrent.futures
import os
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402
from stack import descriptors, resident_kib  # noqa: E402


def uid_of(session):
    status = pathlib.Path(f"/proc/{session['pid']}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1])


def at_once(count, function):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(function, number) for number in range(count)]]


def fifty_at_once(site):
    sessions = at_once(50, lambda _: site.create(tenant="acme"))
    for what, values in (("ids", [one["id"] for one in sessions]), ("uids", [uid_of(one) for one in sessions]),
                         ("addresses", [one["address"] for one in sessions]), ("ports", [one["published_port"] for one in sessions]),
                         ("tokens", [one["token"] for one in sessions])):
        assert len(set(values)) == 50, f"{what}: {values}"
    # What looks for leftovers sees what there is of each.
    there = {kind: len(found) for kind, found in site.residue().items()}
    for kind in ("cgroups", "links", "network_namespaces", "run_folders", "log_folders"):
        assert there[kind] == 50, there
    assert there["processes"] >= 100 and there["tenant_groups"] == 1, there
    ended = at_once(50, lambda number: site.delete(sessions[number]["id"]).status)
    assert set(ended) == {200}, ended
    site.assert_no_residue()


def churn(site):
    """400 creates and deletes, 20 at a time: neither program grows, but for what the manager keeps of each that has ended, its last view and
    its events."""
    kept = {"launcher": 1024, "manager": 1024 + 200 * 4}  # KiB
    programs = {"launcher": site.launcher.pid, "manager": site.manager_pid()}
    figures = []
    for _ in range(2):
        for _ in range(10):
            sessions = at_once(20, lambda _: site.create())
            at_once(20, lambda number, sessions=sessions: site.delete(sessions[number]["id"]))
        site.assert_no_residue()
        figures.append({name: (resident_kib(pid), descriptors(pid)) for name, pid in programs.items()})
    print(f"# KiB resident and descriptors after 200 sessions: {figures[0]}; after 400: {figures[1]}")
    for name in programs:
        (kib, open_files), (later_kib, later_files) = figures[0][name], figures[1][name]
        assert later_kib <= kib + kept[name] and later_files == open_files, (name, figures)


def killed_both(site):
    """ChimeraX answers with both programs dead; the next start takes it over, and serves."""
    session = site.create()
    manager = site.manager_pid()
    with_pidfd = os.pidfd_open(manager)
    os.kill(site.launcher.pid, signal.SIGKILL)
    signal.pidfd_send_signal(with_pidfd, signal.SIGKILL)
    os.close(with_pidfd)
    site.launcher.wait(10)
    url = f"http://{session['address']}:{session['port']}/run?command=version"
    answer = site.gateway("curl", "-s", "-m", "5", url)
    assert "version" in answer.stdout, answer
    assert pathlib.Path(f"/proc/{session['pid']}").exists()
    site.start()
    harness.wait_for(lambda: site.get(session["id"])["state"] == "ready", "the session is taken over")
    assert site.run_command(session["id"], "version")["ok"]
    fresh = site.create()
    assert site.run_command(fresh["id"], "version")["ok"]
    site.delete(fresh["id"])
    site.delete(session["id"])
    site.assert_no_residue()


def refused_create(site, status, *words, policy="test", tenant="acme", **more):
    """The answer of a create that must fail: its status, words of its text, a cure, and no residue."""
    answer = site.api("POST", "/v1/sessions?wait=ready&timeout=30", {"tenant": tenant, "policy": policy, **more})
    assert answer.status == status, answer
    problem = answer.json
    assert answer.headers["Content-Type"] == "application/problem+json", answer.headers
    for word in words:
        assert word in problem["detail"], problem["detail"]
    assert problem["cure"], problem
    site.assert_no_residue()


def write_wrong_site(site):
    """Policies and a tenant that are wrong, each in its own way, beside the right ones."""
    site.write_policy("senseless", "[resources]\nmemory_max = \"lots\"\n")
    site.write_policy("writable")
    (site.policies / "writable.toml").chmod(0o666)
    site.write_policy("no_engine", executable="/opt/none/bin/ChimeraX")
    site.write_policy("no_port", 'start_timeout = "2s"\nenvironment = { CHIMERAX_STANDIN_FAIL = "noport" }\n')
    site.write_policy("crashing", 'environment = { CHIMERAX_STANDIN_FAIL = "crash" }\n')
    site.write_policy("blind", 'environment = { CHIMERAX_STANDIN_FAIL = "norender" }\n')
    site.write_policy("demanding", '[resources]\nenforcement = "strict"\n')
    names = ["test", "senseless", "writable", "no_engine", "no_port", "crashing", "blind", "demanding", "none"]
    (site.tenants / "acme.toml").write_text(f"max_sessions = 1000\npolicies = {names}\n".replace("'", '"'))
    site.write_tenant("a-b")


def wrong_policies(site):
    refused_create(site, 503, "senseless.toml:6", "memory_max", "lots", policy="senseless")
    refused_create(site, 503, "writable.toml", policy="writable")
    refused_create(site, 404, "none", policy="none")


def wrong_tenants(site):
    refused_create(site, 400, "a-b", tenant="a-b")
    refused_create(site, 404, "nobody", tenant="nobody")
    assert 'left out: tenant "a-b"' in site.log(), "the wrong file is named at the start"


def wrong_chimerax(site):
    refused_create(site, 503, "/opt/none/bin/ChimeraX", policy="no_engine")
    refused_create(site, 502, "start_timeout", policy="no_port")
    refused_create(site, 502, "SIGSEGV", policy="crashing")


def probed_engine(site):
    """Version and proof picture come from a sandbox of their own; the session's JSON says what it is from the start."""
    for policy, renders in (("test", True), ("blind", False)):
        session = site.create(policy=policy)
        assert session["engine"]["stand_in"] is True, session["engine"]
        engine = harness.wait_for(lambda session=session: site.get(session["id"])["engine"]["version"] and site.get(session["id"])["engine"], "the probe")
        assert "standin" in engine["version"] and engine["renders"] is renders, engine
        live = [one["id"] for one in site.api("GET", "/v1/sessions").json["sessions"] if one["state"] != "ended"]
        assert live == [session["id"]], "nobody sees the probe"
        site.delete(session["id"])
    site.assert_no_residue()


def missing_controllers(site):
    """This host's cgroup v2 has no memory, cpu and pids controllers: a policy that requires them is refused."""
    controllers = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    if {"memory", "cpu", "pids"} <= set(controllers):
        raise harness.Skip("this host has the controllers")
    refused_create(site, 503, "memory", policy="demanding")


def silent_bus(installed):
    """The systemd driver with a bus that takes connections and never answers."""
    with harness.Stack(installed, driver="systemd") as site:
        path = site.folder / "bus"
        with socket.socket(socket.AF_UNIX) as bus:
            bus.bind(str(path))
            bus.listen(8)
            started = time.monotonic()
            site.start(environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}"})
            refused_create(site, 503, "systemd did not start", "cgroup_driver")
            assert time.monotonic() - started < 40, "it took too long"


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        write_wrong_site(site)
        site.start()
        tap.test("50 creates at once are 50 distinct sessions", fifty_at_once, site)
        tap.test("400 creates and deletes leave nothing, and neither program grows", churn, site)
        tap.test("a wrong policy, and one that others can write: a clear error, and nothing left", wrong_policies, site)
        tap.test("a tenant named a-b, and an unknown one: a clear error, and nothing left", wrong_tenants, site)
        tap.test("a ChimeraX that is missing, opens no port, or crashes: a clear error, and nothing left", wrong_chimerax, site)
        tap.test("an engine's version and whether it renders are found in a sandbox of their own", probed_engine, site)
        tap.test("a host without the controllers: a clear error, and nothing left", missing_controllers, site)
        tap.test("SIGKILL to launcher and manager: ChimeraX does not notice, the next start serves", killed_both, site)
    tap.test("a systemd bus that does not answer: a clear error in time", silent_bus, sys.argv[1])
    tap.finish()


if __name__ == "__main__":
    main()
