use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::store::contract::disk::Disk;

const ID: u64 = 0x5e_4d_1a_4d;
const GROW_BY: u64 = 8192;
const SECTOR: usize = 512;

/// A disk with an empty log.
fn disk_with_log() -> Disk {
    let disk = Disk::default();
    create(&disk.log(), ID).unwrap();
    disk
}

fn open(disk: &Disk, folded: u64) -> Result<Opened, Fault> {
    Log::open(Box::new(disk.log()), ID, folded, GROW_BY)
}

/// What the groups of an opened log changed, which here is any bytes.
fn groups(disk: &Disk, folded: u64) -> Vec<Vec<u8>> {
    open(disk, folded).unwrap().groups
}

/// A disk whose log has these groups, numbered behind `folded`.
fn disk_with(folded: u64, groups: &[&[u8]]) -> Disk {
    let disk = disk_with_log();
    append_all(&disk, folded, groups);
    disk
}

fn append_all(disk: &Disk, folded: u64, groups: &[&[u8]]) {
    let mut log = open(disk, folded).unwrap().log;
    for (number, group) in (folded + 1..).zip(groups) {
        log.append(number, group).unwrap();
    }
}

/// The same over what is there, all of which is folded.
fn append_lap(disk: &Disk, folded: u64, groups: &[&[u8]]) {
    let mut log = open(disk, folded).unwrap().log;
    log.restart();
    for (number, group) in (folded + 1..).zip(groups) {
        log.append(number, group).unwrap();
    }
}

fn log_bytes(disk: &Disk) -> Vec<u8> {
    disk.content(1)
}

fn disk_of(log: Vec<u8>) -> Disk {
    let disk = Disk::default();
    disk.replace(1, log);
    disk
}

#[test]
fn groups_are_found_again_in_order_whatever_their_size() {
    let large = vec![7; 3 * 8192 + 1];
    let just_a_block = vec![1; 4096 - HEAD];
    let one_more = vec![2; 4096 - HEAD + 1];
    let written: [&[u8]; 6] = [b"one", &[], &large, &just_a_block, &one_more, b"last"];
    assert_eq!(groups(&disk_with(41, &written), 41), written);
}

#[test]
fn a_lap_begins_over_what_is_folded() {
    let disk = disk_with(0, &[b"one", b"two", b"three"]);
    assert!(groups(&disk, 3).is_empty(), "folded, and nothing of the new lap is there yet");
    append_lap(&disk, 3, &[b"four"]);
    assert_eq!(groups(&disk, 3), [b"four"]);
    append_lap(&disk, 4, &[b"five"]);
    assert_eq!(groups(&disk, 4), [b"five"]);
}

#[test]
fn entries_in_front_may_be_folded_while_those_behind_are_not() {
    let whole = log_bytes(&disk_with(0, &[b"one", b"two", b"three", b"four"]));
    for folded in 0..=9 {
        let disk = disk_of(whole.clone());
        let left = 4_u64.saturating_sub(folded);
        assert_eq!(groups(&disk, folded).len() as u64, left);
        append_all(&disk, folded.max(4), &[b"next"]);
        assert_eq!(groups(&disk, folded.max(4)), [b"next"]);
    }
    let disk = disk_of(whole);
    let mut log = open(&disk, 3).unwrap().log;
    log.append(5, b"five").unwrap();
    assert_eq!(groups(&disk, 2), [&b"three"[..], b"four", b"five"]);
}

#[test]
fn an_entry_that_does_not_follow_the_one_in_front_is_none() {
    let disk = disk_with(0, &[b"one", b"two"]);
    append_lap(&disk, 5, &[b"six"]);
    // Behind it stands the second of the lap before, which is known, and no seventh.
    assert_eq!(groups(&disk, 5), [b"six"]);
    assert!(groups(&disk, 6).is_empty());
}

#[test]
fn a_lap_that_is_begun_again_takes_no_more_room() {
    let disk = disk_with_log();
    let mut log = open(&disk, 0).unwrap().log;
    for lap in 0..5 {
        log.append(2 * lap + 1, &[1; 5000]).unwrap();
        log.append(2 * lap + 2, &[2; 5000]).unwrap();
        assert_eq!(log.used(), 4 * BLOCK);
        log.restart();
        assert_eq!(log.used(), 0);
    }
    assert_eq!(log_bytes(&disk).len(), 5 * 4096);
}

/// An entry of five sectors that is written over the one of an earlier lap.
fn before_and_after() -> (Vec<u8>, Vec<u8>) {
    let disk = disk_with(0, &[&[1; 5 * SECTOR - HEAD]]);
    // What opening changes is no part of the comparison.
    let before = log_bytes(&disk);
    let mut after = before.clone();
    let entry = Entry::new(ID, 2, &[2; 5 * SECTOR - HEAD - 9]);
    after[4096..8192].copy_from_slice(&entry.bytes);
    (before, after)
}

#[test]
fn an_entry_of_which_some_sectors_are_missing_is_none() {
    let (before, after) = before_and_after();
    for subset in 0..1_u32 << 5 {
        let mut torn = before.clone();
        for sector in (0..5).filter(|sector| subset & (1 << sector) != 0) {
            let from = 4096 + sector * SECTOR;
            torn[from..from + SECTOR].copy_from_slice(&after[from..from + SECTOR]);
        }
        let found = groups(&disk_of(torn), 1).len();
        assert_eq!(found, usize::from(subset == 0b1_1111), "sectors {subset:05b}");
    }
}

#[test]
fn an_entry_that_is_torn_at_any_byte_is_none() {
    let (before, after) = before_and_after();
    let entry_end = 4096 + 5 * SECTOR - 9;
    for torn_at in 4096..=4096 + 5 * SECTOR {
        let torn = [&after[..torn_at], &before[torn_at..]].concat();
        let found = groups(&disk_of(torn), 1).len();
        assert_eq!(found, usize::from(torn_at >= entry_end), "torn at {torn_at}");
    }
}

#[test]
fn an_entry_with_any_byte_changed_is_none() {
    let whole = log_bytes(&disk_with(0, &[b"changes"]));
    for place in 4096..4096 + HEAD + 7 {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        assert!(groups(&disk_of(changed), 0).is_empty(), "byte {place}");
    }
}

#[test]
fn a_log_that_is_cut_anywhere_has_what_is_whole_or_is_refused() {
    let whole = log_bytes(&disk_with(0, &[&[1; 5000], &[2; 100], &[3; 100]]));
    for length in (0..whole.len()).step_by(61) {
        let disk = disk_of(whole[..length].to_vec());
        let whole_groups = [0, 0, 0, 1, 2, 3, 3][length / 4096];
        match open(&disk, 0) {
            Ok(opened) => assert_eq!(opened.groups.len(), whole_groups, "{length}"),
            Err(Fault::Damaged(_)) => assert!(length < 4096),
            Err(other) => panic!("{length}: {other:?}"),
        }
        if length >= 4096 {
            append_all(&disk, whole_groups as u64, &[b"next"]);
        }
    }
}

#[test]
fn a_group_of_an_earlier_lap_behind_the_end_is_not_the_next() {
    // Lap two has one short entry; behind it stands the second of lap one.
    let disk = disk_with(0, &[b"one", b"two"]);
    append_lap(&disk, 2, &[b"three"]);
    assert_eq!(groups(&disk, 2), [b"three"]);
}

#[test]
fn a_text_that_looks_like_an_entry_is_none_without_the_id() {
    // Of an earlier lap: a group whose second block is a whole entry, but for the id.
    let forged = Entry::new(ID + 1, 3, b"forged");
    let mut text = vec![0; 4096 - HEAD];
    text.extend_from_slice(&forged.bytes);
    let disk = disk_with(0, &[&text]);
    append_lap(&disk, 1, &[b"two"]);
    assert_eq!(groups(&disk, 1), [b"two"]);
}

#[test]
fn what_is_lost_before_a_later_group_is_damage_and_no_end() {
    let mut bytes = log_bytes(&disk_with(0, &[b"one", b"two", b"three"]));
    bytes[2 * 4096 + HEAD] ^= 1;
    assert!(matches!(open(&disk_of(bytes), 0), Err(Fault::Damaged(_))));
}

#[test]
fn a_log_that_is_newer_than_the_file_is_refused() {
    let disk = disk_with(0, &[b"one", b"two", b"three"]);
    append_lap(&disk, 3, &[b"four"]);
    assert!(matches!(open(&disk, 0), Err(Fault::Damaged(_))), "the file was restored alone");
    assert!(matches!(open(&disk, 2), Err(Fault::Damaged(_))));
}

#[test]
fn another_stores_log_is_refused_and_left_alone() {
    let disk = disk_with(0, &[b"theirs"]);
    let before = log_bytes(&disk);
    let other = Log::open(Box::new(disk.log()), ID + 1, 0, GROW_BY);
    assert!(matches!(other, Err(Fault::NotOurs)));
    assert!(matches!(create(&disk.log(), ID + 1), Err(Fault::NotOurs)), "it holds groups");
    assert_eq!(log_bytes(&disk), before);
}

#[test]
fn a_log_is_made_over_nothing_and_over_an_empty_one_alone() {
    for nothing in [vec![], vec![0; 100], vec![0; 8192], log_bytes(&disk_with_log())] {
        let disk = disk_of(nothing);
        create(&disk.log(), ID + 1).unwrap();
        Log::open(Box::new(disk.log()), ID + 1, 0, GROW_BY).unwrap();
    }
    let page = disk_of(b"<html>".to_vec());
    assert!(matches!(create(&page.log(), ID), Err(Fault::NotOurs)));
    assert_eq!(log_bytes(&page), b"<html>");
    assert!(matches!(open(&disk_of(vec![1; 5000]), 0), Err(Fault::NotOurs)));
    assert!(matches!(open(&Disk::default(), 0), Err(Fault::Damaged(_))), "it has been there");
}

#[test]
fn after_a_failure_nothing_is_appended_until_the_log_is_opened_anew() {
    let disk = disk_with(0, &[b"one"]);
    let mut log = open(&disk, 0).unwrap().log;
    disk.fail_sync(1);
    assert!(matches!(log.append(2, b"two"), Err(AppendError::InDoubt(_))));
    assert!(matches!(log.append(2, b"another"), Err(AppendError::NotWritten(_))));
    drop(log);
    assert_eq!(groups(&disk, 0), [b"one", b"two"]);
}

#[test]
fn without_room_nothing_is_written_and_nothing_is_in_doubt() {
    let disk = disk_with_log();
    let mut log = open(&disk, 0).unwrap().log;
    log.append(1, &[1; 100]).unwrap();
    disk.leave_room(1);
    let full = log.append(2, &[2; 9000]).unwrap_err();
    let AppendError::NotWritten(error) = full else { panic!("{full:?}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    log.append(2, b"fits").unwrap();
    drop(log);
    assert_eq!(groups(&disk, 0), [vec![1; 100], b"fits".to_vec()]);
}

#[test]
fn a_group_that_was_told_not_to_be_there_does_not_come_back_under_its_number() {
    let mut refused = 0;
    for seed in 0..400 {
        let disk = Disk::seeded(seed);
        create(&disk.log(), ID).unwrap();
        append_all(&disk, 0, &[b"one"]);
        // The medium may have what can no longer be read, or the other way round.
        let mut log = open(&disk, 0).unwrap().log;
        disk.fail_sync(1);
        assert!(matches!(log.append(2, b"in doubt"), Err(AppendError::InDoubt(_))));
        let opened = open(&disk, 0).unwrap();
        let landed = opened.groups.len() == 2;
        refused += u32::from(!landed);
        // Its number is used again, and the power is cut over that, or before.
        let mut log = opened.log;
        disk.cut_after(1 + seed % 2);
        let next = if landed { 3 } else { 2 };
        assert!(log.append(next, b"the next").is_err());

        let found = groups(&disk.after_power_cut(seed), 0);
        assert_eq!(found[0], b"one");
        let is_there = found.get(1).is_some_and(|group| group == b"in doubt");
        assert_eq!(is_there, landed, "seed {seed}");
    }
    assert!((20..380).contains(&refused), "{refused} were refused");
}

#[test]
fn a_refused_group_does_not_come_back_where_a_lap_begins_or_goes_on_behind_folded_ones() {
    for begins_lap in [true, false] {
        let mut refused = 0;
        for seed in 0..400 {
            let disk = Disk::seeded(seed);
            create(&disk.log(), ID).unwrap();
            append_all(&disk, 0, &[b"one", b"two"]);
            let mut log = Log::open(Box::new(disk.log()), ID, 1, GROW_BY).unwrap().log;
            if begins_lap {
                log.restart();
            }
            disk.fail_sync(1);
            assert!(matches!(log.append(3, b"in doubt"), Err(AppendError::InDoubt(_))));
            let opened = open(&disk, 2).unwrap();
            if !opened.groups.is_empty() {
                continue;
            }
            refused += 1;
            // Another group may have its number, in this log or in the other one.
            let mut log = opened.log;
            if seed % 2 == 0 {
                log.append(3, b"the next").unwrap();
            }
            drop(log);
            let found = groups(&disk.after_power_cut(seed), 2);
            let expected: &[&[u8]] = if seed % 2 == 0 { &[b"the next"] } else { &[] };
            assert_eq!(found, expected, "seed {seed}, begins a lap: {begins_lap}");
        }
        assert!(refused > 10, "{refused} were refused");
    }
}

/// A log that lives through failures, and what is known of it.
struct Walk {
    disk: Disk,
    dice: StdRng,
    log: Option<Log>,
    folded: u64,
    /// Answered and not folded.
    answered: BTreeMap<u64, Vec<u8>>,
    /// Neither answered nor refused yet.
    in_doubt: Option<Vec<u8>>,
    /// Told not to be there.
    refused: HashSet<Vec<u8>>,
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    appended: u32,
    landed_after_doubt: u32,
    refused_after_doubt: u32,
    folds: u32,
    cuts: u32,
}

impl Walk {
    fn start(seed: u64) -> Self {
        let disk = Disk::seeded(seed);
        create(&disk.log(), ID).unwrap();
        Self {
            disk,
            dice: StdRng::seed_from_u64(seed),
            log: None,
            folded: 0,
            answered: BTreeMap::new(),
            in_doubt: None,
            refused: HashSet::new(),
            seen: Seen::default(),
        }
    }

    fn last(&self) -> u64 {
        self.answered.keys().next_back().copied().unwrap_or(self.folded)
    }

    fn arm(&mut self) {
        match self.dice.random_range(0..12) {
            0 => self.disk.fail_sync(1),
            1 => self.disk.fail_write(self.dice.random_range(1..3)),
            2 => self.disk.cut_after(self.dice.random_range(1..5)),
            _ => {}
        }
    }

    fn open(&mut self) {
        match open(&self.disk, self.folded) {
            Ok(opened) => {
                self.check(opened.groups);
                self.log = Some(opened.log);
            }
            // Closed, and whatever was in doubt still is.
            Err(Fault::Io(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    /// What was answered is there; of what was in doubt, all or nothing; and nothing else.
    fn check(&mut self, found: Vec<Vec<u8>>) {
        let found: BTreeMap<u64, Vec<u8>> = (self.folded + 1..).zip(found).collect();
        for (number, group) in &self.answered {
            assert!(found.get(number) == Some(group), "group {number} was answered");
        }
        let in_doubt = self.in_doubt.take();
        for (number, group) in found.range(self.last() + 1..) {
            assert!(!self.refused.contains(group), "group {number} was told not to be there");
            assert!(in_doubt.as_ref() == Some(group), "group {number} is nobody's");
        }
        if found.len() > self.answered.len() {
            self.seen.landed_after_doubt += 1;
        } else if let Some(group) = in_doubt {
            self.seen.refused_after_doubt += 1;
            self.refused.insert(group);
        }
        self.answered = found;
    }

    fn group(&mut self) -> Vec<u8> {
        let length = match self.dice.random_range(0..3) {
            0 => 16,
            1 => self.dice.random_range(16..3_000),
            _ => self.dice.random_range(3_000..9_000),
        };
        let mut group = vec![0; length];
        self.dice.fill(&mut group);
        group
    }

    fn append(&mut self) {
        let group = self.group();
        let number = self.last() + 1;
        let Some(log) = self.log.as_mut() else { return };
        match log.append(number, &group) {
            Ok(()) => {
                self.seen.appended += 1;
                self.answered.insert(number, group);
            }
            Err(AppendError::NotWritten(_)) => {
                self.refused.insert(group);
                self.log = None;
            }
            Err(AppendError::InDoubt(_)) => {
                self.in_doubt = Some(group);
                self.log = None;
            }
        }
    }

    fn fold(&mut self) {
        if let Some(log) = self.log.as_mut() {
            self.folded = self.answered.keys().next_back().copied().unwrap_or(self.folded);
            self.answered.clear();
            log.restart();
            self.seen.folds += 1;
        }
    }

    fn cut(&mut self) {
        self.log = None;
        self.disk = self.disk.after_power_cut(self.dice.random());
        self.seen.cuts += 1;
    }

    fn step(&mut self) {
        match self.dice.random_range(0..20) {
            0..2 => self.fold(),
            2 => self.cut(),
            3 => self.log = None,
            _ => {
                self.arm();
                if self.log.is_none() {
                    self.open();
                }
                self.append();
                // Without power nothing goes on.
                if self.disk.is_off() {
                    self.cut();
                }
            }
        }
    }
}

#[test]
fn what_was_answered_stays_and_what_was_refused_never_comes_back() {
    let mut all = Seen::default();
    for seed in 0..150 {
        let mut walk = Walk::start(seed);
        for _step in 0..60 {
            walk.step();
        }
        let Seen { appended, landed_after_doubt, refused_after_doubt, folds, cuts } = walk.seen;
        all.appended += appended;
        all.landed_after_doubt += landed_after_doubt;
        all.refused_after_doubt += refused_after_doubt;
        all.folds += folds;
        all.cuts += cuts;
    }
    println!("{all:?}");
    assert!(all.landed_after_doubt > 50 && all.refused_after_doubt > 50, "{all:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..10_000),
        head in any::<[u64; 2]>(),
        begin in any::<bool>(),
    ) {
        if begin && bytes.len() > 4096 + HEAD {
            bytes[..4096].copy_from_slice(&header(ID));
            bytes[4096 + 16..4096 + 24].copy_from_slice(&ID.to_be_bytes());
            bytes[4096 + 24..4096 + 32].copy_from_slice(&head[0].to_be_bytes());
            bytes[4096 + 32..4096 + 40].copy_from_slice(&head[1].to_be_bytes());
        }
        let disk = disk_of(bytes);
        if let Ok(opened) = open(&disk, 0) {
            assert!(opened.groups.is_empty());
        }
        let _ = create(&disk.log(), ID);
    }
}
