#!/usr/bin/env python3
"""Writes a header with files as bytes, each by its name and with its ETag: embed.py OUTPUT [FILE]..."""
import hashlib
import os
import sys
import textwrap

with open(sys.argv[1], "w", encoding="utf-8") as out:
    rows = []
    out.write("#pragma once\n\n#include <array>\n#include <string_view>\n\n")
    out.write("namespace sandbox::api::embedded {\n\n")
    out.write("struct DashboardFile {\n    std::string_view name, etag, content;\n};\n")
    for number, path in enumerate(sys.argv[2:]):
        with open(path, "rb") as source:
            content = source.read()
        # As characters: C++ compilers need not take string literals over 65,536 bytes.
        characters = textwrap.fill(", ".join(str(byte if byte < 128 else byte - 256) for byte in content), 110)
        out.write(f"\ninline constexpr char kDashboardBytes{number}[] = {{\n{characters}}};\n")
        tag = hashlib.sha256(content).hexdigest()[:32]
        rows.append(f'    {{"{os.path.basename(path)}", "\\"{tag}\\"", {{kDashboardBytes{number}, sizeof kDashboardBytes{number}}}}},\n')
    out.write(f"\ninline constexpr std::array<DashboardFile, {len(rows)}> kDashboard{{")
    out.write("{\n" + "".join(rows) + "}};\n" if rows else "};\n")
    out.write("\n} // namespace sandbox::api::embedded\n")
