//! Programs that run beside this one until it ends, and never longer.
//!
//! Each service leads a process group of its own, so that what it starts ends with it (wrangler starts workerd), and a
//! Ctrl-C in the terminal reaches this program alone, which then ends the services in order.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::process;

/// How long a service may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How often a service is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Set once the user wants this program to end (Ctrl-C, or a signal to end).
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From here on such a signal sets the flag and no longer ends the program at once.
    ///
    /// # Errors
    /// When the handler cannot be installed.
    pub fn on_signal() -> Result<Self> {
        let stop = Self(Arc::new(AtomicBool::new(false)));
        let flag = stop.clone();
        ctrlc::set_handler(move || flag.0.store(true, Ordering::SeqCst))?;
        Ok(stop)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How waiting for services ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is so.
    Ready,
    /// The user wants to end.
    Stopped,
}

/// A program beside this one.
pub struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `command` with its output in a new file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)?;
        }
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// Whether the service has written `text` so far.
    pub fn has_written(&self, text: &str) -> bool {
        fs::read(&self.log).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    }

    /// # Errors
    /// When the service has ended; with the end of its log.
    fn check(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        bail!(
            "{} {}; the end of {}:\n{}",
            self.name,
            process::ended(status),
            self.log.display(),
            process::tail(&self.log, process::TAIL_LINES)
        )
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().map(Pid::from_raw)
    }

    fn end(&mut self) {
        let Some(group) = self.group() else { return };
        let deadline = Instant::now() + GRACE;
        let _ = killpg(group, Signal::SIGTERM);
        while Instant::now() < deadline {
            let _ = self.child.try_wait();
            // Nobody left to signal: the whole group is gone.
            if killpg(group, None).is_err() {
                return;
            }
            thread::sleep(POLL);
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

/// Watches `services` until the user wants to end.
///
/// # Errors
/// When one of them ends by itself.
pub fn watch(services: &mut [Service], stop: &Stop) -> Result<()> {
    while !stop.is_set() {
        services.iter_mut().try_for_each(Service::check)?;
        thread::sleep(POLL);
    }
    Ok(())
}

/// Watches `services` until `ready` says so.
///
/// # Errors
/// When one of them ends by itself, or `what` is not ready within `patience`.
pub fn wait_until(
    services: &mut [Service],
    stop: &Stop,
    what: &str,
    patience: Duration,
    ready: impl Fn(&[Service]) -> bool,
) -> Result<Waited> {
    let deadline = Instant::now() + patience;
    while !stop.is_set() {
        services.iter_mut().try_for_each(Service::check)?;
        if ready(services) {
            return Ok(Waited::Ready);
        }
        if Instant::now() > deadline {
            let logs: Vec<_> = services.iter().map(|service| service.log.display().to_string()).collect();
            bail!("{what} did not answer within {} s; see {}", patience.as_secs(), logs.join(" and "));
        }
        thread::sleep(POLL);
    }
    Ok(Waited::Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("fourwire-xtask-{}-{name}.log", std::process::id()))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn never() -> Stop {
        Stop(Arc::new(AtomicBool::new(false)))
    }

    #[test]
    fn a_service_that_dies_is_named_with_what_it_said() {
        let script = "echo the port is taken >&2; exit 7";
        let service = Service::start("the lab", &mut shell(script), &log("dies")).expect("a shell");
        let error = watch(&mut [service], &never()).expect_err("it exits").to_string();
        assert!(error.starts_with("the lab failed with exit code 7"), "{error}");
        assert!(error.ends_with("    the port is taken"), "{error}");
    }

    #[test]
    fn what_a_service_started_ends_with_it() {
        let log = log("group");
        let mut services =
            [Service::start("the Worker", &mut shell("sleep 600 & echo started $!; wait"), &log).expect("a shell")];
        let patience = Duration::from_secs(10);
        let waited = wait_until(&mut services, &never(), "the Worker", patience, |all| all[0].has_written("started"))
            .expect("it runs");
        assert_eq!(waited, Waited::Ready);
        let text = fs::read_to_string(&log).expect("a log");
        let grandchild: i32 = text.trim().trim_start_matches("started ").parse().expect("a process id");
        drop(services);
        let alive = fs::read_to_string(format!("/proc/{grandchild}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(!alive, "process {grandchild} outlived its service");
    }

    #[test]
    fn a_service_that_is_never_ready_is_an_error_and_a_stop_is_not() {
        let start = |name| [Service::start("the lab", &mut shell("sleep 600"), &log(name)).expect("a shell")];
        let error =
            wait_until(&mut start("late"), &never(), "the lab", Duration::ZERO, |_| false).expect_err("too late");
        assert!(error.to_string().starts_with("the lab did not answer within 0 s"), "{error}");
        let stopped = Stop(Arc::new(AtomicBool::new(true)));
        let waited = wait_until(&mut start("stop"), &stopped, "the lab", Duration::ZERO, |_| false);
        assert_eq!(waited.expect("no error"), Waited::Stopped);
    }
}
