//! The object of one user: what it is asked of conversations, calls that are recorded, numbers and phone calls.

use fourwire_engine::conversations::{Cursor, Listed, Page};
use fourwire_engine::limit::TooOften;
use fourwire_engine::names;
use fourwire_engine::phone::account::{AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::claim::State as Verification;
use fourwire_engine::phone::ledger::{CallRecord, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::quota::sessions::{Counted, Stretch};
use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::{CallStart, DialRequest, Found, Known, Numbers};
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::Env;

use crate::problem::Problem;
use crate::rpc::phone_number::Begun;
use crate::rpc::{Envelope, Request, requests, send};
use crate::settings;

/// What the object of a user is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserRequest {
    /// Something about recorded calls, or all of the user's.
    Recording(Box<RecordingRequest>),
    /// Something about numbers and phone calls.
    Phone(PhoneRequest),
}

impl From<RecordingRequest> for UserRequest {
    fn from(request: RecordingRequest) -> Self {
        Self::Recording(Box::new(request))
    }
}

impl From<PhoneRequest> for UserRequest {
    fn from(request: PhoneRequest) -> Self {
        Self::Phone(request)
    }
}

requests! {
    /// What the object of a user is asked about recorded calls, and about all of the user's.
    RecordingRequest {
        /// A call begins, by a client that signed in at this time, with this conversation unless it has one already.
        StartCall(ConversationEntry, UnixMillis) -> CallStart,
        /// A call's first audio has come: enter its conversation, under the key that [`CallStart`] brought.
        Register(ConversationEntry, Vec<u8>) -> (),
        /// A call goes on, and has so much audio.
        Count(CallId, Stretch) -> Counted,
        /// A call is over, and has so much audio.
        Release(CallId, Stretch) -> (),
        /// A conversation is to be summed up anew.
        Reprocess(ConversationId) -> Result<(), TooOften>,
        /// The user wants a part of an export.
        AllowExport() -> Result<(), TooOften>,
        /// A conversation is finished, and nothing was said in it.
        Expire(ConversationId) -> (),
        /// Whoever signed in before this moment is signed out. Answered by the calls that may be running.
        SignOut(UnixMillis) -> Vec<CallId>,
        /// A call's conversation has changed: keep its new entry. Answered by whether there is such a conversation.
        Upsert(ConversationEntry) -> bool,
        /// A part of all conversations, newest first.
        List(Page) -> Listed,
        /// Conversations behind a cursor with their keys, newest first: so many at most.
        Behind(Option<Cursor>, usize) -> Vec<Known>,
        /// One conversation.
        Find(ConversationId) -> Option<Found>,
        /// Something is still to be done for a finished conversation.
        Enqueue(ConversationId, FollowUp) -> (),
        /// A conversation is to be deleted. Answered by whether there was one.
        Delete(ConversationId) -> bool,
        /// What an earlier master secret has sealed is to be sealed anew. Answered by how many records that were.
        Reseal() -> usize,
        /// Everything is to be deleted.
        Erase() -> (),
        /// Twilio has reported something of a call, which the call's own object hears of too.
        ReportCall(CallSid, Progress) -> (),
    }
}

requests! {
    /// What the object of a user is asked about numbers and phone calls.
    PhoneRequest {
        /// The user wants a number verified.
        VerifyNumber(PhoneNumber) -> Result<Begun, AccountError>,
        /// The user asks how the verification of a number goes; of none, where what was asked after is no number.
        CheckVerification(Option<PhoneNumber>) -> Result<Checked, AccountError>,
        /// A number's verification has succeeded, says the number's object.
        ConfirmNumber(PhoneNumber, CallerIdSid) -> (),
        /// All numbers, as the user's object knows them.
        KnownNumbers() -> Numbers,
        /// All numbers, as their own objects know them now.
        ListNumbers() -> CheckedNumbers,
        /// The user gives a number up.
        RemoveNumber(NumberId) -> Result<(), AccountError>,
        /// Calls are to be made with this number.
        ChooseNumber(NumberId) -> Result<(), AccountError>,
        /// The user wants an access token.
        AllowToken() -> Result<(), AccountError>,
        /// The user wants to call somebody.
        Dial(DialRequest) -> Dialled,
        /// The newest calls, the newest first.
        ListCalls() -> Vec<CallRecord>,
        /// Calls behind one, or the newest, the newest first: [`EXPORTED_CALLS`](fourwire_engine::user::EXPORTED_CALLS) at most.
        CallsBehind(Option<CallSid>) -> Vec<CallRecord>,
    }
}

/// How a verification goes, with the number's id where it has succeeded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// The number's id, once it is the user's.
    pub(crate) id: Option<NumberId>,
    /// How it goes.
    pub(crate) state: Verification,
}

/// A user's numbers, as the numbers' own objects and Twilio know them now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CheckedNumbers {
    /// Those that are verified, the oldest first.
    pub(crate) verified: Vec<OwnNumber>,
    /// Verifications that are under way or have just failed.
    pub(crate) pending: Vec<(PhoneNumber, Verification)>,
}

/// Whether a call is connected.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Dialled {
    /// It is: with this number, for so long.
    Connect(Box<CallRecord>),
    /// The user, or all users together, have reached a limit.
    LimitReached,
    /// There is no verified number.
    NoVerifiedNumber,
    /// The user's number is not verified any more.
    NumberRevoked,
    /// Twilio does not say whether the user's number is still verified.
    NumberNotChecked,
    /// This call has ended already: the request is a replayed one.
    CallEnded,
}

/// Asks a user's object.
pub(crate) async fn call<R: Request<All: Into<UserRequest>>>(
    env: &Env,
    user: &UserId,
    request: R,
) -> Result<R::Response, Problem> {
    let config = settings::read(env);
    let name = names::user_object(config.vault()?, user);
    send_request(env, &name, Some(user), request).await
}

/// Tells a user's object what Twilio has reported of a call: by the object's name alone, which is all that Twilio was told of the
/// user. An object that nobody has used knows of no call.
pub(crate) async fn report_call(env: &Env, name: &str, report: ReportCall) -> Result<(), Problem> {
    send_request(env, name, None, report).await
}

async fn send_request<R: Request<All: Into<UserRequest>>>(
    env: &Env,
    name: &str,
    owner: Option<&UserId>,
    request: R,
) -> Result<R::Response, Problem> {
    let all: R::All = request.into();
    let asked: UserRequest = all.into();
    send(env, settings::USERS, name, &Envelope { owner, asked }).await
}
