#!/usr/bin/env python3
"""What is taken out of a page, and that a page and the expectations of its commands cannot drift apart."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import extract  # noqa: E402
from expected import Step  # noqa: E402
from stack import Tap  # noqa: E402


def option(name=None, names=(), value="", required=False):
    return {"name": name, "names": list(names), "value": value, "required": required, "help": ""}


def verb(name, options=(), verbs=()):
    return {"name": name, "help": "", "options": list(options), "verbs": list(verbs)}


TREE = extract.Tree(verb("sandboxctl", [option(names=["-o", "--output"], value="FORMAT")], [
    verb("ls", [option(names=["-a", "--all"])]), verb("stop", [option("ID", required=True)]), verb("admin", verbs=[verb("gc")])]))
PAGE = """# A page

Type `sandboxctl ls`, or `sandboxctl -o json
ls`; `sandboxctl stop` ends one, `sandboxctl` is the tool, `tools/vm` a file, and `A=1 B='2 3' tools/test vm` a command.

    # a remark
    id=$(sandboxctl -o id ls)
    cp a b   # another one

    if true; then
        echo '#
    '
    fi

An end.

    keys = 1
    [table]
    name = "x"   # why

```python
import x
```

```text
what a program prints
```

```
one \\
  two
```
"""
PIECES = [(3, "shell", "sandboxctl ls"), (3, "shell", "sandboxctl -o json ls"), (4, "shell", "A=1 B='2 3' tools/test vm"), (7, "shell", "id=$(sandboxctl -o id ls)"),
          (8, "shell", "cp a b"), (10, "shell", "if true; then\n    echo '#\n'\nfi"), (17, "toml", 'keys = 1\n[table]\nname = "x"   # why'), (22, "python", "import x"),
          (30, "shell", "one \\\n  two")]
MANUAL = ".SH NAME\nx\n.SH USE\ntext\n.PP\n.nf\n.RS 4\ny one\ny two\n.RE\n.fi\n.SH EXAMPLES\n.nf\n.RS 4\nx \\-\\-all\n# why\n\\&.x a\\eb\n.RE\n.fi\n.SH \"SEE ALSO\"\ny\n"


def markdown():
    found = [(piece.line, piece.kind, piece.text) for piece in extract.markdown("page.md", PAGE, TREE)]
    assert found == PIECES, found


def manual():
    found = [piece.text for piece in extract.manual("x.1", MANUAL)]
    assert found == ["y one", "y two", "x --all", ".x a\\b"], found


def drift():
    pieces = [extract.Piece("a.md", 1, "shell", "one"), extract.Piece("a.md", 2, "shell", "two\nlines")]
    both = [Step("a.md", "one"), Step("a.md", "two")]
    assert extract.differences(pieces, both) == ([], [], [])
    assert extract.differences(pieces, both[:1]) == (["a.md:2: two"], [], [])
    assert extract.differences(pieces[:1], both) == ([], ["a.md: two"], [])
    assert extract.differences(pieces, [Step("b.md", "one"), *both]) == ([], ["b.md: one"], [])
    assert extract.differences(pieces, both + both[:1]) == ([], [], ["a.md: one"])


def first_lines():
    assert [extract.first_line(text) for text in ("a b", "a\nb", "[a]   # why\nb = 1", "a '#1' b")] == ["a b", "a", "[a]", "a '#1' b"]


def main():
    tap = Tap()
    for name, function in (("commands, texts of settings and programs are taken out of Markdown", markdown),
                           ("the code of a manual page is taken out as it is shown", manual),
                           ("a command is called by its first line without a remark", first_lines),
                           ("a command without an entry is told, and an entry without a command", drift)):
        tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
