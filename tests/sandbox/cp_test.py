#!/usr/bin/env python3
"""Files on their way in and out of sessions by sandboxctl: nothing is lost, and what is left out is said."""

import os
import pathlib
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

NAMES = [b"l\xe9.pdb", "naïve ü.cif".encode(), b"new\nline", b"%41 #?", b"-r", b"n" * 255]


class Copies:
    def __init__(self, site):
        self.site = site
        site.write_policy("test")
        self.folder = site.folder / "local"
        self.folder.mkdir()
        self.command = [str(site.find("bin/sandboxctl")), "--host", f"unix://{site.api_socket}"]

    def ctl(self, *arguments, status=0, **more):
        done = subprocess.run([*self.command, *arguments], capture_output=True, timeout=120, **{"stdin": subprocess.DEVNULL, **more})
        assert done.returncode == status, (arguments, done)
        return done

    def session(self):
        return self.site.create()["id"]

    def any_names(self):
        """There and back again, one by one and as a folder."""
        session = self.session()
        there = os.fsencode(self.folder) + b"/names"
        os.mkdir(there)
        for number, name in enumerate(NAMES):
            with open(there + b"/" + name, "wb") as file:
                file.write(b"%d" % number)
            self.ctl("cp", there + b"/" + name, f"{session}:")
            back = self.ctl("cp", f"{session}:".encode() + name, "-")
            assert back.stdout == b"%d" % number, name
            self.ctl("cp", f"{session}:".encode() + name, os.fsencode(self.folder) + b"/one")
        self.ctl("cp", "-r", there, f"{session}:all")
        self.ctl("cp", "-r", f"{session}:all", os.fsencode(self.folder) + b"/back")
        for number, name in enumerate(NAMES):
            with open(os.fsencode(self.folder) + b"/back/" + name, "rb") as file:
                assert file.read() == b"%d" % number, name
        self.site.sandboxctl("kill", session)

    def what_cannot_be_copied(self):
        session = self.session()
        tree = self.folder / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "empty").mkdir()
        (tree / "sub/model-7.pdb").write_text("7")
        (tree / "latest.pdb").symlink_to("sub/model-7.pdb")
        (tree / "dangling").symlink_to("nowhere")
        os.mkfifo(tree / "fifo")
        done = self.ctl("cp", "-r", str(tree), f"{session}:tree", status=1)
        assert b"tree/dangling" in done.stderr and b"tree/fifo" in done.stderr and b"defect" not in done.stderr, done.stderr
        assert self.ctl("cp", f"{session}:tree/latest.pdb", "-").stdout == b"7"
        assert self.site.value(session, "sim ls /work/tree/empty")["names"] == []
        self.ctl("cp", str(tree / "latest.pdb"), f"{session}:")
        assert self.ctl("cp", f"{session}:latest.pdb", "-").stdout == b"7"
        self.ctl("cp", str(tree / "latest.pdb"), f"{session}:tree")
        self.ctl("cp", "-r", str(tree / "sub"), f"{session}:tree")
        assert self.ctl("cp", f"{session}:tree/sub/model-7.pdb", "-").stdout == b"7"
        self.ctl("cp", "-r", f"{session}:tree", str(self.folder / "out"))
        assert sorted(os.listdir(self.folder / "out")) == ["empty", "latest.pdb", "sub"]
        self.site.sandboxctl("kill", session)

    def unreadable(self):
        """By somebody who is not root."""
        session = self.session()
        tree = self.folder / "guarded"
        (tree / "closed").mkdir(parents=True)
        (tree / "closed/x").write_text("x")
        (tree / "secret").write_text("s")
        (tree / "open").write_text("o")
        (tree / "secret").chmod(0)
        (tree / "closed").chmod(0)
        os.chown(tree, 1234, 1234)
        for path in (self.site.folder, self.folder, pathlib.Path(self.site.api_socket).parent):
            path.chmod(path.stat().st_mode | 0o055)
        token = self.folder / "token"
        token.write_text(self.site.sandboxctl("token", "new", "--role", "admin").stdout)
        token.chmod(0o644)
        done = subprocess.run([self.command[0], "--host", f"http://127.0.0.1:{self.site.tcp_port}", "--token-file", str(token), "cp", "-r",
                               str(tree), f"{session}:guarded"], capture_output=True, timeout=60, user=1234, group=1234, extra_groups=[])
        assert done.returncode == 1 and b"guarded/closed" in done.stderr and b"guarded/secret" in done.stderr, done
        assert b"defect" not in done.stderr and self.ctl("cp", f"{session}:guarded/open", "-").stdout == b"o"
        self.site.sandboxctl("kill", session)

    def from_a_pipe(self):
        session = self.session()
        self.ctl("cp", "-", f"{session}:piped", stdin=None, input=b"x" * 3_000_000)
        assert self.ctl("cp", f"{session}:piped", "-").stdout == b"x" * 3_000_000
        self.ctl("cp", "-", f"{session}:empty", stdin=None, input=b"")
        assert self.ctl("cp", f"{session}:empty", "-").stdout == b""
        reader, writer = os.pipe()
        os.write(writer, b"by its number")
        os.close(writer)
        self.ctl("cp", f"/dev/fd/{reader}", f"{session}:number", pass_fds=[reader])
        os.close(reader)
        assert self.ctl("cp", f"{session}:number", "-").stdout == b"by its number"
        self.ctl("cp", "/proc/version", f"{session}:version")
        assert self.ctl("cp", f"{session}:version", "-").stdout == pathlib.Path("/proc/version").read_bytes()
        self.ctl("cp", "-", f"{session}:", stdin=None, input=b"x", status=2)
        self.site.sandboxctl("kill", session)

    def targets(self):
        """What every verb writes to: devices stay, owners and modes stay."""
        session = self.session()
        (self.folder / "m1").write_bytes(b"content")
        self.ctl("cp", str(self.folder / "m1"), f"{session}:m1")
        device = self.folder / "null"
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (self.folder / "link").symlink_to("null")
        for target in (device, self.folder / "link"):
            self.ctl("cp", f"{session}:m1", str(target))
            self.ctl("render", session, str(target), "--width", "32", "--height", "32")
            self.ctl("admin", "backup", str(target))
            self.ctl("debug", session, "-o", str(target))
        assert stat.S_ISCHR(device.stat().st_mode) and (self.folder / "link").is_symlink()
        kept = self.folder / "kept"
        kept.write_text("a longer content than the new one")
        os.chown(kept, 1234, 4321)
        kept.chmod(0o604)
        (self.folder / "to-kept").symlink_to("kept")
        self.ctl("cp", f"{session}:m1", str(self.folder / "to-kept"))
        after = kept.stat()
        assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (1234, 4321, 0o604), after
        assert kept.read_bytes() == b"content" and (self.folder / "to-kept").is_symlink()
        assert self.ctl("cp", f"{session}:m1", "/dev/stdout").stdout == b"content"
        full = open("/dev/full", "wb")
        for words in (["cp", f"{session}:m1", "-"], ["ls"], ["--help"], ["-o", "json", "status", session], ["exec", session, "version"]):
            done = subprocess.run([*self.command, *words], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
            assert done.returncode == 1 and b"No space left" in done.stderr, (words, done)
        self.site.sandboxctl("kill", session)

    def full_disk(self):
        """Of a file system that has no room nothing is left half, and the old file stays."""
        session = self.session()
        small = self.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)], check=True)
        (small / "old").write_text("old")
        self.ctl("cp", "-", f"{session}:big", stdin=None, input=os.urandom(3_000_000))
        for target in ("old", "new"):
            done = self.ctl("cp", f"{session}:big", str(small / target), status=1)
            assert b"No space left" in done.stderr, done.stderr
        with open(small / "output", "wb") as output:
            done = subprocess.run([*self.command, "cp", f"{session}:big", "-"], stdout=output, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 1 and b"No space left" in done.stderr, done
        (small / "output").unlink()
        assert os.listdir(small) == ["old"] and (small / "old").read_text() == "old"
        limited = subprocess.run(["prlimit", "--fsize=65536", *self.command, "cp", f"{session}:big", str(self.folder / "limited")],
                                 capture_output=True, timeout=60)
        assert limited.returncode == 1 and b"File too large" in limited.stderr and not (self.folder / "limited").exists(), limited
        self.site.sandboxctl("kill", session)

    def level_memory(self):
        """As much as fits into /work, to the byte, in a few MiB of sandboxctl's own."""
        session = self.session()
        size = 60 << 20
        big = self.folder / "big"
        subprocess.run(["sh", "-c", f"head -c {size} /dev/urandom >{big}"], check=True)

        def peak(*words, **more):
            process = subprocess.Popen([*self.command, *words], stderr=subprocess.PIPE, **more)
            _, status, usage = os.wait4(process.pid, 0)
            assert status == 0, process.stderr.read()
            return usage.ru_maxrss  # KiB
        assert peak("cp", str(big), f"{session}:big") < 40_000
        assert peak("cp", f"{session}:big", str(self.folder / "big-back")) < 40_000
        subprocess.run(["cmp", str(big), str(self.folder / "big-back")], check=True)
        with open(big, "rb") as source:
            cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE)
            assert peak("cp", "-", f"{session}:big", stdin=cat.stdout) < 40_000
        self.site.sandboxctl("kill", session)


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        copies = Copies(site)
        site.start()
        for name, function in (
                ("files of any name go in and out", copies.any_names),
                ("what cannot be copied is named, the rest is copied; links go under their own names", copies.what_cannot_be_copied),
                ("what may not be read is named, and the rest is copied", copies.unreadable),
                ("files come from standard input and from pipes", copies.from_a_pipe),
                ("devices are written into, files keep owner and mode, lost output is an exit status", copies.targets),
                ("a full disk is said, and leaves nothing half", copies.full_disk),
                ("large files take no memory of sandboxctl", copies.level_memory)):
            tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
