//! Positions on a call's timeline and moments on the wall clock, as types of their own.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// The one rate inside Fourwire: speech services take it, and the telephone band (to 7 kHz) fits below its half.
pub const SAMPLES_PER_SECOND: u32 = 16_000;

/// A position on a call's timeline, or a length of it: samples at 16 kHz since the call's first sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(u64);

impl Samples {
    /// The call's first sample.
    pub const ZERO: Self = Self(0);

    /// A position `samples` after the call's first sample.
    #[must_use]
    pub const fn new(samples: u64) -> Self {
        Self(samples)
    }

    /// A length of `millis` milliseconds (16 samples each).
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(16))
    }

    /// A length given in seconds, as speech services give it; rounded to the nearest sample, never below zero.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        Self((seconds * f64::from(SAMPLES_PER_SECOND)).round().max(0.0) as u64)
    }

    /// The number of samples.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 16
    }

    /// Seconds, as the wire's segments carry them.
    #[must_use]
    pub fn seconds(self) -> f64 {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "exact below 2^53 samples, 17,000 years"
        )]
        let samples = self.0 as f64;
        samples / f64::from(SAMPLES_PER_SECOND)
    }

    /// `self - other`, or zero where `other` is later.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Samples {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A moment on the wall clock: milliseconds since 1970 in UTC, as every JavaScript platform counts.
///
/// On the wire it is an RFC 3339 text (`2026-11-23T20:41:00.5Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The moment `millis` milliseconds after 1970 began.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, as tokens carry them.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds from `earlier` to `self`; zero where `earlier` is later, since wall clocks may step back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC; the epoch itself for a moment no calendar holds.
    #[must_use]
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
    }

    /// Reads an RFC 3339 text; `None` where it is not one or lies before 1970.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        Self::of(OffsetDateTime::parse(text, &Rfc3339).ok()?)
    }

    /// Reads an RFC 2822 text, as carriers send (`Wed, 25 Mar 2026 12:00:00 +0000`); `None` where it is not one or lies
    /// before 1970.
    #[must_use]
    pub fn from_rfc2822(text: &str) -> Option<Self> {
        Self::of(OffsetDateTime::parse(text, &Rfc2822).ok()?)
    }

    fn of(moment: OffsetDateTime) -> Option<Self> {
        u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }
}

impl Add<u64> for UnixMillis {
    type Output = Self;

    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl Sub<u64> for UnixMillis {
    type Output = Self;

    fn sub(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time since 1970"))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn seconds_and_samples_convert_both_ways() {
        assert_eq!(Samples::from_seconds(1.5), Samples::new(24_000));
        assert_eq!(Samples::from_seconds(-0.1), Samples::ZERO);
        assert_eq!(Samples::from_millis(250).seconds().to_bits(), 0.25_f64.to_bits());
    }

    #[test]
    fn a_moment_survives_the_wire() {
        let moment = UnixMillis::new(1_774_440_000_500);
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, "\"2026-03-25T12:00:00.5Z\"");
        assert_eq!(serde_json::from_str::<UnixMillis>(&text).unwrap(), moment);
        assert_eq!(UnixMillis::from_rfc2822("Wed, 25 Mar 2026 13:00:00 +0100"), Some(moment - 500));
    }
}
