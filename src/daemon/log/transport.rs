//! Where lines are written: to the socket of the log daemon and to stderr. Neither ever blocks.

use super::line::LogLine;
use crate::model::Errno;
use crate::sys::numbers;
use mio::net::UnixStream;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The result of sending a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is sent, or the transport keeps the rest of it.
    Taken,
    /// Not now; the descriptor becomes writable when there is room.
    Full,
    /// Not now, and nothing reports when: try again later.
    Later,
    /// Never: nobody reads here.
    Gone,
}

/// Something that takes lines.
pub(super) trait Transport {
    /// A flush begins: the transport may connect once.
    fn begin(&mut self) {}
    /// Writes the line into `frame` in the format of this transport.
    fn encode(&self, line: &LogLine, frame: &mut Vec<u8>);
    /// Takes a frame completely or not at all, after the rest of the previous one.
    fn send(&mut self, frame: &[u8]) -> Answer;
    /// Writes the rest of a frame that was taken.
    fn push(&mut self) -> Answer;
    /// The descriptor that the poll is to watch.
    fn fd(&self) -> Option<RawFd>;
}

/// A frame of which a part may have been sent.
#[derive(Default)]
struct PendingFrame {
    bytes: Vec<u8>,
    done: usize,
}

impl PendingFrame {
    fn set(&mut self, bytes: &[u8], end: u8) {
        self.clear();
        self.bytes.extend_from_slice(bytes);
        self.bytes.push(end);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.done = 0;
    }

    fn left(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }

    /// A frame that could not be sent at once stays here if a part of it was sent, and with the caller if nothing was.
    fn accept(&mut self, answer: Answer) -> Answer {
        match answer {
            Answer::Full | Answer::Later if self.done > 0 => Answer::Taken,
            Answer::Taken | Answer::Full | Answer::Later | Answer::Gone => {
                self.clear();
                answer
            }
        }
    }
}

/// The local log daemon.
pub(super) struct LogDaemon {
    sockets: Vec<PathBuf>,
    connection: Option<Connection>,
    /// Whether this flush may still connect.
    may_connect: bool,
    /// Ends in NUL, which a stream needs and a datagram does not get.
    frame: PendingFrame,
}

enum Connection {
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

impl LogDaemon {
    pub(super) fn new(sockets: Vec<PathBuf>) -> LogDaemon {
        LogDaemon { sockets, connection: None, may_connect: true, frame: PendingFrame::default() }
    }

    fn connect(&mut self) -> bool {
        if !std::mem::replace(&mut self.may_connect, false) {
            return false;
        }
        self.connection = self.sockets.iter().find_map(|path| Connection::open(path).ok());
        self.connection.is_some()
    }
}

impl Connection {
    /// Not the syslog package's own connection: that one may sleep in connect and in send.
    fn open(path: &Path) -> io::Result<Connection> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        match socket.connect(path) {
            Ok(()) => Ok(Connection::Datagram(socket)),
            Err(error) if error.raw_os_error() == Some(numbers::EPROTOTYPE) => {
                UnixStream::connect(path).map(Connection::Stream)
            }
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, frame: &PendingFrame) -> io::Result<usize> {
        match self {
            Connection::Stream(socket) => socket.write(frame.left()),
            Connection::Datagram(socket) => {
                let mut bytes = frame.bytes.split_last().map_or(&[][..], |(_, bytes)| bytes);
                loop {
                    match socket.send(bytes) {
                        Err(error)
                            if error.raw_os_error() == Some(numbers::EMSGSIZE) && !bytes.is_empty() =>
                        {
                            bytes = bytes.get(..bytes.len() / 2).unwrap_or_default();
                        }
                        result => return result.map(|_| frame.bytes.len()),
                    }
                }
            }
        }
    }
}

/// Whether a log daemon listens on one of these sockets.
pub fn is_there(sockets: &[PathBuf]) -> bool {
    sockets.iter().any(|path| Connection::open(path).is_ok())
}

impl Transport for LogDaemon {
    fn begin(&mut self) {
        self.may_connect = true;
    }

    fn encode(&self, line: &LogLine, frame: &mut Vec<u8>) {
        line.encode(frame);
    }

    fn send(&mut self, frame: &[u8]) -> Answer {
        let answer = self.push();
        if answer != Answer::Taken {
            return answer;
        }
        self.frame.set(frame, 0);
        let answer = self.push();
        self.frame.accept(answer)
    }

    fn push(&mut self) -> Answer {
        while !self.frame.left().is_empty() {
            let Some(connection) = &mut self.connection else {
                if self.connect() {
                    continue;
                }
                return Answer::Later;
            };
            match connection.write(&self.frame) {
                Ok(bytes) if bytes > 0 => self.frame.done += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Answer::Full,
                Err(error) if matches!(error.raw_os_error(), Some(numbers::ENOBUFS | numbers::ENOMEM)) => {
                    return Answer::Later;
                }
                // The daemon has gone: a new one gets the whole frame.
                Ok(_) | Err(_) => {
                    self.connection = None;
                    self.frame.done = 0;
                }
            }
        }
        self.frame.clear();
        Answer::Taken
    }

    fn fd(&self) -> Option<RawFd> {
        self.connection.as_ref().map(|connection| match connection {
            Connection::Datagram(socket) => socket.as_raw_fd(),
            Connection::Stream(socket) => socket.as_raw_fd(),
        })
    }
}

/// Standard error, written to without ever blocking.
pub trait Stderr: AsRawFd {
    /// Writes some of `bytes`, or nothing and `WouldBlock` if there is no room. The descriptor is shared with the
    /// process that started pmtr, so it must not be made nonblocking.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether a person reads along and wants to know the time.
    fn is_terminal(&self) -> bool {
        false
    }
}

/// Stderr, line by line.
pub(super) struct Terminal {
    stderr: Box<dyn Stderr>,
    /// Whether each line begins with its time.
    timed: bool,
    frame: PendingFrame,
    /// How often in a row an error came that a terminal returns forever and a disk perhaps once.
    errors: u8,
}

/// This many in a row are final.
const ERRORS: u8 = 3;

impl Terminal {
    pub(super) fn new(stderr: Box<dyn Stderr>) -> Terminal {
        Terminal { timed: stderr.is_terminal(), stderr, frame: PendingFrame::default(), errors: 0 }
    }
}

impl Transport for Terminal {
    fn encode(&self, line: &LogLine, frame: &mut Vec<u8>) {
        if self.timed {
            frame.extend_from_slice(line.clock());
        }
        frame.extend_from_slice(line.text());
    }

    fn send(&mut self, frame: &[u8]) -> Answer {
        let answer = self.push();
        if answer != Answer::Taken {
            return answer;
        }
        self.frame.set(frame, b'\n');
        let answer = self.push();
        self.frame.accept(answer)
    }

    fn push(&mut self) -> Answer {
        while !self.frame.left().is_empty() {
            match self.stderr.write_some(self.frame.left()) {
                Ok(0) => return Answer::Later,
                Ok(bytes) => {
                    self.frame.done += bytes;
                    self.errors = 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Answer::Full,
                Err(error) => {
                    let errno = Errno::of(&error).0;
                    self.errors = if errno == numbers::EIO { self.errors.saturating_add(1) } else { 0 };
                    return match errno {
                        // A closed pipe, a closed descriptor, or a terminal that hung up.
                        numbers::EPIPE | numbers::EBADF | numbers::ENXIO => Answer::Gone,
                        numbers::EIO if self.errors >= ERRORS => Answer::Gone,
                        // A full disk, for example.
                        _ => Answer::Later,
                    };
                }
            }
        }
        self.frame.clear();
        Answer::Taken
    }

    fn fd(&self) -> Option<RawFd> {
        Some(self.stderr.as_raw_fd())
    }
}
