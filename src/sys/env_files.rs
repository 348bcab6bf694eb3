//! `env file`: variables that a start reads from files.
//!
//! A file is read with our rights where only root can change it and the way to it; elsewhere the job's user reads it,
//! and if that is root, along no link of others. So nobody can make pmtr read what he could not read himself. Nothing
//! here allocates but `EnvFiles::new`: the limits of the job may hold already.

use super::at;
use super::calls::{self, Done};
use super::child::{self, Plan};
use super::process;
use super::slots::Reason;
use super::walk::{PathText, Trusting, Walked, follow_root, last_name, walk};
use crate::model::{
    ENV_FILE_BYTES, ENV_FILE_VARIABLES, EnvFile, Errno, FilePlace, Stage, Words, read_env_file,
};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// The variables of all files of a job.
pub(super) struct EnvFiles {
    /// Room for one file, and one byte that shows that it is too large.
    room: Vec<u8>,
    /// How many bytes all files have so far.
    bytes: usize,
    variables: Words,
    /// For each variable the index of its file.
    files: Vec<u8>,
    /// The files that are read or found missing, one bit for each.
    settled: u64,
}

/// What an attempt to open a file has come to.
enum Opened {
    File(OwnedFd),
    Missing(Errno),
    /// The job's user has to open it.
    Later,
}

impl EnvFiles {
    /// None yet, and room for all. Memory that is not used costs nothing.
    pub(super) fn new() -> EnvFiles {
        EnvFiles {
            room: vec![0; ENV_FILE_BYTES + 1],
            bytes: 0,
            variables: Words::with_room_for(ENV_FILE_BYTES + 1),
            files: Vec::with_capacity(ENV_FILE_VARIABLES),
            settled: 0,
        }
    }

    /// Each variable, and the index of its file.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&CStr, u8)> {
        self.variables.texts().zip(self.files.iter().copied())
    }

    /// Reads, with our rights, the files that only root can change. For a child that will become another user.
    pub(super) fn read_as_ourselves(&mut self, plan: &Plan) -> Done {
        self.each(plan, |path| match find_of_root(path.bytes()) {
            Ok(Some(named)) => reopen(&named),
            Ok(None) => Ok(Opened::Later),
            Err(errno) => missing(errno),
        })
    }

    /// Reads the other files. The child has its ids already. If it still is root, others may have put links on the way
    /// to a file that they can't read themselves: it follows none of theirs, and reads nothing of the kernel.
    pub(super) fn read_the_rest(&mut self, plan: &Plan) -> Done {
        let is_root = process::effective_uid() == 0;
        self.each(plan, |path| {
            let named =
                if is_root { follow_root(path.bytes()) } else { at::open(None, path.text(), libc::O_PATH) };
            match named {
                Ok(named) if is_root && at::is_of_the_kernel(named.as_fd())? => Err(Errno(0)),
                Ok(named) if at::look(named.as_fd())?.is_regular() => reopen(&named),
                // Opening anything else could wait, or have an effect.
                Ok(_) => Err(Errno(0)),
                Err(errno) => missing(errno),
            }
        })
    }

    /// Reads each file that is not settled, as `open` opens it.
    fn each(&mut self, plan: &Plan, open: impl Fn(&PathText) -> Result<Opened, Errno>) -> Done {
        for (index, EnvFile { path, optional }) in (0..).zip(&plan.attributes.env_files) {
            let bit = 1_u64.checked_shl(index.into()).unwrap_or(0);
            if self.settled & bit != 0 {
                continue;
            }
            plan.slot.enter(Stage::EnvFile(FilePlace { file: index, line: 0 }));
            match open(&PathText::in_dir(plan.dir.unwrap_or(c"/"), path)?)? {
                Opened::Later => continue,
                Opened::Missing(_) if *optional => {}
                Opened::Missing(errno) => return Err(errno),
                Opened::File(file) => self.read(plan, index, &file)?,
            }
            self.settled |= bit;
        }
        Ok(())
    }

    fn read(&mut self, plan: &Plan, index: u8, file: &OwnedFd) -> Done {
        let mut length = 0;
        loop {
            let room = self.room.get_mut(length..).unwrap_or_default();
            match at::read(file.as_fd(), room)? {
                0 => break,
                count => length = count.saturating_add(length),
            }
            if length.saturating_add(self.bytes) > ENV_FILE_BYTES {
                return Err(Errno(libc::EFBIG));
            }
        }
        self.bytes = self.bytes.saturating_add(length);
        let text = self.room.get(..length).unwrap_or_default();
        if let Err((line, fault)) = read_env_file(text, &mut self.variables) {
            child::give_up(plan.slot, Reason { errno: Errno(fault.number()), line });
        }
        self.files.resize(self.variables.len(), index);
        Ok(())
    }
}

/// Finds, without opening it, a file that only root can change, on a way that only root can change. None if it is
/// another one.
pub fn find_of_root(path: &[u8]) -> Result<Option<OwnedFd>, Errno> {
    let dir = match walk(path, Trusting::Root)? {
        Walked::At(dir) => dir,
        Walked::Foreign | Walked::Link => return Ok(None),
    };
    let named = at::open(Some(dir.as_fd()), last_name(path)?.text(), libc::O_PATH | libc::O_NOFOLLOW)?;
    let is_of_root = at::look(dir.as_fd())?.is_filled_by_root() && at::look(named.as_fd())?.is_file_of_root();
    Ok(is_of_root.then_some(named))
}

fn missing(errno: Errno) -> Result<Opened, Errno> {
    match errno {
        Errno(libc::ENOENT | libc::ENOTDIR) => Ok(Opened::Missing(errno)),
        Errno(_) => Err(errno),
    }
}

/// Opens for reading what a descriptor names.
fn reopen(named: &OwnedFd) -> Result<Opened, Errno> {
    match calls::reopen(named.as_raw_fd(), libc::O_RDONLY | libc::O_CLOEXEC) {
        // SAFETY: just opened, and nobody else has it.
        Ok(fd) => Ok(Opened::File(unsafe { OwnedFd::from_raw_fd(fd) })),
        // There is no /proc. The file itself is not missing.
        Err(Errno(libc::ENOENT)) => Err(Errno(libc::ENOSYS)),
        Err(errno) => Err(errno),
    }
}
