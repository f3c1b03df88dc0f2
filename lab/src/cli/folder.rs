//! A finished conversation in a folder: both sides' audio, the transcript in every form, the record and the picture.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fourwire_lab::picture::{self, Call, Sound};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::UnixMillis;

use super::download::download;

/// The user's side and the other's, by channel.
const AUDIO: PerChannel<&str> = PerChannel { user: "you.wav", remote: "them.wav" };
/// What is fetched: the file's name, and what follows the conversation's own address.
const FETCHED: [(&str, &str); 7] = [
    (AUDIO.user, "/audio?channel=1"),
    (AUDIO.remote, "/audio?channel=2"),
    ("transcript.txt", "/transcript?format=txt"),
    ("transcript.srt", "/transcript?format=srt"),
    ("transcript.vtt", "/transcript?format=vtt"),
    ("transcript.json", "/transcript?format=json"),
    ("conversation.json", ""),
];
/// The picture of the call.
pub const PICTURE: &str = "call.svg";

/// Where files come from.
pub struct Edge<'a> {
    /// Its address.
    pub origin: &'a str,
    /// Who asks.
    pub token: &'a str,
}

/// The call's own folder in `parent`: sorted by time, found by id, and without a word of the call.
pub fn named(parent: &Path, conversation: &Conversation) -> PathBuf {
    // `2026-11-24T03:41:00.5Z`: no file system takes a colon for granted.
    let moment: String = began(conversation).rfc3339().chars().take(19).collect();
    parent.join(format!("{}Z-{}", moment.replace(':', "-"), conversation.id))
}

/// Fetches and draws everything. What cannot be had is said, a sentence each, and does not keep the rest from being
/// written.
///
/// # Errors
/// When there can be no folder.
pub async fn write(edge: Edge<'_>, conversation: &Conversation, folder: &Path) -> anyhow::Result<Vec<String>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let address = format!("{}/v1/conversations/{}", edge.origin.trim_end_matches('/'), conversation.id);
    let mut missing = Vec::new();
    // Of an earlier call, where the folder is one.
    let _ = fs::remove_file(folder.join(PICTURE));
    for (name, rest) in FETCHED {
        if let Err(error) = download(&format!("{address}{rest}"), edge.token, &folder.join(name)).await {
            missing.push(format!("{name} could not be had: {error}"));
        }
    }
    let mut sound = |channel: Channel| {
        let name = AUDIO.get(channel);
        let path = folder.join(name);
        // What could not be had is said already.
        let opened = path.exists().then(|| Sound::open(&path)).transpose();
        opened.unwrap_or_else(|error| {
            missing.push(format!("{name} cannot be drawn: {error}"));
            None
        })
    };
    let sounds = PerChannel { user: sound(Channel::User), remote: sound(Channel::Remote) };
    if let Err(error) = draw(conversation, sounds, &folder.join(PICTURE)) {
        missing.push(format!("{PICTURE} could not be made: {error}"));
    }
    Ok(missing)
}

fn draw(conversation: &Conversation, sounds: PerChannel<Option<Sound>>, to: &Path) -> anyhow::Result<()> {
    let call = Call {
        structured: &conversation.structured,
        began: began(conversation),
        segments: &conversation.transcript_segments,
    };
    Ok(fs::write(to, picture::draw(&call, sounds)?)?)
}

fn began(conversation: &Conversation) -> UnixMillis {
    conversation.started_at.unwrap_or(conversation.created_at)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Error};
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::extract::{Path as Part, RawQuery};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::structured::Structured;
    use futures_util::{StreamExt, stream};
    use serde_json::json;
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    use super::*;

    const TOKEN: &str = "anns-token";
    const ID: [u8; 16] = [7; 16];

    fn conversation() -> Conversation {
        let conversation = json!({
            "id": ConversationId::from_random(ID),
            "created_at": "2026-11-24T03:41:00.5Z",
            "started_at": "2026-11-24T03:41:01.5Z",
            "finished_at": null,
            "status": "completed",
            "source": "phone_call",
            "language": "en",
            "call_id": null,
            "structured": Structured::titled("A secret title"),
            "transcript_segments": [],
            "audio": [],
            "discarded": false,
        });
        serde_json::from_value(conversation).unwrap()
    }

    /// An edge that has one conversation; where it is told so, the other side's audio ends too early and there is no SRT.
    async fn edge(is_whole: bool) -> String {
        let part =
            async move |Part((id, part)): Part<(String, String)>, query: RawQuery, headers: HeaderMap| -> Response {
                if id != ConversationId::from_random(ID).to_string()
                    || headers[header::AUTHORIZATION] != "Bearer anns-token"
                {
                    return StatusCode::NOT_FOUND.into_response();
                }
                match (part.as_str(), query.0.as_deref().unwrap_or_default()) {
                    ("audio", "channel=2") if !is_whole => {
                        let pieces = [Ok(Bytes::from_static(b"RIFF")), Err(Error::other("the power is out"))];
                        // Apart, since a server that fails at once has not even begun to answer.
                        let slowly = stream::iter(pieces).then(async |piece| {
                            sleep(Duration::from_millis(100)).await;
                            piece
                        });
                        Body::from_stream(slowly).into_response()
                    }
                    ("audio", "channel=1" | "channel=2") => wav().into_response(),
                    ("transcript", "format=srt") if !is_whole => StatusCode::BAD_GATEWAY.into_response(),
                    ("transcript", query) => query.to_owned().into_response(),
                    _ => StatusCode::NOT_FOUND.into_response(),
                }
            };
        let routes = Router::new()
            .route("/v1/conversations/{id}", get(async || r#"{"id":"…"}"#))
            .route("/v1/conversations/{id}/{part}", get(part));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        origin
    }

    fn wav() -> Vec<u8> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        (0..160_000).for_each(|_| writer.write_sample(0_i16).unwrap());
        writer.finalize().unwrap();
        file.into_inner()
    }

    /// A folder that is not there yet.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("fourwire-lab-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder.join("calls")
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_call_is_written_with_its_audio_its_transcripts_its_record_and_its_picture() {
        let (origin, folder) = (edge(true).await, folder("whole"));
        let missing = write(Edge { origin: &origin, token: TOKEN }, &conversation(), &folder).await.unwrap();
        assert_eq!(missing, [""; 0]);
        let mut expected: Vec<&str> = FETCHED.iter().map(|(name, _)| *name).chain([PICTURE]).collect();
        expected.sort_unstable();
        assert_eq!(files(&folder), expected);
        assert_eq!(fs::read(folder.join("them.wav")).unwrap(), wav());
        assert_eq!(fs::read_to_string(folder.join("transcript.vtt")).unwrap(), "format=vtt");
        let picture = fs::read_to_string(folder.join(PICTURE)).unwrap();
        assert!(picture.starts_with("<svg ") && picture.contains("A secret title") && picture.contains("10 s"));
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_named_and_the_rest_is_written() {
        let (origin, folder) = (edge(false).await, folder("torn"));
        fs::create_dir_all(&folder).unwrap();
        // Of a call before.
        fs::write(folder.join("them.wav"), wav()).unwrap();
        let missing = write(Edge { origin: &origin, token: TOKEN }, &conversation(), &folder).await.unwrap();
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].starts_with("them.wav could not be had: the edge's answer broke off"), "{missing:?}");
        assert_eq!(missing[1], "transcript.srt could not be had: the edge answered 502");
        let written =
            ["call.svg", "conversation.json", "transcript.json", "transcript.txt", "transcript.vtt", "you.wav"];
        assert_eq!(files(&folder), written);
        assert!(fs::read_to_string(folder.join(PICTURE)).unwrap().contains("The sound is not here."));
    }

    #[tokio::test]
    async fn an_edge_that_is_gone_is_named_and_the_picture_is_still_made() {
        let folder = folder("gone");
        let edge = Edge { origin: "http://127.0.0.1:9", token: TOKEN };
        let missing = write(edge, &conversation(), &folder).await.unwrap();
        assert_eq!((missing.len(), files(&folder)), (FETCHED.len(), vec![PICTURE.to_owned()]));
        assert!(missing[0].starts_with("you.wav could not be had: cannot reach http://127.0.0.1:9/v1/"), "{missing:?}");
    }

    #[test]
    fn a_folder_is_named_by_time_and_id_and_not_by_what_was_said() {
        let folder = named(Path::new("calls"), &conversation());
        assert_eq!(folder, Path::new("calls/2026-11-24T03-41-01Z-07070707-0707-4707-8707-070707070707"));
    }
}
