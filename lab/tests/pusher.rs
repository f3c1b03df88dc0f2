//! The lab's pusher takes what the peer's would take, closes on the rest and says why, and fails as a test orders.

use std::time::Duration;

use fourwire_lab::pusher::{Fault, KEY};
use fourwire_lab::{Lab, LabOptions};
use fourwire_wire::ids::ConversationId;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const QUERY: &str = "uid=ann&sample_rate=16000";
const SOON: Duration = Duration::from_millis(500);

/// A connection, or the status with which it is refused.
async fn connect(lab: &Lab, query: &str, key: &str) -> Result<Socket, u16> {
    let url = format!("{}/v1/trigger/listen?{query}", lab.pusher_url().replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let bearer = HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

fn message(kind: u32, body: &[u8]) -> Message {
    Message::binary([kind.to_le_bytes().as_slice(), body].concat())
}

fn greeting() -> Message {
    message(103, id().to_string().as_bytes())
}

fn id() -> ConversationId {
    ConversationId::from_random([7; 16])
}

/// The server's close code; none where it broke off.
async fn close_code(socket: &mut Socket) -> Option<u16> {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            return frame.map(|frame| frame.code.into());
        }
    }
    None
}

#[tokio::test]
async fn a_good_connection_is_kept_as_it_came_and_its_end_is_answered() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let mut socket = connect(&lab, QUERY, KEY).await.unwrap();
    let audio = [1.8e9_f64.to_le_bytes().as_slice(), &[1, 0, 2, 0]].concat();
    let process = format!(r#"{{"conversation_id":"{}","language":"en"}}"#, id());
    for message in [greeting(), message(100, b""), message(101, &audio), message(104, process.as_bytes())] {
        socket.send(message).await.unwrap();
    }
    let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("an answer") };
    assert_eq!(answer[..4], [201, 0, 0, 0]);
    let json: serde_json::Value = serde_json::from_slice(&answer[4..]).unwrap();
    assert_eq!(json, serde_json::json!({"conversation_id": id(), "success": true}));
    socket.close(None).await.unwrap();
    assert!(lab.pusher().wait_until(SOON, |connections| connections[0].ended).await);
    let report = lab.pusher().connections().remove(0);
    assert_eq!((report.frames.len(), report.problem), (4, None));
}

#[tokio::test]
async fn a_wrong_key_or_query_is_refused_by_status() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    assert_eq!(connect(&lab, QUERY, "another").await.unwrap_err(), 401);
    for query in ["uid=ann", "uid=&sample_rate=16000", "uid=ann&sample_rate=8000", "uid=a&sample_rate=16000&token=t"] {
        assert_eq!(connect(&lab, query, KEY).await.unwrap_err(), 400, "{query}");
    }
}

#[tokio::test]
async fn what_should_not_come_closes_the_connection_and_is_told() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    for (number, bad) in [message(100, b""), Message::text("hello"), message(99, b"")].into_iter().enumerate() {
        let mut socket = connect(&lab, QUERY, KEY).await.unwrap();
        socket.send(bad).await.unwrap();
        assert_eq!(close_code(&mut socket).await, Some(1008));
        assert!(lab.pusher().connections()[number].problem.is_some());
    }
}

#[tokio::test]
async fn faults_strike_the_connections_they_are_ordered_for() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    lab.pusher().arm(1, Fault::Refuse(503));
    lab.pusher().arm(1, Fault::Hang);
    lab.pusher().arm(1, Fault::Slow(SOON));
    lab.pusher().arm(1, Fault::Close { after: 1, code: 1013 });
    lab.pusher().arm(1, Fault::Drop { after: 0 });
    lab.pusher().arm(1, Fault::Garbage);
    lab.pusher().arm(1, Fault::Stall);
    assert_eq!(connect(&lab, QUERY, KEY).await.unwrap_err(), 503);
    assert!(timeout(SOON, connect(&lab, QUERY, KEY)).await.is_err());
    let begun = tokio::time::Instant::now();
    connect(&lab, QUERY, KEY).await.unwrap();
    assert!(begun.elapsed() >= SOON);
    let mut closed = connect(&lab, QUERY, KEY).await.unwrap();
    closed.send(greeting()).await.unwrap();
    assert_eq!(close_code(&mut closed).await, Some(1013));
    assert_eq!(close_code(&mut connect(&lab, QUERY, KEY).await.unwrap()).await, None);
    let mut strange = connect(&lab, QUERY, KEY).await.unwrap();
    assert!(matches!(strange.next().await, Some(Ok(Message::Text(_)))));
    let mut stalled = connect(&lab, QUERY, KEY).await.unwrap();
    stalled.send(message(99, b"")).await.unwrap();
    assert!(timeout(SOON, stalled.next()).await.is_err(), "it is not even read");
    lab.pusher().arm(9, Fault::Hang);
    lab.pusher().heal();
    connect(&lab, QUERY, KEY).await.unwrap();
}
