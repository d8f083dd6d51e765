"""Takes out of the pages what a reader would type or paste: blocks of code, and the code spans of prose that are commands."""

import ast
import dataclasses
import json
import pathlib
import re
import subprocess

# A span of prose that starts with one of these, and says more than its name, is a command.
PROGRAMS = ("sandboxctl", "sandboxd", "sandbox-launcher", "meson", "ninja", "man", "source", "promtool", "python3", "ssh", "sudo")


@dataclasses.dataclass(frozen=True)
class Piece:
    page: str
    line: int
    kind: str  # shell, python or toml
    text: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def language(text):
    """Of a block that does not say it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines[0].startswith(("import ", "from ")):
        return "python"
    if all(re.match(r"\s*(#|\[|[\w.]+ = |[}\]])", line) for line in lines):
        return "toml"
    return "shell"


def is_whole(text):
    """Whether a shell would run it, rather than wait for more lines."""
    said = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=30).stderr
    return not re.search("unexpected (EOF|end of file)|here-document", said)


def shell_commands(text):
    """(offset in lines, command) of each that a shell would run by itself; comments and blank lines are none."""
    found, pending, start = [], "", 0
    for number, line in enumerate(text.splitlines()):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if pending else number
        pending = f"{pending}\n{line}" if pending else line
        if not line.endswith("\\") and is_whole(pending):
            found.append((start, re.sub(r"\s+# .*$", "", pending) if "\n" not in pending else pending))
            pending = ""
    return found + ([(start, pending)] if pending else [])


def pieces_of_block(page, line, text, kind=""):
    kind = {"sh": "shell", "bash": "shell"}.get(kind, kind) or language(text)
    if kind == "shell":
        return [Piece(page, line + offset, kind, command) for offset, command in shell_commands(text)]
    return [Piece(page, line, kind, text)]


def split_markdown(text):
    """([(line, language, text)] of its blocks of code, the prose with as many lines)."""
    blocks, prose, lines, at = [], [], text.splitlines(), 0
    while at < len(lines):
        fence = re.match(r"```(\w*)$", lines[at])
        start = at
        if fence:
            at = next(number for number in range(at + 1, len(lines)) if lines[number] == "```") + 1
            blocks.append((start + 2, fence[1], "\n".join(lines[start + 1:at - 1])))
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            blocks.append((start + 1, "", "\n".join(line[4:] for line in lines[start:at]).rstrip()))
        else:
            prose.append(lines[at])
            at += 1
            continue
        prose += [""] * (at - start)
    return blocks, "\n".join(prose)


def spans(prose):
    """(line, text) of each code span, which may go over the end of a line."""
    return [(prose.count("\n", 0, found.start()) + 1, " ".join(found[1].split())) for found in re.finditer(r"`([^`]+)`", prose)]


def is_command(span):
    words = re.sub(r"^(\w+=('[^']*'|\S*) )*", "", span).split()
    return len(words) > 1 and (words[0] in PROGRAMS or re.match(r"(\./)?(tools|build)/", words[0]) is not None)


def markdown(page, text, tree):
    blocks, prose = split_markdown(text)
    # A block of ```text is what a program prints.
    found = [piece for line, kind, block in blocks if kind != "text" for piece in pieces_of_block(page, line, block, kind)]
    found += [Piece(page, line, "shell", span) for line, span in spans(prose) if is_command(span) and not tree.is_mention(span)]
    return sorted(found, key=lambda piece: piece.line)


def manual(page, text):
    """The blocks of code of a page in man(7)."""
    found = []
    for block in re.finditer(r"^\.nf\n(.*?)^\.fi$", text, re.M | re.S):
        line = text.count("\n", 0, block.start(1)) + 1
        lines = ["" if text.startswith(".") else text for text in block[1].splitlines()]
        plain = "\n".join(lines).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
        found += pieces_of_block(page, line, plain.strip("\n"))
    return found


class Tree:
    """The verbs and options of sandboxctl, as it describes them."""

    def __init__(self, described):
        self.root = described

    @classmethod
    def of(cls, program):
        return cls(json.loads(subprocess.run([program, "__describe"], check=True, capture_output=True, text=True, timeout=60).stdout))

    def walk(self, words):
        """(the verb that the words lead to, its options and those of all above, the words left)."""
        verb, options, left = self.root, list(self.root["options"]), list(words)
        while left:
            inner = next((inner for inner in verb["verbs"] if inner["name"] == left[0]), None)
            if inner is None:
                break
            verb, options = inner, options + inner["options"]
            left.pop(0)
        return verb, options, left

    def is_mention(self, span):
        """Whether it names a verb, and says nothing of what the verb is to do with."""
        words = span.split()
        if words[0] != "sandboxctl":
            return False
        verb, _, left = self.walk(words[1:])
        return not left and (bool(verb["verbs"]) or any(option["name"] and option["required"] for option in verb["options"]))

    def fault(self, words):
        """What is wrong with words behind `sandboxctl`, or None: verbs and options are looked at, values are not."""
        while words and words[0].startswith("-"):  # options of all verbs may stand first
            option = next((option for option in self.root["options"] if words[0].split("=")[0] in option["names"]), None)
            if option is None:
                return f"there is no option {words[0]}"
            words = words[2 if option["value"] and "=" not in words[0] else 1:]
        if not words:
            return None
        verb, options, left = self.walk(words)
        if verb is self.root or (verb["verbs"] and left and re.fullmatch("[a-z-]+", left[0]) and not left[0].startswith("-")):
            return f"there is no verb {left[0]!r}" + ("" if verb is self.root else f" of {verb['name']}")
        names = {name for option in options for name in option["names"]}
        for word in left:
            if word == "--":
                return None
            if re.match(r"--?[a-zA-Z]", word) and word.split("=")[0] not in names:
                return f"{verb['name']} has no option {word}"
        return None


def first_line(text):
    """By which a table of expectations calls it, without a remark."""
    return re.sub(r"\s+# .*$", "", text.split("\n")[0])


def differences(pieces, steps):
    """(commands that have no step, steps that have no command, steps that are there twice)."""
    there = {(piece.page, first_line(piece.text)) for piece in pieces}
    names = [(step.page, first_line(step.command)) for step in steps]
    new = [f"{piece.place}: {first_line(piece.text)}" for piece in pieces if (piece.page, first_line(piece.text)) not in names]
    gone = [": ".join(name) for name in names if name not in there]
    return new, gone, sorted({": ".join(name) for name in names if names.count(name) > 1})


def all_pieces(top, man_folder, tree, pages):
    found = []
    for page in pages:
        if page.endswith(".md"):
            found += markdown(page, (top / page).read_text(), tree)
        elif page.endswith(".py"):
            found += markdown(page, ast.get_docstring(ast.parse((top / page).read_text())), tree)
        else:
            found += manual(page, pathlib.Path(man_folder, page).read_text())
    return found
