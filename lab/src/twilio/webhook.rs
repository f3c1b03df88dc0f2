//! Requests to the application: webhooks and status callbacks, signed, and remembered with their answers.

use std::time::Duration;

use axum::http::{HeaderName, Method, Request, Uri, header};
use fourwire_wire::pii::Pii;
use http_body_util::Full;
use hyper::body::Bytes;
use time::OffsetDateTime;

use super::credentials::ACCOUNT_SID;
use super::handle::Twilio;
use super::records::{Delivery, Signing, Target};
use super::{ids, signature};
use crate::http::{self, Answer, HttpError};

/// The version of the API that webhooks name.
pub(super) const API_VERSION: &str = "2010-04-01";
/// How long the application may take for its whole answer.
const LIMIT: Duration = Duration::from_secs(15);
/// What Twilio's proxy calls itself.
const USER_AGENT: &str = "TwilioProxy/1.1";
/// The content type of a webhook's form.
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
/// The same for repetitions of a request. It is not signed.
const IDEMPOTENCY_TOKEN: &str = "i-twilio-idempotency-token";
/// What a stranger signs with.
const FORGERS_TOKEN: &str = "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0";

/// A request that is being put together.
pub(super) struct Webhook {
    fields: Vec<(String, String)>,
    /// What it tells of; the same for repetitions.
    event: String,
}

impl Webhook {
    /// What every request about a call says.
    pub(super) fn of_call(call_sid: &str, direction: &str, status: &str) -> Self {
        let mut webhook = Self { fields: Vec::new(), event: call_sid.to_owned() };
        for (name, value) in [
            ("CallSid", call_sid),
            ("AccountSid", ACCOUNT_SID),
            ("ApiVersion", API_VERSION),
            ("Direction", direction),
            ("CallStatus", status),
        ] {
            webhook.add(name, value);
        }
        webhook
    }

    /// Who calls whom.
    pub(super) fn parties(&mut self, from: &str, to: &str) {
        for (name, party) in [("From", from), ("Caller", from), ("To", to), ("Called", to)] {
            self.add(name, party);
        }
    }

    /// Where the telephones of both are, of which nothing is known. The real service also sends empty fields.
    pub(super) fn places(&mut self) {
        for side in ["From", "Caller", "To", "Called"] {
            for place in ["City", "State", "Zip", "Country"] {
                self.add(format!("{side}{place}"), "");
            }
        }
    }

    /// Which event of the call's progress it is, and how long the call was where it is over.
    pub(super) fn event(&mut self, sequence: u32, seconds: Option<u32>) {
        self.event = format!("{}/{sequence}", self.event);
        self.add("Timestamp", ids::rfc2822(OffsetDateTime::now_utc()));
        self.add("CallbackSource", "call-progress-events");
        self.add("SequenceNumber", sequence.to_string());
        if let Some(seconds) = seconds {
            self.add("CallDuration", seconds.to_string());
            self.add("Duration", seconds.div_ceil(60).to_string());
        }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.fields.push((name.into(), value.into()));
    }

    /// Fields in front of all others.
    pub(super) fn add_first(&mut self, fields: impl IntoIterator<Item = (String, String)>) {
        self.fields.splice(..0, fields);
    }

    /// Signs and sends it, and remembers it with its answer.
    pub(super) async fn send(mut self, twilio: &Twilio, to: &Target) -> (Delivery, Result<Answer, HttpError>) {
        let (auth_token, signing) = {
            let state = twilio.state();
            (state.auth_token.clone(), state.signing)
        };
        let signature = match signing {
            Signing::Good | Signing::Tampered => Some(self.signature(to, &auth_token)),
            Signing::Forged => Some(self.signature(to, FORGERS_TOKEN)),
            Signing::Missing => None,
        };
        if signing == Signing::Tampered {
            self.add("CallToken", "added-on-the-way");
        }
        let sent = match self.request(twilio, to, signature) {
            Ok(request) => http::send(request, LIMIT).await,
            Err(_) => Err(HttpError::Address(to.url.clone())),
        };
        let answer = sent.as_ref().map(|answer| answer.status).map_err(HttpError::to_string);
        let fields = self.fields.into_iter().map(|(name, value)| (name, Pii::new(value))).collect();
        let delivery = Delivery { url: to.url.clone(), fields, answer };
        twilio.change(|state| state.deliveries.push(delivery.clone()));
        (delivery, sent)
    }

    fn signature(&self, to: &Target, auth_token: &str) -> String {
        let (url, form) = self.written(to);
        let fields = if form.is_some() { self.fields.as_slice() } else { &[] };
        signature::sign(auth_token, &url, fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The address, and the form where there is one: a GET has its fields in the query.
    fn written(&self, to: &Target) -> (String, Option<String>) {
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        if to.method != Method::GET {
            return (to.url.clone(), Some(fields));
        }
        let url = to.url.split('#').next().unwrap_or_default();
        let joint = if url.contains('?') { '&' } else { '?' };
        (format!("{url}{joint}{fields}"), None)
    }

    fn request(
        &self,
        twilio: &Twilio,
        to: &Target,
        signature: Option<String>,
    ) -> Result<Request<Full<Bytes>>, axum::http::Error> {
        let (url, form) = self.written(to);
        let mut request = Request::builder()
            .method(&to.method)
            .uri(twilio.state().reached(&url))
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "*/*")
            .header(IDEMPOTENCY_TOKEN, ids::idempotency_token(&self.event));
        if let Some(host) = url.parse::<Uri>()?.authority() {
            // As it is without a user, who would only be for authentication.
            let host = host.as_str().rsplit('@').next().unwrap_or_default();
            request = request.header(header::HOST, host);
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, FORM);
        }
        if let Some(signature) = signature {
            request = request.header(HeaderName::from_static(signature::HEADER), signature);
        }
        request.body(Full::from(form.unwrap_or_default()))
    }
}
