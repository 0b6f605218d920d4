//! Two processes with work behind one limit of their account: each tells of its own with what the other gets.

use std::sync::Arc;

use sendyard_actors::domain::message::Lane;

use super::messages_move_with_their_shards::{accepting, two};
use super::*;
use crate::engine::estimates_come_from_the_real_schedule::{Told, queue_from};

#[tokio::test(start_paused = true)]
async fn what_the_other_process_gets_is_told() {
    let builder = Builder { account_limits: vec!["10/s"], ..accepting(20 * MOMENT) };
    let (yard, another) = two(builder, &Arc::default()).await;
    let engines: [&Engine; 2] = [&yard.engine, &another.engine];
    for index in 0..200 {
        for engine in engines {
            queue_from(engine, &yard, &number_of(engine), index, 1, Lane::Normal).await;
        }
    }
    // Until both have been granted something.
    tokio::time::sleep(3 * SECOND).await;
    for engine in engines {
        let told: Told = queue_from(engine, &yard, &number_of(engine), 999, 1, Lane::Normal).await;
        assert!(told.is_expectation);
        let wait = told.estimate.since(told.at);
        assert!(wait > 35 * SECOND && wait < 40 * SECOND, "some 370 wait at 10/s: {wait:?}");
    }
}
