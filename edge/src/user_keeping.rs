//! What a user's object deletes: conversations that the user gives up, those that are older than the operator wants, and on
//! request everything. The key goes first, and with it whatever R2 or a backup of it still has is unreadable; then R2 is
//! cleared, again and again until it is.

use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::record::Folder;
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use worker::{Bucket, SqlStorage};

use crate::clock::now;
use crate::line_do::{self, LineRequest};
use crate::problem::Problem;
use crate::sealed_row::SealedRow;
use crate::user_do::User;
use crate::user_index::Index;
use crate::user_phone::Phone;
use crate::{operator, settings};

/// Wait before R2 is cleared again, in milliseconds, where it did not go well.
const RETRY_MILLIS: u64 = 60_000;

impl User {
    /// Keeps a conversation's new entry, and sees to it that what is old is deleted in time.
    pub(crate) fn keep(&self, index: &Index<'_>, entry: &ConversationEntry) -> Result<bool, Problem> {
        let is_kept = index.keep_or_leave(entry)?;
        if self.alarm_at.get().is_none() {
            self.plan(index)?;
        }
        Ok(is_kept)
    }

    /// Deletes a conversation; whether there was one.
    pub(crate) async fn delete(&self, id: ConversationId) -> Result<bool, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let was_there = Index::new(self.tables()?, vault, &user).remove(id)?;
        if was_there {
            self.clear(&user, vault).await?;
        }
        Ok(was_there)
    }

    /// Deletes everything but what limits hang on, the calls of the last day, which goes a day later. False while a call is
    /// running.
    pub(crate) async fn erase(&self) -> Result<bool, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let index = Index::new(self.tables()?, vault, &user);
        let known = index.all()?;
        if known.iter().any(|(entry, _)| entry.status != ConversationStatus::Completed) {
            return Ok(false);
        }
        for (entry, _) in known {
            index.remove(entry.id)?;
        }
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let moment = now();
        phone.forget_calls(moment - WINDOW_MILLIS)?;
        self.erased_row(vault, &user).write(&Some(moment))?;
        self.clear(&user, vault).await?;
        Ok(true)
    }

    /// Seals anew what an earlier master secret has sealed, here and in the objects of the user's numbers; how many records
    /// that were.
    pub(crate) async fn reseal(&self) -> Result<usize, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let mut count = Index::new(self.tables()?, vault, &user).reseal()? + phone.reseal()?;
        for own in phone.numbers()?.verified {
            count += line_do::ask::<usize>(&self.env, &self.config, &own.phone_number, &LineRequest::Reseal).await?;
        }
        Ok(count)
    }

    /// Sees to it that the user is in the operator's directory. What does not go well now goes the next time.
    pub(crate) fn enter_directory(&self, sql: &SqlStorage) -> Result<(), Problem> {
        sql.exec("CREATE TABLE IF NOT EXISTS entered (directory INTEGER PRIMARY KEY)", None)?;
        if sql.exec("SELECT 1 FROM entered", None)?.raw().next().is_some() {
            return Ok(());
        }
        let (env, config, user, sql) = (self.env.clone(), Rc::clone(&self.config), self.name()?, sql.clone());
        self.state.wait_until(async move {
            let Ok(vault) = &config.vault else { return };
            let is_entered = operator::enter(&env, vault, &user).await.is_ok();
            if !is_entered || sql.exec("INSERT OR IGNORE INTO entered (directory) VALUES (1)", None).is_err() {
                worker::console_error!("a user was not entered into the directory");
            }
        });
        Ok(())
    }

    /// Does what is due, and sees to it that it is done again.
    pub(crate) async fn tidy(&self) -> Result<(), Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let index = Index::new(self.tables()?, vault, &user);
        let phone = Phone::open(&self.state, &self.config, &user)?;
        if let Some(retention) = self.config.retention.clone()? {
            let limit = now() - retention.millis();
            for entry in index.before(limit)? {
                if entry.status == ConversationStatus::Completed {
                    index.remove(entry.id)?;
                }
            }
            phone.forget_calls(limit.min(now() - WINDOW_MILLIS))?;
        }
        for id in index.expired(now())? {
            index.remove(id)?;
        }
        let erased: Option<UnixMillis> = self.erased_row(vault, &user).read()?;
        if let Some(erased) = erased
            && erased + WINDOW_MILLIS <= now()
        {
            phone.forget_calls(erased)?;
            self.erased_row(vault, &user).write(&None::<UnixMillis>)?;
            if phone.is_empty()? && index.all()?.is_empty() && index.leaving()?.is_empty() {
                operator::leave(&self.env, vault, &user).await?;
                self.has_tables.set(false);
                return Ok(self.state.storage().delete_all().await?);
            }
        }
        self.do_duties(&user, vault).await?;
        self.clear(&user, vault).await
    }

    /// Removes from R2 what was deleted here. What does not go now goes later.
    async fn clear(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let index = Index::new(self.tables()?, vault, user);
        let bucket = self.env.bucket(settings::ARCHIVE)?;
        for id in index.leaving()? {
            match clear_folder(&bucket, &Folder::new(vault, user, id)).await {
                Ok(()) => index.left(id)?,
                Err(_) => worker::console_error!("a deleted conversation is still in the archive"),
            }
        }
        self.plan(&index)
    }

    /// Sees to it that the object is woken when something is due.
    pub(crate) fn plan(&self, index: &Index<'_>) -> Result<(), Problem> {
        if let Some(at) = self.next_duty(index)? {
            self.wake_at(at);
        }
        Ok(())
    }

    /// When something is to be done next.
    fn next_duty(&self, index: &Index<'_>) -> Result<Option<UnixMillis>, Problem> {
        let retry = (!index.leaving()?.is_empty()).then(|| now() + RETRY_MILLIS);
        let retention = self.config.retention.clone()?;
        let aged = match retention {
            // One that is due and still running is looked at again in a while.
            Some(retention) => {
                index.oldest()?.map(|entry| (entry.created_at + retention.millis()).max(now() + RETRY_MILLIS))
            }
            None => None,
        };
        let erased: Option<UnixMillis> = self.erased_row(self.vault()?, &self.name()?).read()?;
        let calls = erased.map(|moment| moment + WINDOW_MILLIS);
        Ok([retry, aged, calls, index.next_expiry()?, self.next_due()?].into_iter().flatten().min())
    }

    fn wake_at(&self, at: UnixMillis) {
        self.alarm_at.set(Some(at));
        let storage = self.state.storage();
        self.state.wait_until(async move {
            if storage.set_alarm(Duration::from_millis(at.since(now()))).await.is_err() {
                worker::console_error!("a user's alarm was not set");
            }
        });
    }

    /// When the user had everything deleted, while something of it is still there.
    fn erased_row<'a>(&self, vault: &'a Vault, user: &'a UserId) -> SealedRow<'a> {
        SealedRow::new(&self.state, vault, Owner::User(user), "erased")
    }

    fn vault(&self) -> Result<&Vault, Problem> {
        Ok(self.config.vault.as_ref().map_err(Clone::clone)?)
    }
}

/// Removes all objects of a folder, a thousand at a time.
async fn clear_folder(bucket: &Bucket, folder: &Folder) -> Result<(), Problem> {
    loop {
        let page = bucket.list().prefix(folder.prefix()).execute().await?;
        let names: Vec<_> = page.objects().iter().map(worker::Object::key).collect();
        if names.is_empty() {
            return Ok(());
        }
        bucket.delete_multiple(names).await?;
    }
}
