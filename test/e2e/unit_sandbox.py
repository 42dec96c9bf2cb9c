# SPDX-License-Identifier: Apache-2.0
"""Runs a program under the fences of a systemd unit, without systemd as process 1.

usage: unit_sandbox.py UNIT-FILE WRITABLE-DIRECTORY PROGRAM [ARGUMENTS]
Applied as systemd 252 applies them: SystemCallFilter (sets as `systemd-analyze syscall-filter` lists
them), MemoryDenyWriteExecute, RestrictAddressFamilies, RestrictNamespaces, RestrictRealtime,
RestrictSUIDSGID as seccomp filters; CapabilityBoundingSet= (empty), NoNewPrivileges, UMask,
LimitNOFILE; as root also ProtectSystem=strict: a private mount namespace in which only
WRITABLE-DIRECTORY can be written to. Stricter than the unit in one point: a system call it would answer
with an error kills the program with SIGSYS here, so that a test sees it.
"""
import ctypes
import ctypes.util
import errno
import functools
import os
import pathlib
import resource
import subprocess
import sys

ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
NE, LT, LE, EQ, GE, GT, MASKED_EQ = range(1, 8)
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
FAMILY_MAX = 45
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
NAMESPACE_FLAGS = (0x02000000, 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
SCHED_BATCH_IDLE_OTHER = (0, 3, 5)
PR_CAPBSET_DROP, CLONE_NEWNS = 24, 0x00020000


class ArgCmp(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def library():
    """libseccomp, which systemd itself needs; None where it is missing."""
    name = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
    try:
        lib = ctypes.CDLL(name, use_errno=True)
    except OSError:
        return None
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_init.argtypes = [ctypes.c_uint32]
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    return lib


def settings(unit_text):
    """{directive: [values in order]} of the unit."""
    out = {}
    for line in unit_text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            out.setdefault(key.strip(), []).append(value.strip())
    return out


@functools.cache
def members(name):
    """System calls of a set, with the sets it includes."""
    if not name.startswith("@"):
        return frozenset([name])
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], check=True,
                            capture_output=True, text=True).stdout.splitlines()[1:]
    words = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return frozenset().union(*(members(word) for word in words))


def allowed_calls(unit):
    """What SystemCallFilter leaves: a first list that allows, later ones that add or take away (~)."""
    allowed = set(members("@default"))
    for value in unit["SystemCallFilter"]:
        names = frozenset().union(*(members(word) for word in value.lstrip("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


class Filter:
    """One seccomp program. `default` is what happens to calls without a rule."""

    def __init__(self, lib, default):
        self.lib, self.context = lib, lib.seccomp_init(default)
        assert self.context, "seccomp_init failed"

    def rule(self, action, call, *conditions):
        number = self.lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture, or newer than the library
        array = (ArgCmp * max(1, len(conditions)))(*[ArgCmp(*c) for c in conditions])
        result = self.lib.seccomp_rule_add_array(self.context, action, number, len(conditions), array)
        assert result in (0, -errno.EACCES, -errno.EEXIST), f"{call}: {os.strerror(-result)}"

    def load(self):
        result = self.lib.seccomp_load(self.context)
        assert result == 0, f"seccomp_load: {os.strerror(-result)}"


def answer(error):
    return 0x00050000 | error


def load_filters(unit):
    lib = library()
    assert lib is not None, "libseccomp is not installed"
    fences = Filter(lib, ALLOW)
    if unit.get("MemoryDenyWriteExecute") == ["yes"]:
        # Answered, as by systemd: PCRE2 asks for such memory for its compiler and then interprets.
        fences.rule(answer(errno.EPERM), "mmap", (2, MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC))
        fences.rule(KILL_PROCESS, "mprotect", (2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
        fences.rule(KILL_PROCESS, "pkey_mprotect", (2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
        fences.rule(KILL_PROCESS, "shmat", (2, MASKED_EQ, SHM_EXEC, SHM_EXEC))
    families = {FAMILIES[name] for name in unit["RestrictAddressFamilies"][0].split()}
    for family in range(FAMILY_MAX + 1):
        if family not in families:
            # Answered, as by systemd: libc asks netlink for interfaces and manages without.
            fences.rule(answer(errno.EAFNOSUPPORT), "socket", (0, EQ, family, 0))
    fences.rule(answer(errno.EAFNOSUPPORT), "socket", (0, GT, FAMILY_MAX, 0))
    if unit.get("RestrictNamespaces") == ["yes"]:
        for flag in NAMESPACE_FLAGS:
            fences.rule(KILL_PROCESS, "clone", (0, MASKED_EQ, flag, flag))
        fences.rule(KILL_PROCESS, "unshare")
        fences.rule(KILL_PROCESS, "setns")
        fences.rule(answer(errno.ENOSYS), "clone3")  # its flags cannot be looked at: libc asks clone then
    if unit.get("RestrictRealtime") == ["yes"]:
        fences.rule(KILL_PROCESS, "sched_setscheduler", (1, GT, max(SCHED_BATCH_IDLE_OTHER), 0))
        for policy in range(max(SCHED_BATCH_IDLE_OTHER)):
            if policy not in SCHED_BATCH_IDLE_OTHER:
                fences.rule(KILL_PROCESS, "sched_setscheduler", (1, EQ, policy, 0))
    if unit.get("RestrictSUIDSGID") == ["yes"]:
        for call, arg in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2)):
            for bit in (0o4000, 0o2000):
                fences.rule(KILL_PROCESS, call, (arg, MASKED_EQ, bit, bit))
        fences.rule(answer(errno.ENOSYS), "openat2")
    fences.load()
    calls = Filter(lib, KILL_PROCESS)
    for call in sorted(allowed_calls(unit)):
        calls.rule(ALLOW, call)
    calls.load()


def close_the_file_system(writable):
    """ProtectSystem=strict: everything read-only but `writable` (and /dev, /proc, /sys as they are)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNS)")
    for command in (["mount", "--make-rprivate", "/"], ["mount", "--bind", writable, writable],
                    ["mount", "-o", "remount,bind,ro", "/"]):
        subprocess.run(command, check=True)


def drop_capabilities():
    """CapabilityBoundingSet=: after the next execve not even root has one."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def main():
    unit = settings(pathlib.Path(sys.argv[1]).read_text())
    assert unit.get("CapabilityBoundingSet") == [""] and unit.get("ProtectSystem") == ["strict"], unit
    allowed_calls(unit)  # asks systemd-analyze while that can still be run
    if os.geteuid() == 0:
        close_the_file_system(sys.argv[2])
        drop_capabilities()
    os.umask(int(unit["UMask"][0], 8))
    files = int(unit["LimitNOFILE"][0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), min(files, hard)))
    load_filters(unit)
    os.execv(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()
