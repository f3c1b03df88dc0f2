//! Captions on the screen: finals as lines that stay; on a terminal the newest interim below them, rewritten in place.

use std::collections::HashMap;
use std::io::{IsTerminal, Write, stdout};

use fourwire_wire::ids::SegmentId;
use fourwire_wire::segment::WireSegment;

/// Goes to the line's start and empties it.
const CLEAR_LINE: &str = "\r\x1b[2K";
/// Keeps a long interim on its one line, and lets later lines wrap again.
const NO_WRAP: (&str, &str) = ("\x1b[?7l", "\x1b[?7h");

/// Writes captions to standard output.
pub struct Captions {
    terminal: bool,
    /// What was printed for good, by segment.
    printed: HashMap<SegmentId, String>,
}

impl Captions {
    /// Captions on standard output, which may be a terminal or not.
    pub fn new() -> Self {
        Self { terminal: stdout().is_terminal(), printed: HashMap::new() }
    }

    /// Shows a segment as it is now.
    pub fn show(&mut self, segment: &WireSegment) {
        let text = segment.text.expose();
        let line = format!("{}  {:<5}  {text}", clock(segment.start), name(segment.is_user));
        if segment.extras.as_ref().is_none_or(|extras| extras.is_final) {
            if self.printed.get(&segment.id) != Some(text) {
                self.printed.insert(segment.id, text.clone());
                self.note(&line);
            }
        } else if self.terminal {
            write(&format!("{CLEAR_LINE}{}\x1b[2m{line}\x1b[0m{}", NO_WRAP.0, NO_WRAP.1));
        }
    }

    /// Writes a line that stays.
    pub fn note(&mut self, line: &str) {
        let clear = if self.terminal { CLEAR_LINE } else { "" };
        write(&format!("{clear}{line}\n"));
    }
}

/// Writes at once. A reader that went away ends no call.
fn write(text: &str) {
    let mut out = stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Who speaks, as the app shows it.
pub fn name(is_user: bool) -> &'static str {
    if is_user { "You" } else { "Them" }
}

/// Minutes, seconds and tenths.
pub fn clock(seconds: f64) -> String {
    format!("{:02}:{:04.1}", (seconds / 60.0).floor(), seconds % 60.0)
}
