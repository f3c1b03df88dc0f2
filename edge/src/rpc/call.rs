//! The object of one call: what it is asked, and how a client's socket gets there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fourwire_engine::identity::SignedIn;
use fourwire_engine::names::{self, CallOwner};
use fourwire_engine::quota::sessions::SessionError;
use fourwire_engine::user::unfinished::CallState;
use fourwire_wire::conversation::{Conversation, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::query::ListenQuery;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{Env, Method, RequestInit, Response};

use crate::fault::{During, Fault};
use crate::log;
use crate::problem::Problem;
use crate::rpc::{Envelope, Request, requests, send};
use crate::settings;
use crate::storage::sealed;

requests! {
    /// What the object of a call is asked, besides taking a client's socket.
    CallRequest {
        /// The conversation as it is now, while the call runs.
        RunningConversation() -> Option<Conversation>,
        /// Twilio has reported something of the call.
        ReportPhoneCall(Box<PhoneCall>) -> (),
        /// Whoever signed in before this moment is to be cut off.
        SignOut(UnixMillis) -> (),
        /// What there is of a conversation.
        State(ConversationId) -> CallState,
        /// A conversation cannot be gone on with: what is kept of its audio is to be stored. Answered by the segments that can be
        /// read.
        Salvage(ConversationId) -> Vec<Segment>,
        /// A conversation was deleted, or finished without this object: its call ends, and everything is forgotten.
        Delete(ConversationId) -> (),
    }
}

/// Asks the object of a user's call.
pub(crate) async fn call<R: Request<All = CallRequest>>(
    env: &Env,
    user: &UserId,
    call: &CallId,
    request: R,
) -> Result<R::Response, Problem> {
    let owner = CallOwner { user: user.clone(), call: call.clone() };
    let config = settings::read(env);
    let name = names::call_object(config.vault()?, &owner);
    send(env, settings::CALLS, &name, &Envelope { owner, asked: request.into() }).await
}

/// The header in which an [`Admission`] travels to the call's object. Not the URL, which the platform logs; and an upgrade has no
/// body.
const ADMISSION: &str = "fourwire-admission";

/// Who was let in, and to what.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Admission {
    /// Whose call it is.
    pub(crate) owner: CallOwner,
    /// What the client asked for.
    pub(crate) query: ListenQuery,
    /// When the user signed in.
    pub(crate) signed_in_at: UnixMillis,
    /// When the token expires.
    pub(crate) expires: UnixMillis,
}

impl Admission {
    /// Where an upgrade goes: nothing of the client is in it, since addresses are logged.
    const URL: &str = "https://call/listen";
    /// The path of it.
    pub(crate) const PATH: &str = "/listen";

    /// What an upgrade brings along.
    pub(crate) fn of(request: &worker::Request) -> Result<Self, Problem> {
        let header = request.headers().get(ADMISSION)?.during("rpc.admission")?;
        let json = BASE64.decode(header).map_err(|_| Fault::new("rpc.admission", "is no Base64"))?;
        Ok(serde_json::from_slice(&json).during("rpc.admission")?)
    }
}

/// Hands an upgrade to the object of the user's call. A client that names no call gets one of its own.
pub(crate) async fn forward(env: &Env, signed_in: &SignedIn, query: ListenQuery) -> Result<Response, Problem> {
    let call = match &query.call_id {
        Some(call) => call.clone(),
        None => CallId::parse(random_conversation()?.to_string()).during("rpc.admission")?,
    };
    let owner = CallOwner { user: signed_in.user.clone(), call };
    let config = settings::read(env);
    let name = names::call_object(config.vault()?, &owner);
    let admission =
        serde_json::to_vec(&Admission { owner, query, signed_in_at: signed_in.signed_in, expires: signed_in.expires })
            .during("rpc.admission")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Get);
    init.headers.set("upgrade", "websocket")?;
    init.headers.set(ADMISSION, &BASE64.encode(admission))?;
    let request = worker::Request::new_with_init(Admission::URL, &init)?;
    let mut answer = env.durable_object(settings::CALLS)?.get_by_name(&name)?.fetch_with_request(request).await?;
    if answer.status_code() == 101 {
        return Ok(answer);
    }
    match answer.status_code() {
        NotAdmitted::STATUS => Err(answer.json::<NotAdmitted>().await?.into()),
        status => Err(Fault::new("rpc.listen", format!("the call's object answers with {status}")).into()),
    }
}

/// Why a call's object does not take a client's socket, where that is the client's affair.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NotAdmitted {
    /// Twilio has reported no such call of the user.
    NoSuchCall,
    /// The user was signed out after having signed in.
    SignedOut,
    /// The user has reached a limit.
    Session(SessionError),
    /// All users together have.
    Ceiling,
}

impl NotAdmitted {
    /// The status under which it crosses.
    const STATUS: u16 = 403;

    /// The object's answer to an upgrade that it does not take.
    pub(crate) fn response(problem: &Problem) -> worker::Result<Response> {
        let reason = match problem {
            Problem::NoSuchCall => Self::NoSuchCall,
            Problem::SignedOut => Self::SignedOut,
            Problem::Session(error) => Self::Session(*error),
            Problem::Ceiling => Self::Ceiling,
            problem => {
                log::error!("object_failed", request = "Listen", error = problem.cause());
                return problem.response();
            }
        };
        Ok(Response::from_json(&reason)?.with_status(Self::STATUS))
    }
}

impl From<NotAdmitted> for Problem {
    fn from(reason: NotAdmitted) -> Self {
        match reason {
            NotAdmitted::NoSuchCall => Self::NoSuchCall,
            NotAdmitted::SignedOut => Self::SignedOut,
            NotAdmitted::Session(error) => Self::Session(error),
            NotAdmitted::Ceiling => Self::Ceiling,
        }
    }
}

/// A fresh conversation id.
pub(crate) fn random_conversation() -> Result<ConversationId, Problem> {
    Ok(ConversationId::from_random(sealed::random()?))
}
