#!/usr/bin/env python3
"""Files into, within and out of a workspace, by the API: ranges, tags, and attacks from inside."""

import base64
import errno
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import sys
import threading
import time
import urllib.parse

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
        assert answer.status == 201 and answer.json["size"] == len(content) and "path_encoded" not in answer.json, answer
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
        assert self.put("never", b"x", If_Match='"none"').status == 412 and self.put("never", b"x", If_Match="*").status == 412
        third = self.put("m", b"one", If_None_Match="*").headers["ETag"]
        assert self.put("m", b"two", If_None_Match="*").status == 412 and self.get("m").body == b"one"
        assert self.put("m", b"two", If_Match=f'"other", {third}').status == 200
        tag = self.get("m").headers["ETag"]
        assert self.put("m", b"x", If_Match=f"W/{tag}").status == 412 and self.put("m", b"x", If_None_Match=f'"a", W/{tag}').status == 412
        changed = self.get("m").headers["Last-Modified"]
        assert self.put("m", b"x", If_Unmodified_Since="Thu, 01 Jan 1970 00:00:01 GMT").status == 412
        assert self.put("m", b"three", If_Unmodified_Since=changed).status == 200
        assert self.get("m", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT").status == 304
        # Of a link, what a GET tells is of what it leads to; and a link is a name that is taken.
        os.symlink("m", self.work / "to-m")
        assert self.put("to-m", b"x", If_None_Match="*").status == 412
        assert self.put("to-m", b"own", If_Match=self.get("to-m").headers["ETag"]).status == 200 and self.get("m").body == b"three"
        (self.work / "deep").mkdir()
        os.chown(self.work / "deep", self.uid, self.uid)
        os.symlink("../m", self.work / "deep/up")
        tag = self.get("deep/up").headers["ETag"]
        assert tag == self.get("m").headers["ETag"], tag
        assert self.put("deep/up", b"own", If_Match='"other"').status == 412
        assert self.put("deep/up", b"own", If_Match=tag).status == 200 and self.get("m").body == b"three"
        os.symlink("../m", self.work / "deep/gone")
        assert self.site.api("DELETE", self.route + "deep/gone", headers={"If-Match": '"other"'}).status == 412
        assert self.site.api("DELETE", self.route + "deep/gone", headers={"If-Match": tag}).status == 200

    def matches_at_once(self):
        """Of writers that all saw the same, or nothing, one wins, and the others are told."""
        def race(count, **headers):
            start, answers = threading.Barrier(count), []

            def write(number):
                start.wait()
                answers.append((self.put("race", str(number).encode() * 200_000, **headers).status, number))
            threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            won = [number for status, number in answers if status in (200, 201)]
            assert len(won) == 1 and {status for status, _ in answers} <= {200, 201, 412}, answers
            assert self.get("race").body == str(won[0]).encode() * 200_000
        race(8, If_None_Match="*")
        for _ in range(5):
            race(8, If_Match=self.get("race").headers["ETag"])

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
        assert answer.json["next"] is None
        for path, status in (("l/one?list=1", 404), ("none?list=1", 404), ("l/link?list=1", 403), ("..%2f?list=1", 403)):
            assert self.site.api("GET", self.route + path).status == status, path

    def pages(self, folder):
        entries, after = [], ""
        while True:
            page = self.site.api("GET", f"{self.route}{folder}".rstrip("/") + f"?list=1{after}").json
            entries += page["entries"]
            assert len(page["entries"]) <= 4096 and (page["next"] is None or page["truncated"])
            if page["next"] is None:
                return entries, page["truncated"]
            after = f"&after={page['next']}"

    def long_list(self):
        """Page by page it is complete, though others are made and removed meanwhile; what is too much is said to be."""
        work = os.fsencode(self.work)
        names = [b"n%d" % number for number in range(9000)] + [b"n%d\xe9 &+%%" % number for number in range(10)]
        os.mkdir(self.work / "many")
        for name in names:
            os.close(os.open(work + b"/many/" + name, os.O_CREAT))
        entries, truncated = self.pages("many")
        found = [urllib.parse.unquote_to_bytes(entry.get("name_encoded") or urllib.parse.quote(entry["name"])) for entry in entries]
        assert found == sorted(names) and not truncated, (len(found), truncated)
        first = self.site.api("GET", self.route + "many?list=1").json
        os.unlink(work + b"/many/" + found[4095])  # the cursor's own
        os.close(os.open(work + b"/many/a", os.O_CREAT))
        second = self.site.api("GET", f"{self.route}many?list=1&after={first['next']}").json
        assert second["entries"][0]["name"].encode() == found[4096]
        shutil.rmtree(work + b"/many")
        os.mkdir(self.work / "many")
        try:
            for number in range(65_537):
                os.close(os.open(self.work / f"many/{number}", os.O_CREAT))
            entries, truncated = self.pages("many")
            assert truncated and len(entries) == 65_536
        except OSError as error:
            assert error.errno == errno.ENOSPC, error  # the policy gives /work fewer files than that
        shutil.rmtree(work + b"/many")

    def names(self):
        """A name is bytes, up to what a file system takes."""
        work = os.fsencode(self.work)
        as_user(self.uid, self.work, lambda: pathlib.Path(os.fsdecode(b"l\xe9.pdb")).write_bytes(b"theirs"))
        for name in (b"l\xe9.pdb", b"\xff\xfe", b"line\nbreak", b"caf\xc3\xa9", b"x" * 255, b"\xe9" * 255, b"%", b"a+b c?#&", b".put-"):
            encoded = urllib.parse.quote(name, safe="")
            stored = self.put(encoded, b"ours " + name)
            assert stored.status in (200, 201), (name, stored)
            assert pathlib.Path(os.fsdecode(work + b"/" + name)).read_bytes() == b"ours " + name
            assert self.get(encoded).body == b"ours " + name
            entry, = [entry for entry in self.pages("")[0] if (entry.get("name_encoded") or urllib.parse.quote(entry["name"], safe="")) == encoded]
            assert ("name_encoded" in entry) == ("path_encoded" in stored.json) == (b"\xe9" in name and b"\xc3" not in name or b"\xff" in name), (entry, stored)
            removed = self.site.api("DELETE", self.route + encoded)
            assert removed.status == 200 and removed.json.get("path_encoded") == stored.json.get("path_encoded"), removed
            assert not os.path.lexists(work + b"/" + name)
        deep = "/".join(["d" * 255] * 15)  # 3839 bytes
        longest = deep + "/" + "f" * 255  # 4095
        assert self.put(longest, b"deep").status == 201 and self.get(longest).body == b"deep"
        assert [entry["name"] for entry in self.pages(deep)[0]] == ["f" * 255]
        assert self.put(longest + "f", b"x").status == 400 and self.get(deep + "/" + "f" * 256).status == 400
        shutil.rmtree(work + b"/" + b"d" * 255)

    def closed(self):
        """What the session itself may not read is told by its name, and not taken for a defect, or for nothing."""
        def plant():
            os.mkdir("shut")
            pathlib.Path("shut/file").write_text("x")
            os.mkdir("blind")
            pathlib.Path("blind/file").write_text("x")
            pathlib.Path("unread").write_text("x")
            os.chmod("shut", 0)
            os.chmod("blind", 0o444)
            os.chmod("unread", 0)
        as_user(self.uid, self.work, plant)
        for method, path in (("GET", "shut?list=1"), ("GET", "shut/file"), ("DELETE", "shut/file"), ("PUT", "shut/file"), ("GET", "blind?list=1"), ("GET", "unread")):
            answer = self.site.api(method, self.route + path, b"x" if method == "PUT" else None)
            assert answer.status == 403 and path.split("?")[0] in answer.json["detail"] and answer.json["cure"], answer
        assert self.put("unread", b"x").status == 200
        for name in ("shut", "blind"):
            os.chmod(self.work / name, 0o700)
            shutil.rmtree(self.work / name)

    def parts_and_forms(self):
        """What is not the whole file itself is refused, and the old one stays."""
        self.put("whole", b"0123456789")
        for headers, status in (({"Content-Range": "bytes 5-9/10"}, 400), ({"Range": "bytes=5-9"}, 400), ({"Content-Encoding": "gzip"}, 415), ({"Upload-Offset": "5"}, 400),
                                ({"Content-Type": "multipart/form-data; boundary=x"}, 415), ({"Expect": "sunshine"}, 417), ({"X-HTTP-Method-Override": "DELETE"}, 400),
                                ({"Content-MD5": "kAFQmDzST7DWlj99KOF/cg=="}, 400), ({"Digest": "md5=x"}, 400)):
            answer = self.site.api("PUT", self.route + "whole", b"56789", headers=headers)
            assert answer.status == status and answer.json["field"].lower() in {name.lower() for name in headers}, answer
        digest = base64.b64encode(hashlib.sha256(b"new").digest()).decode()
        assert self.put("whole", b"old", Content_Digest=f"sha-256=:{digest}:").status == 400
        assert self.get("whole").body == b"0123456789"
        assert self.put("whole", b"new", Content_Digest=f"sha-256=:{digest}:").status == 200

    def large(self):
        """Far more than fits into one message comes and goes to the last byte, and neither program grows by it."""
        size = min(300 * MIB, os.statvfs(self.work).f_bavail * os.statvfs(self.work).f_frsize - 8 * MIB)
        pids = self.site.launcher.pid, self.site.manager_pid()

        def memory():
            return [int(line.split()[1]) * 1024 for pid in pids for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM")]

        def pieces():
            block, left = os.urandom(MIB), size
            while left > 0:
                yield block[:left]
                left -= MIB
        before = memory()
        for chunked in (False, True):
            sent, received = hashlib.sha256(), hashlib.sha256()

            def body():
                for piece in pieces():
                    sent.update(piece)
                    yield piece
            connection = harness.UnixConnection(self.site.api_socket, 120)
            connection.request("PUT", self.route + "large", body(), {} if chunked else {"Content-Length": str(size)}, encode_chunked=chunked)
            answer = connection.getresponse()
            assert answer.status in (200, 201) and json.loads(answer.read())["size"] == size, answer.status
            connection.request("GET", self.route + "large")
            answer = connection.getresponse()
            while piece := answer.read(MIB):
                received.update(piece)
            connection.close()
            assert sent.digest() == received.digest(), "other bytes came back"
            assert self.site.api("DELETE", self.route + "large").status == 200
        grown = [now - then for now, then in zip(memory(), before)]
        print(f"# {size // MIB} MiB: the launcher and the manager grew by {grown} bytes", flush=True)
        assert max(grown) < 8 * MIB, grown

    def refused_early(self):
        """Who sends all of a large body before it reads an answer sees why it is refused."""
        room = os.statvfs(self.work).f_blocks * os.statvfs(self.work).f_frsize
        for connect in (lambda: harness.UnixConnection(self.site.api_socket, 60), lambda: http.client.HTTPConnection("127.0.0.1", self.site.tcp_port, timeout=60)):
            connection = connect()
            connection.request("PUT", self.route + "huge", (bytes(MIB) for _ in range(0, room + MIB, MIB)),
                               {"Content-Length": str((room // MIB + 1) * MIB), "Authorization": f"Bearer {self.session['token']}"})
            answer = connection.getresponse()
            problem = json.loads(answer.read())
            assert answer.status == 413 and str(room) in problem["detail"] and "/work" in problem["detail"], problem
            connection.close()

    def under_way(self):
        """A session that is sent a file, or sends one, is neither ended as idle nor frozen under it."""
        session = self.site.create(idle_timeout_seconds=1)
        route = f"/v1/sessions/{session['id']}/files/slow"
        connection = harness.UnixConnection(self.site.api_socket, 60)
        connection.putrequest("PUT", route)
        connection.putheader("Content-Length", str(8 * MIB))
        connection.endheaders()
        for _ in range(8):
            connection.send(bytes(MIB))
            time.sleep(0.4)
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
        connection.request("GET", route)
        answer, size = connection.getresponse(), 0
        for _ in range(8):
            size += len(answer.read(MIB))
            time.sleep(0.4)
        assert size == 8 * MIB
        connection.close()
        assert self.site.wait_ended(session["id"])["end"]["reason"] == "idle"

    def shares(self):
        """One tenant has not all places for uploads, and what it gets is told."""
        held = []
        try:
            refused = None
            for _ in range(20):
                connection = harness.UnixConnection(self.site.api_socket, 60)
                connection.putrequest("PUT", self.route + "held")
                connection.putheader("Content-Length", "10")
                connection.putheader("Expect", "100-continue")
                connection.endheaders()
                connection.sock.settimeout(20)
                said = connection.sock.recv(4096, socket.MSG_PEEK)
                held.append(connection)
                if not said.startswith(b"HTTP/1.1 100"):
                    refused = said
                    break
            assert refused and refused.startswith(b"HTTP/1.1 429") and len(held) == 9, (refused, len(held))
            other = self.site.create(tenant="globex")
            assert self.site.api("PUT", f"/v1/sessions/{other['id']}/files/x", b"x").status == 201, "another tenant still sends"
            self.site.delete(other["id"], grace=0)
        finally:
            for connection in held:
                connection.close()

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
                ("of writers at the same time one wins", files.matches_at_once),
                ("a long list is complete, page by page, and what is not is told", files.long_list),
                ("names are bytes", files.names),
                ("what may not be read is told by its name", files.closed),
                ("a part, a form or a coded body is no file", files.parts_and_forms),
                ("300 MiB come and go, and no program grows by them", files.large),
                ("a refusal by the head is seen by who sends on", files.refused_early),
                ("a transfer is use of its session", files.under_way),
                ("a tenant has its share of the uploads", files.shares),
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
