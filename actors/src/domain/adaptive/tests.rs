mod hidden;
mod rules;
mod simulation;
