//! How often a user may have conversations summed up anew: each time may ask a language model that the operator pays for.

use fourwire_wire::ids::ConversationId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::limit::{Limit, Log, TooOften};

/// How often within an hour, unless the operator says otherwise.
pub const DEFAULT_AN_HOUR: usize = 10;
/// How often one conversation within an hour: the text is the same, and so is the summary, more or less.
const CONVERSATION: [Limit; 1] = [Limit { count: 3, millis: 3_600_000 }];
/// Milliseconds of an hour.
const HOUR_MILLIS: u64 = 3_600_000;

/// When a user has had conversations summed up anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reprocessing {
    all: Log,
    by_conversation: Vec<(ConversationId, Log)>,
}

impl Reprocessing {
    /// A conversation is to be summed up anew.
    ///
    /// # Errors
    /// [`TooOften`] where it was often enough; then nothing is noted.
    pub fn take(&mut self, id: ConversationId, an_hour: usize, now: UnixMillis) -> Result<(), TooOften> {
        let all = [Limit { count: an_hour, millis: HOUR_MILLIS }];
        self.by_conversation.retain(|(_, log)| log.rests_at(&CONVERSATION).is_some_and(|rested_at| rested_at > now));
        let mut own = match self.by_conversation.iter().position(|(known, _)| *known == id) {
            Some(index) => self.by_conversation.swap_remove(index).1,
            None => Log::default(),
        };
        let taken =
            own.take(&CONVERSATION, now).and_then(|()| self.all.take(&all, now).inspect_err(|_| own.take_back()));
        self.by_conversation.push((id, own));
        taken
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const BEGIN: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn a_conversation_and_a_user_have_their_hour() {
        let id = |number| ConversationId::from_random([number; 16]);
        let mut reprocessing = Reprocessing::default();
        for (at, number, expected) in [
            (0, 1, Ok(())),
            (0, 1, Ok(())),
            (0, 1, Ok(())),
            (1_000, 1, Err(3_599)),
            (1_000, 2, Ok(())),
            (1_000, 3, Ok(())),
            (2_000, 4, Err(3_598)),
            (3_599_999, 1, Err(1)),
            (3_600_000, 1, Ok(())),
            (3_600_000, 4, Ok(())),
            (3_600_000, 5, Ok(())),
            (3_600_000, 6, Err(1)),
            (3_601_000, 6, Ok(())),
        ] {
            let taken = reprocessing.take(id(number), 5, BEGIN + at).map_err(|error| error.retry_after);
            assert_eq!(taken, expected, "{number} at {at}");
            assert!(reprocessing.by_conversation.len() <= 6, "what has rested is forgotten");
        }
    }
}
