//! Configuration and directory: what is read, and each sentence that refuses.

mod a_number_costs_little;
mod directory;
mod settings;
mod telnyx_accounts;
mod vonage_accounts;
