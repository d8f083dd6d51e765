"""The whole stack for tests: launcher and manager as installed, on a host of the test's own.

A Stack needs root. On a machine that tests are not to disturb, `private_host()` first moves the test to a host of its own:
tools/suites/lib/private-host.
"""

import hashlib
import http.client
import json
import math
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import openapi  # noqa: E402

API = openapi.Document()
MANAGER_UID = 64321
PRIVATE_HOST = pathlib.Path(__file__).resolve().parents[2] / "tools/suites/lib/private-host"


def private_host():
    """Starts the test again on a host of its own, where it does not run on one yet."""
    if "SANDBOX_PRIVATE_HOST" not in os.environ:
        os.execv(PRIVATE_HOST, [PRIVATE_HOST, sys.executable, *sys.argv])


def wait_for(condition, what, timeout=20.0):
    """Polls a condition that offers no event to wait on; returns its first true value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout} s: {what}")
        time.sleep(0.01)


def wait_for_end(pidfd, timeout=20.0):
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(timeout * 1000), f"a process has not ended in {timeout} s"


def helix(residues=24):
    """A structure in PDB format: the CA atoms of an alpha helix."""
    lines = []
    for number in range(1, residues + 1):
        angle = math.radians(100 * number)
        x, y, z = 2.3 * math.cos(angle), 2.3 * math.sin(angle), 1.5 * number
        lines.append(f"ATOM  {number:5d}  CA  ALA A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C")
    return "\n".join([*lines, "END", ""]).encode()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Stack:
    """One site: configuration, policies and tenants in a root-owned folder of its own."""

    def __init__(self, installed, driver="cgroupfs", best_effort=True, slots=1024, tenants=("acme", "globex"), base=None, admission="",
                 run=None, state=None, settings=""):
        self.installed = pathlib.Path(installed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cxs-", dir="/run"))
        self.folder.chmod(0o755)
        self.driver, self.best_effort = driver, best_effort
        self.base = base or self.folder.name
        self.run, self.state = pathlib.Path(run or self.folder / "run"), pathlib.Path(state or self.folder / "state")
        # Other sites of other tests have other users; a private host counts its processes from 1.
        self.uid_base = 1879048192 + random.randrange(1000) * 65536
        self.policies, self.tenants = self.folder / "policies", self.folder / "tenants"
        self.api_socket = str(self.run / "api.sock")
        self.launcher, self._digests = None, {}
        self.host_links = {name for _, name in socket.if_nameindex()}
        self.host_namespaces = network_namespaces(f"{path}/ns/net" for path in pathlib.Path("/proc").glob("[0-9]*"))
        self.log_path = self.folder / "log"
        shutil.copytree(self.find("share/chimerax-sandbox/policies", "policies"), self.policies)
        self.tenants.mkdir(mode=0o755)
        for name in tenants:
            self.write_tenant(name)
        self.write_policy("test")
        self.tcp_port = self.free_port()
        (self.folder / "sandboxd.toml").write_text(self._site(slots) + settings + self._admission(admission))
        for path in [self.policies, *self.policies.rglob("*")]:
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def find(self, *names):
        """The first of these that is there below the installation."""
        for prefix in ("usr/local", "usr", ""):
            for name in names:
                path = self.installed / prefix / name
                if path.exists():
                    return path
        raise FileNotFoundError(f"none of {names} below {self.installed}")

    @property
    def standin(self):
        return self.find("libexec/chimerax-sandbox/chimerax-standin/bin/ChimeraX")

    def _site(self, slots):
        return f"""
policies_dir = "{self.policies}"
vendor_policies_dir = "none"
tenants_dir = "{self.tenants}"
run_dir = "{self.run}"
state_dir = "{self.state}"
manager_user = {MANAGER_UID}
cgroup_driver = "{self.driver}"
cgroup_base = "{self.base}"
slots = {slots}
uid_base = {self.uid_base}
listen_tcp = ["127.0.0.1:{self.tcp_port}"]
"""

    @staticmethod
    def _admission(text):
        """What the machine does besides is no matter of the tests, unless a test says so."""
        given = {line.split("=")[0].strip() for line in text.splitlines()}
        usual = {"memory_budget": "1T", "memory_available_min": "none", "memory_pressure_max": "none", "io_pressure_max": "none", "disk_free_min": "none"}
        lines = [f'{name} = "{value}"' for name, value in usual.items() if name not in given]
        return "\n".join(["[admission]", *lines, text, ""])

    def write_tenant(self, name, text=""):
        path = self.tenants / f"{name}.toml"
        path.write_text(f'description = "a tenant of the tests"\nmax_sessions = 1000\npolicies = ["test", "small", "default", "strict"]\n{text}')
        path.chmod(0o644)

    def add_tokens(self, **tokens):
        """Bearer tokens, before the start: `admin`, or the name of a tenant, and its token."""
        for name, token in tokens.items():
            line = f'token_hashes = ["{hashlib.sha256(token.encode()).hexdigest()}"]\n'
            if name == "admin":
                path = self.folder / "sandboxd.toml"
                path.write_text(f"admin_{line}{path.read_text()}")
            else:
                self.write_tenant(name, line)

    def write_policy(self, name, text="", extends="default", executable=None):
        enforcement = '\n[resources]\nenforcement = "best-effort"\n' if self.best_effort and "[resources]" not in text else ""
        path = self.policies / f"{name}.toml"
        path.write_text(f'extends = "{extends}"\n{enforcement}\n[chimerax]\nexecutable = "{executable or self.standin}"\n{text}')
        path.chmod(0o644)

    # -- processes ------------------------------------------------------------------------------------------------

    def start(self, *arguments, wait=True, manager=True, environment=None):
        log = open(self.log_path, "ab")
        own = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}  # their stderr is this file
        command = [str(self.find("sbin/sandbox-launcher")), "--config", str(self.folder / "sandboxd.toml"), *arguments]
        self.launcher = subprocess.Popen(command + (["--with-manager"] if manager else []), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         env={**own, **(environment or {})})
        log.close()
        if not manager:
            wait_for(lambda: self.launcher.poll() is not None or self._launcher_listens(), "the launcher to listen")
            assert self.launcher.poll() is None, f"the launcher has ended:\n{self.log()}"
            return self
        if wait:
            wait_for(lambda: self.launcher.poll() is not None or self.is_ready(), f"the stack to be ready\n{self.log()}", timeout=60)
            assert self.launcher.poll() is None, f"the launcher has ended:\n{self.log()}"
        return self

    def _launcher_listens(self):
        try:
            LauncherClient(self).close()
            return True
        except OSError:
            return False

    def is_ready(self):
        try:
            return self.api("GET", "/readyz", timeout=2).status == 200
        except OSError:
            return False

    def manager_pid(self):
        return wait_for(self._find_manager, "sandboxd runs")

    def _find_manager(self):
        """Among the launcher's children, which come and go."""
        try:
            for pid in pathlib.Path(f"/proc/{self.launcher.pid}/task/{self.launcher.pid}/children").read_text().split():
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "sandboxd":
                    return int(pid)
        except OSError:
            pass
        return None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, timeout=60):
        if self.launcher is None or self.launcher.poll() is not None:
            return self.launcher.returncode if self.launcher else None
        self.launcher.send_signal(signal.SIGTERM)
        return self.launcher.wait(timeout)

    def close(self):
        """Ends all and removes the site's folder."""
        try:
            self.stop()
        finally:
            if self.launcher and self.launcher.poll() is None:
                self.launcher.kill()
                self.launcher.wait()
            if self.driver == "cgroupfs" and self.cgroup_root().exists():
                self._remove_cgroups()
            subprocess.run(["umount", str(self.run / "net")], stderr=subprocess.DEVNULL)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_cgroups(self):
        """What a failed test left, so that the next one starts clean."""
        root = self.cgroup_root()
        (root / "cgroup.kill").write_text("1")
        wait_for(lambda: "populated 0" in (root / "cgroup.events").read_text(), "the test's processes to end")
        for path in sorted((path for path in [root, *root.rglob("*")] if path.is_dir()), key=lambda path: -len(path.parts)):
            path.rmdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the API --------------------------------------------------------------------------------------------------

    def api(self, method, path, body=None, headers=None, timeout=60, token=None, tcp=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.tcp_port, timeout=timeout) if tcp else UnixConnection(self.api_socket, timeout)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
            API.check_answer(method, path, answer.status, answer.headers["Content-Type"], answer.body)
            return answer
        finally:
            connection.close()

    def create(self, tenant="acme", policy="test", wait="?wait=ready&timeout=60", expect=201, **more):
        answer = self.api("POST", f"/v1/sessions{wait}", {"tenant": tenant, "policy": policy, **more}, timeout=90)
        assert answer.status == expect, f"create: {answer}\n{self.log()[-3000:]}"
        return answer.json

    def get(self, session):
        return self.api("GET", f"/v1/sessions/{session}").json

    def run_command(self, session, command, timeout=60, expect=200):
        answer = self.api("POST", f"/v1/sessions/{session}/commands", {"command": command}, timeout=timeout)
        assert answer.status == expect, f"{command}: {answer}"
        return answer.json

    def value(self, session, command, timeout=60):
        """The first value of a command that succeeded."""
        result = self.run_command(session, command, timeout)
        assert not result.get("error"), f"{command}: {result}"
        value = result["values"][0]
        return json.loads(value) if isinstance(value, str) else value

    def delete(self, session, grace=None):
        query = "" if grace is None else f"?grace_seconds={grace}"
        return self.api("DELETE", f"/v1/sessions/{session}{query}", timeout=90)

    def wait_ended(self, session, timeout=60):
        answer = self.api("GET", f"/v1/sessions/{session}/wait?state=ended&timeout={timeout}", timeout=timeout + 10)
        return answer.json

    def sandboxctl(self, *arguments, check=True):
        done = subprocess.run([str(self.find("bin/sandboxctl")), "--host", f"unix://{self.api_socket}", *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"sandboxctl {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def digest(self, policy, tenant="acme"):
        """What the manager would say of a policy: from the launcher's own plan."""
        key = (policy, (self.policies / f"{policy}.toml").read_text())
        if key not in self._digests:
            done = subprocess.run([str(self.find("sbin/sandbox-launcher")), "--config", str(self.folder / "sandboxd.toml"), "--plan", policy,
                                   "--tenant", tenant], capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, done.stderr
            self._digests[key] = json.loads(done.stdout)["digest"]
        return self._digests[key]

    # -- residue --------------------------------------------------------------------------------------------------

    def cgroup_root(self):
        return pathlib.Path("/sys/fs/cgroup") / ("chimerax.slice" if self.driver == "systemd" else self.base)

    def gateway(self, *command):
        """Runs a command inside the gateway namespace."""
        return subprocess.run(["nsenter", f"--net={self.run / 'net'}", *command], capture_output=True, text=True, timeout=30)

    def residue(self):
        """Everything of a session that could be left: as a dict that compares equal when nothing is."""
        root = self.cgroup_root()
        links = re.findall(r"^\d+: (cx\d+)", self.gateway("ip", "-o", "link").stdout, re.M)
        return {
            "cgroups": sorted(name for _, names, _ in os.walk(root) for name in names if re.fullmatch("[a-z][a-z2-7]{15}", name)),
            "tenant_groups": sorted(next(os.walk(root), ("", [], []))[1]),
            "links": sorted(links),
            "host_links": sorted({name for _, name in socket.if_nameindex()} - self.host_links),
            "network_namespaces": sorted(self._network_namespaces() - self.host_namespaces),
            "last_words": sorted(path.name for path in (self.run / "ended").glob("*")),
            "run_folders": sorted(path.name for path in (self.run / "sessions").glob("*")),
            "log_folders": sorted(path.name for path in (self.state / "logs").glob("*")),
            "mounts": sorted(line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                             if (str(self.folder) in line or str(self.run) in line) and line.split()[4] != str(self.run / "net")),
            "processes": sorted(processes_of_uids(self.uid_base, self.uid_base + 65536)),
            "holders": sorted(processes_named("sandbox-hold")),
        }

    def _network_namespaces(self):
        """Those that a process is in, or that the launcher or the manager holds open; the gateway's is to be there."""
        gateway = self.run / "net"
        found = network_namespaces(f"{path}/ns/net" for path in pathlib.Path("/proc").glob("[0-9]*"))
        for pid in (self.launcher.pid, self._find_manager()) if self.launcher else ():
            found |= network_namespaces(pathlib.Path(f"/proc/{pid}/fd").glob("*"))
        return found - ({f"net:[{gateway.stat().st_ino}]"} if gateway.exists() else set())

    def assert_no_residue(self, before=None):
        """The kernel takes network namespaces down in its own time, after their last process: that is waited for."""
        expected = before or {key: [] for key in self.residue()}
        try:
            wait_for(lambda: self.residue() == expected, "nothing left")
        except AssertionError:
            left = {kind: found for kind, found in self.residue().items() if found != expected[kind]}
            raise AssertionError(f"residue: {left}, expected {expected}\n{self.log()[-2000:]}") from None


class LauncherClient:
    """The manager's side of the launcher's protocol."""

    def __init__(self, site):
        self.site = site
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(site.run / "launcher.sock"))
        self.socket.settimeout(60)
        self.count = 0
        self.answers = {}

    def close(self):
        self.socket.close()

    def send(self, type, **body):
        self.count += 1
        self.socket.send(json.dumps({"version": 1, "id": self.count, "type": type, "body": body}).encode())
        return self.count

    def receive(self, number):
        """The answer to one request; those to others are kept for their own turn. None when the launcher has gone."""
        while number not in self.answers:
            try:
                text, descriptors, _, _ = socket.recv_fds(self.socket, 200000, 8)
            except ConnectionResetError:
                text, descriptors = b"", []
            for descriptor in descriptors:
                os.close(descriptor)
            if not text:
                return None
            answer = json.loads(text)
            self.answers[answer["id"]] = answer
        return self.answers.pop(number)

    def call(self, type, **body):
        return self.receive(self.send(type, **body))

    def launch(self, session, slot, policy="test", tenant="acme", **more):
        body = {"environment": {}, "token_hash": "", "probe_of": "", "learns": False, **more}
        if "digest" not in body:
            body["digest"] = self.site.digest(policy, tenant)
        return self.send("launch", session=session, slot=slot, tenant=tenant, policy=policy, **body)


def session_name(number):
    """A well-formed session id for a number."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "a" * 12 + "".join(letters[number // 26 ** power % 26] for power in (3, 2, 1, 0))


def processes_of_uids(first, last):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "status").read_text()
        except OSError:
            continue
        uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1))
        if first <= uid < last and "State:\tZ" not in status:
            found.append((int(entry.name), status.split("\n", 1)[0]))
    return found


def processes_named(name):
    """By the first word of their command line, which a program from a memory file has too."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes().split(b"\0")[0] == name.encode():
                found.append(int(entry.name))
        except OSError:
            pass  # it has gone
    return found


def network_namespaces(paths):
    """Of links as those of /proc/PID/ns and /proc/PID/fd."""
    found = set()
    for path in paths:
        try:
            target = os.readlink(path)
        except OSError:
            continue  # it has gone
        if target.startswith("net:["):
            found.add(target)
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


# -- a test program prints TAP ------------------------------------------------------------------------------------

class Skip(Exception):
    """A test cannot run here, and why."""


class Tap:
    """Runs functions as tests; a failed one does not stop the rest."""

    def __init__(self):
        self.count, self.failed, self.skipped = 0, 0, 0

    def test(self, name, function, *arguments):
        self.count += 1
        started = time.monotonic()
        try:
            function(*arguments)
            verdict, detail = "ok", ""
        except Skip as skip:
            verdict, detail, name = "ok", "", f"{name} # skip {skip}"
        except Exception as error:  # noqa: BLE001: a test may fail in any way
            import traceback
            self.failed += 1
            verdict, detail = "not ok", "".join(f"# {line}\n" for line in traceback.format_exc().splitlines())
        print(f"{verdict} {self.count} - {name} # {time.monotonic() - started:.2f} s", flush=True)
        if detail:
            print(detail, end="", flush=True)

    def finish(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)
