#!/usr/bin/env python3
"""Completion in real shells: verbs, options and what is alive, and that no name of a tenant's is ever run."""

import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

HOSTILE = "$(touch pwned) `touch pwned` ; touch pwned"


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, command, folder, environment):
        self.terminal, secondary = os.openpty()
        self.process = subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary, cwd=folder, env=environment, start_new_session=True)
        os.close(secondary)
        self.text = ""

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, what, timeout=20):
        deadline = time.monotonic() + timeout
        while what not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.terminal], [], [], left)[0], f"no {what!r} in {self.text!r}"
            self.text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\x07\x08]", "", self.text + os.read(self.terminal, 4096).decode(errors="replace"))
        self.text = self.text[self.text.index(what) + len(what):]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


class Completion:
    def __init__(self, site):
        self.site = site
        self.folder = site.folder / "here"
        self.folder.mkdir()
        (self.folder / "a file.cxc").write_text("version\n")
        self.environment = {"PATH": f"{site.find('bin')}:{os.environ['PATH']}", "HOME": str(self.folder), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                            "SANDBOX_HOST": f"unix://{site.api_socket}", "PS1": "> "}
        self.session = None

    def start(self):
        self.session = self.site.create(name=HOSTILE, labels={"a": HOSTILE})["id"]

    def untouched(self):
        assert not (self.folder / "pwned").exists(), "a tenant's name was run"

    def typed(self, shell):
        """The same keys in any shell that edits lines: what completes is run, and says what it is."""
        shell.type(f"sandboxctl stat\t{self.session[:4]}\t-o i\t\n")
        shell.wait_for(f"\n{self.session}\n")
        shell.type("sandboxctl policy che\t/dev/nul\t\n")
        shell.wait_for("/dev/null: a policy's file")
        shell.type("sandboxctl create -p tes\t-t glo\t--wai\t-o id\n")
        harness.wait_for(lambda: self.site.sandboxctl("ls", "-q", "-t", "globex", "-s", "ready").stdout, "what completed was run")
        for session in self.site.sandboxctl("ls", "-q", "-t", "globex").stdout.split():
            self.site.sandboxctl("kill", session)
        shell.type(f"sandboxctl cp {self.session[:3]}\t")
        shell.wait_for(f"{self.session}:")
        shell.close()
        self.untouched()

    def bash(self):
        shell = Shell(["bash", "--norc", "--noprofile", "-i"], self.folder, self.environment)
        shell.type("source <(sandboxctl completion bash); echo loa''ded\n")
        shell.wait_for("loaded")
        self.typed(shell)

    def zsh(self):
        shell = Shell(["zsh", "-f", "-i"], self.folder, self.environment)
        shell.type("autoload -Uz compinit; compinit -u -D; source <(sandboxctl completion zsh); echo loa''ded\n")
        shell.wait_for("loaded")
        self.typed(shell)

    def fish(self):
        def completed(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"sandboxctl completion fish | source; complete -C '{line}'"], cwd=self.folder,
                                  env=self.environment, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
            assert done.returncode == 0 and not done.stderr, done
            return {line.split("\t")[0]: line.partition("\t")[2] for line in done.stdout.splitlines()}
        assert "restart" in completed("sandboxctl rest")
        assert "--memory" in completed("sandboxctl create --mem")
        found = completed("sandboxctl status ")
        assert found == {self.session: f"ready acme {HOSTILE}"}, found
        assert list(completed("sandboxctl create -t glo")) == ["globex"] and "test" in completed("sandboxctl create --policy te")
        assert any("file.cxc" in name for name in completed("sandboxctl run a")), completed("sandboxctl run a")
        self.untouched()

    def hostile_lists(self):
        """Even bash's own list of what could follow, with the words beside it, runs nothing."""
        script = 'source <(sandboxctl completion bash); COMP_WORDS=(sandboxctl status ""); COMP_CWORD=2; _sandboxctl sandboxctl "" status; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=30)
        assert done.stdout == self.session + "\n", done
        self.untouched()
        proof = subprocess.run(["bash", "--norc", "-c", f'compgen -W "{chr(92)}{HOSTILE.split(" `")[0]}"'], cwd=self.folder, env=self.environment,
                               capture_output=True, text=True, timeout=30)
        assert (self.folder / "pwned").exists(), f"where a shell evaluates its list, the name runs: {proof}"
        (self.folder / "pwned").unlink()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        completion = Completion(site)
        site.start()
        completion.start()
        for name, function in (("bash", completion.bash), ("zsh", completion.zsh), ("fish", completion.fish)):
            def run(program=name, test=function):
                assert shutil.which(program), f"{program} is missing: tools/setup test installs it"
                test()
            tap.test(f"{name} completes verbs, options and what is alive", run)
        tap.test("a tenant's name is never run", completion.hostile_lists)
    tap.finish()


if __name__ == "__main__":
    main()
