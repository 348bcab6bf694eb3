//! The smallest job there is: a program of a few instructions that tells its pid through a FIFO and
//! then does nothing. What is measured with it is the supervisor, not the loading of a program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const BASE: u32 = 0x40_0000;
const HEADERS: usize = 64 + 56;

/// Another process first of all, which goes to a group of its own and does nothing.
const LEAVER: [&[u8]; 3] = [
    // fork; who has a child goes on behind this
    &[0xb8, 57, 0, 0, 0, 0x0f, 0x05, 0x85, 0xc0, 0x75, 20],
    // setpgid(0, 0)
    &[0xb8, 109, 0, 0, 0, 0x31, 0xff, 0x31, 0xf6, 0x0f, 0x05],
    // pause, for ever
    &[0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7],
];

/// Writes the program to `path`; it will open `fifo`. One that `leaves` has left another process when it is killed.
pub fn write(path: &Path, fifo: &str, leaves: bool) {
    let mut code: Vec<u8> = if leaves { LEAVER.concat() } else { Vec::new() };
    // write(3, newline, 1): that it is ready, for those who have asked for that. Others have nothing there.
    code.extend([0xb8, 1, 0, 0, 0, 0xbf, 3, 0, 0, 0, 0xbe]);
    let newline_at = code.len();
    code.extend([0, 0, 0, 0, 0xba, 1, 0, 0, 0, 0x0f, 0x05]);
    // getpid, kept on the stack
    code.extend([0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x50]);
    // open(fifo, O_WRONLY); the address is filled in below
    code.extend([0xb8, 2, 0, 0, 0, 0xbf]);
    let address_at = code.len();
    code.extend([0, 0, 0, 0, 0xbe, 1, 0, 0, 0, 0x31, 0xd2, 0x0f, 0x05]);
    // write(fd, stack pointer, 8)
    code.extend([0x89, 0xc7, 0xb8, 1, 0, 0, 0, 0x48, 0x89, 0xe6, 0xba, 8, 0, 0, 0, 0x0f, 0x05]);
    // pause, for ever
    let again = code.len();
    code.extend([0xb8, 34, 0, 0, 0, 0x0f, 0x05]);
    let back = i8::try_from(again as isize - (code.len() + 2) as isize).unwrap();
    code.extend([0xeb, back.to_le_bytes()[0]]);
    let text_at = BASE + u32::try_from(HEADERS + code.len()).unwrap();
    code[address_at..address_at + 4].copy_from_slice(&text_at.to_le_bytes());
    code.extend(fifo.as_bytes());
    code.push(0);
    let newline = BASE + u32::try_from(HEADERS + code.len()).unwrap();
    code[newline_at..newline_at + 4].copy_from_slice(&newline.to_le_bytes());
    code.push(b'\n');

    let size = (HEADERS + code.len()) as u64;
    let mut file: Vec<u8> = Vec::new();
    file.extend(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    file.extend((u64::from(BASE) + HEADERS as u64).to_le_bytes());
    file.extend(64u64.to_le_bytes());
    file.extend(0u64.to_le_bytes());
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    // One segment, readable and executable.
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let base = u64::from(BASE);
    for value in [0, base, base, size, size, 0x1000] {
        file.extend(value.to_le_bytes());
    }
    file.extend(code);
    let part = path.with_extension("part");
    fs::write(&part, file).unwrap();
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(part, path).unwrap();
}
