#!/usr/bin/env python3
"""The launcher alone, by its own protocol: what it refuses, what it leaves behind, and what it finds after it was killed."""

import os
import pathlib
import signal
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402
from stack import LauncherClient, descriptors, resident_kib, session_name  # noqa: E402

STEPS = ("read_policy tenant_group run_folder network cgroup clone enter_network enter_cgroup root binds tmpfs devices proc etc_files pivot "
         "user_namespace id_maps credentials limits seccomp exec_engine recorded").split()


def end(client, session, grace=2000):
    """Ends it as the manager does, which lets go of its last figures once it has stored them."""
    answer = client.call("end", session=session, grace_milliseconds=grace)
    assert answer["type"] == "ended", answer
    forget(client, session)
    return answer["body"]


def forget(client, *sessions):
    assert client.call("forget", sessions=list(sessions))["type"] == "forgotten"


def refused(client, code, expected, **request):
    session = request.pop("session", session_name(9000))
    answer = client.receive(client.launch(session, **{"slot": 900, **request}))
    assert answer["type"] == "failure" and answer["body"]["code"] == code, answer
    text = answer["body"]["message"] + answer["body"]["cure"]
    assert expected in text, f"{expected!r} is not in {text!r}"


def reload(client):
    """Takes what the test has written: the launcher reads files when it is told to."""
    answer = client.call("reload", digest="")
    assert answer["type"] == "reloaded", answer


def refused_reload(client, expected):
    answer = client.call("reload", digest="")
    assert answer["type"] == "failure" and answer["body"]["code"] == "invalid_argument" and expected in answer["body"]["message"], answer


class Launcher:
    def __init__(self, site):
        self.site = site

    def refusals(self):
        """The manager is not trusted: each of these is somebody who owns it."""
        client = LauncherClient(self.site)
        self.site.write_policy("large", extends="batch")
        reload(client)
        refused(client, "invalid_argument", "session id", session="../../../etc/xx")
        refused(client, "invalid_argument", "tenant", tenant="a-b", digest="")
        refused(client, "invalid_argument", "polic", policy="../x", digest="")
        refused(client, "not_found", "nobody", tenant="nobody", digest=self.site.digest("test"))
        refused(client, "not_found", "nothing", policy="nothing", digest="")
        refused(client, "conflict", "another one", digest="0" * 64)
        refused(client, "invalid_argument", "slot", slot=99999)
        refused(client, "denied", "may not use", policy="large", digest=self.site.digest("large"))
        refused(client, "denied", "8G", memory_max=9 << 30)
        refused(client, "denied", "LD_PRELOAD", environment={"LD_PRELOAD": "/work/x.so"})
        self.site.assert_no_residue()
        client.close()

    def wrong_policies(self):
        """Whatever stands there, what was in force before stays: nothing is taken half-way, nothing that another could write."""
        client = LauncherClient(self.site)
        path, other, tenant = self.site.policies / "open.toml", self.site.policies / "other.toml", self.site.tenants / "acme.toml"
        self.site.write_policy("open")
        digest = self.site.digest("open")
        path.chmod(0o666)
        self.site.write_policy("other")
        refused_reload(client, "open.toml: the file can be written by everybody")
        path.unlink()
        path.symlink_to(self.site.policies / "default.toml")
        refused_reload(client, "open.toml: the file is a symbolic link")
        path.unlink()
        path.write_text("[resources]\ncpus = \"many\"\n")
        path.chmod(0o644)
        refused_reload(client, "open.toml:2:8: resources.cpus")
        self.site.write_policy("open")
        for chmod, place in ((self.site.policies, "policies"), (tenant, "acme.toml"), (self.site.folder / "sandboxd.toml", "sandboxd.toml")):
            mode = chmod.stat().st_mode & 0o777
            chmod.chmod(mode | 0o002)
            refused_reload(client, place)
            chmod.chmod(mode)
        os.chown(path, 1, 0)
        refused_reload(client, "open.toml: the file belongs to user 1, not to root")
        os.chown(path, 0, 0)
        answer = client.call("reload", digest="0" * 64)
        assert answer["body"]["code"] == "conflict" and answer["body"]["field"] == "digest", answer
        refused(client, "not_found", "open", policy="open", digest=digest)
        refused(client, "not_found", "other", policy="other", digest=digest)
        path.unlink()
        other.unlink()
        self.site.assert_no_residue()
        client.close()

    def kept_policy(self):
        """A file that was changed, and not reloaded, changes nothing; nor does one that is gone."""
        client = LauncherClient(self.site)
        path = self.site.policies / "test.toml"
        before, digest = path.read_text(), self.site.digest("test")
        for text in ("nonsense", before + "\n[lifecycle]\nend_after = \"1h\"\n", None):
            path.write_text(text) if text else path.unlink()
            answer = client.receive(client.launch(session_name(1), 1, digest=digest))
            assert answer["type"] == "launched", answer
            end(client, session_name(1))
            self.site.assert_no_residue()
        self.site.write_policy("test")
        assert path.read_text() == before
        client.close()

    def wrong_chimerax(self):
        client = LauncherClient(self.site)
        self.site.write_tenant("acme", "")
        (self.site.tenants / "acme.toml").write_text('max_sessions = 1000\npolicies = ["test", "missing", "text"]\n')
        self.site.write_policy("missing", executable="/usr/nowhere/bin/ChimeraX")
        reload(client)
        answer = client.receive(client.launch(session_name(1), 1, policy="missing", digest="0"))
        assert answer["type"] == "failure", answer
        (self.site.folder / "bin").mkdir()
        script = self.site.folder / "bin" / "ChimeraX"
        script.write_text("no program")
        script.chmod(0o755)
        self.site.write_policy("text", executable=str(script))
        reload(client)
        answer = client.receive(client.launch(session_name(1), 1, policy="text"))
        assert answer["type"] == "failure" and "cannot be started" in answer["body"]["message"], answer
        self.site.assert_no_residue()
        self.site.write_tenant("acme")
        reload(client)
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
        forget(client, *(session_name(n) for n in range(50)))
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
                forget(client, *(name for name, _ in names))
            self.site.assert_no_residue()
            figures.append((resident_kib(pid), descriptors(pid)))
        print(f"# launcher after 200: {figures[0][0]} KiB resident, {figures[0][1]} descriptors; after 400: {figures[1][0]} KiB, {figures[1][1]}")
        assert figures[1][0] <= figures[0][0] + 1024 and figures[1][1] == figures[0][1], figures
        client.close()

    def killed_after(self, step):
        """E40: whatever step it is, the next start leaves nothing, also of one whose calls are counted."""
        for learns in (False, True):
            self._killed_after(step, learns)

    def _killed_after(self, step, learns):
        self.site.stop()
        self.site.start("--fault-after", step, manager=False)
        client = LauncherClient(self.site)
        answer = client.receive(client.launch(session_name(5), 5, learns=learns))
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

    def _dies_at(self, moment, *commands, type, **request):
        """The launcher of session 6 dies at a moment of this request; gives the next one's client, and what was launched."""
        self.site.stop()
        self.site.start("--fault-after", moment, manager=False)
        client = LauncherClient(self.site)
        launched = client.receive(client.launch(session_name(6), 6))["body"]
        for command in commands:
            assert "version" in self._ask(launched, "version") and self._ask(launched, command)
        answer = client.call(type, session=session_name(6), **request)
        assert answer is None, f"the launcher should have died: {answer}"
        client.close()
        assert self.site.launcher.wait(10) == -signal.SIGKILL
        self.site.start(manager=False)
        return LauncherClient(self.site), launched

    def _ask(self, launched, command):
        done = self.site.gateway("curl", "-s", "-m", "5", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "--get",
                                 "--data-urlencode", f"command={command}", f"http://{launched['address']}:{launched['port']}/run")
        return done.stdout

    def killed_at_end(self, moment, commands, grace):
        """What the launcher began is done by the next one, and how the session ended is told then."""
        client, _ = self._dies_at(moment, *commands, type="end", grace_milliseconds=grace)
        listed = client.call("list", after="")["body"]
        assert [entry["session"] for entry in listed["sessions"]] + listed["ended"] == [session_name(6)], listed
        ended = end(client, session_name(6), grace)
        # sandbox-init was told before anything else, and writes how ChimeraX ended whoever lives.
        assert ended["record"]["run"] == 1 and ended["cpu_microseconds"] > 0, ended
        assert ended["record"].get("signal") == {"end_sigterm": signal.SIGTERM, "end_kill": signal.SIGKILL}.get(moment), ended
        self.site.assert_no_residue()
        client.close()

    def killed_at_freeze(self):
        client, launched = self._dies_at("frozen", type="freeze", frozen=True)
        assert client.call("attach", session=session_name(6))["body"]["engine_pid"] == launched["engine_pid"]
        assert client.call("freeze", session=session_name(6), frozen=False)["type"] == "frozen"
        assert "version" in self._ask(launched, "version")
        end(client, session_name(6))
        self.site.assert_no_residue()
        client.close()

    def killed_at_publish(self):
        client, _ = self._dies_at("published", type="publish")
        port = client.call("attach", session=session_name(6))["body"]["published_port"]
        assert client.call("publish", session=session_name(6))["body"]["port"] == port
        end(client, session_name(6))
        self.site.assert_no_residue()
        client.close()

    def killed_at_restart(self, moment):
        """Asked again, as the manager does, there is a new ChimeraX; never two."""
        client, launched = self._dies_at(moment, type="restart")
        again = client.call("restart", session=session_name(6))
        assert again["type"] == "launched" and again["body"]["engine_pid"] not in (0, launched["engine_pid"]), again
        assert "version" in self._ask(launched, "version")
        assert len(harness.processes_of_uids(self.site.uid_base, self.site.uid_base + 65536)) == 2, "sandbox-init and ChimeraX"
        assert end(client, session_name(6))["record"]["exit_status"] == 0
        self.site.assert_no_residue()
        client.close()

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

    def last_words(self):
        """How a sandbox ended is told until it is forgotten, whoever died meanwhile."""
        client = LauncherClient(self.site)
        for number, name in ((8, session_name(8)), (9, session_name(9))):
            assert client.receive(client.launch(name, number))["type"] == "launched"
        told = client.call("end", session=session_name(8), grace_milliseconds=3000)["body"]
        engine = client.call("attach", session=session_name(9))["body"]
        self._kill()
        # This one ends with no launcher there, and all of it: sandbox-init is the first of its pid namespace.
        with_pidfd = os.pidfd_open(engine["init_pid"])
        signal.pidfd_send_signal(with_pidfd, signal.SIGKILL)
        os.close(with_pidfd)
        self.site.start(manager=False)
        client = LauncherClient(self.site)
        listed = client.call("list", after="")["body"]
        assert listed["sessions"] == [] and sorted(listed["ended"]) == [session_name(8), session_name(9)], listed
        again = client.call("end", session=session_name(8), grace_milliseconds=0)["body"]
        assert again == told, (again, told)
        killed = client.call("end", session=session_name(9), grace_milliseconds=0)["body"]
        assert "record" not in killed and killed["cpu_microseconds"] > 0, killed
        refused(client, "conflict", "in use", session=session_name(8), slot=8)
        # Its log too, of both, and of one whose figures a boot took; nobody's name reaches beyond that.
        logs = self.site.state / "logs"
        assert all((logs / session_name(number) / "stdout.0").exists() for number in (8, 9)), list(logs.rglob("*"))
        client.close()
        self._kill()
        (self.site.run / "ended" / session_name(9)).unlink()
        self.site.start(manager=False)
        client = LauncherClient(self.site)
        assert sorted(client.call("list", after="")["body"]["ended"]) == [session_name(8), session_name(9)]
        assert client.call("end", session=session_name(9), grace_milliseconds=0)["body"]["code"] == "not_found"
        forget(client, "..", "../logs", session_name(8) + "/..", session_name(7))
        assert (logs / session_name(9) / "stdout.0").exists()
        forget(client, session_name(8), session_name(9))
        assert client.call("list", after="")["body"]["ended"] == []
        assert client.call("end", session=session_name(8), grace_milliseconds=0)["body"]["code"] == "not_found"
        self.site.assert_no_residue()
        client.close()

    def _kill(self):
        self.site.launcher.send_signal(signal.SIGKILL)
        self.site.launcher.wait(10)

    def published_port(self):
        """A port stays its session's: over the death of the launcher, and that of whoever listened on it."""
        client = LauncherClient(self.site)
        assert client.receive(client.launch(session_name(10), 10))["type"] == "launched"
        port = client.call("publish", session=session_name(10))["body"]["port"]
        assert client.call("publish", session=session_name(10))["body"]["port"] == port
        # The manager's descriptor is closed, the launcher's is not: nobody else can have it meanwhile.
        with socket.socket() as thief:
            try:
                thief.bind(("127.0.0.1", port))
                raise AssertionError("the port of a session could be taken")
            except OSError:
                pass
        self._kill()
        self.site.start(manager=False)
        client = LauncherClient(self.site)
        assert client.call("attach", session=session_name(10))["body"]["published_port"] == port
        assert client.call("publish", session=session_name(10))["body"]["port"] == port
        end(client, session_name(10))
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

        def status(field):
            text = pathlib.Path(f"/proc/{engine}/status").read_text()
            return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)[field]

        # libc blocks all signals for a moment where it makes a thread.
        harness.wait_for(lambda: int(status("SigBlk"), 16) == 0, "no signal is blocked")
        assert status("Umask") == "0022", status("Umask")
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
        tap.test("what was changed and not reloaded is not in force", launcher.kept_policy)
        tap.test("E44: a missing or broken ChimeraX is said clearly, and leaves nothing", launcher.wrong_chimerax)
        tap.test("a session or slot in use is refused", launcher.in_use)
        tap.test("50 launches at once are 50 distinct sandboxes", launcher.fifty_at_once)
        tap.test("400 launches and ends leave nothing and grow nothing", launcher.churn)
        tap.test("SIGKILL to the launcher: ChimeraX does not notice, the next launcher adopts it", launcher.restart)
        tap.test("how a sandbox ended is told, and its log kept, until it is forgotten, whoever died meanwhile", launcher.last_words)
        tap.test("a published port stays its session's, whoever died meanwhile", launcher.published_port)
        tap.test("E45: nothing of the launcher's caller reaches a session", launcher.callers_leftovers)
        for step in STEPS:
            tap.test(f"E40: killed after {step}, the next start leaves nothing behind", launcher.killed_after, step)
        stubborn = ["sim ignore-eof"]
        for moment, commands, grace in (("end_stdin", [], 3000), ("end_sigterm", stubborn, 200), ("end_kill", [*stubborn, "sim ignore-term"], 200),
                                        ("end_noted", [], 3000), ("end_group", [], 3000), ("end_folders", [], 3000)):
            tap.test(f"E40: killed at {moment}, the next start tells how it ended", launcher.killed_at_end, moment, commands, grace)
        for moment in ("restart_kill", "restart_told", "restart_done"):
            tap.test(f"E40: killed at {moment}, the next start starts ChimeraX again", launcher.killed_at_restart, moment)
        tap.test("E40: killed as it froze a session, the next start thaws it", launcher.killed_at_freeze)
        tap.test("E40: killed as it published a port, the next start knows it", launcher.killed_at_publish)
    tap.finish()


if __name__ == "__main__":
    main()
