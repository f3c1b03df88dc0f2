//! The REST API of caller IDs: each request's faults, credentials and parameters, and its answer.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use super::caller_ids::{self, CallerId};
use super::credentials::admit;
use super::faults::{Fault, Operation};
use super::form::{Parameters, friendly_name};
use super::handle::{ApiRequest, State as Known, Twilio};
use super::problem::Problem;
use super::verification::{self, Wanted};

/// Account and document of a path.
type Named = Path<(String, String)>;

/// `GET …/OutgoingCallerIds.json`
pub(super) async fn list(
    State(twilio): State<Twilio>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let request = Request { operation: Operation::List, account, path: caller_ids::list_uri(), headers };
    let page = |twilio: &Twilio, _: &HeaderMap| {
        caller_ids::page(&twilio.state().caller_ids, query.as_deref().unwrap_or_default()).map(json)
    };
    request.answer(&twilio, page).await
}

/// `POST …/OutgoingCallerIds.json`
pub(super) async fn start(
    State(twilio): State<Twilio>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { operation: Operation::Start, account, path: caller_ids::list_uri(), headers };
    let begin = |twilio: &Twilio, headers: &HeaderMap| {
        let wanted = Wanted::read(&Parameters::of_form(headers, &body, &verification::PARAMETERS)?)?;
        verification::begin(twilio, wanted).map(json)
    };
    request.answer(&twilio, begin).await
}

/// `GET …/OutgoingCallerIds/{sid}.json`
pub(super) async fn fetch(State(twilio): State<Twilio>, path: Named, headers: HeaderMap) -> Response {
    let (request, sid) = Request::named(Operation::Fetch, path, headers);
    let look = |twilio: &Twilio, _: &HeaderMap| find(&mut twilio.state(), &sid).map(|known| json(known.json()));
    request.answer(&twilio, look).await
}

/// `POST …/OutgoingCallerIds/{sid}.json`
pub(super) async fn rename(State(twilio): State<Twilio>, path: Named, headers: HeaderMap, body: Bytes) -> Response {
    let (request, sid) = Request::named(Operation::Update, path, headers);
    let rename = |twilio: &Twilio, headers: &HeaderMap| {
        let parameters = Parameters::of_form(headers, &body, &["FriendlyName"])?;
        let name = friendly_name(&parameters)?;
        twilio.change(|state| {
            let known = find(state, &sid)?;
            if let Some(name) = name {
                known.rename(&name);
            }
            Ok(json(known.json()))
        })
    };
    request.answer(&twilio, rename).await
}

/// `DELETE …/OutgoingCallerIds/{sid}.json`
pub(super) async fn remove(State(twilio): State<Twilio>, path: Named, headers: HeaderMap) -> Response {
    let (request, sid) = Request::named(Operation::Delete, path, headers);
    let remove = |twilio: &Twilio, _: &HeaderMap| {
        twilio.change(|state| {
            find(state, &sid)?;
            state.caller_ids.retain(|known| known.sid != sid);
            Ok(StatusCode::NO_CONTENT.into_response())
        })
    };
    request.answer(&twilio, remove).await
}

/// Any path that is no resource.
pub(super) async fn no_resource(uri: Uri) -> Problem {
    Problem::not_found(uri.path())
}

/// Any method that a resource does not have.
pub(super) async fn no_method() -> Problem {
    Problem::method()
}

/// A request before it is carried out.
struct Request {
    operation: Operation,
    account: String,
    /// What an answer says was not found.
    path: String,
    headers: HeaderMap,
}

impl Request {
    /// A request for one caller ID, and the SID that it names.
    fn named(operation: Operation, path: Named, headers: HeaderMap) -> (Self, String) {
        let Path((account, document)) = path;
        // Without the ending the real service answers in XML, of which the lab has none: then no SID is named.
        let sid = document.strip_suffix(".json").unwrap_or_default().to_owned();
        let path = format!("/2010-04-01/Accounts/{account}/OutgoingCallerIds/{document}");
        (Self { operation, account, path, headers }, sid)
    }

    /// Lets the ordered fault strike, checks the credentials, carries the request out, and answers.
    async fn answer(
        self,
        twilio: &Twilio,
        work: impl FnOnce(&Twilio, &HeaderMap) -> Result<Response, Problem>,
    ) -> Response {
        let (number, fault) = twilio.change(|state| {
            let number = state.requests.push(ApiRequest { operation: self.operation, status: None });
            (number, state.orders.take(self.operation))
        });
        let response = match &fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Garbage) => Html("<html>A page of some proxy</html>").into_response(),
            other => match other.as_ref().and_then(Fault::problem) {
                Some(problem) => problem.into_response(),
                None => self.admit(twilio).and_then(|()| work(twilio, &self.headers)).into_response(),
            },
        };
        match fault {
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::LostAnswer) => std::future::pending().await,
            _ => {}
        }
        twilio.change(|state| {
            if let Some(request) = state.requests.entry(number) {
                request.status = Some(response.status().as_u16());
            }
        });
        response
    }

    fn admit(&self, twilio: &Twilio) -> Result<(), Problem> {
        let auth_token = twilio.state().auth_token.clone();
        admit(&self.headers, &self.account, &auth_token, &self.path)
    }
}

fn json(value: serde_json::Value) -> Response {
    Json(value).into_response()
}

fn find<'a>(state: &'a mut Known, sid: &str) -> Result<&'a mut CallerId, Problem> {
    let known = state.caller_ids.iter_mut().find(|known| known.sid == sid);
    known.ok_or_else(|| Problem::not_found(&caller_ids::uri(sid)))
}
