//! What Twilio would read in an access token.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fourwire_engine::phone::sid::{AccountSid, ApiKeySid, AppSid};
use fourwire_engine::twilio::identity::USER_ID;
use fourwire_engine::twilio::token::{AccessToken, ApiKey, TokenLife, VoiceGrant};
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_999);

/// Made by Twilio's Node library at [`NOW`].
const GOLDEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImN0eSI6InR3aWxpby1mcGE7dj0xIn0.\
    eyJqdGkiOiJTS1hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYLTE3MDAwMDAwMDAiLCJncmFudHMiOnsiaWRlbnRpdHkiOiJhbGljZSIs\
    InZvaWNlIjp7Im91dGdvaW5nIjp7ImFwcGxpY2F0aW9uX3NpZCI6IkFQWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFgifX19LCJpYXQi\
    OjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMCwiaXNzIjoiU0tYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWCIsInN1YiI6IkFDWFhY\
    WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFgifQ.fCCdu9xp6Nm87y_iM-YyjmB0JV8DANf-XPMrgNk8eqk";

/// The identity of the user whose id is 255 times `x`.
const LONG_IDENTITY: &str = "fwh_d22609da3ae3956ca4877056a8e580eed744a6f7d7cfa5b19dd88d52fcc0d435";

#[test]
fn a_token_is_the_one_that_twilios_library_makes() {
    assert_eq!(issue(&BTreeMap::new(), TokenLife::default()).text().expose(), GOLDEN);
}

#[test]
fn a_token_lets_its_holder_place_calls_and_nothing_else() {
    let token = issue(&BTreeMap::from([("deviceId", Pii::new("a \"b\" é".to_owned()))]), TokenLife::default());
    let grants = &claims(&token)["grants"];
    let outgoing = json!({"application_sid": sid("AP"), "params": {"deviceId": "a \"b\" é"}});
    assert_eq!(*grants, json!({"identity": "alice", "voice": {"outgoing": outgoing}}));
}

#[test]
fn a_token_has_an_identity_that_twilio_takes_and_the_user_id_where_that_does_not_tell_it() {
    let long = "x".repeat(255);
    for (user, identity, told) in [
        ("ann", "ann", None),
        ("auth0|5f7c8ec7", "fwe_auth0_7c5f7c8ec7", None),
        ("ann@example.test", "fwe_ann_40example_2etest", None),
        ("fwe_ann", "fwe_fwe_5fann", None),
        (&long, LONG_IDENTITY, Some(&long)),
    ] {
        let (user, app) = (UserId::parse(user).unwrap(), AppSid::parse(sid("AP")).unwrap());
        let grant =
            VoiceGrant { identity: &user, app: &app, params: BTreeMap::from([("a", Pii::new("b".to_owned()))]) };
        let claims = claims(&AccessToken::issue(&key(), &grant, TokenLife::default(), NOW).unwrap());
        let params = &claims["grants"]["voice"]["outgoing"]["params"];
        assert_eq!(claims["grants"]["identity"], identity);
        assert_eq!((&params["a"], params.get(USER_ID)), (&json!("b"), told.map(|id| json!(id)).as_ref()), "{user}");
    }
}

#[test]
fn a_token_lives_as_long_as_was_asked_and_is_good_at_once() {
    let claims = claims(&issue(&BTreeMap::new(), TokenLife::from_seconds(86_400).unwrap()));
    assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(1_700_000_000), Some(1_700_086_400)));
    assert_eq!(claims.get("nbf"), None);
}

#[test]
fn no_token_lives_longer_than_twilio_takes() {
    assert_eq!(TokenLife::default().seconds(), 3600);
    assert_eq!(TokenLife::from_seconds(1).unwrap().seconds(), 1);
    for refused in [0, 86_401, u32::MAX] {
        assert!(TokenLife::from_seconds(refused).is_err(), "{refused}");
    }
}

#[test]
fn a_key_without_a_secret_signs_nothing() {
    let key = ApiKey { secret: Pii::new(String::new()), ..key() };
    let (identity, app) = (UserId::parse("alice").unwrap(), AppSid::parse(sid("AP")).unwrap());
    let grant = VoiceGrant { identity: &identity, app: &app, params: BTreeMap::new() };
    assert!(AccessToken::issue(&key, &grant, TokenLife::default(), NOW).is_err());
}

#[test]
fn a_token_and_its_key_are_sent_and_never_shown() {
    let token = issue(&BTreeMap::new(), TokenLife::default());
    assert_eq!(serde_json::to_value(&token).unwrap(), GOLDEN);
    assert_eq!(format!("{token:?}"), "AccessToken([personal])");
    assert!(!format!("{:?}", key()).contains("test-api-key-secret"));
}

fn issue(params: &BTreeMap<&'static str, Pii<String>>, life: TokenLife) -> AccessToken {
    let (identity, app) = (UserId::parse("alice").unwrap(), AppSid::parse(sid("AP")).unwrap());
    let grant = VoiceGrant { identity: &identity, app: &app, params: params.clone() };
    AccessToken::issue(&key(), &grant, life, NOW).unwrap()
}

fn key() -> ApiKey {
    ApiKey {
        account: AccountSid::parse(sid("AC")).unwrap(),
        sid: ApiKeySid::parse(sid("SK")).unwrap(),
        secret: Pii::new("test-api-key-secret".to_owned()),
    }
}

fn sid(kind: &str) -> String {
    format!("{kind}{}", "X".repeat(32))
}

fn claims(token: &AccessToken) -> Value {
    let claims = token.text().expose().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL.decode(claims).unwrap()).unwrap()
}
