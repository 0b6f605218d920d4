//! The pace against a checker that shares no rule with it.

mod checker;
mod rules;
mod several;
mod simulation;
mod use_of_limit;
