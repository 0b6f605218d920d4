//! The form of a note, and the channel that it goes over.
//!
//! A byte for the form's version, then postcard of [`Form`]. Processes of two versions may be there at the
//! same time: what one cannot read it drops, and finds a moment later what that was about.

use sendyard_actors::domain::grants::{Party, Word};
use sendyard_actors::domain::ids::{AccountName, Incarnation, MessageId, OrganizationId, Shard};
use sendyard_actors::domain::message::Lane;
use sendyard_actors::domain::outcome::Slows;
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Note, To, Waiting};
use sendyard_actors::sender::ToldStanding;
use sendyard_actors::slowing::TooFast;
use serde::{Deserialize, Serialize};

/// The form that this version writes and reads.
const VERSION: u8 = 1;

/// New kinds of note come last: their place is what is written of them.
#[derive(Serialize, Deserialize)]
enum Form {
    Stored(E164, Entry),
    Waiting(E164),
    Offered(E164, MessageId, Incarnation),
    Ended(MessageId, u16),
    /// As `Stored`; of another lane than the normal one, or with media.
    StoredIn(E164, Entry, Lane, bool),
    Tuned(E164),
    /// What an older version said of units, which counted segments alone: nothing follows from it.
    AccountInSegments,
    OrganizationInSegments,
    Describe(E164, Incarnation),
    Stands(E164, Option<ToldStanding>),
    TooFast(Slows, TooFast),
    Account(AccountName, Word),
    Organization(OrganizationId, Party, Word),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Entry {
    id: MessageId,
    seq: u64,
    recipient: E164,
    segments: u32,
    due: Time,
    attempt: u16,
    elsewhere: bool,
}

/// A note's bytes; `None` if it has none, which is not to be.
pub(super) fn encode(note: &Note) -> Option<Vec<u8>> {
    let form = match note.clone() {
        Note::Stored(sender, Waiting { id, seq, recipient, lane, cost, due, attempt, elsewhere }) => {
            let entry = Entry { id, seq, recipient, segments: cost.segments, due, attempt, elsewhere };
            match (lane, cost.mms) {
                (Lane::Normal, false) => Form::Stored(sender, entry),
                (lane, mms) => Form::StoredIn(sender, entry, lane, mms),
            }
        }
        Note::Waiting(sender) => Form::Waiting(sender),
        Note::Offered { sender, id, by } => Form::Offered(sender, id, by),
        Note::Ended { id, attempt } => Form::Ended(id, attempt),
        Note::Tuned(sender) => Form::Tuned(sender),
        Note::TooFast(slows, too_fast) => Form::TooFast(slows, too_fast),
        Note::Describe { sender, by } => Form::Describe(sender, by),
        Note::Stands(sender, standing) => Form::Stands(sender, standing),
        Note::Account(account, word) => Form::Account(account, word),
        Note::Organization(organization, party, word) => Form::Organization(organization, party, word),
    };
    postcard::to_extend(&form, vec![VERSION]).ok()
}

/// Back from [`encode`]; `None` for another form.
pub(super) fn decode(bytes: &[u8]) -> Option<Note> {
    let (version, form) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    Some(match postcard::from_bytes(form).ok()? {
        Form::AccountInSegments | Form::OrganizationInSegments => return None,
        Form::Stored(sender, entry) => Note::Stored(sender, waiting(&entry, Lane::Normal, false)),
        Form::StoredIn(sender, entry, lane, mms) => Note::Stored(sender, waiting(&entry, lane, mms)),
        Form::Waiting(sender) => Note::Waiting(sender),
        Form::Offered(sender, id, by) => Note::Offered { sender, id, by },
        Form::Ended(id, attempt) => Note::Ended { id, attempt },
        Form::Tuned(sender) => Note::Tuned(sender),
        Form::TooFast(slows, too_fast) => Note::TooFast(slows, too_fast),
        Form::Describe(sender, by) => Note::Describe { sender, by },
        Form::Stands(sender, standing) => Note::Stands(sender, standing),
        Form::Account(account, word) => Note::Account(account, word),
        Form::Organization(organization, party, word) => Note::Organization(organization, party, word),
    })
}

const fn waiting(entry: &Entry, lane: Lane, mms: bool) -> Waiting {
    let Entry { id, seq, recipient, segments, due, attempt, elsewhere } = *entry;
    Waiting { id, seq, recipient, lane, cost: Cost { mms, ..Cost::sms(segments) }, due, attempt, elsewhere }
}

/// The channel of those who are meant, on this database.
pub(super) fn channel(database: i64, to: To) -> String {
    match to {
        To::Shard(shard) => of_shard(database, shard),
        To::Process(one) => of_process(database, one),
    }
}

pub(super) fn of_shard(database: i64, shard: Shard) -> String {
    format!("sendyard:{database}:s{}", shard.as_u16())
}

pub(super) fn of_process(database: i64, process: Incarnation) -> String {
    format!("sendyard:{database}:p{:032x}", process.0)
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::grants::Charged;
    use sendyard_actors::domain::pace::Costs;

    use super::*;

    /// Read as what it is not, it might put a window over.
    #[test]
    fn what_an_older_version_says_of_units_is_dropped() {
        let [account, organization] = [6, 7];
        let heard = [4, b'a', b'c', b'm', b'e', 4, 7];
        for place in [account, organization] {
            let bytes = [&[VERSION, place][..], &heard].concat();
            assert_eq!(decode(&bytes), None);
        }
        let ours = encode(&Note::Account(AccountName::from("acme"), Word::Heard { number: 7 })).unwrap();
        assert_eq!(ours[2..], heard);
        assert!(ours[1] > organization);
    }

    #[test]
    fn a_note_survives_its_bytes_and_another_form_is_none() {
        let sender: E164 = "+1234567890".parse().unwrap();
        let waiting = Waiting {
            id: MessageId::new(uuid::Uuid::now_v7(), Shard::of(sender)),
            seq: 7,
            recipient: "+15550000001".parse().unwrap(),
            lane: Lane::Normal,
            cost: Cost::sms(3),
            due: Time::from_millis(1_700_000_000_000),
            attempt: 2,
            elsewhere: true,
        };
        let id = waiting.id;
        let offered = Note::Offered { sender, id, by: Incarnation(u128::MAX) };
        let ended = Note::Ended { id, attempt: 300 };
        let heard = Note::Account(AccountName::from("acme"), Word::Heard { number: 7 });
        let units = Costs::from(Cost::mms(2)).plus(Cost::sms(300).into());
        let charged = Charged { process: Incarnation(7), number: 8, units, age: std::time::Duration::ZERO };
        let charged = Note::Account(AccountName::from("acme"), Word::Charged(charged));
        let party = Party { process: Incarnation(7), account: AccountName::from("acme") };
        let of_all = Note::Organization(OrganizationId(7), party, Word::Heard { number: 7 });
        let asked = Note::Describe { sender, by: Incarnation(u128::MAX) };
        let idle = Note::Stands(sender, None);
        let account = AccountName::from("acme");
        let sent = Time::from_millis(1_700_000_000_000);
        let too_fast =
            TooFast { account, sender, segments: 2, sent, named: Some(std::time::Duration::from_secs(3)) };
        let too_fast = Note::TooFast(Slows::Campaign, too_fast);
        let with_media = Waiting { cost: Cost::mms(3), ..waiting };
        let bulk = Waiting { lane: Lane::Bulk, ..waiting };
        let stored = [waiting, with_media, bulk].map(|waiting| Note::Stored(sender, waiting));
        let others = [
            Note::Waiting(sender),
            offered,
            ended,
            Note::Tuned(sender),
            heard,
            charged,
            of_all,
            asked,
            idle,
            too_fast,
        ];
        for note in stored.into_iter().chain(others) {
            let bytes = encode(&note).unwrap();
            assert_eq!(decode(&bytes), Some(note));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
            assert_eq!(decode(&[&[VERSION + 1], &bytes[1..]].concat()), None);
        }
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[VERSION, 99]), None);
    }
}
