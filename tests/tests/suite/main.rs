//! The black-box suite: one program, so that most tests share one workerd. One file a behaviour.
#![allow(missing_docs, clippy::disallowed_methods)]

mod main_job;
