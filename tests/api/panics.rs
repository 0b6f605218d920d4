//! A panic is an answer, not a cut connection, and says nothing of itself.

use std::sync::Arc;

use super::app::App;
use crate::engine::yard::Builder;

#[tokio::test]
async fn a_panic_is_500() {
    let app = App::with_metrics(Builder::default(), Some(Arc::new(|| panic!("a secret")))).await;
    let answer = app.get_keyless("/metrics").await;
    assert_eq!(answer.error(500, "internal"), "Internal server error");
}
