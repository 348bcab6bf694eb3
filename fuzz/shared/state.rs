//! The state file: whatever its bytes are, what is believed of it is what pmtr can have written.
//!
//! The input says what is changed in a good file, because a checksum guards everything: a byte of 0 to 3 with what
//! belongs to it, again and again.

use crate::format::{self, Contents, HEAD_BYTES, Here, PATH_BYTES};
use pmtr::model::{JobName, Pid};
use pmtr::sys::record::{self, RECORD_BYTES, Record, RecordKind};

const PATH: &[u8] = b"/etc/pmtr.conf";

pub fn run(input: &[u8]) {
    let boot = b"0d9f7a52-3c1e-4f7e-9f0e-6a1b2c3d4e5f".to_vec();
    let here = Here { boot, namespace: 4_026_531_836, clock: Some(0) };
    // As it is, and each record of it alone.
    let _ = format::decode(input, &here, Some(PATH));
    let _ = format::writer(input);
    if let Some(bytes) = input.first_chunk() {
        one(bytes);
    }
    let name = format::file_name(input);
    assert!(name.len() <= 255 && !name.contains(&b'/') && name.ends_with(b".state"), "{name:?}");

    let mut file = format::head(&here, PATH, 1);
    let (mut whole, mut rest) = (Vec::new(), input);
    let mut touched = false;
    while let Some((what, tail)) = rest.split_first() {
        rest = match what & 3 {
            // A record that a child or its parent may have left, or not.
            0 => {
                let (numbers, tail) = tail.split_at(tail.len().min(5));
                let number = |at: usize| numbers.get(at).copied().unwrap_or(1);
                let length = tail.len().min(usize::from(number(4)));
                let (name, tail) = tail.split_at(length);
                let before_nanos = u64::from(number(0)) << (number(1) & 31);
                let after_nanos = u64::from(number(2)) << (number(1) & 31);
                let pid = Pid::new(i32::from(number(3)) << (number(1) >> 5) | 1).expect("it is odd");
                let (name, seen) = (JobName::new(name), what & 4 != 0);
                let kind = match what >> 3 & 3 {
                    1 => RecordKind::Helper,
                    2 => RecordKind::Log,
                    _ => RecordKind::Job,
                };
                let record = Record { kind, pid, name, before_nanos, after_nanos, seen };
                let bytes = record::encode(&record);
                let read = record::decode(&bytes);
                assert!(read.is_none() || read.as_ref() == Some(&record), "{read:?}");
                file.extend(bytes);
                whole.extend(read);
                tail
            }
            // A place without one.
            1 => {
                file.extend([0; RECORD_BYTES]);
                tail
            }
            // Another byte somewhere.
            2 => {
                let (place, tail) = tail.split_at(tail.len().min(3));
                if let &[high, low, byte] = place {
                    let place = usize::from(u16::from_be_bytes([high, low])) % file.len();
                    touched |= file[place] != byte;
                    file[place] = byte;
                }
                tail
            }
            // The same in the head, with a checksum that is right.
            _ => {
                let (place, tail) = tail.split_at(tail.len().min(3));
                if let &[high, low, byte] = place {
                    let place = usize::from(u16::from_be_bytes([high, low])) % (HEAD_BYTES - 8);
                    touched |= file[place] != byte;
                    file[place] = byte;
                    let sum = record::sum(&file[..HEAD_BYTES - 8]);
                    file[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
                }
                tail
            }
        };
    }
    file.truncate(file.len() - rest.len().min(1));
    match format::decode(&file, &here, Some(PATH)) {
        Ok(Contents { records, damaged, clock_unknown }) => {
            assert!(touched || !clock_unknown);
            assert!(records.len() + damaged <= (file.len() - HEAD_BYTES).div_ceil(RECORD_BYTES));
            assert!(touched || records == whole, "{records:?}");
            // The head may be that of another time namespace by now.
            let clock = file[..HEAD_BYTES - 8].last_chunk().map(|clock| i64::from_le_bytes(*clock));
            let behind = clock.filter(|_| !clock_unknown).unwrap_or(0).wrapping_neg();
            for record in &mut whole {
                record.before_nanos = record.before_nanos.wrapping_add_signed(behind);
                record.after_nanos = record.after_nanos.wrapping_add_signed(behind);
            }
            // A changed byte makes a record none, or it was one that says nothing.
            assert!(records.iter().all(|record| whole.contains(record)), "{records:?}");
        }
        Err(odd) => assert!(touched, "{odd}"),
    }
    for other in [&b"/etc/pmtr.con"[..], b"/etc/pmtr.conf2", b"", &[b'/'; PATH_BYTES + 1]] {
        let read = format::decode(&file, &here, Some(other));
        assert!(read.is_err() || touched, "it belongs to another");
    }
    let no_boot = Here { boot: Vec::new(), ..here };
    assert!(
        format::decode(&file, &no_boot, Some(PATH)).is_err(),
        "nobody knows which run of the machine this is"
    );
}

/// What is read of a record is what would be written.
fn one(bytes: &[u8; RECORD_BYTES]) {
    if let Some(record) = record::decode(bytes) {
        assert_eq!(record::encode(&record), *bytes);
    }
}
