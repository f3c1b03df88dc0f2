//! A world around a user's object: SQLite for its database, and simple stand-ins of everything that takes a while. Time passes only where a
//! test lets it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use fourwire_engine::config::Config;
use fourwire_engine::database::{Database, Row, Value};
use fourwire_engine::fault::Fault;
use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::task::{MAX_WAIT_MILLIS, Task};
use fourwire_engine::user::unfinished::CallState;
use fourwire_engine::user::{CallStart, Failure, Input, Job, Known, Output, Run, User, create_tables};
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::query::Source;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::UnixMillis;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

/// When every test begins.
pub const BEGIN: UnixMillis = UnixMillis::new(1_800_000_000_000);
/// Milliseconds of a minute.
pub const MINUTE: u64 = 60_000;
/// Milliseconds of a day.
pub const DAY: u64 = 24 * 60 * MINUTE;

/// SQLite itself, in memory.
pub struct Sqlite {
    connection: Connection,
    random: Cell<u64>,
}

impl Sqlite {
    fn new() -> Self {
        Self { connection: Connection::open_in_memory().unwrap(), random: Cell::new(1) }
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        self.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

impl Database for Sqlite {
    type Rows = std::vec::IntoIter<Result<Row, Fault>>;

    fn query(&self, statement: &str, values: Vec<Value>) -> Result<Self::Rows, Fault> {
        let failed = |error: rusqlite::Error| Fault::new("sql", error.to_string());
        let values = values.into_iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(value) => value.into(),
            Value::Real(value) => value.into(),
            Value::Text(value) => value.into(),
            Value::Blob(value) => value.into(),
        });
        let mut prepared = self.connection.prepare(statement).map_err(failed)?;
        let columns = prepared.column_count();
        let mut found = prepared.query(params_from_iter(values)).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            let value = |column| match row.get_ref(column).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Integer(value),
                ValueRef::Real(value) => Value::Real(value),
                ValueRef::Text(value) => Value::Text(String::from_utf8(value.to_vec()).unwrap()),
                ValueRef::Blob(value) => Value::Blob(value.to_vec()),
            };
            rows.push(Ok((0..columns).map(value).collect()));
        }
        Ok(rows.into_iter())
    }

    /// Never the same bytes twice, and the same ones in each run of a test.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        for byte in bytes {
            let next =
                self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.random.set(next);
            *byte = next.to_be_bytes()[0];
        }
        Ok(())
    }
}

/// What is done of each kind of job: everything, unless a test says otherwise.
pub type Refuses = dyn Fn(&Job) -> bool;

/// The world.
pub struct World {
    pub database: Sqlite,
    pub config: Config,
    pub user: UserId,
    pub now: UnixMillis,
    /// Jobs that are not done.
    pub refuses: RefCell<Box<Refuses>>,
    /// What was asked for, and when, in minutes from the beginning.
    pub jobs: Vec<(f64, String)>,
    pub failures: Vec<Failure>,
    /// Folders in R2.
    pub folders: BTreeSet<ConversationId>,
    /// What calls' objects have.
    pub calls: BTreeMap<ConversationId, CallState>,
    /// When the alarm is set for.
    pub alarm: Option<UnixMillis>,
    /// Whether the whole storage was deleted.
    pub is_forgotten: bool,
    /// After how many further jobs the machine dies; it dies once.
    pub dies_after: Option<usize>,
}

const SETTINGS: [(&str, &str); 8] = [
    ("ENCRYPTION_SECRET", "a secret of the tests that is long enough"),
    ("CALL_NOTICE", "none"),
    ("DIAL_REGIONS", "US"),
    ("CALLS_AT_ONCE", "1"),
    ("WEBHOOK_URL", "https://operator.example/hook"),
    ("WEBHOOK_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("RETENTION_DAYS", "30"),
    ("SUMMARY_MODEL", "@cf/meta/llama"),
];

/// Settings of the tests with others in their place.
pub fn settings(others: &[(&str, &str)]) -> Config {
    Config::read(|name| {
        let mut known = others.iter().chain(&SETTINGS).filter(|(key, _)| *key == name);
        known.next().map(|(_, value)| (*value).to_owned())
    })
}

/// A conversation's id.
pub fn id(number: u8) -> ConversationId {
    ConversationId::from_random([number; 16])
}

/// A call's name.
pub fn call(number: u8) -> CallId {
    CallId::parse(format!("call-{number}")).unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(others: &[(&str, &str)]) -> Self {
        let world = Self {
            database: Sqlite::new(),
            config: settings(others),
            user: UserId::parse("ann").unwrap(),
            now: BEGIN,
            refuses: RefCell::new(Box::new(|_| false)),
            jobs: Vec::new(),
            failures: Vec::new(),
            folders: BTreeSet::new(),
            calls: BTreeMap::new(),
            alarm: None,
            is_forgotten: false,
            dies_after: None,
        };
        create_tables(&world.database).unwrap();
        world
    }

    pub fn core(&self) -> User<'_, Sqlite> {
        User::new(&self.database, &self.config, &self.user).unwrap()
    }

    /// From now on jobs like these are not done.
    pub fn refuse(&self, refuses: impl Fn(&Job) -> bool + 'static) {
        *self.refuses.borrow_mut() = Box::new(refuses);
    }

    /// A call begins: its conversation, and the key.
    pub fn start(&self, number: u8) -> CallStart {
        self.core().start_call(entry(number, self.now, ConversationStatus::InProgress), self.now, self.now).unwrap()
    }

    /// A call begins, and its first audio comes.
    pub fn begin_call(&mut self, number: u8) -> Known {
        let CallStart::Go { entry, key, .. } = self.start(number) else { panic!("call {number} may begin") };
        self.core().register(&entry, &key, self.now).unwrap();
        self.calls.insert(id(number), CallState::Running);
        self.folders.insert(id(number));
        self.plan();
        (*entry, key)
    }

    /// A call ends, and reports it.
    pub fn end_call(&mut self, number: u8) {
        let finished = entry(number, self.now, ConversationStatus::Completed);
        self.core().upsert(&finished, self.now).unwrap();
        self.calls.remove(&id(number));
        self.plan();
    }

    /// Whether the user has a conversation.
    pub fn has(&self, number: u8) -> bool {
        self.core().find(id(number), self.now).unwrap().is_some()
    }

    pub fn plan(&mut self) {
        self.alarm = self.core().poll_timeout(self.now);
    }

    /// Runs tasks as the object does.
    pub fn run(&mut self, tasks: &[Task]) {
        let begun = tasks == Task::ALL;
        if begun {
            let wait = self.core().begin_run(self.now).unwrap_or(MAX_WAIT_MILLIS);
            self.alarm = Some(self.now + wait);
        }
        let mut run = Run::new(tasks);
        while let Some(output) = self.poll(&mut run) {
            match output {
                Output::Failed(failure) => self.failures.push(failure),
                Output::Do(job) => {
                    if self.dies_after == Some(0) {
                        self.dies_after = None;
                        return;
                    }
                    self.dies_after = self.dies_after.map(|jobs| jobs - 1);
                    let input = self.perform(job);
                    run.handle(&self.core(), self.now, input);
                }
            }
        }
        if run.is_forgotten() {
            self.is_forgotten = true;
            self.alarm = None;
        } else {
            if begun {
                self.core().end_run(self.now).unwrap();
            }
            self.plan();
        }
    }

    fn poll(&self, run: &mut Run) -> Option<Output> {
        run.poll(&self.core(), self.now)
    }

    /// Lets time pass up to a moment, with every alarm on the way.
    pub fn pass(&mut self, until: UnixMillis) {
        let mut alarms = 0;
        while let Some(at) = self.alarm.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.run(&Task::ALL);
            alarms += 1;
            assert!(alarms < 5_000, "alarms come to rest: {:?}", self.jobs.iter().rev().take(5).collect::<Vec<_>>());
        }
        self.now = until;
    }

    fn perform(&mut self, job: Job) -> Input {
        let minutes = self.now.since(BEGIN) as f64 / MINUTE as f64;
        self.jobs.push((minutes, name(&job)));
        if self.refuses.borrow()(&job) {
            return Input::Failed;
        }
        match job {
            Job::AskCall { id, .. } => Input::CallState(*self.calls.get(&id).unwrap_or(&CallState::Absent)),
            Job::FinishCall { entry, .. } => {
                self.calls.remove(&entry.id);
                let finished = ConversationEntry { status: ConversationStatus::Completed, ..*entry };
                let is_stored = self.folders.contains(&finished.id);
                Input::Finished(is_stored.then(|| (Box::new(finished), true)))
            }
            Job::FollowUp { .. } => Input::FollowedUp { is_done: true, changed: None },
            Job::Clear { id, call } => {
                if call.is_some() {
                    self.calls.remove(&id);
                }
                self.folders.remove(&id);
                Input::Done
            }
            Job::Release(_) | Job::Forget => Input::Done,
        }
    }

    /// What was asked for of a name, in minutes from the beginning.
    pub fn times(&self, name: &str) -> Vec<f64> {
        self.jobs.iter().filter(|(_, known)| known.starts_with(name)).map(|(at, _)| *at).collect()
    }
}

/// A conversation's entry.
pub fn entry(number: u8, created_at: UnixMillis, status: ConversationStatus) -> ConversationEntry {
    ConversationEntry {
        id: id(number),
        created_at,
        started_at: Some(created_at),
        finished_at: None,
        status,
        source: Source::PhoneCall,
        call_id: Some(call(number)),
        callee: None,
        contact_name: None,
        structured: Structured::titled("Phone call"),
        starred: false,
        discarded: false,
    }
}

fn name(job: &Job) -> String {
    match job {
        Job::AskCall { id, .. } => format!("ask {id}"),
        Job::FinishCall { entry, .. } => format!("finish {}", entry.id),
        Job::FollowUp { follow_up: FollowUp::Summary, .. } => "sum up".to_owned(),
        Job::FollowUp { follow_up: FollowUp::Webhook, .. } => "notify".to_owned(),
        Job::Clear { id, call: Some(_) } => format!("end and clear {id}"),
        Job::Clear { id, call: None } => format!("clear {id}"),
        Job::Release(_) => "release".to_owned(),
        Job::Forget => "forget".to_owned(),
    }
}
