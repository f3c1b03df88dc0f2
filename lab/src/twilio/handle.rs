//! The handle to the lab's Twilio: how it behaves, what a test orders, and what it finds out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fourwire_wire::pii::Pii;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::caller_ids::CallerId;
use super::credentials::AUTH_TOKEN;
use super::faults::{Fault, Operation, Orders};
use super::records::{Course, Delivery, Leg, Outcome, PlacedCall, Signing, VerificationCall};
use super::{ids, number};
use crate::history::History;

/// Where the edge answers that runs on this machine, by its usual port.
const VOICE_URL: &str = "http://127.0.0.1:8787/v1/phone/twiml";

/// How the lab's Twilio behaves.
#[derive(Clone, Debug)]
pub struct TwilioOptions {
    /// How long a phone rings before something happens.
    pub ring: Duration,
    /// How long a phone rings that is answered late.
    pub late: Duration,
    /// How long one second of an ordered `CallDelay` takes.
    pub delay_second: Duration,
    /// Where the `TwiML` application is asked what a call from a browser is to do.
    pub voice_url: String,
}

impl Default for TwilioOptions {
    fn default() -> Self {
        let (ring, late) = (Duration::from_secs(2), Duration::from_mins(6));
        Self { ring, late, delay_second: Duration::from_secs(1), voice_url: VOICE_URL.to_owned() }
    }
}

/// What is known about one request to the REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// What it asked for.
    pub operation: Operation,
    /// The status it was answered with; none while it is not answered.
    pub status: Option<u16>,
}

/// A handle to the lab's Twilio.
#[derive(Clone)]
pub struct Twilio {
    shared: Arc<Shared>,
}

struct Shared {
    options: TwilioOptions,
    state: Mutex<State>,
    /// Told of every change.
    changes: watch::Sender<()>,
}

pub(super) struct State {
    pub(super) auth_token: String,
    pub(super) signing: Signing,
    pub(super) voice_url: String,
    /// Where on this machine the host of a public origin is.
    pub(super) places: Vec<(String, String)>,
    pub(super) orders: Orders,
    /// How the next verification of a number goes, where a test said so.
    pub(super) courses: HashMap<String, Course>,
    pub(super) calls: History<VerificationCall>,
    /// Ends a running verification call, by its SID.
    pub(super) running: HashMap<String, oneshot::Sender<Outcome>>,
    pub(super) caller_ids: Vec<CallerId>,
    pub(super) requests: History<ApiRequest>,
    pub(super) deliveries: History<Delivery>,
    pub(super) placed: History<PlacedCall>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            auth_token: AUTH_TOKEN.to_owned(),
            signing: Signing::Good,
            voice_url: String::new(),
            places: Vec::new(),
            orders: Orders::default(),
            courses: HashMap::new(),
            calls: History::default(),
            running: HashMap::new(),
            caller_ids: Vec::new(),
            requests: History::default(),
            deliveries: History::default(),
            placed: History::default(),
        }
    }
}

impl Twilio {
    pub(crate) fn new(options: TwilioOptions) -> Self {
        let state = State { voice_url: options.voice_url.clone(), ..State::default() };
        let shared = Shared { options, state: Mutex::new(state), changes: watch::Sender::default() };
        Self { shared: Arc::new(shared) }
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &TwilioOptions {
        &self.shared.options
    }

    /// Orders a fault for the next so many requests of any kind. The oldest order that fits a request counts.
    pub fn fail(&self, requests: u32, fault: Fault) {
        self.state().orders.add(None, requests, fault);
    }

    /// Orders a fault for the next so many requests of one kind.
    pub fn fail_on(&self, operation: Operation, requests: u32, fault: Fault) {
        self.state().orders.add(Some(operation), requests, fault);
    }

    /// Takes back every ordered fault, and signs well again.
    pub fn heal(&self) {
        self.change(|state| {
            state.orders.clear();
            state.signing = Signing::Good;
        });
    }

    /// Decides how verification calls to a number go from now on, instead of what its last digits say.
    pub fn will(&self, number: &str, course: impl Into<Course>) {
        self.state().courses.insert(known(number), course.into());
    }

    /// Ends a running verification call now, named by its SID or its number; `false` when there is none.
    #[must_use = "it says whether there was such a call"]
    pub fn finish(&self, call: &str, outcome: Outcome) -> bool {
        let mut state = self.state();
        let sid = if call.starts_with("CA") {
            Some(call.to_owned())
        } else {
            state.running_call(&known(call)).map(|call| call.call_sid.clone())
        };
        sid.and_then(|sid| state.running.remove(&sid)).is_some_and(|end| end.send(outcome).is_ok())
    }

    /// Every verification call so far, in the order in which they were asked for.
    #[must_use]
    pub fn calls(&self) -> Vec<VerificationCall> {
        self.state().calls.to_vec()
    }

    /// How often a number was rung to be verified.
    #[must_use]
    pub fn rings(&self, number: &str) -> usize {
        let number = known(number);
        self.state().calls.iter().filter(|call| *call.number.expose() == number).count()
    }

    /// Every verified caller ID.
    #[must_use]
    pub fn caller_ids(&self) -> Vec<CallerId> {
        self.state().caller_ids.clone()
    }

    /// Verifies a number without a call, as somebody does in Twilio's console. Its SID.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn add_caller_id(&self, number: &str) -> String {
        let number = known(number);
        self.change(|state| state.verified(&number, number::friendly_name(&number)))
    }

    /// Removes a verified number, as somebody does in Twilio's console.
    pub fn remove_caller_id(&self, number: &str) {
        let number = known(number);
        self.change(|state| state.caller_ids.retain(|caller_id| *caller_id.number.expose() != number));
    }

    /// Every request to the REST API so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.state().requests.to_vec()
    }

    /// Every webhook and status callback that was sent so far, and how it was answered.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.to_vec()
    }

    /// Every leg to a telephone that was dialled so far.
    #[must_use]
    pub fn dialled(&self) -> Vec<Leg> {
        self.state().placed.iter().flat_map(|call| call.legs.clone()).collect()
    }

    /// A call that was placed, by its SID.
    #[must_use]
    pub fn placed_call(&self, call_sid: &str) -> Option<PlacedCall> {
        self.state().placed.iter().find(|call| call.call_sid == call_sid).cloned()
    }

    /// Promotes a secondary auth token: from now on it signs webhooks and opens the API, and the one before does not.
    pub fn promote_auth_token(&self, auth_token: &str) {
        self.change(|state| auth_token.clone_into(&mut state.auth_token));
    }

    /// How webhooks are signed from now on.
    pub fn sign_webhooks(&self, signing: Signing) {
        self.change(|state| state.signing = signing);
    }

    /// Where the `TwiML` application is asked from now on what a call from a browser is to do.
    pub fn set_voice_url(&self, url: impl Into<String>) {
        let url = url.into();
        self.change(|state| state.voice_url = url);
    }

    pub(crate) fn voice_url(&self) -> String {
        self.state().voice_url.clone()
    }

    /// Says where on this machine the host of a public origin is: requests to `https://calls.example.test` are signed as
    /// such and sent in plain to, say, `http://127.0.0.1:8787`, as a proxy in front of it would pass them on.
    pub fn reach(&self, public_origin: &str, origin: &str) {
        let [public_origin, origin] = [public_origin, origin].map(|url| url.trim_end_matches('/').to_owned());
        self.change(|state| {
            state.places.retain(|(known, _)| *known != public_origin);
            state.places.push((public_origin, origin));
        });
    }

    /// Waits until all is as `wanted` says; `false` when `limit` passes before.
    pub async fn wait_until(&self, limit: Duration, wanted: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let look = async {
            while !wanted(self) {
                // The sender is in `shared`, so it cannot be gone.
                let _ = changes.changed().await;
            }
        };
        timeout(limit, look).await.is_ok()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells whoever waits for something.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.changes.send_replace(());
        result
    }
}

impl State {
    /// The running verification call to a number.
    pub(super) fn running_call(&self, number: &str) -> Option<&VerificationCall> {
        self.calls.iter().find(|call| call.outcome.is_none() && *call.number.expose() == number)
    }

    /// The verified caller ID of a number.
    pub(super) fn caller_id(&self, number: &str) -> Option<&CallerId> {
        self.caller_ids.iter().find(|caller_id| *caller_id.number.expose() == number)
    }

    /// Where a request to this address is sent in fact.
    pub(super) fn reached(&self, url: &str) -> String {
        let place = self.places.iter().find_map(|(public, origin)| {
            let path = url.strip_prefix(public.as_str())?;
            (path.is_empty() || path.starts_with(['/', '?', '#'])).then(|| format!("{origin}{path}"))
        });
        place.unwrap_or_else(|| url.to_owned())
    }

    /// Makes a number a caller ID, unless it is one. Its SID.
    pub(super) fn verified(&mut self, number: &str, friendly_name: String) -> String {
        if let Some(known) = self.caller_id(number) {
            return known.sid.clone();
        }
        let sid = ids::sid("PN");
        self.caller_ids.push(CallerId::new(sid.clone(), Pii::new(number.to_owned()), Pii::new(friendly_name)));
        sid
    }
}

/// A number as it is kept.
fn known(number: &str) -> String {
    number::e164(number).unwrap_or_else(|| number.to_owned())
}
