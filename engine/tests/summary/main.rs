//! What is made of a finished call's text: little dialogues and what a user would expect of them, huge and hostile
//! ones, and a language model's requests and answers.

mod bounds;
#[path = "../bundled_zones/mod.rs"]
mod bundled_zones;
mod categories;
mod events;
mod languages;
mod model_answers;
mod model_forms;
mod model_request;
mod model_writes;
mod support;
mod tasks;
mod titles;
mod user_clock;
mod workers_ai;
