"""The guest's image, kept in the user's cache and built anew when its recipe changes."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import VmError

RECIPE = Path(__file__).resolve().parent / "recipe"
PROGRESS = RECIPE.parents[1] / "suites" / "lib" / "progress.py"
PARTS = ("root.img", "swap.img", "vmlinuz", "initrd")


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "chimerax-sandbox" / "vm"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def scratch_dir():
    """A folder for one run, on the cache's disk as /tmp may be small. Whoever makes one also
    removes those whose makers were killed: a lock that nobody holds gives them away."""
    cache = cache_dir()
    for old in cache.glob("run-*"):
        with contextlib.suppress(OSError), open(old / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="new-run-", dir=cache))
    with open(path / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Under its final name only with the lock held, so nobody sweeps it in between.
        path = path.rename(cache / path.name[len("new-"):])
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def recipe_digest():
    """Of names, modes and contents of all that the image is made of."""
    digest = hashlib.sha256()
    for path in sorted(p for p in RECIPE.rglob("*") if p.is_file()):
        mode = path.stat().st_mode & 0o111
        digest.update(f"{path.relative_to(RECIPE)}\0{bool(mode)}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _locked(path):
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_complete(folder):
    return all((folder / part).is_file() for part in PARTS)


def _build(target):
    """Into a scratch folder, then one rename: a killed build leaves no half-made image."""
    scratch = Path(tempfile.mkdtemp(prefix=".build-", dir=target.parent))
    try:
        command = [str(RECIPE / "build"), str(scratch), f"{os.getuid()}:{os.getgid()}"]
        if os.geteuid() != 0:
            command = ["sudo", *command]
        # Our stdout may be the output of the job that this image is for.
        log = scratch / "log"
        if subprocess.run([PROGRESS, "vm: the image", log, *command], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode:
            sys.stderr.write(log.read_text(errors="replace"))
            raise VmError("building the guest's image failed; cure: see the messages above, "
                          "then `tools/setup vm` and `tools/vm build`")
        if target.exists():
            target.rename(scratch / "replaced")
        (scratch / "done").mkdir()
        for part in PARTS:
            (scratch / part).rename(scratch / "done" / part)
        (scratch / "done").rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sweep(cache, keep):
    """Removes images of older recipes and what a killed build left. The lock is held, and
    a machine that runs on an older image has its files open, so it does not notice."""
    for path in list(cache.glob("image-*")) + list(cache.glob(".build-*")):
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)


def ensure(fresh=False):
    """The folder that holds PARTS for the present recipe; builds it where needed."""
    cache = cache_dir()
    target = cache / f"image-{recipe_digest()}"
    if _is_complete(target) and not fresh:
        return target
    with _locked(cache / "build.lock"):
        if _is_complete(target) and not fresh:
            return target
        _sweep(cache, target)
        print("vm: building the guest's image (about a minute)", file=sys.stderr, flush=True)
        start = time.monotonic()
        _build(target)
        print(f"vm: built {target} in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return target
