//! `GET /v4/web/listen`: a browser's socket. A browser cannot send a header with it, so it is accepted first, its first
//! message must bring the ID token, and from then on this Worker passes messages between it and the call's object.

use std::time::Duration;

use fourwire_engine::config::Config;
use fourwire_engine::socket::{Bounds, MAX_UNSENT_TO_CALL_BYTES, MAX_UNSENT_TO_CLIENT_BYTES, Overrun};
use fourwire_wire::event::{ClientMessage, Ignored, ServerEvent, close};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::ListenQuery;
use futures_util::future::{Either, select};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Delay, Env, Request, Response, WebSocket, WebSocketPair};

use crate::api::listen;
use crate::clock::now;
use crate::fault::During;
use crate::outbound::issuer;
use crate::problem::Problem;
use crate::rpc::call::forward;
use crate::settings;
use crate::socket::{Inbox, Incoming, Message, close_socket};

/// How long a browser may take to say who is there.
const AUTH_TIME: Duration = Duration::from_secs(5);

/// Accepts a browser's socket; the rest happens on it.
pub(crate) fn open(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let query = listen::admit(request, &config)?;
    let pair = WebSocketPair::new()?;
    let inbox = Inbox::accept(&pair.server, Bounds::BROWSER)?;
    let env = env.clone();
    // Not `wait_until`, which the platform cuts off: the open socket itself keeps this running.
    spawn_local(async move {
        if let Err(end) = serve(&pair.server, &inbox, &env, &config, query).await {
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

impl From<Overrun> for End {
    fn from(overrun: Overrun) -> Self {
        match overrun {
            Overrun::MessageTooBig => {
                Self { code: close::TOO_BIG, reason: "a message is larger than any may be".to_owned() }
            }
            Overrun::TooMuchWaiting => Self::refused("more comes than can be taken"),
        }
    }
}

async fn serve(
    browser: &WebSocket,
    from_browser: &Inbox,
    env: &Env,
    config: &Config,
    query: ListenQuery,
) -> Result<(), End> {
    let first = match select(std::pin::pin!(from_browser.next()), Delay::from(AUTH_TIME)).await {
        Either::Left((first, _)) => first,
        Either::Right(_) => return Err(End::refused("Auth timeout")),
    };
    let first = match first {
        Incoming::Message(first) => first,
        Incoming::Overrun(overrun) => return Err(overrun.into()),
        Incoming::Closed(..) => return Ok(()),
    };
    let token = first.text().map_or(Err("Expected JSON auth message"), |text| token_of(&text));
    let answer = match token {
        Ok(token) => issuer::verify(token.expose(), config).await.map_err(|problem| match problem {
            Problem::BadAuthorization => End::refused("Invalid token"),
            problem => problem.into(),
        }),
        Err(reason) => Err(End::refused(reason)),
    };
    let expires_in =
        answer.as_ref().ok().filter(|_| query.resume).map(|signed_in| signed_in.expires.since(now()) / 1000);
    browser.send(&ServerEvent::AuthResponse { success: answer.is_ok(), expires_in })?;

    let forwarded = forward(env, &answer?, query).await;
    let call = match forwarded {
        Err(problem) if problem.is_told_on_socket() => return Err(End::refused(&problem.to_string())),
        forwarded => forwarded?.websocket().during("rpc.listen").map_err(Problem::from)?,
    };
    let from_call = Inbox::accept(&call, Bounds::CALL)?;
    let end = relay(browser, from_browser, &call, &from_call).await;
    if let Err(End { code, reason }) = &end {
        close_socket(&call, *code, reason);
    }
    end
}

/// Passes messages on, both ways, until either side is closed or takes too little.
async fn relay(browser: &WebSocket, from_browser: &Inbox, call: &WebSocket, from_call: &Inbox) -> Result<(), End> {
    loop {
        let (next_browser, next_call) = (std::pin::pin!(from_browser.next()), std::pin::pin!(from_call.next()));
        let (incoming, to, most) = match select(next_browser, next_call).await {
            Either::Left((incoming, _)) => (incoming, call, MAX_UNSENT_TO_CALL_BYTES),
            Either::Right((incoming, _)) => (incoming, browser, MAX_UNSENT_TO_CLIENT_BYTES),
        };
        match incoming {
            Incoming::Message(message) => pass(&message, to, most)?,
            Incoming::Closed(code, reason) => {
                close_socket(to, close::relay(code), &reason);
                return Ok(());
            }
            Incoming::Overrun(overrun) => return Err(overrun.into()),
        }
    }
}

/// Sends a message on. The platform holds what the other side does not take yet, and never says that it is enough.
fn pass(message: &Message, to: &WebSocket, most: u32) -> Result<(), End> {
    message.send_to(to)?;
    if to.as_ref().buffered_amount() > most { Err(Overrun::TooMuchWaiting.into()) } else { Ok(()) }
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
