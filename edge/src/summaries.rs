//! Summaries: by a language model where one is configured, else Fourwire's own; at a call's end, on request, and made up for
//! later where the model did not answer in time.

use std::time::Duration;

use fourwire_engine::config::Summariser;
use fourwire_engine::summary::model::{self, MAX_ANSWER_BYTES, ModelAnswer, ModelError, ModelRequest, workers_ai};
use fourwire_engine::summary::{self, Spoken};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::structured::{Structured, SummaryBy};
use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{Delay, Env, Fetch, Method, Request, RequestInit, Response};

use crate::clock::now;
use crate::conversations::{self, json};
use crate::problem::{Problem, kind};
use crate::zones::PlatformZones;
use crate::{body, settings};

/// How long a model may take: less than the engine gives it, so that what comes of it is known in time.
const PATIENCE: Duration = Duration::from_secs(25);

/// `POST /v1/conversations/{id}/reprocess`: makes what was made of the text anew.
pub(crate) async fn reprocess(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let opened = conversations::open_finished(request, env, id).await?;
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
    let answer = async {
        match summariser {
            Summariser::Model(model) => fetch(&model.request(&spoken.talk()), &spoken).await,
            Summariser::WorkersAi(name) => run(env, name, &spoken).await,
        }
    };
    let answer = match select(std::pin::pin!(answer), Delay::from(PATIENCE)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(ModelError::Down { status: 0, retry_after: None }),
    };
    if let Err(error) = &answer {
        worker::console_error!("language model: {error}");
    }
    Some(answer)
}

/// Asks a server that speaks `OpenAI`'s chat completions.
async fn fetch(request: &ModelRequest, spoken: &Spoken<'_>) -> Result<Structured, ModelError> {
    let exchange = async {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from_str(request.body.expose())));
        init.headers.set("content-type", "application/json")?;
        if let Some(authorization) = &request.authorization {
            init.headers.set("authorization", authorization.expose())?;
        }
        let mut answer = Fetch::Request(Request::new_with_init(&request.url, &init)?).send().await?;
        let retry_after = answer.headers().get("retry-after")?;
        // One byte more than is read, so that an answer that is too long shows.
        let body = body::read_answer(&mut answer, MAX_ANSWER_BYTES.saturating_add(1)).await?;
        Ok::<_, worker::Error>((answer.status_code(), retry_after, body))
    };
    let (status, retry_after, body) = exchange.await.map_err(|error| {
        worker::console_warn!("language model: not reached: {}", kind(&error));
        ModelError::Down { status: 0, retry_after: None }
    })?;
    let answer = ModelAnswer { status, retry_after: retry_after.as_deref(), body: &body };
    model::read(&answer, &spoken.talk(), now())
}

/// Asks one of Cloudflare's own models.
async fn run(env: &Env, name: &str, spoken: &Spoken<'_>) -> Result<Structured, ModelError> {
    let ai = env.ai(settings::AI).map_err(|_| ModelError::Key)?;
    match ai.run(name, workers_ai::input(&spoken.talk())).await {
        Ok(output) => workers_ai::read(&output, &spoken.talk(), now()),
        Err(error) => Err(workers_ai::thrown(&error.to_string())),
    }
}
