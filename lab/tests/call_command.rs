//! `fourwire-lab call` against a stand-in for an edge: what a person sees of a finished call, and finds in its folder.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Output;

use fourwire_lab::Lab;
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::ServerEvent;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

const ID: &str = "6851270f-2c7d-4a36-b8a5-8e7151d8b3f0";

fn conversation() -> Conversation {
    let moment = "2026-11-24T03:41:00Z";
    let segment = json!({
        "id": "0e5b8d5c-9d4e-5f0a-8f0d-3f8f1c1f7a01", "text": "I will send it on Friday.", "speaker": "SPEAKER_00",
        "speaker_id": 0, "is_user": true, "person_id": null, "start": 0.1, "end": 0.4, "translations": [],
        "speech_profile_processed": true, "stt_provider": null,
    });
    let conversation = json!({
        "id": ID, "created_at": moment, "started_at": moment, "finished_at": moment, "status": "completed",
        "source": "phone_call", "language": "en", "call_id": null, "phone_call": null,
        "structured": {
            "title": "The Promised Drawing", "overview": "A drawing is promised.", "emoji": "📐", "category": "work",
            "action_items": [{
                "description": "Send the drawing", "completed": false, "created_at": moment, "updated_at": moment,
                "due_at": "2026-11-27T17:00:00Z", "completed_at": null, "conversation_id": ID,
            }],
            "events": [{
                "title": "Call", "description": "", "start": "2026-11-30T09:30:00Z", "duration": 30, "created": false,
            }],
        },
        "transcript_segments": [segment], "audio": [], "discarded": false,
    });
    serde_json::from_value(conversation).unwrap()
}

/// An edge whose calls all become the one conversation. Of its files it has those with a name in `files`.
async fn edge(files: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, files));
        }
    });
    origin
}

async fn serve(mut stream: TcpStream, files: &[&str]) {
    let mut head = [0; 4_096];
    let length = stream.peek(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    if head.starts_with("GET /v4/listen?") {
        let mut socket = accept_async(stream).await.unwrap();
        while !matches!(socket.next().await, Some(Ok(Message::Text(text))) if text.contains("end")) {}
        let event = ServerEvent::MemoryCreated { memory: Box::new(conversation()), messages: Vec::new() };
        socket.send(Message::text(serde_json::to_string(&event).unwrap())).await.unwrap();
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
        return;
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let rest = path.strip_prefix(&format!("/v1/conversations/{ID}")).unwrap();
    let (status, body) = if head.contains("authorization: Bearer ") && files.contains(&rest) {
        ("200 OK", if rest.starts_with("/audio") { wav() } else { rest.as_bytes().to_vec() })
    } else {
        ("404 Not Found", Vec::new())
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[answer.as_bytes(), &body].concat()).await.unwrap();
}

const ALL: [&str; 7] = [
    "/audio?channel=1",
    "/audio?channel=2",
    "/transcript?format=txt",
    "/transcript?format=srt",
    "/transcript?format=vtt",
    "/transcript?format=json",
    "",
];

/// Half a second of silence.
fn wav() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    (0..8_000).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}

/// A folder that is not there yet, with a call to play beside it.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fourwire-call-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("played.wav"), wav()).unwrap();
    folder
}

async fn call(edge: &str, lab: &Lab, folder: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fourwire-lab"))
        .current_dir(folder)
        .args(["call", "played.wav", "--speed", "100", "--edge", edge, "--lab", &lab.origin()])
        .args(options)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_call_ends_with_what_became_of_it_on_the_screen_and_in_a_folder_of_its_own() {
    let (lab, folder) = (Lab::start(fourwire_lab::LabOptions::default()).await.unwrap(), folder("whole"));
    let output = call(&edge(&ALL).await, &lab, &folder, &["--out-under", "calls"]).await;
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    let own = Path::new("calls").join(format!("2026-11-24T03-41-00Z-{ID}"));
    for part in [
        "📐  The Promised Drawing  (Work)\n\nA drawing is promised.\n",
        "  [ ] Send the drawing (due Friday, 27 November 2026, 17:00 UTC)\n",
        "  Monday, 30 November 2026, 09:30 UTC, 30 min: Call\n",
        "00:00.1  You    I will send it on Friday.\n",
        &format!("\nWritten to {}\n", own.display()),
    ] {
        assert!(shown.contains(part), "{part:?} in\n{shown}");
    }
    let written = folder.join(own);
    assert_eq!(fs::read(written.join("you.wav")).unwrap(), wav());
    assert_eq!(fs::read_to_string(written.join("transcript.srt")).unwrap(), "/transcript?format=srt");
    let picture = fs::read_to_string(written.join("call.svg")).unwrap();
    assert!(picture.contains("I will send it on Friday.") && picture.contains("The Promised Drawing"));
}

#[tokio::test]
async fn what_an_edge_does_not_have_is_named_after_the_rest_is_written() {
    let (lab, folder) = (Lab::start(fourwire_lab::LabOptions::default()).await.unwrap(), folder("part"));
    let output = call(&edge(&ALL[1..]).await, &lab, &folder, &["--out-under", "calls", "--out", "here"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "fourwire-lab: you.wav could not be had: the edge answered 404\n");
    assert!(!output.status.success() && !folder.join("calls").exists());
    assert!(folder.join("here/them.wav").exists() && folder.join("here/call.svg").exists());
}

#[tokio::test]
async fn without_a_folder_nothing_is_written() {
    let (lab, folder) = (Lab::start(fourwire_lab::LabOptions::default()).await.unwrap(), folder("none"));
    let output = call(&edge(&[]).await, &lab, &folder, &[]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}
