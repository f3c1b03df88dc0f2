//! Parameters of a request, read strictly: each one known, and given once.

use axum::http::{HeaderMap, Uri, header};

use super::problem::Problem;

/// What a form is sent as.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// How long a caller ID's name may be.
const NAME_LIMIT: usize = 64;

/// The parameters.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query, or a body that is encoded like one.
    pub(super) fn read(encoded: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded).into_owned() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::strict(format_args!("{name} is no parameter of this request")));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::strict(format_args!("{name} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Reads a body, which must say that it is a form.
    pub(super) fn of_form(headers: &HeaderMap, body: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = said.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FORM) {
            return Err(Problem::strict(format_args!("a body is sent as {FORM}, not as {said:?}")));
        }
        Self::read(body, known)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The name that a request gives a caller ID.
pub(super) fn friendly_name(parameters: &Parameters) -> Result<Option<String>, Problem> {
    let name = parameters.get("FriendlyName").map(str::to_owned);
    if name.as_ref().is_some_and(|name| name.chars().count() > NAME_LIMIT) {
        return Err(Problem::strict(format_args!("FriendlyName has at most {NAME_LIMIT} characters")));
    }
    Ok(name)
}

/// Whether it is an address that a webhook can be sent to: a host without underscores, which the real service refuses.
pub(super) fn is_address(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.contains('_'))
}
