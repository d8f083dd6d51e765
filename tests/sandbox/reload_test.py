#!/usr/bin/env python3
"""`sandboxctl admin reload` and SIGHUP: all files of the site are in force at once, or what was in force before still is."""

import hashlib
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

TOKEN = "acme-token"


def metric(site, name):
    lines = site.api("GET", "/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def policies(site):
    return {policy["name"]: policy["digest"] for policy in site.api("GET", "/v1/policies").json["policies"]}


def takes_all(site):
    """Policies, tenants, tokens and settings; what runs keeps its policy; what needs a restart is named."""
    session = site.create()
    site.write_policy("test", '[lifecycle]\nend_after = "2h"\n')
    site.write_policy("fresh")
    site.tenants.joinpath("acme.toml").write_text(
        f'max_sessions = 9\npolicies = ["test", "fresh"]\ntoken_hashes = ["{hashlib.sha256(TOKEN.encode()).hexdigest()}"]\n')
    config = site.folder / "sandboxd.toml"
    config.write_text(config.read_text().replace("slots = 1024", "slots = 1000") + "max_sessions = 50\n")
    refused = site.api("POST", "/v1/sessions", {"tenant": "acme", "policy": "fresh"})
    assert refused.status in (403, 404), refused
    assert site.api("GET", "/v1/quota", token=TOKEN, tcp=True).status == 401
    told = site.sandboxctl("admin", "reload").stdout
    for line in ("policies added: fresh", "policies changed: test", "tenants changed: acme", "settings taken: admission.max_sessions",
                 "settings that need a restart: slots"):
        assert line in told.splitlines(), told
    assert site.api("GET", "/v1/quota", token=TOKEN, tcp=True).json["quotas"][0]["sessions"]["max"] == 9
    assert site.api("GET", "/v1/pressure").json["sessions"]["max"] == 50
    assert site.get(session["id"])["policy"]["digest"] == session["policy"]["digest"], "it keeps what it was started with"
    assert site.run_command(session["id"], "version")["ok"]
    new = site.create(policy="fresh")
    assert site.create()["policy"]["digest"] != session["policy"]["digest"]
    for one in site.api("GET", "/v1/sessions").json["sessions"]:
        site.delete(one["id"])
    assert new["policy"]["name"] == "fresh"
    site.write_tenant("acme")
    again = json.loads(site.sandboxctl("-o", "json", "admin", "reload").stdout)
    assert again["tenants"]["changed"] == ["acme"] and again["policies"] == {"added": [], "changed": [], "removed": []}, again
    assert site.api("GET", "/v1/quota", token=TOKEN, tcp=True).status == 401, "the token went with the file"
    site.assert_no_residue()


def takes_nothing(site):
    """Attacks and mistakes: every one is named, the running rules stay, in the manager and in the launcher."""
    before = policies(site)
    path = site.policies / "fresh.toml"
    good = path.read_text()

    def refused(*places):
        done = site.sandboxctl("admin", "reload", check=False)
        assert done.returncode == 2, done
        for place in places:
            assert place in done.stderr, (place, done.stderr)
        assert policies(site) == before and metric(site, "sandboxd_config_last_reload_successful") == 0
        site.delete(site.create()["id"])

    (site.policies / "test.toml").write_text("[resources]\ncpus = true\n")
    (site.tenants / "globex.toml").write_text("max_sessions = 1\nnonsense = 2\n")
    refused("test.toml:2:8: resources.cpus", "globex.toml:2:", "2 are wrong")
    site.write_policy("test", '[lifecycle]\nend_after = "2h"\n')
    site.write_tenant("globex")
    for mode, word in ((0o664, "its group"), (0o646, "everybody")):
        path.chmod(mode)
        refused(f"fresh.toml: the file can be written by {word}")
    path.chmod(0o644)
    os.chown(path, harness.MANAGER_UID, 0)
    refused("fresh.toml: the file belongs to user")
    path.unlink()
    path.symlink_to("/etc/hostname")
    refused("fresh.toml")
    path.unlink()
    for text in (b'extends = "fresh"\n', b"\xff\xfe", b"a" * (1 << 21), b"x = " + b"[" * 100000):
        path.write_bytes(text)
        refused("fresh.toml")
    path.write_text(good)
    config = site.folder / "sandboxd.toml"
    site_text = config.read_text()
    config.write_text(site_text + 'queue_length = "long"\n')
    refused("sandboxd.toml:", "admission.queue_length")
    config.write_text(site_text)
    site.sandboxctl("admin", "reload")
    assert metric(site, "sandboxd_config_last_reload_successful") == 1
    assert metric(site, 'sandboxd_config_reloads_total{result="refused"}') >= 9
    site.assert_no_residue()


def only_admins(site):
    session = site.create()
    for token in (session["token"], "wrong"):
        answer = site.api("POST", "/v1/admin/reload", {}, token=token, tcp=True)
        assert answer.status in (401, 403), answer
    site.delete(session["id"])


def by_signal(site):
    """SIGHUP to either program, audited; a wrong file then ends nothing."""
    for pid in (site.launcher.pid, site.manager_pid()):
        before = metric(site, 'sandboxd_config_reloads_total{result="ok"}')
        os.kill(pid, signal.SIGHUP)
        harness.wait_for(lambda: metric(site, 'sandboxd_config_reloads_total{result="ok"}') == before + 1, "the reload")
    path = site.policies / "wrong.toml"
    path.write_text("nonsense = 1\n")
    os.kill(site.launcher.pid, signal.SIGHUP)
    harness.wait_for(lambda: metric(site, "sandboxd_config_last_reload_successful") == 0, "the refused reload")
    path.unlink()
    site.delete(site.create()["id"])

    def lines():
        return [line for line in site.api("GET", "/v1/audit?limit=1000").json["entries"] if line["action"] == "admin.reload"]

    harness.wait_for(lambda: any("wrong.toml:1:1" in line.get("detail", "") and line["outcome"] == "400" for line in lines()), "the trail has it")
    assert any(line["actor"] == "admin uid 0" and line["outcome"] == "200" for line in lines())


def launcher_is_killed(site):
    """The next launcher reads the files as they are: where they have changed, the manager follows."""
    before = policies(site)["test"]
    site.write_policy("test", '[lifecycle]\nend_after = "3h"\n')
    site.launcher.kill()
    site.launcher.wait()
    site.start()
    session = site.create()
    assert session["policy"]["digest"] != before
    site.delete(session["id"])
    site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        tap.test("a reload takes policies, tenants, tokens and settings at once, and says what changed", takes_all, site)
        tap.test("E34, E35: wrong files, and what others can write: all named, and the running rules stay in force", takes_nothing, site)
        tap.test("nobody but an admin reloads", only_admins, site)
        tap.test("SIGHUP reloads, and is audited", by_signal, site)
        tap.test("a launcher that is started anew and its manager agree", launcher_is_killed, site)
    tap.finish()


if __name__ == "__main__":
    main()
