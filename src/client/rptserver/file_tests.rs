use super::*;
use crate::sys::testing::{Dir, as_root};
use std::os::unix::fs::{lchown, symlink};

/// A user who is neither root nor the one running the tests.
const STRANGER: u32 = 65_534;

/// Creates a directory in it that everybody can write to, like /tmp.
fn open_to_all(dir: &Dir) -> PathBuf {
    let open = dir.join("open");
    fs::create_dir(&open).unwrap();
    set_mode(&open, 0o1777);
    open
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn put(target: &TargetFile, content: &[u8]) -> Result<(), FileError> {
    let mut draft = Draft::new(target)?;
    assert_eq!(draft.write(content)?, content.len());
    draft.publish()
}

fn names(dir: &Dir) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refusal(path: &Path) -> String {
    TargetFile::new(path).unwrap_err().to_string()
}

#[test]
fn a_file_is_readable_by_all_and_no_temporary_file_is_left() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    assert!(names(&dir).is_empty() && !target.exists());
    put(&target, b"one").unwrap();
    put(&target, b"two").unwrap();
    assert_eq!((dir.read("page").as_str(), names(&dir).len()), ("two", 1));
    assert_eq!(mode(&dir.join("page")), 0o644);
}

#[test]
fn a_reader_sees_whole_pages_only() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    let content = |round: u8| vec![b'a' + round % 26; 40_000];
    put(&target, &content(0)).unwrap();
    let path = dir.join("page");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let page = fs::read(&path).unwrap();
                assert!(page.len() == 40_000 && page.iter().all(|byte| *byte == page[0]));
                seen += 1;
            }
            seen
        });
        for round in 0..200 {
            let mut draft = Draft::new(&target).unwrap();
            for part in content(round).chunks(1_000) {
                assert_eq!(draft.write(part).unwrap(), 1_000);
            }
            draft.publish().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn the_target_of_a_link_is_replaced_and_the_link_stays() {
    let dir = Dir::new();
    fs::create_dir(dir.join("away")).unwrap();
    symlink("away/second", dir.join("first")).unwrap();
    symlink("page", dir.join("away/second")).unwrap();
    let target = TargetFile::new(&dir.join("first")).unwrap();
    put(&target, b"one").unwrap();
    put(&target, b"two").unwrap();
    assert_eq!(dir.read("away/page"), "two");
    for link in ["first", "away/second"] {
        assert!(dir.join(link).symlink_metadata().unwrap().is_symlink());
    }
    assert!(target.is_same(&TargetFile::new(&dir.join("away/../away/page")).unwrap()));
    assert!(!target.is_same(&TargetFile::new(&dir.join("page")).unwrap()));
    // The link may change while pmtr-rptserver runs.
    fs::remove_file(dir.join("first")).unwrap();
    symlink("other", dir.join("first")).unwrap();
    put(&target, b"three").unwrap();
    assert_eq!((dir.read("other").as_str(), dir.read("away/page").as_str()), ("three", "two"));
}

#[test]
fn a_path_that_cannot_be_written_is_refused_with_the_reason() {
    let dir = Dir::new();
    let shown = |name: &str| dir.join(name).display().to_string();
    fs::create_dir(dir.join("dir")).unwrap();
    fs::write(dir.join("plain"), "").unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    symlink("/dev/null", dir.join("null")).unwrap();
    for name in ["dir", "null"] {
        let path = dir.join(name);
        assert_eq!(refusal(&path), format!("can't write {}: not a regular file", shown(name)));
    }
    assert_eq!(refusal(Path::new("/dev/null")), "can't write /dev/null: not a regular file");
    assert_eq!(refusal(Path::new("/")), "can't write /: not a regular file");
    for (name, directory, why) in
        [("none/page", "none", "No such file or directory"), ("plain/page", "plain", "Not a directory")]
    {
        let expected = format!("can't write {}: directory {}: {why}", shown(name), shown(directory));
        assert_eq!(refusal(&dir.join(name)), expected);
    }
    let expected = format!("can't write {}: Too many levels of symbolic links", shown("loop"));
    assert_eq!(refusal(&dir.join("loop")), expected);
    assert_eq!(refusal(Path::new("/proc/page")).split(": ").nth(1), Some("directory /proc"));
}

#[test]
fn an_unfinished_draft_leaves_the_old_file_and_no_trace() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    put(&target, b"old").unwrap();
    let mut draft = Draft::new(&target).unwrap();
    draft.write(b"ne").unwrap();
    assert_eq!(names(&dir).len(), 2);
    drop(draft);
    assert_eq!((dir.read("page").as_str(), names(&dir).len()), ("old", 1));
}

#[test]
fn a_directory_created_in_the_meantime_is_not_replaced() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    let draft = Draft::new(&target).unwrap();
    fs::create_dir(dir.join("page")).unwrap();
    let text = draft.publish().unwrap_err().to_string();
    assert!(text.ends_with(": Is a directory"), "{text}");
    assert_eq!(names(&dir), ["page"]);
    assert!(put(&target, b"x").unwrap_err().to_string().ends_with(": not a regular file"));
}

#[test]
fn what_an_earlier_run_left_is_removed_and_a_link_in_its_place_is_not_followed() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    let temporary = Draft::new(&target).unwrap().temporary.clone();
    fs::write(&temporary, "left over").unwrap();
    put(&target, b"one").unwrap();
    fs::write(dir.join("victim"), "untouched").unwrap();
    symlink("victim", &temporary).unwrap();
    put(&target, b"two").unwrap();
    assert_eq!((dir.read("page").as_str(), dir.read("victim").as_str()), ("two", "untouched"));
    assert_eq!(names(&dir), ["page", "victim"]);
}

#[test]
fn a_link_that_another_user_may_have_created_is_not_followed() {
    if !as_root("a file of another user") {
        return;
    }
    let dir = Dir::new();
    let open = open_to_all(&dir);
    let (victim, page) = (dir.join("victim"), open.join("page"));
    fs::write(&victim, "precious").unwrap();
    set_mode(&victim, 0o600);
    symlink(&victim, &page).unwrap();
    symlink("open/page", dir.join("ours")).unwrap();
    // Root's own link is followed there too.
    let target = TargetFile::new(&page).unwrap();
    lchown(&page, Some(STRANGER), Some(STRANGER)).unwrap();
    let why = "is a symbolic link of another user in a world-writable directory";
    // Neither by its name nor over other links, neither at the start nor later.
    for path in [&page, &dir.join("ours")] {
        let link = directory_of(path).join(if *path == page { "page" } else { "open/page" });
        assert_eq!(refusal(path), format!("can't write {}: {} {why}", path.display(), link.display()));
    }
    assert!(put(&target, b"one").unwrap_err().to_string().ends_with(why));
    assert_eq!((dir.read("victim").as_str(), mode(&victim)), ("precious", 0o600));
    assert_eq!(fs::read_dir(&open).unwrap().count(), 1);
    // If the directory is not world-writable, only a user with permission can have created the link.
    set_mode(&open, 0o755);
    put(&target, b"two").unwrap();
    assert_eq!(dir.read("victim"), "two");
}

#[test]
fn a_link_created_in_the_meantime_is_itself_replaced() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    let draft = Draft::new(&target).unwrap();
    fs::write(dir.join("victim"), "precious").unwrap();
    symlink("victim", dir.join("page")).unwrap();
    draft.publish().unwrap();
    assert_eq!((dir.read("victim").as_str(), dir.read("page").as_str()), ("precious", ""));
}

#[test]
fn a_temporary_file_of_another_user_is_left_alone() {
    if !as_root("a file of another user") {
        return;
    }
    let dir = Dir::new();
    let open = open_to_all(&dir);
    let target = TargetFile::new(&open.join("page")).unwrap();
    let usual = open.join(".page.tmp");
    fs::write(&usual, "his").unwrap();
    lchown(&usual, Some(STRANGER), Some(STRANGER)).unwrap();
    put(&target, b"one").unwrap();
    put(&target, b"two").unwrap();
    assert_eq!((dir.read("open/page").as_str(), dir.read("open/.page.tmp").as_str()), ("two", "his"));
    assert_eq!(fs::read_dir(&open).unwrap().count(), 2);
    // If the directory is not world-writable, the file can only be left from a run as another user.
    set_mode(&open, 0o755);
    put(&target, b"three").unwrap();
    assert_eq!((dir.read("open/page").as_str(), usual.exists()), ("three", false));
}

#[test]
fn if_the_usual_name_stays_taken_each_draft_has_another_name() {
    let dir = Dir::new();
    let target = TargetFile::new(&dir.join("page")).unwrap();
    fs::create_dir(dir.join(".page.tmp")).unwrap();
    let drafts = [(); 2].map(|()| Draft::new(&target).unwrap());
    let [first, second] = drafts.each_ref().map(|draft| draft.temporary.clone());
    assert_ne!(first, second);
    for temporary in [first, second] {
        let name = temporary.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(".page.") && name.ends_with(".tmp") && name.len() == 18, "{name}");
    }
    drop(drafts);
    assert_eq!(names(&dir), [".page.tmp"]);
}

#[test]
fn no_other_user_can_read_a_draft() {
    let dir = Dir::new();
    let draft = Draft::new(&TargetFile::new(&dir.join("page")).unwrap()).unwrap();
    assert_eq!(mode(&draft.temporary) & 0o077, 0);
    assert_eq!(draft.temporary, dir.join(".page.tmp"));
}

#[test]
fn a_name_without_a_directory_is_in_the_current_one() {
    assert_eq!(directory_of(Path::new("page")), Path::new("."));
    assert_eq!(directory_of(Path::new("a/page")), Path::new("a"));
    assert_eq!(directory_of(Path::new("/page")), Path::new("/"));
}
