#!/usr/bin/env python3
"""`sandboxctl admin backup`, and the procedure of chimerax-sandbox(7) that restores what it wrote, step by step."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


def takes_a_backup(site, to):
    """While sessions come and go; for its owner alone; nothing of a token in it."""
    kept = [site.create(name=f"kept {n}") for n in range(3)]
    site.delete(kept[0]["id"])
    stop = threading.Event()

    def work():
        while not stop.is_set():
            site.delete(site.create()["id"])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(5):
            to.write_text("what was there")
            to.chmod(0o644)
            site.sandboxctl("admin", "backup", str(to))
            assert to.stat().st_mode & 0o777 == 0o600, oct(to.stat().st_mode)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    archive = to.read_bytes()
    for secret in (kept[1]["token"].encode(), (site.state / "manager/token-secret").read_bytes()):
        assert secret not in archive
    assert not list((site.state / "manager").glob("backup-*"))
    for one in kept[1:]:
        site.delete(one["id"])
    return {one["id"] for one in kept}


def only_for_admins(site):
    session = site.create()
    for token in (session["token"], "wrong"):
        answer = site.api("POST", "/v1/admin/backup", token=token, tcp=True)
        assert answer.status in (401, 403), answer
    nowhere = site.sandboxctl("admin", "backup", "/nowhere/backup.tar", check=False)
    assert nowhere.returncode == 3 and "/nowhere/backup.tar" in nowhere.stderr, nowhere
    site.delete(session["id"])


def restores(installed, archive, kept):
    """Another host, on which nothing but the program is: the sessions that had ended are told, with their reasons, and what lived is gone."""
    with harness.Stack(installed) as site:
        for folder in (site.policies, site.tenants):
            shutil.rmtree(folder)
        # chimerax-sandbox(7), "Backup and restore", with this site's folders.
        unpacked = site.folder / "unpacked"
        unpacked.mkdir(mode=0o700)
        subprocess.run(["tar", "-xf", archive, "-C", unpacked, "--no-same-owner"], check=True)
        for name in ("policies", "tenants"):
            subprocess.run(["cp", "-r", unpacked / name, site.folder], check=True)
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", site.policies, site.tenants], check=True)
        subprocess.run(["install", "-d", "-m", "700", "-o", str(harness.MANAGER_UID), "-g", str(harness.MANAGER_UID), site.state / "manager"], check=True)
        subprocess.run(["install", "-m", "600", "-o", str(harness.MANAGER_UID), "-g", str(harness.MANAGER_UID), unpacked / "sessions.db",
                        site.state / "manager/sessions.db"], check=True)
        shutil.rmtree(unpacked)
        site.start()
        found = {one["id"]: one for one in json.loads(site.sandboxctl("-o", "json", "ls", "-a").stdout)["sessions"]}
        assert kept <= set(found), (kept, set(found))
        harness.wait_for(lambda: all("end" in site.api("GET", f"/v1/sessions/{one}").json for one in kept), "each has its end")
        site.delete(site.create()["id"])
        site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    kept = set()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        archive = site.folder / "backup.tar"
        tap.test("a backup is taken while sessions come and go, and has no secret", lambda: kept.update(takes_a_backup(site, archive)))
        tap.test("nobody but an admin takes one", only_for_admins, site)
        copy = pathlib.Path(f"/run/backup-{os.getpid()}.tar")
        shutil.copy(archive, copy)
    try:
        tap.test("what the manual says restores it", restores, sys.argv[1], copy, kept)
    finally:
        copy.unlink()
    tap.finish()


if __name__ == "__main__":
    main()
