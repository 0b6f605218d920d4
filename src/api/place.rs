//! Where a list is, as the text of a cursor. Clients give it back as it is.

use sendyard_actors::domain::filter::Filter;
use sendyard_actors::domain::message::Lane;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::listing::Place;
use sendyard_actors::ports::{Ended, Timer};

use super::errors::ApiError;

/// The text of a place.
pub(super) fn text_of(place: Place) -> String {
    match place {
        Place::Waiting(None) => "w".to_owned(),
        Place::Waiting(Some((sender, lane, seq))) => format!("w.{}.{}.{seq}", sender.as_u64(), digit(lane)),
        Place::Scheduled(None) => "l".to_owned(),
        Place::Scheduled(Some(Timer { at, seq, id })) => format!("l.{}.{seq}.{id}", at.as_nanos()),
        Place::UnderWay(None) => "s".to_owned(),
        Place::UnderWay(Some(id)) => format!("s.{id}"),
        Place::Unknown(None) => "u".to_owned(),
        Place::Unknown(Some(id)) => format!("u.{id}"),
        Place::Referenced(None) => "r".to_owned(),
        Place::Referenced(Some(id)) => format!("r.{id}"),
        Place::Over(None) => "o".to_owned(),
        Place::Over(Some(ended)) => format!("o.{}.{}", ended.at.as_nanos(), ended.id),
    }
}

/// Back from [`text_of`]; `what` is the field or parameter that it came in.
pub(super) fn place_of(text: &str, what: &str) -> Result<Place, ApiError> {
    read(text).ok_or_else(|| ApiError::invalid(format!("{what} must be the next_cursor of an answer")))
}

/// Refuses a place in the list of a `client_reference` where none is asked for: nothing would be found behind it, as if the
/// list had ended.
pub(super) fn of_same_list(place: Option<Place>, filter: &Filter, what: &str) -> Result<(), ApiError> {
    if filter.client_reference.is_some() || !matches!(place, Some(Place::Referenced(_))) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{what} is of a list with a client_reference; give that, too")))
}

fn read(text: &str) -> Option<Place> {
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        ["w"] => Some(Place::Waiting(None)),
        ["w", sender, lane, seq] => {
            let sender = E164::from_u64(sender.parse().ok()?)?;
            Some(Place::Waiting(Some((sender, lane_of(lane)?, seq.parse().ok()?))))
        }
        ["l"] => Some(Place::Scheduled(None)),
        ["l", at, seq, id] => {
            let at = Time::from_nanos(at.parse().ok()?);
            Some(Place::Scheduled(Some(Timer { at, seq: seq.parse().ok()?, id: id.parse().ok()? })))
        }
        ["s"] => Some(Place::UnderWay(None)),
        ["s", id] => Some(Place::UnderWay(Some(id.parse().ok()?))),
        ["u"] => Some(Place::Unknown(None)),
        ["u", id] => Some(Place::Unknown(Some(id.parse().ok()?))),
        ["r"] => Some(Place::Referenced(None)),
        ["r", id] => Some(Place::Referenced(Some(id.parse().ok()?))),
        ["o"] => Some(Place::Over(None)),
        ["o", at, id] => {
            let at = Time::from_nanos(at.parse().ok()?);
            Some(Place::Over(Some(Ended { at, id: id.parse().ok()? })))
        }
        _ => None,
    }
}

const fn digit(lane: Lane) -> u8 {
    match lane {
        Lane::Urgent => 0,
        Lane::Normal => 1,
        Lane::Bulk => 2,
    }
}

fn lane_of(digit: &str) -> Option<Lane> {
    match digit {
        "0" => Some(Lane::Urgent),
        "1" => Some(Lane::Normal),
        "2" => Some(Lane::Bulk),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::ids::{MessageId, Shard};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_place_survives_its_text_and_nothing_else_is_one() {
        let sender: E164 = "+1234567890".parse().unwrap();
        let id = MessageId::new(Uuid::now_v7(), Shard::of(sender));
        for place in [
            Place::Waiting(None),
            Place::Waiting(Some((sender, Lane::Bulk, u64::MAX))),
            Place::Scheduled(None),
            Place::Scheduled(Some(Timer { at: Time::MAX, seq: 7, id })),
            Place::UnderWay(None),
            Place::UnderWay(Some(id)),
            Place::Unknown(None),
            Place::Unknown(Some(id)),
            Place::Referenced(None),
            Place::Referenced(Some(id)),
            Place::Over(None),
            Place::Over(Some(Ended { at: Time::MAX, id })),
        ] {
            assert_eq!(read(&text_of(place)), Some(place));
        }
        for bad in ["", "x", "w.1", "w.0.1.1", "w.1234567890.3.1", "s.x", "o.1", "w.1234567890.1.-1", "u.x.y"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
