//! A summary by a language model: what it is asked, and whether its answer will do.
//!
//! - [`Model`]: any server that speaks `OpenAI`'s chat completions; [`workers_ai`]: Cloudflare's own models;
//! - `prompt`, `schema`: what both are asked; [`AnswerForm`], [`KnownForm`]: in which form they are to answer;
//! - `content`, `moment`, `answer`: how what they wrote is found, read and judged; [`ModelError`]: why there is no summary.
//!
//! A model's answer is judged like any other input: what a conversation cannot do without must be there and of the
//! right kind, what is merely off (a date long past, a category of its own, a list that is none) is left out.

mod answer;
mod content;
mod error;
mod form;
mod moment;
mod prompt;
mod schema;
pub mod workers_ai;

use fourwire_wire::pii::Pii;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::UnixMillis;
use serde_json::json;

pub use self::answer::{MAX_OVERVIEW, MAX_TITLE};
pub use self::error::{ModelError, Part};
pub use self::form::{AnswerForm, KnownForm};
use super::Talk;
use crate::outbound::OutboundUrl;

/// Where `OpenAI`'s API is.
pub const DEFAULT_URL: &str = "https://api.openai.com/v1";
/// Longest transcript that is sent, in characters: about 30,000 tokens of English, which fits the context of any model
/// that one would ask, and two hours of brisk talk. Of a longer one the head and the tail are sent.
pub const MAX_TRANSCRIPT: usize = 120_000;
/// Longest answer that is read, in bytes: ten times what all bounds of a summary add up to.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// What some servers put before their JSON, which RFC 8259 lets a reader ignore.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A language model behind an API like `OpenAI`'s.
#[derive(Clone, Debug)]
pub struct Model {
    /// The API's base, such as [`DEFAULT_URL`].
    pub url: OutboundUrl,
    /// The key; a server of one's own may need none.
    pub key: Option<Pii<String>>,
    /// The model's name there.
    pub name: String,
}

/// A request to be sent: a `POST` of JSON.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// Where.
    pub url: String,
    /// The `Authorization` header.
    pub authorization: Option<Pii<String>>,
    /// The body, `application/json`.
    pub body: Pii<String>,
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct ModelAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Model {
    /// Asks for a summary in a form of answer. [`KnownForm::next`] says whether to ask in another one, [`read`] judges the answer.
    ///
    /// The answer's length is not limited here: servers know that limit by different names, and refuse the wrong one.
    #[must_use]
    pub fn request(&self, talk: &Talk<'_>, form: AnswerForm) -> ModelRequest {
        let mut url = self.url.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["chat", "completions"]);
        }
        let mut body = json!({ "model": self.name, "messages": prompt::messages(talk, MAX_TRANSCRIPT, form) });
        let named = json!({ "name": schema::NAME, "strict": true, "schema": schema::schema() });
        if let (Some(format), Some(body)) = (form.response_format(&named), body.as_object_mut()) {
            body.insert("response_format".to_owned(), format);
        }
        ModelRequest {
            url: url.into(),
            authorization: self.key.as_ref().map(|key| Pii::new(format!("Bearer {}", key.expose()))),
            body: Pii::new(body.to_string()),
        }
    }
}

/// Judges what a server answered to [`Model::request`]; `now` is when the items are noted, and what `Retry-After` counts from.
///
/// # Errors
/// [`ModelError`] says why there is no summary, and whether asking again may help.
pub fn read(answer: &ModelAnswer<'_>, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
    if !(200..300).contains(&answer.status) {
        return Err(error::refusal(answer, now));
    }
    if answer.body.len() > MAX_ANSWER_BYTES {
        return Err(ModelError::Wrong(Part::Answer));
    }
    let body = answer.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(answer.body);
    let completion = serde_json::from_slice(body).map_err(|_| ModelError::NotJson(Part::Answer))?;
    answer::of_completion(&completion, talk, now)
}
