//! Finished conversations in R2: one sealed object each.

use fourwire_engine::vault::{NONCE_BYTES, Vault};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::ids::{ConversationId, UserId};
use worker::{Bucket, Env};

use crate::problem::Problem;
use crate::settings;

/// One user's part of the archive.
pub(crate) struct Archive<'a> {
    bucket: Bucket,
    vault: &'a Vault,
    user: &'a UserId,
}

impl<'a> Archive<'a> {
    pub(crate) fn new(env: &Env, vault: &'a Vault, user: &'a UserId) -> Result<Self, Problem> {
        Ok(Self { bucket: env.bucket(settings::ARCHIVE)?, vault, user })
    }

    /// Stores a finished conversation, in place of an earlier form of it.
    pub(crate) async fn put(&self, conversation: &Conversation) -> Result<(), Problem> {
        let key = self.key(conversation.id);
        let plain = serde_json::to_vec(conversation).map_err(|_| Problem::Internal)?;
        let sealed = self.vault.seal(self.user, &key, nonce()?, &plain).map_err(|_| Problem::Internal)?;
        self.bucket.put(&key, sealed).execute().await?;
        Ok(())
    }

    /// Reads a finished conversation; `None` where there is none.
    pub(crate) async fn get(&self, id: ConversationId) -> Result<Option<Conversation>, Problem> {
        let key = self.key(id);
        let Some(object) = self.bucket.get(&key).execute().await? else { return Ok(None) };
        let sealed = object.body().ok_or(Problem::Internal)?.bytes().await?;
        let plain = self.vault.open(self.user, &key, &sealed).map_err(|error| {
            worker::console_error!("a stored conversation {error}");
            Problem::Internal
        })?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| Problem::Internal)
    }

    /// The object's name: it tells whose it is only to who has the master secret.
    fn key(&self, id: ConversationId) -> String {
        format!("conversations/{}/{id}/conversation", self.vault.index("user", self.user.as_str()))
    }
}

/// A fresh nonce for one sealed record.
pub(crate) fn nonce() -> Result<[u8; NONCE_BYTES], Problem> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| Problem::Internal)?;
    Ok(nonce)
}
