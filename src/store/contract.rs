//! The suite that every store must pass, run on each of them; and what only the embedded one
//! promises: that it survives.
//!
//! A case is a function over a [`World`]: a fresh store with a clock that moves only when told. It
//! is listed once, in [`on_every_store`], and so becomes a test on each store; or in the list of those
//! that one process owns, or of those that several share, where the two differ: in what a lease is. On a
//! Redis Cluster and behind Sentinel, which take seconds to start, all of them are one test.

mod appends;
mod cancels;
mod claims;
mod directory;
pub(super) mod disk;
mod doubts;
mod durable;
mod idempotency;
mod leases;
mod lists;
mod offers;
mod on_a_cluster;
mod on_redis;
mod on_sentinel;
mod opening;
mod peers;
mod reads;
mod redis_appends;
mod redis_golden;
pub(crate) mod redis_server;
mod retention;
mod settles;
mod several_servers;
mod timing;
mod tunings;
mod unknowns;
mod walk;
mod world;

use world::{World, Worlds};

fn run<F: Future<Output = ()>>(world: World, case: impl FnOnce(World) -> F) {
    run_within(case(world));
}

fn run_on_redis<F: Future<Output = ()>>(case: impl FnOnce(World) -> F) {
    let Some(server) = redis_server::shared() else { return };
    run_within(async { case(World::on_redis(server)).await });
}

fn run_within(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}

macro_rules! on_every_store {
    ($($module:ident::$case:ident,)*) => {
        mod memory {
            $(#[test] fn $case() { super::run(super::World::in_memory(), super::$module::$case); })*
        }
        mod redb {
            $(#[test] fn $case() { super::run(super::World::embedded(), super::$module::$case); })*
        }
        mod redis {
            $(#[test] fn $case() { super::run_on_redis(super::$module::$case); })*
        }
        /// One after the other, on a store that is started but once.
        async fn every_case(worlds: &Worlds) {
            $(Box::pin($module::$case(worlds.next(stringify!($case)))).await;)*
        }
    };
}

macro_rules! on_stores_of_one_process {
    ($($module:ident::$case:ident,)*) => {
        mod memory_of_one {
            $(#[test] fn $case() { super::run(super::World::in_memory(), super::$module::$case); })*
        }
        mod redb_of_one {
            $(#[test] fn $case() { super::run(super::World::embedded(), super::$module::$case); })*
        }
    };
}

macro_rules! on_shared_stores {
    ($($module:ident::$case:ident,)*) => {
        mod memory_shared {
            $(#[test] fn $case() { super::run(super::World::in_shared_memory(), super::$module::$case); })*
        }
        mod redis_shared {
            $(#[test] fn $case() { super::run_on_redis(super::$module::$case); })*
        }
        /// As [`every_case`].
        async fn every_shared_case(worlds: &Worlds) {
            $(Box::pin($module::$case(worlds.next(stringify!($case)))).await;)*
        }
    };
}

macro_rules! on_ways_between_processes {
    ($($case:ident,)*) => {
        mod memory_peers {
            $(#[test] fn $case() {
                super::run_within(super::peers::$case(super::peers::Pair::in_memory()));
            })*
        }
        mod redis_peers {
            $(#[test] fn $case() {
                let Some(server) = super::redis_server::shared() else { return };
                super::run_within(async { super::peers::$case(super::peers::Pair::on_redis(server)).await });
            })*

            #[test]
            fn after_a_break_notes_are_heard_again_and_the_gap_is_said() {
                let Some(server) = super::redis_server::shared() else { return };
                super::run_within(async {
                    let pair = super::peers::Pair::on_redis(server);
                    super::peers::after_a_break_notes_are_heard_again_and_the_gap_is_said(pair).await;
                });
            }
        }
    };
}

on_ways_between_processes! {
    who_says_so_is_there_with_what_it_has_until_its_time_is_over,
    who_departs_is_not_there_any_more,
    a_note_is_heard_by_who_attends_its_shard_or_is_meant_and_by_nobody_else,
    what_does_not_fit_is_lost_and_that_is_said,
}

on_stores_of_one_process! {
    leases::a_dead_owners_attempts_become_unknown,
    leases::nothing_but_open_attempts_of_others_changes_with_the_owner,
    leases::a_lease_of_one_process_is_its_own_until_another_asks,
}

on_shared_stores! {
    leases::a_lease_is_not_taken_over_before_its_end,
    leases::a_renewed_lease_lasts_longer_and_a_stale_one_is_not_renewed,
    leases::a_released_lease_is_free_at_once_and_only_its_owner_releases_it,
    leases::what_the_old_owner_left_open_stays_open,
}

on_every_store! {
    idempotency::a_fresh_key_is_the_requests_own_also_when_asked_again,
    idempotency::another_request_with_the_same_fingerprint_joins_and_is_told_the_same_id,
    idempotency::another_request_with_another_fingerprint_is_refused,
    idempotency::a_joined_key_is_not_released,
    idempotency::only_the_request_that_bound_a_key_releases_it,
    idempotency::a_key_past_its_retention_is_free,
    idempotency::keys_of_organizations_are_apart,
    appends::an_append_gives_place_and_estimate_in_order_of_acceptance,
    appends::an_append_again_finds_its_record_and_changes_nothing,
    appends::an_append_after_its_time_stores_nothing,
    appends::a_full_queue_stores_nothing_and_has_room_again_after_a_claim,
    appends::an_immediate_message_is_born_sending_and_waits_nowhere,
    appends::an_immediate_message_needs_the_lease_and_its_time,
    claims::a_claim_takes_the_message_out_of_the_queue_with_the_stores_times,
    claims::a_claim_again_by_the_same_call_gets_the_times_of_the_record,
    claims::several_claims_of_a_sender_are_answered_each_for_itself,
    claims::a_claim_with_a_stale_fence_or_holder_or_of_another_shard_changes_nothing,
    claims::only_the_head_of_a_conversation_is_claimed,
    claims::conversations_and_lanes_do_not_hold_each_other_back,
    claims::a_retry_that_is_due_later_is_not_claimed,
    claims::a_retry_holds_back_its_conversation_at_its_old_place,
    claims::a_failed_immediate_message_is_tried_again_under_its_next_number,
    offers::an_offer_waits_in_no_queue_and_holds_nothing_back,
    offers::an_offer_again_finds_its_record_and_a_late_one_stores_nothing,
    offers::its_owner_takes_an_offer_once,
    offers::an_offer_is_not_taken_after_its_time,
    offers::an_offer_is_withdrawn_only_after_its_time,
    offers::only_the_owner_takes_an_offer,
    offers::an_offer_is_too_late_to_cancel,
    offers::what_failed_is_offered_again_under_its_next_number,
    timing::what_may_not_go_yet_waits_outside_of_queue_and_conversation,
    timing::what_may_go_already_is_queued_at_once,
    timing::its_time_brings_it_to_the_end_of_its_queue_once,
    timing::an_expired_message_is_not_claimed_and_fails,
    timing::a_message_claimed_in_time_does_not_expire,
    timing::what_cannot_go_before_it_expires_is_not_stored,
    timing::what_waits_for_its_time_is_bounded_by_itself,
    timing::what_is_scheduled_is_cancelled,
    timing::what_is_postponed_leaves_its_place_to_others,
    timing::what_may_have_arrived_neither_fails_by_expiring_nor_is_postponed,
    settles::acceptance_finishes_a_message_once,
    settles::a_definite_refusal_finishes_a_message_as_failed,
    settles::what_was_never_begun_goes_back_and_costs_nothing,
    settles::an_outcome_of_another_attempt_is_known_already,
    settles::charges_count_where_they_were_written_and_old_ones_go,
    settles::what_nothing_looks_back_at_is_not_charged,
    settles::what_is_not_charged_makes_nothing_forgotten,
    reads::depths_are_those_of_each_lane,
    tunings::a_tuning_replaces_the_one_of_the_generation_before_and_no_other,
    directory::a_directory_replaces_the_one_of_the_generation_before_and_no_other,
    settles::what_need_not_be_known_one_by_one_is_added_up_by_quarters_of_an_hour,
    settles::what_the_provider_counts_beyond_our_count_is_no_message_of_its_own,
    settles::late_acceptance_of_an_unknown_attempt_sends_the_message,
    settles::evidence_for_an_older_attempt_waits_for_the_newer_one,
    settles::a_refusal_settles_only_its_own_attempt,
    settles::what_its_account_refuses_goes_elsewhere_unless_it_is_in_doubt,
    unknowns::an_attempt_is_not_unknown_before_its_deadline_and_margin,
    unknowns::an_unknown_attempt_is_charged_at_the_last_moment_it_can_have_been_written,
    unknowns::an_unknown_attempt_holds_its_conversation_until_it_is_held_for_good,
    unknowns::a_resend_keeps_its_place_and_its_doubt,
    unknowns::a_stale_owner_settles_nothing,
    doubts::evidence_settles_an_open_attempt_and_charges_it_now,
    doubts::evidence_of_what_was_charged_charges_what_the_provider_counted_beyond_it,
    doubts::evidence_that_names_no_attempt_is_of_the_oldest_in_doubt,
    doubts::evidence_for_what_is_not_there_changes_nothing,
    doubts::what_is_in_doubt_is_listed_by_organization_until_it_is_settled,
    doubts::a_person_settles_only_what_is_in_doubt_and_theirs,
    doubts::what_was_listed_and_is_sent_again_waits_for_what_is_open,
    doubts::it_waits_also_when_no_doubt_is_left,
    doubts::what_can_be_repeated_waits_for_no_evidence,
    doubts::it_is_repeated_for_a_day_and_no_longer,
    cancels::a_waiting_message_is_cancelled_once_and_for_all,
    cancels::a_claimed_message_is_too_late_to_cancel,
    cancels::a_message_with_an_unresolved_attempt_is_too_late_to_cancel,
    cancels::another_organization_finds_nothing_to_cancel,
    leases::a_lease_is_the_same_for_its_holder_and_grows_for_the_next,
    reads::a_queue_is_read_by_pages_in_order_of_place,
    reads::a_conversation_page_shows_what_waits_and_not_what_is_on_its_way,
    reads::backlogs_and_depth_follow_what_waits,
    reads::unsettled_lists_open_and_unknown_until_settled_or_listed,
    reads::tallies_count_by_what_is_shown_and_forget_after_an_hour,
    reads::tallies_show_a_doubtful_resend_as_on_its_way,
    lists::several_records_are_read_in_their_order,
    lists::what_is_finished_is_read_by_pages_in_the_order_of_finishing,
    lists::what_a_client_calls_so_is_read_by_pages_whatever_became_of_it,
    lists::what_is_pruned_is_called_nothing_any_more,
    appends::several_at_once_are_as_one_after_the_other,
    appends::several_of_many_senders_are_as_one_after_the_other_of_each,
    idempotency::several_keys_at_once_are_as_one_after_the_other,
    lists::what_ended_anew_is_read_at_its_new_end,
    retention::a_prune_takes_what_is_finished_and_old_and_nothing_else,
    retention::a_prune_takes_keys_past_their_retention,
    retention::a_prune_takes_a_bounded_number_and_says_that_more_is_left,
    retention::a_message_that_failed_and_is_tried_again_is_not_pruned,
    retention::what_is_tried_again_is_kept_from_its_last_change_on,
}
