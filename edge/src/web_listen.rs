//! `GET /v4/web/listen`: a browser's socket. A browser cannot send a header with it, so it is accepted first, its first
//! message must bring the ID token, and from then on this Worker passes messages between it and the call's object.

use std::time::Duration;

use fourwire_engine::config::Config;
use fourwire_wire::event::{ClientMessage, Ignored, ServerEvent, close};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::ListenQuery;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Delay, Env, Request, Response, WebSocket, WebSocketPair, WebsocketEvent};

use crate::client::close_socket;
use crate::clock::now;
use crate::problem::Problem;
use crate::{auth, listen, settings};

/// How long a browser may take to say who is there.
const AUTH_TIME: Duration = Duration::from_secs(5);

/// Accepts a browser's socket; the rest happens on it.
pub(crate) fn open(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let query = listen::admit(request, &config)?;
    let pair = WebSocketPair::new()?;
    accept(&pair.server)?;
    let env = env.clone();
    // Not `wait_until`, which the platform cuts off: the open socket itself keeps this running.
    spawn_local(async move {
        if let Err(end) = serve(&pair.server, &env, &config, query).await {
            close_socket(&pair.server, end.code, &end.reason);
        }
    });
    Ok(Response::from_websocket(pair.client)?)
}

/// Why the socket is closed.
struct End {
    code: u16,
    reason: String,
}

impl End {
    fn refused(reason: &str) -> Self {
        Self { code: close::POLICY, reason: reason.to_owned() }
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self { code: close::INTERNAL, reason: problem.to_string() }
    }
}

impl From<worker::Error> for End {
    fn from(error: worker::Error) -> Self {
        Problem::from(error).into()
    }
}

async fn serve(browser: &WebSocket, env: &Env, config: &Config, query: ListenQuery) -> Result<(), End> {
    let mut from_browser = browser.events()?;
    let first = match select(from_browser.next(), Delay::from(AUTH_TIME)).await {
        Either::Left((first, _)) => first,
        Either::Right(_) => return Err(End::refused("Auth timeout")),
    };
    let Some(Ok(WebsocketEvent::Message(first))) = first else { return Ok(()) };
    let token = first.text().map_or(Err("Expected JSON auth message"), |text| token_of(&text));
    let answer = match token {
        Ok(token) => auth::verify(token.expose(), config).await.map_err(|problem| match problem {
            Problem::BadAuthorization => End::refused("Invalid token"),
            problem => problem.into(),
        }),
        Err(reason) => Err(End::refused(reason)),
    };
    let expires_in =
        answer.as_ref().ok().filter(|_| query.resume).map(|signed_in| signed_in.expires.since(now()) / 1000);
    browser.send(&ServerEvent::AuthResponse { success: answer.is_ok(), expires_in })?;

    let forwarded = listen::forward(env, &answer?, query).await;
    let call = match forwarded {
        Err(problem @ (Problem::NoSuchCall | Problem::SignedOut)) => return Err(End::refused(&problem.to_string())),
        forwarded => forwarded?.websocket().ok_or(Problem::Internal)?,
    };
    let mut from_call = call.events()?;
    accept(&call)?;
    let mut next_browser = from_browser.next();
    let mut next_call = from_call.next();
    loop {
        match select(next_browser, next_call).await {
            Either::Left((event, call_pending)) => {
                if !pass(event, &call)? {
                    return Ok(());
                }
                next_browser = from_browser.next();
                next_call = call_pending;
            }
            Either::Right((event, browser_pending)) => {
                if !pass(event, browser)? {
                    return Ok(());
                }
                next_call = from_call.next();
                next_browser = browser_pending;
            }
        }
    }
}

/// The token in a browser's first message, or why there is none, in the peer's words.
fn token_of(text: &str) -> Result<Pii<String>, &'static str> {
    match ClientMessage::parse(text) {
        ClientMessage::Auth { token } => Ok(token),
        ClientMessage::Ignored(Ignored::NotJson) => Err("Invalid JSON"),
        ClientMessage::Ignored(Ignored::MissingToken) => Err("Missing token"),
        ClientMessage::End
        | ClientMessage::Contact { .. }
        | ClientMessage::AudioFrom { .. }
        | ClientMessage::Ignored(Ignored::UnknownType | Ignored::MissingName | Ignored::MissingPosition) => {
            Err("First message must be auth")
        }
    }
}

/// Passes one event on; false when it was the last.
fn pass(event: Option<worker::Result<WebsocketEvent>>, to: &WebSocket) -> Result<bool, End> {
    match event {
        Some(Ok(WebsocketEvent::Message(message))) => {
            if let Some(text) = message.text() {
                to.send_with_str(text)?;
            } else if let Some(bytes) = message.bytes() {
                to.send_with_bytes(bytes)?;
            }
            Ok(true)
        }
        Some(Ok(WebsocketEvent::Close(event))) => {
            close_socket(to, close::relay(event.code()), &event.reason());
            Ok(false)
        }
        Some(Err(_)) | None => {
            close_socket(to, close::GOING_AWAY, "the other side is gone");
            Ok(false)
        }
    }
}

/// Accepts a socket whose binary messages must come as bytes: the platform's default is a `Blob`, which reads as empty.
fn accept(socket: &WebSocket) -> worker::Result<()> {
    socket.as_ref().set_binary_type(web_sys::BinaryType::Arraybuffer);
    socket.accept()
}
