//! A browser as the carrier sees it: signalling as the SDK speaks it, and str0m for WebRTC.

use std::time::Duration;

use fourwire_lab::carrier::{CarriedCall, CarrierOptions};
use fourwire_lab::twilio::TwilioOptions;
use fourwire_lab::{Lab, LabOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::phone::{Offered, Phone};
use crate::support::{ANN, Application, LIMIT, token};

/// Whom Ann calls.
pub const BOB: &str = "+12025550199";
/// How long telephones ring here, and how long anything else takes that the lab can make short.
pub const SHORT: Duration = Duration::from_millis(200);
/// Which events the application asks for.
const EVENTS: &str = "initiated ringing answered completed";

/// A lab with an application behind it.
pub struct World {
    /// The lab.
    pub lab: Lab,
    /// What is asked when a browser calls.
    pub application: Application,
}

impl World {
    /// One that rings for a moment, and dials whom the browser wants.
    pub async fn new() -> Self {
        Self::with(Self::options()).await
    }

    /// Telephones that nobody picks up ring for a moment as well, and announcements are as short.
    pub fn options() -> CarrierOptions {
        CarrierOptions { no_answer: 2 * SHORT, announcement: 2 * SHORT, ..CarrierOptions::default() }
    }

    /// The same with other options.
    pub async fn with(carrier: CarrierOptions) -> Self {
        let application = Application::start().await;
        let voice_url = format!("{}/voice", application.origin);
        let twilio = TwilioOptions { ring: SHORT, voice_url, ..TwilioOptions::default() };
        let lab = Lab::start(LabOptions { twilio, carrier, ..LabOptions::default() }).await.unwrap();
        lab.twilio().add_caller_id(ANN);
        let world = Self { lab, application };
        world.dials(BOB, "");
        world
    }

    /// The application dials this number from now on, with more attributes.
    pub fn dials(&self, number: &str, attributes: &str) {
        let callback = format!("{}/status", self.application.origin);
        self.application.say_twiml(&format!(
            r#"<Dial answerOnBridge="true" callerId="{ANN}" {attributes}><Number statusCallbackEvent="{EVENTS}"
                statusCallback="{callback}">{number}</Number></Dial>"#
        ));
    }

    /// Waits until the calls are so.
    pub async fn until(&self, wanted: impl Fn(&[CarriedCall]) -> bool) {
        assert!(self.lab.carrier().wait_until(LIMIT, wanted).await, "{:?}", self.endings());
    }

    /// Waits until the last call is over.
    pub async fn over(&self) -> CarriedCall {
        self.until(|calls| calls.last().is_some_and(|call| call.ended.is_some())).await;
        self.lab.carrier().calls().pop().unwrap()
    }

    /// Waits until the application was told of so many events: their statuses, in the order in which they came.
    pub async fn told(&self, events: usize) -> Vec<String> {
        let told = |delivery: &&fourwire_lab::twilio::Delivery| delivery.field("CallbackSource").is_some();
        let all = |twilio: &fourwire_lab::twilio::Twilio| twilio.deliveries().iter().filter(told).count() >= events;
        assert!(self.lab.twilio().wait_until(LIMIT, all).await, "{:?}", self.lab.twilio().deliveries());
        let deliveries = self.lab.twilio().deliveries();
        deliveries.iter().filter(told).map(|delivery| delivery.field("CallStatus").unwrap().to_owned()).collect()
    }

    fn endings(&self) -> Vec<String> {
        self.lab.carrier().calls().iter().map(|call| format!("{:?} {:?}", call.times, call.ended)).collect()
    }
}

/// A browser's signalling socket.
pub struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Browser {
    /// A socket on which nothing was said.
    pub async fn open(lab: &Lab) -> Self {
        let url = format!("{}/signal", lab.origin().replace("http", "ws"));
        Self { socket: connect_async(url).await.unwrap().0 }
    }

    /// One that the carrier admitted.
    pub async fn connect(lab: &Lab) -> Self {
        let mut browser = Self::open(lab).await;
        browser.listen(&token("ann", 600, &json!({}))).await;
        browser.expect("connected").await;
        browser
    }

    /// Shows a token.
    pub async fn listen(&mut self, token: &str) {
        let browserinfo = json!({ "p": "browser", "plugin": "rtc", "v": "2.18.5" });
        self.send("listen", json!({ "token": token, "reconnectTimeout": 0, "browserinfo": browserinfo })).await;
    }

    /// Calls, with the parameters as the SDK encodes them.
    pub async fn invite(&mut self, callsid: &str, sdp: &str, params: &str) {
        let invite = json!({ "callsid": callsid, "sdp": sdp, "twilio": { "params": params } });
        self.send("invite", invite).await;
    }

    /// Calls Bob, and waits until his telephone rings.
    pub async fn call(&mut self, offered: &[Offered]) -> (Phone, String) {
        let (mut phone, offer) = Phone::new(offered).await;
        self.invite("TJS1", &offer, "To=%2B12025550199&Note=a%20b%26c").await;
        let ringing = self.expect("ringing").await;
        phone.connect(ringing["sdp"].as_str().unwrap());
        (phone, ringing["callsid"].as_str().unwrap().to_owned())
    }

    /// The same, and waits until he picks up; what the browser shows to come back is last.
    pub async fn talk(&mut self, offered: &[Offered]) -> (Phone, String, String) {
        let (phone, call_sid) = self.call(offered).await;
        let answer = self.expect("answer").await;
        assert_eq!(answer["callsid"], call_sid.as_str());
        assert!(answer.get("sdp").is_none(), "it came with the ringing");
        (phone, call_sid, answer["reconnect"].as_str().unwrap().to_owned())
    }

    /// Hangs up.
    pub async fn hang_up(&mut self, callsid: &str) {
        self.send("hangup", json!({ "callsid": callsid })).await;
    }

    /// Sends a message.
    pub async fn send(&mut self, kind: &str, payload: Value) {
        self.text(&json!({ "type": kind, "payload": payload, "version": "1.6" }).to_string()).await;
    }

    /// Sends text that may be anything.
    pub async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message's payload, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let message = self.next().await.unwrap_or_else(|| panic!("the socket broke before {kind}"));
        assert_eq!((&message["type"], &message["version"]), (&kind.into(), &"1.6".into()), "{message}");
        message["payload"].clone()
    }

    /// The next message that is no heartbeat; none: the socket is gone.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.frame().await?.as_str() {
                "\n" => self.text("\n").await,
                text => return Some(serde_json::from_str(text).unwrap()),
            }
        }
    }

    /// The next text frame, a heartbeat or not.
    pub async fn frame(&mut self) -> Option<String> {
        match timeout(LIMIT, self.socket.next()).await.expect("a message") {
            Some(Ok(Message::Text(text))) => Some(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }

    /// Whether nothing comes for a moment.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(SHORT, self.next()).await.is_err()
    }
}
