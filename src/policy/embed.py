#!/usr/bin/env python3
"""Writes a header with the text of each file as a constant: embed.py OUTPUT NAMESPACE NAME=FILE..."""
import sys
import textwrap

with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("#pragma once\n\n#include <string_view>\n\n")
    out.write(f"namespace sandbox::{sys.argv[2]}::embedded {{\n")
    for pair in sys.argv[3:]:
        name, path = pair.split("=", 1)
        with open(path, "rb") as source:
            content = source.read()
        # As characters: C++ compilers need not take string literals over 65,536 bytes.
        characters = textwrap.fill(", ".join(str(byte if byte < 128 else byte - 256) for byte in content), 110)
        out.write(f"\ninline constexpr char {name}Bytes[] = {{\n{characters}}};\n")
        out.write(f"inline constexpr std::string_view {name}({name}Bytes, sizeof {name}Bytes);\n")
    out.write(f"\n}} // namespace sandbox::{sys.argv[2]}::embedded\n")
