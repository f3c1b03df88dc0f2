//! Faults on purpose, which a test's client asks for: `{"type":"inject","fault":…}`. Nothing of this is in what is deployed.

use std::cell::Cell;

use fourwire_wire::units::UnixMillis;
use serde::Deserialize;

use crate::clock::now;
use crate::fault;
use crate::problem::Problem;

/// What is asked for.
#[derive(Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
enum Fault {
    /// A handler panics: before it has taken the session, or while it works with it, which loses the session.
    Panic {
        #[serde(default)]
        within: bool,
    },
    /// The archive takes nothing for a while; or takes everything and says that it did not.
    Archive {
        #[serde(default)]
        refuse_ms: u64,
        #[serde(default)]
        unsure_ms: u64,
    },
    /// The client is sent so many texts of a mebibyte, whether it reads them or not.
    Flood { mebibytes: usize },
}

/// What the archive is to do wrong.
#[derive(Default)]
pub(crate) struct Faults {
    refuses_until: Cell<UnixMillis>,
    is_unsure_until: Cell<UnixMillis>,
}

impl Faults {
    /// Takes a client's message, if it is such a wish; `lose_session` does what a panic within an event does, `send` tells the
    /// client something.
    pub(crate) fn hear(&self, text: &str, lose_session: impl FnOnce(), send: impl Fn(&str)) {
        match serde_json::from_str(text) {
            Ok(Fault::Panic { within }) => {
                if within {
                    lose_session();
                }
                #[expect(clippy::panic, reason = "the fault that was asked for")]
                {
                    panic!("injected fault")
                }
            }
            Ok(Fault::Archive { refuse_ms, unsure_ms }) => {
                self.refuses_until.set(now() + refuse_ms);
                self.is_unsure_until.set(now() + unsure_ms);
            }
            Ok(Fault::Flood { mebibytes }) => {
                let filler = " ".repeat(1024 * 1024);
                (0..mebibytes).for_each(|_| send(&filler));
            }
            Err(_) => {}
        }
    }

    /// Before something is stored.
    pub(crate) fn before(&self) -> Result<(), Problem> {
        if now() < self.refuses_until.get() { Err(fault::Fault::new("r2.put", "injected").into()) } else { Ok(()) }
    }

    /// After something was stored.
    pub(crate) fn after(&self) -> Result<(), Problem> {
        if now() < self.is_unsure_until.get() {
            Err(fault::Fault::new("r2.put", "injected, after it was stored").into())
        } else {
            Ok(())
        }
    }
}
