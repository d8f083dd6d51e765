#!/usr/bin/env python3
"""What help, cures, manual pages and comments name is there: verbs and options of sandboxctl, routes of the API, settings, programs of tools.

usage: names_test.py INSTALLED    in the top folder of the sources
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "src/man"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import extract  # noqa: E402
import operations  # noqa: E402
from stack import Tap  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 130  # lines of Markdown are shorter
TEXTS = ("*.md", "src/**/*.cpp", "src/**/*.hpp", "include/**/*.hpp", "src/**/*.js", "src/**/*.html", "src/**/*.json", "src/man/*.py", "policies/**/*.toml",
         "policies/*.json", "tools/client/*.py", "tools/monitoring/*")
PAGES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "tools/monitoring/README.md")
# Behind the program's name in a sentence that is about it. In backquotes none is taken.
SENTENCE = {"and", "asks", "does", "for", "has", "is", "itself", "of", "or", "says", "takes", "tells", "that", "to", "where", "with"}
# Of shells' programs, in which the name stands for other things.
CODE = {"src/ctl/site_verbs/completion.cpp"}


def literals(text):
    """C++ with its strings as they come out: parts joined, and X for what is put between them."""
    text = re.sub(r'"\s*\n?\s*(?:\+|<<)\s*[^";]+?(?:\+|<<)\s*"', "X", text)
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def texts():
    for pattern in TEXTS:
        for path in sorted(TOP.glob(pattern)):
            if path.is_file() and str(path.relative_to(TOP)) not in CODE:
                text = path.read_text(errors="replace")
                yield str(path.relative_to(TOP)), literals(text) if path.suffix in (".cpp", ".hpp") else text


def alternatives(words):
    """`new|ls|revoke` and `[--wait|--undo]` are so many ways of saying it."""
    ways = [[]]
    for word in words:
        ways = [way + [one] for way in ways for one in word.strip("[]").split("|")]
    return ways


def named(text):
    """The words behind each `sandboxctl` that are to be verbs, options and their values."""
    for found in re.finditer(r"`sandboxctl\s([^`]+)`|\bsandboxctl((?: [^\s`;()<>\"',]+)+)", text):
        words = [word.rstrip(".:!?,") or word for word in re.sub(r"\n\s*(//+|#|\*)?", " ", found[1] or found[2]).split()]
        if words[0].startswith("__") or not re.match(r"[a-z]|-", words[0]) or (found[2] and words[0] in SENTENCE):
            continue
        yield from alternatives(words)


def check_verbs(tree):
    count, faults = 0, []
    for name, text in texts():
        for words in named(text):
            count += 1
            fault = tree.fault(words)
            if fault:
                faults.append(f"{name}: sandboxctl {' '.join(words)}: {fault}")
    assert not faults, "\n".join(faults)
    assert count > 80, f"only {count} were found"


def check_fault(tree):
    for words in ("crate", "policy chekc FILE", "ls --wathc", "--hots unix:///x ls", "admin drain --udno"):
        assert tree.fault(words.split()), f"{words} is taken"
    for words in ("ls -a", "-o id create --tenant acme", "exec ID version", "admin drain --wait"):
        assert not tree.fault(words.split()), tree.fault(words.split())


def check_examples(tree):
    """Of each verb's help: what stands there of other verbs."""
    faults = []

    def look(verb, words):
        for text in [verb["help"]] + [option["help"] for option in verb["options"]]:
            faults.extend(f"help of {' '.join(words)}: {tree.fault(said)}" for said in named(text) if tree.fault(said))
        for inner in verb["verbs"]:
            look(inner, [*words, inner["name"]])
    look(tree.root, ["sandboxctl"])
    assert not faults, "\n".join(faults)


def check_routes():
    routes = json.loads((TOP / "src/api/openapi.json").read_text())["paths"]
    known = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, methods in routes.items() for method in methods}
    count, faults = 0, []
    for name, text in texts():
        for methods, path in re.findall(r"\b((?:GET|POST|PUT|PATCH|DELETE)(?:\|[A-Z]+)*) (/(?:v1|metrics|healthz|readyz)[\w/{}.-]*)", text):
            count += 1
            plain = re.sub(r"\{\w+\}|(?<=/)[A-Z]+\b", "{}", path).rstrip("/.")
            faults += [f"{name}: {method} {path}" for method in methods.split("|") if (method, plain) not in known]
    assert not faults, "\n".join(faults)
    assert count > 15, f"only {count} were found"


def keys(node, root, found):
    """{key: [what may be its value]} of a schema."""
    node = root["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    for name, inner in node.get("properties", {}).items():
        inner = {**root["$defs"][inner["$ref"].rsplit("/", 1)[1]], **inner} if "$ref" in inner else inner
        found.setdefault(name, []).append(inner)
        keys(inner, root, found)
    if isinstance(node.get("items"), dict):
        keys(node["items"], root, found)
    return found


def settings():
    known = {}
    for path in TOP.glob("policies/*.schema.json"):
        schema = json.loads(path.read_text())
        keys(schema, schema, known)
    return known


def prose_of_manual():
    """(chapter, paragraph) of chimerax-sandbox(7), which has no code spans."""
    for title, blocks in operations.CHAPTERS:
        for block in blocks:
            for text in [block] if isinstance(block, str) else [text for text in block if not isinstance(text, str)]:
                yield f"chimerax-sandbox.7, {title}", text if isinstance(text, str) else text[1]


def named_settings():
    """(place, name, its value in JSON or "") of each table and key that the pages and the manual name."""
    for page in PAGES:
        _, prose = extract.split_markdown((TOP / page).read_text())
        for line, span in extract.spans(prose):
            found = re.fullmatch(r"(?:\[(\w+)\](?: |$))?(?:([a-z]\w*)(?: = (.+))?)?", span)
            if found and (found[1] or found[3]):
                yield from ((f"{page}:{line}: {span}", name, value) for name, value in ((found[1], ""), (found[2], found[3] or "")) if name)
    for place, text in prose_of_manual():
        for name in re.findall(r"\[([a-z]+)\]", text) + re.findall(r"\[[a-z]+\] ([a-z]+_[a-z_]+)", text):
            yield place, name, ""
        for name, value in re.findall(r'(?<![\w.])([a-z]\w*) = ("[^"]*"|\[[^\]]*\]|true|false|\d+)', text):
            yield place, name, value


def check_settings():
    known, found = settings(), list(named_settings())
    faults = [f"{place}: no file has the setting {name}" for place, name, _ in found if name not in known]
    assert not faults, "\n".join(faults)
    assert len(found) > 40, f"only {len(found)} were found"


def fits(node, value):
    kinds = node.get("type", "string")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}[type(value)]
    return (kind in kinds or (kind == "integer" and "number" in kinds)) and ("enum" not in node or value in node["enum"])


def check_values():
    """TOML's values of one line are JSON's, as far as the pages have them."""
    known = settings()
    found = [one for one in named_settings() if one[2] and "…" not in one[2]]
    faults = [f"{place}: {name} cannot be {value}" for place, name, value in found if not any(fits(node, json.loads(value)) for node in known.get(name, []))]
    assert not faults, "\n".join(faults)
    assert len(found) > 8, f"only {len(found)} were found"
    assert not fits(known["on_stop"][0], "stay") and fits(known["on_stop"][0], "keep"), "a value is compared with what may be"


def check_tools():
    faults = [f"{name}: {path}" for name, text in texts() for path in re.findall(r"(?<![\w/.-])(?:\./)?(tools/\w+)\b(?![/.*])", text) if not (TOP / path).exists()]
    assert not faults, "\n".join(faults)


def check_terminals():
    """What the README shows of a terminal is what golden_test.cpp has sandboxctl print."""
    shown = [block for _, kind, block in extract.split_markdown((TOP / "README.md").read_text())[0] if kind == "text"]
    printed = [path.read_text().rstrip("\n") for path in (TOP / "tests/unit/ctl/golden").glob("*.txt")]
    assert shown and all(block in printed for block in shown), f"sandboxctl prints otherwise:\n{shown}"


def check_widths():
    pages = [path for pattern in ("*.md", *(f"{folder}/**/*.md" for folder in ("packaging", "policies", "src", "tests", "tools"))) for path in TOP.glob(pattern)]
    faults = [f"{path.relative_to(TOP)}:{number}: {len(line)} characters" for path in sorted(pages) if "node_modules" not in path.parts
              for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) >= WIDTH]
    assert not faults, f"lines of Markdown have fewer than {WIDTH} characters:\n" + "\n".join(faults)
    assert len(pages) > 5, pages


def main():
    tree = extract.Tree.of(next(pathlib.Path(sys.argv[1]).rglob("bin/sandboxctl")))
    tap = Tap()
    for name, function, arguments in (("a verb or option that is not there is told", check_fault, [tree]),
                                      ("verbs and options that texts name are there", check_verbs, [tree]),
                                      ("verbs and options that the help of others names are there", check_examples, [tree]),
                                      ("routes of the API that texts name are there", check_routes, []),
                                      ("settings that the pages name are there", check_settings, []),
                                      ("settings in the pages have values that they may have", check_values, []),
                                      ("tools that texts name are there", check_tools, []),
                                      ("what the README shows of a terminal is what sandboxctl prints", check_terminals, []),
                                      ("no line of Markdown is too long", check_widths, [])):
        tap.test(name, function, *arguments)
    tap.finish()


if __name__ == "__main__":
    main()
