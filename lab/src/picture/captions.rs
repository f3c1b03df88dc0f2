//! Where captions stand: each begins at its own time, none covers another, and no line to one crosses another.

use fourwire_wire::frame::Channel;
use fourwire_wire::segment::WireSegment;

use super::timeline::{COLUMNS, Timeline};
use super::typesetting::{clean, is_wider, width, wrap};

/// The size of captions in px.
pub const SIZE: f64 = 14.0;
/// The distance of their lines in px.
pub const LINE: f64 = 19.0;
/// From a caption's time to its text in px: the line that leads to it is between.
pub const INDENT: f64 = 7.0;
/// A caption has at least this room in px; the margin at the right of the page is as wide, for those at the very end.
pub const NARROWEST: f64 = 128.0;
/// And at most this: 60 letters are read without losing the line.
const WIDEST: f64 = 440.0;
/// Between two captions, beside or below each other, in px.
const GAP: f64 = 10.0;
/// Captions that are set together take no more text than anybody can show, in bytes.
const MAX_TEXT: usize = 2_000;
/// No call is longer, in seconds: what a faulty time may do is bounded.
const LATEST: f64 = 100.0 * 3_600.0;

/// What somebody said, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    /// Seconds from the call's start.
    pub start: f64,
    /// Seconds from the call's start.
    pub end: f64,
    /// The words, in one line.
    pub text: String,
}

/// A text with its place. Lengths are in px, from the row's left edge and the top of its channel's captions.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Where its time is.
    pub left: f64,
    /// Where it begins.
    pub top: f64,
    /// The text.
    pub lines: Vec<String>,
}

/// A row's captions of one channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanes {
    /// The texts of what begins in the row, by time.
    pub blocks: Vec<Block>,
    /// When there is speech, from and to.
    pub spans: Vec<(f64, f64)>,
}

impl Caption {
    /// A channel's captions, by time.
    pub fn all(segments: &[WireSegment], channel: Channel) -> Vec<Self> {
        let own = segments.iter().filter(|segment| segment.is_user == (channel == Channel::User));
        let captions = own.map(|segment| {
            let start = segment.start.clamp(0.0, LATEST);
            Self { start, end: segment.end.clamp(start, LATEST), text: clean(segment.text.expose()) }
        });
        let mut captions: Vec<Self> = captions.filter(|caption| !caption.text.is_empty()).collect();
        captions.sort_by(|a, b| a.start.total_cmp(&b.start));
        captions
    }
}

impl Block {
    /// Where it ends.
    pub fn bottom(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let lines = self.lines.len() as f64;
        self.top + lines * LINE
    }
}

impl Lanes {
    /// Sets a row's part of `captions`.
    pub fn new(captions: &[Caption], timeline: &Timeline, row: u32) -> Self {
        let density = Density::of(timeline.row);
        let blocks = stack(&join(captions, timeline, row, density.lanes), density.lines);
        Self { blocks, spans: spans(captions, timeline, row) }
    }

    /// How high they are together.
    pub fn height(&self) -> f64 {
        self.blocks.iter().map(Block::bottom).fold(0.0, f64::max)
    }
}

/// How much text there may be.
struct Density {
    /// So many captions may follow each other closer than their texts are wide, each below the next one. Those that come
    /// then are set together.
    lanes: usize,
    /// Most lines of one caption.
    lines: usize,
}

impl Density {
    /// Where a row shows minutes, a line of beginnings is more telling than a wall of text.
    fn of(row_seconds: f64) -> Self {
        match row_seconds {
            ..=75.0 => Self { lanes: 4, lines: 12 },
            ..=120.0 => Self { lanes: 3, lines: 8 },
            _ => Self { lanes: 1, lines: 5 },
        }
    }
}

/// A text that begins at a place.
struct Draft {
    left: f64,
    text: String,
}

impl Draft {
    /// What it takes at least, with the gap to what follows.
    fn least(&self) -> f64 {
        let room = NARROWEST - INDENT - GAP - 0.5;
        let text = if is_wider(&self.text, SIZE, room) { room } else { width(&self.text, SIZE) };
        // Half a pixel for what sums of widths are rounded by.
        INDENT + text + GAP + 0.5
    }
}

/// What begins in the row; where too many follow each other too closely, several in one.
fn join(captions: &[Caption], timeline: &Timeline, row: u32, lanes: usize) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut close = 0;
    for caption in captions.iter().filter(|caption| timeline.row_of(caption.start) == row) {
        let left = timeline.x(row, caption.start);
        if let Some(last) = drafts.last_mut() {
            let is_close = left - last.left < last.least();
            if is_close && close + 1 >= lanes {
                if last.text.len() < MAX_TEXT {
                    last.text.push(' ');
                    last.text.push_str(&caption.text);
                }
                continue;
            }
            close = if is_close { close + 1 } else { 0 };
        }
        drafts.push(Draft { left, text: caption.text.clone() });
    }
    drafts
}

/// Sets each text below those that begin within its width. They are taken from the last to the first, so that a line that
/// leads down to a text has only later ones beside it, which begin to its right.
fn stack(drafts: &[Draft], most_lines: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut next = f64::INFINITY;
    for draft in drafts.iter().rev() {
        // The page ends where the margin of the narrowest ends.
        let page = f64::from(COLUMNS) + NARROWEST - draft.left;
        let beside = (next - draft.left).max(draft.least());
        // Beside the next one, or wider and below it, whichever ends higher; the first of equals.
        let rooms = [beside, WIDEST / 2.0, WIDEST * 0.75, WIDEST].map(|room| room.min(WIDEST).min(page));
        let tried = rooms.map(|room| place(draft, room, &blocks, most_lines));
        let highest = tried.into_iter().reduce(|best, other| if other.bottom() < best.bottom() { other } else { best });
        blocks.extend(highest);
        next = draft.left;
    }
    blocks.reverse();
    blocks
}

/// A text in `room` px, below all others that begin there.
fn place(draft: &Draft, room: f64, others: &[Block], most_lines: usize) -> Block {
    let lines = wrap(&draft.text, SIZE, room - INDENT - GAP, most_lines);
    let used = lines.iter().map(|line| width(line, SIZE)).fold(0.0, f64::max);
    let right = draft.left + INDENT + used + GAP;
    let above = others.iter().filter(|other| other.left < right);
    let top = above.map(|other| other.bottom() + GAP).fold(0.0, f64::max);
    Block { left: draft.left, top, lines }
}

/// When there is speech in the row. What is less than a pixel apart is one span, so that there are no more than pixels.
fn spans(captions: &[Caption], timeline: &Timeline, row: u32) -> Vec<(f64, f64)> {
    let (start, end) = (timeline.start(row), timeline.start(row + 1));
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let in_row = |caption: &&Caption| {
        timeline.row_of(caption.start) == row || (caption.start < start && caption.end > start && caption.start < end)
    };
    for caption in captions.iter().filter(in_row) {
        let from = timeline.x(row, caption.start);
        // A pixel short, so that two sentences in a row are seen as two.
        let to = (timeline.x(row, caption.end) - 1.0).max(from + 2.0);
        match spans.last_mut() {
            Some(last) if from < last.1 + 1.0 => last.1 = last.1.max(to),
            _ => spans.push((from, to)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn caption(start: f64, end: f64, text: &str) -> Caption {
        Caption { start, end, text: text.to_owned() }
    }

    #[test]
    fn a_caption_has_the_room_until_the_next_one_and_stands_on_top_there() {
        let timeline = Timeline::new(60.0);
        let long = "I didn't know that you were there, and then I heard a beep and thought so.";
        let lanes = Lanes::new(&[caption(5.0, 9.0, long), caption(20.0, 21.0, "Hello.")], &timeline, 0);
        assert_eq!(lanes.blocks.iter().map(|block| block.top).collect::<Vec<_>>(), [0.0, 0.0]);
        assert!(lanes.blocks[0].lines.len() == 2, "{lanes:?}");
        assert_eq!(lanes.spans.len(), 2);
    }

    #[test]
    fn captions_close_to_each_other_stand_below_each_other() {
        let timeline = Timeline::new(60.0);
        let close: Vec<Caption> =
            (0..4).map(|at| caption(f64::from(at), f64::from(at) + 0.9, "So, hello there.")).collect();
        let tops: Vec<f64> = Lanes::new(&close, &timeline, 0).blocks.iter().map(|block| block.top).collect();
        assert!(tops.windows(2).all(|pair| pair[0] > pair[1]) && tops[3] == 0.0, "{tops:?}");
    }

    #[test]
    fn a_word_a_caption_becomes_texts_of_several_words() {
        let timeline = Timeline::new(60.0);
        let words: Vec<Caption> =
            (0..240).map(|at| caption(f64::from(at) / 4.0, f64::from(at) / 4.0 + 0.2, "word")).collect();
        let lanes = Lanes::new(&words, &timeline, 0);
        assert!(lanes.height() < 500.0, "{}", lanes.height());
        let shown: usize =
            lanes.blocks.iter().flat_map(|block| &block.lines).map(|line| line.matches("word").count()).sum();
        assert_eq!(shown, 240);
    }

    #[test]
    fn speech_across_two_rows_is_marked_in_both_and_written_in_the_first() {
        let timeline = Timeline::new(120.0);
        let across = [caption(55.0, 65.0, "Across."), caption(70.0, 71.0, "After.")];
        let second = Lanes::new(&across, &timeline, 1);
        assert_eq!(Lanes::new(&across, &timeline, 0).blocks.len(), 1);
        assert_eq!((second.blocks.len(), second.spans.len()), (1, 2));
        assert!(second.spans[0].0.abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn no_text_covers_another_and_no_line_to_one_crosses_another(
            starts in proptest::collection::vec((0.0..60.0_f64, "[a-z ]{1,90}"), 0..60),
        ) {
            let mut captions: Vec<Caption> =
                starts.iter().map(|(start, text)| caption(*start, start + 1.0, text)).collect();
            captions.sort_by(|a, b| a.start.total_cmp(&b.start));
            let blocks = Lanes::new(&captions, &Timeline::new(60.0), 0).blocks;
            let right = |block: &Block| {
                block.left + INDENT + block.lines.iter().map(|line| width(line, SIZE)).fold(0.0, f64::max)
            };
            for (index, one) in blocks.iter().enumerate() {
                prop_assert!(right(one) <= 1_328.0 + NARROWEST);
                for other in &blocks[index + 1..] {
                    let apart = right(one) < other.left || one.top > other.bottom() || other.top > one.bottom();
                    prop_assert!(apart, "{one:?} {other:?}");
                    // The line to `other` goes from 0 to its bottom; `one` must not be in its way.
                    prop_assert!(right(one) < other.left || one.top > other.bottom(), "{one:?} {other:?}");
                }
            }
        }
    }
}
