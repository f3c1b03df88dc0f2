//! Addresses that the Worker itself calls: keys of the issuer, speech services, Twilio, language models, an operator's own servers.
//!
//! Tokens, audio and transcripts travel to them, so each is `https`. `http` is taken only where the host is this machine, for
//! development and tests: what never leaves a machine is not read on its way.

use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

/// An address that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundUrl(Url);

/// A text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not an https:// address (http:// is for this machine itself)")]
pub struct OutboundUrlError;

impl OutboundUrl {
    /// The address itself.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for OutboundUrl {
    type Err = OutboundUrlError;

    fn from_str(text: &str) -> Result<Self, OutboundUrlError> {
        let url = Url::parse(text).map_err(|_| OutboundUrlError)?;
        let is_safe = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host().as_ref().is_some_and(is_this_machine),
            _ => false,
        };
        // `fetch` refuses an address with credentials in it: https://fetch.spec.whatwg.org/#dom-request
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if is_safe && !has_credentials { Ok(Self(url)) } else { Err(OutboundUrlError) }
    }
}

/// Whether a host is this machine: the loopback addresses (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3) and their name
/// (RFC 6761, section 6.3).
pub(crate) fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn an_address_is_https_or_this_machine() {
        for text in [
            "https://api.example",
            "https://api.example:8443/v1?a=b",
            "https://10.0.0.1",
            "http://localhost:8787/path",
            "http://LOCALHOST",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://2130706433/",
            "http://[::1]:8080",
        ] {
            assert!(text.parse::<OutboundUrl>().is_ok(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "api.example",
            "http://api.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://localhost@api.example",
            "ftp://localhost",
            "ws://localhost",
            "file:///etc/hosts",
            "data:text/plain,a",
            "https://",
            "https://user@api.example",
            "https://:secret@api.example",
        ] {
            assert_eq!(text.parse::<OutboundUrl>(), Err(OutboundUrlError), "{text}");
        }
    }
}
