//! An independent judge: Twilio's own library finds the lab to be the real thing, as a client and as an application.
//!
//! The library is the JavaScript one, which `cargo xtask setup --for test` brings with all of the project's node tools.

use std::path::Path;
use std::process::Stdio;

use fourwire_lab::twilio::{ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, TWIML_APP_SID};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::lab;

#[tokio::test]
async fn the_companys_own_library_verifies_numbers_and_answers_calls_through_the_lab() {
    let lab = lab().await;
    let credentials = json!({
        "account": ACCOUNT_SID, "token": AUTH_TOKEN, "key": API_KEY_SID, "secret": API_KEY_SECRET, "app": TWIML_APP_SID,
    });
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let node = Command::new(here.join("../node_modules/.bin/node"))
        .arg(here.join("tests/twilio/sdk.mjs"))
        .args([lab.twilio_url(), credentials.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node and the library are there: `cargo xtask setup --for test` installs them");
    let output = node.wait_with_output().await.unwrap();
    assert!(output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();

    let refused = |what: &str| (told["refused"][what]["status"].as_u64(), told["refused"][what]["code"].as_u64());
    for (what, status, code) in [
        ("stranger", 401, 20_003),
        ("foreign", 404, 20_404),
        ("number", 400, 21_211),
        ("delay", 400, 21_454),
        ("ringing", 400, 21_450),
        ("verified", 400, 21_450),
        ("gone", 404, 20_404),
    ] {
        assert_eq!(refused(what), (Some(status), Some(code)), "{what}");
    }

    let started = &told["started"];
    assert_eq!((&started["phoneNumber"], &started["friendlyName"]), (&"+12025550123".into(), &"Ann's".into()));
    assert_eq!(started["validationCode"].as_str().map(str::len), Some(6));
    let sid = &told["fetched"]["sid"];
    assert_eq!((&told["found"], &told["missed"]), (&json!([sid]), &json!([])));
    assert!(told["fetched"]["dateCreated"].as_str().unwrap().ends_with('Z'), "the library reads its time");
    assert_eq!(told["renamed"], "Ann Lee's");
    assert_eq!(told["paged"], json!(["+12025550123", "+12025550130", "+12025550131"]));
    assert_eq!(told["removed"], true);

    let heard = told["heard"].as_array().unwrap();
    assert!(heard.iter().all(|one| one["valid"] == true), "{heard:?}");
    let callback = &heard.iter().find(|one| one["path"] == "/status?who=it's").unwrap()["fields"];
    assert_eq!((&callback["VerificationStatus"], &callback["OutgoingCallerIdSid"]), (&"success".into(), sid));
    let voice = &heard.iter().find(|one| one["path"] == "/voice").unwrap()["fields"];
    assert_eq!(
        (&voice["From"], &voice["Plan"], &voice["CallId"]),
        (&"client:ann".into(), &"free".into(), &"42".into())
    );
    let progress = heard.iter().filter(|one| one["path"] == "/progress").map(|one| &one["fields"]["CallStatus"]);
    assert_eq!(progress.collect::<Vec<_>>(), ["initiated", "ringing", "in-progress", "completed"]);

    assert_eq!(told["placed"]["problems"], json!([]), "TwiML of the library's own builder");
    assert_eq!(told["placed"]["dialled"][0]["time_limit"], 60);
}
