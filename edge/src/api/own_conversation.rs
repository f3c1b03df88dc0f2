//! One conversation of the user who asks: found, read and changed.

use fourwire_engine::user::Found;
use fourwire_wire::conversation::{Conversation, ConversationStatus};
use fourwire_wire::ids::{ConversationId, UserId};
use worker::{Env, Request};

use crate::api::auth;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::rpc::call::{self, RunningConversation};
use crate::rpc::user::{self, Find, Upsert};
use crate::settings;
use crate::storage::archive::Archive;

/// A conversation of the user who asks.
pub(crate) struct Opened {
    /// Who asks.
    pub(crate) user: UserId,
    /// What the user's object knows of it.
    pub(crate) found: Found,
    /// Where it is kept.
    pub(crate) archive: Archive,
}

impl Opened {
    /// The conversation with its text: the stored one, or the running call's as it is now.
    pub(crate) async fn read(self, env: &Env) -> Result<Conversation, Problem> {
        let Self { user, found, archive } = self;
        if finished(&found).is_err()
            && let Some(call) = &found.entry.call_id
        {
            let live = call::call(env, &user, call, RunningConversation()).await?;
            if let Some(live) = live {
                return Ok(live);
            }
        }
        let (mut stored, _) = archive.get().await?.ok_or(Problem::NoConversation)?;
        // Twilio's last report often comes after the client's last word, when the conversation is stored already.
        stored.phone_call = found.phone_call.or(stored.phone_call);
        Ok(stored)
    }

    /// Changes the stored conversation, and its entry in the user's index. A change that somebody else makes at the same
    /// time is not lost: the later one is made anew on what the earlier one left.
    pub(crate) async fn rewrite(
        &self,
        env: &Env,
        mut change: impl FnMut(&mut Conversation) -> Result<(), Problem>,
    ) -> Result<Conversation, Problem> {
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            let (mut conversation, version) = self.archive.get().await?.ok_or(Problem::NoConversation)?;
            change(&mut conversation)?;
            if self.archive.replace(&conversation, version).await? {
                user::call(env, &self.user, Upsert(conversation.entry())).await?;
                return Ok(conversation);
            }
        }
        Err(Fault::new("r2.replace", "others change the conversation all the time").into())
    }
}

/// Lets the user in and finds the conversation.
pub(crate) async fn open(request: &Request, env: &Env, id: &str) -> Result<Opened, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    let id = ConversationId::parse(id).ok_or(Problem::NoConversation)?;
    let found = user::call(env, &user, Find(id)).await?.ok_or(Problem::NoConversation)?;
    let archive = Archive::open(env, config.vault()?, &user, id, &found.key)?;
    Ok(Opened { user, found, archive })
}

/// The same, for what can be done only when the call is over.
pub(crate) async fn open_finished(request: &Request, env: &Env, id: &str) -> Result<Opened, Problem> {
    let opened = open(request, env, id).await?;
    finished(&opened.found)?;
    Ok(opened)
}

/// Whether a conversation's call is over, for what can be done only then.
pub(crate) fn finished(found: &Found) -> Result<(), Problem> {
    if found.entry.status == ConversationStatus::Completed { Ok(()) } else { Err(Problem::NotFinished) }
}
