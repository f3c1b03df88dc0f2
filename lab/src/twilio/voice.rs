//! Calls that a browser places: the token is checked, the application is asked what to do, and that is done.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Method;
use fourwire_wire::pii::Pii;

use super::credentials::TWIML_APP_SID;
use super::handle::{State, Twilio};
use super::records::{Leg, PlacedCall, Target};
use super::token::{self, TokenError};
use super::twiml::{CallProblem, Twiml, Verb};
use super::webhook::Webhook;
use super::{ids, number};
use crate::http::{Answer, HttpError};

/// The application could not be reached.
const UNREACHABLE: u32 = 11_205;
/// The application did not answer well, or not in time.
const BAD_ANSWER: u32 = 11_200;
/// A dial's caller ID is missing, or not verified.
const CALLER_ID: u32 = 13_214;
/// A dialled number is none.
const DIALLED_NUMBER: u32 = 13_223;

/// How long a telephone rings where a dial does not say.
const RING_LIMIT: Duration = Duration::from_secs(30);

/// Names and values.
type Params = Vec<(String, Pii<String>)>;

/// A call that a browser is to place.
#[derive(Clone, Debug)]
pub struct PlaceCall {
    webhook_url: String,
    who: Who,
    params: Params,
    /// What names the browser's leg.
    call_sid: String,
}

#[derive(Clone, Debug)]
enum Who {
    Token(Pii<String>),
    Identity(Pii<String>),
}

impl PlaceCall {
    /// A call by whoever has this access token, which is checked.
    pub fn with_token(webhook_url: impl Into<String>, access_token: impl Into<String>) -> Self {
        Self::new(webhook_url, Who::Token(Pii::new(access_token.into())))
    }

    /// A call by this identity, as if it had shown a good token.
    pub fn as_identity(webhook_url: impl Into<String>, identity: impl Into<String>) -> Self {
        Self::new(webhook_url, Who::Identity(Pii::new(identity.into())))
    }

    fn new(webhook_url: impl Into<String>, who: Who) -> Self {
        Self { webhook_url: webhook_url.into(), who, params: Vec::new(), call_sid: ids::sid("CA") }
    }

    /// What names the browser's leg, where that is known before.
    pub(crate) fn named(mut self, call_sid: &str) -> Self {
        call_sid.clone_into(&mut self.call_sid);
        self
    }

    /// Whom the browser wants to call; without it `To` is empty.
    #[must_use]
    pub fn to(self, number: impl Into<String>) -> Self {
        self.param("To", number)
    }

    /// One more parameter of the browser, which can say anything in it.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), Pii::new(value.into())));
        self
    }

    /// The identity, and the parameters of browser and token. Where both have one, the token's counts: it is signed.
    fn admitted(&self) -> Result<(Pii<String>, Params), TokenError> {
        let mut params = self.params.clone();
        let token = match &self.who {
            Who::Identity(identity) => return Ok((identity.clone(), params)),
            Who::Token(token) => token.expose(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let granted = token::check(token, now)?;
        params.retain(|(name, _)| granted.params.iter().all(|(other, _)| other != name));
        params.extend(granted.params);
        Ok((granted.identity, params))
    }
}

impl Twilio {
    /// Does what Twilio does when a browser connects: checks its token, asks the application by a signed webhook what to
    /// do, and dials where it says so and may. The legs' progress is played by [`Twilio::call_progress`].
    ///
    /// A parameter of the browser that has the name of one of Twilio's own fields is sent in front of it: what the real
    /// service does then is not known, and an application must not fall for it.
    ///
    /// # Errors
    /// When the token is refused; then the application is not asked.
    pub async fn place_call(&self, call: &PlaceCall) -> Result<PlacedCall, TokenError> {
        let (identity, params) = call.admitted()?;
        let call_sid = call.call_sid.clone();
        let mut webhook = Webhook::of_call(&call_sid, "inbound", "ringing");
        webhook.add("ApplicationSid", TWIML_APP_SID);
        let to = params.iter().rfind(|(name, _)| name == "To").map_or("", |(_, number)| number.expose());
        webhook.parties(&format!("client:{}", identity.expose()), to);
        let others = params.iter().filter(|(name, _)| name != "To");
        webhook.add_first(others.map(|(name, value)| (name.clone(), value.expose().clone())));

        let target = Target { url: call.webhook_url.clone(), method: Method::POST };
        let (_, answer) = webhook.send(self, &target).await;
        let mut placed = PlacedCall::after(call_sid, &answer);
        self.change(|state| {
            if let Some(twiml) = &placed.twiml {
                let (legs, problems) = Dialling { state, parent: &placed.call_sid }.run(twiml);
                placed.legs = legs;
                placed.problems.extend(problems);
            }
            state.placed.push(placed.clone());
        });
        Ok(placed)
    }
}

impl PlacedCall {
    fn after(call_sid: String, answer: &Result<Answer, HttpError>) -> Self {
        let twiml = read(answer);
        let answer = answer.as_ref().ok();
        Self {
            call_sid,
            status: answer.map(|answer| answer.status),
            content_type: answer.and_then(|answer| answer.header("content-type")).map(str::to_owned),
            body: Pii::new(answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default()),
            legs: Vec::new(),
            problems: twiml.as_ref().err().cloned().into_iter().collect(),
            twiml: twiml.ok(),
        }
    }
}

/// What the application said.
pub(super) fn read(answer: &Result<Answer, HttpError>) -> Result<Twiml, CallProblem> {
    let answer = answer.as_ref().map_err(|error| {
        let code = if matches!(error, HttpError::Unreachable(..)) { UNREACHABLE } else { BAD_ANSWER };
        CallProblem::new(code, error.to_string())
    })?;
    if !(200..300).contains(&answer.status) {
        return Err(CallProblem::new(BAD_ANSWER, format!("the webhook was answered with {}", answer.status)));
    }
    Twiml::read(answer.header("content-type"), &answer.body)
}

/// Carries out what the application said.
struct Dialling<'a> {
    state: &'a State,
    parent: &'a str,
}

impl Dialling<'_> {
    fn run(&self, twiml: &Twiml) -> (Vec<Leg>, Vec<CallProblem>) {
        let (mut legs, mut problems) = (Vec::new(), Vec::new());
        for (index, verb) in twiml.verbs.iter().enumerate() {
            match verb.name.as_str() {
                "Reject" | "Hangup" => break,
                "Dial" => match self.dial(index, verb) {
                    Ok(dialled) => legs.extend(dialled),
                    Err(problem) => problems.push(problem),
                },
                _ => {}
            }
            if verb.attribute("action").is_some() {
                break;
            }
        }
        (legs, problems)
    }

    fn dial(&self, index: usize, dial: &Verb) -> Result<Vec<Leg>, CallProblem> {
        let verified = |number: &&str| self.state.caller_id(number).is_some();
        let caller_id = dial.attribute("callerId").filter(verified);
        let caller_id =
            caller_id.ok_or_else(|| CallProblem::new(CALLER_ID, "the caller ID is missing, or not verified"))?;
        let numbers: Vec<&Verb> = if dial.text().is_empty() { dial.children.iter().collect() } else { vec![dial] };
        if numbers.is_empty() || numbers.iter().any(|number| !number::is_e164(number.text())) {
            return Err(CallProblem::new(DIALLED_NUMBER, "a number to dial is missing, or not in E.164"));
        }
        let seconds = |name| dial.attribute(name).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let leg = |number: &&Verb| Leg {
            call_sid: ids::sid("CA"),
            parent_call_sid: self.parent.to_owned(),
            number: Pii::new(number.text().to_owned()),
            caller_id: Pii::new(caller_id.to_owned()),
            time_limit: seconds("timeLimit"),
            ring_limit: seconds("timeout").unwrap_or(RING_LIMIT),
            events: number
                .attribute("statusCallbackEvent")
                .unwrap_or("completed")
                .split(' ')
                .map(str::to_owned)
                .collect(),
            status_callback: address(number, "statusCallback", "statusCallbackMethod"),
            notice: address(number, "url", "method"),
            verb: index,
        };
        Ok(numbers.iter().map(leg).collect())
    }
}

/// Where an attribute of a number says that the application is to be asked or told.
fn address(number: &Verb, url: &str, method: &str) -> Option<Target> {
    let method = if number.attribute(method) == Some("GET") { Method::GET } else { Method::POST };
    number.attribute(url).map(|url| Target { url: url.to_owned(), method })
}
