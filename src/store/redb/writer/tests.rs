use sendyard_actors::domain::time::Time;

use super::*;
use crate::store::contract::disk::Disk;
use crate::store::redb::file;

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::ZERO
    }
}

/// A writer that is told everything by its methods, on a disk of its own.
fn writer_on(disk: &Disk) -> Writer {
    let disk = disk.clone();
    let opener = move || {
        let [rows, first, second] = disk.files();
        file::open_on(rows, [first, second])
    };
    let handle = Handle::open(Box::new(opener)).unwrap();
    let clock = Arc::new(Still);
    let (_, work) = std::sync::mpsc::channel();
    Writer::new(Arc::new(handle), clock, work, Folding { at: 4096, beside: true })
}

fn log_group(writer: &Writer, number: u64) {
    let mut changes = Changes::default();
    changes.put(&number.to_be_bytes(), Some(vec![1; 100]));
    assert!(writer.handle.log(number, changes).is_ok());
}

#[test]
fn a_fold_that_failed_is_made_before_the_next_group_whoever_sees_it_fail() {
    for seen_by_reopening in [true, false] {
        let disk = Disk::default();
        let mut writer = writer_on(&disk);
        log_group(&writer, 1);
        disk.fail_sync(1);
        writer.begin_fold().unwrap();
        if seen_by_reopening {
            writer.reopen();
        } else {
            writer.end_fold(true).unwrap_err();
        }
        assert!(writer.handle.pending() > 0, "it is not folded");

        disk.fail_sync(1);
        writer.next_number().unwrap_err();
        assert_eq!(writer.next_number().unwrap(), 2);
        assert_eq!(writer.handle.pending(), 0, "it is folded");
    }
}

#[test]
fn what_both_logs_hold_at_a_start_is_folded_at_once() {
    let disk = Disk::default();
    let writer = writer_on(&disk);
    log_group(&writer, 1);
    drop(writer.handle.begin_fold());
    log_group(&writer, 2);
    drop(writer);

    let mut writer = writer_on(&disk);
    assert!(writer.handle.pending() > 0);
    assert_eq!(writer.next_number().unwrap(), 3);
    writer.end_fold(true).unwrap();
    assert_eq!(writer.handle.pending(), 0, "no turn could pass");
    assert!(!writer.handle.is_behind());
}
