//! Signs webhooks: base64 of HMAC-SHA1 under the auth token, over the address and then every distinct field.
//!
//! Fields come in the order of their names, and a field's distinct values in theirs: name and value, without separators.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The header of a signature.
pub const HEADER: &str = "x-twilio-signature";

/// The signature of a request to `url` with the fields of its form; a request without a form has none.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn sign<'a>(auth_token: &str, url: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed_text(url, fields).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn signed_text<'a>(url: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = signed_url(url);
    // A set of pairs is in the order of the names first and of the values second, and has no pair twice.
    for (name, value) in fields.into_iter().collect::<BTreeSet<_>>() {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// What is signed of an address: no user, no fragment, and over https no port. All else is left as it is written.
fn signed_url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rfind(':').filter(|colon| !host[*colon..].contains(']'));
    let host = port.filter(|_| scheme.eq_ignore_ascii_case("https")).map_or(host, |colon| &host[..colon]);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_signed_as_the_service_does() {
        for (url, signed) in [
            ("https://me:secret@a.test:8443/x?y=1#rt=3", "https://a.test/x?y=1"),
            ("http://me@a.test:8080/x", "http://a.test:8080/x"),
            ("https://[::1]:443", "https://[::1]"),
            ("https://[::1]/", "https://[::1]/"),
            ("https://A.test/it's?b=2&a=1", "https://A.test/it's?b=2&a=1"),
        ] {
            assert_eq!(signed_url(url), signed);
        }
    }

    #[test]
    fn every_distinct_field_is_signed_in_the_order_of_names_and_then_of_values() {
        let digits = [("Digits", "5678"), ("To", ""), ("Digits", "1234"), ("Called", "+1 2"), ("Digits", "1234")];
        assert_eq!(signed_text("https://a.test", digits), "https://a.testCalled+1 2Digits1234Digits5678To");
        let glued = [("ReasonConferenceEnded", "a"), ("Reason", "x"), ("CALLSID", "2"), ("CallSid", "1")];
        assert_eq!(signed_text("", glued), "CALLSID2CallSid1ReasonxReasonConferenceEndeda");
    }
}
