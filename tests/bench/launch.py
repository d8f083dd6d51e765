#!/usr/bin/env python3
"""Sets the stage of the launch benchmark: a site, a ChimeraX that is the no-op, and a bundle for crun. The measuring is bench_launch's.

usage: launch.py INSTALLED BENCH_LAUNCH NOOP [ARGUMENT OF BENCH_LAUNCH]...    on a private host, as root
"""

import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from stack import Stack  # noqa: E402

POLICY, TENANT, SLOTS = "test", "acme", 1024


def write_bundle(folder, noop, uid):
    """The least that crun takes: the namespaces that bwrap and we make, one program, /proc and /dev."""
    root = folder / "rootfs"
    for path in (root, root / "proc", root / "dev"):
        path.mkdir(parents=True)
    shutil.copy(noop, root / "noop")
    ids = [{"containerID": 0, "hostID": uid, "size": 1}]
    namespaces = [{"type": kind} for kind in ("user", "mount", "pid", "network", "ipc", "uts", "cgroup")]
    (folder / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/noop"], "env": [], "cwd": "/",
                    "capabilities": {}, "noNewPrivileges": True},
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}],
        "linux": {"namespaces": namespaces, "uidMappings": ids, "gidMappings": ids},
    }))


def contenders(arguments):
    """Who takes part: all, or those of --only."""
    if "--only" in arguments:
        return arguments[arguments.index("--only") + 1].split(",")
    return ["ours", "bwrap", "crun", "clone3"]


def check_programs(names):
    missing = [name for name in ("bwrap", "crun") if name in names and not shutil.which(name)]
    if missing:
        sys.exit(f"bench: {' and '.join(missing)} cannot be found. tools/setup test installs it; --only leaves out who cannot take part.")


def crun_cgroup_manager(folder):
    """The first that crun can use on this host: cgroupfs wants all its controllers, also where there are none to delegate."""
    for manager in ("cgroupfs", "disabled"):
        crun = ["crun", "--root", str(folder / "crun"), f"--cgroup-manager={manager}"]
        tried = subprocess.run([*crun, "run", "--bundle", str(folder / "bundle"), "chimerax-sandbox-try"],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
        if tried.returncode == 0:
            return manager
        subprocess.run([*crun, "delete", "--force", "chimerax-sandbox-try"], capture_output=True, check=False, timeout=30)
        print(f"bench: crun --cgroup-manager={manager} does not work here: {tried.stderr.strip()}", file=sys.stderr)
    sys.exit("bench: crun works with no cgroup manager here")


def main():
    installed, program, noop, *arguments = sys.argv[1:]
    names = contenders(arguments)
    check_programs(names)
    # As on every host with systemd; on a disk the launcher's fsync of a session's record would be measured.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    with Stack(installed, slots=SLOTS) as site:
        chimerax = site.folder / "chimerax" / "bin" / "ChimeraX"
        chimerax.parent.mkdir(parents=True)
        shutil.copy(noop, chimerax)
        for path in (chimerax, chimerax.parent, chimerax.parent.parent):
            path.chmod(0o755)
        site.write_policy(POLICY, executable=chimerax)
        write_bundle(site.folder / "bundle", noop, site.uid_base)
        site.start(manager=False)
        manager = crun_cgroup_manager(site.folder) if "crun" in names else "disabled"
        done = subprocess.run([program, "--socket", str(site.run / "launcher.sock"), "--policy", POLICY, "--digest", site.digest(POLICY, TENANT),
                               "--tenant", TENANT, "--slots", str(SLOTS), "--noop", str(chimerax), "--bundle", str(site.folder / "bundle"),
                               "--crun-root", str(site.folder / "crun"), "--crun-cgroup-manager", manager, *arguments],
                              check=False)
        if done.returncode != 0:
            print(site.log()[-3000:], file=sys.stderr)
            sys.exit(done.returncode)
        try:
            site.assert_no_residue()
        except AssertionError as error:
            sys.exit(f"bench: what was measured has left something behind: {error}")


if __name__ == "__main__":
    main()
