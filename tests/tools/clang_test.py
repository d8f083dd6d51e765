#!/usr/bin/env python3
"""What Clang and clang-tidy look at: everything that is not known to be clean, and what a change reaches."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap  # noqa: E402

LIB = TOP / "tools/suites/lib"
HOUR = 3600
FILES = {
    "include/low.hpp": "#pragma once\nint low();\n",
    "include/high.hpp": '#pragma once\n#include "low.hpp"\nint high();\n',
    "src/low.cpp": '#include "low.hpp"\nint low() { return 1; }\n',
    "src/high.cpp": '#include "high.hpp"\nint high() { return low(); }\n',
    "tests/alone.cpp": "int alone();\nint alone() { return 1; }\n",
    ".clang-tidy": "Checks: '-*,readability-else-after-return'\nWarningsAsErrors: '*'\n",
    ".gitignore": "/build/\n",
}


class Checkout:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.now = int(time.time())
        for name, text in FILES.items():
            self.write(name, text)
        (self.folder / "build").mkdir()
        (self.folder / "build/compile_commands.json").write_text(json.dumps([
            {"directory": str(self.folder / "build"), "file": f"../{name}", "output": "x.o",
             "command": f"ccache clang++-14 -I../include -Wall -Wextra -Werror -std=c++20 -MD -MQ x.o -MF x.o.d -o x.o -c ../{name}"}
            for name in FILES if name.endswith(".cpp")]))
        self.git("init", "-q")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name, text="\n"):
        self.write(name, (self.folder / name).read_text() + text)

    def git(self, *arguments, **environment):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@localhost", *arguments], cwd=self.folder, check=True,
                       stdout=subprocess.PIPE, env={**os.environ, **environment})

    def commit(self, hours_ago):
        date = f"@{self.now - hours_ago * HOUR} +0000"
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x", GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    def run(self, program, **environment):
        """(exit status, output)"""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SANDBOX_T")}
        done = subprocess.run([LIB / program, "build", self.folder / "build/marks"], cwd=self.folder, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**kept, **environment}, timeout=100)
        return done.returncode, done.stdout.decode()

    def tidy(self, expected, status=0, **environment):
        got, output = self.run("tidy.py", **environment)
        assert got == status and expected in output, (got, output)
        return output

    def clang(self, expected, status=0):
        got, output = self.run("clang.py")
        assert got == status and expected in output, (got, output)
        return output


def of_old(checkout):
    """A change since the last day's beginning is one that is made now."""
    checkout.commit(90)
    checkout.commit(50)


def warns(checkout):
    checkout.clang("3 files, 0 known clean, 3 parsed")
    checkout.clang("3 files, 3 known clean, 0 parsed")
    checkout.append("src/low.cpp", "void unused(int x) {}\n")
    assert "unused parameter 'x'" in checkout.clang("fail: build: Clang takes src/low.cpp without a warning", status=1)
    checkout.clang("2 known clean, 1 parsed", status=1)  # a failure is not forgotten


def headers(checkout):
    checkout.clang("3 parsed")
    checkout.append("include/high.hpp")
    checkout.clang("2 known clean, 1 parsed")
    checkout.append("include/low.hpp")
    checkout.clang("1 known clean, 2 parsed")


def parsed_once(checkout):
    of_old(checkout)
    checkout.append("src/high.cpp")
    checkout.tidy("1 checked")
    checkout.clang("1 known clean, 2 parsed")


def tidy_warns(checkout):
    of_old(checkout)
    checkout.append("src/low.cpp", "int other(bool x) { if (x) { return 1; } else { return 2; } }\n")
    assert "readability-else-after-return" in checkout.tidy("fail: format: clang-tidy finds nothing in src/low.cpp", status=1)
    checkout.clang("0 known clean")
    checkout.write("src/low.cpp", "void unused(int x) {}\n")
    assert "unused parameter 'x'" in checkout.tidy("fail: format: clang-tidy finds nothing in src/low.cpp", status=1)


def last_day(checkout):
    checkout.commit(200)
    checkout.append("tests/alone.cpp")
    checkout.commit(90)
    checkout.tidy("tidy: 1 files of 3 reached")
    checkout.append("src/high.cpp")
    checkout.commit(55)
    checkout.append("tests/alone.cpp")
    checkout.commit(50)
    # The day is the checked out commit's, not the reader's.
    checkout.tidy("tidy: 1 files of 3 reached", SANDBOX_TIDY="HEAD~1")
    checkout.tidy("tidy: 2 files of 3 reached")
    checkout.append("include/low.hpp")
    checkout.tidy("tidy: 3 files of 3 reached")


def all_of_it(checkout):
    checkout.commit(2)
    checkout.tidy("tidy: 3 files of 3 in all")  # no commit is a day older
    checkout.tidy("3 known clean, 0 checked", SANDBOX_TIDY="all")
    checkout.tidy("tidy: 0 files of 3 reached", SANDBOX_TIDY="HEAD")
    checkout.write(".clang-tidy", FILES[".clang-tidy"] + "# new\n")
    checkout.tidy("tidy: 3 files of 3 reached", SANDBOX_TIDY="HEAD")
    checkout.tidy("SANDBOX_TIDY=nosuch is neither", status=1, SANDBOX_TIDY="nosuch")


def new_files(checkout):
    of_old(checkout)
    checkout.write("include/low.hpp", "#pragma once\nint low();\n")
    checkout.write("tests/low.hpp", "#pragma once\n")
    checkout.tidy("tidy: 0 files of 3 reached")
    checkout.write("src/high.hpp", "#pragma once\n#include <low.hpp>\nint high();\n")
    checkout.tidy("tidy: 1 files of 3 reached")  # it hides the other of its name


def no_time(checkout):
    checkout.commit(2)
    checkout.tidy("0 checked, 3 left for the next run", SANDBOX_TIDY_SECONDS="-1")
    checkout.tidy("3 checked, 0 left for the next run")


def main():
    tap = Tap()
    for name, function in (
            ("a warning of Clang is a failure, and stays one", warns),
            ("a header that changes is parsed again with whatever includes it", headers),
            ("what clang-tidy has found clean is not parsed once more", parsed_once),
            ("clang-tidy's findings, and Clang's warnings there, are failures", tidy_warns),
            ("clang-tidy looks at what the last day's commits, and what is not committed, reach", last_day),
            ("clang-tidy looks at everything where that is asked for, or where its settings changed", all_of_it),
            ("a new header reaches what includes it", new_files),
            ("what there was no time for is left, and said", no_time)):
        with tempfile.TemporaryDirectory() as folder:
            tap.test(name, lambda: function(Checkout(folder)))
    tap.finish()


if __name__ == "__main__":
    main()
