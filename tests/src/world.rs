//! The lab and the Worker, wired to each other.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use fourwire_engine::names::{self, CallOwner};
use fourwire_engine::vault::Vault;
use fourwire_lab::app::PhoneOptions;
use fourwire_lab::deepgram::KEY;
use fourwire_lab::{Lab, LabOptions, twilio};
use fourwire_wire::ids::{CallId, UserId};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::kept::Kept;
use crate::personal;
use crate::workerd::{Built, Sockets, Workerd};

/// Where Twilio believes the Worker to be.
pub const PUBLIC_ORIGIN: &str = "https://calls.example.test";

/// The Worker's secret, under which everything lies.
pub const SECRET: &str = "a secret that is only good for tests";

/// Everything a call needs.
pub struct World {
    /// The outside.
    pub lab: Lab,
    /// The Worker.
    pub workerd: Workerd,
    built: Built,
    state: PathBuf,
    variables: Map<String, Value>,
}

impl World {
    /// A world that listens to tones.
    pub async fn start() -> Self {
        Self::with(LabOptions::default(), |_| {}).await
    }

    /// A world with a lab of one's own choice, and changes to the Worker's variables.
    ///
    /// # Panics
    /// When it does not start: a test cannot go on without it.
    pub async fn with(options: LabOptions, change: impl FnOnce(&mut Map<String, Value>)) -> Self {
        Self::with_urls(options, |variables, _| change(variables)).await
    }

    /// The same for changes that need to know where the lab is.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with_urls(options: LabOptions, change: impl FnOnce(&mut Map<String, Value>, &Lab)) -> Self {
        Self::of(Built::FaultInjection, options, change).await
    }

    /// The same around another Worker than the one that is built for tests.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn of(built: Built, options: LabOptions, change: impl FnOnce(&mut Map<String, Value>, &Lab)) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let state = env::temp_dir().join(format!("fourwire-tests-{}-{number}", process::id()));
        fs::create_dir_all(&state).expect("a temporary directory");
        let lab = Lab::start(options).await.expect("the lab starts");
        let mut variables = variables(&lab);
        change(&mut variables, &lab);
        let workerd = Workerd::start(built, &variables, &state);
        lab.twilio().reach(PUBLIC_ORIGIN, workerd.origin());
        Self { lab, workerd, built, state, variables }
    }

    /// The world that tests share which break nothing.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<World> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The edge's address.
    #[must_use]
    pub fn edge(&self) -> &str {
        self.workerd.origin()
    }

    /// The lines of the Worker's log that are about an event.
    #[must_use]
    pub fn logged(&self, event: &str) -> Vec<Value> {
        let log = self.log();
        let objects = log.lines().filter_map(|line| Some(&line[line.find('{')?..=line.rfind('}')?]));
        let lines = objects.filter_map(|object| serde_json::from_str::<Value>(object).ok());
        lines.filter(|line| line["event"] == event).collect()
    }

    /// The same, once there are so many: a line comes by a pipe of its own, and a busy machine may be late with it.
    ///
    /// # Panics
    /// When there are fewer after 20 seconds.
    pub async fn logged_times(&self, event: &str, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let lines = self.logged(event);
            if lines.len() >= count {
                return lines;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{event}, {count} times: {lines:?} of {}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that the Worker logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.workerd.log()
    }

    /// Where the Worker keeps its state on disk.
    #[must_use]
    pub fn kept(&self) -> PathBuf {
        self.state.join("kept")
    }

    /// A good token of a user.
    #[must_use]
    pub fn token(&self, user: &str) -> String {
        personal::protect_user(user);
        self.lab.issuer().token(user)
    }

    /// A phone of a user, about to place a new call.
    #[must_use]
    pub fn phone(&self, user: &str) -> PhoneOptions {
        PhoneOptions::new(self.edge(), self.token(user))
    }

    /// Kills the whole Worker and starts it again with what it had stored, at another address.
    pub fn crash(&mut self) {
        self.workerd.kill();
        self.workerd = Workerd::start(self.built, &self.variables, &self.state);
        self.lab.twilio().reach(PUBLIC_ORIGIN, self.workerd.origin());
    }

    /// The same, and other variables from then on.
    pub fn crash_into(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        change(&mut self.variables);
        self.crash();
    }

    /// Kills the whole Worker, and reads what it had stored and what it knew of a user. [`Self::crash`] starts it again.
    pub fn kill_and_read(&mut self, user: &str) -> Kept {
        self.workerd.kill();
        Kept::read(&self.state, &user_object(user))
    }

    /// Throws a call's object out of memory. workerd does it while no stream to a speech service is open, which is when
    /// the platform does it too.
    ///
    /// # Panics
    /// When workerd does not do it.
    pub fn evict_call(&self, user: &str, call: &PhoneOptions, sockets: Sockets) {
        let call = call.call_id.as_deref().expect("the call has a name");
        self.workerd.evict("Call", &call_object(user, call), sockets);
    }
}

/// The name of a user's object.
///
/// # Panics
/// When it is no user's id.
#[must_use]
pub fn user_object(user: &str) -> String {
    names::user_object(&vault(), &UserId::parse(user).expect("a user's id"))
}

/// The name of the object of a user's call.
///
/// # Panics
/// When it is no user's id, or no call's.
#[must_use]
pub fn call_object(user: &str, call: &str) -> String {
    let owner =
        CallOwner { user: UserId::parse(user).expect("a user's id"), call: CallId::parse(call).expect("a call's id") };
    names::call_object(&vault(), &owner)
}

fn vault() -> Vault {
    Vault::new(SECRET).expect("a good secret")
}

impl Drop for World {
    fn drop(&mut self) {
        self.workerd.kill();
        let in_clear = personal::on_disk(&self.kept());
        let _ = fs::remove_dir_all(&self.state);
        if !thread::panicking() {
            assert_eq!(in_clear.expect("the state can be read"), Vec::<PathBuf>::new(), "speech or tokens in clear");
        }
    }
}

/// What an operator would set, pointing at the lab.
fn variables(lab: &Lab) -> Map<String, Value> {
    let issuer = lab.issuer();
    let variables = json!({
        "IDENTITY_ISSUER": issuer.url(),
        "IDENTITY_AUDIENCE": issuer.audience(),
        "IDENTITY_KEYS_URL": issuer.keys_url(),
        "DEEPGRAM_URL": lab.deepgram_url(),
        "DEEPGRAM_API_KEY": KEY,
        "PUBLIC_ORIGIN": PUBLIC_ORIGIN,
        "TWILIO_API_URL": lab.twilio_url(),
        "TWILIO_ACCOUNT_SID": twilio::ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": twilio::AUTH_TOKEN,
        "TWILIO_API_KEY_SID": twilio::API_KEY_SID,
        "TWILIO_API_KEY_SECRET": twilio::API_KEY_SECRET,
        "TWILIO_TWIML_APP_SID": twilio::TWIML_APP_SID,
        "CALL_NOTICE": "none",
        "ENCRYPTION_SECRET": SECRET,
    });
    let Value::Object(variables) = variables else { unreachable!("it is an object") };
    variables
}
