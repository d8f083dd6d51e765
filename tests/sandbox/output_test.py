#!/usr/bin/env python3
"""What scripts print: line by line in the log, and there after a crash, by a start folder that no tenant can write to."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


class Output:
    def __init__(self, site):
        self.site = site

    def log(self, session):
        answers = [self.site.api("GET", f"/v1/sessions/{session}/logs?stream={stream}") for stream in ("stdout", "stderr")]
        assert all(answer.status == 200 for answer in answers), answers
        return "".join(answer.body.decode() for answer in answers)

    def run_script(self, session, text, expect=200):
        answer = self.site.api("PUT", f"/v1/sessions/{session}/files/job.py", text.encode())
        assert answer.status in (200, 201), answer
        return self.site.run_command(session, "runscript /work/job.py", expect=expect)

    def at_once(self):
        session = self.site.create()["id"]
        self.run_script(session, "import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n")
        harness.wait_for(lambda: "to stdout" in self.log(session) and "to stderr" in self.log(session), "both lines in the log")
        self.site.delete(session)

    def after_crash(self):
        session = self.site.create()["id"]
        answer = self.site.api("PUT", f"/v1/sessions/{session}/files/job.py", b"import os\nprint('last words')\nos.abort()\n")
        assert answer.status in (200, 201), answer
        self.site.api("POST", f"/v1/sessions/{session}/commands", {"command": "runscript /work/job.py"})
        harness.wait_for(lambda: "last words" in self.log(session), "the words before the crash")
        self.site.delete(session)

    def policy_wins(self):
        self.site.write_policy("small", '[chimerax.environment]\nCHIMERAX_START = "/work/start"\nXDG_RUNTIME_DIR = "/work/run"\n')
        assert self.site.api("POST", "/v1/admin/reload").status == 200
        session = self.site.create(policy="small")["id"]
        assert self.site.value(session, "sim env CHIMERAX_START")["value"] == "/work/start"
        assert self.site.value(session, "sim env XDG_RUNTIME_DIR")["value"] == "/work/run"
        self.run_script(session, "print('held back')\n")
        assert "held back" not in self.log(session), "without a start script Python keeps it, so that the other tests can fail"
        self.site.delete(session)

    def out_of_reach(self):
        """Neither its files nor its folder can be changed, covered or moved by a tenant."""
        session = self.site.create()["id"]
        folder = self.site.value(session, "sim env CHIMERAX_START")["value"]
        names = self.site.value(session, f"sim ls {folder}")["names"]
        assert names == ["output_by_line.py"], names
        for path in (f"{folder}/{names[0]}", f"{folder}/more.py", f"{folder}.py"):
            assert self.site.value(session, f"sim write {path} x")["error"] == "EROFS", path
        self.run_script(session, "import os\n"
                        f"for what in (lambda: os.rename('{folder}', '{folder}2'), lambda: os.symlink('/work', '{folder}/link'),\n"
                        f"             lambda: os.chmod('{folder}/{names[0]}', 0o777), lambda: os.unlink('{folder}/{names[0]}')):\n"
                        "    try:\n        what()\n    except OSError as error:\n        session.logger.info(str(error.errno))\n"
                        "    else:\n        raise RuntimeError('it could be changed')\n")
        assert self.site.sandboxctl("verify", session).returncode == 0
        self.site.delete(session)

    def runtime_folder(self):
        session = self.site.create()["id"]
        folder = self.site.value(session, "sim env XDG_RUNTIME_DIR")["value"]
        result = self.run_script(session, f"import os\ns = os.stat('{folder}')\nsession.logger.info(oct(s.st_mode) + ' ' + str(s.st_uid == os.getuid()))\n")
        assert "0o40700 True" in json.dumps(result["log"]), result
        assert self.site.value(session, f"sim write {folder}/socket x")["bytes"] == 1
        self.site.delete(session)


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        output = Output(site)
        tap.test("what a script prints is in the log at once", output.at_once)
        tap.test("what a script printed before a crash is in the log", output.after_crash)
        tap.test("a policy's own start folder and runtime folder win", output.policy_wins)
        tap.test("a tenant cannot change the start folder", output.out_of_reach)
        tap.test("XDG_RUNTIME_DIR is a folder of the session's own, mode 0700", output.runtime_folder)
    tap.finish()


if __name__ == "__main__":
    main()
