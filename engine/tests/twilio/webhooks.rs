//! Requests as they come to the Worker: whatever host they name, their signature must be for the operator's origin.

use fourwire_engine::twilio::signature::{Body, PublicOrigin, SignatureError};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::tokens;

const TARGET: &str = "/myapp.php?foo=1&bar=2";
const CALL: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const CALL_SIGNED: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_SIGNED: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

#[test]
fn a_webhook_counts_under_whatever_address_it_reached_the_worker() {
    for at in ["https://mycompany.com", "http://someothercompany.com", "http://127.0.0.1:8787"] {
        assert_eq!(company(&format!("{at}{TARGET}"), Body::Form(CALL.as_bytes()), CALL_SIGNED), Ok(()), "{at}");
    }
}

#[test]
fn a_webhook_that_was_altered_on_its_way_is_refused() {
    let more = format!("https://mycompany.com{TARGET}&somethingUnexpected=true");
    let form = Body::Form(CALL.as_bytes());
    assert_eq!(company(&more, form, CALL_SIGNED), Err(SignatureError::Invalid));
    assert_eq!(company(&more, form, ""), Err(SignatureError::Missing));
    let plain = format!("https://mycompany.com{TARGET}");
    assert_eq!(company(&plain, Body::Form(b""), CALL_SIGNED), Err(SignatureError::Invalid));
    let swapped = CALL.replace("1234&", "1235&");
    assert_eq!(company(&plain, Body::Form(swapped.as_bytes()), CALL_SIGNED), Err(SignatureError::Invalid));
}

#[test]
fn a_json_webhook_counts_by_the_hash_that_was_signed() {
    let url = |hash: &str| format!("https://mycompany.com{TARGET}&bodySHA256={hash}");
    let json = Body::Other(JSON.as_bytes());
    assert_eq!(company(&url(JSON_HASH), json, JSON_SIGNED), Ok(()));
    assert_eq!(company(&url(&JSON_HASH[..63]), json, JSON_SIGNED), Err(SignatureError::Invalid));
    // What a form's fields say is signed in another way, even in a request whose URL fits.
    assert_eq!(company(&url(JSON_HASH), Body::Form(b"To=%2B1900"), JSON_SIGNED), Err(SignatureError::Invalid));
    assert_eq!(company(&url(JSON_HASH), Body::Other(b""), JSON_SIGNED), Err(SignatureError::Invalid));
}

#[test]
fn a_browsers_call_counts_with_its_empty_fields_outer_spaces_and_markup() {
    let form = "AccountSid=ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX&ApplicationSid=APXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\
        &ApiVersion=2010-04-01&CallSid=CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX&CallStatus=ringing&Called=\
        &Caller=client%3Aalice&Direction=inbound&From=client%3Aalice&To=%2B15551234567\
        &note=caf%C3%A9+%26+%3Cb%3E%22x%22%3C%2Fb%3E+%2B+1&pad=++two+spaces++";
    let raw = "https://dialer.example.com/twilio/voice";
    assert_eq!(dialer(raw, form, "uO38XJfRyXPdTPn0L6505Zleg3U="), Ok(()));
    let trimmed = form.replace("=++two+spaces++", "=two+spaces");
    assert_eq!(dialer(raw, &trimmed, "uO38XJfRyXPdTPn0L6505Zleg3U="), Err(SignatureError::Invalid));
}

#[test]
fn a_verified_caller_id_is_reported_under_a_url_with_a_query() {
    let form = "AccountSid=ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX&ApiVersion=2010-04-01&CallDuration=21\
        &CallSid=CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX&CallStatus=completed&Direction=outbound-api\
        &OutgoingCallerIdSid=PNXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX&To=%2B15551234567&VerificationStatus=success";
    let raw = "https://dialer.example.com/twilio/caller-id?user=42";
    assert_eq!(dialer(raw, form, "a3ZeYx1vyyEFc1tiHqZkDcYhS/k="), Ok(()));
    let other = "https://dialer.example.com/twilio/caller-id?user=43";
    assert_eq!(dialer(other, form, "a3ZeYx1vyyEFc1tiHqZkDcYhS/k="), Err(SignatureError::Invalid));
}

#[test]
fn an_apostrophe_in_a_get_webhook_counts_as_it_is() {
    let raw = "https://dialer.example.com/voice?name=William+O'hara";
    assert_eq!(dialer(raw, "", "gYjzSGQ8h7QVGAwQqYn9fl7e6OE="), Ok(()));
}

#[test]
fn a_fragment_is_not_signed_and_a_slash_at_the_end_is() {
    let form = "CallSid=CAXXXX";
    let signature = "GYkIA/PGXaUFNJvc1rzEfxXTetA=";
    assert_eq!(dialer("https://dialer.example.com/voice#rc=2&rt=5000", form, signature), Ok(()));
    assert_eq!(dialer("https://dialer.example.com/voice/", form, signature), Err(SignatureError::Invalid));
}

#[test]
fn a_user_in_twilios_copy_of_the_url_is_not_signed() {
    // Twilio drops it, and sends it as a header.
    let form = "CallSid=CAXXXX&From=client%3Aalice";
    let signature = "pk9aZgLijUyon3J52LCDY8mIj18=";
    assert_eq!(dialer("https://dialer.example.com/voice", form, signature), Ok(()));
    let named = "https://user:pass@dialer.example.com/voice";
    let verdict = tokens("derived-token").verify(named, Body::Form(form.as_bytes()), signature);
    assert_eq!(verdict, Err(SignatureError::Invalid));
}

#[test]
fn a_request_counts_before_and_after_the_auth_token_is_changed() {
    let url = "https://dialer.example.com/voice";
    let form = Body::Form(b"CallSid=CAXXXX");
    for (configured, first, second) in [
        ("derived-token", true, false),
        ("derived-token, derived-token-2", true, true),
        ("derived-token-2", false, true),
    ] {
        let tokens = tokens(configured);
        assert_eq!(tokens.verify(url, form, "GYkIA/PGXaUFNJvc1rzEfxXTetA=").is_ok(), first, "{configured}");
        assert_eq!(tokens.verify(url, form, "oU+IxnmtXesMtCcIIqYSkBTD9rQ=").is_ok(), second, "{configured}");
    }
}

#[test]
fn auth_tokens_are_never_empty_and_never_shown() {
    use fourwire_engine::twilio::signature::AuthTokens;

    for empty in ["", " ", "a,", ",a", "a,,b"] {
        assert_eq!(AuthTokens::parse(empty).unwrap_err().to_string(), "has an empty entry", "{empty:?}");
    }
    assert_eq!(format!("{:?}", tokens("secret")), "AuthTokens([[personal]])");
}

/// A request to a Worker that is known as `https://mycompany.com`.
fn company(raw_url: &str, body: Body<'_>, signature: &str) -> Result<(), SignatureError> {
    request("https://mycompany.com", "12345", raw_url, body, signature)
}

/// A form sent to a Worker that is known as `https://dialer.example.com`.
fn dialer(raw_url: &str, form: &str, signature: &str) -> Result<(), SignatureError> {
    request("https://dialer.example.com", "derived-token", raw_url, Body::Form(form.as_bytes()), signature)
}

fn request(origin: &str, token: &str, raw: &str, body: Body<'_>, signature: &str) -> Result<(), SignatureError> {
    let url = PublicOrigin::parse(origin).unwrap().url_of(raw).unwrap();
    tokens(token).verify(&url, body, signature)
}
