"""A host for a reader's commands: all that they write is in memory, and goes with the stage.

The source tree, /usr/local, /etc, /var/lib, /root and /tmp are there as they are, below layers that take what is written; /run is empty. So a page's
commands run in the tree that is built, as root, word for word, and no file of the machine changes.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from stack import wait_for  # noqa: E402

LAYERED = ("/usr/local", "/etc", "/var/lib", "/root", "/tmp")
# What a login shell of root has on Debian.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root", "LOGNAME": "root", "LC_ALL": "C.UTF-8",
               "TERM": "dumb", "COLUMNS": "160", "PYTHONDONTWRITEBYTECODE": "1"}
SETTINGS = pathlib.Path("/etc/chimerax-sandbox/sandboxd.toml")
CGROUP = pathlib.Path("/sys/fs/cgroup") / f"cxs-docs-{time.time_ns()}"
# How busy the machine is with other tests does not matter, nor how much memory it has.
UNGATED = {"memory_budget": '"1T"', "memory_available_min": '"none"', "memory_pressure_max": '"none"', "io_pressure_max": '"none"', "disk_free_min": '"none"'}


def own_mounts():
    """Starts the program again where its mounts are its own, unless that is done."""
    if "DOCS_STAGE" not in os.environ:
        os.environ["DOCS_STAGE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--", sys.executable, *sys.argv])


def layer(store, number, folder, target):
    """Puts what is written to `folder` into the store, in the view of it at `target`."""
    upper, work = store / f"{number}.upper", store / f"{number}.work"
    for path in (upper, work):
        path.mkdir()
    now = os.stat(folder)
    upper.chmod(now.st_mode & 0o7777)
    os.chown(upper, now.st_uid, now.st_gid)
    subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "overlay", str(target)], check=True)


def make_host(top):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    store = pathlib.Path("/run/.stage")
    store.mkdir(mode=0o700)
    # The tree first, and into its place last: it may lie in a folder that gets a layer, or be a mount there.
    tree = store / "tree"
    tree.mkdir()
    layer(store, 0, top, tree)
    for number, folder in enumerate(LAYERED, start=1):
        layer(store, number, folder, folder)
    subprocess.run(["mount", "--bind", str(tree), str(top)], check=True)


def lacks_controllers():
    have = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    return not {"memory", "cpu", "pids"} <= set(have)


def take_less(top):
    """A host without the controllers refuses a policy that wants them; its sessions then run with less, as the manual says."""
    path = top / "policies/default.toml"
    path.write_text(path.read_text().replace("[resources]\n", '[resources]\nenforcement = "best-effort"\n', 1))


def stand_ins(top):
    """In place of the suites, which the commands that run them would start inside of one: each passes, and `vm` wants its tests to be there."""
    for suite in (top / "tools/suites").iterdir():
        if suite.is_file():
            suite.write_text('#!/bin/bash\n. "$(dirname "$0")/lib/common.sh"\n[[ ${1:-} != prepare ]] || exit 0\n'
                             'for name in ${SANDBOX_VM_TESTS:-}; do [[ -n $(compgen -G "tests/vm/$name") ]] || record fail "there is no test $name"; done\n'
                             'record pass "a stand-in"\n')


def write_settings(text):
    """Settings as a page has them. The gates that are not the page's matter are open, and the sessions' group and users are nobody else's: control
    groups and users are the machine's own here, too."""
    given = set(re.findall(r"^(\w+) *=", text, re.M))
    gates = "".join(f"{name} = {value}\n" for name, value in UNGATED.items() if name not in given)
    text = text.replace("[admission]\n", f"[admission]\n{gates}", 1) if "[admission]\n" in text else f"{text}\n[admission]\n{gates}"
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    SETTINGS.write_text(f'cgroup_base = "{CGROUP.name}"\nuid_base = {1879048192 + os.getpid() % 1000 * 65536}\n{text}')
    SETTINGS.chmod(0o644)


def remove_group():
    """What a story that did not end well has left of control groups."""
    if not CGROUP.exists():
        return
    (CGROUP / "cgroup.kill").write_text("1")
    wait_for(lambda: "populated 0" in (CGROUP / "cgroup.events").read_text(), "the sessions' processes to end")
    for folder, _, _ in os.walk(CGROUP, topdown=False):
        os.rmdir(folder)


class Terminal:
    """A shell in which one command runs after the other, as they are typed: it keeps its folder and its variables."""

    def __init__(self, folder):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="terminal-", dir="/run"))
        self.count, self.output, self.running = 0, None, False
        self.open(folder)

    def open(self, folder):
        status, self.own = os.pipe()
        self.status = os.fdopen(status, "r")
        self.shell = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                      env=ENVIRONMENT, pass_fds=[self.own], start_new_session=True, text=True)
        os.close(self.own)  # the number is the shell's from here on

    def type(self, command):
        self.count += 1
        script = self.files / f"{self.count}.sh"
        script.write_text(command + "\n")
        self.output = self.files / f"{self.count}.out"
        # What the command starts does not hold the pipe of the statuses.
        self.shell.stdin.write(f". {script} </dev/null >{self.output} 2>&1 {self.own}>&-; echo $? >&{self.own}\n")
        self.shell.stdin.flush()
        self.running = True

    def said(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def wait(self, timeout):
        """The exit status of what was typed."""
        if not select.select([self.status], [], [], timeout)[0]:
            raise AssertionError(f"it did not end within {timeout} s, and said:\n{self.said()[-3000:]}")
        line = self.status.readline()
        assert line, f"the shell has gone, after it said:\n{self.said()[-3000:]}"
        self.running = False
        return int(line)

    def wait_for(self, pattern, timeout):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.said(), re.M):
            assert not select.select([self.status], [], [], 0.02)[0], f"it ended, and said:\n{self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"no {pattern!r} within {timeout} s; it said:\n{self.said()[-3000:]}"

    def run(self, command, timeout=60):
        """(exit status, output). A command that does not end ends with its terminal, and the next one has a new one."""
        self.type(command)
        try:
            return self.wait(timeout), self.said()
        except AssertionError:
            folder = os.readlink(f"/proc/{self.shell.pid}/cwd")
            self.close()
            self.open(folder)
            raise

    def interrupt(self, timeout=60):
        """Ctrl-C: to all that runs in it."""
        os.killpg(self.shell.pid, signal.SIGINT)
        return self.wait(timeout)

    def close(self):
        if self.shell.poll() is None:
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        self.status.close()
