//! The address under which Twilio knows the Worker.
//!
//! It is configured. What a request says about where it was sent (`Host`, `X-Forwarded-…`, the URL that the platform makes
//! of them) is its sender's word, and a signature that is checked against it proves nothing about the operator's webhook.

use thiserror::Error;
use url::Url;

use crate::outbound::is_this_machine;

/// Scheme, host and port of the operator's webhooks, such as `https://calls.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin(String);

/// Why a text is not an origin for webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// It is not a URL.
    #[error("is not a web address")]
    NotAUrl,
    /// Twilio's requests, with numbers of people in them, could be read on their way.
    #[error("must begin with https:// (or with http:// for this machine itself)")]
    Scheme,
    /// It has a user or a password, which Twilio does not sign.
    #[error("must not have a user or a password")]
    User,
    /// It has a path: each webhook has its own.
    #[error("must not have a path")]
    Path,
    /// It has a query.
    #[error("must not have a query")]
    Query,
    /// It has a fragment.
    #[error("must not have a fragment")]
    Fragment,
    /// It means an origin, but signatures are over texts, so that there must be one way to write it.
    #[error("must be written as {0}")]
    Spelling(String),
}

impl PublicOrigin {
    /// Takes the operator's text.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if url.host().as_ref().is_some_and(is_this_machine) => {}
            _ => return Err(OriginError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::User);
        }
        if url.path() != "/" {
            return Err(OriginError::Path);
        }
        if url.query().is_some() {
            return Err(OriginError::Query);
        }
        if url.fragment().is_some() {
            return Err(OriginError::Fragment);
        }
        let origin = url.origin().ascii_serialization();
        if origin == text { Ok(Self(origin)) } else { Err(OriginError::Spelling(origin)) }
    }

    /// The origin as text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL that Twilio signed for a request: this origin, and path and query as they stand in the request's own URL,
    /// which must be the platform's raw text, not one that a parser wrote. `None` where that is no web address.
    #[must_use]
    pub fn url_of(&self, raw_request_url: &str) -> Option<String> {
        target(raw_request_url).map(|target| [self.as_str(), target].concat())
    }
}

/// Path and query of a web address; a fragment is never sent and never signed.
fn target(url: &str) -> Option<&str> {
    let (scheme, after) = url.split_once("://")?;
    let authority = after.split(['/', '?', '#']).next()?;
    // A host with a character that a URL parser takes for the host's end would have the router see another path.
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !matches!(scheme, "http" | "https" | "ws" | "wss") || authority.is_empty() || !authority.bytes().all(is_host) {
        return None;
    }
    after.strip_prefix(authority)?.split('#').next()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn origin(text: &str) -> PublicOrigin {
        PublicOrigin::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_https_or_this_machine() {
        for good in [
            "https://calls.example.com",
            "https://calls.example.com:8443",
            "http://localhost:8787",
            "http://127.0.0.1:8787",
            "http://[::1]:8787",
        ] {
            assert_eq!(origin(good).as_str(), good);
        }
    }

    #[test]
    fn what_is_wrong_with_an_origin_is_said() {
        let plain = OriginError::Spelling("https://calls.example.com".to_owned());
        for (text, problem) in [
            ("", OriginError::NotAUrl),
            ("calls.example.com", OriginError::NotAUrl),
            ("http://calls.example.com", OriginError::Scheme),
            ("http://localhost.example.com", OriginError::Scheme),
            ("wss://calls.example.com", OriginError::Scheme),
            ("https://user:pass@calls.example.com", OriginError::User),
            ("https://calls.example.com/twilio", OriginError::Path),
            ("https://calls.example.com?a=1", OriginError::Query),
            ("https://calls.example.com#a", OriginError::Fragment),
            ("https://calls.example.com/", plain.clone()),
            ("https://Calls.example.com", plain.clone()),
            ("https://calls.example.com:443", plain.clone()),
            (" https://calls.example.com", plain),
        ] {
            assert_eq!(PublicOrigin::parse(text), Err(problem), "{text}");
        }
        let told = PublicOrigin::parse("https://calls.example.com/").unwrap_err().to_string();
        assert_eq!(told, "must be written as https://calls.example.com");
    }

    #[test]
    fn a_requests_own_host_and_port_do_not_count() {
        let origin = origin("https://calls.example.com");
        for raw in [
            "https://evil.example/twilio/voice?a='+%27&b",
            "http://127.0.0.1:8787/twilio/voice?a='+%27&b#fragment",
            "https://[::1]:8787/twilio/voice?a='+%27&b#?c#d",
        ] {
            assert_eq!(origin.url_of(raw).unwrap(), "https://calls.example.com/twilio/voice?a='+%27&b");
        }
    }

    #[test]
    fn path_and_query_are_left_as_they_are() {
        let origin = origin("https://calls.example.com");
        for target in ["", "/", "?", "?a://b", "/A/../b/./c//", "/%7e/%zz|^\"ñ?ñ=\\&&="] {
            assert_eq!(
                origin.url_of(&format!("https://w.example{target}")).unwrap(),
                format!("{}{target}", origin.as_str())
            );
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        let origin = origin("https://calls.example.com");
        for raw in [
            "",
            "/twilio/voice",
            "/x?u=https://w.example/y",
            "ftp://w.example/x",
            "https://",
            "https:///x",
            "https://w.example\\x/y",
            "https://u@w.example/x",
            "https://w .example/x",
            "https://w\t.example/x",
        ] {
            assert_eq!(origin.url_of(raw), None, "{raw}");
        }
    }
}
