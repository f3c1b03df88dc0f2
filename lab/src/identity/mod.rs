//! The identity issuer: signs a user in by name alone and publishes the keys, so that the Worker's own verification runs.
//!
//! For development only: it asks nobody for a password, and pages of any origin may ask it.
//!
//! | method | path | answer |
//! | --- | --- | --- |
//! | GET | `/identity/keys` | the key set (JWK), with `Cache-Control: public, max-age=…` |
//! | GET | `/identity/.well-known/openid-configuration` | where the keys are |
//! | POST | `/identity/sign-in` | body `{"user":"ann"}` or `{"email":"ann@example.test"}` → an ID token |

pub mod keys;
pub mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub use keys::{Key, KeyError};
pub use tokens::Flaw;

use crate::cors::open;

/// The audience that the lab's tokens are for, unless told otherwise.
pub const AUDIENCE: &str = "fourwire-dev";
/// How long a token is good for, as with Firebase.
pub const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// How the issuer behaves.
#[derive(Clone, Debug)]
pub struct IssuerOptions {
    /// Whom the tokens are for.
    pub audience: String,
    /// How long the key set may be cached.
    pub keys_max_age: Duration,
    /// Where the key is kept, so that tokens outlive the program; none: a new key with each start.
    pub state: Option<PathBuf>,
}

impl Default for IssuerOptions {
    fn default() -> Self {
        Self { audience: AUDIENCE.to_owned(), keys_max_age: Duration::from_hours(1), state: None }
    }
}

/// A handle to the issuer.
#[derive(Clone)]
pub struct Issuer {
    shared: Arc<Shared>,
}

struct Shared {
    /// Its own address, `http://127.0.0.1:4010/identity`; the `iss` of its tokens.
    url: String,
    options: IssuerOptions,
    keys: Mutex<Keys>,
}

/// How the request for the key set is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeysAnswer {
    /// With the key set.
    #[default]
    Good,
    /// With a status and no key set.
    Status(u16),
    /// Sent to the key set at another path.
    Redirect,
    /// Not at all.
    Hang,
}

struct Keys {
    answer: KeysAnswer,
    signing: Key,
    /// The key before a rotation stays in the set, since tokens that it signed are still about.
    previous: Option<Key>,
    fetches: u64,
}

/// Who signs in: one of both.
#[derive(Deserialize)]
struct SignIn {
    email: Option<String>,
    user: Option<String>,
}

impl Issuer {
    pub(crate) fn new(url: String, options: IssuerOptions) -> Result<Self, KeyError> {
        let signing = match &options.state {
            Some(directory) => Key::kept_in(directory)?,
            None => Key::of_this_process()?,
        };
        let keys = Mutex::new(Keys { answer: KeysAnswer::Good, signing, previous: None, fetches: 0 });
        Ok(Self { shared: Arc::new(Shared { url, options, keys }) })
    }

    /// The issuer's address, which is the `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Whom its tokens are for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.shared.options.audience
    }

    /// Where the key set is.
    #[must_use]
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.shared.url)
    }

    /// A good token for a user, for one hour.
    #[must_use]
    pub fn token(&self, user: &str) -> String {
        let claims = tokens::claims(self.url(), self.audience(), user, None, now());
        tokens::sign(&self.keys().signing, &claims)
    }

    /// A good token for a user that expires so soon.
    #[must_use]
    pub fn short_token(&self, user: &str, life: Duration) -> String {
        let mut claims = tokens::claims(self.url(), self.audience(), user, None, now());
        claims["exp"] = (now() + life.as_secs()).into();
        tokens::sign(&self.keys().signing, &claims)
    }

    /// Answers requests for the key set in another way from now on.
    pub fn answer_keys(&self, answer: KeysAnswer) {
        self.keys().answer = answer;
    }

    /// A token for a user that must be refused.
    #[must_use]
    pub fn flawed_token(&self, user: &str, flaw: Flaw) -> String {
        let claims = tokens::claims(self.url(), self.audience(), user, None, now());
        flaw.token(&self.keys().signing, claims, now())
    }

    /// Signs with a new key from now on. The key before stays in the set.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate(&self) -> Result<(), KeyError> {
        let fresh = Key::generate()?;
        let mut keys = self.keys();
        keys.previous = Some(std::mem::replace(&mut keys.signing, fresh));
        Ok(())
    }

    /// The id of the key that signs now.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.keys().signing.id().to_owned()
    }

    /// How often the key set was fetched.
    #[must_use]
    pub fn key_fetches(&self) -> u64 {
        self.keys().fetches
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/keys", get(key_set))
            .route("/keys/moved", get(good_key_set))
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/sign-in", post(sign_in))
            .layer(from_fn(open))
            .with_state(self.clone())
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.shared.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn key_set(State(issuer): State<Issuer>) -> Response {
    let answer = {
        let mut keys = issuer.keys();
        keys.fetches += 1;
        keys.answer.clone()
    };
    match answer {
        KeysAnswer::Good => good_key_set(State(issuer)).await,
        KeysAnswer::Status(status) => StatusCode::from_u16(status).unwrap_or_default().into_response(),
        KeysAnswer::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/identity/keys/moved")]).into_response(),
        KeysAnswer::Hang => std::future::pending().await,
    }
}

async fn good_key_set(State(issuer): State<Issuer>) -> Response {
    let keys = issuer.keys();
    let set: Vec<Value> = std::iter::once(&keys.signing).chain(&keys.previous).map(Key::jwk).collect();
    let cache = format!("public, max-age={}", issuer.shared.options.keys_max_age.as_secs());
    ([(header::CACHE_CONTROL, cache)], Json(json!({ "keys": set }))).into_response()
}

async fn configuration(State(issuer): State<Issuer>) -> Json<Value> {
    Json(json!({
        "issuer": issuer.url(),
        "jwks_uri": issuer.keys_url(),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn sign_in(State(issuer): State<Issuer>, Json(who): Json<SignIn>) -> Response {
    let SignIn { email, user } = who;
    let Some(user) = user.or_else(|| email.clone()).filter(|user| !user.is_empty()) else {
        let error = json!({ "error": "name who signs in: {\"user\":…} or {\"email\":…}" });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let claims = tokens::claims(issuer.url(), issuer.audience(), &user, email.as_deref(), now());
    let token = tokens::sign(&issuer.keys().signing, &claims);
    Json(json!({ "id_token": token, "user_id": user, "expires_in": TOKEN_LIFE.as_secs() })).into_response()
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
