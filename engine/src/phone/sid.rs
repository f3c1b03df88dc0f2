//! Twilio's names for things ("SIDs"): two letters that tell the kind, then 32 letters and digits.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Letters and digits after the two letters of the kind.
const BODY_BYTES: usize = 32;

/// A text is not the SID that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be {prefix} and 32 letters and digits")]
pub struct SidError {
    /// The two letters that it should begin with.
    prefix: &'static str,
}

fn check(prefix: &'static str, text: &str) -> Result<(), SidError> {
    let body = text.strip_prefix(prefix).ok_or(SidError { prefix })?;
    if body.len() == BODY_BYTES && body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(SidError { prefix })
    }
}

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as this SID.
            ///
            /// # Errors
            /// [`SidError`] where it is of another kind or shape.
            pub fn parse(text: impl Into<String>) -> Result<Self, SidError> {
                let text = text.into();
                check($prefix, &text)?;
                Ok(Self(text))
            }

            /// The SID as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = SidError;

            fn try_from(text: String) -> Result<Self, SidError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(sid: $name) -> Self {
                sid.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

sid! {
    /// The operator's account.
    AccountSid, "AC"
}
sid! {
    /// A key of the operator's account, which signs access tokens.
    ApiKeySid, "SK"
}
sid! {
    /// A TwiML application: the webhook that answers a call from a user's device.
    AppSid, "AP"
}
sid! {
    /// One leg of a call.
    CallSid, "CA"
}
sid! {
    /// A number that Twilio has verified, and lets calls show.
    CallerIdSid, "PN"
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_sid_is_taken_as_what_it_is_and_as_nothing_else() {
        assert_eq!(CallSid::parse(format!("CA{HEX}")).unwrap().as_str(), format!("CA{HEX}"));
        for wrong in
            ["", "CA", HEX, &format!("PN{HEX}"), &format!("ca{HEX}"), &format!("CA{HEX}0"), &format!("CA{}", &HEX[1..])]
        {
            assert!(CallSid::parse(wrong).is_err(), "{wrong}");
        }
        // A SID becomes a part of an address, and of a log line.
        assert!(CallSid::parse(format!("CA{}/../", &HEX[4..])).is_err());
        assert!(CallSid::parse(format!("CA{}é", &HEX[2..])).is_err());
    }

    #[test]
    fn what_arrives_in_json_is_checked_as_well() {
        let good: CallerIdSid = serde_json::from_str(&format!("\"PN{HEX}\"")).unwrap();
        assert_eq!(serde_json::to_string(&good).unwrap(), format!("\"PN{HEX}\""));
        let wrong = serde_json::from_str::<CallerIdSid>(&format!("\"CA{HEX}\"")).unwrap_err().to_string();
        assert!(wrong.contains("must be PN and 32 letters and digits"), "{wrong}");
    }
}
