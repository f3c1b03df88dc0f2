//! The object of one user: the index of conversations. Every entry is sealed; only what is looked up by lies open.

use fourwire_engine::config::Config;
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, Result, SqlStorage, SqlStorageValue, State,
    durable_object,
};

use crate::problem::Problem;
use crate::{archive, settings};

/// What the object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserRequest {
    /// A call begins: register its conversation, unless the call has one already.
    Start(ConversationEntry),
    /// A call's conversation has changed: keep its new entry.
    Keep(ConversationEntry),
    /// All conversations, newest first.
    List,
    /// One conversation.
    Find(ConversationId),
}

/// What the object answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserAnswer {
    /// The call's conversation: the one offered, or the one it already had.
    Started(ConversationEntry),
    /// The entry is kept.
    Kept,
    /// All conversations.
    List(Vec<ConversationEntry>),
    /// The conversation, where there is one.
    Found(Option<ConversationEntry>),
}

/// Asks a user's object.
pub(crate) async fn ask(env: &Env, user: &UserId, request: &UserRequest) -> std::result::Result<UserAnswer, Problem> {
    let body = serde_json::to_string(request).map_err(|_| Problem::Internal)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let request = Request::new_with_init("https://user/", &init)?;
    let stub = env.durable_object(settings::USERS)?.get_by_name(user.as_str())?;
    let mut answer = stub.fetch_with_request(request).await?;
    if answer.status_code() != 200 {
        return Err(Problem::Internal);
    }
    Ok(answer.json().await?)
}

/// The object.
#[durable_object(fetch)]
pub struct User {
    state: State,
    config: Config,
}

impl std::panic::RefUnwindSafe for User {}

impl DurableObject for User {
    fn new(state: State, env: Env) -> Self {
        Self { state, config: settings::read(&env) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let answer = match request.json().await {
            Ok(asked) => self.answer(asked),
            Err(_) => Err(Problem::Internal),
        };
        answer.map_or_else(|problem| problem.response(), |answer| Response::from_json(&answer))
    }
}

impl User {
    fn answer(&self, asked: UserRequest) -> std::result::Result<UserAnswer, Problem> {
        let index = Index::open(&self.state, &self.config)?;
        Ok(match asked {
            UserRequest::Start(entry) => {
                let known = entry.call_id.as_ref().map(|call| index.of_call(call)).transpose()?.flatten();
                if known.is_none() {
                    index.keep(&entry)?;
                }
                UserAnswer::Started(known.unwrap_or(entry))
            }
            UserRequest::Keep(entry) => {
                index.keep(&entry)?;
                UserAnswer::Kept
            }
            UserRequest::List => UserAnswer::List(index.all()?),
            UserRequest::Find(id) => UserAnswer::Found(index.find(id)?),
        })
    }
}

/// The table of conversations.
struct Index<'a> {
    sql: SqlStorage,
    config: &'a Config,
    user: UserId,
}

impl<'a> Index<'a> {
    fn open(state: &State, config: &'a Config) -> std::result::Result<Self, Problem> {
        let user = state.id().name().and_then(|name| UserId::parse(name).ok()).ok_or(Problem::Internal)?;
        let sql = state.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS conversations (
                id TEXT PRIMARY KEY, call_id TEXT UNIQUE, created_at INTEGER NOT NULL, entry BLOB NOT NULL
            ) WITHOUT ROWID",
            None,
        )?;
        Ok(Self { sql, config, user })
    }

    fn keep(&self, entry: &ConversationEntry) -> std::result::Result<(), Problem> {
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let plain = serde_json::to_vec(entry).map_err(|_| Problem::Internal)?;
        let sealed =
            vault.seal(&self.user, &address(entry.id), archive::nonce()?, &plain).map_err(|_| Problem::Internal)?;
        let created = i64::try_from(entry.created_at.get()).map_err(|_| Problem::Internal)?;
        self.sql.exec(
            "INSERT INTO conversations (id, call_id, created_at, entry) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET entry = excluded.entry",
            vec![
                entry.id.to_string().into(),
                entry.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                created.into(),
                sealed.into(),
            ],
        )?;
        Ok(())
    }

    fn all(&self) -> std::result::Result<Vec<ConversationEntry>, Problem> {
        self.read("SELECT id, entry FROM conversations ORDER BY created_at DESC", vec![])
    }

    fn find(&self, id: ConversationId) -> std::result::Result<Option<ConversationEntry>, Problem> {
        let rows = self.read("SELECT id, entry FROM conversations WHERE id = ?", vec![id.to_string().into()])?;
        Ok(rows.into_iter().next())
    }

    fn of_call(&self, call: &CallId) -> std::result::Result<Option<ConversationEntry>, Problem> {
        let rows =
            self.read("SELECT id, entry FROM conversations WHERE call_id = ?", vec![call.as_str().to_owned().into()])?;
        Ok(rows.into_iter().next())
    }

    fn read(&self, query: &str, values: Vec<SqlStorageValue>) -> std::result::Result<Vec<ConversationEntry>, Problem> {
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let mut entries = Vec::new();
        for row in self.sql.exec(query, values)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::Blob(sealed)] = row.as_slice() else {
                return Err(Problem::Internal);
            };
            let id = ConversationId::parse(id).ok_or(Problem::Internal)?;
            let plain = vault.open(&self.user, &address(id), sealed).map_err(|error| {
                worker::console_error!("an index entry {error}");
                Problem::Internal
            })?;
            entries.push(serde_json::from_slice(&plain).map_err(|_| Problem::Internal)?);
        }
        Ok(entries)
    }
}

/// Where an entry lies, for its seal.
fn address(id: ConversationId) -> String {
    format!("index/{id}")
}
