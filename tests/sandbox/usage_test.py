#!/usr/bin/env python3
"""What tenants have used: nothing is lost of it, or counted twice, when managers are killed."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


def total(site, tenant="acme"):
    answer = site.api("GET", f"/v1/tenants/{tenant}/usage")
    assert answer.status == 200, answer
    document = answer.json
    for figure in ("sessions", "cpu_seconds", "session_hours"):
        added = sum(day[figure] for day in document["days"])
        assert abs(added - document["total"][figure]) < 1e-6, document
    return document["total"]


def kill_manager(site):
    old = site.manager_pid()
    pidfd = os.pidfd_open(old)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    harness.wait_for_end(pidfd)
    os.close(pidfd)
    harness.wait_for(site.is_ready, "the next manager is ready")


def counts(site):
    """All CPU time of all sessions, to the microsecond, over two killed managers."""
    assert total(site)["sessions"] == 0
    first, second, other = site.create(), site.create(), site.create(tenant="globex")
    ended = [site.delete(first["id"], grace=0).json]
    site.run_command(second["id"], "sim burn 1 2 wait")
    harness.wait_for(lambda: total(site)["cpu_seconds"] >= 0.3, "what lives counts, too")
    harness.wait_for(lambda: total(site)["session_hours"] > 0, "its time, too")
    kill_manager(site)
    site.api("GET", f"/v1/sessions/{second['id']}/wait?state=ready&timeout=20")
    site.run_command(second["id"], "sim burn 1 2 wait")
    kill_manager(site)
    site.api("GET", f"/v1/sessions/{second['id']}/wait?state=ready&timeout=20")
    ended.append(site.delete(second["id"], grace=0).json)
    used = sum(session["end"]["cpu_seconds"] for session in ended)
    figures = total(site)
    assert figures["sessions"] == 2, figures
    assert abs(figures["cpu_seconds"] - used) < 1e-5, (figures, used)
    assert used >= 0.6, figures
    assert total(site, "globex")["sessions"] == 1
    site.delete(other["id"], grace=0)
    kill_manager(site)
    assert total(site) == figures, "and it is the same to the next manager"


def rights(site):
    token = site.api("POST", "/v1/tokens", {"tenant": "acme"}).json["token"]
    own = site.api("GET", "/v1/tenants/acme/usage", token=token, tcp=True)
    assert own.status == 200 and own.json["tenant"] == "acme", own
    for tenant in ("globex", "nobody"):
        assert site.api("GET", f"/v1/tenants/{tenant}/usage", token=token, tcp=True).status == 404, tenant
    assert site.api("GET", "/v1/tenants/nobody/usage").status == 404
    session = site.create()
    assert site.api("GET", "/v1/tenants/acme/usage", token=session["token"], tcp=True).status == 403
    site.delete(session["id"], grace=0)


def days(site):
    assert site.api("GET", "/v1/tenants/acme/usage?since=2020-01-01&until=2020-01-31").json["days"] == []
    for bad in ("2026-02-30", "2026-1-31", "yesterday", "2026-01-31T00:00:00Z", "", "2026-00-10"):
        answer = site.api("GET", f"/v1/tenants/acme/usage?since={bad}")
        assert answer.status == 400 and "2026-01-31" in answer.body.decode(), (bad, answer)


def command(site):
    lines = site.sandboxctl("tenant", "usage", "acme").stdout.splitlines()
    assert lines[0].split() == ["DAY", "SESSIONS", "SESSION", "HOURS", "CPU", "SECONDS", "MEMORY", "GB", "HOURS"], lines
    assert lines[-1].split()[0] == "total" and int(lines[-1].split()[1]) == total(site)["sessions"], lines
    refused = site.sandboxctl("tenant", "usage", "acme", "--since", "monday", check=False)
    assert refused.returncode == 2 and "2026-01-31" in refused.stderr, refused


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        tap.test("a tenant's account has the CPU time of its sessions, whatever befalls the manager", counts, site)
        tap.test("a tenant reads its own account, and no other", rights, site)
        tap.test("days are asked for as days", days, site)
        tap.test("sandboxctl tells it by day", command, site)
    tap.finish()


if __name__ == "__main__":
    main()
