//! The built Worker in workerd: a child process that runs `workerd.mjs`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{fs, thread};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::personal;

/// What is to be done where it does not.
const NODE_RUNS: &str = "node runs: `cargo xtask setup --for test` installs it";

/// Which of the Workers that are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// The one that takes orders for faults.
    FaultInjection,
    /// The one that is deployed, which benchmarks ask.
    Ship,
}

impl Built {
    fn folder(self) -> &'static str {
        match self {
            Self::FaultInjection => "build/fault-injection",
            Self::Ship => "build/worker",
        }
    }
}

/// What happens to an object's sockets when it is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// They stay open, as in hibernation.
    Hibernate,
    /// They are closed, as when a new version is deployed.
    Close,
}

/// A running workerd. It ends when dropped.
pub struct Workerd {
    child: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    origin: String,
    log: Arc<Mutex<String>>,
}

#[derive(Deserialize)]
struct Answer {
    ready: Option<String>,
    failed: Option<String>,
}

impl Workerd {
    /// Starts a Worker with these variables, keeping its state in a directory.
    ///
    /// # Panics
    /// When it does not start: a test cannot go on without it.
    #[must_use]
    pub fn start(built: Built, variables: &Map<String, Value>, state: &Path) -> Self {
        let temporary = state.join("tmp");
        fs::create_dir_all(&temporary).expect("a directory for what is not kept");
        let order =
            json!({"worker": built.folder(), "options": options(), "vars": variables, "state": state, "port": 0});
        let mut child = node("tests/workerd.mjs")
            .arg(order.to_string())
            // A process that is killed leaves its temporary files; so they go with the state.
            .env("TMPDIR", temporary)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect(NODE_RUNS);
        let log = Arc::new(Mutex::new(String::new()));
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if let Some(what) = personal::in_line(&line) {
                    end_the_run(what, &line);
                }
                let mut log = shared.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let orders = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let Some(origin) = answer(&mut answers).and_then(|answer| answer.ready) else {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            panic!("the Worker did not start (`cargo xtask build` builds it, or `--fault-injection`): {log}");
        };
        let origin = origin.trim_end_matches('/').to_owned();
        Self { child, orders: Mutex::new((orders, answers)), origin, log }
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Throws an object out of memory, as the platform does at any time.
    ///
    /// # Panics
    /// When workerd does not do it.
    pub fn evict(&self, class: &str, name: &str, sockets: Sockets) {
        let sockets = match sockets {
            Sockets::Hibernate => "hibernate",
            Sockets::Close => "close",
        };
        let order = json!({"evict": name, "class": class, "sockets": sockets});
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(orders.0, "{order}").expect("workerd takes orders");
        let answer = answer(&mut orders.1).expect("workerd answers");
        assert_eq!(answer.failed, None, "eviction");
    }

    /// Everything that the Worker logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Memory that workerd has resident, in MB (10⁶ bytes): what all its isolates have together, which grows with what any of
    /// them needed and mostly stays.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn memory_mb(&self) -> f64 {
        let group = self.child.id().to_string();
        let processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok).map(|entry| entry.path());
        // pid (command) state parent group …, see proc_pid_stat(5).
        let is_workerd = |path: &PathBuf| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let own_group = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2));
            stat.contains("(workerd)") && own_group == Some(&group)
        };
        let resident = processes.filter(is_workerd).filter_map(|path| {
            let status = fs::read_to_string(path.join("status")).ok()?;
            let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            kib.trim().trim_end_matches(" kB").parse::<f64>().ok()
        });
        resident.sum::<f64>() * 1_024.0 / 1e6
    }

    /// Kills it without a warning, as a power cut would; its state stays on disk.
    pub fn kill(&mut self) {
        // The whole group: workerd itself is a child of this child, and must not write after this.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends the test program: no single test could be made to fail for what a shared Worker logs.
fn end_the_run(what: &str, line: &str) -> ! {
    // Not `eprintln!`, which a test harness keeps back.
    let _ = writeln!(io::stderr(), "\nThe run is over: the Worker logged {what}:\n{line}");
    process::exit(1)
}

/// What wrangler.toml says, for every Worker of this test program.
pub(crate) fn options() -> &'static Value {
    static OPTIONS: OnceLock<Value> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let output = node("tests/options.mjs").stderr(Stdio::inherit()).output().expect(NODE_RUNS);
        serde_json::from_slice(&output.stdout).expect("wrangler.toml can be read")
    })
}

/// Node with one of our scripts; nothing is told to anybody about it.
pub(crate) fn node(script: &str) -> Command {
    let top = top();
    let mut command = Command::new(top.join("node_modules/.bin/node"));
    command
        .arg(script)
        .current_dir(&top)
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false");
    command
}

/// The checkout's top folder.
///
/// # Panics
/// Never: this crate does not lie at the root of the file system.
#[must_use]
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the top folder").to_owned()
}

fn answer(answers: &mut BufReader<ChildStdout>) -> Option<Answer> {
    let mut line = String::new();
    answers.read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}
