//! The page's colours and type. Each side of the call has one colour, in three strengths; both are equally dark, so that
//! neither side looks more important, and they differ for those who see no red or no green.

use fourwire_wire::frame::Channel;

/// The page.
pub const PAPER: &str = "#fcfcfa";
/// Words.
pub const INK: &str = "#1b2430";
/// Times, and what else is read second.
pub const SOFT: &str = "#55606e";

/// One side's colours.
pub struct Voice {
    /// The waveform's ground.
    pub ground: &'static str,
    /// The waveform from its lowest to its highest sample.
    pub peaks: &'static str,
    /// The waveform's loudness; its captions' lines; its name.
    pub strong: &'static str,
}

/// The colours of a side.
pub const fn voice(channel: Channel) -> &'static Voice {
    match channel {
        Channel::User => &Voice { ground: "#edf3f7", peaks: "#468bb0", strong: "#1b5a7d" },
        Channel::Remote => &Voice { ground: "#f8f0ea", peaks: "#c26c36", strong: "#8a3f12" },
    }
}

/// The style sheet. What it needs of fonts is only that there is one without serifs.
pub fn style() -> String {
    let page = format!(
        "text{{font-family:system-ui,-apple-system,Segoe UI,Roboto,Helvetica Neue,Noto Sans,Arial,sans-serif;\
         font-size:14px;fill:{INK}}}\
         .title{{font-size:30px;font-weight:600;letter-spacing:-.3px}}.emoji{{font-size:30px;font-family:Apple Color Emoji,Segoe UI Emoji,Noto Color Emoji,sans-serif}}\
         .about{{font-size:15px;fill:{SOFT}}}.note{{fill:{SOFT}}}\
         .time{{font-size:12px;fill:{SOFT};font-variant-numeric:tabular-nums}}.time:first-child{{fill:{INK};font-weight:600}}\
         .name{{font-size:15px;font-weight:600}}\
         .grid{{stroke:{PAPER};stroke-width:1.5}}.rest{{stroke-width:1}}\
         .spans{{stroke-width:4}}.leader{{stroke-width:1;stroke-opacity:.45}}\
         path{{fill:none}}"
    );
    let sides = [("you", Channel::User), ("them", Channel::Remote)].map(|(class, channel)| {
        let Voice { ground, peaks, strong } = voice(channel);
        format!(
            ".{class} .ground{{fill:{ground}}}.{class} .peaks{{fill:{peaks}}}\
             .{class} .loudness,.{class} .name{{fill:{strong}}}\
             .{class} .rest,.{class} .spans,.{class} .leader{{stroke:{strong}}}"
        )
    });
    page + &sides.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2's relative luminance of `#rrggbb`.
    fn luminance(colour: &str) -> f64 {
        let part = |from: usize| f64::from(u8::from_str_radix(&colour[from..from + 2], 16).unwrap()) / 255.0;
        let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5))
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_and_waveforms_have_the_contrast_of_wcag_aa() {
        for text in [INK, SOFT, voice(Channel::User).strong, voice(Channel::Remote).strong] {
            assert!(contrast(text, PAPER) >= 4.5, "{text}");
        }
        for channel in Channel::BOTH {
            let Voice { ground, peaks, strong } = voice(channel);
            assert!(contrast(peaks, ground) >= 3.0 && contrast(strong, ground) >= 4.5 && contrast(SOFT, ground) >= 4.5);
        }
        let [you, them] = Channel::BOTH.map(|channel| luminance(voice(channel).peaks));
        assert!((you - them).abs() < 0.01, "neither side is louder to the eye");
    }
}
