//! Where audio is missing: what an audio context has rendered, held against a clock that only goes forward.
//!
//! The position on the timeline is the count of what was rendered, and of nothing else. A sound card's clock differs from every
//! other by up to 200 ppm (0.72 s in an hour): that is drift, and nothing is missing. Audio is missing in two cases, and silence
//! takes its place:
//!
//! - the context's own count (`currentFrame`) has gone on without our node: the count says to the sample how much is missing;
//! - the count stood still while time went on: the context was suspended, one context took the place of another, or the browser
//!   was so busy that it gave up catching up. (Chromium 156 renders up to 2.8 s behind time without a loss, in a burst, and
//!   leaves out what lies beyond.) Only the arrival of blocks tells of it, and any block may also just arrive late. So it is
//!   believed when it stays: blocks that were only late are followed by others that are not.

use std::time::Duration;

/// Blocks that come so much later than usual, in seconds, may follow a suspension: they are held back until it is known.
const GAP: f64 = 1.0;
/// Held blocks that catch up no further for so long, in seconds, were not just late. Waiting ones are handed over within
/// milliseconds; captions of what is said after a suspension are later by this.
const HOLD: f64 = 0.5;
/// What counts as catching up, in seconds: a block of the worklet is 43 ms at 48 kHz.
const CATCH_UP: f64 = 0.02;
/// The longest audio that is held back, in seconds: 3.8 MB. It is a burst of that length; then what is known decides.
const MAX_HELD: f64 = 60.0;
/// The longest time that is filled with silence, in seconds. A machine that slept longer has lost its call.
const MAX_GAP: f64 = 60.0;
/// How long arrivals are watched before they say something of a smaller loss, in seconds.
const WINDOW: f64 = 2.0;
/// What is lost is made up for when it is at least so much, in seconds: less is not heard, nor seen in a transcript.
const MIN_LOSS: f64 = 0.04;
/// A smaller loss must stand out from the scatter of arrivals by this factor: with delays of up to 500 ms by chance, none of 240
/// simulated hours has one that is none (tests below).
const MIN_SCATTERS: f64 = 4.0;
/// How much faster or slower than the clock a sound card may be: 500 ppm, more than twice what crystals are sold with.
const MAX_DRIFT: f64 = 500e-6;

/// Where a block goes on the timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Seconds of audio that are missing right before the block.
    pub(super) missing: f64,
    /// Whether it has to wait for its place.
    pub(super) held: Held,
}

/// Whether blocks are held back, because it is not known yet whether audio is missing before the first of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Held {
    /// None is.
    No,
    /// This is the first one.
    Begins,
    /// This one is held back with those before it.
    GoesOn,
    /// With this one it is known: so many seconds are missing before the first one.
    Ends(f64),
}

/// What is known of one recording's blocks.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// None before the first block.
    next: Option<Next>,
    window: Option<Window>,
    /// How late blocks were in a whole window; it follows the drift and nothing faster.
    usual: Option<f64>,
    hold: Option<Hold>,
}

/// What would follow without a loss.
#[derive(Debug)]
struct Next {
    /// The next frame of the context.
    frame: u64,
    /// Frames a second of the context.
    rate: u32,
    /// When the last block came, if all had come as soon as the first one. "Late" is relative to this.
    due: f64,
}

/// Arrivals of some seconds.
#[derive(Debug)]
struct Window {
    from: f64,
    least: f64,
    sum: f64,
    count: f64,
}

impl Window {
    const fn new(from: f64, late: f64) -> Self {
        Self { from, least: late, sum: late, count: 1.0 }
    }

    const fn add(&mut self, late: f64) {
        self.least = self.least.min(late);
        self.sum += late;
        self.count += 1.0;
    }

    /// How far arrivals lie above the earliest, in the mean.
    fn scatter(&self) -> f64 {
        self.sum / self.count - self.least
    }
}

/// Blocks that are held back.
#[derive(Debug)]
struct Hold {
    /// When one last caught up.
    since: f64,
    /// The least that one was late.
    least: f64,
    /// Seconds of audio.
    length: f64,
    /// Whether they are another context's than those before: then any time between them is missing audio, not only a long one.
    is_other_context: bool,
}

impl Pace {
    /// Takes a block of `count` samples at `rate`, the first of which is the context's frame `frame`.
    pub(super) fn place(&mut self, rate: u32, frame: u64, count: usize, at: Duration, is_first: bool) -> Place {
        let at = at.as_secs_f64();
        let seconds = |frames: u64| to_f64(frames) / f64::from(rate.max(1));
        let count = u64::try_from(count).unwrap_or_default();
        let after = frame.saturating_add(count);
        let Some(next) = &mut self.next else {
            self.next = Some(Next { frame: after, rate, due: at });
            self.window = Some(Window::new(at, 0.0));
            return Place { missing: 0.0, held: Held::No };
        };
        // Another context counts for itself, and only another one has another rate.
        let is_other_context = is_first || rate != next.rate;
        let skipped = if is_other_context { 0.0 } else { seconds(frame.saturating_sub(next.frame)) };
        let length = seconds(count);
        let late = at - next.due - length;
        let usual = self.usual.or(self.window.as_ref().map(|window| window.least)).unwrap_or(late);
        // No context renders ahead of time: a count that has is not this context's, but that of one that has just been replaced.
        let skipped = if skipped <= late - usual + GAP { skipped } else { 0.0 };
        let late = late - skipped;
        (next.frame, next.rate) = (after, rate);
        next.due += skipped + length;

        if let Some(hold) = &mut self.hold {
            hold.length += length + skipped;
            hold.is_other_context |= is_other_context;
            if late < hold.least - CATCH_UP {
                hold.since = at;
            }
            hold.least = hold.least.min(late);
            let missing = missing_before(hold, usual);
            let is_known = missing <= 0.0 || at - hold.since >= HOLD || hold.length >= MAX_HELD;
            let held = if is_known { Held::Ends(self.end_hold(at, late, missing)) } else { Held::GoesOn };
            return Place { missing: skipped.min(MAX_GAP), held };
        }
        if late - usual >= GAP || (is_other_context && late > usual) {
            self.hold = Some(Hold { since: at, least: late, length, is_other_context });
            return Place { missing: skipped.min(MAX_GAP), held: Held::Begins };
        }
        Place { missing: skipped.min(MAX_GAP) + self.watch(at, late), held: Held::No }
    }

    /// No block will come any more: the seconds that are missing before those that are held back.
    pub(super) fn finish(&mut self) -> f64 {
        let usual = self.usual.or(self.window.as_ref().map(|window| window.least)).unwrap_or_default();
        self.hold.take().map_or(0.0, |hold| missing_before(&hold, usual).min(MAX_GAP))
    }

    /// It is known how much is missing before the held blocks: from there on, all is as usual.
    fn end_hold(&mut self, at: f64, late: f64, missing: f64) -> f64 {
        self.hold = None;
        if let Some(next) = &mut self.next {
            next.due += missing;
        }
        self.window = Some(Window::new(at, late - missing));
        missing.min(MAX_GAP)
    }

    /// Watches arrivals for losses that are smaller than [`GAP`]. Returns the seconds that are found missing.
    fn watch(&mut self, at: f64, late: f64) -> f64 {
        let Some(window) = &mut self.window else {
            self.window = Some(Window::new(at, late));
            return 0.0;
        };
        let length = at - window.from;
        if length < WINDOW {
            window.add(late);
            return 0.0;
        }
        let usual = *self.usual.get_or_insert(window.least);
        let later = window.least - usual;
        let is_loss = later >= MIN_LOSS.max(MIN_SCATTERS * window.scatter());
        let missing = if is_loss { later } else { 0.0 };
        if !is_loss {
            self.usual = Some(usual + later.clamp(-MAX_DRIFT * length, MAX_DRIFT * length));
        }
        if let Some(next) = &mut self.next {
            next.due += missing;
        }
        self.window = Some(Window::new(at, late - missing));
        missing
    }
}

/// The seconds that are missing before held blocks, as far as it can be told by now.
fn missing_before(hold: &Hold, usual: f64) -> f64 {
    let missing = hold.least - usual;
    if hold.is_other_context || missing >= GAP { missing.max(0.0) } else { 0.0 }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "frames of a call are far below 2^53")]
const fn to_f64(frames: u64) -> f64 {
    frames as f64
}

#[cfg(test)]
mod tests;
