#!/usr/bin/env python3
"""intruder.py PID GROUP [PROTECTION...]: a process of the host's that enters the sandbox of a process and confines itself as those in it
are, but for the protections that are named. Prints "in" once it is there, and goes when its standard input ends."""

import ctypes
import os
import pathlib
import resource
import signal
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
NAMESPACES = ("net", "ipc", "uts", "cgroup", "mnt", "user")  # user last: only before it may one enter the others
LIMITS = {resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 1 << 30, resource.RLIMIT_MEMLOCK: 65536,
          resource.RLIMIT_MSGQUEUE: 819200, resource.RLIMIT_NICE: 0, resource.RLIMIT_RTPRIO: 0}
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 28, 38
SECBIT_NO_SETUID_FIXUP, INSIDE_UID = 4, 1000


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def prctl(option, argument):
    check(LIBC.prctl(option, ctypes.c_ulong(argument), 0, 0, 0), f"prctl {option}")


def allow_all():
    """The shortest seccomp filter: BPF_RET | BPF_K with SECCOMP_RET_ALLOW."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000), 8)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
    check(LIBC.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), program, 0, 0), "seccomp")


def confine(namespaces, last_capability, without):
    for kind, descriptor in namespaces.items():
        if kind == "user":
            os.setgroups([])
        check(LIBC.setns(descriptor, 0), f"setns {kind}")
        os.close(descriptor)
    if "uid" not in without:
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
        os.setresgid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
        os.setresuid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
    if "seccomp" not in without:
        allow_all()
    if "bounding" not in without:
        for number in range(last_capability + 1):
            prctl(PR_CAPBSET_DROP, number)
    header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
    check(LIBC.capset(header, ctypes.create_string_buffer(24)), "capset")
    if "no_new_privs" not in without:
        prctl(PR_SET_NO_NEW_PRIVS, 1)


def main():
    pid, group, without = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    last_capability = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text())
    leak = os.open("/etc/passwd", os.O_RDONLY)
    procs = os.open(group / "cgroup.procs", os.O_WRONLY)
    pathlib.Path("/proc/self/oom_score_adj").write_text("0" if "oom_score_adj" in without else "300")
    for kind, value in LIMITS.items():
        if "limits" not in without or kind != resource.RLIMIT_NOFILE:
            resource.setrlimit(kind, (value, value))
    namespaces = {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in NAMESPACES if kind not in without}
    if "pid" not in without:
        pids = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY)
        check(LIBC.setns(pids, 0), "setns pid")  # for the child
        os.close(pids)
    child = os.fork()
    if child == 0:
        os.write(procs, b"0")
        os.close(procs)
        if "descriptors" not in without:
            os.close(leak)
        confine(namespaces, last_capability, without)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of the uid, which clears it
        os.write(1, b"in\n")
        while True:
            signal.pause()
    sys.stdin.read()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
