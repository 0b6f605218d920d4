use std::net::Ipv4Addr;
use std::path::Path;

use super::*;
use crate::config::Environment;

/// A task that has not ended, or a clone that somebody keeps, holds nobody up who starts next.
#[tokio::test]
async fn when_it_has_stopped_its_store_is_closed_whoever_still_holds_it() {
    let home = tempfile::tempdir().unwrap();
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        metrics_listen: None,
        store: StoreUrl::Redb(home.path().to_owned()),
        ..Config::from_layers(Some((Path::new("sendyard.toml"), "")), &Environment::default()).unwrap()
    };
    let running = start(config, Directory::default()).await.unwrap();
    let Works::Always(engine) = &running.engine else { panic!("it has its store to itself") };
    let held = engine.engine.clone();
    running.stop().await;
    RedbStore::open(home.path(), Arc::new(SystemClock::start())).expect("it is free");
    drop(held);
}
