//! Calls that cost the machine little: clients that send frames made beforehand, each at its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fourwire_lab::app::{Auth, Gone, Phone, PhoneOptions};
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a call may take to be connected. The first one may find a Worker that is still being compiled.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// Calls do not begin all at once: opening a call's streams takes far more than going on with it.
const BETWEEN_CALLS: Duration = Duration::from_millis(50);

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The peer's app: a frame of 10 ms at 48 kHz, 960 bytes, its token in a header.
    App,
    /// Fourwire's page: a frame of 100 ms at 16 kHz, 3,200 bytes, its token in the first message.
    Page,
}

impl Traffic {
    /// Both.
    pub const ALL: [Self; 2] = [Self::App, Self::Page];

    /// For a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app: 10 ms frames, 48 kHz",
            Self::Page => "page: 100 ms frames, 16 kHz",
        }
    }

    /// Samples a second.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::App => 48_000,
            Self::Page => 16_000,
        }
    }

    /// Frames a second of one channel.
    #[must_use]
    pub const fn frames_per_second(self) -> u32 {
        match self {
            Self::App => 100,
            Self::Page => 10,
        }
    }

    /// How a client of its kind shows who it is.
    #[must_use]
    pub const fn auth(self) -> Auth {
        match self {
            Self::App => Auth::Header,
            Self::Page => Auth::FirstMessage,
        }
    }

    /// One second of frames of each channel, to be sent again and again.
    #[must_use]
    pub fn frames(self) -> PerChannel<Vec<Vec<u8>>> {
        let per_frame = self.sample_rate() / self.frames_per_second();
        PerChannel::from_fn(|channel| {
            let mut noise = Noise(u32::from(channel.byte()));
            let frame = |_| {
                let mut message = Vec::new();
                Frame::write(channel, (0..per_frame).map(|_| noise.sample()), &mut message);
                message
            };
            (0..self.frames_per_second()).map(frame).collect()
        })
    }
}

/// Noise as loud as speech, the same every time: a linear congruential generator (Numerical Recipes' constants).
#[derive(Debug)]
pub struct Noise(pub u32);

impl Noise {
    /// The next sample.
    pub fn sample(&mut self) -> i16 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, _, low, high] = self.0.to_le_bytes();
        i16::from_le_bytes([low, high]) / 8
    }
}

/// Running calls. They end when dropped.
pub struct Calls {
    traffic: Traffic,
    tasks: Vec<JoinHandle<()>>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU32,
    /// The longest that a frame was sent after its time, in microseconds.
    late: AtomicU64,
}

/// What was sent in some time.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Two-channel seconds of audio, of all calls together.
    pub call_seconds: f64,
    /// The longest that a frame was sent after its time.
    pub late: Duration,
}

impl Calls {
    /// Connects every call, then lets one after the other begin to talk.
    ///
    /// # Errors
    /// When the Worker does not take one.
    pub async fn start(edge: &str, token: &str, traffic: Traffic, calls: u32) -> Result<Self> {
        let mut phones = Vec::new();
        for _ in 0..calls {
            phones.push(connect(edge, token, traffic, traffic.auth()).await?);
        }
        let frames = Arc::new(traffic.frames());
        let mut running = Self { traffic, tasks: Vec::new(), counters: Arc::default() };
        for phone in phones {
            let mut talker = Talker::with(phone, traffic, Arc::clone(&frames), Arc::clone(&running.counters));
            running.tasks.push(tokio::spawn(async move { while talker.second().await.is_ok() {} }));
            sleep(BETWEEN_CALLS).await;
        }
        Ok(running)
    }

    /// Lets the calls go on for some time.
    ///
    /// # Errors
    /// When one of them was cut off.
    pub async fn go_on(&self, time: Duration) -> Result<Sent> {
        self.counters.late.store(0, Ordering::Relaxed);
        let before = self.counters.sent.load(Ordering::Relaxed);
        sleep(time).await;
        let sent = self.counters.sent.load(Ordering::Relaxed) - before;
        ensure!(!self.tasks.iter().any(JoinHandle::is_finished), "the Worker has cut off a call");
        Ok(Sent {
            call_seconds: f64::from(sent) / f64::from(2 * self.traffic.frames_per_second()),
            late: Duration::from_micros(self.counters.late.load(Ordering::Relaxed)),
        })
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Opens a call's connection, and shows who it is.
///
/// # Errors
/// When the Worker does not take it.
pub async fn connect(edge: &str, token: &str, traffic: Traffic, auth: Auth) -> Result<Phone> {
    let options = PhoneOptions { auth, sample_rate: traffic.sample_rate(), ..PhoneOptions::new(edge, token) };
    let connecting = timeout(CONNECT_LIMIT, Phone::connect(options));
    Ok(connecting.await.context("the Worker does not answer")??)
}

/// A client that talks: a frame of each channel in every frame's time, the second half a frame after the first, as of two
/// captures that know nothing of each other.
pub struct Talker {
    phone: Phone,
    frames: Arc<PerChannel<Vec<Vec<u8>>>>,
    /// From one message to the next, whichever channel's it is.
    step: Duration,
    due: Instant,
    counters: Arc<Counters>,
}

impl Talker {
    /// One that says a second in a second.
    #[must_use]
    pub fn new(phone: Phone, traffic: Traffic) -> Self {
        Self::with(phone, traffic, Arc::new(traffic.frames()), Arc::default())
    }

    /// Goes on so many times as fast as now.
    pub fn hurry(&mut self, times: u32) {
        self.step /= times;
    }

    fn with(phone: Phone, traffic: Traffic, frames: Arc<PerChannel<Vec<Vec<u8>>>>, counters: Arc<Counters>) -> Self {
        let step = Duration::from_secs(1) / traffic.frames_per_second() / 2;
        Self { phone, frames, step, due: Instant::now(), counters }
    }

    /// Sends a second of audio.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn second(&mut self) -> Result<(), Gone> {
        for (user, remote) in self.frames.get(Channel::User).iter().zip(self.frames.get(Channel::Remote)) {
            for frame in [user, remote] {
                sleep_until(self.due).await;
                self.phone.send_binary(frame.clone()).await?;
                let late = u64::try_from(self.due.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.counters.late.fetch_max(late, Ordering::Relaxed);
                self.counters.sent.fetch_add(1, Ordering::Relaxed);
                self.due += self.step;
            }
        }
        Ok(())
    }

    /// The connection, for what is not talking.
    #[must_use]
    pub fn into_phone(self) -> Phone {
        self.phone
    }
}
