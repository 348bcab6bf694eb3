//! Opens regular files by paths that others can change. Nothing else is ever opened: opening alone can wake the writer
//! of a FIFO, rewind a tape or hang up a modem.
//!
//! The kernel returns a descriptor that only names the file; that object is checked, and exactly that object is
//! opened, wherever the path leads meanwhile.
#![forbid(unsafe_code)]

use crate::sys::listing::Listing;
use crate::sys::numbers::{EAGAIN, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH};
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Why there is no file to read.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is something else, for example `a directory`.
    Other(&'static str),
    /// The kernel refuses. EAGAIN: another process has a lease on the file; after this attempt, the kernel ends the
    /// lease within a minute.
    Failed(io::Error),
}

/// Opens a regular file for reading, whatever links lead to it.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), Refusal> {
    let named = OpenOptions::new().read(true).custom_flags(O_PATH).open(path).map_err(Refusal::Failed)?;
    open_held(&named, path)
}

/// Opens for reading what the caller holds and has found at this path, if it is a regular file. Never waits for
/// another process.
pub(super) fn open_held(named: &File, path: &Path) -> Result<(File, Metadata), Refusal> {
    let there = named.metadata().map_err(Refusal::Failed)?;
    if !there.is_file() {
        return Err(Refusal::Other(kind(there.file_type())));
    }
    let file = reopen(named, &there, path, 0).map_err(Refusal::Failed)?;
    // Read again: a change after the open is another state.
    let meta = file.metadata().map_err(Refusal::Failed)?;
    Ok((file, meta))
}

/// Begins to list what the caller holds and has found at this path, which is a directory.
pub(super) fn list_held(named: &File, there: &Metadata, path: &Path) -> io::Result<Listing> {
    reopen(named, there, path, O_DIRECTORY).map(Listing::of)
}

/// Opens for reading what a descriptor names.
fn reopen(named: &File, there: &Metadata, path: &Path, flags: i32) -> io::Result<File> {
    let open = |path: &Path, more: i32| {
        OpenOptions::new().read(true).custom_flags(O_NONBLOCK | flags | more).open(path)
    };
    match open(Path::new(&format!("/proc/self/fd/{}", named.as_raw_fd())), O_NOCTTY) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // No /proc. No link is followed except in directories, and an object that was exchanged meanwhile is not
            // read.
            let file = open(&fs::canonicalize(path)?, O_NOCTTY | O_NOFOLLOW)?;
            let opened = file.metadata()?;
            let same = (opened.dev(), opened.ino()) == (there.dev(), there.ino());
            if same { Ok(file) } else { Err(io::Error::from_raw_os_error(EAGAIN)) }
        }
        opened => opened,
    }
}

/// What an object is that is not a regular file.
pub(super) fn kind(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something else"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::Dir;
    use inotify::{EventMask, Inotify, WatchMask};
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn only_regular_files_are_opened_by_whatever_links() {
        let dir = Dir::new();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["file", "fifo", "socket"] {
            std::os::unix::fs::symlink(name, at(&format!("link-to-{name}"))).unwrap();
        }
        for path in [at("file"), at("link-to-file"), "/proc/self/status".into()] {
            assert!(open(&path).is_ok_and(|(_, meta)| meta.is_file()), "{path:?}");
        }
        for (path, what) in [
            (at("fifo"), "a FIFO"),
            (at("link-to-fifo"), "a FIFO"),
            (at("link-to-socket"), "a socket"),
            (dir.path().to_path_buf(), "a directory"),
            ("/dev/null".into(), "a device"),
        ] {
            let Err(Refusal::Other(said)) = open(&path) else { panic!("{path:?}") };
            assert_eq!(said, what, "{path:?}");
        }
        let Err(Refusal::Failed(error)) = open(&at("missing")) else { panic!() };
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_takes_the_place_of_a_file_while_it_is_opened_is_never_opened() {
        let dir = Dir::new();
        let at = |name: &str| dir.path().join(name);
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let mut opens = Inotify::init().unwrap();
        opens.watches().add(at("fifo"), WatchMask::OPEN).unwrap();
        let (over, mut counts) = (AtomicBool::new(false), [0, 0]);
        std::thread::scope(|scope| {
            let turn = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::os::unix::fs::symlink("fifo", at("new")).unwrap();
                    fs::rename(at("new"), at("path")).unwrap();
                    fs::write(at("new"), "text").unwrap();
                    fs::rename(at("new"), at("path")).unwrap();
                }
            });
            while counts.iter().any(|count| *count < 2_000) && !turn.is_finished() {
                match open(&at("path")) {
                    Ok((_, meta)) => counts[usize::from(meta.is_file())] += 1,
                    Err(Refusal::Other("a FIFO")) => counts[0] += 1,
                    Err(Refusal::Failed(e)) if e.kind() == ErrorKind::NotFound => {}
                    Err(refusal) => panic!("{refusal:?}"),
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        let opened = match opens.read_events(&mut [0; 4096]) {
            Ok(events) => events.filter(|event| event.mask.contains(EventMask::OPEN)).count(),
            Err(_) => 0,
        };
        assert_eq!(opened, 0, "the FIFO was opened");
    }
}
