//! Only one pmtr runs a configuration, whatever links lead to it and wherever the state file is kept.
//!
//! The claim is a lock on a file in the runtime directory that only its owner can open. Its name is made from the real
//! path of the configuration and from its file system: in a container, the same path is another file.
#![forbid(unsafe_code)]

use super::claim::{Claim, Rules, Why};
use super::pidfile;
use super::state::{self, NotClaimed};
use crate::model::{Clean, Errno};
use crate::sys::numbers::ENOENT;
use crate::sys::record;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The directory may be removed between two steps, together with the last file in it.
const ATTEMPTS: u32 = 10;
/// Two paths and a number fit.
const NOTE_BYTES: usize = 3 * 4096;
/// How much of the base name fits into a file name.
const BASE_BYTES: usize = 200;

/// The claim on a configuration.
#[derive(Debug)]
pub(super) struct Sole {
    claim: Claim,
    config: PathBuf,
    /// The state file of the pmtr that ran this configuration last and was killed.
    former_state: Option<PathBuf>,
}

impl Sole {
    /// Claims the configuration at this absolute path with a file in `dir`.
    pub(super) fn claim(dir: &Path, config: &Path, uid: u32) -> Result<Sole, NotClaimed> {
        let real = fs::canonicalize(config).unwrap_or_else(|_| config.to_owned());
        let device = fs::metadata(&real).map_or(0, |there| there.dev());
        let path = dir.join(file_name(&real, device));
        let unusable =
            |path: &Path, why| NotClaimed::Unusable(format!("{}: {why}", Clean(path.as_os_str().as_bytes())));
        let mut attempts = ATTEMPTS;
        loop {
            state::enter(dir, uid).map_err(|why| unusable(dir, why))?;
            match Claim::take(path.clone(), Rules::for_a_claim(uid), holder) {
                Ok(claim) => {
                    let former_state = former_state(&claim.file);
                    return Ok(Sole { claim, config: real, former_state });
                }
                Err(Why::Held(pid)) => return Err(NotClaimed::Held(state::held(config, pid))),
                Err(Why::Failed(_, Errno(ENOENT))) if attempts > 0 => attempts -= 1,
                Err(why) => return Err(unusable(&path, why)),
            }
        }
    }

    /// The state file of the pmtr that was killed.
    pub(super) fn former_state(&self) -> Option<&Path> {
        self.former_state.as_deref()
    }

    /// Writes our pid, the configuration and the state file into the claimed file. If that fails, the lock still holds.
    pub(super) fn write(&self, pid: u32, state: Option<&Path>) {
        let (pid, config) = (pid.to_string(), self.config.as_os_str().as_bytes());
        let state = state.map_or(&b""[..], |state| state.as_os_str().as_bytes());
        let note = [pid.as_bytes(), config, state, b""].join(&b'\n');
        let file = &self.claim.file;
        let _ = file.write_all_at(&note, 0).and_then(|()| file.set_len(note.len() as u64));
    }

    /// Gives up the claim. pmtr is exiting, so a failure is ignored.
    pub(super) fn remove(self) {
        let _ = self.claim.remove();
    }
}

fn file_name(real: &Path, device: u64) -> OsString {
    let path = real.as_os_str().as_bytes();
    let base = real.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    let base = base.get(..BASE_BYTES).unwrap_or(base);
    let sum = record::sum(&[path, b"\0", &device.to_le_bytes()].concat());
    OsString::from_vec([base, format!("-{sum:016x}.lock").as_bytes()].concat())
}

/// The third line of the file.
fn former_state(file: &File) -> Option<PathBuf> {
    let mut note = vec![0; NOTE_BYTES];
    let length = file.read_at(&mut note, 0).ok()?;
    let state = note.get(..length)?.split(|byte| *byte == b'\n').nth(2)?;
    (!state.is_empty()).then(|| PathBuf::from(OsString::from_vec(state.to_vec())))
}

/// The pid of the holder as the file says it.
fn holder(file: &File) -> Option<u32> {
    let mut buffer = [0; 16];
    let length = file.read_at(&mut buffer, 0).ok()?;
    pidfile::number(buffer.get(..length)?.split(|byte| *byte == b'\n').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::effective_uid;
    use crate::sys::testing::Dir;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn links_and_other_names_of_its_directory_lead_to_one_claim() {
        let dir = Dir::new();
        let (locks, conf) = (dir.join("locks"), dir.join("pmtr.conf"));
        fs::write(&conf, "").unwrap();
        fs::create_dir(dir.join("etc")).unwrap();
        symlink(&conf, dir.join("etc/link.conf")).unwrap();
        symlink(dir.path(), dir.join("etc/up")).unwrap();
        let claim = |name: &str| Sole::claim(&locks, &dir.join(name), effective_uid());
        let sole = claim("pmtr.conf").unwrap();
        sole.write(812, Some(Path::new("/run/pmtr/x.state")));
        for name in ["pmtr.conf", "etc/link.conf", "etc/up/pmtr.conf", "etc/../pmtr.conf"] {
            let held = format!("{}: a running pmtr [812] has these jobs already", dir.join(name).display());
            assert_eq!(claim(name).unwrap_err(), NotClaimed::Held(held));
        }
        // Another file is another configuration, whether it exists or not.
        fs::write(dir.join("etc/pmtr.conf"), "").unwrap();
        claim("etc/pmtr.conf").unwrap().remove();
        claim("none.conf").unwrap().remove();
        // A pmtr that was killed leaves the path of its state.
        drop(sole);
        let sole = claim("etc/link.conf").unwrap();
        assert_eq!(sole.former_state(), Some(Path::new("/run/pmtr/x.state")));
        sole.write(813, None);
        drop(sole);
        let sole = claim("pmtr.conf").unwrap();
        assert_eq!(sole.former_state(), None);
        sole.remove();
        assert_eq!(fs::read_dir(&locks).unwrap().count(), 0);
        claim("etc/link.conf").unwrap().remove();
    }

    #[test]
    fn one_path_on_another_file_system_is_another_configuration() {
        assert_ne!(file_name(Path::new("/etc/pmtr.conf"), 1), file_name(Path::new("/etc/pmtr.conf"), 2));
        let name = file_name(Path::new("/etc/pmtr.conf"), 1).into_string().unwrap();
        assert!(name.starts_with("pmtr.conf-") && name.ends_with(".lock") && name.len() == 31, "{name}");
    }

    #[test]
    fn a_directory_that_cannot_hold_the_lock_is_reported() {
        let dir = Dir::new();
        let locks = dir.join("locks");
        fs::create_dir(&locks).unwrap();
        fs::set_permissions(&locks, fs::Permissions::from_mode(0o777)).unwrap();
        let refused = Sole::claim(&locks, &dir.join("a"), effective_uid()).unwrap_err();
        assert!(matches!(&refused, NotClaimed::Unusable(why) if why.contains("mode 0777")), "{refused:?}");
        let refused = Sole::claim(&dir.join("no/locks"), &dir.join("a"), effective_uid()).unwrap_err();
        assert!(matches!(&refused, NotClaimed::Unusable(why) if why.contains("No such file")), "{refused:?}");
    }
}
