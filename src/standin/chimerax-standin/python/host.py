"""The Python of the stand-in: runs scripts as ChimeraX's embedded interpreter does, with its buffering.

Its parent is the stand-in, with which it shares a socket (the first argument), stdout and stderr. A message is
`VERB LENGTH\\n` and that many bytes. The parent ends as this process ends, so that os.abort() in a script is
the end of the engine.
"""

import glob
import os
import socket
import sys
import traceback
import types


class Parent:
    def __init__(self, descriptor):
        self.stream = socket.socket(fileno=descriptor).makefile("rwb")

    def send(self, verb, text=""):
        data = text.encode("utf-8", "surrogateescape")
        self.stream.write(b"%s %d\n" % (verb.encode(), len(data)) + data)
        self.stream.flush()

    def receive(self):
        """A verb and its text; None at the end."""
        head = self.stream.readline().split()
        if not head:
            return None
        return head[0].decode(), self.stream.read(int(head[1])).decode("utf-8", "surrogateescape")


class Logger:
    def __init__(self, parent):
        for name in ("info", "warning", "error", "bug", "status"):
            verb = "note" if name == "info" else name
            setattr(self, name, lambda text, *_, verb=verb, **__: parent.send(verb, text))


def make_modules(parent):
    """As much of the package chimerax as small scripts import."""

    class UserError(Exception):
        pass

    def run(session, command, **_):
        parent.send("run", command)
        while message := parent.receive():
            verb, text = message
            if verb == "script":  # the command was runscript
                run_script(parent, session, text)
            elif verb == "failed":
                raise UserError(text)
            else:
                return

    UserError.__module__ = "chimerax.core.errors"
    UserError.__qualname__ = "UserError"
    for name in ("chimerax", "chimerax.core", "chimerax.core.commands", "chimerax.core.errors"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["chimerax"].core = sys.modules["chimerax.core"]
    for name, member in (("commands", run), ("errors", UserError)):
        module = sys.modules["chimerax.core." + name]
        setattr(module, member.__name__, member)
        setattr(sys.modules["chimerax.core"], name, module)


def execute(path, session, arguments):
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    sys.argv = [path] + arguments
    exec(code, {"__name__": "ChimeraX_sandbox_1", "__file__": path, "session": session})


def run_script(parent, session, words):
    path, *arguments = words.split("\0")
    try:
        execute(path, session, arguments)
    except SystemExit:
        return parent.send("quit")
    except Exception as error:
        error.__traceback__ = error.__traceback__.tb_next.tb_next  # without the frames of this file
        told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return parent.send("failed", told + "\nError opening python file " + path)
    parent.send("done")


def run_start_folder(session):
    """CHIMERAX_START holds what runs at every start."""
    folder = os.path.expanduser(os.environ.get("CHIMERAX_START", "~/chimerax_start"))
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.py"))):
        try:
            execute(path, session, [])
        except Exception:
            traceback.print_exc()


def main():
    parent = Parent(int(sys.argv[1]))
    make_modules(parent)
    session = types.SimpleNamespace(logger=Logger(parent))
    run_start_folder(session)
    while message := parent.receive():
        run_script(parent, session, message[1])


main()
