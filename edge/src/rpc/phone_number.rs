//! The object of one phone number: what it is asked.

use fourwire_engine::config::Config;
use fourwire_engine::names;
use fourwire_engine::phone::claim::{Refusal, State as Verification, VerificationResult};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::twilio::caller_ids::Failed;
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use serde::{Deserialize, Serialize};
use worker::Env;

use crate::problem::Problem;
use crate::rpc::{Request, requests, send};
use crate::settings;

requests! {
    /// What the object of a phone number is asked.
    PhoneNumberRequest {
        /// A user wants the number verified.
        Verify(UserId, PhoneNumber) -> Begun,
        /// How a user's verification goes.
        Check(UserId, PhoneNumber) -> Verification,
        /// Twilio has said how a verification call of this number ended.
        Report(PhoneNumber, CallSid, VerificationResult) -> (),
        /// Whether the number is a user's, by what is kept here. Answered by the caller ID, if it is.
        Holder(UserId) -> Option<CallerIdSid>,
        /// Whether a user may call with the number, by what Twilio says now.
        Use(UserId) -> CallerIdStatus,
        /// A user gives the number up.
        Release(UserId) -> (),
        /// What an earlier master secret has sealed is to be sealed anew. Answered by how many records that were.
        Reseal() -> usize,
    }
}

/// What has become of a wish to verify.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Begun {
    /// The number is about to ring.
    Ringing {
        /// Twilio's name for the call.
        call: CallSid,
        /// What whoever answers must type.
        code: Pii<String>,
    },
    /// It is not verified now.
    Refused(Refusal),
    /// Twilio does not do it.
    Failed(Failed),
    /// All users together have had as many numbers rung as they may.
    Ceiling,
}

/// Whether a number can be called with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallerIdStatus {
    /// It can.
    Valid,
    /// It is not the user's, or Twilio does not know it any more.
    Revoked,
    /// Twilio does not say.
    Unavailable,
}

/// Asks the object of a number.
pub(crate) async fn call<R: Request<All = PhoneNumberRequest>>(
    env: &Env,
    config: &Config,
    number: &PhoneNumber,
    request: R,
) -> Result<R::Response, Problem> {
    send(env, settings::LINES, &names::number_object(config.vault()?, number), &request.into()).await
}
