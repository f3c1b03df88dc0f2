//! The object of one user, with what all of its parts need: whose it is, its tables, its alarm.

use std::cell::Cell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::names;
use fourwire_engine::vault::Vault;
use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use worker::{Env, SqlStorage, State, durable_object};

use super::schema;
use crate::fault::During;
use crate::log;
use crate::objects::identity::ObjectIdentity;
use crate::problem::Problem;
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

impl User {
    /// Whose object this is.
    pub(super) fn name(&self) -> Result<UserId, Problem> {
        Ok(self.identity.get(&self.state, self.vault()?)?.during("object.identity")?)
    }

    /// Takes a request's word for whose object this is; whether that is known.
    pub(super) fn identify(&self, owner: Option<UserId>) -> Result<bool, Problem> {
        let vault = self.vault()?;
        match owner {
            Some(user) => {
                let name = names::user_object(vault, &user);
                self.identity.learn(&self.state, user, &name).map(|()| true)
            }
            None => Ok(self.identity.get(&self.state, vault)?.is_some()),
        }
    }

    pub(super) fn vault(&self) -> Result<&Vault, Problem> {
        Ok(self.config.vault()?)
    }

    /// The object's database, with every table in it.
    pub(super) fn tables(&self) -> Result<SqlStorage, Problem> {
        let sql = self.state.storage().sql();
        if !self.has_tables.replace(true) {
            schema::create(&sql)?;
            self.identity.keep(&self.state, self.vault()?)?;
            self.enter_directory(&sql)?;
        }
        Ok(sql)
    }

    /// Sees to it that the user is in the operator's directory. What does not go well now goes the next time.
    fn enter_directory(&self, sql: &SqlStorage) -> Result<(), Problem> {
        sql.exec("CREATE TABLE IF NOT EXISTS entered (directory INTEGER PRIMARY KEY)", None)?;
        if sql.exec("SELECT 1 FROM entered", None)?.raw().next().is_some() {
            return Ok(());
        }
        let (env, config, user, sql) = (self.env.clone(), Rc::clone(&self.config), self.name()?, sql.clone());
        self.state.wait_until(async move {
            let Ok(vault) = &config.vault else { return };
            let is_entered = directory::enter(&env, vault, &user).await.is_ok();
            if !is_entered || sql.exec("INSERT OR IGNORE INTO entered (directory) VALUES (1)", None).is_err() {
                log::error!("user_not_in_directory");
            }
        });
        Ok(())
    }
}
