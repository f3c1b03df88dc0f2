//! One side on its way to the listener: the records that are open, and which chunk is next.

use std::collections::VecDeque;

use fourwire_wire::frame::Channel;
use fourwire_wire::units::Samples;

use crate::record::{ChunkSpan, Span};

/// How many records one side has open at most: what is left of one chunk, and the next one.
const MAX_OPEN: usize = 2;

/// One side's open audio, by time.
#[derive(Debug)]
pub(super) struct Lane {
    channel: Channel,
    /// The first chunk that was not looked at yet.
    next: usize,
    open: VecDeque<Record>,
}

#[derive(Debug)]
struct Record {
    span: Span,
    pcm: Vec<u8>,
}

impl Lane {
    pub(super) const fn new(channel: Channel) -> Self {
        Self { channel, next: 0, open: VecDeque::new() }
    }

    /// Lets go of everything before a moment. Where two chunks tell of one moment, the first has the word.
    pub(super) fn seek(&mut self, chunks: &[ChunkSpan], at: Samples) {
        while self.open.front().is_some_and(|record| record.span.end <= at) {
            self.open.pop_front();
        }
        while self.coming(chunks).is_some_and(|span| span.is_empty() || span.end <= at) {
            self.next += 1;
        }
    }

    /// The chunk that must be read before the moment can be heard. None where it is open, or where nothing was recorded.
    pub(super) fn missing(&self, chunks: &[ChunkSpan], at: Samples) -> Option<usize> {
        (self.open.is_empty() && self.coming(chunks)?.start <= at).then_some(self.next)
    }

    /// Whether a chunk that is read for the other side is of use here too: it is the next, has something before `end`, and
    /// there is room.
    pub(super) fn takes(&self, chunks: &[ChunkSpan], chunk: usize, end: Samples) -> bool {
        self.next == chunk
            && self.open.len() < MAX_OPEN
            && self.coming(chunks).is_some_and(|span| !span.is_empty() && span.start < end)
    }

    /// Takes the audio of the next chunk.
    pub(super) fn take(&mut self, chunks: &[ChunkSpan], pcm: Vec<u8>) {
        if let Some(span) = self.coming(chunks) {
            self.open.push_back(Record { span, pcm });
            self.next += 1;
        }
    }

    /// How long it goes on as it is at a moment, sounding or silent. None: for ever.
    pub(super) fn change(&self, chunks: &[ChunkSpan], at: Samples) -> Option<Samples> {
        let span = self.open.front().map(|record| record.span).or_else(|| self.coming(chunks))?;
        Some(if span.start <= at { span.end } else { span.start })
    }

    /// What was recorded between two moments, between which nothing [changes](Self::change). None: silence.
    pub(super) fn heard(&self, from: Samples, until: Samples) -> Option<&[u8]> {
        let Record { span, pcm } = self.open.front()?;
        let byte = |at: Samples| usize::try_from(at.saturating_sub(span.start).get()).ok()?.checked_mul(2);
        if from < span.start { None } else { pcm.get(byte(from)?..byte(until)?) }
    }

    /// Bytes of audio that are open.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.open.iter().map(|record| record.pcm.capacity()).sum()
    }

    fn coming(&self, chunks: &[ChunkSpan]) -> Option<Span> {
        chunks.get(self.next).map(|span| *span.get(self.channel))
    }
}
