//! Which tokens and key sets of conforming issuers are taken, and which are refused: RFC 7515, RFC 7517, RFC 7519, RFC 9110 and
//! `OpenID` Connect Core as they are written.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fourwire_engine::identity::{Issuer, KeySet, TokenError, bearer, bearer_token};
use fourwire_wire::units::UnixMillis;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::{BoxedUint, PrivateKey};
use serde_json::{Value, json};
use sha2::Sha256;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// 2023-11-14, and half a second.
const NOW: UnixMillis = UnixMillis::new(1_700_000_000_500);
const SECONDS: u64 = 1_700_000_000;

const ISSUER: &str = "https://login.example/";
const AUDIENCE: &str = "fourwire";

#[test]
fn times_are_any_numbers_that_json_has() {
    // A claim, its value as JSON text, and what is wrong with the token then.
    for (claim, value, expected) in [
        ("exp", "1700000001.75", Ok(())),
        ("exp", "1.7000000009e9", Ok(())),
        ("exp", "17E8", Ok(())),
        ("exp", "1699999940.6", Ok(())),
        ("exp", "1699999940.4", Err(TokenError::Time)),
        ("exp", "1699999940", Err(TokenError::Time)),
        ("exp", "1699999941", Ok(())),
        ("exp", "-1", Err(TokenError::Time)),
        ("exp", "-1.5e300", Err(TokenError::Time)),
        ("exp", "0", Err(TokenError::Time)),
        ("exp", "1e300", Ok(())),
        ("exp", "18446744073709551615", Ok(())),
        ("exp", "99999999999999999999999999", Ok(())),
        ("exp", "\"1700003600\"", Err(TokenError::Malformed)),
        ("exp", "true", Err(TokenError::Malformed)),
        ("exp", "[1700003600]", Err(TokenError::Malformed)),
        ("exp", "null", Err(TokenError::Malformed)),
        ("iat", "1699999999.123456", Ok(())),
        ("iat", "1700000060.4", Ok(())),
        ("iat", "1700000060.6", Err(TokenError::Time)),
        ("iat", "-62135596800", Ok(())),
        ("iat", "-0.0", Ok(())),
        ("iat", "1e300", Err(TokenError::Time)),
        ("iat", "null", Err(TokenError::Malformed)),
        ("nbf", "null", Ok(())),
        ("nbf", "1700000000.25", Ok(())),
        ("nbf", "1700000061", Err(TokenError::Time)),
        ("nbf", "-5", Ok(())),
        ("nbf", "\"now\"", Err(TokenError::Malformed)),
        ("auth_time", "null", Ok(())),
        ("auth_time", "1.69e9", Ok(())),
        ("auth_time", "1700000099.5", Err(TokenError::Time)),
    ] {
        let claims = with(claim, value);
        assert_eq!(checked(&sign(&KEYS.0, r#"{"alg":"RS256","kid":"1"}"#, &claims)), expected, "{claim}: {value}");
    }
}

#[test]
fn required_claims_are_there_and_optional_ones_may_be_left_out_or_null() {
    for (claim, expected) in [
        ("iss", Err(TokenError::Malformed)),
        ("aud", Err(TokenError::Malformed)),
        ("sub", Err(TokenError::Malformed)),
        ("exp", Err(TokenError::Malformed)),
        ("iat", Err(TokenError::Malformed)),
        ("nbf", Ok(())),
        ("auth_time", Ok(())),
        ("nonce", Ok(())),
        ("azp", Ok(())),
        ("email", Ok(())),
    ] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        assert_eq!(checked(&good(&claims)), expected, "without {claim}");
        claims[claim] = Value::Null;
        assert_eq!(checked(&good(&claims)), expected, "{claim}: null");
    }
}

#[test]
fn a_token_is_of_this_issuer_and_for_this_audience() {
    for (claim, value, expected) in [
        ("aud", json!("fourwire"), Ok(())),
        ("aud", json!(["fourwire"]), Ok(())),
        ("aud", json!(["other", "fourwire"]), Ok(())),
        ("aud", json!(["other"]), Err(TokenError::Foreign)),
        ("aud", json!([]), Err(TokenError::Foreign)),
        ("aud", json!("Fourwire"), Err(TokenError::Foreign)),
        ("aud", json!("fourwire other"), Err(TokenError::Foreign)),
        ("aud", json!(["fourwire", 1]), Err(TokenError::Malformed)),
        ("aud", json!({ "fourwire": true }), Err(TokenError::Malformed)),
        ("iss", json!("https://login.example"), Err(TokenError::Foreign)),
        ("iss", json!("HTTPS://login.example/"), Err(TokenError::Foreign)),
        ("iss", json!(["https://login.example/"]), Err(TokenError::Malformed)),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        assert_eq!(checked(&good(&claims)), expected, "{claim}: {value}");
    }
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    for (twice, expected) in [
        (r#""sub":"victim","#, Err(TokenError::Malformed)),
        (r#""iss":"https://login.example/","#, Err(TokenError::Malformed)),
        (r#""aud":"fourwire","#, Err(TokenError::Malformed)),
        (r#""exp":1,"#, Err(TokenError::Malformed)),
        (r#""nbf":null,"nbf":1,"#, Err(TokenError::Malformed)),
        (r#""unknown":1,"unknown":2,"#, Ok(())),
    ] {
        let claims = claims().to_string().replacen('{', &format!("{{{twice}"), 1);
        assert_eq!(checked(&sign(&KEYS.0, r#"{"alg":"RS256","kid":"1"}"#, &claims)), expected, "{twice}");
    }
    let header = r#"{"alg":"none","alg":"RS256","kid":"1"}"#;
    assert_eq!(checked(&sign(&KEYS.0, header, &claims().to_string())), Err(TokenError::Malformed));
}

#[test]
fn the_user_is_the_subject_to_the_letter() {
    let longest = "s".repeat(255);
    for subject in [
        "5f7c8ec7c33c6c004bbafe82",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "q3Jkz+9/Ff0xw1Yx8lNqkQ==",
        "CN=Ann Example, O=Example",
        "https://issuer.example/users/7?x=%2F",
        "waad|Y-_8",
        "{\"id\":1}",
        " ",
        "ANN",
        &longest,
    ] {
        let mut claims = claims();
        claims["sub"] = subject.into();
        assert_eq!(verified(&good(&claims)).unwrap(), subject);
    }
    let too_long = "s".repeat(256);
    for subject in ["", &too_long, "ünal", "a\nb", "a\u{0}", "\u{202e}ann"] {
        let mut claims = claims();
        claims["sub"] = subject.into();
        assert_eq!(checked(&good(&claims)), Err(TokenError::Subject), "{subject:?}");
    }
}

#[test]
fn a_header_says_rs256_and_nothing_that_must_be_understood() {
    for (header, expected) in [
        (json!({ "alg": "RS256", "kid": "1" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": "JWT" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": "jwt" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": null }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": "at+jwt" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": "application/AT+JWT" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "typ": "logout+jwt" }), Err(TokenError::Purpose)),
        (json!({ "alg": "RS256", "kid": "1", "typ": "application/logout+jwt" }), Err(TokenError::Purpose)),
        (json!({ "alg": "RS256", "kid": "1", "typ": "secevent+JWT" }), Err(TokenError::Purpose)),
        (json!({ "alg": "RS256", "kid": "1", "cty": "JWT", "x5t": "AA", "jku": "https://evil.example" }), Ok(())),
        (json!({ "alg": "RS256", "kid": "1", "crit": ["exp"], "exp": 1 }), Err(TokenError::Critical)),
        (json!({ "alg": "RS256", "kid": "1", "crit": ["b64"], "b64": false }), Err(TokenError::Critical)),
        (json!({ "alg": "RS256", "kid": "1", "crit": [] }), Err(TokenError::Critical)),
        (json!({ "alg": "RS256", "kid": "1", "crit": null }), Err(TokenError::Critical)),
        (json!({ "alg": "none", "kid": "1" }), Err(TokenError::Algorithm)),
        (json!({ "alg": "rs256", "kid": "1" }), Err(TokenError::Algorithm)),
        (json!({ "alg": "RS512", "kid": "1" }), Err(TokenError::Algorithm)),
        (json!({ "alg": "HS256", "kid": "1" }), Err(TokenError::Algorithm)),
        (json!({ "alg": null, "kid": "1" }), Err(TokenError::Malformed)),
        (json!({ "kid": "1" }), Err(TokenError::Malformed)),
        (json!({ "alg": "RS256", "kid": 1 }), Err(TokenError::Malformed)),
    ] {
        let token = sign(&KEYS.0, &header.to_string(), &claims().to_string());
        assert_eq!(checked(&token), expected, "{header}");
    }
}

#[test]
fn what_is_no_signed_token_is_refused() {
    let token = good(&claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for bad in [
        "",
        ".",
        "..",
        "a.b",
        &format!("{token}="),
        &format!("{token}.{signature}"),
        &format!("{signed}."),
        &format!("{signed}.{}", &signature[..signature.len() - 4]),
        &format!(" {token}"),
        &format!("{}.{}.{signature}", BASE64URL.encode("[]"), BASE64URL.encode("{}")),
    ] {
        let refusal = checked(bad).unwrap_err();
        assert!(matches!(refusal, TokenError::Malformed | TokenError::Signature), "{bad}: {refusal}");
    }
}

/// What a token names, what the key set has, and whether the token is good.
#[test]
fn the_key_is_the_one_that_is_named_or_the_only_one() {
    let (first, second) = (&KEYS.0, &KEYS.1);
    let elliptic = json!({ "kty": "EC", "crv": "P-256", "kid": "1", "x": "AA", "y": "AA", "use": "sig" });
    let encrypts = changed(&second.jwk(Some("2")), &[("use", json!("enc")), ("alg", json!("RSA-OAEP"))]);
    let (named, unnamed) = (r#"{"alg":"RS256","kid":"1"}"#, r#"{"alg":"RS256"}"#);
    let null = r#"{"alg":"RS256","kid":null}"#;
    for (case, header, keys, expected) in [
        ("both name it", named, vec![first.jwk(Some("1"))], Ok(())),
        ("neither names it", unnamed, vec![first.jwk(None)], Ok(())),
        ("neither names it, with null", null, vec![changed(&first.jwk(None), &[("kid", Value::Null)])], Ok(())),
        ("only the set names it", unnamed, vec![first.jwk(Some("1"))], Ok(())),
        ("only the token names it", named, vec![first.jwk(None)], Ok(())),
        ("the only key for signatures", unnamed, vec![elliptic.clone(), first.jwk(None), encrypts.clone()], Ok(())),
        ("another is named", named, vec![first.jwk(Some("2"))], Err(TokenError::UnknownKey)),
        (
            "the id is of other letters",
            r#"{"alg":"RS256","kid":"A"}"#,
            vec![first.jwk(Some("a"))],
            Err(TokenError::UnknownKey),
        ),
        ("several, none named", unnamed, vec![first.jwk(None), second.jwk(None)], Err(TokenError::UnknownKey)),
        (
            "several, named in the set",
            unnamed,
            vec![first.jwk(Some("1")), second.jwk(Some("2"))],
            Err(TokenError::UnknownKey),
        ),
        ("several, named in the token", named, vec![first.jwk(None), second.jwk(None)], Err(TokenError::UnknownKey)),
        ("one of several", named, vec![second.jwk(Some("2")), first.jwk(Some("1")), second.jwk(None)], Ok(())),
        ("two of one id", named, vec![second.jwk(Some("1")), first.jwk(Some("1"))], Ok(())),
        ("one id for two kinds", named, vec![elliptic.clone(), first.jwk(Some("1"))], Ok(())),
        ("the only one, and it is another", unnamed, vec![second.jwk(None)], Err(TokenError::Signature)),
        ("another under its id", named, vec![second.jwk(Some("1"))], Err(TokenError::Signature)),
        ("none for signatures", named, vec![elliptic, encrypts], Err(TokenError::UnknownKey)),
        ("none at all", unnamed, vec![], Err(TokenError::UnknownKey)),
    ] {
        let keys = key_set(&json!({ "keys": keys }));
        let token = sign(first, header, &claims().to_string());
        assert_eq!(keys.verify(&token, &issuer(), NOW).map(|_| ()), expected, "{case}");
    }
}

#[test]
fn a_key_is_used_for_what_it_was_published_for() {
    let key = KEYS.0.jwk(Some("1"));
    for (members, is_used) in [
        (vec![], true),
        (vec![("use", json!("sig")), ("alg", json!("RS256"))], true),
        (vec![("use", Value::Null), ("alg", Value::Null), ("key_ops", Value::Null)], true),
        (vec![("key_ops", json!(["verify"]))], true),
        (vec![("key_ops", json!(["sign", "verify"])), ("use", json!("sig"))], true),
        (vec![("x5c", json!(["AA"])), ("x5t#S256", json!("AA")), ("ext", json!(true))], true),
        (vec![("use", json!("enc"))], false),
        (vec![("use", json!("SIG"))], false),
        (vec![("alg", json!("RS512"))], false),
        (vec![("alg", json!("PS256"))], false),
        (vec![("key_ops", json!(["encrypt", "wrapKey"]))], false),
        (vec![("key_ops", json!([]))], false),
        (vec![("kty", json!("rsa"))], false),
        (vec![("e", json!("AA"))], false),
        (vec![("n", Value::Null)], false),
    ] {
        let keys = key_set(&json!({ "keys": [changed(&key, &members)] }));
        assert_eq!(keys.verify(&good(&claims()), &issuer(), NOW).is_ok(), is_used, "{members:?}");
    }
}

#[test]
fn a_key_that_cannot_be_read_does_not_lock_out_the_others() {
    let good_key = KEYS.0.jwk(Some("1"));
    for odd in [
        json!({ "kty": "RSA", "kid": 7, "n": "AA", "e": "AQAB" }),
        json!({ "kid": "2" }),
        json!({ "kty": "RSA", "kid": "2", "n": "not base64!", "e": "AQAB" }),
        json!({ "kty": "RSA", "kid": "2" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "2" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "2", "use": ["sig"] }),
        json!({ "kty": "oct", "k": "AA", "kid": "1" }),
        json!({ "kty": "RSA", "kid": "2", "use": "sig", "key_ops": "verify" }),
        json!("a text"),
        json!(null),
        json!([]),
    ] {
        let keys = key_set(&json!({ "keys": [odd.clone(), good_key.clone()], "extra": 1 }));
        assert!(keys.verify(&good(&claims()), &issuer(), NOW).is_ok(), "{odd}");
    }
    for none in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
        assert!(KeySet::parse(none, None, NOW).is_err(), "{none}");
    }
}

#[test]
fn a_key_without_a_name_that_was_replaced_is_noticed_by_the_signature() {
    let minute = 60_000;
    let old = key_set(&json!({ "keys": [KEYS.0.jwk(None)] }));
    let header = r#"{"alg":"RS256"}"#;
    let of_old = sign(&KEYS.0, header, &claims().to_string());
    let of_new = sign(&KEYS.1, header, &claims().to_string());
    assert!(!old.is_stale_for(&of_old, NOW + minute));
    assert!(old.is_stale_for(&of_new, NOW + minute));
    // What a stranger signs costs no more than what names an unknown key does.
    assert!(!old.is_stale_for(&of_new, NOW + minute - 1));
    let named = key_set(&json!({ "keys": [KEYS.0.jwk(Some("1"))] }));
    assert!(!named.is_stale_for(&sign(&KEYS.1, r#"{"alg":"RS256","kid":"1"}"#, "{}"), NOW + minute));
}

#[test]
fn an_authorization_header_has_the_scheme_in_any_letters_and_one_token() {
    for (header, token) in [
        ("Bearer abc.def-_~+/==", Some("abc.def-_~+/==")),
        ("Bearer  abc", Some("abc")),
        ("Bearer     abc", Some("abc")),
        ("bearer abc", Some("abc")),
        ("BEARER abc", Some("abc")),
        ("bEaReR abc", Some("abc")),
        (" Bearer abc ", Some("abc")),
        ("\tBearer abc\t", Some("abc")),
        ("Bearer\tabc", None),
        ("Bearer \tabc", None),
        ("Bearer abc def", None),
        ("Bearer abc, Bearer def", None),
        ("Bearer abc,", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        ("abc", None),
        ("Bearerabc", None),
        ("Basic abc", None),
        ("Bearer: abc", None),
        ("Bearer ábc", None),
        ("Bearer \"abc\"", None),
        ("Bearer\u{a0}abc", None),
    ] {
        assert_eq!(bearer_token(header), token, "{header:?}");
    }
    // An operator's key may be any text.
    assert_eq!(bearer("bearer  a key, with blanks"), Some("a key, with blanks"));
    assert_eq!(bearer("Basic a key"), None);
}

struct TestKey {
    private: PrivateKey,
    n: &'static str,
}

impl TestKey {
    fn jwk(&self, id: Option<&str>) -> Value {
        let mut key = json!({ "kty": "RSA", "n": self.n, "e": "AQAB" });
        if let Some(id) = id {
            key["kid"] = id.into();
        }
        key
    }
}

fn changed(key: &Value, members: &[(&str, Value)]) -> Value {
    let mut key = key.clone();
    for (name, value) in members {
        key[*name] = value.clone();
    }
    key
}

fn key_set(set: &Value) -> KeySet {
    KeySet::parse(&set.to_string(), Some("max-age=3600"), NOW).unwrap()
}

fn issuer() -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        keys_url: "https://login.example/keys".parse().unwrap(),
        grace: Duration::from_mins(2),
    }
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": SECONDS, "exp": SECONDS + 3_600 })
}

/// Good claims with another value, which is JSON text, so that a number is as it is written.
fn with(claim: &str, value: &str) -> String {
    let mut claims = claims();
    claims[claim] = "here".into();
    claims.to_string().replacen("\"here\"", value, 1)
}

fn good(claims: &Value) -> String {
    sign(&KEYS.0, r#"{"alg":"RS256","kid":"1"}"#, &claims.to_string())
}

fn sign(key: &TestKey, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
    let signature = SigningKey::<Sha256>::new(key.private.clone()).sign(signed.as_bytes()).to_vec();
    format!("{signed}.{}", BASE64URL.encode(signature))
}

/// The user of a token, by a key set with the first key under the name `1`.
fn verified(token: &str) -> Result<String, TokenError> {
    let keys = key_set(&json!({ "keys": [KEYS.0.jwk(Some("1"))] }));
    keys.verify(token, &issuer(), NOW).map(|signed_in| signed_in.user.to_string())
}

fn checked(token: &str) -> Result<(), TokenError> {
    verified(token).map(|_| ())
}

/// Two keys, good for nothing but these tests.
static KEYS: LazyLock<(TestKey, TestKey)> = LazyLock::new(|| (key(KEY_1), key(KEY_2)));

fn key([n, d, p, q]: [&'static str; 4]) -> TestKey {
    let [modulus, d, p, q] =
        [n, d, p, q].map(|text| BoxedUint::from_be_slice_vartime(&BASE64URL.decode(text).unwrap()));
    let private = PrivateKey::from_components(modulus, BoxedUint::from(65_537_u32), d, vec![p, q]).unwrap();
    TestKey { private, n }
}

/// Modulus, private exponent and both primes.
const KEY_1: [&str; 4] = [
    "0jR-RvT3EO1gVvFNF1_AOyZWqreHgyxaDtelsOUuSx1ZWEGoCn-YtnHtLHXxhf9lBQfJxLawYmAOeOPIumKsD2w2fsUP6lUbjCj7Rmkt\
     0ZxiTSgpaDwkoRpsiGh0vxwArVIS-JIMU77AiyJOmWUT42_hbRJ4VySTRYvl8vh6ZGdhUFO-TzGskLBff5opUEUcgAq-e-eqMPQFSzf9\
     4ZpVayQhQbm2Kq0kc3PQqSn9mqo2dCRTYlISKVCsWmRgeyoDqxEUPwpRGsXZ8ggCAYA5BBwZ-pI3HP9cfD5NH-5OZ_zE_t15GUKEBK8c\
     I7awGRCNCHqMTPJ5NmJsBJYe9DNlYw",
    "EjeUaLKFeu-84AFiN1AICS2bEzPRSFqepMH8TRFU6r5CEPZXtC6MszsPspZiIRpvdyPOplVYLJ5l2AToT3w1AdJ_V-CHhD0YpGlPetxV\
     _orOsMsgk4pVeP92P811rgj6PLXBM85McobfNET734AKsjTu_2nmCKoAeBAradwuQecqDuJ4GS4T82Jd5wGEaM1wkcX1I-MUOGa3jKD9\
     4uD4XA7zA8sMbYkWkSZQ7kwRJUUC-PEn0PLrykFYJjHBPKEE4GiGVDODmmWndzUxEv4eYr-6j2ku45zt8wff37sPSdJL09Lya4vf-Vte\
     AA1PPSEUZVqNL-ndcGoulPYLTG7IWQ",
    "-btnTRuqy2xeBFzDeT7fMs3m2Nhi66pWfgoFjO_uCG0zzpQXv_1mnvc9zIbTuv2eR9X_Q15Dtbs-R-gV0I6qt_uBoJnqxDbn3-uoWlos\
     tpLVAkj16cnvLqsYPmbW_CmZfgAulxZCaiF-6X2UsdhCoThScjRgTi6CMi6DtwgHvvU",
    "13seN_lrdEErT09loDPuTV9z1JuuU6p_D6kFX_zEeq4ComThwpZB54ImoKkHyHceOIooF-Yf2J0EU4zE474PegRDvab-S5VO5BDFW2lm\
     8vNp3Ck3S3h7ZcEkAONq7lJy8tKv3Qvlg70WDezxklQUz_vGVD_Tx1EIEhchErKrK_c",
];
/// Modulus, private exponent and both primes.
const KEY_2: [&str; 4] = [
    "48gYlS5uc19_4XHPOzSgRALy6jrCAsDMC6kN0XzZ2gPmmvLW7hqv5ZEB3bov6bDsD-2HA5YhlDcBKXjb-zLARJEViJ8mgvL4DTekpAwA\
     DQv4GdyAfLHC1v_-FtLgBdk1pUNthXBYdb4CcLToH5XEMB_6T1BYhr0Qt8x4j3QIj35_zXMKiiBRy8aEAtqf9-nWgQ_JyeS_P86qa-IT\
     ExxGjEam5Rac33YxBSM238CpZZBEuhKgliUULhn3QepfVd0DEIrZczBMOq0drDt8rZ_6HeuWohwE33N8PtTY949CPhi2AfyqZLl8Ohaj\
     YdmkdoUaqbhinDquN37rVtKI-fFiwQ",
    "E_PhaWHzlWIibNBgF37U4hhDCI8EkyKpzQSuO_E8kQsh7mVCvAE08r5IxFAspcMUbpG_L6p9PwMxdB1M4bxwmKD_2qOcR0C6x0eeQat2\
     bq4jebp1u9aDa3tpmby3mHOOLi-Rnqx4Zznxc0d5hNjE4nVOoxd15bmWhw8faWt_23fOLWSGIjlg6POJFYdZfxWb83iEzab2j6THxI4t\
     GJuwze6Wvhw-aQGvZq0ySjMaBIc0cmf5OxVlyUwQ33kILVNGyrLSAj9OrzQuGpD4AUO-yavCqS32NMHduLkHZpuB-wXmTtHdDB9e4REb\
     XB7noE1nwGvRjbjXKFEJJS4ZZXL4UQ",
    "-O_6Ia-38kugOqKHoxf8-9cT3R2rnIRiFY01ttEik3uqNUNsNs1k3vDf9stpZXGvYeo5P9lCoiwVX_fToaZBSQ9i-Cyk17GhcLn8gHc0\
     KOVSZjhtTvjTfzSVpapA8izSWGbt0Ut8HVcxGQaT48spiAjf93MsvvCZXI9sn2QzcKk",
    "6j53HQ-hJU1y_znA9yAGDEJwesjXHu_Z0TNyruBypBCazvTu8vmMUx9DBIeNjzh8m4Y3u0hHLTmTrDaSgOOeFbZM9hvdp7pnzZmaJGoS\
     UNnyU-xNbIBblT6nxD86xuKrO4Ptu27zuXVdUmGuoB43y5T4ICy0ZXcG2TT5xRVAeFk",
];
