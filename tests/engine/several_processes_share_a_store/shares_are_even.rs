use super::*;

#[tokio::test(start_paused = true)]
async fn one_has_everything_at_once_and_whoever_comes_or_goes_changes_no_more_than_the_shares() {
    let mut yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    let first = yard.engine.clone();
    assert_eq!(first.shards(), ShardSet::ALL, "when its start is over");

    let second = yard.another().await;
    assert!(second.engine.shards().is_empty(), "nobody has given it any");
    shared_out(&[&first, &second.engine], SECOND).await;
    let (firsts, seconds) = (first.shards(), second.engine.shards());

    let third = yard.another().await;
    let took = shared_out(&[&first, &second.engine, &third.engine], SECOND).await;
    println!("a third has its share {took:?} after its start");
    assert!(first.shards().without(firsts).is_empty(), "who gives up takes nothing");
    assert!(second.engine.shards().without(seconds).is_empty());

    let thirds = third.engine.shards();
    second.stop(Duration::ZERO).await;
    shared_out(&[&first, &third.engine], SECOND).await;
    assert!(thirds.without(third.engine.shards()).is_empty(), "who takes gives nothing up");

    yard.stop(Duration::ZERO).await;
    shared_out(&[&third.engine], SECOND).await;
    assert!(first.shards().is_empty());
}

#[tokio::test(start_paused = true)]
async fn those_that_start_at_the_same_time_agree() {
    let mut yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.stop(Duration::ZERO).await;
    let (one, two, three) = tokio::join!(yard.another(), yard.another(), yard.another());
    shared_out(&[&one.engine, &two.engine, &three.engine], 2 * SECOND).await;
    // And it stays so.
    let sets = [one.engine.shards(), two.engine.shards(), three.engine.shards()];
    tokio::time::sleep(10 * LEASE).await;
    assert_eq!([one.engine.shards(), two.engine.shards(), three.engine.shards()], sets);
}

/// Whatever the store does to single calls, a share is had in the end.
#[tokio::test(start_paused = true)]
async fn a_share_is_had_though_half_of_the_calls_for_it_fail() {
    use crate::engine::faulty::Fault;
    use sendyard_actors::ports::StoreError;

    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    let faults = std::sync::Arc::default();
    let faulty: &std::sync::Arc<crate::engine::faulty::Faults> = &faults;
    for _ in 0..64 {
        faulty.push("acquire_lease", Fault::LoseAnswer);
        faulty.push("acquire_lease", Fault::Refuse(StoreError::Unanswered));
    }
    let second = yard.another_with(&faults).await;
    shared_out(&[&yard.engine, &second.engine], 2 * LEASE).await;
}
