#!/usr/bin/env python3
"""A start that fails says what to do about that very failure, and `sandboxctl doctor` knows it beforehand."""

import json
import pathlib
import resource
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

MEMFD = pathlib.Path("/proc/sys/vm/memfd_noexec")
IPV6 = pathlib.Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6")


def failed_start(site, *expected, odd=None):
    """The launcher does not start, and these are in what it says."""
    done = subprocess.run([str(site.find("sbin/sandbox-launcher")), "--config", str(site.folder / "sandboxd.toml"), "--with-manager"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, preexec_fn=odd)
    assert done.returncode != 0, "it started"
    for text in expected:
        assert text in done.stderr, f"{text!r} is not in {done.stderr}"


def doctor(site, name, odd=None):
    """The findings of that name."""
    found = [check for check in findings(site, odd) if check["name"] == name]
    assert found, name
    return found


def findings(site, odd=None):
    done = subprocess.run([str(site.find("bin/sandboxctl")), "--host", f"unix://{site.api_socket}", "-o", "json", "doctor",
                           "--config", str(site.folder / "sandboxd.toml")], capture_output=True, text=True, timeout=60, preexec_fn=odd)
    assert done.returncode in (0, 1), done
    return json.loads(done.stdout)["checks"]


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))


class Cures:
    def __init__(self, site):
        self.site = site

    def no_chimerax(self):
        """Whatever else is missing, this stands first; where the stand-in does its work, that is a warning in its place."""
        self.site.write_policy("lost", executable="/nonexistent/bin/ChimeraX")
        try:
            found = findings(self.site)
            failed = [check["name"] for check in found if check["verdict"] == "failed"]
            assert found[0]["name"] == "ChimeraX" == failed[0] and len(set(failed)) > 1, found
            assert "/nonexistent/bin/ChimeraX" in "".join(check["detail"] for check in found if check["name"] == "ChimeraX"), found
            for check in found:
                if check["name"] == "ChimeraX":
                    assert "https://www.cgl.ucsf.edu/chimerax/download.html" in check["cure"] and "/usr/lib/ucsf-chimerax" in check["cure"], check
            assert any(check["verdict"] == "warning" and "stand-in" in check["detail"] for check in found if check["name"] == "ChimeraX"), found
            text = self.site.sandboxctl("doctor", "--config", str(self.site.folder / "sandboxd.toml"), check=False).stdout
            assert text.startswith("FAILED  ChimeraX"), text
        finally:
            (self.site.policies / "lost.toml").unlink()

    def not_started(self):
        """On a host without the units the launcher is started by hand."""
        for name in ("launcher", "API"):
            found = doctor(self.site, name)[0]
            assert found["verdict"] == "failed", found
            assert "sandbox-launcher --with-manager" in found["cure"] or "chimerax-sandbox.target" in found["cure"], found

    def memory_files(self):
        if not MEMFD.exists():
            raise harness.Skip("this kernel has no vm.memfd_noexec")
        before = MEMFD.read_text()
        MEMFD.write_text("2")  # of this pid namespace alone
        try:
            failed_start(self.site, "sandbox-init", "sysctl vm.memfd_noexec=1")
            found = doctor(self.site, "memory files")[0]
            assert found["verdict"] == "failed" and "vm.memfd_noexec=1" in found["cure"], found
        finally:
            MEMFD.write_text(before)

    def no_ipv6(self):
        settings = self.site.folder / "sandboxd.toml"
        before, switch = settings.read_text(), IPV6.read_text()
        settings.write_text(before.replace(f'"127.0.0.1:{self.site.tcp_port}"', f'"[::1]:{self.site.tcp_port}"'))
        IPV6.write_text("1")
        try:
            failed_start(self.site, "cannot listen on [::1]", "127.0.0.1 needs no IPv6")
            found = doctor(self.site, "listen_tcp")[0]
            assert found["verdict"] == "failed" and "127.0.0.1" in found["cure"], found
        finally:
            IPV6.write_text(switch)
            settings.write_text(before)

    def port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.site.tcp_port))
            other.listen()
            failed_start(self.site, f"cannot listen on 127.0.0.1:{self.site.tcp_port}", "ss -ltnp")

    def few_descriptors(self):
        """Of 256 some sessions' worth are left, and the policy's limit holds in them."""
        log = open(self.site.log_path, "ab")
        command = [str(self.site.find("sbin/sandbox-launcher")), "--config", str(self.site.folder / "sandboxd.toml"), "--with-manager"]
        self.site.launcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=few_descriptors)
        log.close()
        harness.wait_for(self.site.is_ready, "the stack to be ready", timeout=60)
        assert "LimitNOFILE" in self.site.log(), self.site.log()
        found = [check for check in doctor(self.site, "limits") if check["verdict"] != "good"]
        assert found and "256" in found[0]["detail"] and "LimitNOFILE" in found[0]["cure"], found
        session = self.site.create()["id"]
        limits = pathlib.Path(f"/proc/{self.site.get(session)['pid']}/limits").read_text()
        is_promised = "Max open files            4096                 4096" in limits  # root may raise hard limits, where it has CAP_SYS_RESOURCE
        verified = self.site.sandboxctl("verify", session, check=False)
        assert (verified.returncode == 0) == is_promised, (limits, verified.stdout)
        assert is_promised or "Max open files" in verified.stdout, verified.stdout
        assert self.site.stop() == 0


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        cures = Cures(site)
        tap.test("doctor says first of all that ChimeraX is missing, from where it comes and where it is looked for", cures.no_chimerax)
        tap.test("doctor says how what does not run is started", cures.not_started)
        tap.test("where no memory file may be executed, start and doctor say which sysctl", cures.memory_files)
        tap.test("where lo has no IPv6, start and doctor say so", cures.no_ipv6)
        tap.test("a port that is taken is told of as such", cures.port_in_use)
        tap.test("too few descriptors: the log and doctor name the limit, and sessions have the policy's", cures.few_descriptors)
    tap.finish()


if __name__ == "__main__":
    main()
