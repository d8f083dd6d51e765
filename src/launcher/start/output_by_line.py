"""What scripts print comes out line by line, and is there after a crash.

ChimeraX runs this at each start, as CHIMERAX_START leads here. Its Python would keep some thousand bytes back, as
it writes into pipes, and as it is an isolated one, PYTHONUNBUFFERED says nothing to it.
"""

import sys

for stream in (sys.stdout, sys.stderr):
    if hasattr(stream, "reconfigure"):  # a script or a bundle may have put another object there
        stream.reconfigure(line_buffering=True)
