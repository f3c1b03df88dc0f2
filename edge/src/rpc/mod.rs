//! What objects are asked, and what they answer: the only thing that `api` and `objects` share.
//!
//! A request is a struct that names the type of its answer ([`Request`]); the object that takes it knows all of its requests as one
//! enum. [`requests!`] makes both from one table. Objects can be reached only from within the Worker, with one JSON message there
//! and one back.

pub(crate) mod call;
pub(crate) mod deployment;
pub(crate) mod phone_number;
pub(crate) mod user;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, RequestInit, Response};

use crate::fault::{During, Fault};
use crate::log;
use crate::problem::{Problem, kind};

/// A request to an object.
pub(crate) trait Request: Into<Self::All> {
    /// All requests that this one is among.
    type All: Serialize;
    /// What it is answered with.
    type Response: Serialize + DeserializeOwned;
}

/// Makes the requests of an object: a struct for each, and the enum of all.
macro_rules! requests {
    (
        $(#[$of_all:meta])* $all:ident {
            $( $(#[$of_one:meta])* $name:ident($($field:ty),*) -> $response:ty, )*
        }
    ) => {
        $(#[$of_all])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub(crate) enum $all { $( #[doc = stringify!($name)] $name($name), )* }
        $(
            $(#[$of_one])*
            #[derive(Debug, serde::Serialize, serde::Deserialize)]
            pub(crate) struct $name($(pub(crate) $field),*);

            impl crate::rpc::Request for $name {
                type All = $all;
                type Response = $response;
            }

            impl From<$name> for $all {
                fn from(request: $name) -> Self {
                    Self::$name(request)
                }
            }
        )*
    };
}
pub(crate) use requests;

/// A request on its way, with whose the object is: its name is a hash that says nothing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope<O, A> {
    /// Whose the object is believed to be.
    pub(crate) owner: O,
    /// What it is asked.
    pub(crate) asked: A,
}

/// Sends a message to the object of a binding that has a name, and reads the answer.
async fn send<T: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    message: &impl Serialize,
) -> Result<T, Problem> {
    let body = serde_json::to_string(message).during("rpc.send")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let request = worker::Request::new_with_init("https://object/", &init)?;
    let mut answer = env.durable_object(binding)?.get_by_name(name)?.fetch_with_request(request).await?;
    if answer.status_code() != 200 {
        return Err(Fault::new("rpc.send", format!("{binding} answers with {}", answer.status_code())).into());
    }
    Ok(answer.json().await?)
}

/// What an object is asked.
pub(crate) async fn received<T: DeserializeOwned>(request: &mut worker::Request) -> Result<T, Fault> {
    // What could not be read is personal.
    request.json().await.map_err(|error| Fault::new("rpc.receive", kind(&error)))
}

/// An object's answer to a request of a type, which is the only type that it can be answered with.
pub(crate) fn answer<R: Request>(answer: Result<R::Response, Problem>) -> worker::Result<Response> {
    answer.map_or_else(
        |problem| {
            let request = std::any::type_name::<R>().rsplit("::").next();
            log::error!("object_failed", request = request, error = problem.cause());
            problem.response()
        },
        |answer| Response::from_json(&answer),
    )
}
