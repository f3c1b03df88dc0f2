//! The name by which Twilio knows a user's device. Twilio takes letters, digits and `_`, 121 of them at most
//! (<https://www.twilio.com/docs/voice/sdks/access-tokens>), and a user id has any printable ASCII, 255 of it:
//!
//! | the user id | the identity |
//! | --- | --- |
//! | fits, and does not begin with `fwe_` or `fwh_` | the id itself, as Omi's |
//! | does not, but fits when it is escaped | `fwe_`, then the id with each byte that is no letter or digit as `_` and two small hexadecimal digits |
//! | is longer | `fwh_`, then the SHA-256 of the id in small hexadecimal digits |
//!
//! Twilio repeats the identity to the webhook. A hash leads to nobody by itself, so the access token carries the id as well
//! ([`USER_ID`]), and Twilio repeats that. Only the identity is trusted: the id counts if the identity is its own. Thus a
//! device that sends another id, or a mobile SDK that drops it, gets no call, and never somebody else's.
//!
//! Each user has one identity and no two users share one. A text that is spelled in any other way is nobody's.

use fourwire_wire::ids::UserId;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The parameter of an access token that has the user id where the identity does not tell it.
pub const USER_ID: &str = "FourwireUserId";

/// Longest identity that Twilio takes, in characters.
const MAX_BYTES: usize = 121;
/// What an escaped id begins with.
const ESCAPED: &str = "fwe_";
/// What a hashed id begins with.
const HASHED: &str = "fwh_";

/// An identity that Twilio takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Identity(String);

impl Identity {
    /// The identity of a user's devices.
    #[must_use]
    pub fn of(user: &UserId) -> Self {
        let id = user.as_str();
        let is_plain = is_identity(id) && !id.starts_with(ESCAPED) && !id.starts_with(HASHED);
        if is_plain {
            return Self(id.to_owned());
        }
        let escaped = id.bytes().fold(ESCAPED.to_owned(), |escaped, byte| {
            if byte.is_ascii_alphanumeric() {
                escaped + &char::from(byte).to_string()
            } else {
                escaped + &format!("_{byte:02x}")
            }
        });
        if is_identity(&escaped) {
            return Self(escaped);
        }
        let hash = Sha256::digest(id);
        Self(format!("{HASHED}{}", base16ct::lower::encode_string(&hash)))
    }

    /// Whether the identity is a hash, so that the user's id must be told beside it ([`USER_ID`]).
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.0.starts_with(HASHED)
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user of an identity that Twilio repeats. `told` is the id that came with it, from whomever: it counts only for
    /// the identity that is its own.
    #[must_use]
    pub fn user(identity: &str, told: Option<&str>) -> Option<UserId> {
        let id = if identity.starts_with(HASHED) {
            told?.to_owned()
        } else if let Some(escaped) = identity.strip_prefix(ESCAPED) {
            unescape(escaped)?
        } else {
            identity.to_owned()
        };
        let user = UserId::parse(id).ok()?;
        (Self::of(&user).as_str() == identity).then_some(user)
    }
}

fn is_identity(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unescape(escaped: &str) -> Option<String> {
    let mut rest = escaped.as_bytes();
    let mut text = String::new();
    while let Some((first, others)) = rest.split_first() {
        let (byte, others) = match (first, others) {
            (b'_', [high, low, others @ ..]) => {
                let mut byte = [0];
                base16ct::lower::decode([*high, *low], &mut byte).ok()?;
                let [byte] = byte;
                (byte, others)
            }
            _ => (*first, others),
        };
        text.push(char::from(byte));
        rest = others;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    #[test]
    fn an_id_that_twilio_takes_stays_as_it_is_and_others_are_escaped() {
        let fits = "x".repeat(121);
        for (id, identity) in [
            ("ann", "ann"),
            ("Kf3bVq9ZtXhC1YwM5n2LsPdR8uE3", "Kf3bVq9ZtXhC1YwM5n2LsPdR8uE3"),
            ("a_b", "a_b"),
            ("_", "_"),
            ("7", "7"),
            (&fits, &fits),
            ("auth0|5f7c8ec7c33c6c004bbafe82", "fwe_auth0_7c5f7c8ec7c33c6c004bbafe82"),
            ("ann@example.test", "fwe_ann_40example_2etest"),
            ("closed-app", "fwe_closed_2dapp"),
            ("q3Jk+9/Ff0==", "fwe_q3Jk_2b9_2fFf0_3d_3d"),
            ("a_b c", "fwe_a_5fb_20c"),
            (" ", "fwe__20"),
            ("|", "fwe__7c"),
            // What reads as an identity of another form is escaped itself.
            ("fwe_a_7cb", "fwe_fwe_5fa_5f7cb"),
            ("fwe_", "fwe_fwe_5f"),
            ("fwh_", "fwe_fwh_5f"),
            ("fwx_a", "fwx_a"),
            ("FWE_a", "FWE_a"),
        ] {
            assert_eq!(Identity::of(&user(id)).as_str(), identity, "{id}");
            assert_eq!(Identity::user(identity, None), Some(user(id)), "{identity}");
            assert_eq!(Identity::user(identity, Some("somebody else")), Some(user(id)), "{identity}");
        }
    }

    #[test]
    fn an_id_that_does_not_fit_is_hashed_and_told_beside() {
        let others =
            ["x".repeat(122), "x".repeat(255), "|".repeat(40), format!("fwh_{}", "0".repeat(118)), "~".repeat(255)];
        for id in &others {
            let identity = Identity::of(&user(id));
            assert!(identity.is_hashed() && identity.as_str().len() == 68, "{id}");
            assert_eq!(Identity::user(identity.as_str(), Some(id)), Some(user(id)));
            for told in [None, Some(""), Some("ann"), Some(identity.as_str()), Some(&*format!("{id} ")), Some("é")] {
                assert_eq!(Identity::user(identity.as_str(), told), None, "{told:?}");
            }
        }
        assert_eq!(Identity::of(&user(&"|".repeat(39))).as_str().len(), 121);
        // As any other program makes it.
        let identity = Identity::of(&user(&"x".repeat(255)));
        assert_eq!(identity.as_str(), "fwh_d22609da3ae3956ca4877056a8e580eed744a6f7d7cfa5b19dd88d52fcc0d435");
        // A hash in the wrong place: of an id that has an identity of its own, which only a forger would make.
        let ann = format!("fwh_{}", base16ct::lower::encode_string(&Sha256::digest("ann")));
        assert_eq!(Identity::user(&ann, Some("ann")), None);
    }

    #[test]
    fn an_identity_that_is_spelled_otherwise_is_nobody_s() {
        let long = "x".repeat(122);
        for identity in [
            "",
            "a/b",
            "auth0|5f7c",
            "ann@example.test",
            "a b",
            "ünal",
            "ann\n",
            "fwe_",
            // It would fit as it is.
            "fwe_ann",
            "fwe_a_5fb",
            // A letter that needs no escape, capital digits, digits that are missing or none.
            "fwe__41_7c",
            "fwe_a_7C",
            "fwe_a_7",
            "fwe_a_",
            "fwe_a__7c",
            "fwe_a_zz",
            "fwe_a_+7",
            "fwe_a|",
            "fwe_a_0a",
            "fwe_a_7f",
            "fwe_a_c3_a4",
            "fwh_",
            "fwh_00",
            &long,
        ] {
            assert_eq!(Identity::user(identity, None), None, "{identity:?}");
            assert_eq!(Identity::user(identity, Some(identity)), None, "{identity:?}");
        }
    }

    #[test]
    fn no_two_of_many_alike_ids_share_an_identity() {
        let parts = ["", "fwe_", "fwh_", "_", "_5f", "5f", "a", "|", "_7c", "7c", "-", "_2d"];
        let pair = |a: &str| parts.map(|b| format!("{a}{b}"));
        let ids = parts.iter().flat_map(|a| pair(a)).flat_map(|ab| pair(&ab));
        let ids: BTreeSet<_> = ids.filter(|id| !id.is_empty()).collect();
        let identities: BTreeSet<_> = ids.iter().map(|id| Identity::of(&user(id)).0).collect();
        assert_eq!(identities.len(), ids.len());
    }

    proptest! {
        #[test]
        fn every_user_has_an_identity_that_twilio_takes_and_that_leads_back(id in "[ -~]{1,255}") {
            let identity = Identity::of(&user(&id));
            prop_assert!(is_identity(identity.as_str()));
            prop_assert_eq!(Identity::user(identity.as_str(), Some(&id)), Some(user(&id)));
            prop_assert_eq!(Identity::user(identity.as_str(), None).is_none(), identity.is_hashed());
        }
    }
}
