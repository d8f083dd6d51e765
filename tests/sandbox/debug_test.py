#!/usr/bin/env python3
"""`sandboxctl debug`: a bundle that a report of a fault can be made of, in which none of the secrets of a session is."""

import json
import pathlib
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

SECRET = "swordfish"


class Debug:
    def __init__(self, site):
        self.site = site
        self.session = site.create(name=f"{SECRET}-name", labels={"case": f"{SECRET}-label"}, env={"APP_PASSWORD": f"{SECRET}-env"})
        self.id = self.session["id"]
        site.run_command(self.id, f"sim print {SECRET}-printed")
        site.api("POST", f"/v1/sessions/{self.id}/commands", {"command": f"open /work/{SECRET}-command.cif"}, headers={"X-Request-Id": f"{SECRET}-id"})
        answer = site.api("PUT", f"/v1/sessions/{self.id}/files/{SECRET}-file", f"{SECRET}-content")
        assert answer.status == 201, answer

    def bundle(self, name, *options):
        path = self.site.folder / name
        self.site.sandboxctl("debug", self.id[:10], "-o", path, "--config", self.site.folder / "sandboxd.toml", *options)
        assert path.stat().st_mode & 0o7777 == 0o600, oct(path.stat().st_mode)
        with tarfile.open(path, "r:gz") as tar:
            assert all(member.isfile() and member.mode == 0o600 for member in tar), tar.getmembers()
            return {member.name.split("/")[1]: tar.extractfile(member).read().decode() for member in tar}

    def check_secrets(self, files):
        for name, text in files.items():
            assert SECRET not in text, (name, text)
            assert self.session["token"] not in text, name

    def whole(self):
        # The control: the API itself tells them, so that they would be in a bundle that nobody had cleaned.
        told = self.site.api("GET", f"/v1/sessions/{self.id}").body + self.site.api("GET", f"/v1/sessions/{self.id}/logs?stream=stdout").body
        for secret in ("name", "label", "printed"):
            assert f"{SECRET}-{secret}".encode() in told, (secret, told)
        audit = self.site.api("GET", f"/v1/audit?session={self.id}").body
        assert f"{SECRET}-id".encode() in audit, audit
        files = self.bundle("whole.tar.gz")
        self.check_secrets(files)
        assert set(files) == {"README", "versions.json", "session.json", "stats.json", "inspect.json", "verify.json", "audit.json", "stdout", "stderr",
                              "doctor.json"}, set(files)
        parsed = {name: json.loads(text) for name, text in files.items() if name.endswith(".json")}
        assert not [name for name, value in parsed.items() if "missing" in value], parsed
        assert parsed["session.json"]["state"] == "ready" and parsed["inspect.json"]["session"] == self.id, parsed
        assert parsed["verify.json"]["holds"] and parsed["verify.json"]["source"] == "launcher", parsed["verify.json"]
        assert {"command", "session.create"} & {entry["action"] for entry in parsed["audit.json"]["entries"]}, parsed["audit.json"]
        assert "history" in parsed["stats.json"] and parsed["versions.json"]["sandboxd"] == parsed["versions.json"]["sandboxctl"]
        assert {"kernel", "API"} <= {check["name"] for check in parsed["doctor.json"]["checks"]}
        assert "REST server started" in files["stdout"], files["stdout"]

    def careful(self):
        path = self.site.folder / "taken.tar.gz"
        for make in (lambda: path.write_text("mine"), lambda: (path.unlink(), path.symlink_to(self.site.folder / "elsewhere"))):
            make()
            done = self.site.sandboxctl("debug", self.id, "-o", path, check=False)
            assert done.returncode == 1 and "is there already" in done.stderr, done
        assert not (self.site.folder / "elsewhere").exists()
        unknown = self.site.sandboxctl("debug", harness.session_name(5), "-o", self.site.folder / "unknown.tar.gz", check=False)
        assert unknown.returncode == 3 and not (self.site.folder / "unknown.tar.gz").exists(), unknown

    def broken_policy(self):
        """A message about a policy quotes what stands there."""
        path = self.site.policies / "broken.toml"
        path.write_text(f'extends = "default"\n[chimerax]\nstart_timeout = "{SECRET}-policy"\n')
        try:
            done = self.site.sandboxctl("doctor", "--config", self.site.folder / "sandboxd.toml", check=False)
            assert f"{SECRET}-policy" in done.stdout, done
            self.check_secrets(self.bundle("broken.tar.gz"))
        finally:
            path.unlink()

    def ended(self):
        self.site.run_command(self.id, f"sim print {SECRET}-last", expect=200)
        self.site.delete(self.id)
        files = self.bundle("ended.tar.gz")
        self.check_secrets(files)
        assert json.loads(files["session.json"])["end"]["reason"] == "deleted", files["session.json"]
        assert "missing" in json.loads(files["inspect.json"]), files["inspect.json"]


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.start()
        debug = Debug(site)
        tap.test("a bundle tells what there is to tell, and none of the session's secrets", debug.whole)
        tap.test("a bundle is a new file, or none", debug.careful)
        tap.test("a policy that is broken is named, and not quoted", debug.broken_policy)
        tap.test("of a session that has ended there is a bundle too", debug.ended)
        site.assert_no_residue()
    tap.finish()


if __name__ == "__main__":
    main()
