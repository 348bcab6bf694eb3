//! The state file: a list of our processes. If pmtr is killed, the next one ends what is left of them.
//!
//! It belongs to one configuration path and is locked as long as pmtr runs; only the holder of the lock ends
//! left-overs. Each child writes its own record, at the place of its job's number. Only a running pmtr that has the
//! file keeps another one from running. No other failure here does.
#![forbid(unsafe_code)]

mod format;
mod search;

use super::claim::{Claim, Rules, Why, failed};
use crate::model::{Clean, Counted, Errno, JobId, Level, Notice, Pid};
use crate::sys::group::Group;
use crate::sys::record::{self, RECORD_BYTES, Record, RecordPlace};
use crate::sys::{clock, numbers, stat};
use format::{Contents, HEAD_BYTES, Here, RECORDS, Unreadable};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// The directory of a pmtr that runs as root.
const OF_ROOT: &str = "/run/pmtr";
/// The number of records that get room at once.
const PORTION: u32 = 64;
static NOTHING: [u8; PORTION as usize * RECORD_BYTES] = [0; PORTION as usize * RECORD_BYTES];

/// The claimed file.
#[derive(Debug)]
pub(super) struct StateFile {
    claim: Claim,
    uid: u32,
    /// The configuration.
    config: PathBuf,
    /// The number of records that have room. None if nothing can be recorded.
    room: Option<u32>,
    told_of_room: bool,
    told_of_number: bool,
    /// The file of a pmtr that was killed and had the configuration by another path.
    former: Option<Claim>,
}

/// Why there is no state file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotClaimed {
    /// A running pmtr has the same configuration, which must not run twice.
    Held(String),
    /// Any other reason. Pmtr runs without the file.
    Unusable(String),
}

/// What a pmtr that was killed has left of a job, and what is proven to be so.
#[derive(Debug)]
pub(super) struct LeftOver {
    /// The record for the next pmtr: seen alive now.
    pub(super) record: Record,
    /// Its main process. None when only others of its session are left.
    pub(super) leader: Option<Leader>,
}

/// A main process that lives.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) born_ticks: u64,
    pub(super) group: Group,
}

/// The directory of the state file, if there is one: that of the option, or else the usual one for files of this
/// boot.
pub(super) fn directory(option: Option<&Path>, uid: u32, init: bool) -> Option<PathBuf> {
    match option {
        Some(path) => Some(path.to_owned()),
        // When process 1 ends, everything that it has started ends too.
        None if init => None,
        None if uid == 0 => Some(OF_ROOT.into()),
        None => {
            let own = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
            let ours = own.is_absolute() && fs::metadata(&own).is_ok_and(|there| there.uid() == uid);
            ours.then(|| own.join("pmtr"))
        }
    }
}

impl StateFile {
    /// Claims the file of this configuration in `dir`, both absolute. What it holds stays for `take_over`.
    pub(super) fn claim(dir: &Path, config: &Path, uid: u32) -> Result<StateFile, NotClaimed> {
        let unusable = |path: &Path, why: Why| NotClaimed::Unusable(format!("{}: {why}", shown(path)));
        enter(dir, uid).map_err(|why| unusable(dir, why))?;
        let told = without_parents(config);
        let name = told.as_os_str().as_bytes();
        if name.len() > format::PATH_BYTES {
            return Err(NotClaimed::Unusable("the configuration's path is too long".into()));
        }
        let path = dir.join(OsString::from_vec(format::file_name(name)));
        let claim = Claim::take(path.clone(), Rules::for_a_claim(uid), holder);
        let claim = claim.map_err(|why| {
            let Why::Held(pid) = why else { return unusable(&path, why) };
            NotClaimed::Held(held(config, pid))
        })?;
        Ok(StateFile {
            claim,
            uid,
            config: told,
            room: None,
            told_of_room: false,
            told_of_number: false,
            former: None,
        })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.claim.path
    }

    /// Reads what another pmtr has left, and begins a file of our own with those records whose processes are still
    /// alive, in the same order. The processes are left alone. `former` is the file of the pmtr that was last killed
    /// with this configuration, if that is another file.
    pub(super) fn take_over(&mut self, own: Pid, former: Option<&Path>) -> (Vec<LeftOver>, Vec<Notice>) {
        let mut notices = Vec::new();
        let mut warn = |text: String| notices.push(Notice::Shell(Level::Warning, text.into()));
        let here = find_here();
        let mut left: Vec<LeftOver> = Vec::new();
        match &here {
            None => warn(unrecognised("/proc does not show our processes")),
            Some(here) => match self.read_both(here, former) {
                Ok(Contents { records, damaged, clock_unknown }) => {
                    if damaged > 0 {
                        let damaged = Counted(damaged as u64, "damaged record");
                        warn(format!("{}: {damaged}, ignored", shown(&self.claim.path)));
                    }
                    if clock_unknown && !records.is_empty() {
                        let path = shown(&self.claim.path);
                        warn(format!(
                            "{path} may be from another time namespace: jobs that are left may run twice"
                        ));
                    }
                    left = search::alive(records, own);
                }
                Err(why) => warn(format!("{} {why}, ignored", shown(&self.claim.path))),
            },
        }
        let records: Vec<&Record> = left.iter().map(|left| &left.record).collect();
        match self.begin(&here.clone().unwrap_or_default(), &records, own) {
            Ok(()) => self.room = here.and(u32::try_from(records.len()).ok()),
            Err(why) => warn(unrecognised(&format!("{}: {why}", shown(&self.claim.path)))),
        }
        (left, notices)
    }

    /// Where the process of this job writes its record, and what to log about it.
    pub(super) fn place(&mut self, id: JobId) -> (Option<RecordPlace<'_>>, Option<Notice>) {
        let Some(room) = self.room else { return (None, None) };
        if id.0 >= RECORDS {
            let text =
                format!("only {RECORDS} jobs are recorded; a killed pmtr leaves no trace of the others");
            let first = !std::mem::replace(&mut self.told_of_number, true);
            return (None, first.then(|| Notice::Shell(Level::Warning, text.into())));
        }
        let mut notice = None;
        // Room is made here, where a failure can be reported.
        match self.make_room(room, id.0) {
            Ok(room) => {
                self.room = Some(room);
                if std::mem::take(&mut self.told_of_room) {
                    notice = Some(Notice::Shell(Level::Info, "all jobs are recorded again".into()));
                }
            }
            Err(error) => {
                let (path, errno) = (shown(&self.claim.path).to_string(), Errno::of(&error));
                if !std::mem::replace(&mut self.told_of_room, true) {
                    let text = unrecognised(&format!("{path}: can't write it: {errno}"));
                    notice = Some(Notice::Shell(Level::Warning, text.into()));
                }
                return (None, notice);
            }
        }
        (Some(RecordPlace { file: self.claim.file.as_fd(), offset: offset(id.0) }), notice)
    }

    /// Notes that some process of the run with this main process was alive at this time. So the next pmtr finds it,
    /// even if the main process is gone. The record stays until the job runs again.
    pub(super) fn saw_alive(&self, id: JobId, pid: Pid, nanos: u64) {
        if self.room.is_none_or(|room| room <= id.0) {
            return;
        }
        let mut bytes = [0; RECORD_BYTES];
        let file = &self.claim.file;
        // If there is no record, it could not be written, and that was reported.
        let there = file.read_exact_at(&mut bytes, offset(id.0)).is_ok().then(|| record::decode(&bytes));
        if let Some(record) = there.flatten().filter(|record| record.pid == pid) {
            let record = Record { after_nanos: nanos.max(record.after_nanos), seen: true, ..record };
            let _ = file.write_all_at(&record::encode(&record), offset(id.0));
        }
    }

    /// Removes the file at an orderly end, when nothing of our jobs is left.
    pub(super) fn remove(self) {
        // A failure does no harm: a file without living processes has no effect.
        let _ = self.claim.remove();
    }

    fn make_room(&self, mut room: u32, id: u32) -> io::Result<u32> {
        while room <= id {
            self.claim.file.write_all_at(&NOTHING, offset(room))?;
            room = room.saturating_add(PORTION);
        }
        Ok(room)
    }

    fn read_both(&mut self, here: &Here, former: Option<&Path>) -> Result<Contents, String> {
        let told = read(&self.claim.file, here, Some(self.config.as_os_str().as_bytes()));
        let Some(former) = former.filter(|former| *former != self.claim.path && former.exists()) else {
            return told;
        };
        // A file that is in use belongs to a running pmtr, whose link leads elsewhere now.
        let Ok(claim) = Claim::take(former.to_owned(), Rules::for_a_claim(self.uid), holder) else {
            return told;
        };
        let other = read(&claim.file, here, None);
        self.former = Some(claim);
        match (told, other) {
            (Ok(mut told), Ok(other)) => {
                told.records.extend(other.records);
                told.damaged += other.damaged;
                told.clock_unknown |= other.clock_unknown;
                Ok(told)
            }
            // A damaged file must not make the jobs in the other one run twice.
            (Err(_), Ok(told)) | (Ok(told), Err(_)) => Ok(Contents { damaged: told.damaged + 1, ..told }),
            (Err(why), Err(_)) => Err(why),
        }
    }

    /// Removes the former file, because its records are in this one, which the next start finds.
    pub(super) fn forget_former(&mut self) {
        let _ = self.former.take_if(|_| self.room.is_some()).map(Claim::remove);
    }

    /// Replaces the old file by a new one. At any moment, the file is locked and has all left-overs.
    fn begin(&mut self, here: &Here, records: &[&Record], own: Pid) -> Result<(), Why> {
        let part = self.claim.path.with_extension("new");
        match fs::remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove an incomplete one", &e));
            }
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600).custom_flags(numbers::O_NOFOLLOW);
        let file = options.open(&part).map_err(|e| failed("create a new one", &e))?;
        let begun = (|| {
            let mut bytes =
                format::head(here, self.config.as_os_str().as_bytes(), own.as_raw().unsigned_abs());
            bytes.extend(records.iter().flat_map(|record| record::encode(record)));
            file.write_all_at(&bytes, 0).map_err(|e| failed("write it", &e))?;
            let owner = file.metadata().map_err(|e| failed("stat it", &e))?.uid();
            if owner != self.uid {
                return Err(Why::Owner(owner));
            }
            self.claim.replace(file, &part)
        })();
        if begun.is_err() {
            let _ = fs::remove_file(&part);
        }
        begun
    }
}

/// Reads a state file of this configuration, or of any configuration if none is given.
fn read(file: &File, here: &Here, config: Option<&[u8]>) -> Result<Contents, String> {
    let broken = |error: io::Error| format!("can't be read: {}", Errno::of(&error));
    let bytes = file.metadata().map_err(broken)?.len();
    if bytes > format::LONGEST_BYTES {
        return Err(Unreadable::TooLong.to_string());
    }
    let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut content, 0).map_err(broken)?;
    format::decode(&content, here, config).map_err(|odd| odd.to_string())
}

/// The error of a second pmtr with the same configuration.
pub(super) fn held(config: &Path, pid: Option<u32>) -> String {
    let pid = pid.map(|pid| format!(" [{pid}]")).unwrap_or_default();
    format!("{}: a running pmtr{pid} has these jobs already", shown(config))
}

/// The message if no state file can be kept.
pub(super) fn unrecognised(why: &str) -> String {
    format!("jobs left by a killed pmtr can't be recognized: {why}")
}

fn shown(path: &Path) -> Clean<'_> {
    Clean(path.as_os_str().as_bytes())
}

/// The path without `..`, so that all such paths to one configuration are equal. Symbolic links in other paths stay,
/// because they may lead elsewhere at the next start.
fn without_parents(path: &Path) -> PathBuf {
    let climbs = path.components().any(|part| part == Component::ParentDir);
    let (Some(dir), Some(name), true) = (path.parent(), path.file_name(), climbs) else {
        return path.to_owned();
    };
    fs::canonicalize(dir).map_or_else(|_| path.to_owned(), |dir| dir.join(name))
}

/// Makes the directory if it is missing, and closes it to others. A user who can write there could make us end any
/// process. One who can read it could hold the kernel's lock on it, with a buffer that a file system of his own never
/// fills.
pub(super) fn enter(dir: &Path, uid: u32) -> Result<(), Why> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists && fs::symlink_metadata(dir).is_err() => {
            return Err(failed("create it", &e));
        }
        Ok(()) | Err(_) => {}
    }
    let flags = numbers::O_DIRECTORY | numbers::O_NOFOLLOW | numbers::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(dir).map_err(|e| {
        match fs::symlink_metadata(dir) {
            Ok(there) if there.is_symlink() => Why::Link,
            _ => failed("open it", &e),
        }
    });
    let there = opened?.metadata().map_err(|e| failed("stat it", &e))?;
    match there.mode() & 0o7777 {
        _ if there.uid() != uid => Err(Why::Owner(there.uid())),
        mode if mode & 0o022 != 0 => Err(Why::Mode(mode)),
        _ => Ok(()),
    }
}

/// The process that the file names as its holder.
fn holder(file: &File) -> Option<u32> {
    let mut head = vec![0; HEAD_BYTES];
    // The head of an older version may be shorter.
    let length = file.read_at(&mut head, 0).ok()?;
    format::writer(head.get(..length)?)
}

/// What the numbers of processes and the times refer to now. None without a /proc that shows our processes.
fn find_here() -> Option<Here> {
    let boot = fs::read("/proc/sys/kernel/random/boot_id").ok()?.trim_ascii().to_vec();
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    let clock = clock::boot_offset();
    (stat::is_ours() && !boot.is_empty()).then_some(Here { boot, namespace, clock })
}

fn offset(id: u32) -> u64 {
    (HEAD_BYTES as u64).saturating_add(u64::from(id).saturating_mul(RECORD_BYTES as u64))
}

#[cfg(test)]
mod tests;
