//! The object of one user, with what all of its parts need: whose it is, its database, its alarm.

use std::cell::Cell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::database::Database;
use fourwire_engine::names;
use fourwire_engine::user::{self, create_tables};
use fourwire_engine::vault::Vault;
use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use worker::{Env, State, durable_object};

use crate::fault::During;
use crate::log;
use crate::objects::identity::ObjectIdentity;
use crate::problem::Problem;
use crate::storage::database::ObjectDatabase;
use crate::storage::directory;

/// The object.
#[durable_object]
pub struct User {
    pub(super) state: State,
    pub(super) env: Env,
    pub(super) config: Rc<Config>,
    pub(super) identity: ObjectIdentity<UserId>,
    /// When the alarm that is known to be set rings.
    pub(super) alarm_at: Cell<Option<UnixMillis>>,
    /// Whether the tables are known to be there.
    pub(super) has_tables: Cell<bool>,
}

impl std::panic::RefUnwindSafe for User {}

/// What the core decides from: the object's database with every table in it, whose it is, and the settings.
pub(super) struct Core {
    database: ObjectDatabase,
    config: Rc<Config>,
    user: UserId,
}

impl Core {
    /// The core.
    pub(super) fn get(&self) -> Result<user::User<'_, ObjectDatabase>, Problem> {
        Ok(user::User::new(&self.database, &self.config, &self.user)?)
    }

    /// Whose it is.
    pub(super) const fn user(&self) -> &UserId {
        &self.user
    }

    /// How the user's data is sealed.
    pub(super) fn vault(&self) -> Result<&Vault, Problem> {
        Ok(self.config.vault()?)
    }
}

impl User {
    /// What the core decides from.
    pub(super) fn core(&self) -> Result<Core, Problem> {
        let user = self.identity.get(&self.state, self.config.vault()?)?.during("object.identity")?;
        let database = ObjectDatabase::of(&self.state);
        if !self.has_tables.get() {
            create_tables(&database)?;
            self.identity.keep(&self.state, self.config.vault()?)?;
            self.enter_directory(&database, &user)?;
            self.has_tables.set(true);
        }
        Ok(Core { database, config: Rc::clone(&self.config), user })
    }

    /// Asks the core something that it can answer at once.
    pub(super) fn with_core<T, E>(
        &self,
        ask: impl FnOnce(user::User<'_, ObjectDatabase>) -> Result<T, E>,
    ) -> Result<T, Problem>
    where
        Problem: From<E>,
    {
        Ok(ask(self.core()?.get()?)?)
    }

    /// Takes a request's word for whose object this is; whether that is known.
    pub(super) fn identify(&self, owner: Option<UserId>) -> Result<bool, Problem> {
        let vault = self.config.vault()?;
        match owner {
            Some(user) => {
                let name = names::user_object(vault, &user);
                self.identity.learn(&self.state, user, &name).map(|()| true)
            }
            None => Ok(self.identity.get(&self.state, vault)?.is_some()),
        }
    }

    /// Sees to it that the user is in the operator's directory. What does not go well now goes the next time.
    fn enter_directory(&self, database: &ObjectDatabase, user: &UserId) -> Result<(), Problem> {
        database.execute("CREATE TABLE IF NOT EXISTS entered (directory INTEGER PRIMARY KEY)", vec![])?;
        if database.first("SELECT 1 FROM entered", vec![])?.is_some() {
            return Ok(());
        }
        let (env, config, user, database) = (self.env.clone(), Rc::clone(&self.config), user.clone(), database.clone());
        self.state.wait_until(async move {
            let Ok(vault) = &config.vault else { return };
            let is_entered = directory::enter(&env, vault, &user).await.is_ok();
            if !is_entered || database.execute("INSERT OR IGNORE INTO entered (directory) VALUES (1)", vec![]).is_err()
            {
                log::error!("user_not_in_directory");
            }
        });
        Ok(())
    }
}
