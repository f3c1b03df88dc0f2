//! The platform's rules of time zones (`Intl.DateTimeFormat`), so that none are shipped.
//!
//! <https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Intl/DateTimeFormat>

use std::cell::RefCell;

use fourwire_engine::zones::Zones;
use fourwire_wire::query::TimeZone;
use fourwire_wire::units::UnixMillis;
use js_sys::{Array, Function, Object, Reflect, global};
use worker::wasm_bindgen::{JsCast, JsValue};

/// The rules that the platform has.
#[derive(Debug)]
pub(crate) struct PlatformZones;

thread_local! {
    /// The zone that was asked for last with its formatter, which takes longer to make than to use; a summary asks for one
    /// zone hundreds of times. None for a zone that the platform does not know.
    static LAST: RefCell<Option<(TimeZone, Option<Function>)>> = const { RefCell::new(None) };
}

impl Zones for PlatformZones {
    fn offset_seconds(&self, zone: &TimeZone, at: UnixMillis) -> Option<i32> {
        let format = LAST.with_borrow_mut(|last| {
            if last.as_ref().is_none_or(|(known, _)| known != zone) {
                *last = Some((zone.clone(), formatter(zone).ok()));
            }
            last.as_ref().and_then(|(_, format)| format.clone())
        })?;
        let date = js_sys::Date::new(&JsValue::from_str(&at.rfc3339()));
        let text = format.call1(&JsValue::UNDEFINED, &date).ok()?.as_string()?;
        offset(&text)
    }
}

/// The bound `format` of a formatter that writes a day and the offset: `11/27/2026, GMT-05:00`.
///
/// # Errors
/// `RangeError` for a zone that the platform does not know.
fn formatter(zone: &TimeZone) -> Result<Function, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"timeZone".into(), &zone.as_str().into())?;
    Reflect::set(&options, &"timeZoneName".into(), &"longOffset".into())?;
    // Not by js-sys's own constructor, which does not catch what it throws.
    let intl = Reflect::get(&global(), &"Intl".into())?;
    let class: Function = Reflect::get(&intl, &"DateTimeFormat".into())?.dyn_into()?;
    let formatter = Reflect::construct(&class, &Array::of2(&"en-US".into(), &options))?;
    Reflect::get(&formatter, &"format".into())?.dyn_into()
}

/// Reads `GMT`, `GMT-05:00` or `GMT+00:19:32` at a text's end, in seconds.
fn offset(text: &str) -> Option<i32> {
    let (_, offset) = text.rsplit_once("GMT")?;
    let (sign, clock) = match offset.chars().next() {
        None => return Some(0),
        Some('+') => (1, offset.get(1..)?),
        Some('-') => (-1, offset.get(1..)?),
        Some(_) => return None,
    };
    let mut parts = clock.split(':').map(|part| part.parse::<i32>().ok());
    let hours = parts.next()??;
    let [minutes, seconds] = [(); 2].map(|()| parts.next().flatten().unwrap_or_default());
    Some(sign * (hours * 3_600 + minutes * 60 + seconds))
}
