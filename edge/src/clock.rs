//! The platform's clock: the one place where the Worker asks for the time.

use fourwire_wire::units::UnixMillis;
use worker::Date;

/// The time now. In production it stands still while no I/O happens, which no event of a call is without.
pub(crate) fn now() -> UnixMillis {
    UnixMillis::new(Date::now().as_millis())
}
