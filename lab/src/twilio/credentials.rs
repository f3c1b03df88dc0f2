//! The lab's account, and who may ask for what: Basic authentication with the auth token or with an API key.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::problem::Problem;

/// The account.
pub const ACCOUNT_SID: &str = "AC1ab00000000000000000000000000001";
/// The account's auth token at the start: it signs every webhook, and opens the API.
pub const AUTH_TOKEN: &str = "1ab0a0704e0000000000000000000001";
/// The API key.
pub const API_KEY_SID: &str = "SK1ab00000000000000000000000000001";
/// The API key's secret: it opens the API, and signs access tokens.
pub const API_KEY_SECRET: &str = "lab0000000000000000000000000key1";
/// The `TwiML` application that access tokens name.
pub const TWIML_APP_SID: &str = "AP1ab00000000000000000000000000001";

/// Checks a request's credentials and then its account.
pub(super) fn admit(headers: &HeaderMap, account: &str, auth_token: &str, path: &str) -> Result<(), Problem> {
    let (user, password) = basic(headers).ok_or_else(Problem::authentication)?;
    let good = [(ACCOUNT_SID, auth_token), (API_KEY_SID, API_KEY_SECRET)];
    if !good.contains(&(user.as_str(), password.as_str())) {
        return Err(Problem::authentication());
    }
    if account == ACCOUNT_SID { Ok(()) } else { Err(Problem::not_found(path)) }
}

/// User and password of Basic authentication.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credentials_have_the_shapes_of_real_ones() {
        let hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for (sid, prefix) in [(ACCOUNT_SID, "AC"), (API_KEY_SID, "SK"), (TWIML_APP_SID, "AP")] {
            assert!(sid.strip_prefix(prefix).is_some_and(hex), "{sid}");
        }
        assert!(hex(AUTH_TOKEN));
        assert_eq!(API_KEY_SECRET.len(), 32);
    }
}
