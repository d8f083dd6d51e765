#!/bin/sh
# embed_init.sh PROGRAM OUTPUT.cpp: a source file that links the bytes of sandbox-init into the launcher.
set -eu
strip -o "$1.stripped" "$1"
cat > "$2" <<EOF
asm(".section .rodata\n"
    ".global sandbox_init_image_begin\n"
    ".global sandbox_init_image_end\n"
    "sandbox_init_image_begin:\n"
    ".incbin \"$(realpath "$1.stripped")\"\n"
    "sandbox_init_image_end:\n"
    ".byte 0\n"
    ".previous\n");
EOF
