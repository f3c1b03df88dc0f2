//! The object of one call: what the platform calls, and which of its parts answers.
//!
//! - [`driver`]: performs what the session decides; [`client_socket`], [`speech_sockets`], [`pusher_socket`]: whom it talks to, and
//!   [`host`], which is all that these know of it; [`chunks`], [`store`]: where its audio and state are kept.

mod chunks;
mod client_socket;
mod driver;
mod host;
mod pusher_socket;
mod speech_sockets;
mod store;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{DurableObject, Env, Request, Response, Result, durable_object};

use driver::Driver;

use crate::problem::Problem;
use crate::rpc::call::{
    Admission, CallRequest, Delete, NotAdmitted, ReportPhoneCall, RunningConversation, Salvage, SignOut, State,
};
use crate::rpc::{Envelope, answer, received};
use crate::socket::{Message, answer_close};

/// The object.
#[durable_object(alarm)]
pub struct Call {
    driver: Rc<Driver>,
}

impl std::panic::RefUnwindSafe for Call {}

impl DurableObject for Call {
    fn new(state: worker::State, env: Env) -> Self {
        Self { driver: Rc::new(Driver::new(state, env)) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if request.path() == Admission::PATH {
            return self.driver.listen(&request).await.or_else(|problem| NotAdmitted::response(&problem));
        }
        let (owner, asked) = match received(&mut request).await {
            Ok(Envelope { owner, asked }) => (owner, asked),
            Err(fault) => return Problem::from(fault).response(),
        };
        if let Err(problem) = self.driver.identify(owner) {
            return problem.response();
        }
        let driver = &self.driver;
        match asked {
            CallRequest::RunningConversation(RunningConversation()) => {
                answer::<RunningConversation>(Ok(driver.conversation()))
            }
            CallRequest::ReportPhoneCall(ReportPhoneCall(call)) => {
                driver.phone_call(&call);
                answer::<ReportPhoneCall>(Ok(()))
            }
            CallRequest::SignOut(SignOut(moment)) => answer::<SignOut>(driver.sign_out(moment)),
            CallRequest::State(State(conversation)) => answer::<State>(Ok(driver.conversation_state(conversation))),
            CallRequest::Salvage(Salvage(conversation)) => answer::<Salvage>(driver.salvage(conversation).await),
            CallRequest::Delete(Delete(conversation)) => answer::<Delete>(driver.delete(conversation).await),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.driver.alarm();
        Response::empty()
    }
}

/// What the platform calls for a client's socket.
///
/// By hand, and not by the macro: that copies every message into our memory before it can be looked at, and our memory never
/// shrinks again. (<https://developers.cloudflare.com/durable-objects/best-practices/websockets/>; a message may have 32 MiB.)
#[wasm_bindgen(
    wasm_bindgen = ::worker::wasm_bindgen,
    wasm_bindgen_futures = ::worker::wasm_bindgen_futures,
    js_sys = ::worker::js_sys
)]
impl Call {
    /// A message has come.
    ///
    /// # Errors
    /// None that are expected; the platform wants a promise that can fail.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub async fn web_socket_message(
        &self,
        socket: web_sys::WebSocket,
        message: JsValue,
    ) -> std::result::Result<JsValue, JsValue> {
        // A panic in here rejects the promise, and is this call's own.
        AssertUnwindSafe(async move { self.driver.message(&socket.into(), &Message::new(message)) }).await;
        Ok(JsValue::UNDEFINED)
    }

    /// The socket is closed.
    ///
    /// # Errors
    /// None that are expected.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub async fn web_socket_close(
        &self,
        socket: web_sys::WebSocket,
        code: u16,
        reason: String,
    ) -> std::result::Result<JsValue, JsValue> {
        AssertUnwindSafe(async move {
            let socket = socket.into();
            // First of all, and whatever the socket was: the platform answers no close frame of a hibernating socket, and a
            // client that waits for the answer hangs until its own time-out.
            answer_close(&socket, code, &reason);
            self.driver.gone(&socket);
        })
        .await;
        Ok(JsValue::UNDEFINED)
    }

    /// The socket is broken.
    ///
    /// # Errors
    /// None that are expected.
    #[wasm_bindgen(js_name = webSocketError)]
    pub async fn web_socket_error(&self, socket: web_sys::WebSocket) -> std::result::Result<JsValue, JsValue> {
        AssertUnwindSafe(async move { self.driver.gone(&socket.into()) }).await;
        Ok(JsValue::UNDEFINED)
    }
}
