//! Twilio's voice network: the unmodified Twilio Voice JS SDK calls through it, with signalling and WebRTC media.
//!
//! - [`Carrier`]: the handle through which a test orders how calls go and looks at what happened;
//! - [`Callee`], [`Voice`], [`Answer`]: who is called, and what they say;
//! - `signal`, `messages`: a browser's signalling socket; `shim`: what its page needs beside the SDK;
//! - `call`, `script`, `telephone`: a call, what the application says by its TwiML, and the telephones that it dials;
//! - `media`, `line`: its WebRTC; `codec`, `g711`, `listener`, `source`: its audio; [`CarriedCall`]: what is kept of it.
//!
//! # Routes
//! | method | path | answer |
//! | --- | --- | --- |
//! | GET | `/signal` | a WebSocket: the SDK asks for it where its option `chunderw` is the lab's host and port |
//! | GET | `/carrier/shim.js` | lets the SDK reach a lab without TLS; to be loaded before the SDK |
//! | GET | `/carrier/silence.wav` | a sound for the SDK's option `sounds`, since its own are on the internet |
//!
//! # Calls
//! The access token is checked when the browser connects and when it calls, and the application at
//! [`TwilioOptions::voice_url`](crate::twilio::TwilioOptions::voice_url) is asked by a signed webhook. The lab has no voice
//! of its own: what `<Say>` says, and that the application's answer was not good, is a few beeps. An `action` is not asked.
//!
//! What a number that is dialled does is said by its last digits, as in the table of [`crate::twilio`], or by
//! [`Carrier::callee`]; the application is told by status callbacks, as it happens.
//!
//! # Errors
//! A browser is told of these, besides those of the SDK's own:
//!
//! | number | it |
//! | --- | --- |
//! | 31201 | said something else before it showed a token |
//! | 31202, 31204, 31205, 31207 | showed a token that is forged, not good, expired, or good for too long |
//! | 31001, 31105 | showed a token for another application, or for an identity that is none |
//! | 31400 | made an offer that cannot be read, or has no codec that the carrier has |
//! | 31486, 31603 | is rejected by the application, as busy or without a reason |
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use fourwire_lab::carrier::{Callee, Voice};
//! use fourwire_lab::{Lab, LabOptions};
//!
//! let lab = Lab::start(LabOptions::default()).await?;
//! lab.twilio().set_voice_url("http://127.0.0.1:8787/v1/phone/twiml");
//! lab.carrier().callee("+12025550199", Callee::who_says(Voice::Echo));
//! assert!(lab.carrier().calls().is_empty());
//! # Ok::<(), fourwire_lab::StartError>(())
//! # }).unwrap();
//! ```

mod call;
mod callee;
mod codec;
mod g711;
mod handle;
mod line;
mod listener;
mod media;
mod messages;
mod options;
mod orders;
mod outlet;
mod record;
mod script;
mod shim;
mod signal;
mod source;
mod telephone;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

pub use callee::{Answer, Callee, Voice};
pub use codec::Codec;
pub use handle::Carrier;
pub use options::{CarrierOptions, Codecs};
pub use record::{CarriedCall, Ended, Times};

use crate::cors::open;

/// The routes, for the root of the lab's address.
pub(crate) fn routes(carrier: Carrier) -> Router {
    let page = Router::new()
        .route("/carrier/shim.js", get(shim::shim))
        .route("/carrier/silence.wav", get(shim::silence))
        .layer(from_fn(open));
    Router::new().route("/signal", get(signal::signal)).with_state(carrier).merge(page)
}
