"""How each system call of the running daemon can fail on a machine that has nothing but trouble."""

# By the manual pages and the kernel's code: what may happen to a correct program. Left out is what a kernel that does
# not lie says only when it is so: that a file is not there, or a process.
ERRNOS = {
    "accept4": ["EMFILE", "ENFILE", "ECONNABORTED"],
    "bind": ["EADDRINUSE", "EADDRNOTAVAIL", "ENOMEM"],
    "brk": ["ENOMEM"],
    "capget": ["EPERM"],
    "capset": ["EPERM"],
    "clone": ["EAGAIN", "ENOMEM"],
    "clone3": ["EAGAIN", "ENOMEM", "ENOSYS"],
    "close": ["EIO", "EINTR"],
    "connect": ["ECONNREFUSED", "ENETUNREACH", "EINTR", "EAGAIN"],
    "dup": ["EMFILE"],
    "dup2": ["EMFILE", "EINTR", "EBUSY"],
    "dup3": ["EMFILE", "EINTR", "EBUSY"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "epoll_pwait": ["EINTR"],
    "epoll_wait": ["EINTR"],
    "fchownat": ["EPERM", "EIO", "EDQUOT"],
    "fcntl": ["EMFILE", "EAGAIN", "ENOLCK"],
    "fork": ["EAGAIN", "ENOMEM"],
    "fstat": ["EIO", "ENOMEM"],
    "getdents64": ["EIO", "ENOMEM"],
    "getsid": ["EPERM"],
    "getsockname": ["ENOBUFS"],
    "getsockopt": ["ENOPROTOOPT", "ENOBUFS"],
    "inotify_add_watch": ["ENOSPC", "ENOMEM", "EACCES", "ENOENT"],
    "inotify_init1": ["EMFILE", "ENFILE", "ENOMEM"],
    "inotify_rm_watch": ["EINVAL"],
    "ioctl": ["ENOTTY", "ENOMEM"],
    "keyctl": ["ENOSYS", "EPERM", "EDQUOT", "ENOMEM"],
    "kill": ["EPERM"],
    "lseek": ["EINVAL", "EOVERFLOW"],
    "madvise": ["EAGAIN", "ENOMEM", "EIO"],
    "mkdirat": ["EACCES", "ENOSPC", "EDQUOT", "EMLINK", "EROFS", "EIO"],
    "mmap": ["ENOMEM", "EAGAIN"],
    "mprotect": ["ENOMEM"],
    "mremap": ["ENOMEM", "EAGAIN"],
    "munmap": ["ENOMEM"],
    "newfstatat": ["EIO", "ENOMEM", "EACCES"],
    "openat": ["EMFILE", "ENFILE", "EACCES", "EIO", "ENOMEM", "EINTR"],
    "openat2": ["ENOSYS", "EPERM", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM"],
    "pidfd_open": ["ENOSYS", "EMFILE", "ENFILE", "ENOMEM"],
    "pidfd_send_signal": ["EPERM", "EINVAL", "ENOSYS"],
    "pipe2": ["EMFILE", "ENFILE"],
    "poll": ["EINTR", "ENOMEM"],
    "pread64": ["EIO", "EINTR"],
    "prctl": ["EPERM", "EINVAL"],
    "prlimit64": ["EPERM"],
    "pwrite64": ["ENOSPC", "EIO", "EDQUOT"],
    "read": ["EIO", "EINTR", "ENOMEM"],
    "readlink": ["EACCES", "EIO", "ENOMEM"],
    "readlinkat": ["EACCES", "EIO", "ENOMEM"],
    "recvmsg": ["EINTR", "EAGAIN", "ECONNREFUSED", "ENOMEM", "EHOSTUNREACH"],
    "sendmsg": ["EINTR", "EAGAIN", "ENOBUFS", "ENETUNREACH", "EPERM", "ECONNREFUSED"],
    "sendto": ["EINTR", "EAGAIN", "ENOBUFS", "ENETUNREACH", "EPERM", "ECONNREFUSED"],
    "setsockopt": ["ENOPROTOOPT", "ENOBUFS", "ENODEV"],
    "socket": ["EMFILE", "ENFILE", "ENOBUFS", "EAFNOSUPPORT"],
    "statx": ["EIO", "ENOMEM", "EACCES"],
    "unlinkat": ["EBUSY", "EIO", "EROFS"],
    "vfork": ["EAGAIN", "ENOMEM"],
    "wait4": ["EINTR", "ECHILD"],
    "waitid": ["EINTR", "ECHILD"],
    "write": ["EAGAIN", "EINTR", "ENOSPC", "EIO", "ENOMEM"],
}

# What fails for wrong arguments alone, or not at all.
NEVER_FAIL = {
    "getegid": "has no errors",
    "getpid": "has no errors",
    "getuid": "has no errors",
    "geteuid": "has no errors",
    "restart_syscall": "is how an interrupted call goes on, with the errors of that one",
    "rt_sigaction": "fails for wrong arguments alone",
    "rt_sigprocmask": "fails for wrong arguments alone",
    "rt_sigreturn": "has no errors",
    "rt_sigtimedwait": "fails for wrong arguments, and where nothing is queued, alone",
    "uname": "fails for a wrong address alone",
}


def unknown(calls):
    """Those of the calls of which nothing is said here."""
    return sorted(call for call in calls if call not in ERRNOS and call not in NEVER_FAIL)


def pairs(calls):
    """Each of these calls with each way in which it fails."""
    return [(call, errno) for call in sorted(calls) for errno in ERRNOS.get(call, [])]
