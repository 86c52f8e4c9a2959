"""The last step into the sandbox: gives up every right, then becomes the process that was asked for.

Runs inside the sandbox by our own interpreter with `-I -S`, so that nothing of a model or its environment runs before
all rights are gone. Standard library only; it is told what to do by JSON on the descriptor that is its argument.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Any

PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2
# Landlock has the same numbers everywhere; from its second version on, files can still be moved between folders.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH, NEEDED_VERSION = 1, 1, 2
MAKE_BLOCK, REFER = 1 << 11, 1 << 13
LAST_CAPABILITY = 63
EPERM, ENOSYS = 1, 38
KILL, ALLOW, REFUSE = 0x80000000, 0x7FFF0000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
# Unix, IPv4, IPv6 and netlink live in a network namespace; others, such as those of virtual machines, do not.
FAMILIES = (1, 2, 10, 16)
NEW_NAMESPACES = 0x7E020000
FOREIGN_ABI = 0x40000000
# By architecture: its audit number, `clone`, `clone3`, `socket`, and calls that no model needs: they trace others,
# mount, load into the kernel, keep keys, make namespaces, or have been its weak places.
SYSTEM_CALLS: Mapping[str, tuple[int, int, int, int, str]] = {
    "x86_64": (
        *(0xC000003E, 56, 435, 41),
        "101 155 161 163 164 165 166 167 168 169 170 175 176 179 212 246 248 249 250 272 298 303 304 308 310 311 313 "
        "320 321 323 425 426 427 428 429 430 431 432 433 442",
    ),
    "aarch64": (
        *(0xC00000B7, 220, 435, 198),
        "18 39 40 41 51 60 89 97 104 105 106 117 142 161 170 217 218 219 224 225 241 264 265 268 270 271 273 280 282 "
        "294 425 426 427 428 429 430 431 432 433 442",
    ),
}


def main(descriptor: int) -> None:
    with os.fdopen(descriptor, "rb") as file:
        told = json.load(file)
    libc = ctypes.CDLL(None, use_errno=True)
    for name, value in told["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if told["uid"] is not None:
        _become(libc, told["uid"])
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if told["uid"] is None:
        _close_memory_of_others(libc)
    _filter_system_calls(libc)
    os.umask(0o077)
    os.chdir(told["folder"])
    os.execve(told["command"][0], told["command"], told["environment"])  # noqa: S606  (in its place)


def _become(libc: Any, uid: int) -> None:
    """A real user that owns nothing, without groups and capabilities, for good."""
    os.setgroups([])
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _close_memory_of_others(libc: Any) -> None:
    """Bubblewrap's first process is of the same user and has neither filter nor limits: it must not be taken over.

    Whoever is restricted by Landlock, be it only in what nobody does here, reaches the memory of none who is not.
    """
    if libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION) < NEEDED_VERSION:
        return
    handled = struct.pack("Q", MAKE_BLOCK | REFER)
    rules = libc.syscall(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    root = os.open("/", os.O_PATH)
    libc.syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", REFER, root), 0)
    libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(root)
    os.close(rules)


def _filter_system_calls(libc: Any) -> None:
    """Elsewhere than on the architectures of the table there is no filter, as its probe tells."""
    known = SYSTEM_CALLS.get(platform.machine())
    if known is None:
        return
    code = ctypes.create_string_buffer(_program(*known))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(code))
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(program), 0, 0)


def _program(architecture: int, clone: int, clone3: int, socket: int, refused: str) -> bytes:
    """A list of refusals; each is a comparison that jumps over the refusal after it."""
    steps = [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, architecture, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        *_refuse_when(AT_LEAST, FOREIGN_ABI),
        *_refuse_when(EQUAL, clone3, ENOSYS),
    ]
    for number in refused.split():
        steps += _refuse_when(EQUAL, int(number))
    steps += [_step(EQUAL, clone, 0, 4), _step(LOAD, FIRST_ARGUMENT), *_refuse_when(ANY_BIT, NEW_NAMESPACES)]
    steps += [_step(RETURN, ALLOW), _step(EQUAL, socket, 0, len(FAMILIES) + 2), _step(LOAD, FIRST_ARGUMENT)]
    steps += [_step(EQUAL, family, len(FAMILIES) - place, 0) for place, family in enumerate(FAMILIES)]
    steps += [_step(RETURN, REFUSE | EPERM), _step(RETURN, ALLOW)]
    return b"".join(steps)


def _refuse_when(comparison: int, value: int, error: int = EPERM) -> list[bytes]:
    return [_step(comparison, value, 0, 1), _step(RETURN, REFUSE | error)]


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, value)


if __name__ == "__main__":
    main(int(sys.argv[1]))
