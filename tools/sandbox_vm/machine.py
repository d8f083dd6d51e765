"""One run of the virtual machine: a throw-away snapshot, one job, its output and status."""

import os
import selectors
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional

from . import VmError, accel, image

TIMED_OUT = 124
MACHINE_FAILED = 125

KERNEL_ARGUMENTS = [
    "selinux=0", "console=ttyS0", "quiet", "panic=-1", "mitigations=off", "nokaslr",
    "systemd.unified_cgroup_hierarchy=1", "systemd.show_status=false", "psi=1", "swapaccount=1",
    "random.trust_cpu=on", "apparmor=0", "audit=0",
    # A host under load delays the emulated timer, which the kernel would take for a broken one, and panic.
    "no_timer_check",
]


@dataclass
class Job:
    command: List[str]
    timeout: float = 600
    shares: List[str] = field(default_factory=list)
    out: Optional[str] = None
    memory_mb: int = 2048
    cpus: int = 2
    console: Optional[str] = None
    boots: int = 1


def _disk(serial, path, read_only=False):
    mode = "read-only=on" if read_only else "snapshot=on,cache=unsafe"
    return ["-drive", f"if=none,id={serial},format=raw,file={path},{mode}",
            "-device", f"virtio-blk-pci,drive={serial},serial={serial}"]


def _share_image(shares, scratch):
    """An ext4 file system of the shares: DIR at /share, DIR:NAME at /share/NAME."""
    tree = scratch / "share"
    tree.mkdir()
    for share in shares:
        folder, _, name = share.partition(":")
        if not os.path.isdir(folder):
            raise VmError(f"--share {share}: {folder} is not a folder")
        target = tree / name if name else tree
        subprocess.run(["cp", "-a", "--reflink=auto", f"{folder}/.", str(target)], check=True)
    used_kb = int(subprocess.run(["du", "-sk", str(tree)], check=True, stdout=subprocess.PIPE)
                  .stdout.split()[0])
    disk = scratch / "share.img"
    with open(disk, "wb") as file:
        file.truncate((used_kb + used_kb // 5 + 16 * 1024) * 1024)
    command = ["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-d", str(tree), str(disk)]
    if os.geteuid() != 0:
        # In the guest the files are root's, as an installation's are.
        command = ["unshare", "--map-root-user", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return disk


def _job_image(command, scratch):
    script = " ".join(shlex.quote(word) for word in command).encode() + b"\n"
    disk = scratch / "job.img"
    disk.write_bytes(script.ljust(-(-len(script) // 4096) * 4096, b"\0"))
    return disk


def _qemu(parts, accelerator, job, disks, extra, kernel_arguments):
    return [
        # A killed tool must not leave a machine behind.
        "setpriv", "--pdeathsig", "KILL", "--",
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
        *(["-no-reboot"] if job.boots == 1 else []), "-machine", "pc,usb=off,smbus=off,vmport=off", *accelerator,
        "-smp", str(job.cpus), "-m", str(job.memory_mb), "-nic", "none",
        "-kernel", str(parts / "vmlinuz"), "-initrd", str(parts / "initrd"),
        "-append", " ".join(KERNEL_ARGUMENTS + kernel_arguments),
        *_disk("root", parts / "root.img"), *_disk("swap", parts / "swap.img"), *disks,
        "-device", "virtio-rng-pci", *extra,
    ]


class _Ports:
    """Virtio-serial ports, each a socket pair: our end, and the end that QEMU inherits."""

    def __init__(self, names):
        self.ours = {}
        self.theirs = {}
        for name in names:
            self.ours[name], self.theirs[name] = socket.socketpair()

    def arguments(self):
        arguments = ["-device", "virtio-serial-pci"]
        for name, end in self.theirs.items():
            arguments += ["-chardev", f"socket,id={name},fd={end.fileno()}",
                          "-device", f"virtserialport,chardev={name},name=sandbox.{name}"]
        return arguments

    def descriptors(self):
        return [end.fileno() for end in self.theirs.values()]

    def close(self):
        for end in [*self.ours.values(), *self.theirs.values()]:
            end.close()


class _Run:
    def __init__(self, accelerator, ports, archive, boots):
        self.accelerator = accelerator
        self.ports = ports
        self.archive = archive
        self.boots_left = boots
        self.start = time.monotonic()
        self.status = None
        self.booted = False
        self.pending = b""

    def _control(self, data):
        self.pending += data
        while b"\n" in self.pending:
            line, self.pending = self.pending.split(b"\n", 1)
            word, _, value = line.decode("ascii", "replace").partition(" ")
            if word == "ready":
                if self.boots_left == 0:
                    raise VmError("the guest was reset more often than --boots allows")
                self.boots_left -= 1
                how = "again after" if self.booted else "in"
                self.booted = True
                took = time.monotonic() - self.start
                print(f"vm: booted {how} {took:.1f} s ({self.accelerator})", file=sys.stderr, flush=True)
            elif word == "exit":
                self.status = int(value)
                self.ports.ours["control"].sendall(b"end\n")

    def _stream(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def follow(self, deadline):
        """Until QEMU has closed every port, which it does when it ends. False: too late."""
        handlers = {"control": self._control, "stream": self._stream}
        if self.archive:
            handlers["out"] = self.archive.write
        with selectors.DefaultSelector() as selector:
            for name, handler in handlers.items():
                selector.register(self.ports.ours[name], selectors.EVENT_READ, handler)
            while selector.get_map():
                left = deadline - time.monotonic()
                events = selector.select(left) if left > 0 else []
                if not events:
                    return False
                for key, _ in events:
                    try:
                        data = key.fileobj.recv(1 << 16)
                    except ConnectionResetError:
                        data = b""
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
        return True


def _console_tail(console, lines=40):
    text = console.read_text(errors="replace") if console.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _stop(process):
    if process.poll() is None:
        process.kill()
    process.wait()


def run(job):
    """The exit status of the job's command, TIMED_OUT or MACHINE_FAILED."""
    parts = image.ensure()
    accelerator = accel.choose(parts)
    deadline = time.monotonic() + job.timeout
    with image.scratch_dir() as scratch:
        console = Path(job.console) if job.console else scratch / "console"
        disks = _disk("job", _job_image(job.command, scratch), read_only=True)
        if job.shares:
            disks += _disk("share", _share_image(job.shares, scratch), read_only=True)
        optional = [name for name, given in (("share", job.shares), ("out", job.out)) if given]
        ports = _Ports(["control", "stream"] + (["out"] if job.out else []))
        extra = ports.arguments() + ["-serial", f"file:{console}"]
        command = _qemu(parts, accelerator, job, disks, extra, [f"sandbox.job={','.join(optional)}", "systemd.getty_auto=no"])
        archive = open(scratch / "out.tar", "wb") if job.out else None
        # QEMU's snapshots go to TMPDIR, already unlinked there.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr,
                                   pass_fds=ports.descriptors(), env={**os.environ, "TMPDIR": str(scratch)})
        try:
            for end in ports.theirs.values():
                end.close()
            state = _Run(accelerator[1].partition(",")[0], ports, archive, job.boots)
            in_time = state.follow(deadline)
        finally:
            _stop(process)
            ports.close()
            if archive:
                archive.close()
        if state.status is not None:
            if job.out:
                _unpack(scratch / "out.tar", job.out)
            return state.status
        what = f"did not end within {job.timeout:g} s" if not in_time else "ended without a status"
        where = "the job" if state.booted else "the guest, which never became ready,"
        print(f"vm: {where} {what}; the end of its console:\n{_console_tail(console)}", file=sys.stderr)
        return TIMED_OUT if not in_time else MACHINE_FAILED


def _unpack(archive, target):
    os.makedirs(target, exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            if member.name.startswith("/") or ".." in parts or not (member.isfile() or member.isdir()):
                continue  # Files and folders only: nothing of a guest may point outside.
            member.mode = (member.mode & 0o777) | 0o600 | (0o100 if member.isdir() else 0)
            tar.extract(member, target, set_attrs=not member.isdir())


def shell(job):
    """A root shell of a throw-away guest on this terminal. Ends with `exit`."""
    parts = image.ensure()
    accelerator = accel.choose(parts)
    with image.scratch_dir() as scratch:
        disks = _disk("job", _job_image(job.command, scratch), read_only=True) if job.command else []
        if job.shares:
            disks += _disk("share", _share_image(job.shares, scratch), read_only=True)
        command = _qemu(parts, accelerator, job, disks, ["-serial", "mon:stdio"],
                        ["systemd.wants=serial-getty@ttyS0.service"])
        print("vm: a root shell follows; `exit` or Ctrl-A X ends it. What was shared is in /share.", file=sys.stderr)
        return subprocess.run(command, env={**os.environ, "TMPDIR": str(scratch)}, check=False).returncode
