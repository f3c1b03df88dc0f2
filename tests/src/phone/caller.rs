//! A user who calls: with a verified number and an access token in the device.

use fourwire_lab::twilio::{CallEvent, Ending, Leg, PlaceCall, PlacedCall, Twilio, Verb};
use serde_json::json;

use super::PhoneUser;
use crate::world::{PUBLIC_ORIGIN, World};

/// Where Twilio asks what to do with a call.
#[must_use]
pub fn voice_url() -> String {
    format!("{PUBLIC_ORIGIN}/v1/phone/twiml")
}

/// A user whose device places calls.
pub struct Caller {
    /// The user.
    pub user: PhoneUser,
    /// The number that callees see.
    pub number: String,
    access_token: String,
    twilio: Twilio,
}

impl Caller {
    /// A user who has just verified this number.
    ///
    /// # Panics
    /// When that does not go well.
    pub async fn new(world: &World, name: &str, number: &str) -> Self {
        let user = PhoneUser::new(world, name);
        let twilio = world.lab.twilio().clone();
        user.verified_at_once(&twilio, number).await;
        let answer = user.post("/v1/phone/token", &json!({})).await;
        let access_token = answer.body["access_token"].as_str().expect("an access token").to_owned();
        Self { user, number: number.to_owned(), access_token, twilio }
    }

    /// A call that the device is about to place.
    #[must_use]
    pub fn device(&self) -> PlaceCall {
        PlaceCall::with_token(voice_url(), &self.access_token)
    }

    /// Places a call.
    ///
    /// # Panics
    /// When Twilio does not take the token.
    pub async fn place(&self, call: &PlaceCall) -> PlacedCall {
        self.twilio.place_call(call).await.expect("the token is good")
    }

    /// Calls somebody.
    pub async fn calls(&self, callee: &str) -> PlacedCall {
        self.place(&self.device().to(callee)).await
    }

    /// Calls somebody, whose phone is dialled then.
    ///
    /// # Panics
    /// When it is not.
    pub async fn dials(&self, callee: &str) -> Leg {
        only_leg(&self.calls(callee).await)
    }

    /// Twilio tells the edge of an event of a call.
    ///
    /// # Panics
    /// When the edge does not want to know, or does not take it.
    pub async fn told(&self, leg: &Leg, event: CallEvent) {
        let delivery = self.twilio.call_progress(leg, event).await.expect("the edge wants to be told");
        assert_eq!(delivery.answer, Ok(204), "{event:?}");
    }

    /// Twilio tells the edge how a call ended, and nothing before.
    pub async fn ended(&self, leg: &Leg, ending: Ending) {
        self.told(leg, CallEvent::Completed(ending)).await;
    }
}

/// The only telephone that was dialled for a call with which all went well.
///
/// # Panics
/// When there is none, another one, or a problem.
#[must_use]
#[track_caller]
pub fn only_leg(placed: &PlacedCall) -> Leg {
    assert_eq!((placed.status, &placed.problems), (Some(200), &vec![]), "{:?}", said(placed));
    let [leg] = placed.legs.as_slice() else { panic!("{} legs, {:?}", placed.legs.len(), said(placed)) };
    leg.clone()
}

/// The sentence with which a call ends before anybody is dialled.
///
/// # Panics
/// When there is anything else in the answer.
#[must_use]
#[track_caller]
pub fn only_sentence(placed: &PlacedCall) -> String {
    assert_eq!((placed.status, &placed.problems), (Some(200), &vec![]));
    assert!(placed.legs.is_empty(), "somebody was dialled");
    let verbs = placed.twiml.as_ref().map(|twiml| twiml.verbs.as_slice()).unwrap_or_default();
    let [Verb { name, children, .. }] = verbs else { panic!("{} verbs", verbs.len()) };
    assert_eq!((name.as_str(), children.len()), ("Say", 0));
    said(placed).concat()
}

fn said(placed: &PlacedCall) -> Vec<&str> {
    placed.twiml.as_ref().map(fourwire_lab::twilio::Twiml::said).unwrap_or_default()
}
