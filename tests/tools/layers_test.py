#!/usr/bin/env python3
"""The layers of src/layers.txt hold: the project follows them, and each kind of violation that is planted is found."""

import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap  # noqa: E402

LAYERS = """base
low : base
high : base low
    first second
bin : high
"""
TREE = {
    "src/layers.txt": LAYERS,
    "src/base/text.cpp": '#include "sandbox/base/text.hpp"\n',
    "include/sandbox/base/text.hpp": "#pragma once\n",
    "src/low/own.cpp": '#include "low/own.hpp"\n#include "sandbox/base/text.hpp"\n#include "sandbox/low/offer.hpp"\n',
    "src/low/own.hpp": "#pragma once\n",
    "include/sandbox/low/offer.hpp": '#pragma once\n#include "sandbox/low/part.hpp"\n',
    "include/sandbox/low/part.hpp": "#pragma once\n",
    "src/high/first/one.cpp": '#include "high/first/one.hpp"\n#include "made_by_the_build.hpp"\n',
    "src/high/first/one.hpp": '#pragma once\n#include "sandbox/low/offer.hpp"\n',
    "src/high/second/two.cpp": '#include "high/first/one.hpp"\n',
    "src/bin/program.cpp": '#include "high/first/one.hpp"\n',
    "tests/unit/high/first/one_test.cpp": '#include "high/first/one.hpp"\n',
}
VIOLATIONS = {
    "src/base/text.cpp: includes sandbox/low/offer.hpp: base does not use low":
        {"src/base/text.cpp": '#include "sandbox/low/offer.hpp"\n'},
    "src/high/first/one.cpp: includes low/own.hpp, a header that low keeps to itself":
        {"src/high/first/one.cpp": '#include "low/own.hpp"\n'},
    "src/high/first/one.cpp: includes high/second/two.hpp: first is below second":
        {"src/high/first/one.cpp": '#include "high/second/two.hpp"\n', "src/high/second/two.hpp": ""},
    "include/sandbox/low/part.hpp: includes low/own.hpp, which other modules do not see":
        {"include/sandbox/low/part.hpp": '#include "low/own.hpp"\n'},
    "include/sandbox/low/lonely.hpp: no other module includes it: it belongs beside its source":
        {"include/sandbox/low/lonely.hpp": "#pragma once\n", "src/low/own.cpp": TREE["src/low/own.cpp"] + '#include "sandbox/low/lonely.hpp"\n'},
    "src/high/third: is not in src/layers.txt": {"src/high/third/three.cpp": ""},
    "src/high/zeroth: is in src/layers.txt, and has no sources": {"src/layers.txt": LAYERS.replace("first second", "zeroth first second")},
    "src/high/loose.cpp: belongs in one of the folders of high": {"src/high/loose.cpp": ""},
    "src/other/lost.cpp: module other is not in src/layers.txt": {"src/other/lost.cpp": ""},
    "src/low: has 27 source files; 25 are the most": {f"src/low/n{number}.cpp": "" for number in range(25)},
    "src/low/own.hpp: has 401 lines; 400 are the most": {"src/low/own.hpp": "\n" * 401},
    "tests/unit/high/first/one_test.cpp: has 401 lines; 400 are the most": {"tests/unit/high/first/one_test.cpp": "\n" * 401},
}


def lint(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([TOP / "tools/suites/lib/layers.py", folder], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 1) and not done.stderr, done
        return done.stdout.splitlines()


def sound():
    assert lint(TREE) == []


def planted(expected, changes):
    assert lint({**TREE, **changes}) == [expected]


def unknown_use():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "src").mkdir()
        (pathlib.Path(folder) / "src/layers.txt").write_text("high : low\nlow\n")
        done = subprocess.run([TOP / "tools/suites/lib/layers.py", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "layers.txt:1: module low stands above those that use it, or is none" in done.stderr, done


def main():
    tap = Tap()
    tap.test("a tree that follows its layers is let through", sound)
    for expected, changes in VIOLATIONS.items():
        tap.test(f"it is found: {expected}", planted, expected, changes)
    tap.test("a module that uses one above it is found", unknown_use)
    tap.finish()


if __name__ == "__main__":
    main()
