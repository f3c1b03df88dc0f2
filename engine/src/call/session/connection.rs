//! The client's connection: how it joins a call, what it sends, what it is told of it, and how it leaves.

use fourwire_wire::event::{ClientMessage, MAX_TEXT_BYTES, PING_EVERY_MILLIS, Status, close};
use fourwire_wire::frame::{Channel, Frame, Pcm, PerChannel};
use fourwire_wire::pii::Pii;
use fourwire_wire::units::{Samples, UnixMillis};

use super::{GRACE_MILLIS, IDLE_MILLIS, MAX_CALL_MILLIS, Phase, Session, ending};
use crate::audio::SampleRate;
use crate::call::intake::{Content, Intake, Stretch};
use crate::call::link::Link;
use crate::call::pusher::PusherLink;
use crate::call::recorder::Recorder;
use crate::call::timers::Timer;
use crate::call::{Action, Alert, ConnectOptions};
use crate::limit::{Bucket, Rate};
use crate::quota::sessions::REPORT_EVERY_MILLIS;

/// How much a client that resumes may have captured before it first got through, in milliseconds: what it keeps at most.
const CLIENT_KEEPS_MILLIS: u64 = 90_000;
/// A client whose binary messages are no frames for so long, in milliseconds, is told that nothing is recorded.
const NOT_UNDERSTOOD_MILLIS: u64 = 2_000;
/// Longest silence that is made as samples where audio is missing; a longer one is a gap.
const MAX_SILENCE: Samples = Samples::from_millis(1_000);
/// How many text messages a client may send at once. A page sends three when it connects, and one whenever the user enters a name.
const TEXTS_AT_ONCE: u64 = 200;
/// In what time it may send one more, in milliseconds: as many as frames of 20 ms of both sides.
const TEXT_EVERY_MILLIS: u64 = 10;
/// In milliseconds.
const TEXTS: Rate = Rate { burst: TEXTS_AT_ONCE * TEXT_EVERY_MILLIS, per_milli: 1 };
/// The other party's name is saved by itself no more often than this, in milliseconds.
const CONTACT_SAVED_EVERY_MILLIS: u64 = 1_000;

/// The client's connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) terms: ConnectOptions,
    pub(super) last_at: UnixMillis,
    /// How many text messages it has sent of late.
    texts: Bucket,
    /// Since when its binary messages name no channel.
    not_understood: NotUnderstood,
    /// What it was told that it need not keep.
    stored: PerChannel<Samples>,
    /// What it was last told that is held here, if it resumes.
    held: Option<PerChannel<Samples>>,
}

/// Whether a client sends binary messages that are no frames, and nothing else.
#[derive(Clone, Copy, Debug)]
enum NotUnderstood {
    No,
    Since(UnixMillis),
    /// It was told.
    Told,
}

/// Who wants a call's audio.
struct Sinks<'a> {
    links: &'a mut PerChannel<Link>,
    recorder: &'a mut Recorder,
    pusher: &'a mut PusherLink,
}

impl Sinks<'_> {
    /// Gives each what it does not have yet. After a restart they do not all begin at the same sample.
    fn take(&mut self, stretch: &Stretch<'_>, now: UnixMillis, answers: &mut Vec<Action<'static>>) {
        let channel = stretch.channel;
        let link = self.links.get_mut(channel);
        match stretch.content {
            Content::Audio(samples) | Content::Silence(samples) => {
                let unrecorded = stretch.behind(self.recorder.end(channel), samples);
                self.recorder.audio(channel, unrecorded, now);
                self.pusher.audio(channel, unrecorded);
                let is_audio = matches!(stretch.content, Content::Audio(_));
                link.audio(stretch.behind(link.end(), samples), is_audio, now, answers);
            }
            Content::Gap(length) => {
                let to = stretch.at + length;
                self.recorder.skip(channel, to);
                self.pusher.skip(channel, to);
                link.skip(to, now, answers);
            }
        }
    }
}

impl Session {
    pub(super) fn connected(&mut self, terms: ConnectOptions, now: UnixMillis) {
        if self.client.is_some() {
            self.leave(now);
        }
        if self.used_up {
            self.refuse();
            return;
        }
        let resumed = self.state.last_audio_at;
        self.go_on(now);
        self.pusher.resume();
        self.state.resumes = terms.resume;
        self.attach(terms, now);
        self.actions.push_back(Action::Ping);
        self.status(Status::Initiating, "Service Starting");
        if resumed.is_some() {
            self.status(Status::InProgressConversationsProcessing, "Processing Conversations");
        }
        self.status(Status::SttInitiating, "STT Service Starting");
        self.status(Status::Ready, "Ready");
        let troubles = Channel::BOTH.into_iter().filter_map(|channel| self.links.get(channel).trouble());
        self.actions.extend(troubles.cloned().map(Action::Status));
        if terms.resume {
            self.ask_for_audio();
        }
        self.catch_up(terms);
        self.save();
    }

    /// Sends a client that comes what it may have missed; it knows the ids.
    fn catch_up(&mut self, terms: ConnectOptions) {
        let changes = &self.changes;
        let missed = self.segments.iter().filter(|segment| terms.resume || changes.contains(segment.id)).cloned();
        self.actions.extend(missed.map(|segment| Action::Caption { segment, extras: terms.interim }));
        let withdrawn = std::mem::take(&mut self.withdrawn);
        if terms.interim && !withdrawn.is_empty() {
            self.actions.push_back(Action::Withdrawn(withdrawn));
        }
    }

    pub(super) fn reattached(&mut self, terms: ConnectOptions, now: UnixMillis) {
        if terms.resume {
            // An end that it has asked for comes after the audio that was lost, and it will ask again.
            self.go_on(now);
        }
        self.attach(terms, now);
        // An owner that nobody needs is taken out of memory about when the next heartbeat is due, which may be what woke it.
        self.timers.set(Timer::Ping, Some(now));
        if terms.resume {
            self.ask_for_audio();
        }
        if terms.interim {
            // The restart has taken along what interim words were shown: behind a stored segment, or as the next one.
            let last = |channel| self.segments.iter().rfind(|segment| segment.channel == channel).cloned();
            let shown: Vec<_> = Channel::BOTH.into_iter().filter_map(last).collect();
            self.actions.extend(shown.into_iter().map(|segment| Action::Caption { segment, extras: true }));
            let next = Channel::BOTH.map(|channel| self.captions.get(channel).next_id());
            self.actions.push_back(Action::Withdrawn(next.to_vec()));
        }
    }

    /// The call is alive, whatever it was before.
    fn go_on(&mut self, now: UnixMillis) {
        self.phase = Phase::Live;
        self.state.ending = false;
        self.store_failures = 0;
        self.timers.set(Timer::Drain, None);
        self.timers.set(Timer::Summary, None);
        self.timers.set(Timer::StoreRetry, None);
        self.timers.set(Timer::Longest, Some(self.state.created_at + MAX_CALL_MILLIS));
        self.timers.set(Timer::Count, Some(now + REPORT_EVERY_MILLIS));
    }

    /// Takes a client's connection as it is; whether the call goes on or is being finished stays as it was.
    fn attach(&mut self, terms: ConnectOptions, now: UnixMillis) {
        self.client = Some(Client {
            terms,
            last_at: now,
            texts: Bucket::default(),
            not_understood: NotUnderstood::No,
            stored: PerChannel::default(),
            held: None,
        });
        if matches!(self.phase, Phase::Live) && !terms.resume {
            let ends = PerChannel::from_fn(|channel| self.recorder.end(channel));
            self.advance(&ends, now);
            self.intake = Some(Intake::new(terms.rate, ends, self.state.last_audio_at));
        }
        self.state.seen_at = now;
        self.timers.set(Timer::Grace, self.has_ended().then(|| now + ending::HANG_UP_MILLIS));
        // Who has ended the call has nothing more to say, and waits.
        self.timers.set(Timer::Idle, matches!(self.phase, Phase::Live).then(|| now + IDLE_MILLIS));
        self.timers.set(Timer::Ping, Some(now + PING_EVERY_MILLIS));
    }

    /// Asks a client that resumes for what is not here. Until it has answered nothing that comes can be placed.
    fn ask_for_audio(&mut self) {
        let held = |channel| self.recorder.end(channel).min(self.links.get(channel).end());
        let held = PerChannel::from_fn(held);
        self.intake = None;
        if let Some(client) = &mut self.client {
            client.held = Some(held);
        }
        self.actions.push_back(Action::Held(held));
    }

    /// A client that resumes says where its audio begins. Where that is behind what is held, it has let go of what lies
    /// between, and there is silence.
    fn audio_from(&mut self, positions: &PerChannel<Samples>, now: UnixMillis) {
        let possible = Samples::from_millis(now.since(self.state.created_at).saturating_add(CLIENT_KEEPS_MILLIS));
        if positions.user.max(positions.remote) > possible {
            self.close(close::POLICY, "audio_from lies ahead of the call", now);
            return;
        }
        if self.advance(positions, now) {
            self.status(Status::RecordingGap, "Some audio is lost: it was not sent in time");
        }
        self.intake = Some(Intake::from(*positions));
    }

    /// Enters silence up to a position on each side. Returns whether the record had to be filled up.
    fn advance(&mut self, positions: &PerChannel<Samples>, now: UnixMillis) -> bool {
        let mut filled = false;
        for channel in Channel::BOTH {
            let to = *positions.get(channel);
            filled |= self.recorder.end(channel) < to;
            let at = self.recorder.end(channel).min(self.links.get(channel).end());
            let missing = to.saturating_sub(at);
            if missing > MAX_SILENCE {
                self.take(&Stretch { channel, at, content: Content::Gap(missing) }, now);
            } else if missing > Samples::ZERO {
                let silence = vec![0; usize::try_from(missing.get()).unwrap_or_default()];
                self.take(&Stretch { channel, at, content: Content::Silence(&silence) }, now);
            }
        }
        filled
    }

    /// Gives audio to all who want it, as far as they do not have it yet.
    fn take(&mut self, stretch: &Stretch<'_>, now: UnixMillis) {
        let mut answers = Vec::new();
        let mut sinks = Sinks { links: &mut self.links, recorder: &mut self.recorder, pusher: &mut self.pusher };
        sinks.take(stretch, now, &mut answers);
        self.queue(answers);
    }

    pub(super) fn frame(&mut self, message: &[u8], now: UnixMillis) {
        let Some(client) = &mut self.client else { return };
        client.last_at = now;
        self.changes.seen(now);
        match Frame::parse(message) {
            Frame::Audio { channel, pcm } => {
                client.not_understood = NotUnderstood::No;
                if !self.budget.take(channel, micros(pcm, client.terms.rate), now) {
                    self.actions.push_back(Action::Alert(Alert::AudioTooFast));
                    return self.close(close::POLICY, "audio comes faster than it can be spoken", now);
                }
                let Some(intake) = &mut self.intake else { return };
                let is_first = self.state.started_at.is_none();
                let started_at = *self.state.started_at.get_or_insert(now - intake.millis(pcm));
                let mut answers = Vec::new();
                let mut sinks =
                    Sinks { links: &mut self.links, recorder: &mut self.recorder, pusher: &mut self.pusher };
                intake.frame(channel, pcm, now, |stretch| sinks.take(&stretch, now, &mut answers));
                // After a reconnect this is what the gap is measured from, so it must not hide the network's delay.
                self.state.last_audio_at = Some(intake.captured_until(now));
                self.state.started_at = Some(intake.began().map_or(started_at, |began| began.min(started_at)));
                self.queue(answers);
                if is_first {
                    // From here on a restart has a clock to place the rest by.
                    self.save();
                }
            }
            Frame::TooBig => self.close(close::TOO_BIG, "a frame may carry 65536 bytes of audio", now),
            Frame::UnknownChannel => self.unknown_channel(now),
            Frame::Keepalive => {}
        }
    }

    /// A binary message names no channel. Omi's server ignores such, so one is nothing; but a client that sends nothing else
    /// believes that it is recorded.
    fn unknown_channel(&mut self, now: UnixMillis) {
        let Some(client) = &mut self.client else { return };
        match client.not_understood {
            NotUnderstood::No => client.not_understood = NotUnderstood::Since(now),
            NotUnderstood::Since(since) if now.since(since) >= NOT_UNDERSTOOD_MILLIS => {
                client.not_understood = NotUnderstood::Told;
                self.status(
                    Status::AudioNotUnderstood,
                    "Nothing is being recorded: the app's audio does not say which side it belongs to",
                );
                self.actions.push_back(Action::Alert(Alert::FramesNotUnderstood));
            }
            NotUnderstood::Since(_) | NotUnderstood::Told => {}
        }
    }

    /// What comes is too large to be looked at: the client is not one that this could be talked over with.
    pub(super) fn message_too_big(&mut self, now: UnixMillis) {
        if self.client.is_some() {
            self.close(close::TOO_BIG, "a frame may carry 65536 bytes of audio, a text 16384 bytes", now);
        }
    }

    pub(super) fn text(&mut self, text: &str, now: UnixMillis) {
        if text.len() > MAX_TEXT_BYTES {
            return self.message_too_big(now);
        }
        let Some(client) = &mut self.client else { return };
        client.last_at = now;
        if client.texts.take(TEXT_EVERY_MILLIS, &TEXTS, now).is_err() {
            self.close(close::POLICY, "too many messages", now);
            return;
        }
        // What it said before it was asked is about audio that has not come.
        let owes_answer = client.terms.resume && self.intake.is_none();
        match ClientMessage::parse(text) {
            ClientMessage::End if matches!(self.phase, Phase::Live) && !owes_answer => {
                self.state.ended = true;
                self.end(now);
            }
            ClientMessage::Contact { name } => self.contact(name, now),
            ClientMessage::AudioFrom { from, held }
                if client.held == Some(held) && matches!(self.phase, Phase::Live) =>
            {
                self.audio_from(&from, now);
            }
            // For any other client there is no bound to be moved, and a word that was ignored must not end its call.
            ClientMessage::Auth { token } if client.terms.resume => self.actions.push_back(Action::Verify(token)),
            ClientMessage::End
            | ClientMessage::Auth { .. }
            | ClientMessage::AudioFrom { .. }
            | ClientMessage::Ignored(_) => {}
        }
    }

    /// The user says who the other party is. A name that changes all the time is not written each time: the state is saved
    /// with the next heartbeat anyway.
    fn contact(&mut self, name: Pii<String>, now: UnixMillis) {
        if self.state.contact_name.as_ref() == Some(&name) {
            return;
        }
        self.state.contact_name = Some(name);
        let is_recent = self.contact_saved_at.is_some_and(|at| now.since(at) < CONTACT_SAVED_EVERY_MILLIS);
        if !is_recent {
            self.contact_saved_at = Some(now);
            self.save();
        }
    }

    /// Tells a client that resumes what it need not keep any more: what is stored, and has its words.
    pub(super) fn tell_stored(&mut self) {
        let Some(client) = self.client.as_mut().filter(|client| client.terms.resume) else { return };
        let (links, recorder) = (&self.links, &self.recorder);
        let stored = PerChannel::from_fn(|channel| recorder.durable(channel).min(links.get(channel).settled()));
        if client.stored != stored {
            client.stored = stored;
            self.actions.push_back(Action::StoredUpTo(stored));
        }
    }

    /// The client's socket is gone without an `end`: the call waits for it, and the services say what they still have.
    pub(super) fn disconnected(&mut self, now: UnixMillis) {
        if self.client.is_none() {
            return;
        }
        self.leave(now);
        if matches!(self.phase, Phase::Live) {
            // Where nothing was recorded there is nothing to go on with, and the call begins anew.
            let grace = if self.is_void() { 0 } else { GRACE_MILLIS };
            self.timers.set(Timer::Grace, Some(now + grace));
            self.state.seen_at = now;
            if self.state.resumes {
                self.suspend_links(now);
            } else {
                for channel in Channel::BOTH {
                    self.with_link(channel, |link, actions| link.finish(now, actions));
                }
            }
            self.save();
        }
    }

    /// What a client that resumes was saying goes on when it is back; if it does not come back, it is heard at the call's end.
    fn suspend_links(&mut self, now: UnixMillis) {
        for channel in Channel::BOTH {
            if self.with_link(channel, Link::suspend) {
                self.end_stream(channel, now);
            }
        }
    }

    /// Takes the connection apart; the call itself goes on.
    pub(super) fn leave(&mut self, now: UnixMillis) {
        self.timers.set(Timer::Idle, None);
        self.timers.set(Timer::Ping, None);
        self.client = None;
        self.flush(now);
    }

    /// No more audio comes over this connection: puts what the filters still hold onto the timeline.
    pub(super) fn flush(&mut self, now: UnixMillis) {
        let Some(intake) = self.intake.take() else { return };
        let mut answers = Vec::new();
        let mut sinks = Sinks { links: &mut self.links, recorder: &mut self.recorder, pusher: &mut self.pusher };
        intake.finish(|stretch| sinks.take(&stretch, now, &mut answers));
        self.recorder.flush();
        self.queue(answers);
    }

    pub(super) fn close(&mut self, code: u16, reason: &'static str, now: UnixMillis) {
        self.actions.push_back(Action::Close { code, reason });
        self.disconnected(now);
    }
}

/// How long a frame lasts, in microseconds.
fn micros(pcm: Pcm<'_>, rate: SampleRate) -> u64 {
    u64::try_from(pcm.len()).unwrap_or(u64::MAX).saturating_mul(1_000_000) / u64::from(rate.hz())
}
