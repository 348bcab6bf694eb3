//! What kind of file system a path lies on, told by /proc/self/mountinfo and never by touching the path:
//! a server that is away would hold up whoever asks it.

use super::trail::{End, Step, follow};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::FileType;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What can be expected of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// It answers at once and tells of every change.
    Local,
    /// It answers at once; changes beneath it are not told.
    Layered,
    /// It answers when somebody else does, and does not tell what others change.
    Remote,
}

/// File systems whose answers come from another machine, another process or another host.
const REMOTE: [&[u8]; 28] = [
    b"9p",
    b"acfs",
    b"afs",
    b"autofs",
    b"beegfs",
    b"ceph",
    b"cifs",
    b"coda",
    b"fuse",
    b"fuseblk",
    b"gfs2",
    b"glusterfs",
    b"gpfs",
    b"lustre",
    b"ncpfs",
    b"nfs",
    b"nfs4",
    b"ocfs2",
    b"orangefs",
    b"panfs",
    b"prl_fs",
    b"pvfs2",
    b"smb3",
    b"smbfs",
    b"vboxsf",
    b"virtiofs",
    b"vmhgfs",
    b"wslfs",
];

/// File systems made of others, beneath which a file can change unnoticed.
const LAYERED: [&[u8]; 4] = [b"aufs", b"ecryptfs", b"overlay", b"overlayfs"];

/// File systems whose files are the kernel's own: to read one can mean to use up what it holds, as with /proc/kmsg.
const OF_KERNEL: [&[u8]; 8] =
    [b"binder", b"bpf", b"configfs", b"debugfs", b"proc", b"securityfs", b"sysfs", b"tracefs"];

impl Nature {
    fn of(kind: &[u8]) -> Nature {
        if REMOTE.binary_search(&kind).is_ok() || kind.starts_with(b"fuse.") {
            Nature::Remote
        } else if LAYERED.contains(&kind) {
            Nature::Layered
        } else {
            Nature::Local
        }
    }
}

/// All mounts that this process sees.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    by_point: BTreeMap<Box<[u8]>, Nature>,
    /// Where the kernel's own files are, and by which device numbers they are known.
    of_kernel: BTreeMap<Box<[u8]>, u64>,
}

impl Mounts {
    /// The mounts of this moment; none when the kernel does not tell.
    pub fn read() -> Mounts {
        std::fs::read("/proc/self/mountinfo").map_or(Mounts::default(), |text| Mounts::parse(&text))
    }

    /// The mounts that a mountinfo file lists. A line that is not understood is left out.
    pub fn parse(text: &[u8]) -> Mounts {
        let mut mounts = Mounts::default();
        for line in text.split(|b| *b == b'\n') {
            // Number, parent, device, root, mount point, options, any number of tags, a dash, the kind.
            let mut fields = line.split(|b| *b == b' ');
            let Some(device) = fields.nth(2) else { continue };
            let Some(point) = fields.nth(1) else { continue };
            let Some(kind) = fields.skip_while(|field| *field != b"-").nth(1) else { continue };
            // Of several on one point the last is on top.
            let point: Box<[u8]> = unescaped(point).into();
            match number(device).filter(|_| OF_KERNEL.contains(&kind)) {
                Some(number) => mounts.of_kernel.insert(point.clone(), number),
                None => mounts.of_kernel.remove(&point),
            };
            mounts.by_point.insert(point, Nature::of(kind));
        }
        mounts
    }

    /// Whether an answer about this path, taken literally, could be long in coming.
    pub fn is_remote(&self, path: &[u8]) -> bool {
        self.nature(path) == Nature::Remote
    }

    /// Whether changes at this path, taken literally, can go untold.
    pub fn needs_looks(&self, path: &[u8]) -> bool {
        self.nature(path) != Nature::Local
    }

    /// Whether there is any file system on which somebody could be held up.
    pub fn any_remote(&self) -> bool {
        self.by_point.values().any(|nature| *nature == Nature::Remote)
    }

    /// Whether a path, taken literally, is none of the kernel's own files, but what was found there, on this device,
    /// is one: a link has led to it.
    pub fn leads_to_kernel(&self, path: &[u8], device: u64) -> bool {
        let named = self.mount(path).is_some_and(|(point, _)| self.of_kernel.contains_key(point));
        !named && self.of_kernel.values().any(|number| *number == device)
    }

    fn nature(&self, path: &[u8]) -> Nature {
        self.mount(path).map_or(Nature::Local, |(_, nature)| nature)
    }

    /// The mount with the longest point that leads to the path.
    fn mount<'a>(&self, path: &'a [u8]) -> Option<(&'a [u8], Nature)> {
        let mut point = path;
        loop {
            if let Some(nature) = self.by_point.get(point) {
                return Some((point, *nature));
            }
            match point.iter().rposition(|b| *b == b'/') {
                Some(slash) if point.len() > 1 => point = point.get(..slash.max(1)).unwrap_or_default(),
                Some(_) | None => return None,
            }
        }
    }
}

/// The number of a device that is written `MAJOR:MINOR`, as stat(2) tells it.
fn number(device: &[u8]) -> Option<u64> {
    let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
    let (major, minor): (u64, u64) = (major.parse().ok()?, minor.parse().ok()?);
    Some(minor & 0xff | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32)
}

/// Blanks and backslashes stand as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|d| *first == b'\\' && d.iter().all(|b| (b'0'..=b'7').contains(b)));
        let value = digits.map(|d| d.iter().fold(0u32, |sum, b| sum * 8 + u32::from(*b - b'0')));
        match value.map(u8::try_from) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            Some(Err(_)) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Whether opening this path could hold somebody up: it leads over a remote file system, or to a FIFO, a disk or
/// a terminal.
/// What is relative is so to `cwd`. Each step's mount is judged before the step is looked at.
pub fn may_hold_up(mounts: &Mounts, path: &[u8], cwd: &[u8]) -> bool {
    let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
    let whole = if slash.is_empty() { path.to_vec() } else { [cwd, slash, path].concat() };
    let mut remote = false;
    let trail = follow(&whole, |path| {
        remote = remote || mounts.is_remote(path);
        if remote { Step::Closed } else { look(path) }
    });
    if remote {
        return true;
    }
    match trail.end {
        End::Found(_, Step::File | Step::Dir) => false,
        // The links of /proc do not lead where they say; only the kernel can follow them.
        End::Found(..) | End::Missing | End::Closed | End::Loop => {
            std::fs::metadata(OsStr::from_bytes(&whole))
                .is_ok_and(|meta| waits(meta.file_type(), meta.rdev()))
        }
    }
}

/// A serial line waits for its modem, a tape for its tape; /dev/null and its like have the major number 1.
fn waits(kind: FileType, device: u64) -> bool {
    let major = device >> 8 & 0xfff;
    kind.is_fifo() || kind.is_block_device() || kind.is_char_device() && major != 1
}

/// What stands at a path, without following it.
pub(super) fn look(path: &[u8]) -> Step {
    let path = Path::new(OsStr::from_bytes(path));
    let kind = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Step::Missing,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Step::Missing,
        Err(_) => return Step::Closed,
    };
    if kind.is_dir() {
        Step::Dir
    } else if kind.is_file() {
        Step::File
    } else if kind.is_symlink() {
        std::fs::read_link(path)
            .map_or(Step::Missing, |target| Step::Link(target.into_os_string().into_encoded_bytes()))
    } else {
        Step::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw\n\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
30 27 0:30 / /mnt/nfs rw shared:5 master:2 - nfs4 server:/ rw\n\
31 30 0:31 / /mnt/nfs/local rw shared:6 - tmpfs none rw\n\
32 27 0:32 / /mnt/with\\040blank\\134 rw - fuse.sshfs host:/ rw\n\
33 27 0:33 / /layers rw - overlay overlay rw,lowerdir=/a\n\
34 27 0:34 / /twice rw - nfs server:/ rw\n\
35 34 0:35 / /twice rw - tmpfs none rw\n\
broken\n\
36 27 0:36 / /no-dash rw tmpfs none rw\n";

    #[test]
    fn the_longest_mount_point_that_leads_to_a_path_tells_its_kind() {
        let mounts = Mounts::parse(TEXT);
        for (path, remote, looks) in [
            (&b"/etc/pmtr.conf"[..], false, false),
            (b"/", false, false),
            (b"/mnt/nfs", true, true),
            (b"/mnt/nfs/a/b", true, true),
            (b"/mnt/nfsx/a", false, false),
            (b"/mnt/nfs/local/c", false, false),
            (b"/mnt/with blank\\/c", true, true),
            (b"/layers/etc/c", false, true),
            (b"/twice/c", false, false),
            (b"/no-dash/c", false, false),
            (b"relative", false, false),
            (b"", false, false),
        ] {
            assert_eq!((mounts.is_remote(path), mounts.needs_looks(path)), (remote, looks), "{path:?}");
        }
        assert!(mounts.any_remote() && !Mounts::default().any_remote());
    }

    #[test]
    fn only_a_link_leads_to_the_kernel_unnamed() {
        let mounts = Mounts::parse(TEXT);
        for (path, device, leads) in [
            (&b"/etc/app"[..], 21, true),
            (b"/etc/app", 22, false),
            (b"/proc/version", 21, false),
            (b"/procx", 21, true),
        ] {
            assert_eq!(mounts.leads_to_kernel(path, device), leads, "{path:?} {device}");
        }
        assert_eq!(number(b"254:3"), Some(0xfe03));
        assert_eq!(number(b"0:300"), Some(0x10002c));
        assert_eq!((number(b"x"), number(b"1:"), number(b"4096:1")), (None, None, Some(0x1000_0000_0001)));
        assert!(OF_KERNEL.is_sorted());
    }

    #[test]
    fn the_kinds_are_in_order() {
        assert!(REMOTE.is_sorted());
    }

    #[test]
    fn octal_escapes_are_undone_and_anything_else_is_left() {
        for (field, bytes) in [
            (&b"a\\040b\\011"[..], &b"a b\t"[..]),
            (b"\\", b"\\"),
            (b"\\04", b"\\04"),
            (b"\\089", b"\\089"),
            (b"\\777", b"\\777"),
            (b"\\134\\134", b"\\\\"),
        ] {
            assert_eq!(unescaped(field), bytes);
        }
    }

    #[test]
    fn a_remote_step_is_never_looked_at() {
        let mounts = Mounts::parse(b"1 1 0:1 / /nowhere-to-be-found rw - nfs x:/ rw\n");
        assert!(may_hold_up(&mounts, b"/nowhere-to-be-found/log", b"/"));
        assert!(may_hold_up(&mounts, b"log", b"/nowhere-to-be-found/"));
        assert!(!may_hold_up(&mounts, b"/tmp/../dev/null", b"/nowhere-to-be-found"));
    }

    #[test]
    fn only_what_can_wait_holds_up() {
        let mounts = Mounts::default();
        let dir = crate::sys::testing::Dir::new();
        assert!(std::process::Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
        std::os::unix::fs::symlink("fifo", dir.join("link")).unwrap();
        let dir_bytes = dir.path().as_os_str().as_bytes();
        let answers =
            [&b"fifo"[..], b"link", b"missing", b".", b"/dev/null", b"/proc/self/exe", b"/dev/ptmx"]
                .map(|path| may_hold_up(&mounts, path, dir_bytes));
        assert_eq!(answers, [true, true, false, false, false, false, true]);
    }
}
