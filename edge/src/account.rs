//! `/v1/account`: everything of a user, to take along or to delete.

use std::collections::VecDeque;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::phone::ledger::CallRecord;
use fourwire_engine::record::playback::{Conditions, Playback, Step, Track};
use fourwire_engine::record::tar;
use fourwire_engine::transcript::{self, Format, Names};
use fourwire_wire::conversation::{ConversationEntry, PhoneCall};
use fourwire_wire::ids::UserId;
use futures_util::stream::try_unfold;
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::archive::Archive;
use crate::clock::now;
use crate::conversations::{Done, json};
use crate::problem::Problem;
use crate::user_do::{self, UserRequest, ask_phone};
use crate::user_index::Known;
use crate::user_phone::{Numbers, PhoneRequest};
use crate::{auth, phone, settings};

/// `DELETE /v1/account`: deletes every conversation, gives every number up, forgets every call.
pub(crate) async fn erase(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    config.vault.as_ref().map_err(Clone::clone)?;
    let is_erased: bool = user_do::ask(env, &user, &UserRequest::Erase).await?;
    if !is_erased {
        return Err(Problem::NotFinished);
    }
    phone::release_all(env, &config, &user).await?;
    json(&Done::YES)
}

/// What an export says of the user besides conversations.
#[derive(Serialize)]
struct Account {
    user: UserId,
    numbers: Numbers,
    calls: Vec<PhoneCall>,
}

/// `GET /v1/account/export`: everything of the user as one tar archive, made while it is sent.
pub(crate) async fn export(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    config.vault.as_ref().map_err(Clone::clone)?;
    let conversations: Vec<Known> = user_do::ask(env, &user, &UserRequest::All).await?;
    let numbers: Numbers = ask_phone(env, &user, PhoneRequest::Numbers).await?;
    let calls: Vec<CallRecord> = ask_phone(env, &user, PhoneRequest::AllCalls).await?;
    let calls = calls.iter().map(CallRecord::phone_call).collect();
    let account = serde_json::to_vec(&Account { user: user.clone(), numbers, calls }).map_err(|_| Problem::Internal)?;
    let export = Export {
        env: env.clone(),
        config,
        user,
        begun: Some(account),
        conversations: conversations.into(),
        audio: None,
        is_over: false,
    };
    let parts = try_unfold(export, |mut export| async move {
        let part = export.next().await.map_err(|_| worker::Error::RustError("the export broke off".to_owned()))?;
        Ok::<_, worker::Error>(part.map(|part| (part, export)))
    });
    let response = Response::from_stream(parts)?;
    let headers = response.headers();
    headers.set("content-type", "application/x-tar")?;
    headers.set("content-disposition", "attachment; filename=\"fourwire.tar\"")?;
    headers.set("cache-control", "no-store")?;
    Ok(response)
}

/// An archive that is being sent.
struct Export {
    env: Env,
    config: Rc<Config>,
    user: UserId,
    /// What it begins with, until that is sent.
    begun: Option<Vec<u8>>,
    /// Those that are still to come.
    conversations: VecDeque<Known>,
    /// The audio that is being sent, and how long it is in all.
    audio: Option<(Archive, Playback, u64)>,
    is_over: bool,
}

impl Export {
    /// The next bytes.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        if let Some(account) = self.begun.take() {
            return Ok(Some(file("account.json", &account)?));
        }
        loop {
            if let Some((archive, playback, length)) = &mut self.audio {
                match playback.poll() {
                    Step::Send(bytes) => return Ok(Some(bytes)),
                    Step::Read(read) => {
                        let stored = archive.read(&read).await?;
                        playback.handle_read(&stored).map_err(|error| {
                            worker::console_error!("a chunk of audio {error}");
                            Problem::Internal
                        })?;
                    }
                    Step::End => {
                        let padding = tar::padding(*length);
                        self.audio = None;
                        return Ok(Some(padding));
                    }
                }
            } else if let Some((entry, key)) = self.conversations.pop_front() {
                if let Some(begun) = self.begin(&entry, &key).await? {
                    return Ok(Some(begun));
                }
            } else if !std::mem::replace(&mut self.is_over, true) {
                return Ok(Some(tar::END.to_vec()));
            } else {
                return Ok(None);
            }
        }
    }

    /// A conversation's document and transcript, and the head of its audio; nothing of one that is still running.
    async fn begin(&mut self, entry: &ConversationEntry, key: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let archive = Archive::open(&self.env, vault, &self.user, entry.id, key)?;
        let Some((conversation, _)) = archive.get().await? else { return Ok(None) };
        let folder = format!("conversations/{}", entry.id);
        let document = serde_json::to_vec(&conversation).map_err(|_| Problem::Internal)?;
        let mut bytes = file(&format!("{folder}/conversation.json"), &document)?;
        let them = conversation.contact_name.as_ref().map(|name| name.expose().as_str()).unwrap_or_default();
        let text = transcript::write(Format::Text, &conversation.transcript_segments, &Names::new("", them))
            .map_err(|_| Problem::Internal)?;
        bytes.extend(file(&format!("{folder}/transcript.txt"), text.as_bytes())?);
        let (chunks, key) = (archive.chunks().await?, archive.key().clone());
        let playback = Playback::new(key, archive.folder().clone(), chunks, Track::Stereo, &Conditions::default())
            .map_err(|_| Problem::Internal)?;
        let length = playback.remaining();
        bytes.extend(head(&format!("{folder}/audio.wav"), length)?);
        self.audio = Some((archive, playback, length));
        Ok(Some(bytes))
    }
}

/// A whole file of the archive.
fn file(name: &str, content: &[u8]) -> Result<Vec<u8>, Problem> {
    let length = u64::try_from(content.len()).map_err(|_| Problem::Internal)?;
    let mut bytes = head(name, length)?;
    bytes.extend(content);
    bytes.extend(tar::padding(length));
    Ok(bytes)
}

fn head(name: &str, length: u64) -> Result<Vec<u8>, Problem> {
    tar::head(name, length, now().seconds()).ok_or(Problem::Internal)
}
