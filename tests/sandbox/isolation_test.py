#!/usr/bin/env python3
"""What one session can see and do, and who can reach it: real namespaces, the driver cgroupfs, a host of the test's own."""

import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
CAP_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def in_child(*functions):
    """Runs functions in a child, one after the other; returns what the last one returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for function in functions:
                result = function()
            os.write(write, json.dumps(result).encode())
        except BaseException as error:  # noqa: BLE001: it must not return into the test
            os.write(write, json.dumps({"exception": repr(error)}).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(child, 0)
    return answer


def in_namespaces(pid, kinds, function):
    """Runs a function in a child inside some of a process' namespaces, in the order given; returns what it returned."""
    def enter():
        for descriptor in [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in kinds]:
            setns(descriptor)
    return in_child(enter, function)


def become(uid):
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def errno_of(name, *arguments):
    ctypes.set_errno(0)
    return 0 if getattr(LIBC, name)(*arguments) == 0 else ctypes.get_errno()


def setns(descriptor):
    number = errno_of("setns", descriptor, 0)
    if number != 0:
        raise OSError(number, f"setns: {os.strerror(number)}")


def add_address(text):
    """SIOCSIFADDR on lo:7, which needs CAP_NET_ADMIN over the network namespace."""
    import fcntl
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sHH4s8x", b"lo:7", socket.AF_INET, 0, socket.inet_aton(text)) + b"\0" * 8
        try:
            fcntl.ioctl(sock, 0x8916, request)
            return 0
        except OSError as error:
            return error.errno


def privileged_attempts():
    MS_REMOUNT, MS_BIND, MNT_DETACH = 32, 4096, 2
    return {
        "remount": errno_of("mount", None, b"/", None, MS_REMOUNT | MS_BIND, None),
        "umount": errno_of("umount2", b"/dev/shm", MNT_DETACH),
        "address": add_address("127.0.0.77"),
        "hostname": errno_of("sethostname", b"owned", 5),
    }


def connect_result(family, address, port, timeout=1.0):
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((address, port))
            return "connected"
        except socket.timeout:
            return "timeout"
        except OSError as error:
            return os.strerror(error.errno)


class Isolation:
    def __init__(self, site):
        self.site = site
        self.one = site.create(tenant="acme")
        self.two = site.create(tenant="globex")

    def process(self):
        for session in (self.one, self.two):
            status = status_of(session["pid"])
            assert status["Uid"].split() == [str(session_uid(session))] * 4, status["Uid"]
            for name in CAP_SETS:
                assert int(status[name], 16) == 0, f"{name} {status[name]}"
            assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
            inside = self.site.value(session["id"], "sim status")
            assert inside["Uid"].split() == ["1000"] * 4, inside
            assert inside["inherited"] == {}, inside["inherited"]
        assert session_uid(self.one) != session_uid(self.two)

    def inherited(self):
        # A program that ChimeraX itself has started sees only what was inherited.
        links = {entry.name: os.readlink(entry) for entry in pathlib.Path(f"/proc/{self.one['pid']}/fd").iterdir()}
        outside = {name: target for name, target in links.items() if int(name) > 2 and not re.match(r"(socket|pipe|anon_inode):", target)}
        assert not outside, outside
        for name in ("0", "1", "2"):
            assert links[name].startswith("pipe:"), links

    def filesystem(self):
        session = self.one["id"]
        secret = self.site.folder / "secret"
        secret.write_text("only for the host")
        secret.chmod(0o644)
        top = set(self.site.value(session, "sim ls /")["names"])
        allowed = {"bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp", "usr", "var", "work"}
        extra = top - allowed - {"opt"}
        assert self.site.value(session, "sim ls /opt")["names"] == ["chimerax"]
        assert not extra, extra
        for path in (str(secret), "/etc/shadow", "/root/.bashrc", "/var/log/dpkg.log", "/run/host"):
            result = self.site.value(session, f"sim read {path}")
            assert "error" in result, f"{path} is readable inside: {result}"
        for path in ("/usr/x", "/etc/x", "/x", "/dev/x", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"):
            result = self.site.value(session, f"sim write {path} x")
            assert "error" in result, f"{path} is writable inside: {result}"
        for path in ("/tmp/x", "/work/x", "/home/chimerax/x", "/dev/shm/x"):
            assert "error" not in self.site.value(session, f"sim write {path} hello"), path
            assert self.site.value(session, f"sim read {path}")["text"].strip() == "hello", path
            other = self.site.value(self.two["id"], f"sim read {path}")
            assert "error" in other, f"{path} of one session is seen in the other"
        for mount in self.inspect(session)["mounts"]:
            options = mount["options"].split(",")
            writable = ("/tmp", "/work", "/home/chimerax", "/dev/shm", "/proc")
            assert "ro" in options or mount["target"] in writable, mount
            assert "nosuid" in options, mount
            # What masks a file of /proc is the sandbox's own null device.
            assert "nodev" in options or mount["target"] == "/dev" or mount["root"] == "/null", mount

    def inspect(self, session):
        return self.site.api("GET", f"/v1/sessions/{session}/inspect").json

    def processes(self):
        seen = [name for name in self.site.value(self.one["id"], "sim ls /proc")["names"] if name.isdigit()]
        assert 1 <= len(seen) <= 3 and "1" in seen, seen

    def namespaces(self):
        found = {session["id"]: {kind: os.stat(f"/proc/{session['pid']}/ns/{kind}").st_ino
                                 for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")} for session in (self.one, self.two)}
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
            numbers = {os.stat(f"/proc/self/ns/{kind}").st_ino, *(entry[kind] for entry in found.values())}
            assert len(numbers) == 3, f"{kind} is shared: {found}"
        assert self.site.value(self.one["id"], "sim read /proc/self/cgroup")["text"].strip().endswith("0::/payload"), "the session's folder must be the root of its cgroup namespace"

    def all_capabilities(self):
        pid = self.one["pid"]
        kinds = ["mnt", "net", "uts", "ipc", "cgroup"]
        as_host = in_namespaces(pid, ["net", "uts"], lambda: {"hostname": errno_of("sethostname", b"sandbox", 7), "address": add_address("127.0.0.78")})
        assert as_host == {"hostname": 0, "address": 0}, f"the probe itself must work for the owner: {as_host}"
        result = in_namespaces(pid, kinds + ["user"], privileged_attempts)
        assert set(result.values()) == {1}, f"EPERM is expected of each: {result}"

    def network(self):
        one, two = self.one, self.two
        # The probe works where it is allowed: a session reaches its own server.
        own = self.site.value(one["id"], f"sim connect {one['address']} {one['port']}")
        assert own["result"] == "connected", own
        near = ".".join(one["address"].split(".")[:3] + [str(int(one["address"].split(".")[3]) - 1)])
        self.site.gateway("ip", "link", "set", "lo", "up")  # for the control: the way from the near end to itself leads over lo
        with listener_in_gateway(self.site, near) as (port, heard):
            reached = in_namespace_file(self.site.run / "net", lambda: connect_result(socket.AF_INET, near, port))
            assert reached == "connected", f"the listener itself must work: {reached}"
            harness.wait_for(lambda: heard, "the listener to hear of it")
            heard.clear()
            for address, target in ((near, port), (two["address"], two["port"]), ("127.0.0.1", self.site.tcp_port), ("169.254.169.254", 80)):
                result = self.site.value(one["id"], f"sim connect {address} {target}")["result"]
                assert result != "connected", f"{address}:{target} {result}"
            assert self.site.run_command(two["id"], "version")["values"] is not None
            assert not heard, heard
        interfaces = self.inspect(one["id"])["addresses"]
        assert sorted(interfaces["interfaces"]) == ["eth0", "lo"], interfaces
        assert interfaces["ipv6"] == "", interfaces

    def host_cannot_reach(self):
        one = self.one
        for uid in (0, 65534):
            result = as_uid(uid, lambda: connect_result(socket.AF_INET, one["address"], one["port"]))
            assert result != "connected", (uid, result)
            assert as_uid(uid, lambda: connect_result(socket.AF_INET6, "::ffff:" + one["address"], one["port"])) != "connected"
        assert self.site.run_command(one["id"], "version")["values"] is not None
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        try:
            assert connect_result(socket.AF_INET, one["address"], one["port"]) != "connected"
            self.network()
        finally:
            pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("0")

    def published_port(self):
        one, two = self.one, self.two
        assert one["published_port"] != two["published_port"]

        def get(token=None, basic=None):
            import base64
            import http.client
            connection = http.client.HTTPConnection("127.0.0.1", one["published_port"], timeout=10)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            if basic:
                headers["Authorization"] = "Basic " + base64.b64encode(f"x:{basic}".encode()).decode()
            connection.request("GET", "/run?command=version", headers=headers)
            return connection.getresponse().status
        assert get() == 401
        assert get(token=two["token"]) == 401
        assert get(token=one["token"]) == 200
        assert get(basic=one["token"]) == 200
        assert get(basic=two["token"]) == 401

    def init_is_closed(self):
        """E01, E29: same uid, yet nothing of PID 1 opens."""
        session = self.one["id"]
        for path in ("/proc/1/fd/5", "/proc/1/environ", "/proc/1/mem", "/proc/1/exe"):
            assert "error" in self.site.value(session, f"sim read {path}"), path
            assert "error" in self.site.value(session, f"sim write {path} x"), path
        assert "error" in self.site.value(session, "sim write /proc/self/exe x")
        assert "error" not in self.site.value(session, "sim read /proc/self/environ"), "the probe works where it is allowed"

    def workspace(self):
        """Files of the workspace come out; whatever the tenant puts there leads to no other file, and nothing blocks."""
        session = self.one
        route = f"/v1/sessions/{session['id']}/files/"
        outside = pathlib.Path(f"/proc/{session['pid']}/root/work")
        uid = session_uid(session)
        content = os.urandom(300_000)

        def plant():
            for folder, file, text in (("sub", "a b.bin", content), ("swap", "hostname", b"mine")):
                os.mkdir(folder)
                pathlib.Path(folder, file).write_bytes(text)
            for link, target in (("absolute", "/etc/hostname"), ("up", "../etc/hostname"), ("inside", "sub/a b.bin"),
                                 ("magic", "/proc/self/environ"), ("etc", "/etc"), ("loop", "loop")):
                os.symlink(target, link)
            os.mkfifo("fifo")
            socket.socket(socket.AF_UNIX).bind("socket")
            return "planted"
        assert in_child(lambda: os.chdir(outside), lambda: become(uid), plant) == "planted"
        (outside / "root").write_text("for root alone")
        (outside / "root").chmod(0o600)

        def status_of_file(path):
            return self.site.api("GET", route + path, timeout=5).status
        whole = self.site.api("GET", route + "sub/a%20b.bin")
        assert whole.status == 200 and whole.body == content, whole.status
        assert whole.headers["Content-Security-Policy"] == "sandbox" and "a b.bin" in whole.headers["Content-Disposition"]
        assert self.site.api("GET", route + "inside").body == content, "a link within the workspace is one"
        statuses = {path: status_of_file(path) for path in (
            "absolute", "up", "magic", "etc/hostname", "loop", "root", "socket", "fifo", "sub", "none",
            "..%2f..%2fetc%2fhostname", "../../etc/hostname", "%2fetc%2fhostname", "a%00b", "")}
        assert statuses == {
            "absolute": 403, "up": 403, "magic": 403, "etc/hostname": 403, "loop": 403, "root": 403, "socket": 409, "fifo": 409,
            "sub": 409, "none": 404, "..%2f..%2fetc%2fhostname": 403, "../../etc/hostname": 403, "%2fetc%2fhostname": 400,
            "a%00b": 400, "": 404}, statuses
        assert self.site.sandboxctl("cp", f"{session['id'][:6]}:/work/sub/a b.bin", str(self.site.folder / "copied"))
        assert (self.site.folder / "copied").read_bytes() == content
        self.swapped_link(outside, route, uid)

    def swapped_link(self, outside, route, uid):
        """E25: a folder that turns into a link and back, while it is read."""
        child = os.fork()
        if child == 0:
            os.chdir(outside)
            become(uid)
            while True:
                LIBC.renameat2(-100, b"swap", -100, b"etc", 2)  # RENAME_EXCHANGE
        try:
            answers = [self.site.api("GET", route + "swap/hostname") for _ in range(200)]
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert {answer.status for answer in answers} == {200, 403}, "both states were seen"
        assert {answer.body for answer in answers if answer.status == 200} == {b"mine"}

    def end(self):
        for session in (self.one, self.two):
            answer = self.site.delete(session["id"])
            assert answer.status in (200, 204), answer
        self.site.assert_no_residue()
        gone = self.site.api("GET", f"/v1/sessions/{self.one['id']}")
        assert gone.status == 410 and gone.json["end"]["reason"] == "deleted", gone


def session_uid(session):
    return int(status_of(session["pid"])["Uid"].split()[0])


def as_uid(uid, function):
    return in_child(lambda: become(uid), function)


def in_namespace_file(path, function):
    return in_child(lambda: setns(os.open(path, os.O_RDONLY)), function)


class listener_in_gateway:  # noqa: N801: used as a context
    """A TCP listener on a near end, in a thread that stays in this namespace but with a socket of the gateway's."""

    def __init__(self, site, address):
        self.site, self.address = site, address

    def __enter__(self):
        parent, child_end = socket.socketpair()
        child = os.fork()
        if child == 0:
            setns(os.open(self.site.run / "net", os.O_RDONLY))
            server = socket.create_server((self.address, 0))
            socket.send_fds(child_end, [b"x"], [server.fileno()])
            os._exit(0)
        _, descriptors, _, _ = socket.recv_fds(parent, 1, 1)
        os.waitpid(child, 0)
        self.server = socket.socket(fileno=descriptors[0])
        self.heard = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self.server.getsockname()[1], self.heard

    def _accept(self):
        try:
            while True:
                connection, peer = self.server.accept()
                self.heard.append(peer)
                connection.close()
        except OSError:
            pass

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        isolation = Isolation(site)
        for name, function in (
                ("a session runs as its own uid, 1000 inside, no capability, seccomp filter, no_new_privs", isolation.process),
                ("E02: no descriptor of the host is inherited", isolation.inherited),
                ("it sees only what the policy names, read-only but for its own tmpfs", isolation.filesystem),
                ("E18: it sees no process of the host", isolation.processes),
                ("each session has all seven namespaces of its own", isolation.namespaces),
                ("E28: with every capability in its own user namespace, remount, umount, address and host name are EPERM", isolation.all_capabilities),
                ("E08: it reaches neither a listener at the near end, a neighbour, the host nor the API", isolation.network),
                ("E39: the host, root included, cannot reach it; nor after nft flush and with ip_forward", isolation.host_cannot_reach),
                ("the published port wants this session's token", isolation.published_port),
                ("E01, E29: nothing of PID 1 can be opened from inside", isolation.init_is_closed),
                ("E25: a file of the workspace comes out, and none that a link, a FIFO or a path leads to", isolation.workspace),
                ("ending both leaves nothing, and 410 says why", isolation.end)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
