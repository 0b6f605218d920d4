//! Where the messages of one `client_reference` lie together, in whichever store.

use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::message::Draft;
use sha2::{Digest, Sha256};

/// What the messages of one organization and reference begin with in the index: the organization, and a digest, as a
/// reference may be long.
pub(super) type Place = [u8; 20];

/// The place of a reference.
pub(super) fn place_of(organization: OrganizationId, reference: &str) -> Place {
    let digest: [u8; 32] = Sha256::digest(reference).into();
    let mut place = [0; 20];
    let [first, second, third, fourth, rest @ ..] = &mut place;
    [*first, *second, *third, *fourth] = organization.0.to_be_bytes();
    rest.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    place
}

/// That of a message's reference, if it has one.
pub(super) fn place_of_draft(draft: &Draft) -> Option<Place> {
    let reference = draft.client_reference.as_deref()?;
    Some(place_of(draft.organization, reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_reference_is_part_of_the_format() {
        let place = place_of(OrganizationId(7), "order 7");
        let expected = [7_u32.to_be_bytes().as_slice(), &Sha256::digest("order 7")[..16]].concat();
        assert_eq!(place.as_slice(), expected);
        assert_ne!(place_of(OrganizationId(8), "order 7"), place);
        assert_ne!(place_of(OrganizationId(7), "order 8"), place);
    }
}
