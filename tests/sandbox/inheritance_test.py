#!/usr/bin/env python3
"""Whoever starts the programs, and how: what they inherit changes nothing of what they do, and none of it reaches a session."""

import ctypes
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
ADDR_NO_RANDOMIZE = 0x0040000
SECBIT_NO_SETUID_FIXUP, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 4, 28, 47
GIB = 1 << 30


def close_all(*descriptors):
    for fd in descriptors:
        os.close(fd)


def ignore(*signals):
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def ignore_all():
    ignore(*signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def soft(kind, value):
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def hard(kind, value):
    resource.setrlimit(kind, (value, value))


def lose_folder():
    folder = tempfile.mkdtemp(prefix="lost-")
    os.chdir(folder)
    os.rmdir(folder)


def run_slowly():
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def keep_privileges():
    """As setpriv --ambient-caps +all --securebits +no_setuid_fixup does."""
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc.capget(header, data)
    data[2], data[5] = data[1], data[4]  # inheritable: all that is permitted
    assert libc.capset(header, data) == 0
    for number in range(64):
        libc.prctl(PR_CAP_AMBIENT, 2, number, 0, 0)


def drop_resource_capability():
    """From the bounding set: root has it no more after the next exec."""
    libc.prctl(24, 24, 0, 0, 0)


def set_alarms():
    signal.setitimer(signal.ITIMER_REAL, 3, 1)
    signal.setitimer(signal.ITIMER_PROF, 0.2, 0.2)


ODDITIES = {
    "stdin closed": lambda: close_all(0),
    "stderr closed": lambda: close_all(2),
    "all standard descriptors closed": lambda: close_all(0, 1, 2),
    "SIGCHLD ignored": lambda: ignore(signal.SIGCHLD),
    "SIGTERM ignored": lambda: ignore(signal.SIGTERM),
    "SIGHUP and SIGINT ignored": lambda: ignore(signal.SIGHUP, signal.SIGINT),
    "SIGPIPE ignored": lambda: ignore(signal.SIGPIPE),
    "all signals ignored": ignore_all,
    "all signals blocked": block_all,
    "timers running": set_alarms,
    "no file to grow": lambda: soft(resource.RLIMIT_FSIZE, 0),
    "little room for files": lambda: soft(resource.RLIMIT_FSIZE, 1024),
    "a soft limit of 64 descriptors": lambda: soft(resource.RLIMIT_NOFILE, 64),
    "a soft limit of a second of CPU time": lambda: soft(resource.RLIMIT_CPU, 1),
    "soft limits of memory": lambda: (soft(resource.RLIMIT_AS, GIB), soft(resource.RLIMIT_DATA, GIB), soft(resource.RLIMIT_MEMLOCK, 0)),
    "an endless stack": lambda: soft(resource.RLIMIT_STACK, resource.RLIM_INFINITY),
    "few processes": lambda: soft(resource.RLIMIT_NPROC, 1),
    "umask 777": lambda: os.umask(0o777),
    "a working folder that is gone": lose_folder,
    "addresses that are not random": lambda: libc.personality(ADDR_NO_RANDOMIZE),
    "a low priority and one CPU": run_slowly,
    "capabilities to keep": keep_privileges,
    "groups": lambda: os.setgroups([4, 27, 1234]),
}

ODD_ENVIRONMENT = {
    "LISTEN_PID": "1", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:c", "NOTIFY_SOCKET": "/nonexistent/notify", "WATCHDOG_USEC": "1000",
    "JOURNAL_STREAM": "8:12345", "TZ": "Mars/Phobos", "LANG": "xx_XX", "LC_ALL": "tr_TR", "MALLOC_PERTURB_": "7", "LD_BIND_NOW": "1",
    "TMPDIR": "/nonexistent", "SECRET_OF_ROOT": "hunter2",
}


class Site(harness.Stack):
    def start_odd(self, odd=None, **how):
        """Starts the launcher with what this function sets up after fork, and waits for the stack."""
        log = open(self.log_path, "ab")
        command = [str(self.find("sbin/sandbox-launcher")), "--config", str(self.folder / "sandboxd.toml"), "--with-manager"]
        self.launcher = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "preexec_fn": odd, **how})
        log.close()
        harness.wait_for(lambda: self.launcher.poll() is not None or self.is_ready(), "the stack to be ready", timeout=60)
        assert self.launcher.poll() is None, f"the launcher has ended: {self.launcher.returncode}\n{self.log()}"

    def end(self):
        """Whatever a failed test left."""
        if self.launcher.poll() is None:
            self.stop()


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def limits_of(pid):
    """By title: soft and hard."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]:
        found[line[:26].strip()] = tuple(line[26:].split()[:2])
    return found


def stat_field(pid, number):
    """By its place in proc(5), from 3 on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[number - 3]


class Inheritance:
    def __init__(self, site):
        self.site = site

    def look_at_engine(self, session):
        pid = self.site.get(session)["pid"]
        # libc blocks all signals for a moment where it makes a thread.
        harness.wait_for(lambda: int(status_of(pid)["SigBlk"], 16) == 0, "no signal is blocked")
        status, limits = status_of(pid), limits_of(pid)
        assert int(status["SigIgn"], 16) == 1 << signal.SIGPIPE - 1, f"ignored: {status['SigIgn']}"  # by itself, as the real one does
        assert status["Umask"] == "0022", status["Umask"]
        assert status["Groups"].strip() == "", status["Groups"]
        for title in ("Max cpu time", "Max address space", "Max data size", "Max resident set"):
            assert limits[title] == ("unlimited", "unlimited"), (title, limits[title])
        assert limits["Max stack size"] == ("8388608", "unlimited"), limits["Max stack size"]
        assert limits["Max open files"] == ("4096", "4096") and limits["Max file size"] == (str(GIB), str(GIB)), limits
        assert int(limits["Max processes"][0]) > 512, limits["Max processes"]
        assert (stat_field(pid, 19), stat_field(pid, 41)) == ("0", "0"), "nice value and scheduling policy"
        assert os.sched_getaffinity(pid) == os.sched_getaffinity(1), os.sched_getaffinity(pid)
        assert stat_field(pid, 7) == "0", "a controlling terminal"
        assert pathlib.Path(f"/proc/{pid}/personality").read_text().strip() == "00000000"
        assert pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "300"

    def look_at_manager(self):
        pid = self.site.manager_pid()
        status = status_of(pid)
        assert int(status["SigBlk"], 16) == 0 and status["Groups"].strip() == "", status
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status[name])
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue  # closed meanwhile
            log = {"/dev/null", str(self.site.log_path)}
            assert (target in log) == (int(name) < 3), (name, target)
        names = {entry.split(b"=")[0].decode() for entry in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry}
        assert names <= {"PATH", "LANG", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}, names

    def whole_life(self, odd=None, **how):
        self.site.start_odd(odd, **how)
        try:
            self.live()
            assert self.site.stop() == 0, "SIGTERM ends the launcher in order"
        finally:
            self.site.end()
        self.site.assert_no_residue(self.site.clean)

    def live(self):
        session = self.site.create()["id"]
        assert self.site.run_command(session, "version")["log"]["note"], "a command works"
        self.look_at_engine(session)
        self.look_at_manager()
        engine = self.site.get(session)["pid"]
        assert self.site.api("POST", f"/v1/sessions/{session}/restart").status in (200, 202)
        harness.wait_for(lambda: self.site.get(session)["state"] == "ready" and self.site.get(session)["pid"] != engine, "a restart in place")
        self.look_at_engine(session)
        assert self.site.delete(session).status in (200, 202, 204)
        self.site.wait_ended(session)
        # The manager's own probe has ended too, and is noted.
        harness.wait_for(lambda: self.site.residue() == self.site.clean, "nothing is left")
        # One that is killed is started again: the launcher sees its children end.
        manager = self.site.manager_pid()
        os.kill(manager, signal.SIGKILL)
        harness.wait_for(lambda: (self.site._find_manager() or manager) != manager and self.site.is_ready(), "the next manager", timeout=30)

    def hard_limit(self):
        """Where root may not lift it, it says so, and does not start half a service."""
        done = subprocess.run([str(self.site.find("sbin/sandbox-launcher")), "--config", str(self.site.folder / "sandboxd.toml")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              preexec_fn=lambda: (hard(resource.RLIMIT_FSIZE, 4096), drop_resource_capability()))
        assert done.returncode == 1 and "LimitFSIZE" in done.stderr.splitlines()[-1], done

    def environment(self):
        self.whole_life(env=ODD_ENVIRONMENT)  # no PATH, no HOME

    def leaked(self):
        """A descriptor of root's that is not close-on-exec, with LISTEN_FDS that says it is to be kept, in words that are none."""
        with open("/etc/shadow") as secret:
            self.whole_life(lambda: os.dup2(secret.fileno(), 7), close_fds=False)

    def terminal(self):
        """A terminal of root's is nothing that the manager can read."""
        here, there = os.openpty()
        try:
            self.site.start_odd(lambda: None, stdin=there, stdout=there, stderr=there, start_new_session=True)
            pid = self.site.manager_pid()
            modes = {}
            for fd in (0, 1, 2):
                flags = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text().split("flags:")[1].split()[0]
                modes[fd] = (os.readlink(f"/proc/{pid}/fd/{fd}"), int(flags, 8) & os.O_ACCMODE)
            assert modes[0] == ("/dev/null", os.O_RDONLY), modes
            assert all(mode == os.O_WRONLY for _, mode in (modes[1], modes[2])), modes
            session = self.site.create()["id"]
            self.look_at_engine(session)
            assert self.site.stop() == 0
        finally:
            self.site.end()
            os.close(here)
            os.close(there)

    def tool(self, odd):
        """The operator's tool under the same."""
        command = [str(self.site.find("bin/sandboxctl")), "--host", f"unix://{self.site.api_socket}", "exec", self.session, "pwd"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=odd, timeout=60)
        assert done.returncode == 0, done

    def tools(self):
        self.session = self.site.create()["id"]
        for name, odd in ODDITIES.items():
            try:
                self.tool(odd)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
        lost = subprocess.run([str(self.site.find("bin/sandboxctl")), "policy", "check", "here.toml"], capture_output=True, text=True,
                              preexec_fn=lose_folder, timeout=60)
        assert lost.returncode == 3 and "the working folder is gone" in lost.stderr, lost


def main():
    harness.private_host()
    tap = harness.Tap()
    with Site(sys.argv[1]) as site:
        inheritance = Inheritance(site)
        site.start()
        site.stop()
        site.clean = site.residue()
        for name, odd in ODDITIES.items():
            tap.test(f"started with {name}: a whole life of a session, and nothing of it in there", inheritance.whole_life, odd)
        tap.test("a hard limit that nobody may lift is told of, with its cure", inheritance.hard_limit)
        tap.test("an odd environment changes nothing, and none of it is handed on", inheritance.environment)
        tap.test("a descriptor that leaked into the launcher reaches neither manager nor session", inheritance.leaked)
        tap.test("the manager cannot read from a terminal of root's", inheritance.terminal)
        site.start()
        tap.test("sandboxctl works under all of that, and says when its working folder is gone", inheritance.tools)
    tap.finish()


if __name__ == "__main__":
    main()
