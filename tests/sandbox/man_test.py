#!/usr/bin/env python3
"""The manual pages, as they are installed: right for their readers' tools, and nothing is missing on them."""

import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

PAGES = ("sandboxctl.1", "sandboxd.8", "sandbox-launcher.8", "sandbox-policy.5", "sandboxd.toml.5", "chimerax-sandbox.7")


class Manual:
    def __init__(self, installed):
        self.prefix = pathlib.Path(installed) / "usr/local"
        self.schemas = next(pathlib.Path(installed).rglob("policy.schema.json")).parent

    def page(self, name):
        return self.prefix / f"share/man/man{name[-1]}/{name}"

    def shown(self, name):
        done = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=400", str(self.page(name))], capture_output=True, text=True, timeout=30)
        return re.sub(".\x08", "", done.stdout)

    def lint(self):
        for name in PAGES:
            done = subprocess.run(["mandoc", "-T", "lint", str(self.page(name))], capture_output=True, text=True, timeout=30)
            said = [line for line in done.stdout.splitlines() if "missing date" not in line]  # it is the same whenever it is built
            assert not said, said
            groff = subprocess.run(["groff", "-man", "-ww", "-z", str(self.page(name))], capture_output=True, text=True, timeout=30)
            assert groff.returncode == 0 and not groff.stderr, groff.stderr
        broken = subprocess.run(["mandoc", "-T", "lint"], input='.TH A 1 ""\n.NOSUCH macro\n', capture_output=True, text=True, timeout=30)
        assert "NOSUCH" in broken.stdout, "a page that is wrong is told"

    def verbs(self):
        described = json.loads(subprocess.run([self.prefix / "bin/sandboxctl", "__describe"], check=True, capture_output=True, text=True, timeout=30).stdout)
        text = self.shown("sandboxctl.1")
        count = 0

        def look(verb, words):
            nonlocal count
            for inner in verb["verbs"]:
                look(inner, [*words, inner["name"]])
            if not verb["verbs"]:
                assert re.search(rf"^ *{' '.join(words)}$", text, re.M), f"{words} is not there"
            for option in verb["options"]:
                count += 1
                for name in option["names"]:
                    assert name in text, f"{name} of {words} is not there"
        look(described, [])
        assert count > 60, count

    def options(self):
        for name in ("sandboxd", "sandbox-launcher"):
            told = subprocess.run([self.prefix / "sbin" / name, "--help"], check=True, capture_output=True, text=True, timeout=30).stdout
            options = re.findall(r"^  (?:-\w,)?(--[\w-]+)", told, re.M)
            text = self.shown(f"{name}.8")
            assert "--config" in options and all(option in text for option in options), (options, text)

    def fields(self):
        for page, schema in (("sandbox-policy.5", "policy.schema.json"), ("sandboxd.toml.5", "site.schema.json")):
            text = self.shown(page)
            names = []

            def look(node, prefix=""):
                for name, inner in node.get("properties", {}).items():
                    names.append(prefix + name)
                    look(inner, f"{prefix}{name}.")
            look(json.loads((self.schemas / schema).read_text()))
            missing = [name for name in names if not re.search(rf"^ *\[?{re.escape(name)}\]?( |$)", text, re.M)]
            assert len(names) > 20 and not missing, missing

    def completion(self):
        for path in ("bash-completion/completions/sandboxctl", "zsh/site-functions/_sandboxctl", "fish/vendor_completions.d/sandboxctl.fish"):
            assert "sandboxctl __complete" in (self.prefix / "share" / path).read_text(), path


def main():
    tap = harness.Tap()
    manual = Manual(sys.argv[1])
    for name, function in (("no page has an error or a warning", manual.lint),
                           ("each verb and option of sandboxctl is on its page", manual.verbs),
                           ("each option of the daemons is on their pages", manual.options),
                           ("each key of policies and settings is on their pages", manual.fields),
                           ("the shells find their completion", manual.completion)):
        tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
