//! The picture of a call, read back from its SVG: everything is at its time, on its side, and nothing else is there.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

use std::io::{Cursor, Read};
use std::ops::Range;
use std::time::{Duration, Instant};

use fourwire_lab::picture::{Call, PictureError, Sound, draw};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::segment::{Segment, WireSegment};
use fourwire_wire::structured::{Category, Structured};
use fourwire_wire::units::{Samples, UnixMillis};
use roxmltree::{Document, Node};

const RATE: u32 = 16_000;
/// The width of a row.
const COLUMNS: f64 = 1_328.0;
/// From a caption's time to its text.
const INDENT: f64 = 7.0;

fn header(samples: u32) -> Vec<u8> {
    let bytes = samples * 2;
    let mut header = b"RIFF".to_vec();
    header.extend((36 + bytes).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend([RATE, RATE * 2].iter().flat_map(|number| number.to_le_bytes()));
    header.extend(b"\x02\0\x10\0data");
    header.extend(bytes.to_le_bytes());
    header
}

fn sound(samples: &[i16]) -> Sound {
    let mut wav = header(u32::try_from(samples.len()).unwrap());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Sound::new(Cursor::new(wav)).unwrap()
}

fn seconds(seconds: usize) -> Vec<i16> {
    vec![0; seconds * 16_000]
}

/// Silence with one loud sample.
fn click(length: usize, at: usize) -> Vec<i16> {
    let mut samples = seconds(length);
    samples[at] = 20_000;
    samples
}

fn said(channel: Channel, times: Range<f64>, text: &str) -> WireSegment {
    let segment = Segment {
        id: ConversationId::from_random([1; 16]).segment(channel, 0),
        channel,
        start: Samples::from_seconds(times.start),
        end: Samples::from_seconds(times.end),
        text: text.to_owned().into(),
        confidence: 1.0,
        is_final: true,
    };
    WireSegment::new(&segment, true)
}

fn picture(
    title: &str,
    segments: &[WireSegment],
    user: impl Into<Option<Sound>>,
    remote: impl Into<Option<Sound>>,
) -> String {
    let structured = Structured { category: Category::Social, ..Structured::titled(title) };
    let call = Call { structured: &structured, began: UnixMillis::new(1_795_491_660_000), segments };
    draw(&call, PerChannel { user: user.into(), remote: remote.into() }).unwrap()
}

fn class<'a, 'i>(within: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
    within.descendants().filter(|node| node.attribute("class") == Some(name)).collect()
}

/// One side's part of each row.
fn side<'a, 'i>(document: &'a Document<'i>, name: &str) -> Vec<Node<'a, 'i>> {
    let rows = class(document.root(), "row");
    rows.into_iter().map(|row| class(row, name)[0]).collect()
}

fn number(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// A text of one or more lines.
fn text(node: Node<'_, '_>) -> String {
    let lines = node.descendants().filter(Node::is_text).filter_map(|line| line.text());
    lines.collect::<Vec<_>>().join(" ")
}

/// The captions of one side's row: how far they are from the row's left edge, and their text.
fn captions(side: Node<'_, '_>) -> Vec<(f64, String)> {
    class(side, "caption").into_iter().map(|node| (number(node, "x") - INDENT, text(node))).collect()
}

/// The heights of a waveform's columns, out of its outline: along the tops, down, and back along the bottoms.
fn heights(side: Node<'_, '_>, shape: &str) -> Vec<i32> {
    let shapes = class(side, shape);
    let [shape] = shapes.as_slice() else { return Vec::new() };
    let mut rest = shape.attribute("d").unwrap();
    let (mut command, mut y, mut columns, mut back) = ('M', 0, Vec::new(), None);
    loop {
        rest = rest.trim_start();
        if rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            command = rest.chars().next().unwrap();
            rest = &rest[1..];
        }
        let mut take = || -> i32 {
            rest = rest.trim_start();
            let end = rest.char_indices().skip(1).find(|(_, c)| !c.is_ascii_digit()).map_or(rest.len(), |(at, _)| at);
            let (number, after) = rest.split_at(end);
            rest = after;
            number.parse().unwrap()
        };
        let (steps, down) = match command {
            'M' => (take().abs() + 1, take()),
            'l' => (take().abs(), take()),
            'h' => (take().abs(), 0),
            'v' => {
                y += take();
                let mut last = columns.len();
                last -= 1;
                columns[last] = y - columns[last];
                back = Some(last);
                continue;
            }
            'z' => break,
            other => panic!("{other} in an outline"),
        };
        y += down;
        for _ in 0..steps {
            match &mut back {
                None => columns.push(y),
                Some(column) => {
                    *column -= 1;
                    columns[*column] = y - columns[*column];
                }
            }
        }
    }
    assert_eq!(back, Some(0), "the outline is closed");
    columns
}

#[test]
fn a_sound_is_drawn_in_the_column_of_its_moment_and_on_its_side_only() {
    let (at, length) = (197_531, 30);
    let svg = picture("A click", &[], sound(&click(length, at)), sound(&seconds(length)));
    let document = Document::parse(&svg).unwrap();
    let you = heights(side(&document, "you")[0], "peaks");
    let them = heights(side(&document, "them")[0], "peaks");
    assert_eq!((you.len(), them.len()), (1_328, 1_328));
    let column = at * 1_328 / (length * 16_000);
    let loud: Vec<usize> = (0..you.len()).filter(|column| you[*column] != 0).collect();
    assert_eq!(loud, [column]);
    assert!(you[column] >= 100, "the loudest sample fills half of the height: {}", you[column]);
    assert!(them.iter().all(|height| *height == 0));
}

#[test]
fn silence_is_a_line_and_what_was_not_recorded_is_none() {
    let svg = picture("One side", &[], sound(&click(20, 5)), sound(&seconds(10)));
    let document = Document::parse(&svg).unwrap();
    let line = |name| class(side(&document, name)[0], "rest")[0].attribute("d").unwrap().to_owned();
    assert!(line("you").ends_with("h1328") && line("them").ends_with("h664"), "{} {}", line("you"), line("them"));

    let svg = picture("A lost side", &[said(Channel::Remote, 1.0..2.0, "Hi.")], sound(&click(20, 5)), None);
    let document = Document::parse(&svg).unwrap();
    let them = side(&document, "them")[0];
    assert!(class(them, "rest").is_empty() && class(them, "peaks").is_empty());
    assert_eq!((class(them, "note").len(), captions(them).len()), (1, 1));
}

#[test]
fn faint_noise_is_not_drawn_as_speech() {
    let noise: Vec<i16> = (0..160_000_i32).map(|n| i16::try_from(n * 7_919 % 61 - 30).unwrap()).collect();
    let svg = picture("Noise", &[], sound(&noise), sound(&seconds(10)));
    let document = Document::parse(&svg).unwrap();
    let tallest = heights(side(&document, "you")[0], "peaks").into_iter().max().unwrap();
    assert!(tallest <= 4, "{tallest} half pixels");
}

#[test]
fn captions_are_at_their_times_on_their_side() {
    let segments = [
        said(Channel::Remote, 7.5..8.0, "Hello?"),
        said(Channel::User, 1.25..2.5, "Hello, is anybody there?"),
        said(Channel::User, 20.0..26.0, "I thought that I had heard a beep, and so I went on."),
    ];
    let svg = picture("Times", &segments, sound(&seconds(40)), sound(&seconds(40)));
    let document = Document::parse(&svg).unwrap();
    for (name, times) in [("you", &[(1.25, &segments[1]), (20.0, &segments[2])][..]), ("them", &[(7.5, &segments[0])])]
    {
        let side = side(&document, name)[0];
        let shown = captions(side);
        assert_eq!(shown.len(), times.len());
        for ((x, text), (time, segment)) in shown.iter().zip(times) {
            assert!((x - time / 40.0 * COLUMNS).abs() <= 0.1, "{text} at {x}");
            assert_eq!(text, segment.text.expose());
        }
        // The mark of when it was said is as long as it was, but for the pixel between two.
        let spans = class(side, "spans")[0].attribute("d").unwrap().to_owned();
        let first = &times[0].1;
        let length = (first.end - first.start) / 40.0 * COLUMNS - 1.0;
        assert!(spans.contains(&format!("h{length:.1}")), "{spans} has no {length}");
    }
}

#[test]
fn a_long_call_goes_on_in_rows_of_a_minute() {
    let segments = [said(Channel::Remote, 330.0..331.0, "Half past five.")];
    let svg = picture("Ten minutes", &segments, sound(&click(600, 330 * 16_000)), sound(&seconds(600)));
    let document = Document::parse(&svg).unwrap();
    let rows = class(document.root(), "row");
    assert_eq!(rows.iter().map(|row| number(*row, "data-start")).collect::<Vec<_>>()[..3], [0.0, 60.0, 120.0]);
    assert_eq!(rows.len(), 10);
    let (you, them) = (side(&document, "you"), side(&document, "them"));
    let loud: Vec<(usize, usize)> = (0..10)
        .flat_map(|row| {
            heights(you[row], "peaks").into_iter().enumerate().map(move |(column, high)| (row, column, high))
        })
        .filter_map(|(row, column, height)| (height > 0).then_some((row, column)))
        .collect();
    assert_eq!(loud, [(5, 664)]);
    let with_text: Vec<usize> = (0..10).filter(|row| !captions(them[*row]).is_empty()).collect();
    assert_eq!(with_text, [5]);
    assert!((captions(them[5])[0].0 - 664.0).abs() <= 0.1);
    let times = class(rows[5], "time");
    assert_eq!(times[0].text(), Some("5:00"));
}

#[test]
fn the_top_says_what_when_and_how_long() {
    let svg = picture("A Talk About Trains", &[], sound(&seconds(252)), sound(&seconds(30)));
    let document = Document::parse(&svg).unwrap();
    assert_eq!(class(document.root(), "title")[0].text(), Some("A Talk About Trains"));
    assert_eq!(class(document.root(), "emoji")[0].text(), Some("📞"));
    let about = class(document.root(), "about")[0].text().unwrap();
    assert_eq!(about, "Tuesday, 24 November 2026, 03:41 UTC  ·  4 min 12 s  ·  Social");
    assert_eq!(document.root_element().attribute("aria-label"), Some("A Talk About Trains"));
}

#[test]
fn hostile_text_is_only_text() {
    let evil = "</text></svg><script>alert(1)</script> \" onload='x' & ]]> \u{0}\u{1b}[2J \u{202e}drawkcab \u{ffff}";
    let mut structured = Structured::titled(evil);
    structured.emoji = format!("{evil}{evil}");
    let segments = [said(Channel::User, 1.0..2.0, evil), said(Channel::Remote, f64::MAX..f64::MAX, evil)];
    let call = Call { structured: &structured, began: UnixMillis::new(u64::MAX), segments: &segments };
    let svg = draw(&call, PerChannel { user: Some(sound(&seconds(10))), remote: Some(sound(&seconds(10))) }).unwrap();
    let document = Document::parse(&svg).unwrap();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(["svg", "style", "g", "rect", "path", "text", "tspan"].contains(&name), "{name}");
        assert!(node.attributes().all(|attribute| !attribute.name().starts_with("on")), "{node:?}");
    }
    let shown = &captions(side(&document, "you")[0])[0].1;
    assert_eq!(shown, "</text></svg><script>alert(1)</script> \" onload='x' & ]]> [2J drawkcab");
}

#[test]
fn a_word_without_an_end_stays_on_the_page() {
    let segments = [said(Channel::User, 1.0..29.0, &"x".repeat(1_000_000))];
    let svg = picture(&"W".repeat(100_000), &segments, sound(&seconds(30)), sound(&seconds(30)));
    assert!(svg.len() < 50_000, "{}", svg.len());
    assert!(svg.contains('…'));
}

#[test]
fn a_call_without_anything_says_so() {
    let svg = picture("Phone call", &[], sound(&[]), sound(&[]));
    let document = Document::parse(&svg).unwrap();
    assert_eq!(class(document.root(), "note")[0].text(), Some("Nothing was recorded."));
    assert!(class(document.root(), "row").is_empty());
    let svg = picture("Lost", &[], None, None);
    assert!(!svg.contains("Nothing was recorded."), "what could not be had may well have been recorded");
}

#[test]
fn a_sound_that_ends_before_it_should_is_an_error() {
    let mut wav = header(RATE);
    wav.extend([0; 1_000]);
    let structured = Structured::titled("Torn");
    let call = Call { structured: &structured, began: UnixMillis::default(), segments: &[] };
    let torn = PerChannel { user: Some(sound(&[])), remote: Some(Sound::new(Cursor::new(wav)).unwrap()) };
    assert!(matches!(draw(&call, torn), Err(PictureError::Sound(2, _))));
}

/// A sound that is never still and never level, made while it is read.
struct Racket {
    block: Vec<u8>,
    at: usize,
}

impl Racket {
    fn new() -> Self {
        let (mut state, mut block) = (1_u32, Vec::new());
        for part in 0..90_i32 {
            let loud = 1 + part * 37 % 90;
            for _ in 0..7_230 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = i32::try_from(state >> 16).unwrap() - 32_768;
                block.extend(i16::try_from(noise * loud / 91).unwrap().to_le_bytes());
            }
        }
        Self { block, at: 0 }
    }
}

impl Read for Racket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let part = &self.block[self.at..];
        let length = part.len().min(buffer.len());
        buffer[..length].copy_from_slice(&part[..length]);
        self.at = (self.at + length) % self.block.len();
        Ok(length)
    }
}

#[test]
fn four_hours_of_noise_and_talk_have_a_bounded_size_and_time() {
    const HOURS: u32 = 4;
    let samples = HOURS * 3_600 * RATE;
    let racket = || Sound::new(Cursor::new(header(samples)).chain(Racket::new())).unwrap();
    let segments: Vec<WireSegment> = (0..HOURS * 900)
        .flat_map(|index| Channel::BOTH.map(|channel| (channel, f64::from(index) * 4.0)))
        .map(|(channel, at)| said(channel, at..at + 3.8, "And so they went on & on, for hours, without a pause."))
        .collect();
    let begun = Instant::now();
    let svg = picture("Four hours", &segments, racket(), racket());
    let took = begun.elapsed();
    assert!(svg.len() < 2_000_000, "{} bytes", svg.len());
    assert!(took < Duration::from_mins(1), "{took:?}");
    let document = Document::parse(&svg).unwrap();
    assert_eq!(class(document.root(), "row").len(), 24);
    let height = number(document.root_element(), "height");
    assert!(height < 16_000.0, "{height}: graphics cards draw no more in one piece");
    println!("{} bytes, {height} px high, in {took:?}", svg.len());
}
