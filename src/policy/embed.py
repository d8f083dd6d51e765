#!/usr/bin/env python3
"""Writes a header with the text of each file as a constant: embed.py OUTPUT NAME=FILE..."""
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("#pragma once\n\n#include <string_view>\n\nnamespace sandbox::policy::embedded {\n")
    for pair in sys.argv[2:]:
        name, path = pair.split("=", 1)
        with open(path, encoding="utf-8") as source:
            text = source.read()
        assert ')embedded"' not in text
        out.write(f'\ninline constexpr std::string_view {name} = R"embedded({text})embedded";\n')
    out.write("\n} // namespace sandbox::policy::embedded\n")
