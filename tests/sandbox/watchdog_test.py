#!/usr/bin/env python3
"""Launcher and manager feed systemd's watchdog, each by its own loop: one that hangs is missed, whatever its other threads do."""

import contextlib
import ctypes
import math
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

TIME = 2.0  # in which the service manager wants to hear of it
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    assert libc.ptrace(request, thread, None, None) == 0, (request, os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def loop_held_up(pid):
    """The thread of the loop alone is held up, as by a call that does not return."""
    ptrace(PTRACE_SEIZE, pid)
    ptrace(PTRACE_INTERRUPT, pid)
    os.waitpid(pid, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, pid)


class ServiceManager:
    """Where a program's notifications come to (sd_notify(3)). It reads always, as systemd does: a full queue would hold the program up."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.heard = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            said = self.socket.recv(4096).decode()
            self.heard.append((time.monotonic(), said))

    def environment(self, watchdog=True):
        return {"NOTIFY_SOCKET": self.path, **({"WATCHDOG_USEC": str(int(TIME * 1_000_000))} if watchdog else {})}

    def watch(self, seconds):
        """What comes in that time from now on: [(when, what)]. The promises are about time that goes by."""
        begin = time.monotonic()
        time.sleep(seconds)
        return [(at, said) for at, said in self.heard if at >= begin]

    def beats(self, since=0.0, until=math.inf):
        return [at for at, said in self.heard if said == "WATCHDOG=1" and since <= at <= until]


def check_watched(manager, pid):
    def feeds():
        beats = [at for at, said in manager.watch(4 * TIME) if said == "WATCHDOG=1"]
        assert 5 <= len(beats) <= 9, f"{len(beats)} in {4 * TIME} s"  # half of the time apart, with room for a busy machine
        assert max(later - earlier for earlier, later in zip(beats, beats[1:])) < TIME, beats

    feeds()
    with loop_held_up(pid):
        assert manager.watch(3 * TIME) == [], "somebody else than the loop feeds it"
    released = time.monotonic()
    harness.wait_for(lambda: manager.beats(since=released), "it goes on", timeout=TIME)
    feeds()


class Watched:
    def __init__(self, site):
        self.site = site
        self.of_launcher = ServiceManager(site.folder / "notify-launcher")
        self.of_manager = ServiceManager(site.folder / "notify-manager")
        self.manager = None

    def start_manager(self, **environment):
        """As its unit does: with its socket, as its user, in the gateway namespace."""
        with socket.socket(socket.AF_UNIX) as api:
            api.bind(self.site.api_socket)
            os.chmod(self.site.api_socket, 0o666)
            api.listen()

            def become():
                os.dup2(api.fileno(), 3)
                os.set_inheritable(3, True)

            command = ["nsenter", f"--net={self.site.run / 'net'}", "setpriv", f"--reuid={harness.MANAGER_UID}", f"--regid={harness.MANAGER_UID}",
                       "--clear-groups", "sh", "-c", 'LISTEN_PID=$$ exec "$0" --config "$1"', str(self.site.find("sbin/sandboxd", "bin/sandboxd")),
                       str(self.site.folder / "sandboxd.toml")]
            with open(self.site.log_path, "ab") as log:
                self.manager = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False, preexec_fn=become,
                                                env={"PATH": os.environ["PATH"], "LISTEN_FDS": "1", "LISTEN_FDNAMES": "api-unix", **environment})
        harness.wait_for(lambda: self.manager.poll() is not None or self.site.is_ready(), "the manager to be ready", timeout=60)
        assert self.manager.poll() is None, self.site.log()

    def stop_manager(self):
        self.manager.terminate()
        assert self.manager.wait(60) == 0, self.site.log()
        os.unlink(self.site.api_socket)

    def launcher(self):
        self.site.start(manager=False, environment=self.of_launcher.environment())
        check_watched(self.of_launcher, self.site.launcher.pid)

    def sandboxd(self):
        self.start_manager(**self.of_manager.environment())
        assert len(os.listdir(f"/proc/{self.manager.pid}/task")) > 1, "it has no other thread that could feed it"
        check_watched(self.of_manager, self.manager.pid)

    def at_work(self):
        """Work in the loops leaves them the time for it, and an end that takes its time is no hang."""
        sessions = [self.site.create()["id"] for _ in range(3)]
        began = time.monotonic()
        while time.monotonic() < began + 3 * TIME:
            for session in sessions:
                self.site.run_command(session, "version")
        self.stop_manager()
        ended = time.monotonic()
        for manager in (self.of_launcher, self.of_manager):
            beats = [began, *manager.beats(since=began, until=ended), ended]
            assert max(later - earlier for earlier, later in zip(beats, beats[1:])) < TIME, beats

    def not_asked(self):
        assert self.site.stop() == 0
        began = time.monotonic()
        self.site.start(manager=False, environment=self.of_launcher.environment(watchdog=False))
        self.start_manager(**self.of_manager.environment(watchdog=False))
        self.of_manager.watch(2 * TIME)
        for manager in (self.of_launcher, self.of_manager):
            said = [text for at, text in manager.heard if at >= began]
            assert said == ["READY=1"], said
        self.stop_manager()
        assert self.site.stop() == 0


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        watched = Watched(site)
        tap.test("the launcher's loop feeds the watchdog at half of its time, and not while it is held up", watched.launcher)
        tap.test("sandboxd's loop feeds the watchdog at half of its time, and not while it is held up", watched.sandboxd)
        tap.test("both feed it while they work", watched.at_work)
        tap.test("where no watchdog is set, none is fed", watched.not_asked)
    tap.finish()


if __name__ == "__main__":
    main()
