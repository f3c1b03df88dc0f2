//! Summaries: by a language model where one is configured, else Fourwire's own; at a call's end, on request, and made up for
//! later where the model did not answer in time.

use std::cell::RefCell;
use std::time::Duration;

use fourwire_engine::config::Summariser;
use fourwire_engine::limit::TooOften;
use fourwire_engine::summary::model::{
    self, KnownForm, MAX_ANSWER_BYTES, Model, ModelAnswer, ModelError, ModelRequest, workers_ai,
};
use fourwire_engine::summary::{self, Spoken};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::structured::{Structured, SummaryBy};
use worker::{AbortSignal, Env, Method, Request, Response};

use crate::clock::now;
use crate::conversations::{self, json};
use crate::outbound::{self, Outgoing};
use crate::problem::{Problem, kind};
use crate::user_do::{self, UserRequest};
use crate::zones::PlatformZones;
use crate::{body, settings};

/// How long a model may take: less than the engine gives it, so that what comes of it is known in time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

thread_local! {
    /// What the operator's model takes, so that not every call pays for requests that are refused. An isolate has one model:
    /// another one comes with other settings, and those with other isolates.
    static FORM: RefCell<KnownForm> = RefCell::default();
}

/// `POST /v1/conversations/{id}/reprocess`: makes what was made of the text anew.
pub(crate) async fn reprocess(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let opened = conversations::open_finished(request, env, id).await?;
    // Not Fourwire's own extract in place of a model's summary, because of a mistyped setting.
    settings::read(env).summariser.as_ref().map_err(Clone::clone)?;
    let asked = UserRequest::Reprocess(opened.found.entry.id);
    user_do::ask::<Result<(), TooOften>>(env, &opened.user, &asked).await??;
    let (stored, _) = opened.archive.get().await?.ok_or(Problem::NoConversation)?;
    let (structured, by) = match ask(env, &stored).await {
        Some(Ok(structured)) => (structured, SummaryBy::Model),
        Some(Err(_)) => return Err(Problem::NoSummary),
        None => {
            let spoken = Spoken::of(&stored, &PlatformZones);
            (summary::extract(&spoken.talk()), SummaryBy::Extract)
        }
    };
    json(
        &opened
            .rewrite(env, |conversation| {
                conversation.sum_up(structured.clone(), by);
                Ok(())
            })
            .await?,
    )
}

/// Has the operator's model sum a conversation up; `None` where there is no model.
pub(crate) async fn ask(env: &Env, conversation: &Conversation) -> Option<Result<Structured, ModelError>> {
    let config = settings::read(env);
    let summariser = config.summariser.as_ref().ok()?.as_ref()?;
    let spoken = Spoken::of(conversation, &PlatformZones);
    let answer = outbound::within(ANSWER_TIMEOUT, async |signal| {
        Ok(match summariser {
            Summariser::Model(model) => fetch(model, &spoken, signal).await,
            Summariser::WorkersAi(name) => run(env, name, &spoken).await,
        })
    });
    let down = || Err(ModelError::Down { status: 0, retry_after: None });
    let answer = answer.await.and_then(Result::ok).unwrap_or_else(down);
    if let Err(error) = &answer {
        worker::console_error!("language model: {error}");
    }
    Some(answer)
}

/// Asks a server that speaks `OpenAI`'s chat completions, in the form that it is known to take or else in weaker ones.
async fn fetch(model: &Model, spoken: &Spoken<'_>, signal: &AbortSignal) -> Result<Structured, ModelError> {
    let mut form = FORM.with_borrow(KnownForm::first);
    loop {
        let (status, retry_after, body) =
            send(&model.request(&spoken.talk(), form), signal).await.map_err(|error| {
                worker::console_warn!("language model: not reached: {}", kind(&error));
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
    let body = body::read_answer(&mut answer, MAX_ANSWER_BYTES.saturating_add(1)).await?;
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
