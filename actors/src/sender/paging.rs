//! Reading ahead: pages of each lane's queue, and conversations of which a part is only in the store.

use ractor::ActorRef;

use super::window::{ASIDE, READY};
use super::{STORE_AGAIN_AFTER, SenderMessage, SenderState, stagger};
use crate::domain::message::{Conversation, Lane};
use crate::ports::Waiting;

impl SenderState {
    /// A page of a lane. The first that holds anything, of a sender that nobody asked for anything, is
    /// work that waited while nothing ran.
    pub(super) fn page(&mut self, lane: Lane, page: Vec<Waiting>) {
        if !page.is_empty() && !std::mem::replace(&mut self.has_begun, true) {
            let interval = self.blank_pace().per_unit();
            let offset = stagger::offset(self.number, interval);
            self.since = Some(self.journal.now() + offset);
            self.stagger = Some(offset);
        }
        self.queue.page(lane, page);
    }

    pub(super) fn read_ahead(&mut self, myself: &ActorRef<SenderMessage>) {
        if self.storing.is_empty() {
            self.queue.nothing_is_stored();
        }
        while let Some((lane, wanted)) = self.queue.wants_page() {
            let page = self.journal.store().queue_page(self.number, lane, wanted.after, READY);
            let myself = myself.clone();
            tokio::spawn(async move {
                let page = page.await;
                if page.is_err() {
                    tokio::time::sleep(STORE_AGAIN_AFTER).await;
                }
                let _ = myself.send_message(SenderMessage::Page(lane, page));
            });
        }
        while let Some((lane, recipient)) = self.queue.wants_thread() {
            let conversation = Conversation { sender: self.number, recipient, lane };
            let page = self.journal.store().conversation_page(conversation, None, ASIDE);
            let myself = myself.clone();
            tokio::spawn(async move {
                let page = page.await;
                if page.is_err() {
                    tokio::time::sleep(STORE_AGAIN_AFTER).await;
                }
                let _ = myself.send_message(SenderMessage::ThreadPage(conversation, page));
            });
        }
    }
}
