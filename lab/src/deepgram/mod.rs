//! Deepgram's streaming service, `GET /deepgram/v1/listen`, as strict as the real one, with an ear of the lab behind it.
//!
//! - [`query`], [`models`], [`refusal`]: what is taken, and how the rest is refused, before a stream begins;
//! - [`session`]: one stream's socket; [`messages`]: what is said on it;
//! - [`speech`]: the handle through which a test orders [`faults`] and looks at what arrived.
//!
//! Of the service's many audio formats the lab takes one, 16-bit mono PCM; that is said in the refusal.
//!
//! # Routes
//! | method | path | body | what happens |
//! | --- | --- | --- | --- |
//! | GET | `/deepgram/v1/listen` | | the service |
//! | POST | `/deepgram/lab/faults` | an [`Order`] | a fault for connections to come |
//! | POST | `/deepgram/lab/faults/open` | a [`Fault`] | a fault for every stream that is open |
//! | DELETE | `/deepgram/lab/faults` | | all is well again |

mod faults;
mod inbox;
mod messages;
mod models;
#[cfg(test)]
mod overload;
mod query;
mod refusal;
mod session;
mod speech;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};

pub use faults::{Blank, Fault, Order, Which};
pub use refusal::{Refusal, RefusalKind};
pub use speech::{Closed, Speech, SpeechOptions, StreamReport};

use crate::ear::Engine;
use crate::upgrade::upgrade;
use query::Listen;
use session::Session;
use speech::Record;

/// The key that the lab's speech server takes, unless told otherwise.
pub const KEY: &str = "lab-deepgram-key";
/// The subprotocol under which a browser, which cannot set headers, brings the key.
const KEY_SUBPROTOCOL: &str = "token";

/// What the route needs.
#[derive(Clone)]
struct Service {
    speech: Speech,
    engine: Engine,
}

pub(crate) fn routes(speech: Speech, engine: Engine) -> Router {
    let orders = Router::new()
        .route("/lab/faults", post(arm).delete(heal))
        .route("/lab/faults/open", post(strike))
        .with_state(speech.clone());
    Router::new().route("/v1/listen", get(listen)).with_state(Service { speech, engine }).merge(orders)
}

async fn arm(State(speech): State<Speech>, Json(order): Json<Order>) -> StatusCode {
    speech.arm(order.which, order.fault);
    StatusCode::NO_CONTENT
}

async fn strike(State(speech): State<Speech>, Json(fault): Json<Fault>) -> StatusCode {
    speech.strike(&fault);
    StatusCode::NO_CONTENT
}

async fn heal(State(speech): State<Speech>) -> StatusCode {
    speech.heal();
    StatusCode::NO_CONTENT
}

async fn listen(State(service): State<Service>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let record = service.speech.begin(pairs, request.headers().contains_key(header::AUTHORIZATION));
    match record.fault() {
        Some(Fault::Refuse(refusal)) => return refuse(&record, &refusal),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    accept(&service, &record, request).unwrap_or_else(|refusal| refuse(&record, &refusal))
}

fn accept(service: &Service, record: &Record, request: Request) -> Result<Response, Refusal> {
    let subprotocol = authorise(request.headers(), &service.speech.options().key)?;
    let listen = Listen::parse(&record.query())?;
    let (mut response, socket) =
        upgrade(request).map_err(|_| Refusal::new(400, "Bad Request", "Expected a WebSocket handshake."))?;
    if let Some(subprotocol) = subprotocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    if let Ok(id) = HeaderValue::from_str(record.request_id()) {
        response.headers_mut().insert(refusal::REQUEST_ID_HEADER, id);
    }
    let (record, ear) = (record.clone(), service.engine.listen(listen.settings));
    // Before the answer: who has it may order at once that the stream fails.
    record.update(|report| report.opened = true);
    tokio::spawn(async move {
        match socket.await {
            Some(socket) => Session::new(socket, record, listen, ear).run().await,
            None => record.update(|report| report.opened = false),
        }
    });
    Ok(response)
}

fn refuse(record: &Record, refusal: &Refusal) -> Response {
    record.update(|report| report.refused = Some(refusal.status));
    refusal.response(record.request_id())
}

/// Checks the key, which is in the header or among the subprotocols; the latter is answered with its name.
fn authorise(headers: &HeaderMap, key: &str) -> Result<Option<&'static str>, Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some((scheme, given)) = text(header::AUTHORIZATION).and_then(|value| value.split_once(' ')) {
        let good = scheme.eq_ignore_ascii_case(KEY_SUBPROTOCOL) && given == key;
        return if good { Ok(None) } else { Err(Refusal::of(RefusalKind::Auth)) };
    }
    let mut offered = text(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().split(',').map(str::trim);
    if offered.next() == Some(KEY_SUBPROTOCOL) && offered.next() == Some(key) {
        return Ok(Some(KEY_SUBPROTOCOL));
    }
    Err(Refusal::of(RefusalKind::Auth))
}
