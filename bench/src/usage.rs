//! What a process has used, as Linux counts it: CPU time, memory, and how busy the machine was besides.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Everything that a window's two ends are compared by.
pub struct Use {
    at: Instant,
    workerd: Duration,
    own: Duration,
    machine: Machine,
}

/// What a window has taken.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// How long it was.
    pub real: Duration,
    /// CPU time of workerd.
    pub workerd: Duration,
    /// Part of one core that workerd used. Its Workers run on one: what comes near 1 is more than it can do.
    pub busy: f64,
    /// Part of the machine that neither workerd nor this program used, but somebody.
    pub others: f64,
}

impl Use {
    /// As it is now, for the workerd of a process id.
    ///
    /// # Errors
    /// When workerd is gone.
    pub fn now(workerd: u32) -> Result<Self> {
        Ok(Self { at: Instant::now(), workerd: cpu(workerd)?, own: own_cpu()?, machine: Machine::now()? })
    }

    /// What the time since `earlier` has taken.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Spent {
        let real = self.at - earlier.at;
        let workerd = self.workerd.saturating_sub(earlier.workerd);
        let own = self.own.saturating_sub(earlier.own);
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let known = (workerd + own).as_secs_f64() / (real.as_secs_f64() * f64::from(cores));
        let busy = workerd.as_secs_f64() / real.as_secs_f64();
        Spent { real, workerd, busy, others: (self.machine.busy_since(earlier.machine) - known).max(0.0) }
    }
}

/// CPU time of a process, user and system, all threads, those that ended too. The kernel's clock for it has a
/// resolution of nanoseconds; `/proc/PID/stat` has the same in ticks of 10 ms, too coarse for one call.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let clock = clock_getcpuclockid(pid).context("workerd has ended")?;
    Ok(clock_gettime(clock)?.into())
}

/// CPU time of this process.
///
/// # Errors
/// Never on Linux.
pub fn own_cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// Resident memory of a process in MB (10⁶ bytes): `VmRSS` of `/proc/PID/status`.
///
/// # Errors
/// When the process is gone.
pub fn memory_mb(pid: u32) -> Result<f64> {
    status_mb(pid, "VmRSS:")
}

/// The most of it since the process started, or since [`forget_peak`].
///
/// # Errors
/// When the process is gone.
pub fn peak_mb(pid: u32) -> Result<f64> {
    status_mb(pid, "VmHWM:")
}

/// Lets the peak begin anew with what is resident now.
///
/// # Errors
/// When the process is gone.
pub fn forget_peak(pid: u32) -> Result<()> {
    // See proc(5).
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("a peak cannot be forgotten")
}

fn status_mb(pid: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("a status without memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("memory is no number")?;
    Ok(kib * 1024.0 / 1e6)
}

/// The whole machine's CPU time since it started, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    busy: f64,
    total: f64,
}

impl Machine {
    /// As it is now.
    ///
    /// # Errors
    /// When `/proc/stat` cannot be read.
    pub fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        // cpu user nice system idle iowait irq softirq steal guest guest_nice; guests are counted in user already.
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
        let [_, _, _, idle, iowait, ..] = ticks[..] else { anyhow::bail!("/proc/stat has another form") };
        let total: f64 = ticks.iter().sum();
        Ok(Self { busy: total - idle - iowait, total })
    }

    /// Which part of the machine was in use since `earlier`, 0 to 1; time that the host took away counts as use.
    #[must_use]
    pub fn busy_since(self, earlier: Self) -> f64 {
        (self.busy - earlier.busy) / (self.total - earlier.total).max(1.0)
    }
}
