//! Personal data has a type: it travels and is stored like the value inside, but prints as a placeholder.
//!
//! A log line is written with `{}` or `{:?}`; neither can show what a [`Pii`] holds, so a number, a name, a token or a
//! spoken word reaches a log only where somebody calls [`Pii::expose`] to put it there.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a [`Pii`] prints instead of its value.
pub const REDACTED: &str = "[personal]";

/// A value that identifies a person or was said by one.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Marks `value` as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that must have it: never for a log line.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, to be changed in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn prints_as_a_placeholder_and_serialises_as_its_value() {
        let word = Pii::new("hello".to_owned());
        assert_eq!(format!("{word} {word:?} {:?}", Some(&word)), "[personal] [personal] Some([personal])");
        assert_eq!(serde_json::to_string(&word).unwrap(), "\"hello\"");
    }
}
