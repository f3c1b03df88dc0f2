//! What the operator shows to be let in.

use fourwire_wire::pii::Pii;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ConfigError, Settings};

/// Shortest key, in bytes of its text.
const MIN_BYTES: usize = 32;

/// The operator's key.
#[derive(Clone, Debug)]
pub struct OperatorKey(Pii<String>);

impl OperatorKey {
    /// Whether a text is the key. How long that takes tells nothing of how much of it is right.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let tag = |text: &str| {
            let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).ok()?;
            Some(mac.chain_update(text))
        };
        let Some(expected) = tag(self.0.expose()) else { return false };
        tag(given).is_some_and(|given| given.verify(&expected.finalize().into_bytes()).is_ok())
    }
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    pub(super) fn operator_key(&self) -> Result<OperatorKey, ConfigError> {
        const NAME: &str = "OPERATOR_KEY";
        let key = self.need(NAME)?;
        if key.len() < MIN_BYTES {
            return Err(ConfigError::Invalid { name: NAME, problem: "must have at least 32 characters".to_owned() });
        }
        Ok(OperatorKey(Pii::new(key)))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn only_the_key_itself_is_the_key() {
        let key = OperatorKey(Pii::new("0123456789abcdef0123456789abcdef".to_owned()));
        assert!(key.is("0123456789abcdef0123456789abcdef"));
        for other in ["", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeg"] {
            assert!(!key.is(other), "{other}");
        }
    }
}
