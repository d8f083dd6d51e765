#!/usr/bin/env python3
"""Sessions that rest, and that end by their clocks, with a real launcher and the kernel's freezer."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


def group_of(site, session):
    found = [path for path in site.cgroup_root().rglob(session["id"]) if path.is_dir()]
    assert len(found) == 1, found
    return found[0]


def is_frozen(group):
    return "frozen 1" in (group / "cgroup.events").read_text()


def cpu_usage(group):
    """Microseconds."""
    line = next(line for line in (group / "cpu.stat").read_text().splitlines() if line.startswith("usage_usec"))
    return int(line.split()[1])


def frozen_while_it_burns(site):
    """Frozen, its threads use nothing; the request that thaws it is served, and they go on."""
    session = site.create()
    group = group_of(site, session)
    site.value(session["id"], "sim burn 2 60")
    before = cpu_usage(group)
    harness.wait_for(lambda: cpu_usage(group) > before + 100_000, "the threads burn")

    answer = site.api("POST", f"/v1/sessions/{session['id']}/freeze")
    assert answer.status == 200 and answer.json["state"] == "frozen", answer
    harness.wait_for(lambda: is_frozen(group), "the kernel has stopped them all")
    frozen = cpu_usage(group)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        assert is_frozen(group) and cpu_usage(group) == frozen
        time.sleep(0.5)  # the promise is about time that goes by

    assert not site.run_command(session["id"], "version").get("error")
    assert site.get(session["id"])["state"] in ("ready", "busy")
    harness.wait_for(lambda: not is_frozen(group) and cpu_usage(group) > frozen + 100_000, "they burn again")
    site.api("POST", f"/v1/sessions/{session['id']}/freeze")
    assert site.delete(session["id"]).status == 200
    site.assert_no_residue()


def works_by_itself(site):
    """CPU time is activity: the session lives on as long as it burns, and ends after; one that burns too little ends in time."""
    works, dozes = site.create(tenant="sleepy", policy="worker"), site.create(tenant="sleepy", policy="worker")
    site.value(works["id"], "sim burn 2 13")  # a share of the CPU is enough where others want it, too
    began = time.monotonic()
    ended = site.wait_ended(dozes["id"])
    assert ended["end"]["reason"] == "idle" and time.monotonic() - began < 9, ended
    while time.monotonic() < began + 10:
        assert site.get(works["id"])["state"] == "ready", "nobody asks, but it works"
        time.sleep(0.5)  # the promise is about time that goes by
    ended = site.wait_ended(works["id"])
    assert ended["end"]["reason"] == "idle" and time.monotonic() - began < 27, ended
    assert ended["last_activity_at"] > ended["ready_at"], ended
    site.assert_no_residue()


def write_drowsy_site(site):
    site.write_policy("worker", '[lifecycle]\nend_after = "7s"\nactive_cpus = 0.25\n')
    site.write_policy("drowsy", '[lifecycle]\nfreeze_after = "1s"\nend_after = "3s"\n')
    tenant = site.tenants / "sleepy.toml"
    tenant.write_text('max_sessions = 5\npolicies = ["drowsy", "worker"]\n')
    tenant.chmod(0o644)


def rests_then_ends(site):
    """By its policy: frozen when nobody uses it, then ended."""
    session = site.create(tenant="sleepy", policy="drowsy")
    answer = site.api("GET", f"/v1/sessions/{session['id']}/wait?state=frozen&timeout=20")
    assert answer.json["state"] == "frozen", answer
    assert site.wait_ended(session["id"])["end"]["reason"] == "idle"
    site.assert_no_residue()


def lives_so_long(site):
    session = site.create(max_lifetime_seconds=2)
    assert session["expires"]["lifetime_at"], session
    end = site.wait_ended(session["id"])["end"]
    assert end["reason"] == "lifetime" and end["exit_status"] == 0, end
    site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        write_drowsy_site(site)
        site.start()
        tap.test("a frozen session uses no CPU, and the request that thaws it is served", frozen_while_it_burns, site)
        tap.test("a session that works by itself is not idle", works_by_itself, site)
        tap.test("a session that nobody uses is frozen, then ended", rests_then_ends, site)
        tap.test("a session ends in good order when it has lived as long as it may", lives_so_long, site)
    tap.finish()


if __name__ == "__main__":
    main()
