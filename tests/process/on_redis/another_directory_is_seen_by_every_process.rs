//! What is applied on one process is gone by on the others, also on one that was not there; and so is a reset.

use std::fs;

use serde_json::json;

use super::Fleet;
use crate::process::another_directory_is_applied_while_it_runs::{
    NEW_KEY, NEW_NUMBER, TOKEN, another, let_in,
};
use crate::process::yard::{PATIENCE, Setup, eventually};

const PATH: &str = "/v1/admin/directory";

/// Waits until every process lets in with these keys alone: the file's, the new one.
async fn all_let_in(fleet: &Fleet, expected: [bool; 2]) {
    for member in fleet.members.iter().filter(|member| member.child.is_some()) {
        let sees = async || (let_in(&member.api).await == expected).then_some(());
        eventually("a process goes by the directory", PATIENCE, sees).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_directory_is_seen_by_every_process() {
    let mut setup = Setup::of_numbers(2, &["5/s"]);
    setup.http = vec![("admin_token", "\"the-admin-token\"")];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    fs::write(fleet.yard.home().join("token"), "secret\n").unwrap();
    let file = fs::read_to_string(fleet.yard.home().join("directory.toml")).unwrap();
    let admin = |fleet: &Fleet, place: usize| fleet.members[place].api.with_key(TOKEN);

    let body = json!({ "directory": another(&file) });
    let applied = admin(&fleet, 0).put(PATH, &body).await.unwrap();
    assert_eq!((applied.status, &applied.body["generation"]), (200, &json!(1)), "{:?}", applied.body);
    all_let_in(&fleet, [false, true]).await;
    for member in &fleet.members {
        let api = member.api.with_key(NEW_KEY);
        let sent = api.send(NEW_NUMBER, "+15550200001", "by whoever has it", false, None).await.unwrap();
        assert_eq!(sent.status, 200, "{:?}", sent.body);
    }

    fleet.members[1].kill();
    let reset = admin(&fleet, 0).delete(PATH).await.unwrap();
    assert_eq!((reset.status, &reset.body["generation"]), (200, &json!(2)), "{:?}", reset.body);
    all_let_in(&fleet, [true, false]).await;
    // On top of what another process did: one who comes back knows of it.
    fleet.start_again(1);
    fleet.shared_out().await;
    let applied = admin(&fleet, 1).put(PATH, &body).await.unwrap();
    assert_eq!((applied.status, &applied.body["generation"]), (200, &json!(3)), "{:?}", applied.body);
    all_let_in(&fleet, [false, true]).await;
}
