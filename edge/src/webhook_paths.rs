//! Where Twilio finds its webhooks: what is told to Twilio by one part of the Worker, and answered by another.

use fourwire_engine::twilio::signature::PublicOrigin;

/// How a call's leg goes.
pub(crate) const CALL_STATUS: &str = "/v1/phone/calls/status";
/// What the callee hears first.
pub(crate) const NOTICE: &str = "/v1/phone/notice";
/// How a verification call ended.
const VERIFICATION_STATUS: &str = "/v1/phone/numbers/verify/status";

/// Where Twilio reports how a verification call ended.
pub(crate) fn verification_callback(origin: &PublicOrigin) -> String {
    format!("{}{VERIFICATION_STATUS}", origin.as_str())
}
