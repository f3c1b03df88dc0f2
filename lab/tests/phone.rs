//! The phone says and sends what the peer's app does, judged by an edge that only writes down.

use std::time::Duration;

use fourwire_lab::app::{Auth, ConnectError, Delivery, Mute, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_wire::frame::{Channel, Frame};
use fourwire_wire::query::{ListenQuery, Source};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// What the edge of these tests saw of one connection.
#[derive(Default)]
struct Seen {
    target: String,
    authorization: Option<String>,
    frames: Vec<(Instant, Vec<u8>)>,
    texts: Vec<String>,
}

/// An edge for one connection: it pings, takes any token, and closes at `end`.
async fn edge() -> (String, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut seen = Seen::default();
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the library's own type")]
        let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            seen.target = request.uri().to_string();
            seen.authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            Ok(response)
        };
        let mut socket = accept_hdr_async(stream, note).await.unwrap();
        socket.send(Message::text("ping")).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Binary(bytes) => seen.frames.push((Instant::now(), bytes.to_vec())),
                Message::Text(text) => {
                    seen.texts.push(text.to_string());
                    if text.contains("auth") {
                        let answer = r#"{"type":"auth_response","success":true}"#;
                        socket.send(Message::text(answer)).await.unwrap();
                    }
                    if text.contains("end") {
                        let frame = CloseFrame { code: 1000.into(), reason: "bye".into() };
                        socket.close(Some(frame)).await.unwrap();
                    }
                }
                _ => {}
            }
        }
        seen
    });
    (origin, serving)
}

fn recording(millis: usize) -> Recording {
    let ramp = |sign: i16| (0..millis * 48).map(|n| sign * i16::try_from(n % 1_000).unwrap()).collect();
    Recording::new(48_000, ramp(1), ramp(-1))
}

#[tokio::test]
async fn a_call_looks_like_the_apps() {
    let (origin, serving) = edge().await;
    let mut phone = Phone::connect(PhoneOptions::new(&origin, "secret")).await.unwrap();
    let played = recording(300);
    phone.play(&played, &Delivery::default()).await.unwrap();
    let received = phone.hang_up(Duration::from_secs(5)).await;
    assert_eq!((received.pings(), received.close_code()), (1, Some(1000)));
    assert_eq!(received.closing.unwrap().reason, "bye");

    let seen = serving.await.unwrap();
    assert_eq!(seen.authorization.as_deref(), Some("Bearer secret"));
    let (path, query) = seen.target.split_once('?').unwrap();
    let query = ListenQuery::parse(query).unwrap();
    assert_eq!(path, "/v4/listen");
    assert_eq!((query.sample_rate, query.source, query.interim), (48_000, Source::PhoneCall, false));
    assert!(query.call_id.is_some() && !seen.target.contains("secret"));
    assert_eq!(seen.texts, [r#"{"type":"end"}"#]);

    let (mut user, mut remote) = (Vec::new(), Vec::new());
    for (_, frame) in &seen.frames {
        assert_eq!(frame.len(), 961);
        let Frame::Audio { channel, pcm } = Frame::parse(frame) else { panic!("audio") };
        if channel == Channel::User { &mut user } else { &mut remote }.extend(pcm.samples());
    }
    assert_eq!((user, remote), (played.audio.user, played.audio.remote));
    let took = seen.frames.last().unwrap().0 - seen.frames[0].0;
    assert!((Duration::from_millis(250)..Duration::from_millis(700)).contains(&took), "in real time, not {took:?}");
}

#[tokio::test]
async fn a_browser_shows_its_token_in_the_first_message() {
    let (origin, serving) = edge().await;
    let options = PhoneOptions { auth: Auth::FirstMessage, interim: true, ..PhoneOptions::new(&origin, "secret") };
    let mut phone = Phone::connect(options).await.unwrap();
    phone.play(&recording(50), &Delivery::unpaced()).await.unwrap();
    phone.close(Duration::from_secs(5)).await;
    let seen = serving.await.unwrap();
    assert!(seen.target.starts_with("/v4/web/listen?") && seen.target.contains("interim=1"));
    assert_eq!((seen.authorization, seen.frames.len()), (None, 10));
    assert_eq!(seen.texts, [r#"{"token":"secret","type":"auth"}"#]);
}

#[tokio::test]
async fn a_muted_side_sends_nothing_while_the_other_goes_on() {
    let (origin, serving) = edge().await;
    let mut phone = Phone::connect(PhoneOptions::new(&origin, "secret")).await.unwrap();
    let [from, until] = [20, 70].map(Duration::from_millis);
    let mutes = vec![Mute { channel: Channel::User, from, until }];
    phone.play(&recording(100), &Delivery { mutes, ..Delivery::unpaced() }).await.unwrap();
    phone.hang_up(Duration::from_secs(5)).await;
    let channels: Vec<u8> = serving.await.unwrap().frames.iter().map(|(_, frame)| frame[0]).collect();
    assert_eq!(channels, [1, 2, 1, 2, 2, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2]);
}

#[tokio::test]
async fn an_edge_that_is_not_there_or_is_none_is_named() {
    let lab = fourwire_lab::Lab::start(fourwire_lab::LabOptions::default()).await.unwrap();
    let error = Phone::connect(PhoneOptions::new(lab.origin(), "secret")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { status: 404, .. }), "{error}");
    let error = Phone::connect(PhoneOptions::new("http://127.0.0.1:9", "secret")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unreachable(..)) && error.to_string().contains("127.0.0.1:9"), "{error}");
    let error = Phone::connect(PhoneOptions::new("127.0.0.1:8787", "secret")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Address(_)), "{error}");
}
