#!/usr/bin/env python3
"""Runs the commands of the pages as they are written, as a reader would: in order, in two terminals, on a host of their own.

usage: commands_test.py INSTALLED [--show]    as root, with a tree that is built
       commands_test.py --cannot
--show tells what each command says, for who writes an entry; --cannot lists those that cannot run on this host.
"""

import contextlib
import os
import pathlib
import re
import shlex
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import expected  # noqa: E402
import extract  # noqa: E402
import stage  # noqa: E402
from stack import Tap, private_host  # noqa: E402

FEW = 8
TOP = pathlib.Path(__file__).resolve().parents[2]


class Story:
    """All the pages' commands, and the host on which they run."""

    def __init__(self, folder):
        self.launcher, self.reader = stage.Terminal(folder), stage.Terminal(folder)
        self.last_start, self.start_step = "", None

    def step(self, step, piece):
        for action in step.first:
            getattr(self, action)()
        if step.given:
            status, said = self.reader.run(step.given)
            assert status == 0, f"what it needs first ended with {status}: {step.given}\n{said[-3000:]}"
        if piece.kind == "toml":
            self.take(step, piece)
            return
        if piece.kind == "python":
            pathlib.Path(TOP, step.file).write_text(piece.text + "\n")
            if not step.within:
                return
        command = self.command(step, piece)
        if step.stays:
            self.start(command, step)
            return
        status, said = self.reader.run(command, step.timeout)
        if "--show" in sys.argv:
            print("".join(f"# | {line}\n" for line in [f"$ {command}", *said.splitlines()[-12:], f"[{status}]"]), end="", flush=True)
        told = f"{piece.place}: {command}\nended with {status} and said:\n{said[-4000:]}"
        assert status in step.statuses, told
        assert re.search(f"(?:{step.prints})\\s*\\Z" if step.prints else r"\A\s*\Z", said, re.M), f"{told}\nwhich does not end with {step.prints!r}"
        if step.then:
            status, said = self.reader.run(step.then)
            assert status == 0, f"{told}\nand after it this is not so: {step.then}\n{said[-3000:]}"

    def command(self, step, piece):
        text = piece.text
        for name, value in step.values.items():
            text, count = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _: value, text)
            assert count, f"{name} is not in {text!r}"
        if piece.kind == "python":
            pathlib.Path(step.file).write_text(text + "\n")
            text = f"python3 {step.file}"
        text += step.more
        return step.within.format(shlex.quote(text)) if step.within else text

    def take(self, step, piece):
        if step.policy:
            pathlib.Path(step.policy).parent.mkdir(exist_ok=True)
            pathlib.Path(step.policy).write_text(piece.text + "\n")
            status, said = self.reader.run(f"sandboxctl policy check {step.policy}")
            assert status == 0, f"{piece.place}: {said}"
        else:
            self.stop()
            stage.write_settings(piece.text)
            self.restart()

    # -- the launcher's terminal

    def start(self, command, step):
        assert not self.launcher.running, "the launcher runs already"
        self.launcher.type(command)
        self.launcher.wait_for(step.stays, step.timeout)
        self.last_start, self.start_step = command, step

    def stop(self):
        if self.launcher.running:
            status = self.launcher.interrupt()
            assert status == 0, f"the launcher ended with {status} after Ctrl-C, and said:\n{self.launcher.said()[-3000:]}"

    def restart(self):
        self.stop()
        self.start(self.last_start, self.start_step)

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()
        self.reader.close()
        self.launcher.close()
        stage.remove_group()


def compare(pieces):
    new, gone, twice = extract.differences(pieces, expected.STEPS)
    assert not new, "commands without an entry in tests/docs/expected.py; add a Step for each, or why it cannot run:\n" + "\n".join(new)
    assert not gone, "entries of tests/docs/expected.py whose command is in the page no longer:\n" + "\n".join(gone)
    assert not twice, f"more than one entry: {twice}"


def check_few(left):
    allowed = {expected.SYSTEMD: expected.NEED_SYSTEMD, expected.SECURITY_MODULE: expected.NEED_SECURITY_MODULE}
    others = [step.command for step in left if not step.command.startswith(allowed.get(step.cannot, ()))]
    assert len(others) <= FEW, f"{len(others)} commands have a reason not to run: find a way to run them\n" + "\n".join(others)


def cannot_run():
    """The steps that this host cannot take, whose reasons are then the same in all of them."""
    without = stage.lacks_controllers()
    for step in expected.STEPS:
        step.cannot = step.cannot or (step.cannot_without_controllers if without else "")
    return [step for step in expected.STEPS if step.cannot]


def play(tap, pieces):
    by_name = {}
    for piece in pieces:
        by_name.setdefault((piece.page, extract.first_line(piece.text)), piece)
    with contextlib.closing(Story(TOP)) as story:
        for step in expected.STEPS:
            piece = by_name.get((step.page, extract.first_line(step.command)))
            if piece and not step.cannot:
                tap.test(f"{step.page}: {extract.first_line(step.command)}", story.step, step, piece)
        tap.test("Ctrl-C ends the launcher and the manager in good order", story.stop)


def main():
    private_host()
    left = cannot_run()
    if "--cannot" in sys.argv:
        print(f"docs: {len(left)} of {len(expected.STEPS)} commands cannot run here:")
        for step in left:
            print(f"docs:   {step.page}: {extract.first_line(step.command)}: {step.cannot}")
        return
    stage.own_mounts()
    os.chdir("/")
    stage.make_host(TOP)
    if stage.lacks_controllers():
        stage.take_less(TOP)
    stage.stand_ins(TOP)
    stage.write_settings("")
    tree = extract.Tree.of(TOP / "build/src/ctl/sandboxctl")
    pieces = extract.all_pieces(TOP, TOP / "build/src/man", tree, expected.PAGES)
    tap = Tap()
    tap.test("each command of the pages has an entry, and each entry a command", compare, pieces)
    tap.test("few commands cannot run", check_few, left)
    play(tap, pieces)
    tap.finish()


if __name__ == "__main__":
    main()
