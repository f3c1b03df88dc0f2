//! Tokens of the issuer are good by an independent verifier's judgement, and each flawed one is not.

use std::time::Duration;

use fourwire_lab::app::sign_in;
use fourwire_lab::identity::{Flaw, IssuerOptions};
use fourwire_lab::{Lab, LabOptions};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The head and the body of a plain GET.
async fn get(lab: &Lab, path: &str) -> (String, Value) {
    let host = lab.origin().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

/// Checks a token as a verifier does that knows the issuer and follows its key set.
async fn verify(lab: &Lab, token: &str) -> Result<Value, String> {
    let (_, keys) = get(lab, "/identity/keys").await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let header = decode_header(token).map_err(|error| error.to_string())?;
    let key = header.kid.and_then(|id| keys.find(&id)).ok_or("unknown key")?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.leeway = 60;
    rules.set_audience(&[lab.issuer().audience()]);
    rules.set_issuer(&[lab.issuer().url()]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let claims = decode::<Value>(token, &key, &rules).map_err(|error| error.to_string())?.claims;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    if claims["iat"].as_u64().unwrap() > now + 60 {
        return Err("issued in the future".to_owned());
    }
    if claims["sub"] == "" { Err("empty subject".to_owned()) } else { Ok(claims) }
}

#[tokio::test]
async fn whoever_signs_in_gets_a_good_token() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let token = sign_in(&lab.origin(), "ann@example.test").await.unwrap();
    let claims = verify(&lab, &token).await.unwrap();
    assert_eq!((&claims["sub"], &claims["user_id"]), (&"ann@example.test".into(), &"ann@example.test".into()));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    assert!(verify(&lab, &lab.issuer().token("bob")).await.is_ok());
    assert!(sign_in(&lab.origin(), "").await.is_err());
}

#[tokio::test]
async fn every_flaw_is_seen_by_a_verifier() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    for flaw in Flaw::ALL {
        let token = lab.issuer().flawed_token("ann", flaw);
        assert!(verify(&lab, &token).await.is_err(), "{flaw:?}");
    }
}

#[tokio::test]
async fn after_a_rotation_the_new_key_signs_and_the_old_one_still_counts() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let (old_id, old) = (lab.issuer().key_id(), lab.issuer().token("ann"));
    lab.issuer().rotate().unwrap();
    assert_ne!(lab.issuer().key_id(), old_id);
    assert!(verify(&lab, &old).await.is_ok() && verify(&lab, &lab.issuer().token("ann")).await.is_ok());
    lab.issuer().rotate().unwrap();
    assert!(verify(&lab, &old).await.is_err(), "two rotations ago");
    assert_eq!(lab.issuer().key_fetches(), 3);
}

#[tokio::test]
async fn the_key_set_says_how_long_it_may_be_cached() {
    let issuer = IssuerOptions { keys_max_age: Duration::from_secs(7), ..IssuerOptions::default() };
    let lab = Lab::start(LabOptions { issuer, ..LabOptions::default() }).await.unwrap();
    let (head, keys) = get(&lab, "/identity/keys").await;
    assert!(head.contains("cache-control: public, max-age=7"), "{head}");
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&"RSA".into(), &"RS256".into()));
    let (_, configuration) = get(&lab, "/identity/.well-known/openid-configuration").await;
    assert_eq!(configuration["jwks_uri"], lab.issuer().keys_url());
    assert_eq!(configuration["issuer"], lab.issuer().url());
}

#[tokio::test]
async fn a_kept_key_outlives_the_lab() {
    let state = std::env::temp_dir().join(format!("fourwire-lab-state-{}", std::process::id()));
    let issuer = IssuerOptions { state: Some(state.clone()), ..IssuerOptions::default() };
    let options = LabOptions { issuer, ..LabOptions::default() };
    let first = Lab::start(options.clone()).await.unwrap().issuer().key_id();
    let again = Lab::start(options).await.unwrap().issuer().key_id();
    assert_eq!(first, again);
    std::fs::remove_dir_all(state).unwrap();
}
