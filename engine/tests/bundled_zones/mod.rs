//! The rules of time zones from the database that a crate brings along: the independent judge of the edge's.

use fourwire_engine::zones::Zones;
use fourwire_wire::query::TimeZone;
use fourwire_wire::units::UnixMillis;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

/// The bundled rules.
#[derive(Debug)]
pub struct Bundled;

impl Zones for Bundled {
    fn offset_seconds(&self, zone: &TimeZone, at: UnixMillis) -> Option<i32> {
        let zone = TimeZoneDatabase::bundled().get(zone.as_str()).ok()?;
        let at = Timestamp::from_millisecond(i64::try_from(at.get()).ok()?).ok()?;
        Some(zone.to_offset(at).seconds())
    }
}
