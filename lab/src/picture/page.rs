//! The page: its rows from the top to the bottom, and in each the time, then a waveform and its captions for each side.

use std::io;

use fourwire_wire::frame::{Channel, PerChannel};

use super::Call;
use super::captions::{Caption, INDENT, LINE, Lanes, NARROWEST};
use super::header::Header;
use super::palette;
use super::paper::{Paper, px};
use super::timeline::{COLUMNS, Timeline};
use super::waveform::{UNITS_PER_PX, Waveform, full_scale};

/// The page's width in px.
const WIDTH: f64 = 1_600.0;
/// The margin at both sides: at the left for names, at the right for the last captions' text.
const MARGIN: f64 = 136.0;
/// The time above a row, with its distance to the waveform.
const AXIS: f64 = 22.0;
/// How far a waveform goes up and down from its middle: of several rows, and of a single one.
const HALF: [f64; 2] = [42.0, 64.0];
/// The ground above and below it.
const GROUND: f64 = 3.0;
/// From a waveform's end to the marks of when there is speech.
const SPANS: f64 = 9.0;
/// From there to the first caption's top.
const CAPTIONS: f64 = 9.0;
/// From a caption's top to its first base line.
const ASCENT: f64 = 14.0;
/// Between the user's captions and the other's waveform.
const BETWEEN: f64 = 20.0;
/// Between two rows.
const ROWS_APART: f64 = 48.0;
/// Below the last row.
const BELOW: f64 = 56.0;

/// Everything that is drawn.
pub struct Page<'a> {
    pub call: &'a Call<'a>,
    pub timeline: &'a Timeline,
    pub captions: &'a PerChannel<Vec<Caption>>,
    pub waveforms: &'a PerChannel<Option<Waveform>>,
}

impl Page<'_> {
    /// Writes the SVG.
    pub fn write(&self) -> io::Result<String> {
        let header = Header::new(self.call, self.timeline);
        let rows: Vec<Row<'_>> = if self.is_empty() { Vec::new() } else { self.rows() };
        let content = rows.iter().map(|row| row.height() + ROWS_APART).sum::<f64>() - ROWS_APART;
        let height = header.height() + content.max(LINE) + BELOW;

        let (width, tall) = (px(WIDTH), px(height));
        let view = format!("0 0 {width} {tall}");
        let title = header.title();
        let root = [
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("width", &width),
            ("height", &tall),
            ("viewBox", &view),
            ("role", "img"),
            ("aria-label", &title),
        ];
        let mut paper = Paper::new();
        paper.within("svg", &root, |paper| {
            paper.text("style", &[], &palette::style())?;
            paper.shape("rect", &[("width", &width), ("height", &tall), ("fill", palette::PAPER)])?;
            paper.within("g", &[("transform", &moved(MARGIN, 0.0))], |paper| {
                header.write(paper)?;
                let mut y = header.height();
                for row in &rows {
                    row.write(paper, y)?;
                    y += row.height() + ROWS_APART;
                }
                if rows.is_empty() {
                    paper.text("text", &[("class", "note"), ("x", "0"), ("y", &px(y))], "Nothing was recorded.")?;
                }
                Ok(())
            })
        })?;
        paper.finish()
    }

    /// Whether nothing was recorded: neither sound, not even silence, nor words.
    fn is_empty(&self) -> bool {
        let no_sound = |channel| self.waveforms.get(channel).as_ref().is_some_and(Waveform::is_empty);
        Channel::BOTH.into_iter().all(|channel| no_sound(channel) && self.captions.get(channel).is_empty())
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let full = full_scale([&self.waveforms.user, &self.waveforms.remote].into_iter().flatten());
        let row = |number| Row {
            page: self,
            number,
            full,
            lanes: PerChannel::from_fn(|channel| Lanes::new(self.captions.get(channel), self.timeline, number)),
        };
        (0..self.timeline.rows).map(row).collect()
    }
}

/// One row of the page.
struct Row<'a> {
    page: &'a Page<'a>,
    number: u32,
    /// The sample that fills a waveform's height.
    full: f64,
    lanes: PerChannel<Lanes>,
}

impl Row<'_> {
    fn height(&self) -> f64 {
        AXIS + self.side_height(Channel::User) + BETWEEN + self.side_height(Channel::Remote)
    }

    fn side_height(&self, channel: Channel) -> f64 {
        self.band() + SPANS + CAPTIONS + self.lanes.get(channel).height()
    }

    /// A waveform's height from its middle up.
    fn half(&self) -> f64 {
        HALF[usize::from(self.page.timeline.rows == 1)]
    }

    /// The height of a waveform with its ground.
    fn band(&self) -> f64 {
        2.0 * (self.half() + GROUND)
    }

    fn write(&self, paper: &mut Paper, y: f64) -> io::Result<()> {
        let timeline = self.page.timeline;
        let (start, ticks) = (timeline.start(self.number), timeline.ticks(self.number));
        let attributes = [
            ("class", "row"),
            ("transform", &*moved(0.0, y)),
            ("data-start", &*start.to_string()),
            ("data-seconds", &*timeline.row.to_string()),
        ];
        paper.within("g", &attributes, |paper| {
            for tick in &ticks {
                paper.text("text", &[("class", "time"), ("x", &px(tick.x)), ("y", "12")], &tick.label)?;
            }
            let lines = ticks.iter().filter(|tick| tick.x > 0.0);
            let grid = lines.map(|tick| format!("M{} 0v{}", px(tick.x), px(self.band()))).collect::<Vec<_>>().concat();
            self.write_side(paper, Channel::User, AXIS, &grid)?;
            self.write_side(paper, Channel::Remote, AXIS + self.side_height(Channel::User) + BETWEEN, &grid)
        })
    }

    /// One side of the call, from `y` on.
    fn write_side(&self, paper: &mut Paper, channel: Channel, y: f64, grid: &str) -> io::Result<()> {
        let (class, name) = match channel {
            Channel::User => ("you", "You"),
            Channel::Remote => ("them", "Them"),
        };
        let (band, middle) = (self.band(), self.band() / 2.0);
        let timeline = self.page.timeline;
        let width = px(timeline.x(self.number, timeline.duration));
        paper.within("g", &[("class", class), ("transform", &moved(0.0, y))], |paper| {
            paper.shape("rect", &[("class", "ground"), ("width", &width), ("height", &px(band)), ("rx", "3")])?;
            if !grid.is_empty() {
                paper.shape("path", &[("class", "grid"), ("d", grid)])?;
            }
            let place = [("class", "name"), ("x", "-20"), ("y", &*px(middle + 5.0)), ("text-anchor", "end")];
            paper.text("text", &place, name)?;
            if let Some(waveform) = self.page.waveforms.get(channel) {
                self.write_waveform(paper, waveform, middle)?;
            } else {
                let place = [("class", "note"), ("x", "12"), ("y", &*px(middle + 5.0))];
                paper.text("text", &place, "The sound is not here.")?;
            }
            write_captions(paper, self.lanes.get(channel), band + SPANS)
        })
    }

    fn write_waveform(&self, paper: &mut Paper, waveform: &Waveform, middle: f64) -> io::Result<()> {
        let shapes = waveform.shapes(self.number, self.full, self.half());
        if shapes.columns == 0 {
            return Ok(());
        }
        // Silence is a line of its own; where the channel ends, it ends.
        let rest = format!("M0 {}h{}", px(middle), shapes.columns);
        paper.shape("path", &[("class", "rest"), ("d", &rest)])?;
        // A column's shape is drawn through its middle.
        let transform = format!("translate(.5 {}) scale(1 {})", px(middle), 1.0 / UNITS_PER_PX);
        paper.within("g", &[("transform", &transform)], |paper| {
            paper.shape("path", &[("class", "peaks"), ("d", &shapes.peaks)])?;
            paper.shape("path", &[("class", "loudness"), ("d", &shapes.loudness)])
        })
    }
}

/// When there is speech, and what was said: from the mark of its time a line leads down to each text.
fn write_captions(paper: &mut Paper, lanes: &Lanes, y: f64) -> io::Result<()> {
    if !lanes.spans.is_empty() {
        let span = |(from, to): &(f64, f64)| format!("M{} {}h{}", px(*from), px(y), px(to - from));
        let spans = lanes.spans.iter().map(span).collect::<Vec<_>>().concat();
        paper.shape("path", &[("class", "spans"), ("d", &spans)])?;
    }
    let top = y + CAPTIONS;
    for block in &lanes.blocks {
        let leader = format!("M{} {}V{}", px(block.left + 0.5), px(y), px(top + block.bottom()));
        paper.shape("path", &[("class", "leader"), ("d", &leader)])?;
        let (x, y) = (px(block.left + INDENT), px(top + block.top + ASCENT));
        paper.within("text", &[("class", "caption"), ("x", &x), ("y", &y)], |paper| {
            for (index, line) in block.lines.iter().enumerate() {
                let down = if index == 0 { "0".to_owned() } else { px(LINE) };
                paper.text("tspan", &[("x", &x), ("dy", &down)], line)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn moved(x: f64, y: f64) -> String {
    format!("translate({} {})", px(x), px(y))
}

// The page is as wide as its parts.
const _: () = assert!(WIDTH == 2.0 * MARGIN + COLUMNS as f64 && NARROWEST <= MARGIN);
