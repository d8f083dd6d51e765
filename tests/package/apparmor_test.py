#!/usr/bin/env python3
"""The AppArmor profiles of packaging/apparmor are read by AppArmor's parser, and interfere with nothing until they are told to."""

import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Skip, Tap  # noqa: E402

PROFILES = TOP / "packaging/apparmor/chimerax-sandbox"
NAMES = {"sandbox-launcher", "sandboxd", "chimerax-session"}


def parse(text, *options):
    """Without a look at the kernel (-Q), a cache (-K) or what it made earlier (-T)."""
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    if not parser:
        raise Skip("this distribution has no AppArmor")
    return subprocess.run([parser, "-Q", "-K", "-T", *options], input=text, capture_output=True, text=True, timeout=100)


def headers(text):
    """{name of a profile: (where it is attached, its flags)}."""
    found = re.findall(r"^profile (\S+)(?: (/\S+))? flags=\(([\w,]+)\) \{$", text, re.M)
    return {name: (attachment, flags.split(",")) for name, attachment, flags in found}


def is_read():
    done = parse(PROFILES.read_text())
    assert done.returncode == 0, done.stderr
    names = parse(PROFILES.read_text(), "-N").stdout.split()
    assert set(names) == NAMES, names


def mistakes():
    for right, wrong in (("capability mknod,", "capability mknode,"), ("  pivot_root,\n", "  pivot_root\n"), ("include <abstractions/base>", "include <abstractions/bass>")):
        text = PROFILES.read_text()
        assert right in text, right
        assert parse(text.replace(right, wrong)).returncode != 0, wrong


def complains():
    found = headers(PROFILES.read_text())
    assert set(found) == NAMES, found
    for name, (_, flags) in found.items():
        # Without the other two the kernel hides what it cannot name, in complain mode as well.
        assert set(flags) == {"complain", "attach_disconnected", "mediate_deleted"}, (name, flags)


def enforced():
    """As aa-enforce leaves the file."""
    text = re.sub(r"flags=\(complain,", "flags=(", PROFILES.read_text())
    assert all("complain" not in flags for _, flags in headers(text).values()), text
    done = parse(text)
    assert done.returncode == 0, done.stderr


def attached():
    found = headers(PROFILES.read_text())
    for name in ("sandbox-launcher", "sandboxd"):
        alternatives = re.escape(found[name][0]).replace(r"\{", "(").replace(r"\}", ")").replace(",", "|")
        for folder in ("/usr/sbin", "/usr/bin", "/usr/local/sbin"):
            assert re.fullmatch(alternatives, f"{folder}/{name}"), (alternatives, folder)
        assert not re.fullmatch(alternatives, f"/usr/sbin/{name}x")
    assert found["chimerax-session"][0] == "", "it is for what the launcher starts, whatever its path"


def stacked():
    """no_new_privs, which both have, lets the kernel put a profile on top of the launcher's, and not in place of it."""
    text = PROFILES.read_text()
    found = re.findall(r"^  (\S+) (\w+) -> (\S+),$", text, re.M)
    assert {(way, target) for _, way, target in found} == {("cix", "&sandboxd"), ("cix", "&chimerax-session")}, found


def main():
    tap = Tap()
    for name, function in (("the profiles are read", is_read), ("a mistake in them is told", mistakes), ("all of them complain, and enforce nothing", complains),
                           ("they are read as enforced ones, too", enforced), ("the programs get them where they are installed", attached),
                           ("sessions and the manager get theirs on top of the launcher's", stacked)):
        tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
