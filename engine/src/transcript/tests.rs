use fourwire_wire::frame::Channel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::segment::Segment;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn segment(channel: Channel, start: f64, end: f64, text: &str) -> WireSegment {
    let segment = Segment {
        id: ConversationId::from_random([1; 16]).segment(channel, 0),
        channel,
        start: Samples::from_seconds(start),
        end: Samples::from_seconds(end),
        text: Pii::new(text.to_owned()),
        confidence: 0.9,
        is_final: true,
    };
    WireSegment::new(&segment, true)
}

fn call() -> [WireSegment; 3] {
    [
        segment(Channel::Remote, 3_723.5, 3_724.25, "Bye."),
        segment(Channel::User, 12.0, 13.5, "Hello, it's me."),
        segment(Channel::Remote, 13.0, 13.1, "Hi"),
    ]
}

fn written(format: Format, segments: &[WireSegment]) -> String {
    write(format, segments, &Names::default()).unwrap()
}

#[test]
fn text_has_a_line_for_each_segment_in_the_order_of_time() {
    assert_eq!(
        written(Format::Text, &call()),
        "[00:12] You: Hello, it's me.\n[00:13] Them: Hi\n[1:02:03] Them: Bye.\n"
    );
}

#[test]
fn subrip_has_a_cue_for_each_segment_that_can_be_read() {
    assert_eq!(
        written(Format::Srt, &call()),
        "1\n00:00:12,000 --> 00:00:13,500\nYou: Hello, it's me.\n\n\
         2\n00:00:13,000 --> 00:00:13,500\nThem: Hi\n\n\
         3\n01:02:03,500 --> 01:02:04,250\nThem: Bye.\n\n"
    );
}

#[test]
fn webvtt_tells_who_speaks() {
    assert_eq!(
        written(Format::Vtt, &call()),
        "WEBVTT\n\n\
         00:00:12.000 --> 00:00:13.500\n<v You>Hello, it's me.\n\n\
         00:00:13.000 --> 00:00:13.500\n<v Them>Hi\n\n\
         01:02:03.500 --> 01:02:04.250\n<v Them>Bye.\n"
    );
}

#[test]
fn json_is_the_segments_by_time() {
    let read: Vec<WireSegment> = serde_json::from_str(&written(Format::Json, &call())).unwrap();
    let [bye, hello, hi] = call();
    assert_eq!(read, [hello, hi, bye]);
}

#[test]
fn what_was_said_cannot_forge_a_line_a_cue_or_a_tag() {
    let said = "well\r\n\r\n7\n00:00:01,000 --> 00:00:02,000\u{2028}[00:13] You: I agree <script>x</script> & {\\an8}<v You>\0";
    let hostile = [segment(Channel::Remote, 1.0, 2.0, said)];

    let text = written(Format::Text, &hostile);
    assert_eq!(text.lines().count(), 1);
    assert!(text.starts_with("[00:01] Them: well 7 00:00:01,000 --> 00:00:02,000 [00:13] You: I agree"));
    assert!(!text.trim_end().contains(char::is_control));

    let srt = written(Format::Srt, &hostile);
    assert_eq!(srt.lines().collect::<Vec<_>>()[..2], ["1", "00:00:01,000 --> 00:00:02,000"]);
    assert_eq!((srt.lines().count(), srt.matches("-->").count()), (4, 1));
    assert!(!srt.contains(['<', '{', '\\']));
    assert!(srt.contains("＜script＞x＜/script＞ & ｛＼an8｝＜v You＞"));

    let vtt = written(Format::Vtt, &hostile);
    assert_eq!((vtt.lines().count(), vtt.matches("-->").count(), vtt.matches('<').count()), (4, 1, 1));
    assert!(vtt.contains("<v Them>well 7 00:00:01,000 --&gt; 00:00:02,000"));
    assert!(vtt.contains("&lt;script&gt;x&lt;/script&gt; &amp; {\\an8}&lt;v You&gt;"));
}

#[test]
fn names_are_given_and_can_forge_nothing_either() {
    let names = Names::new("  ", "Bob\n[00:00] <b>& Co</b>");
    let hi = [segment(Channel::User, 0.0, 1.0, "Hi"), segment(Channel::Remote, 0.0, 1.0, "Ho")];
    assert_eq!(write(Format::Text, &hi, &names).unwrap(), "[00:00] You: Hi\n[00:00] Bob [00:00] <b>& Co</b>: Ho\n");
    assert!(write(Format::Vtt, &hi, &names).unwrap().contains("<v Bob [00:00] &lt;b&gt;&amp; Co&lt;/b&gt;>Ho\n"));
    assert!(!format!("{names:?}").contains("Bob"));
}

#[test]
fn impossible_times_are_put_right_and_blank_segments_left_out() {
    let mut odd = [
        segment(Channel::User, 0.0, 0.0, "early"),
        segment(Channel::User, 5.0, 4.0, "backwards"),
        segment(Channel::User, 6.0, 7.0, " \n "),
    ];
    odd[0].start = -3.0;
    odd[0].end = f64::NAN;
    assert_eq!(
        written(Format::Vtt, &odd),
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n<v You>early\n\n00:00:05.000 --> 00:00:05.500\n<v You>backwards\n"
    );
}

#[test]
fn a_call_without_a_word_is_a_valid_file_in_every_form() {
    let [json, text, srt, vtt] =
        [Format::Json, Format::Text, Format::Srt, Format::Vtt].map(|format| written(format, &[]));
    assert_eq!([json, text, srt, vtt], ["[]", "", "", "WEBVTT\n"]);
}

#[test]
fn a_form_is_known_by_its_name() {
    for (name, format) in [("json", Format::Json), ("txt", Format::Text), ("srt", Format::Srt), ("vtt", Format::Vtt)] {
        assert_eq!(name.parse(), Ok(format));
        assert_eq!(format.file_name(), format!("transcript.{name}"));
    }
    assert_eq!("SRT".parse::<Format>(), Err(UnknownFormat));
}
