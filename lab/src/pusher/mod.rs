//! An operator's program that hears calls while they run: it takes what the peer's takes, on the peer's path, strictly.
//!
//! - [`frame`]: what is taken, message by message; `faults`: what can go wrong;
//! - [`PusherServer`]: the handle through which a test orders faults and looks at what came.
//!
//! # Routes
//! | method | path | answer |
//! | --- | --- | --- |
//! | GET | `/pusher/v1/trigger/listen?uid=…&sample_rate=16000` | a WebSocket |
//!
//! Authentication is `Authorization: Bearer` with [`KEY`]. A connection on which something comes that should not come, or
//! not then, is closed with code 1008 and what is wrong with it; [`ConnectionReport::problem`] says it too.

mod faults;
pub mod frame;
mod handle;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub use faults::Fault;
use frame::{Frame, Order};
use handle::Page;
pub use handle::{ConnectionReport, PusherOptions, PusherServer};

use crate::upgrade::{Socket, upgrade};

/// The key that the lab's program takes, unless told otherwise.
pub const KEY: &str = "lab-pusher-key";
/// The only rate there is.
const SAMPLE_RATE: &str = "16000";
/// Somebody does what is not done.
const POLICY: u16 = 1008;
/// How long a connection is stalled: longer than any test, and not for ever.
const STALL_LIMIT: Duration = Duration::from_mins(10);
/// How long the other end may take to make room for a message. Nothing is read meanwhile.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// How long the other end may take to answer a close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The routes, to be nested under an address's path: `/pusher`.
pub fn routes(server: PusherServer) -> Router {
    Router::new().route("/v1/trigger/listen", get(listen)).with_state(server)
}

async fn listen(State(server): State<PusherServer>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let page = server.begin(query.clone());
    match page.fault() {
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Slow(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }
    accept(&server, page.clone(), &query, request).unwrap_or_else(|(status, why)| {
        page.update(|report| report.refused = Some(status.as_u16()));
        (status, why).into_response()
    })
}

fn accept(
    server: &PusherServer,
    page: Page,
    query: &[(String, String)],
    request: Request,
) -> Result<Response<Body>, (StatusCode, &'static str)> {
    if let Some(Fault::Refuse(status)) = page.fault() {
        return Err((StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE), "ordered"));
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|given| given.strip_prefix("Bearer ")) != Some(server.options().key.as_str()) {
        return Err((StatusCode::UNAUTHORIZED, "the key is not good"));
    }
    let [(first, user), (second, rate)] = query else { return Err((StatusCode::BAD_REQUEST, "uid and sample_rate")) };
    if (first.as_str(), second.as_str(), rate.as_str()) != ("uid", "sample_rate", SAMPLE_RATE) || user.is_empty() {
        return Err((StatusCode::BAD_REQUEST, "uid=…&sample_rate=16000"));
    }
    let (response, socket) = upgrade(request).map_err(|_| (StatusCode::UPGRADE_REQUIRED, "a WebSocket handshake"))?;
    tokio::spawn(async move {
        if let Some(mut socket) = socket.await {
            page.update(|report| report.opened = true);
            let end = serve(&mut socket, &page).await;
            finish(socket, end, &page).await;
        }
    });
    Ok(response)
}

/// How a connection ends.
enum End {
    /// The other end closed it, perhaps with a code.
    ByClient(Option<u16>),
    /// It is closed here.
    Close(u16, String),
    /// It is broken off.
    Broken,
}

async fn serve(socket: &mut Socket, page: &Page) -> End {
    let mut order = Order::default();
    if matches!(page.fault(), Some(Fault::Stall)) {
        // Who does not read does not learn that the other end is gone.
        tokio::time::sleep(STALL_LIMIT).await;
        return End::Broken;
    }
    if matches!(page.fault(), Some(Fault::Garbage)) {
        for message in [Message::text("<html>"), Message::binary(vec![1, 2]), Message::binary(b"????\xff".to_vec())] {
            if !send(socket, message).await {
                return End::Broken;
            }
        }
    }
    loop {
        match page.fault() {
            Some(Fault::Close { after, code }) if page.count() >= *after => return End::Close(*code, String::new()),
            Some(Fault::Drop { after }) if page.count() >= *after => return End::Broken,
            _ => {}
        }
        let message = match socket.next().await {
            Some(Ok(Message::Binary(message))) => message,
            Some(Ok(Message::Text(_))) => return wrong(page, "a text message"),
            Some(Ok(Message::Close(frame))) => return End::ByClient(frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return End::Broken,
        };
        let frame = match Frame::read(&message).and_then(|frame| order.check(&frame).map(|()| frame)) {
            Ok(frame) => frame,
            Err(problem) => return wrong(page, &problem),
        };
        let answer = frame.answer();
        page.keep(frame);
        if let Some(answer) = answer
            && !send(socket, Message::binary(answer)).await
        {
            return End::Broken;
        }
    }
}

/// Sends a message; `false` where the other end does not make room for it. One that is gone is noticed when it is read,
/// behind what it sent before.
async fn send(socket: &mut Socket, message: Message) -> bool {
    timeout(SEND_LIMIT, socket.send(message)).await.is_ok()
}

fn wrong(page: &Page, problem: &str) -> End {
    page.update(|report| report.problem = Some(problem.to_owned()));
    End::Close(POLICY, format!("fourwire-lab is strict: {problem}"))
}

async fn finish(mut socket: Socket, end: End, page: &Page) {
    let code = match end {
        End::ByClient(code) => {
            // The answer to the close frame is queued already.
            let _ = timeout(CLOSE_LIMIT, socket.flush()).await;
            code
        }
        End::Close(code, reason) => {
            let goodbye = async {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                if socket.send(Message::Close(Some(frame))).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            };
            let _ = timeout(CLOSE_LIMIT, goodbye).await;
            None
        }
        End::Broken => None,
    };
    drop(socket);
    page.update(|report| {
        report.closed_by_client = code;
        report.ended = true;
    });
}
