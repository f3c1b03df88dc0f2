//! Whatever is sent and signed: what Twilio signed is accepted, what anybody changed is not, and nothing breaks.

use fourwire_engine::twilio::signature::{Body, PublicOrigin};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{form, signature, signature_of_form, tokens};

const ORIGIN: &str = "https://calls.example.com";

/// Path and query with everything that may stand in a request line, escaped or not.
fn target() -> impl Strategy<Value = String> {
    "(/([a-zA-Z0-9._~'|^\"-]|%[0-9a-f]{2}|ñ|\\.\\.){0,8}){1,3}(\\?([a-c=&+'@:/?]|%[0-9a-fA-F]{2}|é|%){0,24})?"
}

/// Names and values, some of them equal, some only for UTF-16 in another order than for UTF-8.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = prop_oneof![
        3 => "[AB]{1,2}",
        1 => Just(String::new()),
        1 => "[ +&=%'a\u{1F4DE}\u{FF5E}\u{E000}é]{1,4}",
        1 => any::<String>(),
    ];
    prop::collection::vec((text.clone(), text), 0..8)
}

proptest! {
    #[test]
    fn what_was_signed_is_accepted(target in target(), fields in fields(), host in "[a-z]{1,8}(:[0-9]{1,4})?") {
        let signature = signature_of_form("token", &format!("{ORIGIN}{target}"), &fields);
        let url = PublicOrigin::parse(ORIGIN).unwrap().url_of(&format!("http://{host}{target}")).unwrap();
        let verdict = tokens("other,token").verify(&url, Body::Form(&form(&fields)), &signature);
        prop_assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn the_order_of_fields_and_their_repetition_do_not_count(fields in fields(), swap in any::<prop::sample::Index>()) {
        let signature = signature_of_form("token", ORIGIN, &fields);
        let mut sent = fields.clone();
        if !sent.is_empty() {
            let middle = swap.index(sent.len());
            sent.rotate_left(middle);
            sent.push(sent[0].clone());
        }
        prop_assert!(tokens("token").verify(ORIGIN, Body::Form(&form(&sent)), &signature).is_ok());
    }

    #[test]
    fn another_field_or_another_value_is_refused(fields in fields(), name in "[a-z]{1,4}", value in "[0-9]{1,4}") {
        let signature = signature_of_form("token", ORIGIN, &fields);
        let mut more = fields.clone();
        more.push((name, value));
        prop_assert!(tokens("token").verify(ORIGIN, Body::Form(&form(&more)), &signature).is_err());
        for changed in 0..fields.len() {
            let mut others = fields.clone();
            others[changed].1.push('!');
            prop_assert!(tokens("token").verify(ORIGIN, Body::Form(&form(&others)), &signature).is_err());
        }
    }

    #[test]
    fn another_parameter_is_refused(target in "/[a-z]{1,4}(\\?[a-c=&'+]{1,12})?", padding in 0_usize..2_000) {
        let url = format!("{ORIGIN}{target}");
        let joint = if url.contains('?') { "&" } else { "?" };
        let more = format!("{url}{joint}{}hidden=1", "&".repeat(padding));
        for signed in [url.clone(), url.replace('\'', "%27"), url.replace('+', "%20")] {
            let signature = signature("token", &signed);
            prop_assert!(tokens("token").verify(&more, Body::Form(b""), &signature).is_err());
        }
    }

    #[test]
    fn a_signature_with_one_bit_or_one_character_changed_is_refused(
        target in target(),
        at in any::<prop::sample::Index>(),
        bit in 0..7,
    ) {
        let url = format!("{ORIGIN}{target}");
        let good = signature("token", &url);
        let at = at.index(good.len());
        let mut flipped = good.clone().into_bytes();
        flipped[at] ^= 1_u8 << bit;
        let flipped = String::from_utf8(flipped).unwrap();
        let longer = format!("{good}{}", &good[at..=at]);
        for bad in [&flipped, &good[..at], &longer, &format!(" {good}"), &good.replace('=', "")] {
            prop_assert!(tokens("token").verify(&url, Body::Form(b""), bad).is_err(), "{}", bad);
        }
    }

    #[test]
    fn a_body_that_is_no_form_counts_with_its_own_hash_only(
        body in prop::collection::vec(any::<u8>(), 0..40),
        other in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        use sha2::{Digest, Sha256};

        let hash: String = Sha256::digest(&body).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let url = format!("{ORIGIN}/x?bodySHA256={hash}");
        let signature = signature("token", &url);
        prop_assert!(tokens("token").verify(&url, Body::Other(&body), &signature).is_ok());
        prop_assert_eq!(tokens("token").verify(&url, Body::Other(&other), &signature).is_ok(), body == other);
    }

    #[test]
    fn nothing_that_is_sent_breaks_anything(
        raw in any::<String>(),
        body in prop::collection::vec(any::<u8>(), 0..40),
        header in any::<String>(),
    ) {
        let tokens = tokens("token");
        prop_assert!(tokens.verify(&raw, Body::Form(&body), &header).is_err());
        prop_assert!(tokens.verify(&raw, Body::Other(&body), &header).is_err());
        let origin = PublicOrigin::parse(ORIGIN).unwrap();
        prop_assert!(origin.url_of(&raw).is_none_or(|url| url.starts_with(ORIGIN)));
        prop_assert!(PublicOrigin::parse(&raw).is_ok_and(|parsed| parsed.as_str() == raw) || PublicOrigin::parse(&raw).is_err());
    }
}
