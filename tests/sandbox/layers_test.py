#!/usr/bin/env python3
"""The vendor's policies, the admin's above them, and the files that sandboxctl makes for an admin."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

NOBODY = 65534


class Site:
    """A site whose shipped policies are the vendor's; of the admin's there is `test` alone, which extends the vendor's `default`."""

    def __init__(self, stack):
        self.stack, self.vendor, self.admin = stack, stack.folder / "vendor", stack.policies
        shutil.copytree(self.admin, self.vendor)
        (self.vendor / "test.toml").unlink()
        for path in [*self.admin.glob("*.json"), *(path for path in self.admin.glob("*.toml") if path.name != "test.toml")]:
            path.unlink()
        shutil.rmtree(self.admin / "seccomp")
        self.config = stack.folder / "sandboxd.toml"
        self.config.write_text(self.config.read_text().replace('vendor_policies_dir = "none"', f'vendor_policies_dir = "{self.vendor}"'))
        stack.start()

    def tool(self, *words, check=True):
        """sandboxctl with the site's settings behind the first two words."""
        return self.stack.sandboxctl(*words[:2], "--config", str(self.config), *words[2:], check=check)

    def reload(self):
        return self.stack.sandboxctl("admin", "reload").stdout

    def policies(self):
        return {one["name"]: one for one in self.stack.api("GET", "/v1/policies").json["policies"]}


def both_count(site):
    """The manager, the launcher and the tools find the same in both layers."""
    assert {name: one["layer"] for name, one in site.policies().items()} == {
        "batch": "vendor", "default": "vendor", "strict": "vendor", "test": "admin"}, site.policies()
    listed = json.loads(site.tool("policy", "ls", "-o", "json").stdout)["policies"]
    assert {one["name"]: (one["layer"], one["digest"]) for one in listed} == {
        name: (one["layer"], one["digest"]) for name, one in site.policies().items()}, listed
    session = site.stack.create()
    assert session["policy"]["digest"] == site.policies()["test"]["digest"] == site.stack.digest("test")
    site.stack.delete(session["id"])
    plan = json.loads(site.tool("policy", "plan", "test", "--tenant", "acme").stdout)
    assert plan["digest"] == session["policy"]["digest"], plan


def plan_is_of_the_folders_named(site):
    """As of an admin who tries a policy before it counts."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "test.toml").write_text(
            f'description = "tried"\nextends = "default"\n[chimerax]\nexecutable = "{site.stack.standin}"\n[resources]\npids_max = 77\n')
        listed = json.loads(site.tool("policy", "ls", "-o", "json", "--policies", folder).stdout)["policies"]
        words = ("policy", "plan", "test", "--tenant", "acme", "--policies", folder)
        plan = json.loads(site.tool(*words).stdout)
        assert plan["digest"] == {one["name"]: one["digest"] for one in listed}["test"], (plan["digest"], listed)
        assert plan["digest"] != site.policies()["test"]["digest"], "it is the site's"
        alone = site.tool(*words, "--vendor-policies", "none", check=False)
        assert alone.returncode == 2 and "default" in alone.stderr, alone


def admin_wins(site):
    """An override of the vendor's base reaches all that extend it; the vendor's next version does so where nothing is said."""
    before = site.policies()
    made = site.tool("policy", "new", "default").stdout
    path = site.admin / "default.toml"
    assert made.startswith(f"{path} is written") and path.stat().st_mode & 0o777 == 0o644 and path.stat().st_uid == 0, made
    site.reload()
    now = site.policies()
    assert now["default"]["layer"] == "admin-over-vendor" and {name: one["digest"] for name, one in now.items()} == {
        name: one["digest"] for name, one in before.items()}, "it changes nothing yet"
    path.write_text(path.read_text().replace("#pids_max = 512", "pids_max = 300", 1))
    assert "policies changed: default, test" in site.reload()
    now = site.policies()
    assert now["default"]["limits"]["pids"] == now["test"]["limits"]["pids"] == 300, now
    assert now["strict"]["limits"]["pids"] == before["strict"]["limits"]["pids"], now
    told = site.tool("policy", "diff", "default", check=False)
    assert told.returncode == 1 and "resources.pids_max" in told.stdout and "300" in told.stdout, told
    upgraded = site.vendor / "default.toml"
    upgraded.write_text(upgraded.read_text().replace("nofile = 4096", "nofile = 2048").replace("pids_max = 512", "pids_max = 400"))
    assert "policies changed: default, test" in site.reload()
    assert site.policies()["default"]["limits"]["pids"] == 300
    assert "nofile = 2048" in site.tool("policy", "show", "default", "--effective").stdout
    session = site.stack.create()
    site.stack.delete(session["id"])


def attacks(site):
    """What others could write in either layer is refused by the launcher, and what was in force stays; nothing below takes its place."""
    before = site.policies()

    def refused(*words):
        done = site.stack.sandboxctl("admin", "reload", check=False)
        assert done.returncode != 0 and all(word in done.stderr for word in words), (words, done.stderr)
        assert site.policies() == before
        site.stack.delete(site.stack.create()["id"])

    strict, own = site.vendor / "strict.toml", site.admin / "default.toml"
    for path in (strict, own, site.vendor / "seccomp/chimerax.json"):
        path.chmod(0o646)
        refused(path.name, "can be written by everybody")
        path.chmod(0o644)
        os.chown(path, harness.MANAGER_UID, 0)
        refused(path.name, "belongs to user")
        os.chown(path, 0, 0)
    for folder in (site.vendor, site.admin, site.vendor / "seccomp"):
        folder.chmod(0o775)
        refused(f"/{folder.name} can be written by its group")
        folder.chmod(0o755)
    moved = site.vendor.with_name("moved")
    site.vendor.rename(moved)
    site.vendor.symlink_to(moved)
    refused("vendor is a symbolic link")
    site.vendor.unlink()
    moved.rename(site.vendor)
    # In a folder that others can write, even a name that is not there is theirs.
    text = own.read_text()
    own.unlink()
    site.admin.chmod(0o757)
    refused("policies can be written by everybody")
    site.admin.chmod(0o755)
    own.symlink_to("/nonexistent")
    refused("default.toml")
    own.unlink()
    for wrong in ('extends = "strict"\n', "nonsense = 1\n", 'extends = "nope"\n'):
        own.write_text(wrong)
        refused("default.toml:1:")
    own.write_text(text)
    site.reload()
    assert site.policies() == before


def new_tenant(site):
    """A tenant that was just made has its sessions after a reload; nobody but root makes one, and none is made twice."""
    tool = str(site.stack.find("bin/sandboxctl"))

    def as_nobody(*words):
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", tool, *words[:2], "--config", str(site.config), *words[2:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)
    for words in (("tenant", "new", "initech"), ("policy", "new", "initech")):
        done = as_nobody(*words)
        assert done.returncode == 4 and "initech.toml" in done.stderr and "sudo" in done.stderr, done
    site.tool("tenant", "new", "initech", "--policy", "test")
    path = site.stack.tenants / "initech.toml"
    assert path.stat().st_mode & 0o777 == 0o644, path.stat()
    assert "tenants added: initech" in site.reload()
    session = site.stack.create(tenant="initech")
    site.stack.delete(session["id"])
    text = path.read_text()
    done = site.tool("tenant", "new", "initech", check=False)
    assert done.returncode == 1 and "is there already" in done.stderr and path.read_text() == text, done
    for name in ("a-b", "../x", "probe"):
        done = site.tool("tenant", "new", name, check=False)
        assert done.returncode == 2 and done.stderr.startswith("sandboxctl: tenant "), done
    assert {one.name for one in site.stack.tenants.iterdir()} == {"acme.toml", "globex.toml", "initech.toml"}


def no_admin_folder(site):
    """The vendor's layer alone is a site; a folder that is missing is none that is wrong."""
    shutil.rmtree(site.admin)
    assert "policies removed: test" in site.reload()
    assert {one["layer"] for one in site.policies().values()} == {"vendor"}
    site.stack.sandboxctl("admin", "backup", str(site.stack.folder / "backup.tar"))
    site.stack.stop()
    site.stack.start()
    assert set(site.policies()) == {"batch", "default", "strict"}
    for name in ("strict", "mine"):
        site.tool("policy", "new", name, "--extends", "strict")
    site.reload()
    assert {name: one["layer"] for name, one in site.policies().items()} == {
        "batch": "vendor", "default": "vendor", "strict": "admin-over-vendor", "mine": "admin"}


def installs(installed):
    """What an admin writes is nobody else's: the build installs nothing in sysconfdir."""
    found = [path for path in pathlib.Path(installed).rglob("*") if "etc" in path.relative_to(installed).parts]
    assert not found, found
    share = next(pathlib.Path(installed).rglob("share/chimerax-sandbox"))
    names = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    assert {"sandboxd.toml", "policies/default.toml", "policies/strict.toml", "policies/batch.toml", "policies/seccomp/chimerax.json",
            "policies/site.schema.json", "policies/tenant.schema.json", "policies/policy.schema.json", "tenants.example/acme.toml"} <= names, names
    modes = {oct(path.stat().st_mode & 0o777) for path in share.rglob("*") if path.is_file()}
    assert modes == {"0o644"}, modes
    schema = json.loads((share / "policies/site.schema.json").read_text())
    assert schema["properties"]["vendor_policies_dir"]["default"] == f"/{(share / 'policies').relative_to(installed)}"


def main():
    harness.private_host()
    tap = harness.Tap()
    tap.test("nothing is installed where the admin's files are, and all of the vendor's in one place", installs, sys.argv[1])
    with harness.Stack(sys.argv[1]) as stack:
        site = Site(stack)
        tap.test("policies of both layers are in force, and everyone says the same of them", both_count, site)
        tap.test("a plan is made of the policies in the folders that are named", plan_is_of_the_folders_named, site)
        tap.test("the admin's policy counts over the vendor's of its name, and follows it in what it leaves", admin_wins, site)
        tap.test("neither layer is taken where others can write it, and none stands in for the other", attacks, site)
        tap.test("a tenant is made by one command and a reload, by root alone", new_tenant, site)
        tap.test("the admin's folder may be missing", no_admin_folder, site)
    tap.finish()


if __name__ == "__main__":
    main()
