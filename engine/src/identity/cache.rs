//! The issuer's keys between requests: which ones a token is checked with, and when they are fetched anew.

use std::rc::Rc;
use std::time::Duration;

use fourwire_wire::units::UnixMillis;

use super::KeySet;

/// How long the issuer may take to answer. A browser has 5 s to sign in on its socket, and the check must fit into them.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest key set that is read, in bytes. Google's has some 3 kB with two keys.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;
/// Pause after a fetch that failed: an issuer that is down is not asked by each request.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);
/// How long keys are used beyond their age while the issuer is down, so that its short outage is not ours. A key that the issuer
/// has withdrawn works that much longer at most.
const STALE_GRACE: Duration = Duration::from_mins(15);

/// The keys at hand, and the last attempt to fetch others. One for each isolate.
#[derive(Debug, Default)]
pub struct KeyCache {
    keys: Option<Rc<KeySet>>,
    attempt: Attempt,
}

/// What is known of the last fetch.
#[derive(Clone, Copy, Debug, Default)]
enum Attempt {
    /// It succeeded, or there was none.
    #[default]
    None,
    /// It has not ended yet, or its request was given up meanwhile.
    Since(UnixMillis),
    /// It failed at this time.
    Failed(UnixMillis),
}

/// What a token is checked with.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// These keys.
    Use(Rc<KeySet>),
    /// Keys that are to be fetched now; [`KeyCache::fetched`] or [`KeyCache::failed`] says what came of it.
    Fetch,
    /// None: the issuer cannot be asked now.
    Unavailable {
        /// When it can be asked again, in seconds from now.
        retry_after: u64,
    },
}

impl KeyCache {
    /// What `token` is checked with. A [`Lookup::Fetch`] is counted as begun.
    pub fn look_up(&mut self, token: &str, now: UnixMillis) -> Lookup {
        let usable = self.keys.as_ref().filter(|keys| now < keys.expires + millis(STALE_GRACE));
        if let Some(keys) = usable.filter(|keys| !keys.is_stale_for(token, now)) {
            return Lookup::Use(Rc::clone(keys));
        }
        if let Some(remaining) = self.attempt.remaining(usable.is_some(), now) {
            // Keys that do not know the token's own would call it forged, which nobody can tell now.
            return match usable.filter(|keys| keys.can_judge(token)) {
                Some(keys) => Lookup::Use(Rc::clone(keys)),
                None => Lookup::Unavailable { retry_after: remaining.div_ceil(1000) },
            };
        }
        self.attempt = Attempt::Since(now);
        Lookup::Fetch
    }

    /// Keys were fetched.
    pub fn fetched(&mut self, keys: KeySet) {
        self.keys = Some(Rc::new(keys));
        self.attempt = Attempt::None;
    }

    /// The issuer did not answer in time, or with no keys.
    pub fn failed(&mut self, now: UnixMillis) {
        self.attempt = Attempt::Failed(now);
    }
}

impl Attempt {
    /// For how long no other one is made, in milliseconds. One that is under way holds up others only where there are keys to go
    /// on with: where there are none, each request needs its own, since a Worker cannot await what another request began
    /// (<https://developers.cloudflare.com/workers/observability/errors/#cannot-perform-io-on-behalf-of-a-different-request>).
    fn remaining(self, has_keys: bool, now: UnixMillis) -> Option<u64> {
        let until = match self {
            Self::Since(begun) if has_keys => begun + millis(FETCH_TIMEOUT),
            Self::Failed(at) => at + millis(FAILURE_PAUSE),
            Self::None | Self::Since(_) => return None,
        };
        Some(until.since(now)).filter(|remaining| *remaining > 0)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// `{"alg":"RS256","kid":"made-up"}`
    const STRANGE: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im1hZGUtdXAifQ.e30.AA";
    /// It names no key at all, because it is no token.
    const NONSENSE: &str = "nonsense";
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;

    fn begin() -> UnixMillis {
        UnixMillis::new(1_000_000_000)
    }

    fn keys(max_age: u64, now: UnixMillis) -> KeySet {
        KeySet::parse(r#"{"keys":[]}"#, Some(&format!("max-age={max_age}")), now).unwrap()
    }

    /// A cache with keys that were fetched at the beginning.
    fn filled(max_age: u64) -> KeyCache {
        let mut cache = KeyCache::default();
        assert!(matches!(cache.look_up(NONSENSE, begin()), Lookup::Fetch));
        cache.fetched(keys(max_age, begin()));
        cache
    }

    /// `u` use, `f` fetch, or the seconds to wait.
    fn outcome(lookup: &Lookup) -> String {
        match lookup {
            Lookup::Use(_) => "use".to_owned(),
            Lookup::Fetch => "fetch".to_owned(),
            Lookup::Unavailable { retry_after } => format!("wait {retry_after}"),
        }
    }

    #[test]
    fn an_issuer_that_fails_is_left_alone_for_ten_seconds() {
        let mut cache = KeyCache::default();
        let mut at = |after: u64| outcome(&cache.look_up(NONSENSE, begin() + after));
        assert_eq!([at(0), at(1)], ["fetch", "fetch"], "nobody can wait for another's");
        cache.failed(begin() + 4 * SECOND);
        for (after, expected) in
            [(4_000, "wait 10"), (4_001, "wait 10"), (13_000, "wait 1"), (13_999, "wait 1"), (14_000, "fetch")]
        {
            assert_eq!(outcome(&cache.look_up(NONSENSE, begin() + after)), expected, "{after}");
        }
    }

    #[test]
    fn keys_are_used_for_a_minute_whatever_the_issuer_says_of_their_age() {
        for (max_age, after, expected) in [
            (0, MINUTE - 1, "use"),
            (0, MINUTE, "fetch"),
            (5, MINUTE - 1, "use"),
            (300, 300 * SECOND - 1, "use"),
            (300, 300 * SECOND, "fetch"),
            (999_999_999, 24 * 60 * MINUTE - 1, "use"),
            (999_999_999, 24 * 60 * MINUTE, "fetch"),
        ] {
            assert_eq!(outcome(&filled(max_age).look_up(NONSENSE, begin() + after)), expected, "{max_age} {after}");
        }
    }

    #[test]
    fn a_made_up_key_id_costs_at_most_one_fetch_a_minute() {
        let mut cache = filled(3_600);
        assert_eq!(outcome(&cache.look_up(STRANGE, begin() + MINUTE - 1)), "use");
        assert_eq!(outcome(&cache.look_up(STRANGE, begin() + MINUTE)), "fetch");
        // While that runs, more of them fetch nothing, and nobody else waits.
        assert_eq!(outcome(&cache.look_up(STRANGE, begin() + MINUTE + 1)), "wait 4");
        assert_eq!(outcome(&cache.look_up(NONSENSE, begin() + MINUTE + 1)), "use");
        cache.fetched(keys(3_600, begin() + MINUTE + 2));
        assert_eq!(outcome(&cache.look_up(STRANGE, begin() + 2 * MINUTE)), "use");
    }

    #[test]
    fn while_the_issuer_is_down_keys_serve_a_quarter_of_an_hour_longer() {
        let mut cache = filled(300);
        let expires = begin() + 300 * SECOND;
        let last = expires + 15 * MINUTE - 1;
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires)), "fetch");
        cache.failed(expires);
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires)), "use");
        assert_eq!(outcome(&cache.look_up(STRANGE, expires)), "wait 10", "it may be a new key's");
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires + 10 * SECOND)), "fetch");
        cache.failed(last);
        assert_eq!(outcome(&cache.look_up(NONSENSE, last)), "use");
        assert_eq!(outcome(&cache.look_up(NONSENSE, last + 1)), "wait 10", "too old for anybody");
    }

    #[test]
    fn a_fetch_whose_request_was_given_up_holds_nobody_up_for_long() {
        let mut cache = filled(300);
        let expires = begin() + 300 * SECOND;
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires)), "fetch");
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires + 4 * SECOND - 1)), "use");
        assert_eq!(outcome(&cache.look_up(NONSENSE, expires + 4 * SECOND)), "fetch");
    }
}
