//! Streams that leave, and streams that are too many, over real sockets in front of a recogniser that the test holds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Closed, Fault, KEY, Speech, SpeechOptions, StreamReport, Which, routes};
use crate::ear::{Answer, Engine, HeardWord, MAX_WAITING, Mode, Program, Recogniser};

/// Longer than anything here takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
const QUERY: &str = "model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true&endpointing=300";

/// Finds one word in each request, when the test lets it.
struct Held {
    permits: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
}

impl Program for Held {
    async fn recognise(&mut self, _: Mode, samples: &[i16]) -> Answer {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.permits.acquire().await.unwrap().forget();
        let end = f64::from(u32::try_from(samples.len()).unwrap()) / 16_000.0;
        let (word, punctuated) = ("hello".to_owned(), "Hello.".to_owned());
        Ok(vec![HeardWord { word, punctuated, start: end - 0.6, end: end - 0.4, confidence: 0.9 }])
    }
}

/// A speech server whose recogniser is held up until [`World::go_on`].
struct World {
    address: String,
    speech: Speech,
    recogniser: Recogniser,
    permits: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
    /// Tasks that run while no stream is open.
    tasks: usize,
}

async fn world(options: SpeechOptions) -> World {
    let (permits, begun) = (Arc::new(Semaphore::new(0)), Arc::default());
    let recogniser = Recogniser::over(Held { permits: Arc::clone(&permits), begun: Arc::clone(&begun) });
    let speech = Speech::new(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/v1/listen?{QUERY}", listener.local_addr().unwrap());
    let routes = routes(speech.clone(), Engine::Whisper(recogniser.clone()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let tasks = Handle::current().metrics().num_alive_tasks();
    World { address, speech, recogniser, permits, begun, tasks }
}

impl World {
    fn go_on(&self) {
        self.permits.add_permits(1_000);
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> Client {
        let mut request = self.address.as_str().into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Token {KEY}").parse().unwrap());
        Client(timeout(LIMIT, connect_async(request)).await.expect("an answer").expect("a stream").0)
    }

    /// So many streams whose finals the recogniser has been asked for.
    async fn streams(&self, count: usize) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..count {
            let mut client = self.connect().await;
            client.say().await;
            clients.push(client);
        }
        eventually("every final is asked for", || self.begun() == 1 && self.recogniser.waiting() == count - 1).await;
        clients
    }

    async fn all_closed(&self, what: &str) {
        let closed = |streams: &[&StreamReport]| streams.iter().all(|stream| stream.closed.is_some());
        assert!(self.speech.wait_until(LIMIT, closed).await, "{what}: a stream is open: {:?}", self.speech.streams());
        eventually(what, || Handle::current().metrics().num_alive_tasks() == self.tasks).await;
    }
}

/// Waits for something that other tasks bring about.
async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, wait).await.is_ok(), "not so: {what}");
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Half a second of speech and a pause that ends it.
    async fn say(&mut self) {
        self.audio(1).await;
    }

    /// So many utterances in one message.
    async fn audio(&mut self, utterances: usize) {
        let loud = (0..8_000).map(|index: i32| if index % 40 < 20 { 6_000_i16 } else { -6_000 });
        let samples = loud.chain(std::iter::repeat_n(0, 11_200));
        let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
        self.0.send(Message::binary(bytes.repeat(utterances))).await.unwrap();
    }

    async fn text(&mut self, text: &str) {
        self.0.send(Message::text(format!(r#"{{"type":"{text}"}}"#))).await.unwrap();
    }

    fn tcp(&mut self) -> &mut TcpStream {
        let MaybeTlsStream::Plain(tcp) = self.0.get_mut() else { panic!("no TLS here") };
        tcp
    }

    /// The words of all finals until the stream ends, and the code with which it ends.
    async fn rest(mut self) -> (usize, Option<u16>) {
        let mut words = 0;
        loop {
            match timeout(LIMIT, self.0.next()).await.expect("a message") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let heard = message["channel"]["alternatives"][0]["words"].as_array().map_or(0, Vec::len);
                    words += if message["is_final"] == true { heard } else { 0 };
                }
                Some(Ok(Message::Close(frame))) => return (words, frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (words, None),
            }
        }
    }
}

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// With a close frame, and waits for the answer.
    CloseFrame,
    /// The connection is closed, without a close frame.
    Drop,
    /// The connection is reset.
    Reset,
    /// It sends no more, but would still read.
    HalfClose,
}

/// Clients that left, as far as a half-closed one has.
async fn leave(clients: Vec<Client>, how: Leave) -> Vec<Client> {
    let mut left = Vec::new();
    for mut client in clients {
        match how {
            Leave::CloseFrame => client.0.close(None).await.unwrap(),
            Leave::Drop => drop(client),
            Leave::Reset => client.tcp().set_zero_linger().unwrap(),
            Leave::HalfClose => {
                client.tcp().shutdown().await.unwrap();
                left.push(client);
            }
        }
    }
    left
}

#[tokio::test]
async fn streams_that_leave_take_their_requests_along_and_a_live_one_is_served_at_once() {
    for (how, last_words) in [
        (Leave::CloseFrame, &[][..]),
        (Leave::Drop, &[]),
        (Leave::Reset, &[]),
        (Leave::HalfClose, &[]),
        (Leave::CloseFrame, &["CloseStream"]),
        (Leave::Drop, &["CloseStream"]),
        (Leave::Reset, &["CloseStream"]),
        (Leave::HalfClose, &["CloseStream"]),
        (Leave::Drop, &["Finalize"]),
        (Leave::Reset, &["Finalize", "KeepAlive", "CloseStream"]),
        (Leave::HalfClose, &["KeepAlive", "CloseStream", "KeepAlive"]),
    ] {
        let what = format!("{how:?} after {last_words:?}");
        let world = world(SpeechOptions::default()).await;
        let mut clients = world.streams(10).await;
        for client in &mut clients {
            for text in last_words {
                client.text(text).await;
            }
        }
        let texts =
            |streams: &[&StreamReport]| streams.iter().all(|stream| stream.texts.len() >= last_words.len().min(1));
        assert!(world.speech.wait_until(LIMIT, texts).await, "{what}");
        let left = leave(clients, how).await;
        world.all_closed(&what).await;
        assert_eq!((world.recogniser.waiting(), world.begun()), (0, 1), "{what}");

        world.go_on();
        let mut live = world.connect().await;
        live.say().await;
        live.text("CloseStream").await;
        assert_eq!(live.rest().await, (1, Some(1000)), "{what}");
        assert_eq!(world.begun(), 2, "{what}: nothing was recognised for those who left");
        world.all_closed(&what).await;
        drop(left);
    }
}

#[tokio::test]
async fn a_full_queue_closes_streams_as_a_service_that_failed_and_the_others_are_served() {
    let world = world(SpeechOptions::default()).await;
    let served = world.streams(1 + MAX_WAITING).await;
    for _ in 0..10 {
        let mut client = world.connect().await;
        client.say().await;
        assert_eq!(client.rest().await, (0, Some(1011)));
    }
    let reasons = |streams: &[&StreamReport]| {
        let net = Some(Closed::ByServer { code: 1011, reason: "NET-0000".to_owned() });
        streams.iter().filter(|stream| stream.closed == net).count() == 10
    };
    assert!(world.speech.wait_until(LIMIT, reasons).await);
    world.go_on();
    for mut client in served {
        client.text("CloseStream").await;
        assert_eq!(client.rest().await, (1, Some(1000)));
    }
    world.all_closed("after the overload").await;
}

#[tokio::test]
async fn a_stream_that_is_ahead_asks_for_few_finals_at_once_and_gets_them_all() {
    let world = world(SpeechOptions::default()).await;
    let mut client = world.connect().await;
    // 48 s in one message, far more finals than the queue holds.
    client.audio(40).await;
    client.text("CloseStream").await;
    eventually("the first final is asked for", || world.begun() == 1).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(world.recogniser.waiting() <= 2, "{} wait", world.recogniser.waiting());
    world.go_on();
    assert_eq!(client.rest().await, (40, Some(1000)));
    world.all_closed("after all words").await;
}

#[tokio::test]
async fn a_client_whose_audio_waits_for_longer_than_it_may_be_idle_is_not_idle() {
    let idle_limit = Duration::from_millis(400);
    let world = world(SpeechOptions { idle_limit, ..SpeechOptions::default() }).await;
    let mut client = world.connect().await;
    client.audio(10).await;
    client.text("CloseStream").await;
    sleep(2 * idle_limit).await;
    world.go_on();
    assert_eq!(client.rest().await, (10, Some(1000)));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_also_where_its_audio_still_waits() {
    let paced = SpeechOptions { fastest: Some(1.25), ..SpeechOptions::default() };
    for (options, how) in [
        (SpeechOptions::default(), Leave::Drop),
        (SpeechOptions::default(), Leave::HalfClose),
        (SpeechOptions::default(), Leave::CloseFrame),
        (SpeechOptions::default(), Leave::Reset),
        (paced.clone(), Leave::Drop),
        (paced.clone(), Leave::HalfClose),
        (paced.clone(), Leave::CloseFrame),
        (paced, Leave::Reset),
    ] {
        let what = format!("{how:?}, speed {:?}", options.fastest);
        let world = world(options).await;
        let mut client = world.connect().await;
        client.audio(40).await;
        client.text("CloseStream").await;
        eventually("its audio is taken", || world.speech.streams()[0].audio_bytes > 0).await;
        let left = leave(vec![client], how).await;
        world.all_closed(&what).await;
        assert!(world.speech.streams()[0].audio_bytes < 40 * 38_400, "{what}: it had more to do");
        drop(left);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let world = world(SpeechOptions { send_limit: Duration::from_millis(300), ..SpeechOptions::default() }).await;
    // More than the buffers of a connection on one machine hold.
    let text = "x".repeat(48 << 20);
    world.speech.arm(Which::Next(1), Fault::Garbage { at: fourwire_wire::units::Samples::ZERO, text });
    let client = world.connect().await;
    world.all_closed("a client that does not read").await;
    assert_eq!(world.speech.streams()[0].closed, Some(Closed::ClientVanished));
    drop(client);
}

#[tokio::test]
async fn a_handshake_that_is_held_up_ends_with_its_client() {
    for fault in [Fault::Hang, Fault::Delay(Duration::from_hours(1))] {
        let world = world(SpeechOptions::default()).await;
        world.speech.arm(Which::Next(1), fault.clone());
        let asking = timeout(Duration::from_millis(200), async {
            let mut request = world.address.as_str().into_client_request().unwrap();
            request.headers_mut().insert("authorization", format!("Token {KEY}").parse().unwrap());
            connect_async(request).await
        });
        assert!(asking.await.is_err(), "{fault:?}");
        eventually("the request is over", || Handle::current().metrics().num_alive_tasks() == world.tasks).await;
    }
}

#[tokio::test]
async fn an_open_stream_that_was_told_to_fall_silent_ends_with_its_client() {
    for how in [Leave::CloseFrame, Leave::Drop, Leave::Reset, Leave::HalfClose] {
        let world = world(SpeechOptions::default()).await;
        let mut client = world.connect().await;
        world.speech.strike(&Fault::Silent { from: fourwire_wire::units::Samples::ZERO });
        client.say().await;
        client.text("CloseStream").await;
        let left = leave(vec![client], how).await;
        world.all_closed(&format!("{how:?}")).await;
        drop(left);
    }
}
