#!/bin/sh
# stage.sh BUILD FOLDER: installs a build into a folder that every user can read, as the manager is not root.
set -eu
mkdir -p "$2"
chmod 755 "$2"
DESTDIR="$2" meson install -C "$1" --no-rebuild --quiet --strip
