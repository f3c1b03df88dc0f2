//! The app's one plain request before a call: signing in.

use hyper::Method;
use serde_json::json;

pub use crate::http::HttpError;
use crate::http::send_json;

/// An ID token for a user of the lab at `origin`.
///
/// # Errors
/// When the lab cannot be reached or does not give one.
pub async fn sign_in(origin: &str, user: &str) -> Result<String, HttpError> {
    let url = format!("{}/identity/sign-in", origin.trim_end_matches('/'));
    let answer = send_json(Method::POST, &url, None, Some(&json!({ "user": user }))).await?;
    answer.json()["id_token"].as_str().map(str::to_owned).ok_or(HttpError::Answer(url, answer.status))
}
