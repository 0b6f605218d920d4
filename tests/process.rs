//! The real binary as a process: killed, stopped, starved, refused, and talked to badly.

pub(crate) mod yard;

mod a_directory_that_cannot_be_used_is_refused;
mod a_full_disk_answers_503_and_loses_nothing;
mod another_directory_is_applied_while_it_runs;
mod bad_bodies_leave_it_alive;
mod cut_answers_are_accounted_for;
mod load;
pub(crate) mod on_redis;
mod one_hanging_account_does_not_slow_another;
mod sigterm_finishes_what_is_in_flight;
