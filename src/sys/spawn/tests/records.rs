//! The record that a child leaves.

use super::*;
use crate::sys::record::RecordPlace;

#[test]
fn a_child_leaves_its_record_before_it_does_anything_else() {
    let mut bench = Bench::new();
    let path = bench.dir.join("state");
    let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    for (way, offset) in [(shared(), 0), (Way::Copy, 1000)] {
        // A directory that is not there: the record comes before.
        for missing in [false, true] {
            let mut draft = JobDraft { name: b"recorded".to_vec(), ..bench.job(&["/bin/true"]) };
            if missing {
                draft.dir = Some(b"/no/such/directory".to_vec());
            }
            let before = crate::sys::clock::since_start();
            let place = RecordPlace { file: file.as_fd(), offset };
            let spec = JobSpec::from(draft);
            let child = ChildSpec::of_job(&spec, [None, None], Some(place));
            let pid = bench.spawner.spawn(&child, way).unwrap().pid();
            ended(pid);
            assert_eq!(bench.spawner.reaped(pid).is_some(), missing);
            let mut bytes = [0; crate::sys::record::RECORD_BYTES];
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset).unwrap();
            let record = crate::sys::record::decode(&bytes).unwrap();
            assert_eq!((record.pid, record.name.as_bytes()), (pid, &b"recorded"[..]));
            assert!(before <= record.before_nanos && record.before_nanos <= record.after_nanos);
            assert!(record.after_nanos <= crate::sys::clock::since_start());
        }
    }
}

#[test]
fn a_child_that_has_lost_its_parent_gives_up_and_one_that_cannot_write_starts() {
    let mut bench = Bench::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for way in both() {
        let place = Some(RecordPlace { file: full.as_fd(), offset: 0 });
        let spec = JobSpec::from(bench.job(&["/bin/true"]));
        let child = ChildSpec::of_job(&spec, [None, None], place);
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(0), None), "{way:?}");
        let ours = bench.spawner.own.replace(Pid::new(i32::MAX).unwrap());
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        let error = SpawnError { stage: Stage::Session, errno: Errno(libc::ESRCH) };
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(127), Some(error)), "{way:?}");
        bench.spawner.own = ours;
    }
}
