//! Webhooks byte by byte: for what Twilio never sends, and for what somebody else does.

use fourwire_lab::twilio::{AUTH_TOKEN, Delivery, signature};
use hyper::Method;

use crate::http::{self, Answer};
use crate::world::{PUBLIC_ORIGIN, World};

/// The content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// A request as Twilio sends them.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The origin for which it is signed.
    pub origin: String,
    /// Path and query.
    pub path: String,
    /// The fields of its form.
    pub fields: Vec<(String, String)>,
    /// What it is signed with.
    pub auth_token: String,
}

impl Webhook {
    /// A request to a path of the edge, with fields.
    #[must_use]
    pub fn new(path: &str, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { origin: PUBLIC_ORIGIN.to_owned(), path: path.to_owned(), fields, auth_token: AUTH_TOKEN.to_owned() }
    }

    /// The question what to do with a call, as far as the edge reads it.
    #[must_use]
    pub fn voice(call_sid: &str, from: &str, to: &str) -> Self {
        Self::new("/v1/phone/twiml", &[("CallSid", call_sid), ("From", from), ("To", to)])
    }

    /// A request that was sent already, as somebody has overheard it.
    ///
    /// # Panics
    /// When it was not sent to the edge.
    #[must_use]
    pub fn overheard(delivery: &Delivery) -> Self {
        let fields: Vec<_> =
            delivery.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        Self::new(delivery.url.strip_prefix(PUBLIC_ORIGIN).expect("sent to the edge"), &fields)
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body.
    #[must_use]
    pub fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    /// The signature that Twilio would put on it.
    #[must_use]
    pub fn signature(&self) -> String {
        let url = format!("{}{}", self.origin, self.path);
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        signature::sign(&self.auth_token, &url, fields)
    }

    /// Sends it, signed.
    pub async fn send(&self, world: &World) -> Answer {
        self.send_with(world, &[(signature::HEADER, &self.signature())]).await
    }

    /// Sends it with other headers than its signature.
    pub async fn send_with(&self, world: &World, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", FORM)], headers].concat();
        http::raw(Method::POST, world.edge(), &self.path, &headers, self.form()).await
    }
}
