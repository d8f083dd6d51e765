#!/usr/bin/env python3
"""What cures tell to do can be done: the commands, units, options, settings, files and sysctls that they name are there.

usage: cures_test.py INSTALLED    in the top folder of the sources. Verbs of sandboxctl are names_test.py's.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import names_test  # noqa: E402
from stack import Tap  # noqa: E402

TOP = names_test.TOP
KINDS = r"(?:target|service|socket|slice|scope|timer|mount)"
# Where the sources have unit files, these are compared with them.
UNITS = {"chimerax-sandbox.target", "chimerax-sandbox-gateway.service", "chimerax-sandbox-launcher.service", "chimerax-sandboxd.service", "chimerax-sandboxd.socket",
         "chimerax-sandboxd-tcp.socket", "chimerax.slice"}
OF_TENANTS = r"chimerax-(TENANT|X|[a-z]*)\.(slice|scope)"  # X: what the program puts there
OF_OTHERS = {"dbus.service", "systemd-timesyncd.service", "systemd-journald.service"}
# Programs of systemd, which not every machine of a test has, and the shell's own.
ELSEWHERE = {"systemctl", "journalctl", "ulimit"}
WAYS = {"systemctl": ({"enable", "disable", "start", "stop", "restart", "reload", "status", "show", "edit", "reset-failed", "daemon-reload", "list-dependencies",
                       "set-property", "reboot", "unmask"}, {"--now", "--no-pager", "--runtime"}),
        "journalctl": (set(), {"-b", "-e", "-f", "-g", "-k", "-n", "-p", "-u"})}
WORD = r"[^\s`\"'()\\]*[^\s`\"'()\\,.;:]"  # without what ends a sentence or a string
YOUNGER = {"vm/memfd_noexec"}  # than the kernel of some machine that tests run on


def unit_files():
    found = {path.name.removesuffix(".in") for path in TOP.glob("packaging/**/chimerax*") if path.is_file()}
    # One is made by the generator, where sandboxd.toml asks for it.
    found |= set(re.findall(rf'"(chimerax-[\w-]+\.{KINDS})"', (TOP / "src/bin/systemd_generator.cpp").read_text()))
    return {name for name in found if re.search(rf"\.{KINDS}$", name)}


def strings():
    """(file, text) of each string literal of the programs."""
    for name, _ in names_test.texts():
        if name.endswith(".cpp") and name.startswith("src/") and not name.startswith("src/standin/"):
            for found in re.findall(r'"((?:[^"\\\n]|\\.)*)"', names_test.literals((TOP / name).read_text()).replace('\\"', "'").replace("\\\\", "\\")):
                yield name, found


def prose():
    yield from strings()
    for name, text in names_test.texts():
        if not name.endswith((".cpp", ".hpp", ".js")):
            yield name, text


def unit_fault(name):
    full = name if re.search(rf"\.{KINDS}$", name) else name + ".service"
    if full in UNITS | OF_OTHERS or re.fullmatch(OF_TENANTS, full) or name in ("X", "UNIT"):
        return None
    return f"there is no unit {full}"


def fault(program, words):
    """What is wrong with words behind systemctl or journalctl, or None."""
    verbs, options = WAYS[program]
    words, units, verb = list(words), [], ""
    if verbs:
        while words and words[0].startswith("-"):
            if words.pop(0) not in options:
                return "there is no such option"
        verb = words.pop(0) if words else ""
        if verb not in verbs:
            return f"{program} has no such verb"
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            if word not in options:
                return f"{program} has no option {word}"
            if word in ("-g", "-n", "-p"):
                words.pop(0)
            elif word == "-u":
                units.append(words.pop(0))
        elif verb == "set-property" and units:
            continue  # NAME=VALUE
        elif verbs:
            units.append(word)
        elif not re.fullmatch(r"[A-Z_]+=\S+", word):
            return f"{word} is no field"
    return next((said for said in map(unit_fault, units) if said), None)


def commands(text):
    """(program, words) of each command of systemd's: in backquotes, or up to the end of its sentence or clause."""
    for program in WAYS:
        for found in re.finditer(rf"`{program} ([^`]+)`|(?<![`\w-]){program}((?: (?:{WORD}))+)(?=[,.;:)\"\\]|$|\n)", text):
            yield program, (found[1] or found[2]).split()


def check_fault():
    for program, words in (("systemctl", "enable --now chimerax-sandbox.service"), ("systemctl", "enabel chimerax-sandbox.target"),
                           ("systemctl", "enable --nwo chimerax-sandbox.target"), ("systemctl", "status sandboxd"), ("journalctl", "-u sandboxd"),
                           ("journalctl", "--unit chimerax-sandboxd")):
        assert fault(program, words.split()), (program, words)
    for program, words in (("systemctl", "enable --now chimerax-sandbox.target"), ("systemctl", "status chimerax-sandboxd dbus"),
                           ("journalctl", "-b -u chimerax-sandboxd"), ("journalctl", "SESSION=ID TENANT=acme")):
        assert not fault(program, words.split()), fault(program, words.split())
    found = list(commands("As root: systemctl enable --now a.target. See `journalctl -u b`, or systemctl status c, which tells."))
    assert found == [("systemctl", ["enable", "--now", "a.target"]), ("systemctl", ["status", "c"]), ("journalctl", ["-u", "b"])], found


def check_commands():
    count, faults = 0, []
    for name, text in prose():
        for program, words in commands(text):
            count += 1
            said = fault(program, words)
            faults += [f"{name}: {program} {' '.join(words)}: {said}"] if said else []
    assert not faults, "\n".join(faults)
    assert count > 6, f"only {count} were found"


def check_units():
    count, faults = 0, []
    for name, text in names_test.texts():
        for unit in re.findall(rf"(?<![\w.-])chimerax[\w-]*\.{KINDS}\b(?!\w|\()", text):
            count += 1
            said = unit_fault(unit)
            faults += [f"{name}: {said}"] if said else []
    assert not faults, "\n".join(faults)
    assert count > 5, f"only {count} were found"


def check_unit_files():
    there = unit_files()
    assert not there or UNITS <= there, f"of these there are no files: {UNITS - there}"


def check_programs(installed):
    """What stands in backquotes in the programs' texts and is a command begins with a program."""
    own = {path.name for path in installed.rglob("*") if path.parent.name in ("bin", "sbin")}
    count, faults = 0, []
    for name, text in strings():
        for span in re.findall(r"`([a-z][\w-]* [^`=][^`]*)`", text):
            count += 1
            program = span.split()[0]
            if program not in own | ELSEWHERE and not shutil.which(program):
                faults.append(f"{name}: {span}")
    assert not faults, "\n".join(faults)
    assert count > 8, f"only {count} were found"


def check_options(installed):
    """Of the programs that are no sandboxctl."""
    count, faults = 0, []
    for program in ("sandbox-launcher", "sandboxd"):
        path = next(path for path in installed.rglob(program) if path.parent.name in ("bin", "sbin"))
        known = set(re.findall(r"--[a-z-]+", subprocess.run([path, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout))
        for name, text in prose():
            for options in re.findall(rf"(?<![\w-]){program}((?: --[a-z-]+)+)", text):
                count += 1
                faults += [f"{name}: {program} {option}" for option in options.split() if option not in known]
    assert not faults, "\n".join(faults)
    assert count > 5, f"only {count} were found"


def tables():
    """{table: its keys} of all files of an admin's."""
    found = {}
    for path in TOP.glob("policies/*.schema.json"):
        schema = json.loads(path.read_text())
        for name, node in schema["properties"].items():
            node = {**schema["$defs"][node["$ref"].rsplit("/", 1)[1]], **node} if "$ref" in node else node
            found.setdefault(name, set()).update(node.get("properties", {}))
    return {name: inner for name, inner in found.items() if inner}


def check_settings():
    """`table.key`, and `key = value`, as cures have them."""
    known, all_keys = tables(), names_test.settings()
    places = r"\.(?:hpp|h|cpp|jsonl?|toml|slice|sock)\b"
    count, faults = 0, []
    for name, text in strings():
        if re.search(places, text) and "/" in text:
            continue  # a file that is included
        for table, key in re.findall(rf"(?<![\w./-])({'|'.join(known)})\.([a-z_]+)\b", text):
            if (table, key) not in NO_SETTINGS and not re.fullmatch(places, f".{key}"):
                count += 1
                faults += [] if key in known[table] else [f"{name}: {table}.{key}"]
        for key in re.findall(r"(?<![\w.])(?:\w+\.)?([a-z_]+) = (?:'|true|false|\d)", text):
            count += 1
            faults += [] if key in all_keys else [f"{name}: {key} = …"]
    assert not faults, "\n".join(faults)
    assert count > 15, f"only {count} were found"


NO_SETTINGS = {("audit", "lost"), ("seccomp", "profile")}  # an action of the trail, a key of a JSON answer


def check_sysctls():
    count, faults = 0, []
    for name, text in prose():
        for key in re.findall(r"(?<![\w-])sysctls? ([a-z]+\.[\w.-]+\w)", text):
            count += 1
            path = key.replace(".", "/").replace("X", "*")
            faults += [] if path in YOUNGER or any(pathlib.Path("/proc/sys").glob(path)) else [f"{name}: {key}"]
    assert not faults, "\n".join(faults)
    assert count > 4, f"only {count} were found"


def check_files():
    """Of the project's own folders."""
    known = {"sandboxd.toml", "policies", "tenants", "tls"}
    faults = [f"{name}: /etc/chimerax-sandbox/{part}" for name, text in prose() for part in re.findall(r"/etc/chimerax-sandbox/([\w.]+\w)", text)
              if part not in known]
    assert not faults, "\n".join(faults)


def check_page():
    """One page of the vendor's, the same everywhere."""
    pages = {page for _, text in prose() for page in re.findall(r"https?://[\w./-]*chimerax/download[\w./-]*\w", text)}
    assert pages == {"https://www.cgl.ucsf.edu/chimerax/download.html"}, pages


def main():
    installed = pathlib.Path(sys.argv[1])
    tap = Tap()
    for name, function, arguments in (("a verb, an option or a unit that is not there is told", check_fault, []),
                                      ("what systemctl and journalctl are to do can be done", check_commands, []),
                                      ("units that texts name are the project's", check_units, []),
                                      ("units that cures name have files", check_unit_files, []),
                                      ("commands that cures name are there", check_programs, [installed]),
                                      ("options of launcher and manager that texts name are there", check_options, [installed]),
                                      ("settings that cures name are there", check_settings, []),
                                      ("sysctls that texts name are there", check_sysctls, []),
                                      ("files of the site that texts name are there", check_files, []),
                                      ("the vendor's download page is named the same everywhere", check_page, [])):
        tap.test(name, function, *arguments)
    tap.finish()


if __name__ == "__main__":
    main()
