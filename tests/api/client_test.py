#!/usr/bin/python3
"""The Python client against the whole stack: a session from create to end, what goes wrong, and the guide's own examples.

The interpreter is the distribution's, which has its python3-requests.
"""

import hashlib
import io
import os
import pathlib
import re
import resource
import stat
import struct
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
sys.path.insert(0, str(HERE.parents[1] / "tools/client"))
import chimerax_sandbox as client  # noqa: E402
import stack as harness  # noqa: E402

STRUCTURE = "".join(f"ATOM  {n:5d}  CA  GLY A{n:4d}    {n * 1.5:8.3f}{n % 4:8.3f}{n % 3:8.3f}  1.00 20.00           C\n" for n in range(1, 21)) + "END\n"
TOKEN = "a-token-of-the-tests"


class Checked(client.Client):
    """Every answer is looked at as the API's own document has it."""

    def request(self, method, path, **more):
        response = super().request(method, path, **more)
        if not more.get("stream"):
            harness.API.check_answer(method, path, response.status_code, response.headers["Content-Type"], response.content)
        return response


def raises(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


class Tests:
    def __init__(self, site):
        self.site = site
        self.admin = Checked(f"unix://{site.api_socket}")
        self.tenant = Checked(f"http://127.0.0.1:{site.tcp_port}", token=TOKEN)
        self.folder = site.folder / "client"
        self.folder.mkdir()

    def whole(self):
        """Create, upload a structure, open it, render, download the picture, end."""
        structure = self.folder / "structure.pdb"
        structure.write_text(STRUCTURE)
        for api, more in ((self.admin, {"tenant": "acme"}), (self.tenant, {})):
            with client.Session(policy="test", client=api, name="whole", labels={"by": "client"}, **more) as s:
                assert s.state == "ready" and s.token and s.info["tenant"] == "acme", s.info
                assert s.upload(structure) == "/work/structure.pdb"
                opened = s.run("open /work/structure.pdb")
                assert not opened.error and len(opened.values) == 1 and opened.duration_seconds > 0, opened
                assert "structure.pdb" in str(s.run("info models")), s.run("info models")
                target = self.folder / "picture.png"
                picture = s.render(target, width=320, height=200)
                assert picture[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", picture[16:24]) == (320, 200), picture[:30]
                assert target.read_bytes() == picture
                s.run("save /work/mine.png width 100 height 50")
                assert s.download("mine.png", self.folder / "mine.png") == self.folder / "mine.png"
                assert s.download("mine.png") == (self.folder / "mine.png").read_bytes()
                assert [one.id for one in api.sessions(label="by=client", state="ready")] == [s.id]
            assert s.state == "ended" and s.info["end"]["reason"] == "deleted", s.info
            gone = raises(client.Ended, s.refresh)
            assert gone.end["reason"] == "deleted" and gone.status == 410 and gone.cure, vars(gone)

    def files(self):
        with client.Session("test", tenant="acme", client=self.admin) as s:
            content = os.urandom(3_000_000)
            assert s.upload(io.BytesIO(content), "a folder/große datei #1?.bin") == "/work/a folder/große datei #1?.bin"
            assert s.download("/work/a folder/große datei #1?.bin") == content
            assert s.upload(b"", "/work/empty") == "/work/empty"
            assert {(one.name, one.type) for one in s.files()} == {("a folder", "folder"), ("empty", "file")}
            entry, = s.files("a folder")
            assert entry.size == len(content) and entry.modified_at.tzinfo, entry
            s.delete_file("empty")
            assert raises(client.NotFound, s.download, "empty").status == 404
            with client.Session("test", tenant="acme", client=self.admin) as other:
                other.upload(b"kept", "kept")
                for way in (f"../../{other.id}", f"/work/../../{other.id}/files/kept", f"a folder/../../../{other.id}/files/kept", "..", ".", "a/./b"):
                    raises(ValueError, s.delete_file, way)
                    raises(ValueError, s.upload, b"planted", way)
                    raises(ValueError, s.download, way)
                    raises(ValueError, s.files, way)
                assert other.refresh()["state"] == "ready" and other.download("kept") == b"kept", "a name of a file is never another route"
            raises(ValueError, s.upload, b"bytes without a name")

    def large_files(self):
        """From and to files and pipes, piece by piece, in as little memory as a small one takes."""
        content = os.urandom(1 << 20) * 60
        with client.Session("test", tenant="acme", client=self.admin) as s:
            (self.folder / "big").write_bytes(content)
            s.upload(self.folder / "big")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            s.download("big", self.folder / "back")
            with open(self.folder / "big", "rb") as file, open(self.folder / "again", "wb") as again:
                file.seek(50)
                s.upload(file, "rest")
                assert s.download("rest", again) is None
            with subprocess.Popen(["cat", self.folder / "big"], stdout=subprocess.PIPE) as cat:
                s.upload(cat.stdout, "piped")
            s.download("piped", os.devnull)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "KiB"
            assert (self.folder / "back").read_bytes() == content and (self.folder / "again").read_bytes() == content[50:]
            assert {one.name: one.size for one in s.files()} == {"big": len(content), "rest": len(content) - 50, "piped": len(content)}
            (self.folder / "back").chmod(0o604)
            (self.folder / "link").symlink_to("back")
            s.upload(b"", "empty")
            s.download("empty", self.folder / "link")
            assert (self.folder / "link").is_symlink() and (self.folder / "back").stat().st_mode & 0o777 == 0o604
            assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and (self.folder / "back").read_bytes() == b""

    def any_names(self):
        with client.Session("test", tenant="acme", client=self.admin) as s:
            names = ["l\udce9.pdb", "n" * 255, "a?b#c%41", "new\nline"]
            for name in names:
                s.upload(name.encode("utf-8", "surrogateescape"), name)
            assert sorted(one.name for one in s.files()) == sorted(names), s.files()
            for name in names:
                assert s.download(name) == name.encode("utf-8", "surrogateescape")
                s.delete_file(name)
            assert s.files() == []

    def ended_by_itself(self):
        for command, reason in (("exit", "exited"), ("sim exit 3", "exited")):
            with client.Session("test", tenant="acme", client=self.admin, max_restarts=0) as s:
                gone = raises(client.Ended, s.run, command)
                assert gone.end["reason"] == reason and gone.state_may_have_changed, vars(gone)
                assert raises(client.Ended, s.run, "version").end["reason"] == reason
                assert s.state == "ended"

    def commands(self):
        with client.Session("test", tenant="acme", client=self.admin) as s:
            failed = raises(client.CommandFailed, s.run, "version", "nonsense", "version")
            assert failed.code == "command_failed" and "nonsense" in str(failed) and failed.result.log["note"], vars(failed)
            assert s.run("nonsense", check=False).error["message"]
            assert (failed.command, failed.result.failed, len(failed.result.results)) == ("nonsense", 1, 2), vars(failed)
            assert str(failed).count("Unknown command: nonsense") == 1, "it is told once"
            several = s.run("version", "sim set k 1", "sim get k; version")
            assert [len(one.values) for one in several.results] == [1, 1, 2] and several.ok and several.failed is None, several
            assert several.results[0].command == "version" and str(several.results[0]) and several.results[0].ok, several
            offline = raises(client.CommandFailed, s.run, "open 1abc")
            assert "s.upload" not in offline.cure and "/files/" in offline.cure and str(offline).count("urlopen error") == 1, vars(offline)
            lost = raises(client.SandboxError, s.run, "version", "sim http notjson", "version", "version")
            assert [one.command for one in lost.results] == ["version", "sim http notjson"] and lost.problem["failed"] == 2, vars(lost)
            assert lost.state_may_have_changed and lost.status == 502, vars(lost)
            bad = raises(client.SandboxError, s.run, "open caf\udce9.pdb")
            assert bad.status == 400 and not bad.state_may_have_changed, vars(bad)
            late = raises(client.TimedOut, s.run, "sim sleep 2", timeout=0.2)
            assert late.state_may_have_changed and late.status == 504, vars(late)
            assert s.run("version").log["note"], "it was busy, and serves again"
            gone = raises(client.SandboxError, s.run, "sim crash 9")
            assert gone.state_may_have_changed, vars(gone)

    def steer(self):
        seen, listening = [], threading.Event()

        def listen(session):
            for event in session.events():
                seen.append(event)
                listening.set()
        with client.Session("test", tenant="acme", client=self.admin, max_lifetime=3600) as s:
            listener = threading.Thread(target=listen, args=(client.Client(f"unix://{self.site.api_socket}").session(s.id),))
            listener.start()
            assert listening.wait(20), "an event tells how it is now"
            s.freeze()
            assert s.state == "frozen"
            s.thaw()
            assert s.state == "ready"
            s.touch()
            refused = raises(client.Refused, s.extend, 100 * 86400)
            assert refused.status == 403 and refused.cure, vars(refused)
            s.update(name="another", labels={"k": "v"})
            assert s.info["name"] == "another" and s.refresh()["labels"] == {"k": "v"}
            s.restart()
            assert s.state == "ready" and s.run("version").log["note"]
            assert "REST server started" in s.log() and len(s.log(tail=20)) == 20
            assert s.stats()["id"] == s.id
        listener.join(20)
        assert not listener.is_alive(), "the stream ends with the session"
        states = [event.data["state"] for event in seen if event.type == "state"]
        assert states[1:] and states[-1] == "ended" and "frozen" in states, states
        assert [int(event.id) for event in seen] == sorted(int(event.id) for event in seen)

    def refusals(self):
        nobody = client.Client(f"http://127.0.0.1:{self.site.tcp_port}", token="wrong")
        wrong = raises(client.Refused, nobody.quota)
        assert wrong.status == 401, vars(wrong)
        assert raises(client.NotFound, self.admin.session, "aaaaaaaaaaaaaaaa").code == "not_found"
        odd = raises(client.SandboxError, self.admin.session, "../../metrics")
        assert odd.status in (400, 404), vars(odd)
        raises(client.NotFound, client.Session, "no-such-policy", tenant="acme", client=self.admin)
        with client.Session("crowded", tenant="acme", client=self.admin):
            full = raises(client.NoCapacity, client.Session, "crowded", tenant="acme", client=self.admin, start_timeout=0.5)
            assert full.retry_after and full.status in (429, 503) and full.reason, vars(full)
        raises(ValueError, client.Client, "ftp://somewhere")
        closed = raises(client.Unreachable, client.Client(f"unix://{self.folder}/none").quota)
        assert closed.cure and not closed.state_may_have_changed, vars(closed)
        with client.Session("test", tenant="acme", client=self.admin) as theirs:
            other = client.Client(f"http://127.0.0.1:{self.site.tcp_port}", token="the-token-of-globex")
            raises(client.NotFound, other.session, theirs.id)
            one = Checked(f"http://127.0.0.1:{self.site.tcp_port}", token=theirs.token)
            assert one.session(theirs.id).run("version").log["note"], "its own token is enough for it"

    def failing_start(self):
        failed = raises(client.SandboxError, client.Session, "broken", tenant="acme", client=self.admin)
        assert failed.problem["end"]["reason"] in ("exited", "launch_failed", "start_timeout"), failed.problem
        assert not [one.id for one in self.admin.sessions(state="ready")]

    def block_that_fails(self):
        def block():
            with client.Session("test", tenant="acme", client=self.admin) as s:
                self.id = s.id
                raise KeyError("of the caller")
        raises(KeyError, block)
        assert raises(client.Ended, self.admin.session, self.id).end["reason"] == "deleted"

    def guide(self):
        """Each example of the README and of the client's own text, as it stands there."""
        texts = [re.search(r"## From Python\n(.*?)\n## ", (HERE.parents[1] / "README.md").read_text(), re.S).group(1), client.__doc__]
        examples = [re.sub(r"^    ", "", block, flags=re.M) for text in texts for block in re.findall(r"(?:^(?:    .*)?\n)*^    .*import.*\n(?:^(?:    .*)?\n)*", text, re.M)]
        assert len(examples) == 2, examples
        (self.folder / "structure.pdb").write_text(STRUCTURE)
        (self.folder / "token").write_text(TOKEN + "\n")
        os.chdir(self.folder)
        for number, example in enumerate(examples):
            os.environ.update({"SANDBOX_HOST": f"http://127.0.0.1:{self.site.tcp_port}", "SANDBOX_TOKEN_FILE": str(self.folder / "token")})
            for name in ("picture.png", "structure.png"):
                pathlib.Path(name).unlink(missing_ok=True)
            exec(compile(example, f"example {number}", "exec"), {})
            assert list(self.folder.glob("*.png")), example

    def end(self):
        assert [one for one in self.admin.sessions() if one.state != "ended"] == []
        self.site.assert_no_residue()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        digest = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in (("acme", TOKEN), ("globex", "the-token-of-globex"))}
        for name in digest:
            site.write_tenant(name, f'token_hashes = ["{digest[name]}"]\n')
        path = site.tenants / "acme.toml"
        path.write_text(path.read_text().replace('"strict"]', '"strict", "crowded", "broken"]'))
        site.write_policy("crowded", "[admission]\nmax_sessions = 1\n")
        site.write_policy("broken", 'start_timeout = "5s"\n', executable="/bin/false")
        default = site.policies / "default.toml"  # which the guide uses
        default.write_text(default.read_text().replace("[chimerax]\n", f'[chimerax]\nexecutable = "{site.standin}"\n', 1)
                           .replace("[resources]\n", '[resources]\nenforcement = "best-effort"\n', 1))
        tests = Tests(site)
        site.start()
        for name, function in (
                ("a whole session: upload, open, render, download, end", tests.whole),
                ("files of any size go in and out piece by piece", tests.large_files),
                ("files of any name go in and out", tests.any_names),
                ("a session that ends by itself is Ended", tests.ended_by_itself),
                ("files of any name and content", tests.files),
                ("commands that fail, take long, or end ChimeraX", tests.commands),
                ("freeze, restart, change, and the events of it", tests.steer),
                ("refusals are errors that say what to do", tests.refusals),
                ("a session that does not start leaves nothing", tests.failing_start),
                ("a session ends with a block that fails", tests.block_that_fails),
                ("the guide's examples", tests.guide),
                ("nothing is left", tests.end)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
