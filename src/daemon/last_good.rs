//! The last good text, in a file of its own: for a start whose configuration is unusable.
//!
//! The file is replaced as a whole, by a rename, and never through a link. Nothing here waits for the disk: the
//! kernel writes the text within half a minute, so a power failure in that time may leave the previous text or an
//! empty file, which the next start recognizes. Nothing here keeps pmtr from running.
#![forbid(unsafe_code)]

use super::claim::{Rules, Why, failed, inspect};
use super::environment::with_environment;
use super::event_source::{EventSource, Shared};
use super::exposure::{self, Rights};
use super::mounts::Mounts;
use super::watch::fingerprint;
use crate::config::{self, Parsed, SourceFile};
use crate::model::{Clean, Config, Fingerprint, KeptText, Level, Mistake, MonoTime, Notice, Severity};
use crate::sys::clock;
use crate::sys::numbers::{O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

const MODE: u32 = 0o600;
/// The first line, for those who find the file.
const HEAD: &[u8] = b"# pmtr --last-good has written this: all of the configuration in force.\n";
/// When a failed write is repeated, for example on a full disk.
const AGAIN: Duration = Duration::from_secs(60);
/// The longest configuration.
const LONGEST_BYTES: u64 = 10 << 20;

/// The file, and what may have to be written to it.
#[derive(Debug)]
pub(super) struct LastGood {
    /// Absolute.
    path: PathBuf,
    uid: u32,
    /// The text that was loaded last, until it is in force.
    loaded: Option<(Fingerprint, Vec<u8>)>,
    /// The text in force that could not be written, and when that is retried.
    owed: Option<(MonoTime, Vec<u8>)>,
}

/// What the file contains.
#[derive(Debug)]
pub(super) enum Search {
    Missing,
    /// Nothing, because what was applied last was empty.
    Empty,
    /// Nothing that can be trusted or applied.
    Unfit(String),
    Found(LastGoodText),
}

/// A text that was kept.
#[derive(Debug)]
pub(super) struct LastGoodText {
    pub(super) content: Fingerprint,
    pub(super) config: Config,
    pub(super) warnings: Vec<Mistake>,
    pub(super) kept: Rc<KeptText>,
}

impl LastGood {
    pub(super) fn new(path: PathBuf, uid: u32) -> LastGood {
        LastGood { path, uid, loaded: None, owed: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the kept text.
    pub(super) fn find(&self) -> Search {
        match fs::symlink_metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Search::Missing,
            Err(_) | Ok(_) => self.read().unwrap_or_else(Search::Unfit),
        }
    }

    fn read(&self) -> Result<Search, String> {
        let (file, rights) = self.open().map_err(|why| why.to_string())?;
        let unreadable = |e: io::Error| failed("read it", &e).to_string();
        let there = file.metadata().map_err(unreadable)?;
        let mut text = Vec::new();
        file.take(LONGEST_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.is_empty() {
            return Ok(Search::Empty);
        }
        let (name, text) = (self.path.as_os_str().as_bytes(), Rc::new(text));
        let Parsed { config, mut warnings, .. } =
            config::parse(with_environment(SourceFile::new(name, Rc::clone(&text)))).map_err(|mistakes| {
                let first = mistakes.first().map(|mistake| mistake.headline().to_string());
                format!("has errors: {}", first.unwrap_or_default())
            })?;
        let exposed = exposure::of(name, rights, self.uid, &Mounts::read());
        warnings.extend(exposed.into_iter().map(|what| Mistake::of_file(name, Severity::Warning, what)));
        let kept = Rc::new(KeptText { file: name.into(), since: clock::text_of(there.mtime()).into() });
        Ok(Search::Found(LastGoodText { content: fingerprint(&text), config, warnings, kept }))
    }

    /// Takes a configuration that was loaded and may come into force. Its canonical text is complete without other
    /// files and variables.
    pub(super) fn loaded(&mut self, content: Fingerprint, config: &Config) {
        // An empty file is not a configuration without jobs: a full disk can have emptied it.
        let text = if content.bytes == 0 { Vec::new() } else { [HEAD, &config::print(config)].concat() };
        self.loaded = Some((content, text));
    }

    /// Keeps the text of this content, which is in force. Returns a notice if that failed.
    pub(super) fn keep(&mut self, content: Fingerprint) -> Option<Notice> {
        let (_, text) = self.loaded.take().filter(|(loaded, _)| *loaded == content)?;
        self.owed = None;
        let why = self.write(&text).err()?;
        self.owed = Some((clock::now() + AGAIN, text));
        Some(Notice::NotKept { file: self.path.as_os_str().as_bytes().into(), why: why.to_string().into() })
    }

    /// When a text that could not be written is retried.
    fn deadline(&self) -> Option<MonoTime> {
        self.owed.as_ref().map(|(at, _)| *at)
    }

    /// Retries if that is due. Returns a notice if it has worked.
    fn try_again(&mut self, now: MonoTime) -> Option<Notice> {
        let (_, text) = self.owed.take_if(|(at, _)| *at <= now)?;
        if self.write(&text).is_err() {
            self.owed = Some((now + AGAIN, text));
            return None;
        }
        let text = format!(
            "the last good configuration is saved in {} again",
            Clean(self.path.as_os_str().as_bytes())
        );
        Some(Notice::Shell(Level::Info, text.into()))
    }

    fn write(&self, text: &[u8]) -> Result<(), Why> {
        match fs::symlink_metadata(&self.path) {
            Ok(there) => inspect(&there, Rules { uid: self.uid, mode: MODE, strict: false })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failed("stat it", &e)),
        }
        if self.holds(text) {
            return Ok(());
        }
        let part = part(&self.path);
        match fs::remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove an incomplete one", &e));
            }
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE).custom_flags(O_NOFOLLOW);
        let mut file = options.open(&part).map_err(|e| failed("create a new one", &e))?;
        let written = file.write_all(text).map_err(|e| failed("write it", &e));
        let placed = written
            .and_then(|()| fs::rename(&part, &self.path).map_err(|e| failed("rename the new one", &e)));
        if placed.is_err() {
            let _ = fs::remove_file(&part);
        }
        placed
    }

    /// Whether the file is already as it would be written.
    fn holds(&self, text: &[u8]) -> bool {
        let Ok((mut file, rights)) = self.open() else { return false };
        if rights.mode & 0o7777 != MODE {
            return false;
        }
        let mut rest = text;
        let mut buffer = [0; 16 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return rest.is_empty(),
                Ok(read) => match rest.strip_prefix(buffer.get(..read).unwrap_or_default()) {
                    Some(left) => rest = left,
                    None => return false,
                },
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Opens the file if only pmtr can have written it.
    fn open(&self) -> Result<(File, Rights), Why> {
        let rules = Rules { uid: self.uid, mode: MODE, strict: false };
        // Checked before it is opened: opening a device or a FIFO can have effects.
        inspect(&fs::symlink_metadata(&self.path).map_err(|e| failed("stat it", &e))?, rules)?;
        let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let file = opened.map_err(|e| failed("open it", &e))?;
        let there = file.metadata().map_err(|e| failed("stat it", &e))?;
        inspect(&there, rules)?;
        match there.mode() & 0o7777 {
            mode if mode & 0o022 != 0 => Err(Why::Mode(mode)),
            _ if there.nlink() > 1 => Err(Why::Names(there.nlink())),
            _ => Ok((file, Rights::of(&there))),
        }
    }
}

impl EventSource for LastGood {
    fn work(&mut self, now: MonoTime, shared: &mut Shared) {
        if let Some(notice) = self.try_again(now) {
            shared.log.notice(&notice);
        }
    }

    fn deadline(&self) -> Option<MonoTime> {
        LastGood::deadline(self)
    }
}

/// The name under which a new text is written.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned().into_vec();
    name.extend(b".new");
    std::ffi::OsString::from_vec(name).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::effective_uid;
    use crate::sys::testing::Dir;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const TEXT: &str = "job {\n name a\n cmd /bin/true\n}\n";

    fn keep(last: &mut LastGood, text: &str) -> String {
        let content = fingerprint(text.as_bytes());
        last.loaded(content, &config::parse(text).unwrap().config);
        last.keep(content).map(|notice| notice.to_string()).unwrap_or_default()
    }

    /// What is kept of a text.
    fn kept(text: &str) -> String {
        let canonical = config::print(&config::parse(text).unwrap().config);
        String::from_utf8([HEAD, &canonical].concat()).unwrap()
    }

    fn found(last: &LastGood) -> String {
        match last.find() {
            Search::Missing => "is missing".into(),
            Search::Empty => "is empty".into(),
            Search::Found(found) => format!("{} jobs", found.config.jobs.len()),
            Search::Unfit(why) => why,
        }
    }

    fn inode(path: &Path) -> u64 {
        fs::symlink_metadata(path).unwrap().ino()
    }

    #[test]
    fn a_text_in_force_is_kept_whole_for_its_owner_alone_and_written_only_when_it_is_another() {
        let dir = Dir::new();
        let path = dir.join("last-good");
        let mut last = LastGood::new(path.clone(), effective_uid());
        assert_eq!(found(&last), "is missing");
        assert_eq!(keep(&mut last, TEXT), "");
        assert_eq!((found(&last), fs::read_to_string(&path).unwrap()), ("1 jobs".into(), kept(TEXT)));
        assert!(kept(TEXT).ends_with("force.\njob {\n  name a\n  cmd /bin/true\n}\n"), "{}", kept(TEXT));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let first = inode(&path);
        assert_eq!(keep(&mut last, TEXT), "");
        assert_eq!(inode(&path), first);
        // What was loaded and did not come into force is not kept, nor is it held on to.
        last.loaded(fingerprint(b"other"), &Config::default());
        assert_eq!(last.keep(fingerprint(TEXT.as_bytes())), None);
        assert_eq!((inode(&path), last.loaded.is_some()), (first, false));
        // A part of it is another text, and so is more.
        for text in [&[TEXT, &TEXT.replace("name a", "name b")].concat(), TEXT, "# none\n"] {
            assert_eq!(keep(&mut last, text), "");
            assert_eq!(fs::read_to_string(&path).unwrap(), kept(text));
        }
        // A mode is mended that lets others read, and what was left half done is in nobody's way.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(found(&last), "0 jobs");
        fs::write(dir.join("last-good.new"), "half").unwrap();
        assert_eq!(keep(&mut last, "# none\n"), "");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert!(!dir.join("last-good.new").exists());
    }

    #[test]
    fn a_text_that_could_not_be_written_is_written_later() {
        let dir = Dir::new();
        let path = dir.join("missing").join("last-good");
        let mut last = LastGood::new(path.clone(), effective_uid());
        assert!(keep(&mut last, TEXT).contains("No such file or directory"));
        let due = last.deadline().unwrap();
        assert_eq!(
            (last.try_again(MonoTime::ZERO), last.try_again(due), last.deadline()),
            (None, None, Some(due + AGAIN))
        );
        fs::create_dir(dir.join("missing")).unwrap();
        assert!(last.try_again(due + AGAIN).unwrap().to_string().ends_with("last-good again"));
        assert_eq!((last.deadline(), fs::read_to_string(&path).unwrap()), (None, kept(TEXT)));
        // A text that another one has followed is no longer written.
        fs::set_permissions(dir.join("missing"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::rename(dir.join("missing"), dir.join("elsewhere")).unwrap();
        keep(&mut last, "# none\n");
        fs::rename(dir.join("elsewhere"), dir.join("missing")).unwrap();
        assert_eq!((keep(&mut last, TEXT), last.deadline()), (String::new(), None));
    }

    #[test]
    fn what_pmtr_has_not_written_is_neither_read_nor_replaced() {
        let dir = Dir::new();
        let (path, victim) = (dir.join("last-good"), dir.join("victim"));
        let mut last = LastGood::new(path.clone(), effective_uid());
        fs::write(&victim, TEXT).unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&victim, &path).unwrap();
        assert_eq!(found(&last), "is a symbolic link, which is never followed");
        let told = keep(&mut last, "# other\n");
        assert!(told.contains("is a symbolic link, which is never followed; that file may"), "{told}");
        // The place of the new one can be no link either.
        fs::remove_file(&path).unwrap();
        symlink(&victim, dir.join("last-good.new")).unwrap();
        assert_eq!(keep(&mut last, "# other\n"), "");
        assert_eq!(fs::read_to_string(&victim).unwrap(), TEXT);
        fs::remove_file(&path).unwrap();
        fs::hard_link(&victim, &path).unwrap();
        assert_eq!(found(&last), "has 2 names");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(found(&last), "is a directory");
        assert!(keep(&mut last, TEXT).contains("is a directory"));
        let other = LastGood::new(victim.clone(), effective_uid() + 1);
        assert!(found(&other).starts_with("belongs to another user (uid "), "{}", found(&other));
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o620)).unwrap();
        let other = LastGood::new(victim, effective_uid());
        assert_eq!(found(&other), "has mode 0620, which other users could have used");
    }

    #[test]
    fn what_is_no_configuration_is_of_no_use() {
        let dir = Dir::new();
        let path = dir.join("last-good");
        let last = LastGood::new(path.clone(), effective_uid());
        for (text, why) in [
            (&b""[..], "is empty".to_owned()),
            (b"\0\0\0", format!("has errors: {}:1:1: error: ", path.display())),
            (b"jib\n", format!("has errors: {}:1:1: error: ", path.display())),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(found(&last).starts_with(&why), "{}", found(&last));
        }
    }

    #[test]
    fn a_directory_that_is_missing_costs_a_line() {
        let dir = Dir::new();
        let mut last = LastGood::new(dir.join("none/last-good"), effective_uid());
        assert_eq!(found(&last), "is missing");
        let told = keep(&mut last, TEXT);
        assert!(
            told.ends_with("can't create a new one: No such file or directory; that file may be out of date"),
            "{told}"
        );
    }
}
