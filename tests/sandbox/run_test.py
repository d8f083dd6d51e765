#!/usr/bin/env python3
"""Jobs by sandboxctl run, against the whole stack: what they print, how they end, what is fetched."""

import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


class Jobs:
    def __init__(self, site):
        self.site = site
        site.write_policy("test", "\n[recovery]\nmax_restarts = 3\n")
        self.folder = site.folder / "local"
        self.folder.mkdir()

    def start(self, *arguments, **more):
        return subprocess.Popen([str(self.site.find("bin/sandboxctl")), "--host", f"unix://{self.site.api_socket}", *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder, **more)

    def job(self, script, *more, status=0):
        """A script of these commands, by its words on standard output and standard error."""
        (self.folder / "job.cxc").write_text(script)
        process = self.start("run", "-t", "acme", "-p", "test", *more, "--", "job.cxc")
        out, err = process.communicate(timeout=90)
        assert process.returncode == status, (script, process.returncode, out, err)
        return out, err

    def last(self):
        """The session of the last job, as it ended."""
        listed = self.site.api("GET", "/v1/sessions?state=ended&order=newest").json["sessions"]
        return listed[0]

    def ends(self):
        (self.folder / "ok.cxc").write_text("open 'in.pdb'\nsave /work/out.png\nexit\nfoo\n")
        (self.folder / "bad.cxc").write_text("version\nfoo\nversion\n")
        (self.folder / "long.cxc").write_text("version\nsim hang\n")
        (self.folder / "in.pdb").write_text("ATOM      1  CA  GLY A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n")
        done = self.start("run", "-t", "acme", "-p", "test", "--in", "in.pdb", "--out", "out.png", "--", "ok.cxc")
        out, err = done.communicate(timeout=60)
        assert done.returncode == 0 and (self.folder / "out.png").read_bytes()[:4] == b"\x89PNG", (out, err)
        failed = self.start("run", "-t", "acme", "-p", "test", "bad.cxc")
        out, err = failed.communicate(timeout=60)
        assert failed.returncode == 1 and out.count("UCSF ChimeraX version") == 1 and "command 2 of 3" in err, (out, err)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            stopped = self.start("run", "-t", "acme", "-p", "test", "long.cxc")
            assert stopped.stdout.readline(), "it runs"
            harness.wait_for(lambda: self.site.sandboxctl("ls", "-q", "-s", "busy").stdout, "its command hangs")
            stopped.send_signal(number)
            assert stopped.wait(30) == status, stopped.stderr.read()
        assert self.site.sandboxctl("ls", "-q").stdout == "", "every job's session has ended"

    def prints(self):
        out, err = self.job("sim print first-word\nversion\nsim flood stderr 2000\nsim flood stdout 100000\nsim print last-word\n", "-q")
        assert out.count("first-word") == 1 and out.count("last-word") == 1 and out.count("x") == 98_750, out[:200]
        assert err.count("x") == 1975 and "REST server" not in out + err, err[:200]
        out, err = self.job("sim print out\n", "-o", "json")
        assert out.startswith("{") and "out" in err, (out, err)
        assert "took" in err

    def verdicts(self):
        for script, status, reason, words in (("version\nsim exit 3\nversion\n", 3, "exited", "status 3"),
                                              ("sim crash ABRT\n", 134, "signalled", "SIGABRT"),
                                              ("sim crash KILL\n", 137, "signalled", "SIGKILL")):
            out, err = self.job(script, "--out", "gone", status=status)
            assert words in err and "closed the connection" not in err and "gone" in err, err
            end = self.last()["end"]
            assert end["reason"] == reason, (end, err)
            assert self.last()["restarts"] == 0

    def too_long(self):
        out, err = self.job("save /work/a.png\nsim sleep 60\n", "--timeout", "8s", "--out", "a.png", "--out", "b.png", status=6)
        assert "longer than 8s" in err and "still runs" not in err, err
        assert (self.folder / "a.png").read_bytes()[:4] == b"\x89PNG" and "did not fetch b.png" in err, err
        assert "fetched a.png" in err and self.last()["end"]["reason"] == "deleted"

    def restarts(self):
        """Nobody asks for more of them than the policy has, and those that nobody asked for are the policy's."""
        session = json.loads(self.site.sandboxctl("-o", "json", "create", "-t", "acme", "-p", "test", "--max-restarts", "0", "--wait").stdout)
        self.site.api("POST", f"/v1/sessions/{session['id']}/commands", {"command": "sim crash SEGV"})
        assert self.site.wait_ended(session["id"])["end"]["reason"] == "signalled"
        refused = self.site.sandboxctl("create", "-t", "acme", "-p", "test", "--max-restarts", "4", check=False)
        assert refused.returncode == 4 and "at most 3" in refused.stderr, refused


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        jobs = Jobs(site)
        site.start()
        for name, function in (
                ("a job ends with its session, also when it fails or is stopped", jobs.ends),
                ("what scripts print is shown, once and to its end", jobs.prints),
                ("a job whose ChimeraX ends by itself has its exit status, and the session its reason", jobs.verdicts),
                ("a job that takes too long is ended, and what there is of its results is fetched", jobs.too_long),
                ("a session is started again as often as was asked for", jobs.restarts)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
