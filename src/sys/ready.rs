//! Whether a descriptor is ready, and sending without waiting for it to be.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Whether a short line could be written at once.
pub fn poll_writable(fd: BorrowedFd) -> bool {
    let mut one = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd, as told; with a timeout of zero the call does not wait.
    let ready = unsafe { libc::poll(&mut one, 1, 0) };
    ready == 1 && one.revents & (libc::POLLOUT | libc::POLLERR) == libc::POLLOUT
}

/// Waits until there is something to read, or the end is reached.
pub fn wait_for_input(fd: BorrowedFd) {
    let mut one = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, as told.
    unsafe { libc::poll(&mut one, 1, -1) };
}

/// Sends one message on a connected socket. Never waits, whatever the mode of the socket is.
pub fn send(fd: BorrowedFd, message: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: pointer and length belong to one slice, which is read only.
    let sent = unsafe { libc::send(fd.as_raw_fd(), message.as_ptr().cast(), message.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_full_pipe_is_not_writable_and_an_empty_one_is() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(poll_writable(writer.as_fd()));
        // SAFETY: takes numbers.
        unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let mut full = &writer;
        while io::Write::write(&mut full, &[0; 4096]).is_ok() {}
        assert!(!poll_writable(writer.as_fd()));
        drop(reader);
        assert!(!poll_writable(writer.as_fd()));
    }

    #[test]
    fn a_full_socket_refuses_rather_than_wait() {
        let (a, _b) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let refused = std::iter::repeat_with(|| send(a.as_fd(), b"x")).find_map(Result::err).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    }
}
