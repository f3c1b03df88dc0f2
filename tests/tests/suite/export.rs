//! Everything of a user as one archive, opened by the system's own `tar`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::twilio::{CallEvent, Ending};
use fourwire_tests::phone::caller::{Caller, only_leg};
use fourwire_tests::playback::{file, marked};
use fourwire_tests::{Talk, World, begin, http, personal};
use serde_json::{Value, json};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const NUMBER: &str = "+12025552001";
const CALLEE: &str = "+12125552001";

#[tokio::test]
async fn an_export_has_numbers_calls_and_every_finished_conversation_with_its_text_and_audio() {
    let world = World::shared().await;
    let caller = Caller::new(world, "mover", NUMBER).await;
    let token = caller.user.token.clone();
    let mut finished = Vec::new();
    for seed in [51, 52] {
        let options = PhoneOptions { sample_rate: RATE, ..world.phone("mover") };
        let recording = marked(Talk::random(seed.into(), RATE, 6, &[]).recording(), seed);
        let mut phone = Phone::connect(options.clone()).await.expect("let in");
        let call_id = options.call_id.expect("a name");
        let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
        caller.told(&leg, CallEvent::Answered).await;
        phone.play(&recording, &Delivery { speed: 2.0, ..Delivery::default() }).await.expect("still there");
        caller.ended(&leg, Ending::Talked(6)).await;
        finished.push(phone.hang_up(LIMIT).await.conversation().expect("memory_created").clone());
    }
    let mut running = Phone::connect(world.phone("mover")).await.expect("let in");
    begin(world.edge(), &token, &mut running).await;

    let mut files = export(world, &token).await;
    let account: Value = serde_json::from_slice(&files.remove("account.json").expect("account.json")).expect("JSON");
    assert_eq!(account["user"], "mover");
    assert_eq!(account["numbers"]["verified"][0]["phone_number"], NUMBER);
    assert_eq!(account["numbers"]["pending"], json!([]));
    assert_eq!(account["calls"], http::get(world.edge(), "/v1/phone/calls", &token).await.body["calls"]);
    assert_eq!(account["calls"].as_array().map(Vec::len), Some(2));
    for conversation in finished {
        let path = format!("/v1/conversations/{}", conversation.id);
        let mut take = |name: &str| {
            files.remove(&format!("conversations/{}/{name}", conversation.id)).unwrap_or_else(|| panic!("{name}"))
        };
        let document: Value = serde_json::from_slice(&take("conversation.json")).expect("JSON");
        assert_eq!(document, http::get(world.edge(), &path, &token).await.body);
        let text = http::get(world.edge(), &format!("{path}/transcript?format=txt"), &token).await.text;
        assert_eq!(String::from_utf8(take("transcript.txt")).expect("text"), text);
        assert!(text.lines().count() > 3);
        let audio = file(world.edge(), &token, conversation.id, "stereo").await;
        assert!(take("audio.wav") == audio, "the audio of {}", conversation.id);
    }
    assert!(files.is_empty(), "nothing of the running call: {:?}", files.keys());
    running.hang_up(LIMIT).await;
}

#[tokio::test]
async fn who_has_nothing_gets_an_archive_that_says_so() {
    let world = World::shared().await;
    let files = export(world, &world.token("newcomer")).await;
    assert!(files.keys().eq(["account.json"]));
    let account: Value = serde_json::from_slice(&files["account.json"]).expect("JSON");
    let nothing = json!({ "user": "newcomer", "numbers": { "verified": [], "pending": [] }, "calls": [] });
    assert_eq!(account, nothing);
}

#[tokio::test]
async fn what_is_more_than_one_request_may_do_is_given_out_in_parts() {
    let world = World::with(LabOptions::default(), |variables| {
        variables.insert("EXPORT_REQUESTS".to_owned(), "10".into());
    })
    .await;
    let token = world.token("much-to-take");
    // Of three calls the second is too long for one part.
    let mut calls = Vec::new();
    for (seed, seconds) in [(53, 4), (54, 18), (55, 4)] {
        let options = PhoneOptions { sample_rate: RATE, ..world.phone("much-to-take") };
        let mut phone = Phone::connect(options).await.expect("let in");
        let recording = marked(Talk::random(seed.into(), RATE, seconds, &[]).recording(), seed);
        phone.play(&recording, &Delivery::unpaced()).await.expect("still there");
        calls.push(phone.hang_up(3 * LIMIT).await.conversation().expect("memory_created").clone());
    }

    let (mut files, mut cursor, mut parts) = (BTreeMap::new(), None::<String>, 0);
    loop {
        let query = cursor.as_ref().map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        let answer = http::get(world.edge(), &format!("/v1/account/export{query}"), &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for (name, content) in opened(&answer.bytes) {
            assert!(files.insert(name.clone(), content).is_none(), "{name} comes once");
        }
        parts += 1;
        assert!(parts < 20, "it comes to an end");
        match answer.headers.get("fourwire-next-cursor") {
            Some(next) => cursor = Some(next.to_str().expect("text").to_owned()),
            None => break,
        }
    }
    assert!(parts > 3, "{parts}");
    assert!(files.remove("account.json").is_some());
    for call in &calls {
        let folder = format!("conversations/{}", call.id);
        let document: Value =
            serde_json::from_slice(&files.remove(&format!("{folder}/conversation.json")).expect("a document"))
                .expect("JSON");
        assert_eq!(document["id"], json!(call.id));
        assert!(files.remove(&format!("{folder}/transcript.txt")).is_some());
        let names: Vec<_> = files.keys().filter(|name| name.starts_with(&folder)).cloned().collect();
        assert_eq!(names.len() > 1, call.id == calls[1].id, "{names:?}");
        let joined: Vec<u8> = names.iter().flat_map(|name| files.remove(name).expect("it is there")).collect();
        assert!(joined == file(world.edge(), &token, call.id, "stereo").await, "the audio of {}", call.id);
    }
    assert!(files.is_empty(), "{:?}", files.keys());

    for bad in ["1.2", "x", ""] {
        let answer = http::get(world.edge(), &format!("/v1/account/export?cursor={bad}"), &token).await;
        assert_eq!((answer.status, answer.code()), (400, "page_invalid"), "{bad:?}");
    }
}

/// The files of a user's export.
async fn export(world: &World, token: &str) -> BTreeMap<String, Vec<u8>> {
    let answer = http::get(world.edge(), "/v1/account/export", token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers.get("fourwire-next-cursor"), None, "it is all in one part");
    opened(&answer.bytes)
}

/// The files of an archive.
fn opened(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    static ARCHIVES: AtomicUsize = AtomicUsize::new(0);
    let number = ARCHIVES.fetch_add(1, Ordering::Relaxed);
    assert!(archive.len().is_multiple_of(512) && archive.ends_with(&[0; 1_024]), "it is whole");
    let directory = env::temp_dir().join(format!("fourwire-export-{}-{number}", process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let mut tar = Command::new("tar")
        .args(["--extract", "--file=-", "--directory"])
        .arg(&directory)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the system has tar");
    tar.stdin.take().expect("piped").write_all(archive).expect("tar reads");
    assert!(tar.wait().expect("tar ends").success());
    let files = read(&directory);
    fs::remove_dir_all(&directory).expect("it can be removed");
    files
}

fn read(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = personal::files(directory).expect("a directory");
    let name = |path: &Path| path.strip_prefix(directory).expect("below it").to_str().expect("text").to_owned();
    files.iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect()
}
