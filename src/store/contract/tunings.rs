//! What is set of a sender by hand.

use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::tuning::{Pause, Tuning};

use super::world::{SECOND, World, number, sender};

pub(super) async fn a_tuning_replaces_the_one_of_the_generation_before_and_no_other(world: World) {
    let store = &world.store;
    assert_eq!(store.tuning(sender()).await.unwrap(), None);
    assert_eq!(store.tunings(ShardSet::ALL).await.unwrap(), []);
    let first = Tuning { generation: 1, limits: Some(vec!["5/s".to_owned()]), ..Tuning::default() };
    let pause = Pause { since: world.now(), until: Some(world.now() + SECOND) };
    let weights = Some(Weights { urgent: 5, normal: 4, bulk: 3 });
    let second = Tuning { generation: 2, weights, pause: Some(pause), ..first.clone() };
    assert!(!store.tune(sender(), second.clone()).await.unwrap(), "there is none of the generation before");
    assert!(store.tune(sender(), first.clone()).await.unwrap());
    assert!(store.tune(sender(), first.clone()).await.unwrap(), "repeated");
    assert_eq!(store.tuning(sender()).await.unwrap(), Some(first.clone()));
    let other = Tuning { limits: None, ..first };
    assert!(!store.tune(sender(), other).await.unwrap(), "another of the same generation came first");
    assert!(store.tune(sender(), second.clone()).await.unwrap());
    assert_eq!(store.tuning(sender()).await.unwrap(), Some(second));

    let elsewhere = number("+19995550000");
    assert_eq!(store.tuning(elsewhere).await.unwrap(), None);
    assert!(store.tune(elsewhere, Tuning { generation: 1, ..Tuning::default() }).await.unwrap());
    let mut tuned = store.tunings(ShardSet::ALL).await.unwrap();
    tuned.sort_unstable_by_key(|(shard, _)| shard.as_u16());
    let mut expected = vec![(Shard::of(sender()), 2), (Shard::of(elsewhere), 1)];
    expected.sort_unstable_by_key(|(shard, _)| shard.as_u16());
    assert_eq!(tuned, expected, "each change counts once");
}
