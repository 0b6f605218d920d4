//! The engine with its real actors on paused time: memory store, a provider that plays a script.

mod faulty;
mod lost_answers_and_races;
pub(crate) mod yard;

mod a_circuit_opens_and_is_probed;
mod a_claimed_message_goes_back_when_its_actor_fails;
mod a_person_settles_an_unknown_outcome;
mod a_refused_message_goes_elsewhere;
mod a_repeat_settles_an_unknown_outcome;
mod an_idle_sender_stops_and_comes_back;
mod an_immediate_message_is_charged_and_never_repeated;
mod an_unknown_outcome_holds_its_conversation;
mod an_unreadable_record_stops_no_sweep;
mod cancelled_means_never_handed_over;
mod conversations_keep_their_order;
mod evidence_settles_an_unknown_outcome;
mod one_process_works_on_a_shared_store;
mod places_bound_what_is_in_flight;
mod refusals_are_retried_with_a_back_off;
mod the_pace_counts_what_the_provider_counts;
mod the_pace_holds_across_a_restart;
mod the_same_key_is_the_same_message;
