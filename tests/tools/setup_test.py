#!/usr/bin/env python3
"""tools/setup installs what is missing, tells how far it is, and leaves the packages' scripts a standard output."""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from stack import Tap  # noqa: E402

# As apt does it: the descriptor of the progress is closed for what it runs.
APT_GET = r"""#!/bin/bash
[[ " $* " == *' install '* ]] || exit 0
number=$(sed -n 's/.*APT::Status-Fd=\([0-9]*\).*/\1/p' <<<"$*")
echo 'Unpacking, which nobody wants to read'
echo 'pmstatus:meson:42.0:Installing meson (amd64)' >&"$number"
(eval "exec $number>&-"; echo configured) || exit 100
"""
DPKG_QUERY = "#!/bin/sh\nexit 0\n"
# It leaves out what tools/setup would change of the host itself.
SUDO = "#!/bin/bash\n[[ $* == *policy-rc.d* ]] || exec \"$@\"\n"


def setup(apt_get):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("apt-get", apt_get), ("dpkg-query", DPKG_QUERY), ("sudo", SUDO)):
            path = pathlib.Path(folder, name)
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return subprocess.run([TOP / "tools/setup", "build"], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SANDBOX_PROGRESS_SECONDS": "0"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def lets_scripts_write():
    done = setup(APT_GET)
    assert done.returncode == 0, done
    assert "setup: installing" in done.stdout and "setup: 42 % Installing meson (amd64)" in done.stdout, done
    assert "Unpacking" not in done.stdout + done.stderr and "configured" not in done.stdout, done


def tells_a_failure():
    done = setup(APT_GET + "echo 'E: no room' >&2; exit 100\n")
    assert done.returncode == 2, done
    assert "E: no room" in done.stderr and "apt-get could not install" in done.stderr, done


def main():
    tap = Tap()
    for name, function in (("a package whose script writes is installed, and what it writes is not shown", lets_scripts_write),
                           ("a failure is told with what apt said", tells_a_failure)):
        tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
