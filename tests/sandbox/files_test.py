#!/usr/bin/env python3
"""Files into, within and out of a workspace, by the API: ranges, tags, and attacks from inside."""

import errno
import os
import pathlib
import signal
import socket
import stat
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

MIB = 1024 * 1024


def as_user(uid, folder, function):
    """Runs a function as the session's user in its workspace, in a child."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            function()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001: it must not return into the test
            print(f"# {error!r}", flush=True)
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


class Files:
    def __init__(self, site):
        self.site = site
        self.session = site.create()
        self.id = self.session["id"]
        self.route = f"/v1/sessions/{self.id}/files/"
        self.work = pathlib.Path(f"/proc/{self.session['pid']}/root/work")
        self.uid = os.stat(f"/proc/{self.session['pid']}").st_uid

    def get(self, path, **headers):
        return self.site.api("GET", self.route + path, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=10)

    def put(self, path, body, **headers):
        return self.site.api("PUT", self.route + path, body, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=60)

    def way_in_and_out(self):
        content = os.urandom(300_000)
        answer = self.put("new/deep/a%20b.bin", content)
        assert answer.status == 201 and answer.json["size"] == len(content), answer
        status = (self.work / "new/deep/a b.bin").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (self.uid, self.uid, 0o644), status
        assert self.get("new/deep/a%20b.bin").body == content
        assert "a b.bin" in self.site.value(self.id, "sim ls /work/new/deep")["names"], "ChimeraX sees it"
        again = self.put("new/deep/a%20b.bin", b"short")
        assert again.status == 200 and again.headers["ETag"] != answer.headers["ETag"], again
        assert self.get("new/deep/a%20b.bin").body == b"short"
        assert self.put("empty", b"").status == 201 and self.get("empty").body == b""
        assert not [name for name in os.listdir(self.work / "new/deep") if name.startswith(".put")]

    def ranges(self):
        self.put("r", b"0123456789")
        tag = self.get("r").headers["ETag"]
        for wanted, status, body, place in (("bytes=2-4", 206, b"234", "bytes 2-4/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"), ("bytes=-3", 206, b"789", "bytes 7-9/10"),
                                            ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"), ("bytes=1-2,4-5", 200, b"0123456789", None), ("lines=1-2", 200, b"0123456789", None)):
            answer = self.get("r", Range=wanted)
            assert (answer.status, answer.body, answer.headers["Content-Range"]) == (status, body, place), (wanted, answer)
        outside = self.get("r", Range="bytes=10-")
        assert outside.status == 416 and outside.headers["Content-Range"] == "bytes */10", outside
        assert self.get("r", Range="bytes=1-1", If_Range=tag).status == 206
        assert self.get("r", Range="bytes=1-1", If_Range='"other"').status == 200
        unchanged = self.get("r", If_None_Match=tag)
        assert unchanged.status == 304 and unchanged.body == b"", unchanged
        assert self.get("r", If_None_Match='"other"').status == 200

    def matches(self):
        first = self.put("m", b"one").headers["ETag"]
        assert self.put("m", b"two", If_Match='"other"').status == 412
        assert self.get("m").body == b"one"
        second = self.put("m", b"two", If_Match=first)
        assert second.status == 200, second
        assert self.site.api("DELETE", self.route + "m", headers={"If-Match": first}).status == 412
        assert self.site.api("DELETE", self.route + "m", headers={"If-Match": second.headers["ETag"]}).status == 200
        assert self.get("m").status == 404 and self.site.api("DELETE", self.route + "m").status == 404
        assert self.put("never", b"x", If_Match='"none"').status == 412

    def lists(self):
        self.put("l/one", b"1")
        os.makedirs(self.work / "l/sub")
        os.symlink("/etc/passwd", self.work / "l/link")
        answer = self.site.api("GET", self.route + "l?list=1")
        entries = {entry["name"]: (entry["type"], entry["size"]) for entry in answer.json["entries"]}
        assert entries["one"] == ("file", 1) and entries["sub"][0] == "folder" and entries["link"][0] == "link", answer
        assert not answer.json["truncated"]
        top = self.site.api("GET", self.route[:-1] + "?list=1")
        assert "l" in [entry["name"] for entry in top.json["entries"]], top
        for path, status in (("l/one?list=1", 404), ("none?list=1", 404), ("l/link?list=1", 403), ("..%2f?list=1", 403)):
            assert self.site.api("GET", self.route + path).status == status, path

    def bounded_list(self):
        os.makedirs(self.work / "many")
        for number in range(5000):
            (self.work / f"many/{number}").touch()
        answer = self.site.api("GET", self.route + "many?list=1")
        assert len(answer.json["entries"]) == 4096 and answer.json["truncated"]
        for path in (self.work / "many").iterdir():
            path.unlink()

    def too_large(self):
        room = os.statvfs(self.work).f_blocks * os.statvfs(self.work).f_frsize
        said = self.site.api("PUT", self.route + "huge", b"", headers={"Content-Length": str(room + 1)})
        assert said.status == 413, said
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(self.site.api_socket)
            raw.sendall(f"PUT {self.route}cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 10)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(100).startswith(b"HTTP/1.1 400"), "half a body"
        assert self.get("cut").status == 404
        with open(self.work / "filler", "wb") as filler:
            filler.truncate(0)
            os.posix_fallocate(filler.fileno(), 0, room - 2 * MIB)
        full = self.put("toomuch", bytes(4 * MIB))
        assert full.status == 413 and "no room" in full.json["detail"], full
        assert self.get("toomuch").status == 404 and self.get("r").status == 200
        (self.work / "filler").unlink()
        names = os.listdir(self.work)
        assert not [name for name in names if name.startswith(".put")], names

    def attacks(self):
        """E25: what the tenant put there leads neither out of the workspace nor to a wait."""
        secret = self.site.folder / "target"
        secret.write_text("of the host")
        secret.chmod(0o666)

        def plant():
            os.symlink(secret, "out")
            os.symlink("/etc", "etc")
            os.symlink("..", "up")
            os.mkfifo("pipe")
            os.mkdir("closed", 0o500)
        as_user(self.uid, self.work, plant)
        os.chown(self.work / "closed", 0, 0)
        for path, status in (("etc/evil", 403), ("up/evil", 403), ("..%2fevil", 403), ("sub/..%2f..%2f..%2fevil", 403), ("%2fetc%2fevil", 400), ("a%00b", 400), (".", 400), ("..", 400),
                             ("dir/", 400), ("closed/evil", 403), ("x" * 256, 400)):
            answer = self.put(path, b"evil")
            assert answer.status == status, (path, answer)
        assert not pathlib.Path("/etc/evil").exists()
        # The name is replaced, whatever it was; where it led stays as it is.
        assert self.put("out", b"mine").status == 200 and not (self.work / "out").is_symlink()
        assert secret.read_text() == "of the host"
        assert self.put("pipe", b"mine").status == 200 and self.get("pipe").body == b"mine"
        assert self.put("etc", b"mine").status == 200
        assert self.put("new", b"a folder has that name").status == 409
        as_user(self.uid, self.work, lambda: (os.symlink(secret, "out2"), os.mkfifo("pipe2")))
        assert self.site.api("DELETE", self.route + "out2").status == 200 and secret.read_text() == "of the host"
        assert self.site.api("DELETE", self.route + "pipe2").status == 200
        assert self.site.api("DELETE", self.route + "new").status == 409
        assert self.site.api("DELETE", self.route + "up/x").status == 403
        other = self.site.create(tenant="globex")
        token = {"token": other["token"], "tcp": True}
        assert self.site.api("PUT", self.route + "theirs", b"x", **token).status == 404
        assert self.site.api("DELETE", self.route + "r", **token).status == 404
        self.site.delete(other["id"], grace=0)

    def swapped(self):
        """E25: a folder that turns into a link to one of the host and back, while files are put there."""
        outside = self.site.folder / "outside"
        outside.mkdir()
        outside.chmod(0o777)

        def plant():
            os.mkdir("turns")
            os.symlink(outside, "link")
        as_user(self.uid, self.work, plant)
        child = os.fork()
        if child == 0:
            import ctypes
            os.chdir(self.work)
            os.setresuid(self.uid, self.uid, self.uid)
            libc = ctypes.CDLL(None)
            while True:
                libc.renameat2(-100, b"turns", -100, b"link", 2)  # RENAME_EXCHANGE
        victim = outside / "victim"
        victim.write_text("of the host")
        victim.chmod(0o666)
        try:
            statuses = {self.put(f"turns/{number}", b"x").status for number in range(60)}
            looks = [self.get("turns/victim") for _ in range(60)]
            removals = {self.site.api("DELETE", self.route + "turns/victim").status for _ in range(60)}
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert statuses <= {201, 403} and 201 in statuses, statuses
        assert {look.status for look in looks} <= {403, 404} and not any(b"of the host" in look.body for look in looks), looks
        assert removals <= {403, 404} and 404 in removals, removals
        assert [path.name for path in outside.iterdir()] == ["victim"] and victim.read_text() == "of the host", "a file went out, or away"

    def hard_links_and_devices(self):
        """E25: another name of a file keeps what it had; a device is neither opened nor written to, whoever made it."""
        def refused(function):
            try:
                function()
            except OSError as error:
                assert error.errno in (errno.EPERM, errno.EXDEV, errno.EACCES), error
                return
            raise AssertionError("it was let through")

        def plant():
            pathlib.Path("one").write_bytes(b"first")
            os.link("one", "two")
            refused(lambda: os.mknod("made", stat.S_IFCHR | 0o666, os.makedev(1, 3)))
            refused(lambda: os.link("/etc/passwd", "stolen"))
        as_user(self.uid, self.work, plant)
        assert self.put("one", b"second").status == 200
        assert self.get("two").body == b"first" and self.get("one").body == b"second"
        assert self.site.api("DELETE", self.route + "one").status == 200 and self.get("two").body == b"first"
        for name, kind, number in (("zero", stat.S_IFCHR, os.makedev(1, 5)), ("disk", stat.S_IFBLK, os.makedev(8, 0))):
            os.mknod(self.work / name, kind | 0o666, number)  # as by a kernel bug
            os.chmod(self.work / name, 0o666)
            answer = self.get(name)
            assert answer.status in (403, 409), answer
            assert self.put(name, b"a file").status == 200 and self.get(name).body == b"a file"

    def frozen(self):
        self.site.api("POST", f"/v1/sessions/{self.id}/freeze")
        assert self.get("r").status == 200 and self.site.get(self.id)["state"] == "frozen", "reading needs nobody inside"
        assert self.put("thawed", b"x").status == 201
        assert self.site.get(self.id)["state"] == "ready"

    def while_it_ends(self):
        """A session that is ended while a file comes: the upload is told, and nothing stays."""
        session = self.site.create()
        answers = []
        upload = threading.Thread(target=lambda: answers.append(
            self.site.api("PUT", f"/v1/sessions/{session['id']}/files/late", bytes(32 * MIB), timeout=60)))
        upload.start()
        self.site.delete(session["id"], grace=0)
        upload.join(60)
        assert answers and answers[0].status in (201, 404, 409, 410, 413), answers

    def end(self):
        self.site.delete(self.id)
        assert self.get("r").status == 410 and self.put("r", b"x").status == 410
        self.site.assert_no_residue(None)


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        files = Files(site)
        for name, function in (
                ("a file comes in as the session's own, whole, and out again", files.way_in_and_out),
                ("ranges and tags", files.ranges),
                ("If-Match replaces and removes only what is known", files.matches),
                ("folders are listed", files.lists),
                ("a list is bounded", files.bounded_list),
                ("what is too large, cut short or without room leaves nothing", files.too_large),
                ("E25: links, FIFOs and paths lead nowhere", files.attacks),
                ("E25: a folder that is swapped for a link meanwhile", files.swapped),
                ("E25: hard links and devices", files.hard_links_and_devices),
                ("a frozen session is thawed by an upload, not by a download", files.frozen),
                ("an upload into a session that ends", files.while_it_ends),
                ("nothing stays", files.end)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
