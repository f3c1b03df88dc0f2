//! R2: what is kept of calls for good. Everything of one conversation lies in its folder, sealed under its key.

use std::time::Duration;

use fourwire_engine::record::playback::Read;
use fourwire_engine::record::{ChunkName, ChunkSpan, Folder};
use fourwire_engine::vault::{ConversationKey, Vault};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::ids::{ConversationId, UserId};
use futures_util::future::{Either, select};
use worker::{Bucket, Conditional, Delay, Env, Range};

use crate::fault::{During, Fault, PlatformDuring as _};
use crate::problem::Problem;
use crate::settings;
use crate::storage::sealed;

/// How long the archive may take. Beyond it the outcome is unknown, and the same is stored again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Which form of a conversation is stored.
pub(crate) struct Version(String);

/// One conversation's folder.
pub(crate) struct Archive {
    bucket: Bucket,
    conversation: ConversationId,
    folder: Folder,
    key: ConversationKey,
    #[cfg(feature = "fault-injection")]
    pub(crate) faults: crate::fault_injection::Faults,
}

impl Archive {
    /// The folder of a user's conversation, whose key is `wrapped` for the user.
    pub(crate) fn open(
        env: &Env,
        vault: &Vault,
        user: &UserId,
        id: ConversationId,
        wrapped: &[u8],
    ) -> Result<Self, Problem> {
        let key = ConversationKey::unwrap(vault, user, id, wrapped).during("seal.key")?;
        Ok(Self {
            bucket: env.bucket(settings::ARCHIVE)?,
            conversation: id,
            folder: Folder::new(vault, user, id),
            key,
            #[cfg(feature = "fault-injection")]
            faults: crate::fault_injection::Faults::default(),
        })
    }

    /// Whose folder it is.
    pub(crate) const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// The key of everything in it.
    pub(crate) const fn key(&self) -> &ConversationKey {
        &self.key
    }

    /// The names of everything in it.
    pub(crate) const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Stores a finished conversation, in place of an earlier form of it.
    pub(crate) async fn put(&self, conversation: &Conversation) -> Result<(), Problem> {
        let name = self.folder.document();
        self.store(&name, self.seal(&name, conversation)?).await
    }

    fn seal(&self, name: &str, conversation: &Conversation) -> Result<Vec<u8>, Problem> {
        let plain = serde_json::to_vec(conversation).during("seal.document")?;
        Ok(self.key.seal(name, sealed::nonce()?, &plain).during("seal.document")?)
    }

    /// Stores a changed conversation in place of the version that was changed; false where that is not the stored one any
    /// more.
    pub(crate) async fn replace(&self, conversation: &Conversation, version: Version) -> Result<bool, Problem> {
        let name = self.folder.document();
        let only = Conditional {
            etag_matches: Some(version.0),
            etag_does_not_match: None,
            uploaded_before: None,
            uploaded_after: None,
        };
        let put = self.bucket.put(&name, self.seal(&name, conversation)?).only_if(only);
        Ok(in_time("r2.replace", put.execute()).await?.is_some())
    }

    /// Reads the finished conversation; `None` where there is none.
    pub(crate) async fn get(&self) -> Result<Option<(Conversation, Version)>, Problem> {
        let name = self.folder.document();
        let Some(object) = in_time("r2.get", self.bucket.get(&name).execute()).await? else { return Ok(None) };
        let sealed = object.body().during("r2.get")?.bytes().await.during("r2.get")?;
        let plain = self.key.open(&name, &sealed).during("seal.document")?;
        let conversation = serde_json::from_slice(&plain).during("seal.document")?;
        Ok(Some((conversation, Version(object.etag()))))
    }

    /// Stores a sealed chunk of audio. Under one name lies only ever the same audio.
    pub(crate) async fn put_chunk(&self, name: &ChunkName, body: Vec<u8>) -> Result<(), Problem> {
        self.store(name.as_str(), body).await
    }

    /// The chunks of audio, in the order of time: a request for each thousand.
    pub(crate) async fn chunks(&self) -> Result<Vec<ChunkSpan>, Problem> {
        let mut chunks = Vec::new();
        let mut cursor = None;
        loop {
            let mut list = self.bucket.list().prefix(self.folder.audio());
            if let Some(cursor) = cursor.take() {
                list = list.cursor(cursor);
            }
            let page = list.execute().await.during("r2.list")?;
            for object in page.objects() {
                let name = ChunkName::parse(&self.folder, &object.key()).during("r2.list")?;
                chunks.push(name.span());
            }
            cursor = page.cursor().filter(|_| page.truncated());
            if cursor.is_none() {
                return Ok(chunks);
            }
        }
    }

    /// Reads a part of a chunk.
    pub(crate) async fn read(&self, part: &Read) -> Result<Vec<u8>, Problem> {
        let range = Range::OffsetWithLength { offset: part.offset, length: part.length };
        let object = self.bucket.get(&part.object).range(range).execute().await.during("r2.get")?.during("r2.get")?;
        Ok(object.body().during("r2.get")?.bytes().await.during("r2.get")?)
    }

    async fn store(&self, name: &str, body: Vec<u8>) -> Result<(), Problem> {
        #[cfg(feature = "fault-injection")]
        self.faults.before()?;
        in_time("r2.put", self.bucket.put(name, body).execute()).await?;
        #[cfg(feature = "fault-injection")]
        self.faults.after()?;
        Ok(())
    }
}

/// Waits for the archive, and not for ever: a call that is being finished would never end.
async fn in_time<T>(operation: &'static str, answer: impl Future<Output = worker::Result<T>>) -> Result<T, Fault> {
    match select(std::pin::pin!(answer), Delay::from(ANSWER_TIMEOUT)).await {
        Either::Left((answer, _)) => answer.during(operation),
        Either::Right(_) => Err(Fault::new(operation, format!("no answer in {} s", ANSWER_TIMEOUT.as_secs()))),
    }
}
