//! A language model sums a conversation up: a server that the operator names, or one of Cloudflare's own.

use std::cell::RefCell;
use std::time::Duration;

use fourwire_engine::config::Summariser;
use fourwire_engine::summary::Spoken;
use fourwire_engine::summary::model::{
    self, KnownForm, MAX_ANSWER_BYTES, Model, ModelAnswer, ModelError, ModelRequest, workers_ai,
};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::structured::Structured;
use worker::{AbortSignal, Env, Method};

use crate::clock::now;
use crate::log;
use crate::outbound::http::{self, Outgoing};
use crate::problem::kind;
use crate::settings;
use crate::zones::PlatformZones;

/// How long a model may take: less than the engine gives it, so that what comes of it is known in time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

thread_local! {
    /// What the operator's model takes, so that not every call pays for requests that are refused. An isolate has one model:
    /// another one comes with other settings, and those with other isolates.
    static FORM: RefCell<KnownForm> = RefCell::default();
}

/// Has the operator's model sum a conversation up; `None` where there is no model.
pub(crate) async fn sum_up(env: &Env, conversation: &Conversation) -> Option<Result<Structured, ModelError>> {
    let config = settings::read(env);
    let summariser = config.summariser.as_ref().ok()?.as_ref()?;
    let spoken = Spoken::of(conversation, &PlatformZones);
    let answer = http::within(ANSWER_TIMEOUT, async |signal| {
        Ok(match summariser {
            Summariser::Model(model) => fetch(model, &spoken, signal).await,
            Summariser::WorkersAi(name) => run(env, name, &spoken).await,
        })
    });
    let down = || Err(ModelError::Down { status: 0, retry_after: None });
    let answer = answer.await.and_then(Result::ok).unwrap_or_else(down);
    if let Err(error) = &answer {
        log::error!("model_failed", conversation = conversation.id, error = error.to_string());
    }
    Some(answer)
}

/// Asks a server that speaks `OpenAI`'s chat completions, in the form that it is known to take or else in weaker ones.
async fn fetch(model: &Model, spoken: &Spoken<'_>, signal: &AbortSignal) -> Result<Structured, ModelError> {
    let mut form = FORM.with_borrow(KnownForm::first);
    loop {
        let (status, retry_after, body) =
            send(&model.request(&spoken.talk(), form), signal).await.map_err(|error| {
                log::warning!("model_not_reached", error = kind(&error));
                ModelError::Down { status: 0, retry_after: None }
            })?;
        let answer = ModelAnswer { status, retry_after: retry_after.as_deref(), body: &body };
        match FORM.with_borrow_mut(|known| known.next(form, &answer)) {
            Some(next) => form = next,
            None => return model::read(&answer, &spoken.talk(), now()),
        }
    }
}

/// Sends one request: the answer's status, `Retry-After` and body.
async fn send(request: &ModelRequest, signal: &AbortSignal) -> worker::Result<(u16, Option<String>, Vec<u8>)> {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(request.authorization.as_ref().map(|key| ("authorization", key.expose().as_str())));
    let outgoing = Outgoing::with_body(Method::Post, &request.url, &headers, request.body.expose())?;
    let mut answer = outgoing.send(signal).await?;
    let retry_after = answer.headers().get("retry-after")?;
    // One byte more than is read, so that an answer that is too long shows.
    let body = http::read_start(&mut answer, MAX_ANSWER_BYTES.saturating_add(1)).await?;
    Ok((answer.status_code(), retry_after, body))
}

/// Asks one of Cloudflare's own models, in the form that it is known to take or else in weaker ones.
async fn run(env: &Env, name: &str, spoken: &Spoken<'_>) -> Result<Structured, ModelError> {
    let ai = env.ai(settings::AI).map_err(|_| ModelError::Key)?;
    let mut form = FORM.with_borrow(KnownForm::first);
    loop {
        let output = ai.run(name, workers_ai::input(&spoken.talk(), form)).await.map_err(|error| error.to_string());
        let thrown = output.as_ref().err().map(String::as_str);
        if let Some(next) = FORM.with_borrow_mut(|known| known.next_after_throw(form, thrown)) {
            form = next;
            continue;
        }
        return match output {
            Ok(output) => workers_ai::read(&output, &spoken.talk(), now()),
            Err(message) => Err(workers_ai::thrown(&message)),
        };
    }
}
