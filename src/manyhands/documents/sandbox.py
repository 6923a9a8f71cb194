"""Locks the calling process in before it touches a stranger's bytes.

Rules kept here
- Locking comes after imports and before the first byte is parsed; it cannot be undone by the process itself.
- Every lock is tried on its own: a machine that lacks one still gets the others, and ``Locks`` says which hold.
- No file may be opened (Landlock), none may be written (RLIMIT_FSIZE 0), no process started (RLIMIT_NPROC 0 where not
  root, and no executable can be opened), no network reached (own empty network namespace, and Landlock where it knows
  TCP), memory and CPU are bounded (RLIMIT_AS, RLIMIT_CPU).

Source: landlock(7), unshare(2), setrlimit(2), prctl(2).
"""

from __future__ import annotations

import ctypes
import resource
import struct
import sys
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_SYS_LANDLOCK_CREATE_RULESET = 444
_SYS_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# Rights over files that each ABI version of Landlock knows, and rights over TCP from version 4.
_LANDLOCK_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_LANDLOCK_NET_RIGHTS = 0b11


@dataclass(frozen=True)
class Locks:
    """Which locks hold."""

    no_network: bool
    no_files: bool
    limits: bool


def lock_in(*, memory_bytes: int, cpu_seconds: int) -> Locks:
    """Locks this process in; see the module's rules. Works on Linux, elsewhere only the limits are set.

    memory_bytes  address space that may be mapped in all
    cpu_seconds   CPU time after which the kernel kills the process
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    if not sys.platform.startswith("linux"):
        return Locks(no_network=False, no_files=False, limits=True)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    no_network = libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    no_files = _landlock(libc)
    return Locks(no_network=no_network, no_files=no_files, limits=True)


def _landlock(libc: ctypes.CDLL) -> bool:
    """Forbids every file and every TCP connection; False where the kernel does not offer it."""
    version = int(libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION))
    if version < 1:
        return False
    rights = struct.pack("<Q", _LANDLOCK_FS_RIGHTS[min(version, max(_LANDLOCK_FS_RIGHTS))])
    if version >= 4:
        rights += struct.pack("<Q", _LANDLOCK_NET_RIGHTS)
    ruleset = int(libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, rights, len(rights), 0))
    if ruleset < 0:
        return False
    return int(libc.syscall(_SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0)) == 0
