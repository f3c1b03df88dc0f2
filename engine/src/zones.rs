//! The user's clock: times as people say and read them, in the time zone where the user is.
//!
//! How far a zone is ahead of UTC changes with the seasons and by law, so the engine brings no table of it along:
//! [`Zones`] is asked, which the edge implements with the platform's own. [`UserClock`] converts both ways, each moment
//! with the offset of that moment and not with that of the call.

use std::fmt::Debug;

use fourwire_wire::query::TimeZone;
use fourwire_wire::units::UnixMillis;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Longer than any offset from UTC (14 h) and any jump of a clock, shorter than the time between two jumps: a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The rules of time zones.
pub trait Zones: Debug {
    /// How many seconds a zone's clocks are ahead of UTC at a moment; `None` for a zone that is not known.
    fn offset_seconds(&self, zone: &TimeZone, at: UnixMillis) -> Option<i32>;
}

/// Knows no zone: every clock shows UTC.
#[derive(Clone, Copy, Debug)]
pub struct UtcOnly;

impl Zones for UtcOnly {
    fn offset_seconds(&self, _zone: &TimeZone, _at: UnixMillis) -> Option<i32> {
        None
    }
}

/// The clock that a user looks at. Without a zone, or in one that is not known, it shows UTC.
#[derive(Clone, Copy, Debug)]
pub struct UserClock<'a> {
    zone: Option<&'a TimeZone>,
    zones: &'a dyn Zones,
}

impl<'a> UserClock<'a> {
    /// The clock of a zone.
    #[must_use]
    pub const fn new(zone: Option<&'a TimeZone>, zones: &'a dyn Zones) -> Self {
        Self { zone, zones }
    }

    /// The zone's name, where it has one that is known.
    #[must_use]
    pub fn zone(&self) -> Option<&'a TimeZone> {
        self.zone.filter(|zone| self.zones.offset_seconds(zone, UnixMillis::default()).is_some())
    }

    /// A moment on the clock; `None` where no calendar holds it.
    #[must_use]
    pub fn local(&self, at: UnixMillis) -> Option<OffsetDateTime> {
        let seconds = i64::try_from(at.seconds()).ok()?;
        let offset = self.offset(seconds);
        OffsetDateTime::from_unix_timestamp(seconds).ok()?.checked_to_offset(offset)
    }

    /// The moment at which the clock shows a time; `None` before 1970.
    ///
    /// Where clocks are put forward, times in the gap are taken as far after it as they lie in it, which is what a clock
    /// shows that nobody has put forward. Where they are put back, the earlier of both moments is taken. RFC 5545, 3.3.5.
    #[must_use]
    pub fn moment(&self, local: PrimitiveDateTime) -> Option<UnixMillis> {
        let shown = local.assume_utc().unix_timestamp();
        // The offset of the moment is that before or that after a change, and the change is less than a day away.
        let [before, after] = [shown - DAY_SECONDS, shown + DAY_SECONDS].map(|seconds| self.offset(seconds));
        let fits = |offset: UtcOffset| {
            let seconds = shown - i64::from(offset.whole_seconds());
            (self.offset(seconds) == offset).then_some(seconds)
        };
        let in_gap = shown - i64::from(before.whole_seconds());
        let seconds = fits(before).into_iter().chain(fits(after)).min().unwrap_or(in_gap);
        u64::try_from(seconds).ok()?.checked_mul(1000).map(UnixMillis::new)
    }

    fn offset(&self, unix_seconds: i64) -> UtcOffset {
        let offset = || {
            let at = UnixMillis::new(u64::try_from(unix_seconds).ok()?.checked_mul(1000)?);
            UtcOffset::from_whole_seconds(self.zones.offset_seconds(self.zone?, at)?).ok()
        };
        offset().unwrap_or(UtcOffset::UTC)
    }
}
