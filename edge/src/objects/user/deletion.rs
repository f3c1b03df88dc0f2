//! A user's object deletes what the user gives up. A conversation's key goes first, and with it whatever R2 or a backup of it still has
//! is unreadable; then its call is ended and R2 is cleared, again and again until it is.

use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::record::Folder;
use fourwire_engine::user::task::{Task, retry_wait};
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::Bucket;

use super::alarm::{Left, MAX_A_STEP};
use super::index::{Index, PendingDeletion};
use super::phone::Phone;
use super::state::User;
use crate::clock::now;
use crate::log;
use crate::problem::Problem;
use crate::rpc::call::{self, Delete};
use crate::rpc::phone_number::{self, Release, Reseal};
use crate::settings;
use crate::storage::directory;
use crate::storage::sealed_row::SealedRow;

/// How long after a running call was ended its conversation's folder is cleared once more, in milliseconds: what the call was
/// storing at that moment has arrived by then, since storing has 10 s.
const SECOND_LOOK_MILLIS: u64 = 60_000;

/// What is still to be done of an erasure. Everything else was deleted when it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Erasure {
    /// When the user had everything deleted; none: never.
    at: Option<UnixMillis>,
    /// Numbers that are the user's no more and whose own objects may not know it yet.
    numbers: Vec<PhoneNumber>,
}

impl User {
    /// Deletes a conversation, whatever its call is doing; whether there was one.
    pub(super) async fn delete(&self, id: ConversationId) -> Result<bool, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let was_there = Index::new(self.tables()?, vault, &user).remove(id)?;
        if was_there {
            self.run_due(&[Task::Deletions]).await;
            self.plan();
        }
        Ok(was_there)
    }

    /// Deletes everything but what limits hang on, the calls of the last day, which goes a day later. What is elsewhere follows,
    /// at once as far as it goes, and by the alarm.
    pub(super) async fn erase(&self) -> Result<(), Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let sql = self.tables()?;
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let row = self.erasure_row(vault, &user);
        let mut erasure: Erasure = row.read()?;
        erasure.at = Some(now());
        erasure.numbers.extend(phone.give_up_all()?);
        row.write(&erasure)?;
        phone.forget_calls(now() - WINDOW_MILLIS)?;
        sql.exec("DELETE FROM duties", None)?;
        let index = Index::new(sql, vault, &user);
        index.remove_all()?;
        // A call whose first audio has not come yet has no entry, and gets none.
        for call in self.open_calls()? {
            index.end(&call)?;
        }
        if self.run_due(&[Task::Deletions, Task::Erasure]).await == Left::Something {
            self.plan();
        }
        Ok(())
    }

    /// Seals anew what an earlier master secret has sealed, here and in the objects of the user's numbers, those that are being
    /// verified and those that are being given up among them; how many records that were.
    pub(super) async fn reseal(&self) -> Result<usize, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let mut count = self.identity.reseal(&self.state, vault)?;
        count += Index::new(self.tables()?, vault, &user).reseal()? + phone.reseal()?;
        let known = phone.numbers()?;
        let erasure: Erasure = self.erasure_row(vault, &user).read()?;
        let verified = known.verified.into_iter().map(|own| own.phone_number);
        for number in verified.chain(known.pending).chain(erasure.numbers) {
            count += phone_number::call(&self.env, &self.config, &number, Reseal()).await?;
        }
        Ok(count)
    }

    /// Ends calls of deleted conversations and removes from R2 what there is of them. What does not go now goes later.
    pub(super) async fn clear(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let index = Index::new(self.tables()?, vault, user);
        for mut deletion in index.pending_deletions(MAX_A_STEP)? {
            let outcome = self.clear_one(user, vault, &deletion).await;
            let was_running = deletion.call.is_some();
            match outcome {
                Ok(()) if was_running => {
                    (deletion.call, deletion.failures) = (None, 0);
                    index.delete_again(&deletion, now() + SECOND_LOOK_MILLIS)?;
                }
                Ok(()) => index.deleted(deletion.id)?,
                Err(problem) => {
                    log::error!("deletion_not_complete", conversation = deletion.id, error = problem.cause());
                    deletion.failures = deletion.failures.saturating_add(1);
                    index.delete_again(&deletion, now() + retry_wait(deletion.failures))?;
                }
            }
        }
        Ok(())
    }

    async fn clear_one(&self, user: &UserId, vault: &Vault, deletion: &PendingDeletion) -> Result<(), Problem> {
        if let Some(call) = &deletion.call {
            call::call(&self.env, user, call, Delete(deletion.id)).await?;
        }
        clear_folder(&self.env.bucket(settings::ARCHIVE)?, &Folder::new(vault, user, deletion.id)).await
    }

    /// Gives the user's numbers up, one by one; and once the calls count no more, forgets that there was such a user. What says that
    /// there is something to erase is erased last.
    pub(super) async fn go_on_erasing(&self, user: &UserId, vault: &Vault) -> Result<Left, Problem> {
        let row = self.erasure_row(vault, user);
        let mut outcome = Ok(Left::Something);
        for number in row.read::<Erasure>()?.numbers {
            let release = Release(user.clone());
            if let Err(problem) = phone_number::call(&self.env, &self.config, &number, release).await {
                outcome = Err(problem);
                continue;
            }
            // Read once more: while this waited, the user may have had everything deleted again.
            let mut erasure: Erasure = row.read()?;
            erasure.numbers.retain(|known| *known != number);
            row.write(&erasure)?;
        }
        let Some(at) = row.read::<Erasure>()?.at else { return outcome };
        if outcome.is_err() || now() < at + WINDOW_MILLIS {
            return outcome;
        }
        let phone = Phone::open(&self.state, &self.config, user)?;
        let index = Index::new(self.tables()?, vault, user);
        phone.forget_calls(at)?;
        if index.next_deletion()?.is_some() {
            return outcome;
        }
        if !phone.is_empty()? || index.oldest()?.is_some() {
            // The user has begun anew.
            row.write(&Erasure::default())?;
            return outcome;
        }
        directory::leave(&self.env, vault, user).await?;
        self.has_tables.set(false);
        self.alarm_at.set(None);
        self.state.storage().delete_all().await?;
        Ok(Left::Nothing)
    }

    /// When there is something of an erasure to be done next.
    pub(super) fn next_erasure(&self, user: &UserId, vault: &Vault) -> Result<Option<UnixMillis>, Problem> {
        let Erasure { at, numbers } = self.erasure_row(vault, user).read()?;
        let Some(at) = at else { return Ok(None) };
        if !numbers.is_empty() {
            return Ok(Some(at));
        }
        // It ends when everything else has.
        let end = at + WINDOW_MILLIS;
        let next_deletion = Index::new(self.tables()?, vault, user).next_deletion()?;
        Ok(Some(next_deletion.map_or(end, |deletion| end.max(deletion + 1))))
    }

    /// What is still to be erased.
    fn erasure_row<'a>(&self, vault: &'a Vault, user: &'a UserId) -> SealedRow<'a> {
        SealedRow::new(&self.state, vault, Owner::User(user), "erasure")
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
