use tempfile::TempDir;

use super::*;

#[test]
fn what_is_noted_is_known_to_the_next_run() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("notes");
    let notes = Notes::open(&path, "abc").unwrap();
    for (place, settled) in [(1, Settled::Accepted), (4, Settled::Refused), (2, Settled::Accepted)] {
        notes.note(place, settled).unwrap();
    }
    drop(notes);
    let notes = Notes::open(&path, "abc").unwrap();
    assert_eq!(notes.counted(), Counted { accepted: 2, refused: 1 });
    assert_eq!([1, 2, 3, 4, 5].map(|place| notes.has(place)), [true, true, false, true, false]);
}

#[test]
fn a_line_that_a_kill_cut_in_half_is_not_there() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("notes");
    let notes = Notes::open(&path, "abc").unwrap();
    notes.note(1, Settled::Accepted).unwrap();
    notes.note(12, Settled::Accepted).unwrap();
    drop(notes);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let notes = Notes::open(&path, "abc").unwrap();
        assert!(!notes.has(12), "{length}");
        notes.note(2, Settled::Accepted).unwrap();
        let before = notes.counted();
        drop(notes);
        assert_eq!(Notes::open(&path, "abc").unwrap().counted(), before, "{length}");
    }
}

#[test]
fn notes_of_another_file_are_refused_and_left_as_they_are() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("notes");
    drop(Notes::open(&path, "abc").unwrap());
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Notes::open(&path, "abd"), Err(BadNotes::OtherFile { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn two_imports_do_not_share_their_notes() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("notes");
    let _first = Notes::open(&path, "abc").unwrap();
    assert!(matches!(Notes::open(&path, "abc"), Err(BadNotes::InUse { .. })));
}

#[tokio::test]
async fn nothing_is_begun_too_far_ahead_of_what_is_unsettled() {
    let home = TempDir::new().unwrap();
    let notes = Notes::open(&home.path().join("notes"), "abc").unwrap();
    notes.near(WINDOW).await;
    let mut far = std::pin::pin!(notes.near(WINDOW + 1));
    assert!(futures::poll!(far.as_mut()).is_pending());
    notes.note(2, Settled::Accepted).unwrap();
    assert!(futures::poll!(far.as_mut()).is_pending());
    notes.note(1, Settled::Accepted).unwrap();
    far.await;
}
