//! Cloudflare's own models, through the binding: `AI.run(model, input)` in JSON mode.
//!
//! JSON mode takes the schema bare and promises nothing: a model that cannot keep to it makes `run` throw `JSON Mode
//! couldn't be met`. Most models answer `{"response": …}` with an object or its text; some answer a chat completion, some
//! `{"output": […]}`. <https://developers.cloudflare.com/workers-ai/features/json-mode/>

use fourwire_wire::structured::Structured;
use fourwire_wire::units::UnixMillis;
use serde_json::{Value, json};

use super::super::Talk;
use super::answer::{of_completion, of_content};
use super::{AnswerForm, ModelError, Part, prompt, schema};

/// Longest transcript that is sent, in characters. The default model has room for 24,000 tokens of both question and
/// answer; a character of an Asian script can be a token.
pub const MAX_TRANSCRIPT: usize = 20_000;
/// How long the answer may be, in tokens; unless told otherwise models there break off after 256.
const MAX_TOKENS: u32 = 2_048;

/// What `run` is given, for a form of answer.
#[must_use]
pub fn input(talk: &Talk<'_>, form: AnswerForm) -> Value {
    let mut input = json!({ "messages": prompt::messages(talk, MAX_TRANSCRIPT, form), "max_tokens": MAX_TOKENS });
    if let (Some(format), Some(input)) = (form.response_format(&schema::schema()), input.as_object_mut()) {
        input.insert("response_format".to_owned(), format);
    }
    input
}

/// Judges what `run` gave; `now` is when the items are noted.
///
/// # Errors
/// [`ModelError`] says why there is no summary, and whether asking again may help.
pub fn read(output: &Value, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
    if output.get("choices").is_some() {
        return of_completion(output, talk, now);
    }
    let response = output.get("response").or_else(|| message(output)).ok_or(ModelError::Wrong(Part::Answer))?;
    // An answer that broke off counts as many tokens as were allowed.
    let used = output.pointer("/usage/completion_tokens").and_then(Value::as_u64);
    match response {
        Value::Null => Err(ModelError::Empty),
        _ => of_content(response, talk, now).map_err(|error| match error {
            ModelError::NotJson(_) if used.is_some_and(|used| used >= u64::from(MAX_TOKENS)) => ModelError::Truncated,
            other => other,
        }),
    }
}

/// The last message of an answer in the form of `OpenAI`'s Responses, which the models there with thoughts of their own give.
fn message(output: &Value) -> Option<&Value> {
    output.get("output")?.as_array()?.iter().rfind(|item| item["type"] == "message")?.get("content")
}

/// What an exception of `run` means, by its message, which has the error's number in it.
#[must_use]
pub fn thrown(message: &str) -> ModelError {
    let number = |number: &str| message.split(|char: char| !char.is_ascii_digit()).any(|part| part == number);
    let any = |numbers: &[&str]| numbers.iter().any(|wanted| number(wanted));
    if message.contains("JSON Mode") {
        ModelError::Wrong(Part::Content)
    } else if any(&["3036", "4006"]) {
        ModelError::Quota
    } else if any(&["3040"]) {
        ModelError::TooMany { retry_after: None }
    } else if any(&["3023", "3041", "5016", "5018"]) {
        ModelError::Key
    } else if any(&["3003", "3039", "3042", "5004", "5005", "5007", "5019"]) {
        ModelError::Refused(400)
    } else if any(&["3006"]) {
        ModelError::Refused(413)
    } else {
        ModelError::Down { status: 0, retry_after: None }
    }
}
