#!/usr/bin/env python3
"""Fails on an include against the layers of src/layers.txt, and on a folder or a file that has outgrown its size.

usage: layers.py [TOP]    Prints a line for each that is wrong. The exit status is 1 where there is any."""

import pathlib
import re
import sys

MOST_FILES, MOST_LINES = 25, 400
SOURCES = (".cpp", ".hpp")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


class Module:
    def __init__(self, uses):
        self.uses = uses
        self.folders = []  # from low to high


def read_layers(path):
    """{name: Module} of src/layers.txt."""
    modules, last = {}, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.split("#")[0]
        if not text.strip():
            continue
        if text[0].isspace():
            if last is None:
                sys.exit(f"{path}:{number}: folders stand below their module")
            last.folders += text.split()
            continue
        name, _, uses = text.partition(":")
        last = modules[name.strip()] = Module(uses.split())
        for use in last.uses:
            if use not in modules:
                sys.exit(f"{path}:{number}: module {use} stands above those that use it, or is none")
    return modules


class Tree:
    def __init__(self, top):
        self.top = top
        self.modules = read_layers(top / "src/layers.txt")
        self.wrong = []
        self.files = [path for folder in ("src", "include") for path in sorted((top / folder).rglob("*")) if path.suffix in SOURCES]
        self.includes = {path: INCLUDE.findall(path.read_text()) for path in self.files}
        # Where the source of a header that other modules include stands.
        self.rooms = {path.stem: path.parent.name for path in self.files
                      if path.suffix == ".cpp" and len(self.parts(path)) == 3 and self.is_public(f"sandbox/{self.module(path)}/{path.stem}.hpp")}

    def parts(self, path):
        """MODULE[/FOLDER]/FILE."""
        parts = path.relative_to(self.top).parts
        return parts[1:] if parts[0] == "src" else parts[2:]

    def module(self, path):
        return self.parts(path)[0]

    def is_public(self, name):
        return (self.top / "include" / name).is_file()

    def say(self, path, text):
        self.wrong.append(f"{path.relative_to(self.top)}: {text}")

    def check(self):
        for path in self.files:
            if len(self.parts(path)) > 1:
                self.check_file(path)
        self.check_use()
        self.check_folders()
        self.check_sizes()
        return self.wrong

    def check_file(self, path):
        name = self.module(path)
        if name not in self.modules:
            return self.say(path, f"module {name} is not in src/layers.txt")
        module = self.modules[name]
        own = self.parts(path)[1] if len(self.parts(path)) == 3 else None
        for include in self.includes[path]:
            words = include.split("/")
            if len(words) == 1:
                continue  # made by the build
            is_public = words[0] == "sandbox"
            other = words[1] if is_public else words[0]
            if path.is_relative_to(self.top / "include") and not is_public:
                self.say(path, f"includes {include}, which other modules do not see")
            elif other == name:
                room = (self.rooms.get(pathlib.Path(include).stem) if is_public else words[1]) if module.folders else None
                if room and own and room in module.folders and own in module.folders and module.folders.index(room) > module.folders.index(own):
                    self.say(path, f"includes {include}: {own} is below {room}")
            elif other not in module.uses:
                self.say(path, f"includes {include}: {name} does not use {other}")
            elif not is_public and name != "bin":
                self.say(path, f"includes {include}, a header that {other} keeps to itself")
        return None

    def check_use(self):
        """What is in include/ is included by another module, or by a header that is."""
        used, todo = set(), []
        for path in self.files:
            todo += [include for include in self.includes[path] if include.startswith("sandbox/") and include.split("/")[1] != self.module(path)
                     and self.module(path) != "bin"]
        while todo:
            path = self.top / "include" / todo.pop()
            if path in self.includes and path not in used:
                used.add(path)
                todo += self.includes[path]
        for path in self.files:
            if path.is_relative_to(self.top / "include") and path not in used:
                self.say(path, "no other module includes it: it belongs beside its source")

    def check_folders(self):
        for name, module in self.modules.items():
            folder = self.top / "src" / name
            there = {path.name for path in folder.iterdir() if path.is_dir() and any(file.suffix in SOURCES for file in path.iterdir())} if folder.is_dir() else set()
            for room in sorted(there ^ set(module.folders)):
                self.say(folder / room, "is not in src/layers.txt" if room in there else "is in src/layers.txt, and has no sources")
            for path in sorted(folder.glob("*")):
                if module.folders and path.suffix in SOURCES and path.name != "main.cpp":
                    self.say(path, f"belongs in one of the folders of {name}")

    def check_sizes(self):
        for top in ("src", "include", "tests/unit"):
            for folder in [self.top / top, *(path for path in (self.top / top).rglob("*") if path.is_dir())]:
                files = [path for path in folder.glob("*") if path.suffix in SOURCES]
                if len(files) > MOST_FILES:
                    self.say(folder, f"has {len(files)} source files; {MOST_FILES} are the most")
                for path in files:
                    lines = path.read_text().count("\n")
                    if lines > MOST_LINES:
                        self.say(path, f"has {lines} lines; {MOST_LINES} are the most")


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    wrong = Tree(top).check()
    print("".join(f"{line}\n" for line in wrong), end="")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
