//! Files and directories that are not ours alone.

use super::*;

#[test]
fn what_is_no_file_of_ours_alone_is_refused() {
    let dir = Dir::new();
    let path = path_in(dir.path());
    let refusal = |what: &str| NotClaimed::Unusable(format!("{}: {what}", path.display()));
    symlink(dir.join("elsewhere"), &path).unwrap();
    assert_eq!(claim(dir.path()).unwrap_err(), refusal("is a symbolic link, which is never followed"));
    assert!(!dir.join("elsewhere").exists());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(claim(dir.path()).unwrap_err(), refusal("is a directory"));
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").arg("-m").arg("600").arg(&path).status().unwrap().success());
    assert_eq!(claim(dir.path()).unwrap_err(), refusal("is a FIFO, not a regular file"));
    fs::remove_file(&path).unwrap();
    write(dir.path(), b"");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    assert_eq!(claim(dir.path()).unwrap_err(), refusal("has mode 0660, which other users could have used"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&path, dir.join("second")).unwrap();
    assert_eq!(claim(dir.path()).unwrap_err(), refusal("has 2 names"));
    fs::remove_file(dir.join("second")).unwrap();
    assert!(claim(dir.path()).is_ok());
    if crate::sys::testing::as_root("a file of another user") {
        std::os::unix::fs::chown(&path, Some(4711), None).unwrap();
        assert_eq!(claim(dir.path()).unwrap_err(), refusal("belongs to another user (uid 4711)"));
    }
}

#[test]
fn a_directory_in_which_others_can_write_is_refused() {
    let dir = Dir::new();
    let (real, link) = (dir.join("real"), dir.join("link"));
    let refused = |path: &Path, what: &str| {
        assert_eq!(claim(path).unwrap_err(), NotClaimed::Unusable(format!("{}: {what}", path.display())));
    };
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    refused(&link, "is a symbolic link, which is never followed");
    for mode in [0o775, 0o757, 0o1777] {
        fs::set_permissions(&real, fs::Permissions::from_mode(mode)).unwrap();
        refused(&real, &format!("has mode {mode:04o}, which other users could have used"));
    }
    let foreign = StateFile::claim(&real, Path::new(CONFIG), uid() + 1).unwrap_err();
    assert_eq!(
        foreign,
        NotClaimed::Unusable(format!("{}: belongs to another user (uid {})", real.display(), uid()))
    );
    refused(&dir.join("no/such"), "can't create it: No such file or directory");
    fs::write(dir.join("file"), "").unwrap();
    refused(&dir.join("file"), "can't open it: Not a directory");
}

#[test]
fn a_running_pmtr_is_named_and_its_file_left_alone() {
    let dir = Dir::new();
    let mut running = claim(dir.path()).unwrap();
    running.take_over(own(), None);
    let before = fs::read(path_in(dir.path())).unwrap();
    let held = format!("{CONFIG}: a running pmtr [{}] has these jobs already", own());
    assert_eq!(claim(dir.path()).unwrap_err(), NotClaimed::Held(held));
    assert_eq!(fs::read(path_in(dir.path())).unwrap(), before);
    // Another configuration has another file.
    let other = StateFile::claim(dir.path(), Path::new("/srv/some.conf"), uid()).unwrap();
    other.remove();
    running.remove();
}
