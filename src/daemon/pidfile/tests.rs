use super::super::claim;
use super::*;
use crate::sys::testing::Dir;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

/// A directory for each test, removed at the end.
struct Scratch(Dir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(Dir::new())
    }

    fn path(&self) -> PathBuf {
        self.0.join("pmtr.pid")
    }

    fn lock(&self) -> PathBuf {
        self.0.join("pmtr.pid.lock")
    }

    fn uid(&self) -> u32 {
        fs::metadata(self.0.path()).unwrap().uid()
    }

    fn claim(&self) -> Result<PidFile, String> {
        let prefix = format!("pid file {}: ", self.path().display());
        PidFile::claim(&self.path(), self.uid())
            .map_err(|e| e.to_string().strip_prefix(&prefix).unwrap().to_owned())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }
}

#[test]
fn a_fresh_file_is_made_written_and_removed() {
    let scratch = Scratch::new();
    let claimed = scratch.claim().unwrap();
    assert_eq!(scratch.text(), "");
    claimed.write(4711).unwrap();
    assert_eq!(scratch.text(), "4711\n");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!((mode(scratch.path()) & 0o700, mode(scratch.lock())), (0o600, 0o600));
    claimed.remove().unwrap();
    assert!(!scratch.path().exists() && !scratch.lock().exists());
}

#[test]
fn a_lock_on_the_note_is_no_claim() {
    let scratch = Scratch::new();
    fs::write(scratch.path(), "4711\n").unwrap();
    // As every user can that can read it.
    let reader = File::open(scratch.path()).unwrap();
    reader.try_lock().unwrap();
    let claimed = scratch.claim().unwrap();
    claimed.write(4712).unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "held by a running pmtr [4712]");
    claimed.remove().unwrap();
    drop(reader);
}

#[test]
fn a_lock_file_that_others_could_have_locked_is_refused() {
    let scratch = Scratch::new();
    fs::write(scratch.lock(), "1\n").unwrap();
    fs::set_permissions(scratch.lock(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = PidFile::claim(&scratch.path(), scratch.uid()).unwrap_err();
    assert_eq!((error.path, error.why), (scratch.lock(), Why::Mode(0o644)));
    assert!(!scratch.path().exists());
}

#[test]
fn a_stale_file_is_taken_over_whatever_number_it_holds() {
    let scratch = Scratch::new();
    for old in ["", "1\n", "1234567890\n", "12", " 77 \n\n", "\0\0\0\0"] {
        fs::write(scratch.path(), old).unwrap();
        let claimed = scratch.claim().unwrap();
        assert_eq!(scratch.text(), old);
        claimed.write(5).unwrap();
        assert_eq!(scratch.text(), "5\n");
        // A new file for each: a process that another test starts holds our descriptors until its exec.
        claimed.remove().unwrap();
    }
}

#[test]
fn a_file_with_a_live_holder_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let holder = scratch.claim().unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "held by a running pmtr");
    let own = std::process::id();
    holder.write(own).unwrap();
    assert_eq!(scratch.claim().unwrap_err(), format!("held by a running pmtr [{own}]"));
    assert_eq!(scratch.text(), format!("{own}\n"));
    // Not just dropped: a process that another test starts holds our descriptors until its exec.
    holder.lock.file.unlock().unwrap();
    scratch.claim().unwrap();
}

#[test]
fn a_holder_that_is_just_ending_is_waited_for() {
    let scratch = Scratch::new();
    let held = scratch.claim().unwrap();
    // It is still there when it is looked for, and has ended before the next look.
    let holder = |_: &File| held.lock.file.unlock().ok().map(|()| std::process::id());
    Claim::take(scratch.lock(), Rules::for_a_claim(scratch.uid()), holder).unwrap();
}

#[test]
fn a_child_of_a_holder_that_was_killed_is_waited_for() {
    let scratch = Scratch::new();
    let holder = scratch.claim().unwrap();
    let child = holder.lock.file.try_clone().unwrap();
    let mut gone = std::process::Command::new("/bin/true").spawn().unwrap();
    gone.wait().unwrap();
    holder.write(gone.id()).unwrap();
    drop(holder);
    let first_steps = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        child.unlock().unwrap();
    });
    scratch.claim().unwrap();
    first_steps.join().unwrap();
}

#[test]
fn the_claim_lasts_while_one_of_two_processes_has_it() {
    // A fork leaves two descriptors of one open file, as dup does.
    let scratch = Scratch::new();
    let parent = scratch.claim().unwrap();
    let child = parent.lock.file.try_clone().unwrap();
    drop(parent);
    assert_eq!(scratch.claim().unwrap_err(), "held by a running pmtr");
    child.unlock().unwrap();
    scratch.claim().unwrap();
}

#[test]
fn a_link_is_never_followed() {
    let scratch = Scratch::new();
    let target = scratch.0.join("target");
    symlink(&target, scratch.path()).unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "is a symbolic link, which is never followed");
    assert!(!target.exists());
    fs::write(&target, "1\n").unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "is a symbolic link, which is never followed");
    assert!(matches!(
        claim::open(&scratch.path(), Rules { uid: scratch.uid(), mode: 0o644, strict: false }),
        Err(Why::Link)
    ));
}

#[test]
fn what_is_no_regular_file_is_refused_unopened() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path()).unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "is a directory");
    fs::remove_dir(scratch.path()).unwrap();

    let made = std::process::Command::new("mkfifo").arg(scratch.path()).status().unwrap();
    assert!(made.success());
    assert_eq!(scratch.claim().unwrap_err(), "is a FIFO, not a regular file");
    fs::remove_file(scratch.path()).unwrap();

    let _socket = UnixListener::bind(scratch.path()).unwrap();
    assert_eq!(scratch.claim().unwrap_err(), "is a socket, not a regular file");

    let null = PidFile::claim(Path::new("/dev/null"), 0).unwrap_err().to_string();
    assert_eq!(null, "pid file /dev/null: is a device, not a regular file");
}

#[test]
fn the_file_of_another_user_is_refused() {
    let scratch = Scratch::new();
    fs::write(scratch.path(), "1\n").unwrap();
    let (uid, other) = (scratch.uid(), scratch.uid() + 1);
    let error = PidFile::claim(&scratch.path(), other).unwrap_err();
    assert_eq!(error.why, Why::Owner(uid));
    assert_eq!(scratch.text(), "1\n");
}

#[test]
fn a_file_that_holds_something_else_is_not_overwritten() {
    let scratch = Scratch::new();
    for content in ["job {\n name a\n", "12 a\n", "-1\n", &"1".repeat(33)] {
        fs::write(scratch.path(), content).unwrap();
        assert_eq!(
            scratch.claim().unwrap_err(),
            "does not contain a process id; left unchanged",
            "{content}"
        );
        assert_eq!(scratch.text(), content);
        assert!(!scratch.lock().exists());
    }
    // Nor a file that only happens to have the name of the lock.
    fs::remove_file(scratch.path()).unwrap();
    fs::write(scratch.lock(), "mine\n").unwrap();
    fs::set_permissions(scratch.lock(), fs::Permissions::from_mode(0o600)).unwrap();
    let error = PidFile::claim(&scratch.path(), scratch.uid()).unwrap_err();
    assert_eq!((error.path, error.why), (scratch.lock(), Why::Foreign));
    assert_eq!(fs::read_to_string(scratch.lock()).unwrap(), "mine\n");
    assert!(!scratch.path().exists());
}

#[test]
fn a_missing_directory_is_named_as_the_reason() {
    let scratch = Scratch::new();
    let path = scratch.0.join("missing/pmtr.pid");
    let error = PidFile::claim(&path, scratch.uid()).unwrap_err().to_string();
    assert_eq!(error, format!("pid file {}.lock: can't open it: No such file or directory", path.display()));
}

#[test]
fn a_file_removed_meanwhile_is_no_error_at_the_end() {
    let scratch = Scratch::new();
    let claimed = scratch.claim().unwrap();
    fs::remove_file(scratch.path()).unwrap();
    claimed.remove().unwrap();
}

#[test]
fn a_file_replaced_meanwhile_stays() {
    let scratch = Scratch::new();
    let claimed = scratch.claim().unwrap();
    claimed.write(1).unwrap();
    let new = scratch.0.join("new");
    fs::write(&new, "2\n").unwrap();
    fs::rename(&new, scratch.path()).unwrap();
    claimed.remove().unwrap();
    assert_eq!(scratch.text(), "2\n");
}

#[test]
fn a_relative_path_is_made_absolute() {
    // Whatever the current directory of the tests is, the file must not be left there.
    let name = format!("pmtr-relative-{}.pid", std::process::id());
    let here = std::env::current_dir().unwrap();
    let uid = Scratch::new().uid();
    let claimed = PidFile::claim(Path::new(&name), uid).unwrap();
    assert_eq!(claimed.note.path, here.join(name));
    claimed.remove().unwrap();
}
