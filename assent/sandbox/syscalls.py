"""The numbers of the system calls that sandboxed code may make, on each architecture.

What is not named here is refused: among others everything that makes processes, sockets, namespaces, mounts,
keys, or shared memory, or reaches other processes; and threads, unless they were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """What the kernel calls an architecture, and its system calls.

    Attributes:
        audit: the value by which a filter recognizes it (`AUDIT_ARCH_…` in `linux/audit.h`).
        allowed: the numbers of the system calls that are allowed with any arguments.
        ioctl, prctl, prlimit64, mmap: the numbers of those that are allowed with some arguments only.
        clone: the number of the one that makes threads, and processes: allowed for threads only, and only if asked for.
        missing: those that are answered as by an older kernel, so that libraries use the older ones instead.
        second_set: where another set of the same calls begins; 0 if there is none.
    """

    audit: int
    allowed: dict[str, int]
    ioctl: int
    prctl: int
    prlimit64: int
    mmap: int
    clone: int
    missing: dict[str, int]
    second_set: int = 0


_X86_64 = {
    # Files and folders: what can be reached is decided by the mounts, and most of that is read-only.
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "lseek": 8, "pread64": 17,
    "pwrite64": 18, "readv": 19, "writev": 20, "access": 21, "pipe": 22, "dup": 32, "dup2": 33, "sendfile": 40,
    "fcntl": 72, "flock": 73, "fsync": 74, "fdatasync": 75, "truncate": 76, "ftruncate": 77, "getdents": 78,
    "getcwd": 79, "chdir": 80, "fchdir": 81, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86,
    "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "fchmod": 91, "umask": 95, "utime": 132, "statfs": 137,
    "fstatfs": 138, "readahead": 187, "getdents64": 217, "fadvise64": 221, "utimes": 235, "openat": 257,
    "mkdirat": 258, "futimesat": 261, "newfstatat": 262, "unlinkat": 263, "renameat": 264, "linkat": 265,
    "symlinkat": 266, "readlinkat": 267, "fchmodat": 268, "faccessat": 269, "utimensat": 280, "fallocate": 285,
    "dup3": 292, "pipe2": 293, "preadv": 295, "pwritev": 296, "renameat2": 316, "copy_file_range": 326, "statx": 332,
    "close_range": 436, "faccessat2": 439,
    # Memory
    "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25, "msync": 26, "mincore": 27, "madvise": 28,
    # Waiting, and time
    "poll": 7, "select": 23, "sched_yield": 24, "pause": 34, "nanosleep": 35, "getitimer": 36, "alarm": 37,
    "setitimer": 38, "gettimeofday": 96, "times": 100, "time": 201, "epoll_create": 213, "restart_syscall": 219,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "epoll_wait": 232, "epoll_ctl": 233,
    "pselect6": 270, "ppoll": 271, "epoll_pwait": 281, "eventfd": 284, "eventfd2": 290, "epoll_create1": 291,
    # The process itself, and signals, which reach only the sandbox's own processes
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "getpid": 39, "execve": 59, "exit": 60, "wait4": 61,
    "kill": 62, "uname": 63, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "getuid": 102, "getgid": 104,
    "geteuid": 107, "getegid": 108, "setpgid": 109, "getppid": 110, "getpgrp": 111, "setsid": 112, "getgroups": 115,
    "getresuid": 118, "getresgid": 120, "getpgid": 121, "getsid": 124, "capget": 125, "rt_sigpending": 127,
    "rt_sigtimedwait": 128, "rt_sigsuspend": 130, "sigaltstack": 131, "getpriority": 140, "setpriority": 141,
    "arch_prctl": 158, "setrlimit": 160, "gettid": 186, "tkill": 200, "futex": 202, "sched_getaffinity": 204,
    "set_tid_address": 218, "exit_group": 231, "tgkill": 234, "waitid": 247, "set_robust_list": 273,
    "get_robust_list": 274, "getcpu": 309, "getrandom": 318, "membarrier": 324, "rseq": 334,
}  # fmt: skip
_AARCH64 = {
    "getcwd": 17, "eventfd2": 19, "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "dup": 23, "dup3": 24,
    "fcntl": 25, "flock": 32, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37, "renameat": 38,
    "statfs": 43, "fstatfs": 44, "truncate": 45, "ftruncate": 46, "fallocate": 47, "faccessat": 48, "chdir": 49,
    "fchdir": 50, "fchmod": 52, "fchmodat": 53, "openat": 56, "close": 57, "pipe2": 59, "getdents64": 61, "lseek": 62,
    "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69, "pwritev": 70,
    "sendfile": 71, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "fsync": 82, "fdatasync": 83, "utimensat": 88,
    "readahead": 213, "fadvise64": 223, "renameat2": 276, "copy_file_range": 285, "statx": 291, "close_range": 436,
    "faccessat2": 439, "brk": 214, "munmap": 215, "mremap": 216, "mprotect": 226, "msync": 227,
    "mincore": 232, "madvise": 233, "pselect6": 72, "ppoll": 73, "nanosleep": 101, "getitimer": 102, "setitimer": 103,
    "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_yield": 124, "restart_syscall": 128,
    "times": 153, "gettimeofday": 169, "capget": 90, "exit": 93, "exit_group": 94, "waitid": 95,
    "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "get_robust_list": 100, "sched_getaffinity": 123,
    "kill": 129, "tkill": 130, "tgkill": 131, "sigaltstack": 132, "rt_sigsuspend": 133, "rt_sigaction": 134,
    "rt_sigprocmask": 135, "rt_sigpending": 136, "rt_sigtimedwait": 137, "rt_sigreturn": 139, "setpriority": 140,
    "getpriority": 141, "getresuid": 148, "getresgid": 150, "setpgid": 154, "getpgid": 155, "getsid": 156,
    "setsid": 157, "getgroups": 158, "uname": 160, "getrlimit": 163, "setrlimit": 164, "getrusage": 165, "umask": 166,
    "getcpu": 168, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177,
    "gettid": 178, "sysinfo": 179, "execve": 221, "wait4": 260, "getrandom": 278, "membarrier": 283, "rseq": 293,
}  # fmt: skip
_MISSING = {"clone3": 435, "openat2": 437, "epoll_pwait2": 441, "futex_waitv": 449}
NEWEST_KNOWN = 449
"""Calls above this number are newer than this list, and answered as by an older kernel."""

ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, _X86_64, 16, 157, 302, 9, 56, _MISSING, second_set=0x40000000),
    "aarch64": Architecture(0xC00000B7, _AARCH64, 29, 167, 261, 222, 220, _MISSING),
}
"""By `uname -m`."""

IOCTLS = {
    "TCGETS": 0x5401, "TCGETS2": 0x802C542A, "TIOCGWINSZ": 0x5413, "FIONREAD": 0x541B, "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450, "FIOCLEX": 0x5451,
}  # fmt: skip
PRCTLS = {"PR_SET_NAME": 15, "PR_GET_NAME": 16, "PR_SET_VMA": 0x53564D41}
THREAD_FLAGS = (0x003D0F00, 0x007D0F00)
"""What glibc and musl ask `clone` for to make a thread: it shares memory, files, and signals (`linux/sched.h`)."""
