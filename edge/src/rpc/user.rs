//! The object of one user: what it is asked of conversations, calls that are recorded, numbers and phone calls.

use fourwire_engine::conversations::{Cursor, Listed, Page};
use fourwire_engine::limit::TooOften;
use fourwire_engine::names;
use fourwire_engine::phone::account::{AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::ledger::{CallRecord, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::quota::sessions::{Counted, SessionError, Stretch};
use fourwire_engine::user::follow_up::FollowUp;
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::Env;

use crate::problem::Problem;
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
        /// Twilio has reported something of a call. Answered by the user and the call as it is now, where that was news.
        ReportCall(CallSid, Progress) -> Option<(UserId, CallRecord)>,
    }
}

requests! {
    /// What the object of a user is asked about numbers and phone calls.
    PhoneRequest {
        /// The user wants a number verified.
        VerifyNumber(PhoneNumber) -> Result<(), AccountError>,
        /// The user asks how a verification goes.
        CheckVerification() -> Result<(), AccountError>,
        /// A number's verification has succeeded. Answered by the number's id; by none where the user has given it up meanwhile.
        ConfirmNumber(PhoneNumber, CallerIdSid) -> Option<NumberId>,
        /// A number is not the user's any more, or its verification has come to nothing.
        DropNumber(PhoneNumber) -> (),
        /// All numbers.
        ListNumbers() -> Numbers,
        /// The user gives a number up.
        RemoveNumber(NumberId) -> Result<OwnNumber, AccountError>,
        /// Calls are to be made with this number.
        ChooseNumber(NumberId) -> Result<(), AccountError>,
        /// The user wants an access token.
        AllowToken() -> Result<(), AccountError>,
        /// The user wants to call somebody.
        Dial(DialRequest) -> DialDecision,
        /// A call that was granted is not made.
        RefuseCall(CallSid) -> (),
        /// The newest calls, the newest first.
        ListCalls() -> Vec<CallRecord>,
        /// Calls behind one, or the newest, the newest first: [`EXPORTED_CALLS`] at most.
        CallsBehind(Option<CallSid>) -> Vec<CallRecord>,
    }
}

/// How many calls an export asks for at once: half a megabyte.
pub(crate) const EXPORTED_CALLS: usize = 1_000;

/// A conversation's entry, and its key, wrapped.
pub(crate) type Known = (ConversationEntry, Vec<u8>);

/// What is known of a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Its entry.
    pub(crate) entry: ConversationEntry,
    /// Its key, wrapped.
    pub(crate) key: Vec<u8>,
    /// What Twilio has told of its call, which may be more than when it was stored.
    pub(crate) phone_call: Option<PhoneCall>,
}

impl Found {
    /// Whether the call is over, for what can be done only then.
    pub(crate) fn finished(&self) -> Result<(), Problem> {
        if self.entry.status == ConversationStatus::Completed { Ok(()) } else { Err(Problem::NotFinished) }
    }
}

/// How a call begins.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum CallStart {
    /// With this conversation: the one offered, or the one it already had.
    Go {
        /// The conversation.
        entry: Box<ConversationEntry>,
        /// Whether it is entered already.
        is_registered: bool,
        /// Its key, wrapped.
        key: Vec<u8>,
        /// What Twilio has told of the call.
        phone_call: Option<Box<PhoneCall>>,
    },
    /// Not at all: its conversation was deleted while it was running; or Twilio has told of no such call that may be going on,
    /// and the operator wants that.
    NoSuchCall,
    /// Not at all: the user was signed out after this client had signed in.
    SignedOut,
    /// Not now: the user has reached a limit.
    Refused(SessionError),
}

/// A call that a user's device asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DialRequest {
    /// Twilio's name for the caller's leg.
    pub(crate) call_sid: CallSid,
    /// The client's name for the call.
    pub(crate) call_id: Option<CallId>,
    /// Who is to be called.
    pub(crate) callee: PhoneNumber,
}

/// A user's numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// Those that are verified, the oldest first.
    pub(crate) verified: Vec<OwnNumber>,
    /// Those whose verification is not known to have ended.
    pub(crate) pending: Vec<PhoneNumber>,
}

/// Whether a user may call somebody.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum DialDecision {
    /// The call is entered: with this number, for so long.
    Granted(Box<CallRecord>),
    /// The call was granted before and has not ended: the request is a repeated or a replayed one.
    AlreadyGranted(Box<CallRecord>),
    /// A limit is reached.
    LimitReached,
    /// There is no verified number.
    NoVerifiedNumber,
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
pub(crate) async fn report_call(
    env: &Env,
    name: &str,
    report: ReportCall,
) -> Result<<ReportCall as Request>::Response, Problem> {
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
