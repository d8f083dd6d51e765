#!/usr/bin/env python3
"""`sandboxctl verify`: each promise is broken behind its back, and exactly that line fails; mended, and it holds again."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys

LIB = pathlib.Path(__file__).resolve().parent.parent / "lib"
sys.path.insert(0, str(LIB))
import stack as harness  # noqa: E402


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (command, done)
    return done.stdout


class Verify:
    def __init__(self, site):
        self.site = site
        self.session = site.create()
        self.id, self.pid = self.session["id"], self.session["pid"]
        self.group = next(path for path in site.cgroup_root().rglob(self.id) if path.is_dir())

    def broken(self, session=None):
        done = self.site.sandboxctl("-o", "json", "verify", session or self.id, check=False)
        answer = json.loads(done.stdout or "null")
        assert answer, (done.stderr, self.site.get(self.id))
        broken = {proof["promise"]: proof for proof in answer["proofs"] if proof["verdict"] == "failed"}
        assert done.returncode == (1 if broken else 0) and answer["holds"] == (not broken), (done.returncode, answer)
        assert answer["source"] == "launcher", answer
        return broken

    def holds(self):
        broken = self.broken()
        assert not broken, broken

    def breaks(self, *promises):
        """Exactly these."""
        broken = self.broken()
        assert set(broken) == set(promises), broken
        return broken

    def in_namespace(self, kind, *command):
        return run("nsenter", f"--target={self.pid}", f"--{kind}", "--", *command)

    @contextlib.contextmanager
    def intruder(self, *without):
        process = subprocess.Popen([sys.executable, str(LIB / "intruder.py"), str(self.pid), str(self.group / "payload"), *without],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said = process.stdout.readline()
            assert said == "in\n", (without, said, process.stderr.read())
            yield
        finally:
            process.communicate(timeout=20)

    # -- all is well -----------------------------------------------------------------------------------------------

    def fresh(self):
        self.holds()
        text = self.site.sandboxctl("verify", self.id).stdout
        assert re.search(r"^ok +cgroup\.max\.descendants +2$", text, re.M), text
        assert re.search(r"^ok +uid map +1000 \d+ 1$", text, re.M), text
        assert "The launcher itself was asked." in text and "FAIL" not in text, text
        # What this host cannot enforce is said, and is no failure where the policy takes that.
        missing = self.session["limits"]["not_enforced"]
        assert len(re.findall(r"^n/a ", text, re.M)) == len(missing), (missing, text)

    def by_the_manager(self):
        """Who is not root hears what the manager says, and that it was the manager."""
        tcp = subprocess.run([self.site.find("bin/sandboxctl"), "--host", f"http://127.0.0.1:{self.site.tcp_port}", "--token-file",
                              self.token_file(), "verify", self.id], capture_output=True, text=True, timeout=30)
        assert tcp.returncode == 0 and "The manager told what the launcher saw" in tcp.stdout, tcp

    def token_file(self):
        path = self.site.folder / "token"
        path.write_text(self.session["token"])
        return str(path)

    def unknown(self):
        done = self.site.sandboxctl("verify", harness.session_name(7), check=False)
        assert done.returncode == 3 and "there is no sandbox" in done.stderr, done

    # -- cgroup ----------------------------------------------------------------------------------------------------

    def raised_limit(self):
        limit = self.group / "cgroup.max.descendants"
        limit.write_text("5")
        broken = self.breaks("cgroup.max.descendants")
        assert broken["cgroup.max.descendants"]["expected"] == "2" and broken["cgroup.max.descendants"]["found"] == "5", broken
        (self.group / "payload/more").mkdir()
        limit.write_text("2")
        self.breaks("groups below its cgroup")
        (self.group / "payload/more").rmdir()
        self.holds()

    def moved_out(self):
        (self.site.cgroup_root() / "elsewhere").mkdir()
        # Somebody stays in payload/: were it empty, the manager would see that ChimeraX has ended.
        with self.intruder():
            (self.site.cgroup_root() / "elsewhere/cgroup.procs").write_text(str(self.pid))
            broken = self.breaks("its processes are in its cgroup")
            assert "elsewhere" in broken["its processes are in its cgroup"]["found"], broken
            (self.group / "payload/cgroup.procs").write_text(str(self.pid))
        (self.site.cgroup_root() / "elsewhere").rmdir()
        self.holds()

    def foreign(self):
        with self.intruder("pid"):
            self.breaks("no other process is in its cgroup")
        self.holds()

    # -- confinement of each process -------------------------------------------------------------------------------

    def confined_like_the_rest(self):
        """The control for all below: one that confines itself in all ways breaks nothing."""
        with self.intruder():
            self.holds()

    def unconfined(self):
        for without, promises in {
            "net": ["net namespace"], "ipc": ["ipc namespace"], "uts": ["uts namespace"], "cgroup": ["cgroup namespace"], "mnt": ["mnt namespace"],
            "user": ["user namespace", "uid", "gid", "uid map", "gid map", "setgroups"],
            "uid": ["uid", "gid"],
            "seccomp": ["seccomp mode"], "no_new_privs": ["no_new_privs"], "bounding": ["capabilities, bounding"],
            "limits": ["Max open files"], "oom_score_adj": ["oom_score_adj"], "descriptors": ["no descriptor of the host's"],
        }.items():
            with self.intruder(without):
                try:
                    self.breaks(*promises)
                except AssertionError as error:
                    raise AssertionError(f"without {without}: {error}") from None
            self.holds()

    def nested(self):
        def write(number):
            # Not by nsenter: who execs there as a user that is not mapped has no capability any more.
            script = ("import ctypes, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); assert ctypes.CDLL(None).setns(fd, 0) == 0;"
                      "open('/proc/sys/user/max_user_namespaces', 'w').write(sys.argv[2])")
            run(sys.executable, "-c", script, f"/proc/{self.pid}/ns/user", number)
        write(3)
        self.breaks("nested user namespaces")
        write(0)
        self.holds()

    # -- mounts ----------------------------------------------------------------------------------------------------

    def mounts(self):
        self.in_namespace("mount", "mount", "-t", "tmpfs", "none", "/var/empty")
        assert self.breaks("no other mounts")["no other mounts"]["found"] == "/var/empty"
        self.in_namespace("mount", "umount", "/var/empty")
        self.in_namespace("mount", "mount", "-o", "remount,size=2G,nosuid,nodev", "/work")
        assert "2097152k" in self.breaks("mount /work")["mount /work"]["found"]
        self.in_namespace("mount", "mount", "-o", "remount,size=1G,nosuid,nodev", "/work")
        self.holds()
        for target, flags, promise in (("/", "nosuid,nodev", "mount /"), ("/proc/sys", "nosuid,nodev,noexec", "mount /proc/sys"),
                                       ("/usr", "nosuid,nodev", "mounts of what the policy shows")):
            self.in_namespace("mount", "mount", "-o", f"remount,bind,rw,{flags}", target)
            self.breaks(promise)
            self.in_namespace("mount", "mount", "-o", f"remount,bind,ro,{flags}", target)
            self.holds()
        self.in_namespace("mount", "mount", "-o", "remount,bind,rw,nosuid,nodev,exec", "/dev/shm")
        self.breaks("mount /dev/shm")
        self.in_namespace("mount", "mount", "-o", "remount,bind,rw,nosuid,nodev,noexec", "/dev/shm")
        # One on top of another, and one below a bind that is not as the bind is.
        self.in_namespace("mount", "mount", "-t", "tmpfs", "none", "/tmp")
        assert self.breaks("mount /tmp")["mount /tmp"]["found"] == "2 mounts there"
        self.in_namespace("mount", "umount", "/tmp")
        self.in_namespace("mount", "mount", "-t", "tmpfs", "none", "/usr/share")
        self.breaks("mounts of what the policy shows")
        self.in_namespace("mount", "umount", "/usr/share")
        self.holds()
        # umount(8) wants a /proc in which it is itself.
        script = ("import ctypes, os, sys; libc = ctypes.CDLL(None, use_errno=True); fd = os.open(sys.argv[1], os.O_RDONLY);"
                  "assert libc.setns(fd, 0) == 0; assert libc.umount2(b'/proc/kallsyms', 2) == 0, ctypes.get_errno()")
        run(sys.executable, "-c", script, f"/proc/{self.pid}/ns/mnt")
        assert "/proc/kallsyms" in self.breaks("masks in /proc")["masks in /proc"]["found"]
        self.replace_session()

    # -- network ---------------------------------------------------------------------------------------------------

    def network(self):
        for before, after, promises in (
            (["ip", "link", "add", "more0", "type", "veth", "peer", "more1"], ["ip", "link", "del", "more0"], ["interfaces"]),
            (["ip", "address", "add", "10.9.9.9/32", "dev", "lo"], ["ip", "address", "del", "10.9.9.9/32", "dev", "lo"], ["addresses"]),
            (["ip", "route", "add", "10.0.0.0/8", "dev", "eth0"], ["ip", "route", "del", "10.0.0.0/8"], ["routes"]),
            (["ip", "route", "add", "10.0.0.0/8", "dev", "eth0", "table", "77"], ["ip", "route", "flush", "table", "77"], ["routing tables"]),
        ):
            self.in_namespace("net", *before)
            self.breaks(*promises)
            self.in_namespace("net", *after)
            if promises != ["routing tables"]:  # the kernel keeps a table that was there once
                self.holds()
                continue
            self.replace_session()
        sysctl = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
        if pathlib.Path(sysctl).exists():
            for value in (0, 1):
                self.in_namespace("net", "sh", "-c", f"echo {value} > {sysctl}")
                if value == 0:
                    self.in_namespace("net", "ip", "-6", "address", "replace", "::1/128", "dev", "lo")
                    self.breaks("IPv6 addresses")
        self.holds()

    def replace_session(self):
        self.site.delete(self.id)
        self.__init__(self.site)

    def published(self):
        port = self.site.get(self.id)["published_port"]
        assert port, self.session
        text = self.site.sandboxctl("verify", self.id).stdout
        assert re.search(rf"^ok +published port +127\.0\.0\.1:{port}$", text, re.M), text
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass

    # -- what may change while it runs -----------------------------------------------------------------------------

    def other_policy(self):
        """A policy that is changed later changes nothing of what was promised to a session that runs."""
        self.site.write_policy("test", '[filesystem.work]\nsize = "64M"\n')
        try:
            self.holds()
        finally:
            self.site.write_policy("test")

    def after_restart(self):
        """A launcher that starts anew proves the sessions of the one before it."""
        self.site.launcher.kill()
        self.site.launcher.wait()
        self.site.start()
        self.site.api("GET", f"/v1/sessions/{self.id}/wait?state=ready&timeout=30")
        harness.wait_for(lambda: not self.broken(), "all holds")

    def crowd(self):
        """Many processes with control characters in their names go in one answer, and nothing is made of them."""
        before = len(self.site.sandboxctl("inspect", self.id).stdout)
        program = self.site.folder / "\x1b[2J\"\\\n\x07evil"
        shutil.copy("/bin/sleep", program)
        children = [subprocess.Popen([program, "300"]) for _ in range(300)]
        try:
            for child in children:
                (self.group / "payload/cgroup.procs").write_text(str(child.pid))
            broken = self.breaks("no other process is in its cgroup")
            assert "evil" in broken["no other process is in its cgroup"]["found"], broken
            text = self.site.sandboxctl("verify", self.id, check=False).stdout
            assert "evil" in text and "\x1b" not in text and "\x07" not in text, text
            text = self.site.sandboxctl("inspect", self.id).stdout
            assert len(text) > before and "\x1b" not in text, text[:2000]
            seen = self.site.api("GET", f"/v1/sessions/{self.id}/inspect").json
            assert len(seen["processes"]) <= 128 and seen["examined"] >= 302, seen["examined"]
        finally:
            for child in children:
                child.kill()
                child.wait()
        self.holds()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        verify = Verify(site)
        for name, function in (
            ("all promises of a fresh session hold, and what cannot be enforced is named", verify.fresh),
            ("who is not root on the host hears whose word it is", verify.by_the_manager),
            ("a session that is not there is no failure of a promise", verify.unknown),
            ("a raised limit and a group below are seen", verify.raised_limit),
            ("a process of the sandbox that was moved to another cgroup is seen", verify.moved_out),
            ("a foreign process in its cgroup is seen", verify.foreign),
            ("a process that is confined as all others breaks nothing", verify.confined_like_the_rest),
            ("a process that lacks one protection is seen by just that one", verify.unconfined),
            ("user namespaces that may nest are seen", verify.nested),
            ("mounts that were added, loosened, covered or taken away are seen", verify.mounts),
            ("an interface, address, route or IPv6 that was added is seen", verify.network),
            ("the published port is proved to be on the loopback interface alone", verify.published),
            ("the promise is that of the session's start, whatever becomes of its policy", verify.other_policy),
            ("a launcher that starts anew proves what the one before it made", verify.after_restart),
            ("a crowd of processes with evil names is bounded and made harmless", verify.crowd),
        ):
            tap.test(name, function)
        verify.site.delete(verify.id)
        tap.test("nothing is left", site.assert_no_residue)
    tap.finish()


if __name__ == "__main__":
    main()
