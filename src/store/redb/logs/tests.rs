use std::collections::{BTreeMap, HashSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::store::contract::disk::Disk;

const ID: u64 = 0x5e_4d_1a_4d;
const GROW_BY: u64 = 8192;
const BLOCK: usize = 4096;

fn files(disk: &Disk) -> [Box<dyn StorageBackend>; 2] {
    let [_, first, second] = disk.files();
    [Box::new(first), Box::new(second)]
}

/// Gives a disk two empty logs.
fn create(disk: &Disk) {
    for file in files(disk) {
        log::create(&*file, ID).unwrap();
    }
}

fn disk_with_logs() -> Disk {
    let disk = Disk::default();
    create(&disk);
    disk
}

fn open(disk: &Disk, folded: u64) -> Result<Opened, (usize, Fault)> {
    Logs::open(files(disk), ID, folded, GROW_BY)
}

fn groups(disk: &Disk, folded: u64) -> Vec<Vec<u8>> {
    open(disk, folded).unwrap().groups
}

/// Appends groups that say their numbers.
fn append(logs: &mut Logs, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        logs.append(number, &said(number)).unwrap();
    }
}

fn said(number: u64) -> Vec<u8> {
    format!("group {number}").into_bytes()
}

fn said_all(numbers: std::ops::RangeInclusive<u64>) -> Vec<Vec<u8>> {
    numbers.map(said).collect()
}

/// Both logs with groups: 1 to 3 in one, 4 and 5 in the other.
fn disk_with_both() -> Disk {
    let disk = disk_with_logs();
    let mut logs = open(&disk, 0).unwrap().logs;
    append(&mut logs, 1..=3);
    logs.turn_if_free();
    append(&mut logs, 4..=5);
    disk
}

/// Lets one byte of an entry of a log read otherwise.
fn spoil(disk: &Disk, which: usize, entry: usize) {
    let mut bytes = disk.content(which);
    bytes[(1 + entry) * BLOCK + 40] ^= 1;
    disk.replace(which, bytes);
}

#[test]
fn groups_of_both_are_found_in_their_order_wherever_the_turns_began() {
    for turns_before in 0..3 {
        let disk = disk_with_logs();
        let mut logs = open(&disk, 0).unwrap().logs;
        let mut folded = 0;
        for _turn in 0..turns_before {
            append(&mut logs, folded + 1..=folded + 4);
            folded += 4;
            logs.turn_if_free();
            logs.free_other();
        }
        append(&mut logs, folded + 1..=folded + 2);
        logs.turn_if_free();
        append(&mut logs, folded + 3..=folded + 3);
        assert_eq!(groups(&disk, folded), said_all(folded + 1..=folded + 3), "after {turns_before} turns");
    }
}

#[test]
fn what_is_folded_of_both_is_left_out() {
    for folded in 0..=5 {
        assert_eq!(groups(&disk_with_both(), folded), said_all(folded + 1..=5), "folded up to {folded}");
    }
}

#[test]
fn the_turn_passes_only_to_a_log_that_is_free() {
    let disk = disk_with_both();
    let mut logs = open(&disk, 2).unwrap().logs;
    assert!(!logs.can_turn(), "group 3 is not folded");
    logs.turn_if_free();
    append(&mut logs, 6..=6);
    assert_eq!(groups(&disk, 2), said_all(3..=6));

    let mut logs = open(&disk, 3).unwrap().logs;
    assert!(logs.can_turn());
    logs.turn_if_free();
    append(&mut logs, 7..=7);
    assert_eq!(groups(&disk, 3), said_all(4..=7));
}

#[test]
fn after_the_fold_of_all_both_are_begun_anew() {
    let disk = disk_with_both();
    let mut logs = open(&disk, 0).unwrap().logs;
    logs.restart();
    assert_eq!((logs.used(), logs.can_turn()), (0, true));
    append(&mut logs, 6..=6);
    assert_eq!(groups(&disk, 5), said_all(6..=6));
}

#[test]
fn a_turn_that_was_cut_short_is_none() {
    let disk = disk_with_logs();
    let mut logs = open(&disk, 0).unwrap().logs;
    append(&mut logs, 1..=3);
    logs.turn_if_free();
    append(&mut logs, 4..=4);
    spoil(&disk, 2, 0);
    let opened = open(&disk, 0).unwrap();
    assert_eq!(opened.groups, said_all(1..=3));
    let mut logs = opened.logs;
    append(&mut logs, 4..=4);
    logs.turn_if_free();
    append(&mut logs, 5..=5);
    assert_eq!(groups(&disk, 0), said_all(1..=5));
}

#[test]
fn a_group_that_is_missing_in_either_is_damage_and_says_where() {
    for (which, entry) in [(1, 0), (1, 1), (2, 0)] {
        let disk = disk_with_both();
        spoil(&disk, which, entry);
        let Err((place, Fault::Damaged(_))) = open(&disk, 0) else { panic!("log {which}, entry {entry}") };
        assert_eq!(place + 1, which);
    }
    // The last of the older one is missed by the newer one.
    let disk = disk_with_both();
    spoil(&disk, 1, 2);
    assert!(matches!(open(&disk, 0), Err((1, Fault::Damaged(_)))));
}

#[test]
fn one_of_another_moment_is_refused() {
    let earlier = disk_with_logs();
    let both = disk_with_both();
    for which in [1, 2] {
        let disk = disk_with_both();
        disk.replace(which, earlier.content(which));
        // Of the newer one nothing tells that it was more.
        let refused = matches!(open(&disk, 0), Err((_, Fault::Damaged(_))));
        assert_eq!(refused, which == 1);
    }
    let mut logs = open(&both, 3).unwrap().logs;
    logs.turn_if_free();
    append(&mut logs, 6..=8);
    assert!(matches!(open(&both, 0), Err((_, Fault::Damaged(_)))), "the rows were restored alone");
}

#[test]
fn nor_back_before_the_groups_of_the_other_are_folded() {
    let disk = disk_with_logs();
    let mut logs = open(&disk, 0).unwrap().logs;
    append(&mut logs, 1..=1);
    logs.turn_if_free();
    assert!(!logs.can_turn());
    logs.turn_if_free();
    append(&mut logs, 2..=2);
    assert_eq!(groups(&disk, 0), said_all(1..=2));
}

#[test]
fn a_refused_group_does_not_come_back_where_a_turn_began() {
    let mut refused = 0;
    for seed in 0..400 {
        let disk = Disk::seeded(seed);
        create(&disk);
        let mut logs = open(&disk, 0).unwrap().logs;
        append(&mut logs, 1..=2);
        logs.turn_if_free();
        append(&mut logs, 3..=4);
        logs.free_other();
        logs.turn_if_free();
        disk.fail_sync(1);
        assert!(matches!(logs.append(5, b"in doubt"), Err(AppendError::InDoubt(_))));
        drop(logs);
        if groups(&disk, 2).len() == 2 {
            refused += 1;
            assert_eq!(groups(&disk.after_power_cut(seed), 2), said_all(3..=4), "seed {seed}");
        }
    }
    assert!(refused > 10, "{refused} were refused");
}

/// Two logs and a table that live through failures, and what is known of them.
struct Walk {
    disk: Disk,
    dice: StdRng,
    logs: Option<Logs>,
    /// The last group in the table.
    folded: u64,
    /// A fold beside the groups: up to where, and whether the table has it already.
    fold: Option<(u64, bool)>,
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
    landed_after_doubt: u32,
    refused_after_doubt: u32,
    folds: u32,
    failed_folds: u32,
    opened_with_both: u32,
    cuts: u32,
}

impl Walk {
    fn start(seed: u64) -> Self {
        let disk = Disk::seeded(seed);
        create(&disk);
        Self {
            disk,
            dice: StdRng::seed_from_u64(seed),
            logs: None,
            folded: 0,
            fold: None,
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
            0 => self.disk.fail_sync(self.dice.random_range(1..3)),
            1 => self.disk.fail_write(self.dice.random_range(1..4)),
            2 => self.disk.cut_after(self.dice.random_range(1..8)),
            _ => {}
        }
    }

    /// As after any failure: what a fold came to is seen in the table.
    fn close(&mut self) {
        self.logs = None;
        self.fold = None;
    }

    fn open(&mut self) {
        match open(&self.disk, self.folded) {
            Ok(opened) => {
                self.check(opened.groups);
                self.seen.opened_with_both += u32::from(!opened.logs.can_turn());
                self.logs = Some(opened.logs);
            }
            // Closed, and whatever was in doubt still is.
            Err((_, Fault::Io(_))) => {}
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
        let Some(logs) = self.logs.as_mut() else { return };
        match logs.append(number, &group) {
            Ok(()) => {
                self.answered.insert(number, group);
            }
            Err(AppendError::NotWritten(_)) => {
                self.refused.insert(group);
                self.close();
            }
            Err(AppendError::InDoubt(_)) => {
                self.in_doubt = Some(group);
                self.close();
            }
        }
    }

    fn begin_fold(&mut self) {
        let last = self.last();
        if self.fold.is_none()
            && let Some(logs) = self.logs.as_mut()
        {
            logs.turn_if_free();
            self.fold = Some((last, false));
        }
    }

    /// The commit returns, and nobody has looked yet.
    fn commit_fold(&mut self) {
        if let Some((up_to, is_made @ false)) = self.fold.as_mut() {
            *is_made = true;
            self.folded = *up_to;
            self.answered = self.answered.split_off(&(*up_to + 1));
        }
    }

    fn end_fold(&mut self) {
        self.commit_fold();
        if self.fold.take().is_some()
            && let Some(logs) = self.logs.as_mut()
        {
            logs.free_other();
            self.seen.folds += 1;
        }
    }

    fn fail_fold(&mut self) {
        if self.fold.is_some() {
            // It may be in the table all the same.
            if self.dice.random_bool(0.3) {
                self.commit_fold();
            }
            self.close();
            self.seen.failed_folds += 1;
        }
    }

    fn fold_all(&mut self) {
        self.end_fold();
        if self.logs.is_some() {
            self.fold = Some((self.last(), false));
            self.commit_fold();
            self.fold = None;
        }
        if let Some(logs) = self.logs.as_mut() {
            logs.restart();
        }
    }

    fn cut(&mut self) {
        self.close();
        self.disk = self.disk.after_power_cut(self.dice.random());
        self.seen.cuts += 1;
    }

    fn step(&mut self) {
        match self.dice.random_range(0..40) {
            0..5 => self.begin_fold(),
            5..7 => self.commit_fold(),
            7..11 => self.end_fold(),
            11 => self.fail_fold(),
            12 => self.fold_all(),
            13..15 => self.cut(),
            15 => self.close(),
            _ => {
                self.arm();
                if self.logs.is_none() {
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
fn through_turns_and_folds_what_was_answered_stays_and_what_was_refused_never_comes_back() {
    let mut all = Seen::default();
    for seed in 0..300 {
        let mut walk = Walk::start(seed);
        for _step in 0..80 {
            walk.step();
        }
        let Seen { landed_after_doubt, refused_after_doubt, folds, failed_folds, opened_with_both, cuts } =
            walk.seen;
        all.landed_after_doubt += landed_after_doubt;
        all.refused_after_doubt += refused_after_doubt;
        all.folds += folds;
        all.failed_folds += failed_folds;
        all.opened_with_both += opened_with_both;
        all.cuts += cuts;
    }
    println!("{all:?}");
    assert!(all.landed_after_doubt > 50 && all.refused_after_doubt > 50, "{all:?}");
    assert!(all.failed_folds > 50 && all.opened_with_both > 50, "{all:?}");
}
