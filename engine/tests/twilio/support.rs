//! Twilio's side: signing, independent of the code under test.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fourwire_engine::twilio::signature::AuthTokens;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The operator's auth tokens.
pub fn tokens(text: &str) -> AuthTokens {
    AuthTokens::parse(text).unwrap()
}

/// The signature of a request that has a URL and no fields.
pub fn signature(token: &str, url: &str) -> String {
    signature_of_form(token, url, &[])
}

/// The signature of a form.
pub fn signature_of_form(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut by_name = BTreeMap::<_, BTreeSet<_>>::new();
    for (name, value) in fields {
        by_name.entry(units(name)).or_default().insert(units(value));
    }
    let mut signed = url.encode_utf16().collect::<Vec<_>>();
    for (name, values) in by_name {
        for value in values {
            signed.extend(name.iter().chain(&value));
        }
    }
    let mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    BASE64.encode(mac.chain_update(String::from_utf16(&signed).unwrap()).finalize().into_bytes())
}

/// A form as it is sent.
pub fn form(fields: &[(String, String)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

/// JavaScript's texts, in JavaScript's order.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}
