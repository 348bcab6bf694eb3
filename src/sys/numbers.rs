//! The kernel's numbers as this machine has them, for those who open files and read errors without unsafe code.

pub use libc::{
    EACCES, EAGAIN, EBADF, EIO, ELOOP, EMFILE, EMSGSIZE, ENAMETOOLONG, ENFILE, ENOBUFS, ENOENT, ENOMEM,
    ENOSPC, ENOTSOCK, ENXIO, EPIPE, EPROTOTYPE, EREMOTE, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK,
    O_PATH,
};
