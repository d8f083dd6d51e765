"""Which accelerator QEMU gets: KVM only where a small boot has proved it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import image

TCG = ["-accel", "tcg,thread=multi"]
KVM = ["-accel", "kvm", "-cpu", "host"]
PROBE_SECONDS = 20


def _kvm_boots(parts):
    """/dev/kvm that opens proves nothing: nested ones exist that hang at the first exit."""
    with tempfile.TemporaryDirectory(prefix="sandbox-vm-probe-") as scratch:
        console = Path(scratch) / "console"
        command = [
            "setpriv", "--pdeathsig", "KILL", "--",
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-m", "256", "-nic", "none", *KVM,
            "-kernel", str(parts / "vmlinuz"), "-initrd", str(parts / "initrd"),
            "-append", "quiet console=ttyS0 panic=-1 sandbox.probe",
            "-serial", f"file:{console}",
        ]
        probe = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            probe.wait(timeout=PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            probe.kill()
            try:
                probe.wait(timeout=10)
            except subprocess.TimeoutExpired:
                pass  # Stuck in the kernel: no reason to wait, and no reason to trust it.
            return False
        return console.exists() and b"sandbox-vm-alive" in console.read_bytes()


def choose(parts):
    """QEMU's arguments. The verdict is kept for this host kernel and this guest kernel."""
    forced = os.environ.get("SANDBOX_VM_ACCEL", "")
    if forced in ("tcg", "kvm"):
        return {"tcg": TCG, "kvm": KVM}[forced]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    verdict = image.cache_dir() / f"kvm-{os.uname().release}"
    if not verdict.exists():
        print(f"vm: asking /dev/kvm for a first boot (at most {PROBE_SECONDS} s, once)",
              file=sys.stderr, flush=True)
        answer = "boots" if _kvm_boots(parts) else "fails"
        scratch = verdict.with_name(f"{verdict.name}.{os.getpid()}")
        scratch.write_text(answer + "\n", encoding="ascii")
        scratch.rename(verdict)
    return KVM if verdict.read_text(encoding="ascii").strip() == "boots" else TCG
