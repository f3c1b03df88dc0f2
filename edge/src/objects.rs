//! Asking an object of ours: one JSON message there, one back. Objects can be reached only from within the Worker.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Response};

use crate::problem::Problem;

/// A request to an object: whose it is, and what is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope<O, A> {
    /// Whose the object is believed to be.
    pub(crate) owner: O,
    /// What it is asked.
    pub(crate) asked: A,
}

/// Asks the object of a binding that has a name.
pub(crate) async fn ask<T: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    asked: &impl Serialize,
) -> Result<T, Problem> {
    let body = serde_json::to_string(asked).map_err(|_| Problem::Internal)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let request = Request::new_with_init("https://object/", &init)?;
    let mut answer = env.durable_object(binding)?.get_by_name(name)?.fetch_with_request(request).await?;
    if answer.status_code() != 200 {
        return Err(Problem::Internal);
    }
    Ok(answer.json().await?)
}

/// What an object answers.
pub(crate) fn answer<T: Serialize>(answer: Result<T, Problem>) -> worker::Result<Response> {
    answer.map_or_else(|problem| problem.response(), |answer| Response::from_json(&answer))
}
