//! What somebody on call looks at: metrics, dashboards, alerts, readiness, and that none of it tells secrets.

mod files;
mod load;
mod prometheus;

mod a_copy_of_a_redis_server_is_the_store;
mod a_copy_of_a_stopped_store_is_the_store;
mod a_drained_process_ends;
mod alerts_fire_in_their_scenario_and_not_without;
mod compose_files_fit_the_program;
mod dashboards_and_rules_name_what_the_code_knows;
mod faults_of_the_engine_fire_theirs;
mod figures_of_two_processes_add_up;
mod secrets_stay_inside;
mod senders_make_no_series;
mod the_list_of_metrics_is_what_the_code_says;
mod the_queue_is_told_of;
mod what_runs_out_fires_its_own;
