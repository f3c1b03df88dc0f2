//! The object that counts what all users together use within a day. There is one, which is asked once a call and told once a
//! minute of a call, so it has room for some ten thousand calls at once.
//! (<https://developers.cloudflare.com/durable-objects/platform/limits/>: about a thousand requests a second.)

use std::cell::Cell;
use std::rc::Rc;

use fourwire_engine::config::{Config, LogLevel};
use fourwire_engine::quota::Usage;
use fourwire_engine::quota::deployment::{Counter, Notice, first_hour, notice};
use worker::{DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object};

use crate::clock::now;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::rpc::deployment::{Add, CounterState, DeploymentRequest, HasLeft, ReadAll, Take};
use crate::rpc::{answer, received};
use crate::settings;

/// The object.
#[durable_object]
pub struct Deployment {
    state: State,
    config: Rc<Config>,
    has_table: Cell<bool>,
}

impl std::panic::RefUnwindSafe for Deployment {}

impl DurableObject for Deployment {
    fn new(state: State, env: Env) -> Self {
        Self { state, config: settings::read(&env), has_table: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let asked = match received(&mut request).await {
            Ok(asked) => asked,
            Err(fault) => return Problem::from(fault).response(),
        };
        match asked {
            DeploymentRequest::Add(Add(counter, amount)) => answer::<Add>(self.add(counter, amount)),
            DeploymentRequest::Take(Take(counter)) => answer::<Take>(self.take(counter)),
            DeploymentRequest::HasLeft(HasLeft(counter)) => answer::<HasLeft>(self.has_left(counter)),
            DeploymentRequest::ReadAll(ReadAll()) => answer::<ReadAll>(self.all()),
        }
    }
}

impl Deployment {
    fn add(&self, counter: Counter, amount: u64) -> std::result::Result<bool, Problem> {
        let (before, ceiling) = (self.used(counter)?, self.ceiling(counter)?);
        let after = before.saturating_add(amount);
        let number = |number: u64| i64::try_from(number).during("sql.used");
        let values = vec![counter.name().into(), number(Usage::hour(now()))?.into(), number(amount)?.into()];
        let sql = self.table()?;
        sql.exec(
            "INSERT INTO used (counter, hour, amount) VALUES (?, ?, ?)
             ON CONFLICT (counter, hour) DO UPDATE SET amount = amount + excluded.amount",
            values,
        )?;
        sql.exec("DELETE FROM used WHERE hour < ?", vec![number(first_hour(now()))?.into()])?;
        if let Some(notice) = notice(before, after, ceiling) {
            let event = match notice {
                Notice::Nearing => "ceiling_near",
                Notice::Reached => "ceiling_reached",
            };
            let fields = [("counter", counter.name().into()), ("used", after.into()), ("ceiling", ceiling.into())];
            log::write(LogLevel::Error, event, fields);
        }
        Ok(after < ceiling)
    }

    fn take(&self, counter: Counter) -> std::result::Result<bool, Problem> {
        let has_left = self.has_left(counter)?;
        if has_left {
            self.add(counter, 1)?;
        }
        Ok(has_left)
    }

    fn has_left(&self, counter: Counter) -> std::result::Result<bool, Problem> {
        Ok(self.used(counter)? < self.ceiling(counter)?)
    }

    fn all(&self) -> std::result::Result<Vec<CounterState>, Problem> {
        let state = |counter| Ok(CounterState { counter, used: self.used(counter)?, ceiling: self.ceiling(counter)? });
        Counter::ALL.into_iter().map(state).collect()
    }

    fn used(&self, counter: Counter) -> std::result::Result<u64, Problem> {
        let sql = self.table()?;
        let first = i64::try_from(first_hour(now())).during("sql.used")?;
        let values = vec![counter.name().into(), first.into()];
        let query = "SELECT SUM(amount) FROM used WHERE counter = ? AND hour >= ?";
        match sql.exec(query, values)?.raw().next().transpose()?.as_deref() {
            Some([SqlStorageValue::Integer(used)]) => Ok(u64::try_from(*used).during("sql.used")?),
            // A sum of nothing is null.
            _ => Ok(0),
        }
    }

    /// What was used, of which there is a table from the first request on.
    fn table(&self) -> std::result::Result<SqlStorage, Problem> {
        let sql = self.state.storage().sql();
        if !self.has_table.replace(true) {
            sql.exec(
                "CREATE TABLE IF NOT EXISTS used (
                    counter TEXT, hour INTEGER, amount INTEGER NOT NULL, PRIMARY KEY (counter, hour)
                ) WITHOUT ROWID",
                None,
            )?;
        }
        Ok(sql)
    }

    fn ceiling(&self, counter: Counter) -> std::result::Result<u64, Problem> {
        Ok(self.config.quotas()?.ceilings.of(counter))
    }
}
