//! In which form a server is asked to answer, and what is tried where it does not take that.
//!
//! Most servers that speak `OpenAI`'s API hold a model to a schema; some know only `json_object`, some neither. They refuse
//! what they do not know with 400 or 422, and by no common code. So the next weaker form is asked for, and what a server
//! has taken is asked for first from then on.

use serde_json::{Value, json};

use super::{ModelAnswer, schema};

/// What an answer is to be, by `response_format`: <https://platform.openai.com/docs/api-reference/chat/create>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerForm {
    /// An object that conforms to the schema.
    #[default]
    JsonSchema,
    /// Some JSON object; the schema is in the prompt.
    JsonObject,
    /// Text; that it is to be JSON is in the prompt.
    Text,
}

impl AnswerForm {
    /// The form that more servers take.
    #[must_use]
    pub const fn weaker(self) -> Option<Self> {
        match self {
            Self::JsonSchema => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::Text),
            Self::Text => None,
        }
    }

    /// The request's `response_format`, where it has one. `named` is how the schema goes into it.
    pub(super) fn response_format(self, named: &Value) -> Option<Value> {
        match self {
            Self::JsonSchema => Some(json!({ "type": "json_schema", "json_schema": named })),
            Self::JsonObject => Some(json!({ "type": "json_object" })),
            Self::Text => None,
        }
    }

    /// What the prompt says of the form.
    pub(super) fn instruction(self) -> String {
        match self {
            Self::JsonSchema => String::new(),
            Self::JsonObject | Self::Text => {
                format!("\nThe JSON schema of the object, beside which nothing is to be written:\n{}", schema::schema())
            }
        }
    }
}

/// Which form a server takes, as far as it is known: to be kept for as long as the server is the same.
#[derive(Debug, Default)]
pub struct KnownForm(AnswerForm);

/// `error.code` of refusals that have nothing to do with the form.
const OTHER_REFUSALS: [&str; 4] =
    ["model_not_found", "context_length_exceeded", "string_above_max_length", "content_policy_violation"];

impl KnownForm {
    /// The form to ask for first.
    #[must_use]
    pub const fn first(&self) -> AnswerForm {
        self.0
    }

    /// The form to ask for next, where a server has refused `form`; none: the answer is to be read.
    #[must_use]
    pub fn next(&mut self, form: AnswerForm, answer: &ModelAnswer<'_>) -> Option<AnswerForm> {
        match answer.status {
            400 | 422 if !is_about_something_else(answer.body) => form.weaker(),
            200..300 => {
                self.0 = form;
                None
            }
            _ => None,
        }
    }

    /// The same for Cloudflare's own models, whose refusals are exceptions: `thrown` is the message of one, `None` where an
    /// answer came.
    #[must_use]
    pub fn next_after_throw(&mut self, form: AnswerForm, thrown: Option<&str>) -> Option<AnswerForm> {
        match thrown {
            Some(message) if refuses_form(message) => form.weaker(),
            Some(_) => None,
            None => {
                self.0 = form;
                None
            }
        }
    }
}

/// Whether an exception of Cloudflare's `run` says that the model has no JSON mode, or not this form of it.
fn refuses_form(message: &str) -> bool {
    message.contains("5025") || message.contains("response_format") || message.contains("support JSON")
}

fn is_about_something_else(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.pointer("/error/code").and_then(Value::as_str).is_some_and(|code| OTHER_REFUSALS.contains(&code))
}
