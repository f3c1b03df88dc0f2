//! `GET /v1/account/export`: everything of a user, to take along.

use std::collections::VecDeque;
use std::ops::Range;

use fourwire_engine::conversations::{Cursor, PageError};
use fourwire_engine::phone::ledger::CallRecord;
use fourwire_engine::phone::sid::CallSid;
use fourwire_engine::record::playback::{self, Conditions, Playback, Step, Track};
use fourwire_engine::record::{ChunkSpan, tar};
use fourwire_engine::transcript::{self, Format, Names};
use fourwire_engine::user::export::{Budget, Piece, Share};
use fourwire_engine::user::{EXPORTED_CALLS, Numbers};
use fourwire_wire::conversation::PhoneCall;
use fourwire_wire::ids::UserId;
use futures_util::stream::try_unfold;
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::api::auth;
use crate::api::response::set_next;
use crate::clock::now;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::rpc::user::{self, AllowExport, Behind, CallsBehind, KnownNumbers};
use crate::settings;
use crate::storage::archive::Archive;

/// How many conversations an export asks the user's object for at once.
const ENTRIES_AT_ONCE: usize = 100;

/// What an export says of the user besides conversations.
#[derive(Serialize)]
struct Account {
    user: UserId,
    numbers: Numbers,
    calls: Vec<PhoneCall>,
}

/// `GET /v1/account/export`: everything of the user as one tar archive, made while it is sent; or a part of it, where it is more than
/// one request may do.
pub(crate) async fn export(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    config.vault()?;
    let limits = config.export()?;
    let url = request.url()?;
    let cursor = url.query_pairs().find(|(name, _)| name == "cursor");
    let cursor: Option<Cursor> = cursor.map(|(_, text)| text.parse().map_err(|_| PageError::Cursor)).transpose()?;
    user::call(env, &user, AllowExport()).await??;
    let mut budget = Budget::new(limits.requests);
    budget.spend(1);
    let mut files = VecDeque::new();
    if cursor.is_none() {
        add_account(env, &user, &mut budget, &mut files).await?;
    }
    let (shares, next) = plan(env, &user, budget, cursor).await?;
    let export = Export { files, shares, audio: None, is_over: false };
    let parts = try_unfold(export, |mut export| async move {
        let part = export.next().await.map_err(|problem| {
            log::error!("export_broken", error = problem.cause());
            worker::Error::RustError("the export broke off".to_owned())
        })?;
        Ok::<_, worker::Error>(part.map(|part| (part, export)))
    });
    let response = Response::from_stream(parts)?;
    let headers = response.headers();
    headers.set("content-type", "application/x-tar")?;
    headers.set("content-disposition", "attachment; filename=\"fourwire.tar\"")?;
    headers.set("cache-control", "no-store")?;
    if let Some(next) = next {
        set_next(&response, next)?;
    }
    Ok(response)
}

/// What there is of the user besides conversations: the numbers and the newest calls in one file, earlier calls in others.
async fn add_account(
    env: &Env,
    user: &UserId,
    budget: &mut Budget,
    files: &mut VecDeque<Vec<u8>>,
) -> Result<(), Problem> {
    let numbers = user::call(env, user, KnownNumbers()).await?;
    let (mut calls, mut last) = calls_behind(env, user, None).await?;
    budget.spend(2);
    let account = Account { user: user.clone(), numbers, calls: std::mem::take(&mut calls) };
    files.push_back(file("account.json", &serde_json::to_vec(&account).during("export")?)?);
    let mut number: u32 = 1;
    while last.is_some() {
        (calls, last) = calls_behind(env, user, last).await?;
        budget.spend(1);
        number = number.saturating_add(1);
        files.push_back(file(&format!("calls-{number}.json"), &serde_json::to_vec(&calls).during("export")?)?);
    }
    Ok(())
}

/// Calls behind one, and the last of them where there may be more.
async fn calls_behind(
    env: &Env,
    user: &UserId,
    last: Option<CallSid>,
) -> Result<(Vec<PhoneCall>, Option<CallSid>), Problem> {
    let records = user::call(env, user, CallsBehind(last)).await?;
    let last = records.last().filter(|_| records.len() >= EXPORTED_CALLS).map(|record| record.call_sid.clone());
    Ok((records.iter().map(CallRecord::phone_call).collect(), last))
}

/// A conversation in a part.
struct Shared {
    archive: Archive,
    folder: String,
    chunks: Vec<ChunkSpan>,
    /// None: all of it.
    piece: Option<Piece>,
}

/// Which conversations a part has, and where the next part begins. Their chunks are listed before the first byte is sent.
async fn plan(
    env: &Env,
    user: &UserId,
    mut budget: Budget,
    cursor: Option<Cursor>,
) -> Result<(VecDeque<Shared>, Option<Cursor>), Problem> {
    let config = settings::read(env);
    let vault = config.vault()?;
    let mut piece = cursor.map_or(0, |cursor| cursor.extra);
    let mut at = cursor;
    let mut shares = VecDeque::new();
    loop {
        let batch = user::call(env, user, Behind(at, ENTRIES_AT_ONCE)).await?;
        budget.spend(1);
        if batch.is_empty() {
            return Ok((shares, None));
        }
        for (entry, key) in batch {
            let here = at.map(|at| Cursor { extra: piece, ..at });
            if !budget.has_room() {
                return Ok((shares, here));
            }
            let archive = Archive::open(env, vault, user, entry.id, &key)?;
            let chunks = archive.chunks().await?;
            let share = Shared { archive, folder: format!("conversations/{}", entry.id), chunks, piece: None };
            match budget.share(share.chunks.len(), piece) {
                Share::Nothing => return Ok((shares, here)),
                Share::Whole => shares.push_back(share),
                Share::Piece(part) => {
                    let behind = Cursor { created_at: entry.created_at, id: entry.id, extra: 0 };
                    // A conversation that is gone on with is the one behind the same place.
                    let next = if part.has_more {
                        Cursor { extra: part.number.saturating_add(1), ..at.unwrap_or(Cursor::START) }
                    } else {
                        behind
                    };
                    shares.push_back(Shared { piece: Some(part), ..share });
                    return Ok((shares, Some(next)));
                }
            }
            at = Some(Cursor { created_at: entry.created_at, id: entry.id, extra: 0 });
            piece = 0;
        }
    }
}

/// A part that is being sent.
struct Export {
    /// What it begins with.
    files: VecDeque<Vec<u8>>,
    /// Those that are still to come.
    shares: VecDeque<Shared>,
    /// The audio that is being sent, and how long it is in all.
    audio: Option<(Archive, Playback, u64)>,
    is_over: bool,
}

impl Export {
    /// The next bytes.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        if let Some(file) = self.files.pop_front() {
            return Ok(Some(file));
        }
        loop {
            if let Some((archive, playback, length)) = &mut self.audio {
                match playback.poll() {
                    Step::Send(bytes) => return Ok(Some(bytes)),
                    Step::Read(read) => {
                        let stored = archive.read(&read).await?;
                        playback.handle_read(&stored).during("seal.chunk")?;
                    }
                    Step::End => {
                        let padding = tar::padding(*length);
                        self.audio = None;
                        return Ok(Some(padding));
                    }
                }
            } else if let Some(share) = self.shares.pop_front() {
                if let Some(begun) = self.begin(share).await? {
                    return Ok(Some(begun));
                }
            } else if !std::mem::replace(&mut self.is_over, true) {
                return Ok(Some(tar::END.to_vec()));
            } else {
                return Ok(None);
            }
        }
    }

    /// A conversation's document and transcript, and the head of its audio; nothing of one that is still running. Of a piece, only
    /// the first has the document.
    async fn begin(&mut self, share: Shared) -> Result<Option<Vec<u8>>, Problem> {
        let Shared { archive, folder, chunks, piece } = share;
        let Some((conversation, _)) = archive.get().await? else { return Ok(None) };
        let mut bytes = Vec::new();
        if piece.as_ref().is_none_or(|piece| piece.number == 0) {
            let document = serde_json::to_vec(&conversation).during("export")?;
            bytes.extend(file(&format!("{folder}/conversation.json"), &document)?);
            let them = conversation.contact_name.as_ref().map(|name| name.expose().as_str()).unwrap_or_default();
            let text = transcript::write(Format::Text, &conversation.transcript_segments, &Names::new("", them))
                .during("export")?;
            bytes.extend(file(&format!("{folder}/transcript.txt"), text.as_bytes())?);
        }
        let name = match &piece {
            None => format!("{folder}/audio.wav"),
            // In the order of their names, also as a shell lists them.
            Some(piece) => format!("{folder}/audio.wav.{:03}", piece.number.saturating_add(1)),
        };
        let range = piece.map(|piece| playback::bytes_of(&chunks, Track::Stereo, &piece.chunks));
        if range.as_ref().is_some_and(Range::is_empty) {
            // Chunks that tell of nothing that those before have not told of.
            bytes.extend(file(&name, &[])?);
            return Ok(Some(bytes));
        }
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let conditions = Conditions { range: range.as_deref(), ..Conditions::default() };
        let (key, place) = (archive.key().clone(), archive.folder().clone());
        let playback = Playback::new(key, place, chunks, Track::Stereo, &conditions).during("export")?;
        let length = playback.remaining();
        bytes.extend(head(&name, length)?);
        self.audio = Some((archive, playback, length));
        Ok(Some(bytes))
    }
}

/// A whole file of the archive.
fn file(name: &str, content: &[u8]) -> Result<Vec<u8>, Problem> {
    let length = u64::try_from(content.len()).during("export")?;
    let mut bytes = head(name, length)?;
    bytes.extend(content);
    bytes.extend(tar::padding(length));
    Ok(bytes)
}

fn head(name: &str, length: u64) -> Result<Vec<u8>, Problem> {
    Ok(tar::head(name, length, now().seconds()).during("export.tar")?)
}
