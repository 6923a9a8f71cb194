"""Runs one program as an unprivileged user, for servers that refuse to run as root.

Called as a script by root: `python unprivileged.py UID GID SEARCH COMMAND...`; it becomes the command.

Rules kept here
- No user is created on the machine and no permission of a folder is widened.
- With SEARCH=1 the command keeps one single power of root, to walk through and read folders (CAP_DAC_READ_SEARCH, else
  CAP_DAC_OVERRIDE). It is asked for only where the program or its data lie below a folder such as /root that others may
  not enter.
"""

from __future__ import annotations

import ctypes
import os
import sys

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
PR_SET_SECUREBITS, PR_CAPBSET_READ, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 28, 23, 47, 2
SECBIT_NO_SETUID_FIXUP, SECBIT_KEEP_CAPS = 0x4, 0x10
CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _prctl(libc: ctypes.CDLL, *arguments: int) -> int:
    result = int(libc.prctl(*[ctypes.c_ulong(argument) for argument in arguments]))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"prctl{arguments} was refused")
    return result


def become(uid: int, gid: int, *, search: bool) -> None:
    """Turns this process into the given user; with `search` it keeps the power to enter closed folders.

    raises  OSError when the machine does not grant it (a container without that capability)
    """
    libc = ctypes.CDLL(None, use_errno=True)
    capability = CAP_DAC_READ_SEARCH if _prctl(libc, PR_CAPBSET_READ, CAP_DAC_READ_SEARCH) else CAP_DAC_OVERRIDE
    if search:
        # Without NO_SETUID_FIXUP access(2) ignores the kept capability, and PostgreSQL asks it for its own binaries.
        _prctl(libc, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if search:
        header, data = _Header(CAPABILITY_VERSION_3, 0), (_Data * 2)()
        data[0].effective = data[0].permitted = data[0].inheritable = 1 << capability
        if libc.capset(ctypes.byref(header), data) < 0:
            raise OSError(ctypes.get_errno(), "capset was refused")
        _prctl(libc, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def main() -> None:
    uid, gid, search, *command = sys.argv[1:]
    become(int(uid), int(gid), search=search == "1")
    os.execv(command[0], command)  # noqa: S606  the whole purpose


if __name__ == "__main__":
    main()
