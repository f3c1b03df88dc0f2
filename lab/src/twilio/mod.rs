//! Twilio, as strict as the real one: its REST API of verified caller IDs, the calls that verify a number, signed
//! webhooks and status callbacks, and what happens when a browser places a call.
//!
//! - [`Twilio`]: the handle through which a test orders how things go and looks at what happened;
//! - `api`, `caller_ids`, `verification`: the REST API and the calls behind it; `faults`: what can go wrong with it;
//! - `webhook`, [`signature`]: requests to the application;
//! - `token`, `voice`, `twiml`, `progress`: a call from a browser, up to its end; [`crate::carrier`] carries it.
//!
//! # Routes
//! `{AC}` is [`ACCOUNT_SID`]. The API takes Basic authentication, with the account's SID and [`AUTH_TOKEN`] or with
//! [`API_KEY_SID`] and [`API_KEY_SECRET`]. Errors are `{"code","message","more_info","status"}` with Twilio's numbers; a
//! message that begins with `fourwire-lab is strict` is the lab's own.
//!
//! | method | path | answer |
//! | --- | --- | --- |
//! | POST | `/twilio/2010-04-01/Accounts/{AC}/OutgoingCallerIds.json` | starts a verification: its code |
//! | GET | the same | a page of caller IDs; `PhoneNumber` and `FriendlyName` are exact |
//! | GET | `/twilio/2010-04-01/Accounts/{AC}/OutgoingCallerIds/{PN}.json` | one caller ID |
//! | POST | the same | renames it |
//! | DELETE | the same | 204 |
//! | POST | `/twilio/lab/place-call` | for programs without a browser: places a call with an access token |
//! | POST | `/twilio/lab/play-call` | plays a placed call to its end |
//!
//! # Numbers
//! Nobody's telephone rings. What happens is decided by a number's last four digits, unless [`Twilio::will`] says
//! otherwise. All of these are good by the numbering plan: `+1 202 555 0123` and so on.
//!
//! | last digits | rung to be verified | called |
//! | --- | --- | --- |
//! | `0001` | answered, another code is typed: failed | answered |
//! | `0002` | not answered: failed | not answered |
//! | `0003` | verified, but the status callback is lost | answered |
//! | `0004` | verified after [`TwilioOptions::late`] | answered |
//! | `0005` | busy: failed | busy |
//! | `0006` | cannot be reached: failed | cannot be reached |
//! | all others | verified after [`TwilioOptions::ring`] | answered |
//!
//! # Calls
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use fourwire_lab::twilio::PlaceCall;
//! use fourwire_lab::{Lab, LabOptions};
//!
//! let lab = Lab::start(LabOptions::default()).await?;
//! lab.twilio().add_caller_id("+12025550123");
//! let call = PlaceCall::as_identity("http://127.0.0.1:1/v1/phone/twiml", "ann").to("+12025550199");
//! let placed = lab.twilio().place_call(&call).await?;
//! assert!(placed.has_problem(11205), "no edge listens there");
//! assert!(lab.twilio().dialled().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub mod signature;

mod api;
mod caller_ids;
mod credentials;
mod dev;
mod faults;
mod form;
mod handle;
mod ids;
mod number;
mod problem;
mod progress;
mod records;
mod token;
mod twiml;
mod verification;
mod voice;
mod webhook;

use axum::Router;
use axum::routing::{get, post};

pub use caller_ids::CallerId;
pub use credentials::{ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, TWIML_APP_SID};
pub use faults::{Fault, Operation};
pub use handle::{ApiRequest, Twilio, TwilioOptions};
pub(crate) use ids::sid;
pub(crate) use progress::unanswered;
pub use progress::{CallEvent, Ending};
pub use records::{Course, Delivery, Leg, Outcome, PlacedCall, Signing, VerificationCall};
pub use token::TokenError;
pub(crate) use token::check as check_token;
pub use twiml::{CallProblem, Twiml, Verb};
pub use voice::PlaceCall;

/// Where the API begins.
const ACCOUNT: &str = "/2010-04-01/Accounts/{account}";

pub(crate) fn routes(twilio: Twilio) -> Router {
    Router::new()
        .route(&format!("{ACCOUNT}/OutgoingCallerIds.json"), get(api::list).post(api::start))
        .route(
            &format!("{ACCOUNT}/OutgoingCallerIds/{{document}}"),
            get(api::fetch).post(api::rename).delete(api::remove),
        )
        .route("/lab/place-call", post(dev::place_call))
        .route("/lab/play-call", post(dev::play_call))
        .method_not_allowed_fallback(api::no_method)
        .fallback(api::no_resource)
        .with_state(twilio)
}
