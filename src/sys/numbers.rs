//! The kernel's numbers on this machine, for code that opens files and reads errors without unsafe code.

pub use libc::{
    EACCES, EAGAIN, EBADF, EIO, ELOOP, EMFILE, EMSGSIZE, ENAMETOOLONG, ENFILE, ENOBUFS, ENOENT, ENOMEM,
    ENOSPC, ENOTSOCK, ENXIO, EPIPE, EPROTOTYPE, EREMOTE, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK,
    O_PATH,
};
