#!/usr/bin/env python3
"""Makes a manual page, in man(7), from what the programs and the schemas say of themselves.

usage: make.py tool|program|file|guide PAGE VERSION SOURCE
  tool:    SOURCE is sandboxctl, whose __describe is the command line as JSON
  program: SOURCE is the program, whose --help is read
  file:    SOURCE is the JSON Schema of the file
  guide:   SOURCE is operations.py, which has it all
The page goes to standard output. What no source tells stands in pages.py.
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operations  # noqa: E402
import pages  # noqa: E402


def plain(text):
    """Text of a page: what roff would take for its own is escaped."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("–", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def wrapped(text):
    """A paragraph in the short lines that roff's own tools expect."""
    return plain(textwrap.fill(text, 72, break_long_words=False, break_on_hyphens=False))


def bold(text):
    return f"\\fB{plain(text)}\\fR"


def italic(text):
    return f"\\fI{plain(text)}\\fR"


class Page:
    def __init__(self, name, section, version, summary):
        self.lines = [f'.TH {name.upper()} {section} "" "chimerax\\-sandbox {version}" "chimerax\\-sandbox"', ".SH NAME", f"{plain(name)} \\- {plain(summary)}"]

    def section(self, title):
        self.lines.append(f".SH {title}")

    def part(self, title):
        self.lines.append(f'.SS "{plain(title)}"')

    def text(self, paragraphs):
        for number, paragraph in enumerate(paragraphs):
            self.lines += ([".PP"] if number else []) + [wrapped(paragraph)]

    def item(self, term, text):
        self.lines += [".TP", term, wrapped(text) if text else "\\&"]

    def code(self, lines):
        self.lines += [".nf", ".RS 4", *map(plain, lines), ".RE", ".fi"]

    def chapter(self, title, blocks):
        """A text is a paragraph, a list of texts is code, and one of pairs is a list."""
        self.section(title)
        for number, block in enumerate(blocks):
            if isinstance(block, str):
                self.lines += ([".PP"] if number else []) + [wrapped(block)]
            elif isinstance(block[0], str):
                self.lines.append(".PP")
                self.code(block)
            else:
                for term, text in block:
                    self.item(bold(term), text)

    def common(self, prose):
        """What follows on every page."""
        for title, items in prose.get("lists", {}).items():
            self.section(title)
            for term, text in items:
                self.item(bold(term), text)
        if prose.get("examples"):
            self.section("EXAMPLES")
            self.code(prose["examples"])
        self.section('"SEE ALSO"')
        self.lines.append(", ".join(f"{bold(name)}({number})" for name, number in prose["see"]))

    def print(self):
        print("\n".join(self.lines))


def option_term(option):
    names = ", ".join(bold(name) for name in option["names"]) or italic(option["name"])
    return names + (f" {italic(option['value'])}" if option["value"] else "")


def option_text(option):
    text = option["help"].rstrip(".") + "."
    if option["default"]:
        text += f" Unless given: {option['default']}."
    if option["environment"]:
        text += f" The variable {option['environment']} gives it, too."
    return text


def synopsis(words, verb):
    shown = [bold(" ".join(words))]
    if any(option["names"] and "--help" not in option["names"] for option in verb["options"]):
        shown.append("[options]")
    for option in verb["options"]:
        if option["name"]:
            name = italic(option["name"]) + (" ..." if option["repeats"] else "")
            shown.append(name if option["required"] else f"[{name}]")
    return " ".join(shown)


def add_verb(page, words, verb):
    if verb["verbs"]:
        shared = [option for option in verb["options"] if "--help" not in option["names"]]
        for inner in verb["verbs"]:
            add_verb(page, words + [inner["name"]], {**inner, "options": inner["options"] + shared})
        return
    page.part(" ".join(words[1:]))
    page.lines += [synopsis(words, verb), ".PP", wrapped(verb["help"].rstrip(".") + ".")]
    for option in verb["options"]:
        if "--help" not in option["names"]:
            page.item(option_term(option), option_text(option))


def tool_page(name, version, program):
    described = json.loads(subprocess.run([program, "__describe"], check=True, capture_output=True, text=True, timeout=60).stdout)
    prose = pages.PAGES[name]
    page = Page(name, prose["section"], version, prose["summary"])
    page.section("SYNOPSIS")
    page.lines.append(f"{bold(name)} [options] {italic('VERB')} [options] [arguments]")
    page.section("DESCRIPTION")
    page.text([described["help"], *prose["description"]])
    page.section("OPTIONS")
    page.text(["They may stand before the verb or behind it."])
    for option in described["options"]:
        page.item(option_term(option), option_text(option))
    page.section("VERBS")
    for verb in described["verbs"]:
        add_verb(page, [name, verb["name"]], verb)
    page.common(prose)
    return page


def program_page(name, version, program):
    """Of CLI11's help: the first paragraph, and the lines of its options."""
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout
    prose = pages.PAGES[name]
    options, head = [], text.split("Usage:")[0].split()
    for line in text.splitlines():
        option = re.match(r"  (?P<names>-[\w,-]+)(?: (?P<value>[A-Z]+)(?:=(?P<default>\S+))?)?(?: Needs: (?P<needs>\S+))? *(?P<help>.*)", line)
        if option:
            options.append(option.groupdict())
        elif options and line.startswith("   "):
            options[-1]["help"] = f"{options[-1]['help']} {line.strip()}".strip()
    assert options, f"no options in the help of {program}"
    page = Page(name, prose["section"], version, prose["summary"])
    page.section("SYNOPSIS")
    page.lines.append(f"{bold(name)} [options]")
    page.section("DESCRIPTION")
    page.text([" ".join(head), *prose["description"]])
    page.section("OPTIONS")
    for option in options:
        text = option["help"].rstrip(".") + "."
        text += f" Unless given: {option['default']}." if option["default"] else ""
        text += f" Only with {option['needs']}." if option["needs"] else ""
        page.item(", ".join(map(bold, option["names"].split(","))) + (f" {italic(option['value'])}" if option["value"] else ""), text)
    page.common(prose)
    return page


class Schema:
    def __init__(self, path):
        self.root = json.loads(pathlib.Path(path).read_text())

    def resolve(self, node):
        name = node.get("$ref")
        return {**self.root["$defs"][name.rsplit("/", 1)[1]], **node} if name else node

    def fields(self, node, prefix=""):
        """Dotted names in the order of the schema; tables before what is in them."""
        for name, inner in node.get("properties", {}).items():
            inner = self.resolve(inner)
            yield prefix + name, inner
            yield from self.fields(inner, f"{prefix}{name}.")
            if isinstance(inner.get("items"), dict):
                yield from self.fields(self.resolve(inner["items"]), f"{prefix}{name}[].")


def value_text(node):
    """Type, bounds and default, in the words of the file."""
    parts = []
    kinds = node.get("enum") and " or ".join(f'"{word}"' for word in node["enum"])
    kind = kinds or node.get("x-allowed") or {"size": 'a size, for example "512M"', "duration": 'a span of time, for example "30s" or "1h30m"', "path": "an absolute path"}.get(
        node.get("format")) or {"boolean": "true or false", "integer": "a whole number", "number": "a number", "array": "an array", "object": "a table"}.get(
        node.get("type") if isinstance(node.get("type"), str) else (node.get("type") or [""])[0], "a text")
    parts.append(kind)
    low, high = node.get("x-minimum", node.get("minimum")), node.get("x-maximum", node.get("maximum"))
    if low is not None or high is not None:
        parts.append(f"{low if low is not None else ''} to {high}" if high is not None else f"at least {low}")
    if "x-unset" in node:
        parts.append(f'or "{node["x-unset"]}"')
    if "default" in node and node["default"] != {}:
        parts.append(f"unless given: {json.dumps(node['default'])}")
    return "; ".join(parts)


def file_page(name, version, path):
    schema, prose = Schema(path), pages.PAGES[name]
    page = Page(name, prose["section"], version, prose["summary"])
    page.section("DESCRIPTION")
    page.text([schema.root["description"], *prose["description"]])
    page.section("FIELDS")
    for field, node in schema.fields(schema.root):
        is_table = "properties" in node
        if is_table:
            page.part(f"[{field}]")
            page.lines.append(wrapped(node["description"]))
        else:
            page.item(bold(field), f"{node['description']} ({value_text(node)})")
    page.common(prose)
    return page


def guide_page(name, version, _):
    prose = pages.PAGES[name]
    page = Page(name, prose["section"], version, prose["summary"])
    page.section("DESCRIPTION")
    page.text(prose["description"])
    for title, blocks in operations.CHAPTERS:
        page.chapter(title, blocks)
    page.common(prose)
    return page


def main():
    kind, name, version, source = sys.argv[1:5]
    {"tool": tool_page, "program": program_page, "file": file_page, "guide": guide_page}[kind](name, version, source).print()


if __name__ == "__main__":
    main()
