//! One stream's socket: audio and messages in, results out, the service's time rules, and the faults a test ordered.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::time::{Duration, SystemTime};

use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples, UnixMillis};
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::faults::{Edit, Fault};
use super::inbox::{Inbox, Received};
use super::messages::{ClientMessage, Writer, utterance_end};
use super::query::Listen;
use super::speech::{Closed, Record};
use crate::ear::{Ear, Heard};
use crate::resample::Resampler;
use crate::upgrade::Socket;

/// The client asked for the end and got everything.
const NORMAL: u16 = 1000;
/// The bytes cannot be decoded as audio.
const NO_AUDIO: (u16, &str) = (1008, "DATA-0000");
/// The service itself failed, or has more to do than it can: <https://developers.deepgram.com/docs/stt-troubleshooting-websocket-data-and-net-errors>
const NO_TRANSCRIPT: (u16, &str) = (1011, "NET-0000");
/// The client sent neither audio nor a message for the time allowed.
const NO_DATA: (u16, &str) = (1011, "NET-0001");
/// How long the server waits for the client's answer to its close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why a stream is over.
enum End {
    /// The server closes it.
    Close(u16, String),
    /// The server drops the connection.
    Drop,
    /// The client sent a close frame.
    ByClient(Option<u16>),
    /// The connection broke.
    Vanished,
}

impl From<(u16, &str)> for End {
    fn from((code, reason): (u16, &str)) -> Self {
        Self::Close(code, reason.to_owned())
    }
}

/// One open stream.
pub struct Session {
    socket: Socket,
    record: Record,
    writer: Writer,
    ear: Ear,
    /// Of the audio; none: it must bring a container, and the lab reads none.
    sample_rate: Option<u32>,
    /// To the ear's rate, where the audio has another.
    resampler: Option<Resampler>,
    /// The first half of a sample whose second half is in the next message.
    half: Option<u8>,
    /// Samples received, at the audio's own rate.
    samples: u64,
    hash: Sha256,
    faults: watch::Receiver<Option<Fault>>,
    /// The fault that has not struck yet.
    fault: Option<Fault>,
    silent: bool,
    /// How far results run behind, where a fault ordered it, and what is told when. As long as the delay is, since what an
    /// ear hears of a second of audio is a few events.
    late: Option<Duration>,
    delayed: VecDeque<(Instant, Heard)>,
    /// What a fault does to results from now on.
    edit: Option<Edit>,
    /// What came and had no turn yet.
    inbox: Inbox,
    /// The client asked for the end.
    finishing: bool,
    /// When the client must have sent something.
    deadline: Instant,
    /// When the first audio came.
    started: Option<Instant>,
    created: UnixMillis,
}

impl Session {
    /// A session on a socket that has just been opened.
    pub fn new(socket: Socket, record: Record, listen: Listen, ear: Ear) -> Self {
        let resampler = listen.sample_rate.filter(|rate| *rate != SAMPLES_PER_SECOND);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            socket,
            ear,
            sample_rate: listen.sample_rate,
            resampler: resampler.map(|rate| Resampler::new(rate, SAMPLES_PER_SECOND)),
            writer: Writer::new(record.request_id().to_owned(), listen),
            half: None,
            samples: 0,
            hash: Sha256::new(),
            faults: record.faults(),
            fault: record.fault().filter(|fault| fault.position().is_some()),
            silent: false,
            late: None,
            delayed: VecDeque::new(),
            edit: None,
            inbox: Inbox::default(),
            finishing: false,
            deadline: Instant::now() + record.options().idle_limit,
            started: None,
            created: UnixMillis::new(u64::try_from(since_1970.as_millis()).unwrap_or_default()),
            record,
        }
    }

    /// Serves the stream to its end.
    pub async fn run(mut self) {
        let Err(end) = self.serve().await;
        let Self { mut socket, record, ear, .. } = self;
        // What the recogniser was asked for this stream is taken back before the client has time to say goodbye.
        drop(ear);
        let closed = match end {
            End::Close(code, reason) => {
                close(&mut socket, code, &reason).await;
                Closed::ByServer { code, reason }
            }
            End::ByClient(code) => {
                // The answer to the client's close frame is queued already.
                let _ = timeout(CLOSE_LIMIT, socket.flush()).await;
                Closed::ByClient(code)
            }
            End::Vanished => Closed::ClientVanished,
            End::Drop => Closed::Dropped,
        };
        drop(socket);
        record.update(|report| report.closed = Some(closed));
    }

    /// The socket is read in every state of the stream, also while it finishes: a client that is gone ends it at once.
    async fn serve(&mut self) -> Result<Infallible, End> {
        loop {
            self.strike_if_due().await?;
            let now = Instant::now();
            let goes_on = self.goes_on().unwrap_or(now);
            let (waits, may_read) = (!self.inbox.is_empty(), self.inbox.has_room());
            let told_next = self.delayed.front().map_or(now, |(due, _)| *due);
            tokio::select! {
                // What was heard is told before more is taken: the order is the stream's, not the scheduler's.
                biased;
                heard = self.ear.next() => self.on_heard(heard).await?,
                Ok(()) = self.faults.changed() => {
                    self.fault = self.faults.borrow().clone().filter(|fault| fault.position().is_some());
                }
                () = sleep_until(told_next), if !self.delayed.is_empty() => self.tell_delayed().await?,
                () = ready(()), if waits && goes_on <= now && !self.ear.is_behind() => self.take_next().await?,
                () = sleep_until(goes_on), if waits && goes_on > now => {}
                message = self.socket.next(), if may_read => match message {
                    Some(Ok(message)) => self.receive(message)?,
                    Some(Err(_)) | None => return Err(End::Vanished),
                },
                // A client whose audio waits has sent something.
                () = sleep_until(self.deadline), if !waits && !self.finishing && !self.silent => {
                    return Err(NO_DATA.into());
                }
            }
        }
    }

    /// Takes a message off the socket. It has its effect when its turn comes.
    fn receive(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Close(frame) => return Err(End::ByClient(frame.map(|frame| frame.code.into()))),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            // Nothing comes after the end.
            Message::Binary(_) | Message::Text(_) if self.finishing => {}
            Message::Binary(bytes) if bytes.is_empty() => self.inbox.push(Received::End),
            Message::Binary(bytes) => self.inbox.push(Received::Audio(bytes)),
            Message::Text(text) => self.inbox.push(Received::Text(text.to_string())),
        }
        Ok(())
    }

    async fn take_next(&mut self) -> Result<(), End> {
        match self.inbox.pop() {
            Some(Received::Audio(bytes)) => self.audio(&bytes).await,
            Some(Received::Text(text)) => self.text(&text).await,
            Some(Received::End) => {
                self.finish();
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn text(&mut self, text: &str) -> Result<(), End> {
        self.record.update(|report| report.add_text(text));
        let message = ClientMessage::parse(text);
        if message.is_ok() && self.started.is_some() {
            // Only audio satisfies the first ten seconds.
            self.alive();
        }
        match message {
            Ok(ClientMessage::KeepAlive) => Ok(()),
            Ok(ClientMessage::Finalize) => {
                self.ear.finalize();
                Ok(())
            }
            Ok(ClientMessage::CloseStream) => {
                self.finish();
                Ok(())
            }
            Ok(ClientMessage::Configure { keyterms }) => self.send(self.writer.configured(&keyterms).to_string()).await,
            Err(error) => self.send(Writer::not_understood(text, &error.to_string()).to_string()).await,
        }
    }

    async fn audio(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Some(rate) = self.sample_rate else { return Err(NO_AUDIO.into()) };
        self.started.get_or_insert_with(Instant::now);
        self.alive();
        self.hash.update(bytes);
        let samples = self.decode(bytes);
        let keep = self.record.options().keep_audio;
        self.record.update(|report| {
            report.audio_bytes += bytes.len() as u64;
            if keep {
                report.pcm.extend(&samples);
            }
        });

        // What lies before a fault's position is heard and told before it strikes.
        let mut rest = samples.as_slice();
        if let Some(at) = self.fault.as_ref().and_then(Fault::position) {
            let until_fault = (at.get() * u64::from(rate)).div_ceil(u64::from(SAMPLES_PER_SECOND)) - self.samples;
            let length = usize::try_from(until_fault).unwrap_or(usize::MAX).min(rest.len());
            let (before, after) = rest.split_at(length);
            self.hear(before);
            while let Some(heard) = self.ear.try_next() {
                self.on_heard(heard).await?;
            }
            self.strike_if_due().await?;
            rest = after;
        }
        self.hear(rest);
        Ok(())
    }

    /// Whole samples out of a message; a stream may be cut anywhere, also within one.
    fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        let joined: Vec<u8> = self.half.take().into_iter().chain(bytes.iter().copied()).collect();
        let (pairs, rest) = joined.as_chunks::<2>();
        self.half = rest.first().copied();
        pairs.iter().copied().map(i16::from_le_bytes).collect()
    }

    fn hear(&mut self, samples: &[i16]) {
        self.samples += samples.len() as u64;
        match &mut self.resampler {
            None => self.ear.audio(samples),
            Some(resampler) => {
                let mut made = Vec::new();
                resampler.push(samples, &mut made);
                self.ear.audio(&made);
            }
        }
    }

    /// How much audio was received.
    fn position(&self) -> Samples {
        let rate = u64::from(self.sample_rate.unwrap_or(SAMPLES_PER_SECOND));
        Samples::new(self.samples * u64::from(SAMPLES_PER_SECOND) / rate)
    }

    async fn strike_if_due(&mut self) -> Result<(), End> {
        let here = self.position();
        let due = |fault: &mut Fault| fault.position().is_some_and(|at| at <= here);
        match self.fault.take_if(due) {
            Some(Fault::Silent { .. }) => self.silent = true,
            Some(Fault::Drop { .. }) => return Err(End::Drop),
            Some(Fault::Close { code, reason, .. }) => return Err(End::Close(code, reason)),
            Some(Fault::Garbage { text, .. }) => self.send(text).await?,
            Some(Fault::UtteranceEnd { last_word_end, .. }) => {
                self.send(utterance_end(last_word_end).to_string()).await?;
            }
            Some(Fault::Late(by)) => self.late = Some(by),
            Some(Fault::Withdraw { .. }) => self.edit = Some(Edit::Withdraw),
            Some(Fault::Nulls { what, .. }) => self.edit = Some(Edit::Blank(what)),
            Some(Fault::Refuse(_) | Fault::Hang | Fault::Delay(_)) | None => {}
        }
        Ok(())
    }

    /// The client asked for the end: the rest of the results comes, then the summary and the normal close.
    fn finish(&mut self) {
        if self.silent || self.finishing {
            return;
        }
        if let Some(resampler) = self.resampler.take() {
            let mut made = Vec::new();
            resampler.finish(&mut made);
            self.ear.audio(&made);
        }
        self.ear.close();
        self.finishing = true;
        // Nothing comes after the end.
        self.inbox = Inbox::default();
    }

    /// Tells what was heard, or puts it off where the stream is late.
    async fn on_heard(&mut self, heard: Heard) -> Result<(), End> {
        if self.late.is_none() && self.delayed.is_empty() {
            return self.tell(&heard).await;
        }
        // What was heard later is never told earlier, also where the delay has become shorter.
        let due = Instant::now() + self.late.unwrap_or_default();
        let due = self.delayed.back().map_or(due, |(last, _)| due.max(*last));
        self.delayed.push_back((due, heard));
        Ok(())
    }

    async fn tell_delayed(&mut self) -> Result<(), End> {
        match self.delayed.pop_front() {
            Some((_, heard)) => self.tell(&heard).await,
            None => Ok(()),
        }
    }

    async fn tell(&mut self, heard: &Heard) -> Result<(), End> {
        match heard {
            Heard::Broken => return Err(NO_TRANSCRIPT.into()),
            Heard::Closed if !self.silent => return self.say_goodbye().await,
            _ => {}
        }
        let Some(mut message) = self.writer.heard(heard) else { return Ok(()) };
        if self.edit.is_some_and(|edit| edit.apply(&mut message) && edit == Edit::Withdraw) {
            self.edit = None;
        }
        self.send(message.to_string()).await
    }

    /// The last message, and how the stream ends.
    async fn say_goodbye(&mut self) -> Result<(), End> {
        let hash = self.hash.finalize_reset().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let metadata = self.writer.metadata(&hash, &self.created.rfc3339(), self.position());
        self.send(metadata.to_string()).await?;
        Err(End::Close(NORMAL, String::new()))
    }

    /// Sends a message. A client that does not read is as good as gone: nothing is read from it meanwhile.
    async fn send(&mut self, text: String) -> Result<(), End> {
        if self.silent {
            return Ok(());
        }
        self.record.update(|report| report.messages_sent += 1);
        let limit = self.record.options().send_limit;
        let sent = timeout(limit, self.socket.send(Message::text(text))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(End::Vanished) }
    }

    fn alive(&mut self) {
        self.deadline = Instant::now() + self.record.options().idle_limit;
    }

    /// From when on more audio may be taken, where the server keeps to a speed.
    fn goes_on(&self) -> Option<Instant> {
        let fastest = self.record.options().fastest?;
        Some(self.started? + Duration::from_secs_f64(self.position().seconds() / fastest))
    }
}

/// Sends a close frame and waits for the client's.
async fn close(socket: &mut Socket, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(CLOSE_LIMIT, goodbye).await;
}
