//! A client of the lab's Twilio, and an application that Twilio asks and tells.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use fourwire_lab::http::{Answer, send};
use fourwire_lab::twilio::{
    ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, TWIML_APP_SID, Twilio, TwilioOptions, signature,
};
use fourwire_lab::{Lab, LabOptions};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// A number that is verified when it is rung.
pub const ANN: &str = "+12025550123";
/// Longer than anything here takes.
pub const LIMIT: Duration = Duration::from_secs(20);
/// Good credentials.
pub const GOOD: Option<(&str, &str)> = Some((ACCOUNT_SID, AUTH_TOKEN));

/// A lab whose telephones ring for a tenth of a second, or half a second where they are late.
pub async fn lab() -> Lab {
    let (ring, late) = (Duration::from_millis(100), Duration::from_millis(500));
    let twilio = TwilioOptions { ring, late, delay_second: Duration::from_millis(100), ..TwilioOptions::default() };
    Lab::start(LabOptions { twilio, ..LabOptions::default() }).await.unwrap()
}

/// The path of all caller IDs of an account.
pub fn caller_ids(account: &str) -> String {
    format!("/2010-04-01/Accounts/{account}/OutgoingCallerIds.json")
}

/// The path of one caller ID.
pub fn caller_id(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds/{sid}.json")
}

/// A request to the API, with a form where there are fields.
pub async fn request(
    lab: &Lab,
    method: Method,
    path: &str,
    credentials: Option<(&str, &str)>,
    form: &[(&str, &str)],
) -> Answer {
    try_request(lab, method, path, credentials, form, LIMIT).await.unwrap()
}

/// The same, for requests that are not answered.
pub async fn try_request(
    lab: &Lab,
    method: Method,
    path: &str,
    credentials: Option<(&str, &str)>,
    form: &[(&str, &str)],
    limit: Duration,
) -> Result<Answer, fourwire_lab::http::HttpError> {
    let mut request = Request::builder().method(&method).uri(format!("{}{path}", lab.twilio_url()));
    if let Some((user, password)) = credentials {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
    }
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    send(request.body(Full::from(body)).unwrap(), limit).await
}

/// Asks for a verification.
pub async fn start(lab: &Lab, form: &[(&str, &str)]) -> Answer {
    request(lab, Method::POST, &caller_ids(ACCOUNT_SID), GOOD, form).await
}

/// Lists caller IDs.
pub async fn list(lab: &Lab, query: &str) -> Answer {
    request(lab, Method::GET, &format!("{}?{query}", caller_ids(ACCOUNT_SID)), GOOD, &[]).await
}

/// Status and error number of a refusal, which must be in the service's form.
pub fn refusal(answer: &Answer) -> (u16, u64) {
    let body = answer.json();
    let code = body["code"].as_u64().unwrap();
    assert_eq!(body["status"], answer.status, "{body}");
    assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert!(body["message"].is_string());
    (answer.status, code)
}

/// An access token of the lab's API key.
pub fn token(identity: &str, life: u64, params: &Value) -> String {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let header = json!({ "alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1" });
    let outgoing = json!({ "application_sid": TWIML_APP_SID, "params": params });
    let grants = json!({ "identity": identity, "voice": { "outgoing": outgoing } });
    let claims = json!({
        "jti": format!("{API_KEY_SID}-{now}"), "iss": API_KEY_SID, "sub": ACCOUNT_SID, "exp": now + life, "grants": grants,
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(API_KEY_SECRET.as_bytes()).unwrap();
    mac.update(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Waits until a number's verification is over and so many requests were sent to the application.
pub async fn wait_for(twilio: &Twilio, calls: usize, deliveries: usize) {
    let over = |twilio: &Twilio| {
        twilio.calls().iter().filter(|call| call.outcome.is_some()).count() == calls
            && twilio.deliveries().len() == deliveries
    };
    assert!(twilio.wait_until(LIMIT, over).await, "{:?} {:?}", twilio.calls(), twilio.deliveries());
}

/// A request that the application got.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GET or POST.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The form's fields.
    pub form: Vec<(String, String)>,
}

impl Seen {
    /// A field's values.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.form.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A field that is there once.
    pub fn field(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {:?}", self.form);
        all[0]
    }

    /// Whether it is signed with a token as sent to this origin.
    pub fn is_signed(&self, auth_token: &str, origin: &str) -> bool {
        let fields = self.form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let expected = signature::sign(auth_token, &format!("{origin}{}", self.target), fields);
        self.headers.get(signature::HEADER).is_some_and(|given| *given == *expected)
    }
}

/// An application that says to every request what it was told to say.
#[derive(Clone)]
pub struct Application {
    /// Its address.
    pub origin: String,
    shared: Arc<Mutex<(Vec<Seen>, Said)>>,
}

type Said = (u16, &'static str, String);

impl Application {
    /// Starts one that says nothing.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let application =
            Self { origin, shared: Arc::new(Mutex::new((Vec::new(), (204, "text/plain", String::new())))) };
        let routes = Router::new().fallback(hear).with_state(application.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        application
    }

    /// What it says from now on.
    pub fn say(&self, status: u16, content_type: &'static str, body: impl Into<String>) {
        self.shared.lock().unwrap().1 = (status, content_type, body.into());
    }

    /// What it says from now on: an answer to a voice webhook.
    pub fn say_twiml(&self, verbs: &str) {
        self.say(200, "text/xml; charset=utf-8", format!("<Response>{verbs}</Response>"));
    }

    /// What it got.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().unwrap().0.clone()
    }
}

async fn hear(
    State(application): State<Application>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let form = form_urlencoded::parse(&body).into_owned().collect();
    let mut shared = application.shared.lock().unwrap();
    shared.0.push(Seen { method, target: uri.to_string(), headers, form });
    let (status, content_type, said) = shared.1.clone();
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, content_type)], said)
}
