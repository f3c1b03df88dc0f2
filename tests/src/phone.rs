//! A user of the phone side, for tests: verifies numbers and asks for what the edge has. [`caller`] has one who calls.

pub mod caller;
pub mod webhook;

use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::twilio::{AUTH_TOKEN, Outcome, Twilio};
use fourwire_wire::conversation::PhoneCall;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::http::{self, Answer};
use crate::world::World;

/// What the callee hears first in the strict operator's world.
pub const NOTICE: &str = "This call is recorded & \"transcribed\" <by machine>.";
/// The auth token that the strict operator's Worker takes as well as the lab's first one.
pub const NEXT_AUTH_TOKEN: &str = "1ab0a0704e0000000000000000000002";

/// A world, for tests to share, whose operator has set everything on the phone side that can be set.
pub async fn strict_world() -> &'static World {
    static STRICT: OnceCell<World> = OnceCell::const_new();
    let start = || {
        World::with(LabOptions::default(), |variables| {
            let settings = json!({
                "CALL_NOTICE": NOTICE,
                "CALLS_A_DAY": "3",
                "CALL_MINUTES_A_DAY": "10",
                "DIAL_REGIONS": "US,GB",
                "DIAL_BLOCKED_PREFIXES": "+1907,+1212556",
                "LISTEN_NEEDS_CALL": "true",
                "TWILIO_AUTH_TOKEN": format!("{AUTH_TOKEN}, {NEXT_AUTH_TOKEN}"),
                "TWILIO_TOKEN_SECONDS": "600",
            });
            variables.extend(settings.as_object().cloned().unwrap_or_default());
        })
    };
    STRICT.get_or_init(start).await
}

/// How often a test asks how a verification goes. The edge takes thirty questions a minute from a user.
const POLL: Duration = Duration::from_secs(1);
/// How long a verification that goes well may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A signed-in user.
pub struct PhoneUser {
    edge: String,
    /// The ID token.
    pub token: String,
    /// The name.
    pub name: String,
}

impl PhoneUser {
    /// A user who has nothing yet.
    #[must_use]
    pub fn new(world: &World, name: &str) -> Self {
        Self { edge: world.edge().to_owned(), token: world.token(name), name: name.to_owned() }
    }

    /// Sends a request without a body.
    pub async fn send(&self, method: Method, path: &str) -> Answer {
        http::send(method, &self.edge, path, Some(&self.token)).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        http::post(&self.edge, path, &self.token, &body.to_string()).await
    }

    /// `POST` of what should be JSON.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        http::post(&self.edge, path, &self.token, body).await
    }

    /// Asks for a number's verification.
    pub async fn verify(&self, number: &str) -> Answer {
        self.post("/v1/phone/numbers/verify", &json!({"phone_number": number})).await
    }

    /// How a verification goes.
    ///
    /// # Panics
    /// When the edge does not say.
    pub async fn check(&self, number: &str) -> Value {
        let answer = self.post("/v1/phone/numbers/verify/check", &json!({"phone_number": number})).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    /// Waits until a verification is where it should be.
    pub async fn wait_until_status(&self, number: &str, status: &str, limit: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if self.check(number).await["status"] == status {
                return true;
            }
            if begun.elapsed() > limit {
                return false;
            }
            sleep(POLL).await;
        }
    }

    /// Waits until a number is verified: the answer that says so.
    ///
    /// # Panics
    /// When it takes longer than `limit`.
    pub async fn wait_until_verified(&self, number: &str, limit: Duration) -> Value {
        assert!(self.wait_until_status(number, "verified", limit).await, "not verified after {limit:?}");
        let answer = self.check(number).await;
        assert_eq!(answer["verified"], true);
        answer
    }

    /// Verifies a number from the beginning: its id.
    ///
    /// # Panics
    /// When that does not go well.
    pub async fn verified(&self, number: &str) -> String {
        let started = self.verify(number).await;
        assert_eq!(started.status, 200, "{:?}", started.body);
        let answer = self.wait_until_verified(number, LIMIT).await;
        answer["phone_number_id"].as_str().expect("a verified number has an id").to_owned()
    }

    /// The same at once: whoever has the number is quick to answer, and to type.
    ///
    /// # Panics
    /// When that does not go well.
    pub async fn verified_at_once(&self, twilio: &Twilio, number: &str) -> String {
        let started = self.verify(number).await;
        assert_eq!(started.status, 200, "{:?}", started.body);
        assert!(twilio.finish(number, Outcome::Verified), "it rings");
        let told = |twilio: &Twilio| twilio.caller_ids().iter().any(|known| known.number.expose() == number);
        assert!(twilio.wait_until(LIMIT, told).await);
        // The edge asks Twilio where it has not been told yet.
        let checked = self.check(number).await;
        checked["phone_number_id"].as_str().expect("a verified number has an id").to_owned()
    }

    /// The user's calls, the newest first.
    ///
    /// # Panics
    /// When the edge does not say.
    pub async fn calls(&self) -> Vec<PhoneCall> {
        #[derive(Deserialize)]
        struct CallList {
            calls: Vec<PhoneCall>,
        }
        let answer = self.get("/v1/phone/calls").await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let list: CallList = serde_json::from_value(answer.body).expect("a list of calls");
        list.calls
    }

    /// The number that calls are made with.
    ///
    /// # Panics
    /// When there are two.
    pub async fn primary(&self) -> Option<String> {
        let listed = self.get("/v1/phone/numbers").await;
        let numbers = listed.body["numbers"].as_array().cloned().unwrap_or_default();
        let primary: Vec<_> = numbers.iter().filter(|number| number["is_primary"] == true).collect();
        assert!(primary.len() <= 1, "{numbers:?}");
        primary.first().and_then(|number| number["phone_number"].as_str()).map(str::to_owned)
    }
}
