//! Names and times as Twilio writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use uuid::Uuid;

/// A new SID: the kind's two letters and 32 hexadecimal digits.
pub(crate) fn sid(kind: &str) -> String {
    format!("{kind}{:032x}", u128::from_be_bytes(random()))
}

/// Six digits, which a person types. Leading zeros count.
pub(super) fn validation_code() -> String {
    random::<6>().iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// The same for the same event, so that a repetition can be known as one.
pub(super) fn idempotency_token(event: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, event.as_bytes()).to_string()
}

/// A time as RFC 2822 writes it.
pub(super) fn rfc2822(time: OffsetDateTime) -> String {
    time.format(&Rfc2822).unwrap_or_default()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the machine has randomness");
    bytes
}
