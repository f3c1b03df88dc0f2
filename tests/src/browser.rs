//! One real Chromium for the tests of the page: a child process that runs `browser.mjs`, which drives it with Playwright.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::workerd::node;

/// Debian's, which set-up installs.
const PROGRAM: &str = "/usr/bin/chromium";
/// Nothing is told to anybody, and a page gets its microphone without a person: a file that is played over and over.
const ARGUMENTS: [&str; 8] = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    // WebRTC on a machine that has no other interface than the loopback.
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
];
/// The longest that a script may take. Playwright's own limits are shorter, and say more.
const PATIENCE: Duration = Duration::from_secs(90);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// A running browser. It ends when dropped, or with the process that started it.
pub struct Browser {
    child: Child,
    orders: Mutex<ChildStdin>,
    waiting: Waiting,
    console: Arc<Mutex<Vec<String>>>,
    next: AtomicU64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: u64,
    result: Option<Value>,
    error: Option<String>,
}

impl Browser {
    /// Starts it with a WAV file as its microphone.
    ///
    /// # Panics
    /// When it does not start: a test cannot go on without it.
    #[must_use]
    pub fn start(microphone: &Path) -> Self {
        let microphone = format!("--use-file-for-fake-audio-capture={}", microphone.display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([microphone.as_str()]).collect();
        let order = json!({ "program": PROGRAM, "arguments": arguments });
        let mut child = node("tests/src/browser.mjs")
            .arg(order.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node runs: `cargo xtask setup --for test` installs it");
        let console = Arc::new(Mutex::new(Vec::new()));
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let shared = Arc::clone(&console);
        thread::spawn(move || errors.lines().map_while(Result::ok).for_each(|line| lock(&shared).push(line)));
        let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert!(answers.next().is_some_and(|line| line.is_ok()), "Chromium did not start: {:?}", lock(&console));
        let waiting = Waiting::default();
        let shared = Arc::clone(&waiting);
        thread::spawn(move || {
            for line in answers.map_while(Result::ok) {
                let Ok(Answer { id, result, error }) = serde_json::from_str(&line) else { continue };
                if let Some(waiting) = lock(&shared).remove(&id) {
                    // A test that has failed does not wait any more.
                    let _ = waiting.send(error.map_or(Ok(result.unwrap_or_default()), Err));
                }
            }
        });
        let orders = Mutex::new(child.stdin.take().expect("piped"));
        Self { child, orders, waiting, console, next: AtomicU64::new(1) }
    }

    /// A new tab, in a context of its own: no other tab's storage or permissions.
    pub fn tab(&'static self) -> Tab {
        Tab { browser: self, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// What the pages have said on their consoles so far.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        lock(&self.console).clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tab of the browser.
pub struct Tab {
    browser: &'static Browser,
    number: u64,
}

impl Tab {
    /// Runs the body of an async JavaScript function in Node, which is given Playwright's `page` and `context`. Returns what it
    /// returns.
    ///
    /// # Panics
    /// When it throws.
    pub async fn run(&self, script: &str) -> Value {
        let (answer, answered) = oneshot::channel();
        self.order(script, Some(answer)).expect("the browser takes orders");
        let result = timeout(PATIENCE, answered).await.expect("the browser answers").expect("the browser runs");
        result.unwrap_or_else(|error| panic!("{script}\n{error}\n{:#?}", self.browser.console()))
    }

    fn order(&self, script: &str, answer: Option<oneshot::Sender<Result<Value, String>>>) -> io::Result<()> {
        let id = self.browser.next.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = answer {
            lock(&self.browser.waiting).insert(id, answer);
        }
        let order = json!({ "id": id, "tab": self.number, "script": script });
        writeln!(lock(&self.browser.orders), "{order}")
    }

    /// The same for an expression in the page itself.
    ///
    /// # Panics
    /// When it throws.
    pub async fn eval(&self, expression: &str) -> Value {
        self.run(&format!("return await page.evaluate({});", json!(expression))).await
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // A page that is not looked at any more must not take the others' time. A browser that is gone has no pages.
        let _ = self.order("await context.close();", None);
    }
}
