#!/bin/sh
# embed_init.sh PROGRAM OUTPUT.cpp: a source file that links the bytes of sandbox-init into the launcher.
set -eu
strip -o "$1.stripped" "$1"
cat > "$2" <<EOF
asm(".section .rodata\n"
    ".global kSandboxInitImageBegin\n"
    ".global kSandboxInitImageEnd\n"
    "kSandboxInitImageBegin:\n"
    ".incbin \"$(realpath "$1.stripped")\"\n"
    "kSandboxInitImageEnd:\n"
    ".byte 0\n"
    ".previous\n");
EOF
