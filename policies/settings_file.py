#!/usr/bin/env python3
"""Writes a file of settings from its schema, each key with its sentence and commented out at its default: settings_file.py SCHEMA"""
import json
import pathlib
import sys
import textwrap


def comment(text):
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def key_line(name, node, required):
    """JSON's strings, numbers, booleans and flat arrays are TOML's, too."""
    if required:
        assert node["type"] == "array", f"{name}: what an empty value of this type is"
        return f"{name} = []"
    return f"#{name} = {json.dumps(node['default'], ensure_ascii=False)}"


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())

    def resolve(node):
        return {**schema["$defs"][node["$ref"].rsplit("/", 1)[1]], **node} if "$ref" in node else node

    def tables_of(node, name=""):
        """(name, description, keys): a table's own keys stand before the tables in it."""
        members = {key: resolve(inner) for key, inner in node["properties"].items()}
        yield name, node, {key: inner for key, inner in members.items() if "properties" not in inner}
        for key, inner in members.items():
            if "properties" in inner:
                yield from tables_of(inner, f"{name}.{key}" if name else key)

    print(comment(schema["description"]))
    print("#")
    print(comment("Every key stands here with its default, commented out: take the # away from those that you change."))
    for name, table, keys in tables_of(schema):
        if name:
            print(f"\n{comment(table['description'])}\n[{name}]")
        for key, node in keys.items():
            print(f"\n{comment(node['description'])}\n{key_line(key, node, key in table.get('required', []))}")


if __name__ == "__main__":
    main()
