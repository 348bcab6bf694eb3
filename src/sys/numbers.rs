//! The kernel's numbers as this machine has them, for those who open files and read errors without unsafe code.

pub use libc::{
    EAGAIN, EBADF, EIO, ELOOP, EMFILE, EMSGSIZE, ENAMETOOLONG, ENOBUFS, ENOENT, ENOMEM, ENOSPC, ENOTSOCK,
    ENXIO, EPIPE, EPROTOTYPE, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH,
};
