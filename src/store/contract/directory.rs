//! What is applied of the directory.

use sendyard_actors::domain::applied::Applied;

use super::world::World;

pub(super) async fn a_directory_replaces_the_one_of_the_generation_before_and_no_other(world: World) {
    let store = &world.store;
    assert_eq!(store.directory(0).await.unwrap(), None);
    let first = Applied { generation: 1, text: Some("# one\n".to_owned()) };
    let second = Applied { generation: 2, text: None };
    assert!(!store.apply_directory(second.clone()).await.unwrap(), "there is none of the generation before");
    assert!(store.apply_directory(first.clone()).await.unwrap());
    assert!(store.apply_directory(first.clone()).await.unwrap(), "repeated");
    let other = Applied { text: Some("# other\n".to_owned()), ..first.clone() };
    assert!(!store.apply_directory(other).await.unwrap(), "another of the same generation came first");
    assert_eq!(store.directory(0).await.unwrap(), Some(first));
    assert_eq!(store.directory(1).await.unwrap(), None, "it is known");
    assert!(store.apply_directory(second.clone()).await.unwrap());
    assert_eq!(store.directory(1).await.unwrap(), Some(second));
    assert_eq!(store.directory(2).await.unwrap(), None, "it is known");
}
