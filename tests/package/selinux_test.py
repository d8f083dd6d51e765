#!/usr/bin/env python3
"""The SELinux module of packaging/selinux compiles, interferes with nothing until it is told to, and gives sessions nothing of the site's."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
sys.path.insert(0, str(TOP / "src/man"))
import operations  # noqa: E402
from stack import Tap  # noqa: E402

SOURCES = TOP / "packaging/selinux"
MAKEFILE = "/usr/share/selinux/devel/Makefile"
TO_CIL = "/usr/libexec/selinux/hll/pp"
DOMAINS = {"chimerax_sandbox_launcher_t", "chimerax_sandboxd_t", "chimerax_session_t"}
LABELS = {
    "/usr/sbin/sandbox-launcher": "chimerax_sandbox_launcher_exec_t",
    "/usr/local/sbin/sandbox-launcher": "chimerax_sandbox_launcher_exec_t",
    "/usr/bin/sandboxd": "chimerax_sandboxd_exec_t",
    "/usr/local/sbin/sandboxd": "chimerax_sandboxd_exec_t",
    "/usr/bin/sandboxctl": None,
    "/etc/chimerax-sandbox": "chimerax_sandbox_conf_t",
    "/etc/chimerax-sandbox/policies/seccomp/chimerax.json": "chimerax_sandbox_conf_t",
    "/usr/share/chimerax-sandbox/policies/default.toml": "chimerax_sandbox_conf_t",
    "/var/lib/chimerax-sandbox/manager/sessions.db": "chimerax_sandbox_state_t",
    "/var/lib/chimerax-sandbox/logs/aaaa/stdout.0": "chimerax_session_log_t",
    "/run/chimerax-sandbox/launcher.sock": "chimerax_sandbox_run_t",
    "/run/chimerax-sandbox/sessions/aaaa/record": "chimerax_session_log_t",
    "/run/chimerax-sandbox/sessions/aaaa/session.json": "chimerax_sandbox_run_t",
    "/etc/chimerax-sandbox-other": None,
}


def make(folder, change=lambda text: text, target="chimerax_sandbox.pp"):
    """(exit status, what was said) of a build as packages make it, in a folder of its own."""
    for source in SOURCES.glob("chimerax_sandbox.*"):
        shutil.copy(source, folder)
    rules = pathlib.Path(folder, "chimerax_sandbox.te")
    rules.write_text(change(rules.read_text()))
    done = subprocess.run(["make", "-f", MAKEFILE, target], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
    return done.returncode, done.stdout


class Module:
    def __init__(self):
        self.cil = []

    def compile(self):
        with tempfile.TemporaryDirectory() as folder:
            status, said = make(folder)
            assert status == 0 and not re.search("error|warning", said, re.I), said
            text = subprocess.run([TO_CIL, f"{folder}/chimerax_sandbox.pp"], check=True, capture_output=True, text=True, timeout=60).stdout
        self.cil = text.splitlines()
        assert len(self.cil) > 100, text

    def mistake(self):
        with tempfile.TemporaryDirectory() as folder:
            status, said = make(folder, lambda text: text.replace("allow chimerax_session_t self:fifo_file", "allow chimerax_sesion_t self:fifo_file"))
        assert status != 0 and "chimerax_sesion_t" in said, said

    def permissive(self):
        found = {line[len("(typepermissive "):-1] for line in self.cil if line.startswith("(typepermissive ")}
        assert found == DOMAINS, found

    def enforced(self):
        """The page's own command, for what semodule --cil -E writes."""
        command = next(line for block in operations.HARDENING if isinstance(block, list) for line in block if line.startswith("sed "))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "chimerax_sandbox.cil")
            file.write_text("\n".join(self.cil))
            subprocess.run(command, shell=True, check=True, cwd=folder, timeout=30)
            left = file.read_text().splitlines()
        assert not [line for line in left if "permissive" in line]
        assert len(left) == len(self.cil) - len(DOMAINS), "it takes nothing else away"

    def entered(self):
        """no_new_privs is set before both of these, and a memory file counts as one of a nosuid mount."""
        for program, domain in (("chimerax_session_exec_t", "chimerax_session_t"), ("chimerax_sandboxd_exec_t", "chimerax_sandboxd_t")):
            self.has(f"(typetransition chimerax_sandbox_launcher_t {program} process {domain})")
            self.has(f"(allow chimerax_sandbox_launcher_t {domain} (process2 (nnp_transition nosuid_transition)))")
        self.has("(typetransition chimerax_sandbox_launcher_t tmpfs_t file chimerax_session_exec_t)")

    def has(self, statement):
        assert statement in self.cil, f"{statement} is missing"

    def sessions(self):
        """What a rule gives by an attribute of types is for the kernel's policy as a whole: the module's neverallow rules say the same there."""
        given = [line for line in self.cil if line.startswith("(allow chimerax_session_t ")]
        assert len(given) > 20, given
        of_site = [line for line in given if re.search(r" chimerax_sandbox(d|_launcher|_conf|_state|_run)_t \((?!fd|fifo_file|unix_stream_socket|process \(sigchld\))", line)]
        assert not of_site, of_site
        assert len([line for line in self.cil if line.startswith("(neverallow chimerax_session_t ")]) >= 3


def interfaces():
    names = re.findall(r"^interface\(`(\w+)',", (SOURCES / "chimerax_sandbox.if").read_text(), re.M)
    assert len(names) == 3, names
    with tempfile.TemporaryDirectory() as folder:
        calls = "".join(f"{name}(back_end_t)\n" for name in names)
        pathlib.Path(folder, "back_end.te").write_text(f"policy_module(back_end, 1.0)\ntype back_end_t;\ndomain_type(back_end_t)\n{calls}")
        status, said = make(folder, target="back_end.pp")
    assert status == 0 and not re.search("error|warning", said, re.I), said


def labels():
    rows = [line.split() for line in (SOURCES / "chimerax_sandbox.fc").read_text().splitlines() if line and not line.startswith("#")]
    for path, expected in LABELS.items():
        found = None
        for row in rows:  # the last that fits, as the more special ones come later
            if re.fullmatch(row[0], path):
                context = re.match(r"gen_context\(system_u:object_r:(\w+),s0\)", row[-1])
                found = context and context[1]
        assert found == expected, f"{path} gets {found}"
    patterns = [row[0] for row in rows if row[0].startswith("/usr/") and "_exec_t" in row[-1] and not re.fullmatch(r"[/\w-]+", row[0])]
    assert not patterns, f"the types of all programs go before a pattern: {patterns}"


def main():
    tap = Tap()
    module = Module()
    tap.test("the module compiles without a warning", module.compile)
    tap.test("a mistake in it is told", module.mistake)
    tap.test("its three domains are permissive, and no other", module.permissive)
    tap.test("the manual page's command makes them enforcing", module.enforced)
    tap.test("sessions and the manager get into their domains", module.entered)
    tap.test("sessions get nothing of the site's", module.sessions)
    tap.test("modules of others can use its interfaces", interfaces)
    tap.test("programs and folders get their types where they are installed", labels)
    tap.finish()


if __name__ == "__main__":
    main()
