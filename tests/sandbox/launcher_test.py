#!/usr/bin/env python3
"""The launcher alone, by its own protocol: what it refuses, what it leaves behind, and what it finds after it was killed."""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402
from stack import LauncherClient, descriptors, resident_kib, session_name  # noqa: E402

STEPS = ("read_policy tenant_group run_folder network cgroup clone enter_network enter_cgroup root binds tmpfs devices proc etc_files pivot "
         "user_namespace id_maps credentials limits seccomp exec_engine recorded").split()


def end(client, session, grace=2000):
    answer = client.call("end", session=session, grace_milliseconds=grace)
    assert answer["type"] == "ended", answer
    return answer["body"]


def refused(client, code, expected, **request):
    session = request.pop("session", session_name(9000))
    answer = client.receive(client.launch(session, **{"slot": 900, **request}))
    assert answer["type"] == "failure" and answer["body"]["code"] == code, answer
    text = answer["body"]["message"] + answer["body"]["cure"]
    assert expected in text, f"{expected!r} is not in {text!r}"


class Launcher:
    def __init__(self, site):
        self.site = site

    def refusals(self):
        """The manager is not trusted: each of these is somebody who owns it."""
        client = LauncherClient(self.site)
        self.site.write_policy("large", extends="batch")
        refused(client, "invalid_argument", "session id", session="../../../etc/xx")
        refused(client, "invalid_argument", "tenant", tenant="a-b", digest="")
        refused(client, "invalid_argument", "polic", policy="../x", digest="")
        refused(client, "not_found", "nobody", tenant="nobody", digest=self.site.digest("test"))
        refused(client, "not_found", "nothing", policy="nothing", digest="")
        refused(client, "conflict", "changed", digest="0" * 64)
        refused(client, "invalid_argument", "slot", slot=99999)
        refused(client, "denied", "may not use", policy="large", digest=self.site.digest("large"))
        refused(client, "denied", "8G", memory_max=9 << 30)
        refused(client, "denied", "LD_PRELOAD", environment={"LD_PRELOAD": "/work/x.so"})
        self.site.assert_no_residue()
        client.close()

    def wrong_policies(self):
        client = LauncherClient(self.site)
        path = self.site.policies / "open.toml"
        self.site.write_policy("open")
        digest = self.site.digest("open")
        path.chmod(0o666)
        refused(client, "denied", "open.toml", policy="open", digest=digest)
        path.unlink()
        path.symlink_to(self.site.policies / "default.toml")
        refused(client, "denied", "open.toml", policy="open", digest=digest)
        path.unlink()
        path.write_text("[resources]\ncpus = \"many\"\n")
        path.chmod(0o644)
        refused(client, "invalid_argument", "open.toml:2:", policy="open", digest=digest)
        path.unlink()
        self.site.assert_no_residue()
        client.close()

    def wrong_chimerax(self):
        client = LauncherClient(self.site)
        self.site.write_tenant("acme", "")
        (self.site.tenants / "acme.toml").write_text('max_sessions = 1000\npolicies = ["test", "missing", "text"]\n')
        self.site.write_policy("missing", executable="/usr/nowhere/bin/ChimeraX")
        answer = client.receive(client.launch(session_name(1), 1, policy="missing", digest="0"))
        assert answer["type"] == "failure", answer
        (self.site.folder / "bin").mkdir()
        script = self.site.folder / "bin" / "ChimeraX"
        script.write_text("no program")
        script.chmod(0o755)
        self.site.write_policy("text", executable=str(script))
        answer = client.receive(client.launch(session_name(1), 1, policy="text"))
        assert answer["type"] == "failure" and "cannot be started" in answer["body"]["message"], answer
        self.site.assert_no_residue()
        self.site.write_tenant("acme")
        client.close()

    def in_use(self):
        client = LauncherClient(self.site)
        assert client.receive(client.launch(session_name(1), 1))["type"] == "launched"
        refused(client, "conflict", "in use", session=session_name(1), slot=2)
        refused(client, "conflict", "in use", session=session_name(2), slot=1)
        record = end(client, session_name(1))["record"]
        assert record["exit_status"] == 0 and record["run"] == 1, record
        assert client.call("end", session=session_name(1), grace_milliseconds=0)["body"]["code"] == "not_found"
        self.site.assert_no_residue()
        client.close()

    def fifty_at_once(self):
        client = LauncherClient(self.site)
        numbers = [client.launch(session_name(n), n) for n in range(50)]
        launched = [client.receive(number) for number in numbers]
        assert all(answer["type"] == "launched" for answer in launched), [answer for answer in launched if answer["type"] != "launched"][:3]
        for field in ("session", "uid", "address", "init_pid", "engine_pid"):
            assert len({answer["body"][field] for answer in launched}) == 50, field
        for number in [client.send("end", session=session_name(n), grace_milliseconds=3000) for n in range(50)]:
            assert client.receive(number)["type"] == "ended"
        self.site.assert_no_residue()
        client.close()

    def churn(self):
        """400 launches and ends, 20 at a time: nothing is left, nothing grows."""
        client = LauncherClient(self.site)
        pid = self.site.launcher.pid
        figures = []
        for half in range(2):
            for batch in range(10):
                names = [(session_name(half * 200 + batch * 20 + n), half * 200 + batch * 20 + n) for n in range(20)]
                for number in [client.launch(name, slot) for name, slot in names]:
                    answer = client.receive(number)
                    assert answer["type"] == "launched", answer
                for number in [client.send("end", session=name, grace_milliseconds=3000) for name, _ in names]:
                    assert client.receive(number)["type"] == "ended"
            self.site.assert_no_residue()
            figures.append((resident_kib(pid), descriptors(pid)))
        print(f"# launcher after 200: {figures[0][0]} KiB resident, {figures[0][1]} descriptors; after 400: {figures[1][0]} KiB, {figures[1][1]}")
        assert figures[1][0] <= figures[0][0] + 1024 and figures[1][1] == figures[0][1], figures
        client.close()

    def killed_after(self, step):
        """E40: whatever step it is, the next start leaves nothing."""
        self.site.stop()
        self.site.start("--fault-after", step, manager=False)
        client = LauncherClient(self.site)
        answer = client.receive(client.launch(session_name(5), 5))
        assert answer is None, f"the launcher should have died: {answer}"
        client.close()
        assert self.site.launcher.wait(10) == -signal.SIGKILL
        before = self.site.residue()
        self.site.start(manager=False)
        client = LauncherClient(self.site)
        listed = client.call("list", after="")["body"]["sessions"]
        if step == "recorded":
            assert [entry["session"] for entry in listed] == [session_name(5)], "a whole sandbox is taken up again"
            end(client, session_name(5))
        else:
            assert listed == [], listed
        self.site.assert_no_residue()
        client.close()
        return before

    def restart(self):
        """ChimeraX does not notice that the launcher died, and the next launcher knows it again."""
        client = LauncherClient(self.site)
        launched = client.receive(client.launch(session_name(7), 7))["body"]
        self.site.launcher.send_signal(signal.SIGKILL)
        self.site.launcher.wait(10)
        client.close()
        assert pathlib.Path(f"/proc/{launched['engine_pid']}").exists()
        self.site.start(manager=False)
        client = LauncherClient(self.site)
        again = client.call("attach", session=session_name(7))["body"]
        for field in ("init_pid", "start_time", "engine_pid", "address", "uid", "token_hash"):
            assert again[field] == launched[field], field
        answer = self.site.gateway("curl", "-s", "-m", "5", f"http://{launched['address']}:{launched['port']}/run?command=version")
        assert "version" in answer.stdout, answer
        assert end(client, session_name(7))["record"]["exit_status"] == 0
        self.site.assert_no_residue()
        client.close()

    def callers_leftovers(self):
        """E45: descriptors, mask and umask of whoever starts the launcher do not reach a session."""
        import os
        self.site.stop()
        old = os.umask(0)
        extra = [os.open("/etc/hostname", os.O_RDONLY) for _ in range(30)]
        for descriptor in extra:
            os.set_inheritable(descriptor, True)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD})
        try:
            log = open(self.site.log_path, "ab")
            self.site.launcher = harness.subprocess.Popen(
                [str(self.site.find("sbin/sandbox-launcher")), "--config", str(self.site.folder / "sandboxd.toml")],
                stdin=harness.subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False)
            log.close()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD})
            os.umask(old)
            for descriptor in extra:
                os.close(descriptor)
        harness.wait_for(self.site._launcher_listens, "the launcher to listen")
        client = LauncherClient(self.site)
        engine = client.receive(client.launch(session_name(8), 8))["body"]["engine_pid"]
        status = pathlib.Path(f"/proc/{engine}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(fields["SigBlk"], 16) == 0, fields["SigBlk"]
        assert fields["Umask"] == "0022", fields["Umask"]
        links = [os.readlink(f"/proc/{engine}/fd/{name}") for name in os.listdir(f"/proc/{engine}/fd")]
        assert not [link for link in links if "hostname" in link], links
        end(client, session_name(8))
        client.close()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start(manager=False)
        launcher = Launcher(site)
        tap.test("a manager that an attacker owns gets nothing that no admin allowed", launcher.refusals)
        tap.test("E34, E35: a policy that others can write, a link to one, a wrong one: refused", launcher.wrong_policies)
        tap.test("E44: a missing or broken ChimeraX is said clearly, and leaves nothing", launcher.wrong_chimerax)
        tap.test("a session or slot in use is refused", launcher.in_use)
        tap.test("50 launches at once are 50 distinct sandboxes", launcher.fifty_at_once)
        tap.test("400 launches and ends leave nothing and grow nothing", launcher.churn)
        tap.test("SIGKILL to the launcher: ChimeraX does not notice, the next launcher adopts it", launcher.restart)
        tap.test("E45: nothing of the launcher's caller reaches a session", launcher.callers_leftovers)
        for step in STEPS:
            tap.test(f"E40: killed after {step}, the next start leaves nothing behind", launcher.killed_after, step)
    tap.finish()


if __name__ == "__main__":
    main()
