//! The kind of file system of a path, determined from /proc/self/mountinfo and without touching the path: a server
//! that is down would delay pmtr.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Bound;

/// File systems whose answers come from another machine or process.
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

/// File systems on top of others, where a file can change unnoticed.
const LAYERED: [&[u8]; 4] = [b"aufs", b"ecryptfs", b"overlay", b"overlayfs"];

/// File systems whose files belong to the kernel: reading one can use up what it contains, as with /proc/kmsg.
const OF_KERNEL: [&[u8]; 8] =
    [b"binder", b"bpf", b"configfs", b"debugfs", b"proc", b"securityfs", b"sysfs", b"tracefs"];

/// Local file systems, which answer at once or as soon as a disk does. A user can neither mount one nor influence
/// how long it takes.
const PROMPT: [&[u8]; 21] = [
    b"bcachefs",
    b"btrfs",
    b"devtmpfs",
    b"erofs",
    b"exfat",
    b"ext2",
    b"ext3",
    b"ext4",
    b"f2fs",
    b"iso9660",
    b"jfs",
    b"ntfs3",
    b"overlay",
    b"ramfs",
    b"reiserfs",
    b"rootfs",
    b"squashfs",
    b"tmpfs",
    b"vfat",
    b"xfs",
    b"zfs",
];

/// The kernel's list of the mounts that pmtr sees.
pub(super) const LIST: &str = "/proc/self/mountinfo";
/// Enough for the list of a usual machine, so that it is read at once and not in pieces that begin with 32 bytes.
const LIST_BYTES: usize = 8 << 10;

/// The properties of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nature {
    /// Nobody can make pmtr wait.
    prompt: bool,
    /// Changes on it may go unreported.
    needs_looks: bool,
}

impl Nature {
    /// The properties of a path on no known mount.
    const UNKNOWN: Nature = Nature { prompt: false, needs_looks: false };

    fn of(kind: &[u8]) -> Nature {
        let remote = REMOTE.binary_search(&kind).is_ok() || kind.starts_with(b"fuse.");
        Nature { prompt: PROMPT.binary_search(&kind).is_ok(), needs_looks: remote || LAYERED.contains(&kind) }
    }
}

/// All mounts that this process sees.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    by_point: BTreeMap<Box<[u8]>, Nature>,
    /// Where the kernel's own files are, and their device numbers.
    of_kernel: BTreeMap<Box<[u8]>, u64>,
    /// The numbers of mounts on which nobody can make pmtr wait.
    prompt: Vec<u64>,
}

impl Mounts {
    /// The present mounts; none if the kernel does not list them.
    pub fn read() -> Mounts {
        File::open(LIST).and_then(|mut list| Mounts::read_from(&mut list)).unwrap_or_default()
    }

    /// The same, from an open list at its beginning.
    pub(super) fn read_from(list: &mut File) -> io::Result<Mounts> {
        let mut text = Vec::with_capacity(LIST_BYTES);
        list.read_to_end(&mut text)?;
        Ok(Mounts::parse(&text))
    }

    /// The mounts in a mountinfo file. A line that is not understood is skipped.
    pub fn parse(text: &[u8]) -> Mounts {
        let mut mounts = Mounts::default();
        for line in text.split(|b| *b == b'\n') {
            // Number, parent, device, root, mount point, options, any number of tags, a dash, the type.
            let mut fields = line.split(|b| *b == b' ');
            let number_of_mount =
                fields.next().and_then(|number| std::str::from_utf8(number).ok()?.parse::<u64>().ok());
            let Some(device) = fields.nth(1) else { continue };
            let Some(point) = fields.nth(1) else { continue };
            let Some(kind) = fields.skip_while(|field| *field != b"-").nth(1) else { continue };
            let nature = Nature::of(kind);
            mounts.prompt.extend(number_of_mount.filter(|_| nature.prompt));
            // Of several mounts on one point, the last one is on top.
            let point: Box<[u8]> = unescaped(point).into();
            match number(device).filter(|_| OF_KERNEL.contains(&kind)) {
                Some(number) => mounts.of_kernel.insert(point.clone(), number),
                None => mounts.of_kernel.remove(&point),
            };
            mounts.by_point.insert(point, nature);
        }
        mounts
    }

    /// Whether this path, taken literally, is on a mount on which nobody can make pmtr wait.
    pub fn is_prompt(&self, path: &[u8]) -> bool {
        self.nature(path).prompt
    }

    /// The numbers of all mounts on which nobody can make pmtr wait.
    pub fn prompt(&self) -> &[u64] {
        &self.prompt
    }

    /// Whether changes at this path, taken literally, may go unreported.
    pub fn needs_looks(&self, path: &[u8]) -> bool {
        self.nature(path).needs_looks
    }

    /// Whether this path, taken literally, is not a file of the kernel, but the object found there, on this device, is
    /// one: a link has led to it.
    pub fn leads_to_kernel(&self, path: &[u8], device: u64) -> bool {
        let named = self.mount(path).is_some_and(|(point, _)| self.of_kernel.contains_key(point));
        !named && self.of_kernel.values().any(|number| *number == device)
    }

    /// The point of the mount of this path, taken literally, if accessing it means to wait for another machine or
    /// process.
    pub fn remote<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let (point, nature) = self.mount(path)?;
        (nature.needs_looks && !nature.prompt).then_some(point)
    }

    fn nature(&self, path: &[u8]) -> Nature {
        self.mount(path).map_or(Nature::UNKNOWN, |(_, nature)| nature)
    }

    /// The mount with the longest point on the path. Called for each directory of deep paths.
    fn mount<'a>(&self, path: &'a [u8]) -> Option<(&'a [u8], Nature)> {
        let mut point = path;
        loop {
            // In this order, a point on the path comes before it, and everything between them begins with it too.
            let before = (Bound::Unbounded, Bound::Included(point));
            let (last, nature) = self.by_point.range::<[u8], _>(before).next_back()?;
            if **last == *point {
                return Some((point, *nature));
            }
            let shared = last.iter().zip(point).take_while(|(a, b)| a == b).count();
            match point.get(..=shared)?.iter().rposition(|b| *b == b'/') {
                Some(slash) if point.len() > 1 => point = point.get(..slash.max(1))?,
                Some(_) | None => return None,
            }
        }
    }
}

/// The device number that is written `MAJOR:MINOR`, as stat(2) returns it.
fn number(device: &[u8]) -> Option<u64> {
    let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
    let (major, minor): (u64, u64) = (major.parse().ok()?, minor.parse().ok()?);
    Some(minor & 0xff | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32)
}

/// Spaces and backslashes are written as a backslash and three octal digits.
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
        for (path, prompt, looks) in [
            (&b"/etc/pmtr.conf"[..], true, false),
            (b"/", true, false),
            (b"/proc/self/exe", false, false),
            (b"/mnt/nfs", false, true),
            (b"/mnt/nfs/a/b", false, true),
            (b"/mnt/nfsx/a", true, false),
            (b"/mnt/nfs/local/c", true, false),
            (b"/mnt/with blank\\/c", false, true),
            (b"/layers/etc/c", true, true),
            (b"/twice/c", true, false),
            (b"/no-dash/c", true, false),
            (b"relative", false, false),
            (b"", false, false),
        ] {
            assert_eq!((mounts.is_prompt(path), mounts.needs_looks(path)), (prompt, looks), "{path:?}");
        }
        assert_eq!(mounts.prompt(), [27, 31, 33, 35]);
        assert_eq!(mounts.remote(b"/mnt/nfs/a/b"), Some(&b"/mnt/nfs"[..]));
        for path in [&b"/etc/c"[..], b"/proc/self", b"/layers/c", b"/mnt/nfs/local/c", b"relative"] {
            assert_eq!(mounts.remote(path), None, "{path:?}");
        }
        assert!(!Mounts::default().is_prompt(b"/"));
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
        assert!(REMOTE.is_sorted() && PROMPT.is_sorted());
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
    fn of_all_points_that_lead_to_a_path_the_longest_counts() {
        let mut paths = vec![String::new()];
        for depth in 0..3 {
            let deepest: Vec<String> =
                paths.iter().filter(|path| path.matches('/').count() == depth).cloned().collect();
            paths.extend(
                deepest.iter().flat_map(|path| ["a", "a-", "ab"].map(|name| format!("{path}/{name}"))),
            );
        }
        paths.remove(0);
        for (first, second) in paths.iter().flat_map(|first| paths.iter().map(move |second| (first, second)))
        {
            for root in ["", "1 0 0:1 / / rw - ext4 none rw\n"] {
                let text = format!(
                    "{root}2 1 0:2 / {first} rw - ext4 none rw\n3 1 0:3 / {second} rw - ext4 none rw\n"
                );
                let mounts = Mounts::parse(text.as_bytes());
                for path in &paths {
                    let leads = |point: &&str| format!("{path}/").starts_with(&format!("{point}/"));
                    let points = [first.as_str(), second].into_iter().filter(leads);
                    let longest =
                        points.max_by_key(|point| point.len()).or((!root.is_empty()).then_some("/"));
                    let found = mounts.mount(path.as_bytes()).map(|(point, _)| point);
                    assert_eq!(found, longest.map(str::as_bytes), "{path} {text}");
                }
            }
        }
    }
}
