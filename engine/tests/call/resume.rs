//! A client that keeps what is not stored yet goes on from wherever it is asked to: whatever breaks, and whenever, every
//! sample is recorded once and every word is captioned once.

use fourwire_engine::call::ConnectOptions;
use fourwire_wire::event::{ClientMessage, Status};
use fourwire_wire::frame::Channel::{self, Remote, User};
use fourwire_wire::frame::{Frame, PerChannel};
use fourwire_wire::units::Samples;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::voice::{Said, sound, words};
use crate::harness::world::{Coming, Told};
use crate::harness::{Call, terms};

/// A frame of 100 ms, as Fourwire's page sends them.
const FRAME: usize = 1_600;

/// A page in the middle of a call, its network and its server.
struct Page {
    call: Call,
    said: PerChannel<Vec<Said>>,
    sound: PerChannel<Vec<i16>>,
    /// Sent so far; none until the session has asked.
    sent: Option<PerChannel<usize>>,
    /// What it has let go of.
    let_go: PerChannel<usize>,
    /// How much it keeps.
    keeps: usize,
    /// How many of the things that the session told were looked at.
    looked_at: usize,
}

impl Page {
    fn new(seconds: u32) -> Self {
        let said = PerChannel { user: words(0, seconds - 2, 500, 1_000), remote: words(100, seconds - 2, 900, 1_000) };
        let sound = PerChannel::from_fn(|side| sound(said.get(side), 16_000, u64::from(seconds) * 1_000));
        let let_go = PerChannel::default();
        let mut page = Self { call: Call::new(), said, sound, sent: None, let_go, keeps: 90 * 16_000, looked_at: 0 };
        page.connect();
        page
    }

    fn terms() -> ConnectOptions {
        ConnectOptions { resume: true, ..terms(16_000) }
    }

    fn connect(&mut self) {
        self.sent = None;
        self.call.connect_with(Self::terms());
    }

    fn lose(&mut self) {
        self.call.disconnect();
        self.sent = None;
    }

    /// The owner is gone with all that it had in memory; the socket outlives it or does not.
    fn restart(&mut self, socket_lives: bool) {
        self.call.restore();
        if socket_lives && self.call.world.connected {
            self.call.reattach(Self::terms());
        } else {
            self.call.world.connected = false;
            self.sent = None;
            self.call.drain();
        }
    }

    /// Time goes by, and the page does what it does every 100 ms.
    fn run_for(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.call.run_for(100);
            self.listen();
            self.send();
        }
    }

    fn captured(&self) -> usize {
        (usize::try_from(self.call.now).unwrap() * 16).min(self.sound.user.len())
    }

    fn listen(&mut self) {
        let captured = self.captured();
        let told: Vec<_> = self.call.world.told[self.looked_at..]
            .iter()
            .filter_map(|(_, told)| match told {
                Told::Held(at) => Some((true, *at)),
                Told::StoredUpTo(at) => Some((false, *at)),
                _ => None,
            })
            .collect();
        self.looked_at = self.call.world.told.len();
        for (is_held, at) in told {
            let held = at;
            let at = PerChannel::from_fn(|side| usize::try_from(at.get(side).get()).unwrap());
            for side in Channel::BOTH {
                let kept = captured.saturating_sub(self.keeps);
                let let_go = self.let_go.get_mut(side);
                *let_go = (*let_go).max(kept).max(if is_held { 0 } else { *at.get(side) });
            }
            if is_held {
                let from = PerChannel::from_fn(|side| (*at.get(side)).max(*self.let_go.get(side)));
                let samples = PerChannel::from_fn(|side| Samples::new(u64::try_from(*from.get(side)).unwrap()));
                self.call.world.send(self.call.now, Coming::Text(ClientMessage::audio_from(&samples, &held)));
                self.sent = Some(from);
            }
        }
    }

    fn send(&mut self) {
        let captured = self.captured();
        let Some(sent) = &mut self.sent else { return };
        while Channel::BOTH.iter().any(|side| *sent.get(*side) < captured) {
            for side in Channel::BOTH {
                let from = *sent.get(side);
                let to = captured.min(from + FRAME);
                if from < to {
                    let mut frame = Vec::new();
                    Frame::write(side, self.sound.get(side)[from..to].iter().copied(), &mut frame);
                    self.call.world.send(self.call.now, Coming::Frame(frame));
                    *sent.get_mut(side) = to;
                }
            }
        }
    }

    /// Plays to the end, ends the call and lets it finish.
    fn end(&mut self) {
        let length = u64::try_from(self.sound.user.len()).unwrap() / 16;
        self.run_for(length.saturating_sub(self.call.now) + 200);
        self.call.end();
        // A store that takes 8 s for 5 s of audio is busy for long after the call.
        for _ in 0..20 {
            self.call.run_for(10_000);
        }
        assert!(self.call.session.is_done());
    }

    /// A side's record as a listener hears it: where two chunks tell of one moment, the first has the word.
    fn recorded(&self, side: Channel) -> Vec<i16> {
        let mut recorded: Vec<i16> = Vec::new();
        let mut chunks: Vec<_> = self.call.world.recording.stored.values().collect();
        chunks.sort_by_key(|chunk| (chunk.span.user.start, chunk.span.remote.start));
        for chunk in chunks {
            let at = usize::try_from(chunk.span.get(side).start.get()).unwrap();
            let pcm = chunk.pcm.get(side).expose().as_chunks::<2>().0.iter().copied().map(i16::from_le_bytes);
            let known = recorded.len().saturating_sub(at);
            recorded.resize(recorded.len().max(at), 0);
            recorded.extend(pcm.skip(known));
        }
        recorded
    }

    fn assert_complete(&self) {
        for side in Channel::BOTH {
            let (recorded, sound) = (self.recorded(side), self.sound.get(side));
            let differs = recorded.iter().zip(sound).position(|(recorded, sound)| recorded != sound);
            assert_eq!((recorded.len(), differs), (sound.len(), None), "every sample of {side:?} is there once");
            self.call.assert_heard(side, self.said.get(side));
            assert_eq!(self.call.samples(side), u64::try_from(self.sound.get(side).len()).unwrap());
        }
    }

    /// All is said to be stored, and nothing to be lost.
    fn assert_counted(&self) {
        let audio = &self.call.conversation().audio;
        assert!(audio.iter().all(|audio| audio.stored == audio.samples), "{audio:?}");
        assert!(!self.statuses().contains(&Status::RecordingGap));
    }

    fn statuses(&self) -> Vec<Status> {
        let status = |told: &Told| if let Told::Status(status) = told { Some(status.status) } else { None };
        self.call.world.told.iter().filter_map(|(_, told)| status(told)).collect()
    }
}

#[test]
fn a_network_that_breaks_for_1_5_20_or_31_seconds_loses_nothing() {
    for away in [1_000, 5_000, 20_000, 31_000] {
        let mut page = Page::new(80);
        page.run_for(12_300);
        page.lose();
        page.run_for(away);
        page.connect();
        page.end();
        page.assert_complete();
        assert!(!page.statuses().contains(&Status::SttGap), "nor any caption");
    }
}

#[test]
fn a_word_that_is_being_said_when_the_network_breaks_is_captioned_once() {
    for at in (12_000..13_000).step_by(100) {
        let mut page = Page::new(30);
        page.run_for(at);
        page.lose();
        page.run_for(2_000);
        page.connect();
        page.end();
        page.assert_complete();
    }
}

#[test]
fn the_last_words_of_a_client_that_never_comes_back_are_captioned_at_the_end() {
    for at in [12_000, 12_700] {
        let mut page = Page::new(30);
        page.run_for(at);
        page.lose();
        for _ in 0..12 {
            page.call.run_for(10_000);
        }
        assert!(page.call.session.is_done());
        let whole: Vec<_> = page.said.user.iter().filter(|said| said.at + 500 < at).copied().collect();
        let words = page.call.words(User);
        assert!(words.len() >= whole.len() && words.len() <= whole.len() + 1, "{words:?}");
    }
}

#[test]
fn audio_that_was_on_its_way_when_the_socket_broke_is_sent_again() {
    let mut page = Page::new(30);
    page.run_for(7_000);
    // The page believes that it has sent these; they never arrive.
    let before = page.sent;
    page.call.world.connected = false;
    page.run_for(1_500);
    assert_ne!(page.sent, before);
    // What is still on its way gets lost too, before the session hears of the break.
    page.call.run_for(0);
    page.call.world.connected = true;
    page.lose();
    page.connect();
    page.end();
    page.assert_complete();
}

#[test]
fn a_restart_of_the_owner_loses_nothing_whether_or_not_the_socket_outlives_it() {
    for socket_lives in [true, false] {
        for at in [2_300, 5_100, 9_900, 13_800] {
            let mut page = Page::new(30);
            page.run_for(at);
            page.restart(socket_lives);
            if !socket_lives {
                page.run_for(1_000);
                page.connect();
            }
            page.end();
            page.assert_complete();
        }
    }
}

#[test]
fn a_restart_right_after_the_end_was_asked_for_gets_the_rest_and_is_asked_again() {
    let mut page = Page::new(12);
    page.run_for(12_000);
    page.call.end();
    page.restart(true);
    page.end();
    page.assert_complete();
}

#[test]
fn what_a_client_could_not_keep_is_silence_and_it_is_told() {
    let mut page = Page::new(60);
    page.keeps = 16_000 * 10;
    page.run_for(12_000);
    page.lose();
    page.run_for(20_000);
    page.connect();
    page.end();
    assert!(page.statuses().contains(&Status::RecordingGap));
    let recorded = page.recorded(User);
    assert_eq!(recorded.len(), page.sound.user.len(), "the length is right all the same");
    assert!(recorded[..12 * 16_000] == page.sound.user[..12 * 16_000]);
    assert!(recorded[12 * 16_000..22 * 16_000].iter().all(|sample| *sample == 0));
    assert!(recorded[23 * 16_000..] == page.sound.user[23 * 16_000..]);
    let kept: Vec<_> = page.said.user.iter().filter(|said| !(11_700..22_200).contains(&said.at)).copied().collect();
    page.call.assert_heard(User, &kept);
}

#[test]
fn a_client_is_told_to_let_go_only_of_what_is_stored_and_has_its_words() {
    let mut page = Page::new(40);
    page.call.world.recording.refusing = 10_000..24_000;
    let mut let_go_at = Vec::new();
    for _ in 0..400 {
        page.run_for(100);
        let_go_at.push(page.let_go.user);
        let segments = page.call.world.store.segments.values();
        let captioned = segments.filter(|segment| segment.channel == User).map(|segment| segment.end.get()).max();
        assert!(page.let_go.user <= usize::try_from(captioned.unwrap_or(0)).unwrap() + 16_000);
    }
    assert!(let_go_at[300] > 20 * 16_000, "what the owner keeps counts as stored: {}", let_go_at[300]);
    page.end();
    page.assert_complete();
}

#[test]
fn a_client_that_comes_back_is_shown_what_was_said_meanwhile() {
    let mut page = Page::new(30);
    page.run_for(10_000);
    page.lose();
    page.run_for(3_000);
    let before = page.call.world.told.len();
    page.connect();
    let shown = page.call.world.told[before..].iter().filter(|(_, told)| matches!(told, Told::Caption(..))).count();
    assert!(shown >= 2 * 9, "{shown}");
}

#[test]
fn frames_that_come_before_the_client_has_said_where_they_begin_are_left_out() {
    let mut call = Call::new();
    call.connect_with(Page::terms());
    let mut frame = Vec::new();
    Frame::write(Remote, vec![9_000; FRAME], &mut frame);
    call.frame(frame.clone());
    assert!(call.session.conversation().audio.iter().all(|audio| audio.samples == Samples::ZERO));
    call.text(r#"{"type":"audio_from","user":0,"remote":0,"held":{"user":0,"remote":0}}"#);
    call.frame(frame);
    assert_eq!(call.session.conversation().audio[1].samples, Samples::from_millis(100));
}

#[test]
fn a_position_that_no_call_can_have_reached_closes_the_socket() {
    let mut call = Call::new();
    call.connect_with(Page::terms());
    call.text(r#"{"type":"audio_from","user":900000000000,"remote":0,"held":{"user":0,"remote":0}}"#);
    assert!(matches!(call.world.told.last(), Some((_, Told::Close(1008)))));
    assert!(call.session.conversation().audio.iter().all(|audio| audio.samples == Samples::ZERO));
}

#[test]
fn a_restart_while_a_kept_chunk_is_being_stored_goes_on_behind_it() {
    let mut page = Page::new(30);
    page.call.world.recording.refusing = 2_000..5_500;
    page.call.world.recording.millis = 5_200;
    // The first chunk fails at 10.2 s. It is kept, like the second; the page is told to let go of both.
    page.run_for(10_500);
    assert!(page.let_go.user > 5 * 16_000);
    // The second try of the first chunk, at 11.2 s, succeeds while the owner restarts.
    page.call.world.recording.millis = 1_000;
    page.run_for(1_000);
    page.restart(false);
    page.connect();
    page.end();
    page.assert_complete();
    assert!(!page.statuses().contains(&Status::RecordingGap));
}

#[test]
fn an_answer_that_a_restart_overtook_is_left_out() {
    let mut page = Page::new(30);
    page.run_for(800);
    page.lose();
    page.run_for(100);
    page.connect();
    // The page answers that it goes on behind 800 ms. The session that asked is gone, and the next one needs it all.
    page.run_for(100);
    page.restart(true);
    page.end();
    page.assert_complete();
}

#[test]
fn an_end_that_a_restart_overtook_waits_for_the_audio_before_it() {
    let mut page = Page::new(12);
    page.run_for(12_000);
    page.call.world.send(page.call.now, Coming::Text(ClientMessage::END.to_owned()));
    page.restart(true);
    page.end();
    page.assert_complete();
}

/// The first chunk is on its way into a slow store, two more are kept, and a restart loses the first.
fn page_with_a_gap() -> Page {
    let mut page = Page::new(30);
    page.call.world.recording.millis = 20_000;
    page.run_for(16_000);
    page.call.world.recording.millis = 1_000;
    page.restart(false);
    assert_eq!(page.call.world.recording.kept.len(), 2);
    page
}

#[test]
fn what_is_kept_behind_a_lost_chunk_is_stored_once_when_the_client_sends_it_all_again() {
    let mut page = page_with_a_gap();
    page.connect();
    page.end();
    page.assert_complete();
    page.assert_counted();
}

#[test]
fn what_is_kept_behind_a_lost_chunk_is_stored_when_the_client_never_comes_back() {
    let mut page = page_with_a_gap();
    for _ in 0..12 {
        page.call.run_for(10_000);
    }
    assert!(page.call.session.is_done());
    for (side, audio) in Channel::BOTH.into_iter().zip(&page.call.conversation().audio) {
        let recorded = page.recorded(side);
        let lost = recorded.iter().zip(page.sound.get(side)).rposition(|(recorded, sound)| recorded != sound).unwrap();
        assert!((4 * 16_000..=5 * 16_000).contains(&lost), "one chunk is lost, up to {lost}");
        assert!(recorded[..lost].iter().all(|sample| *sample == 0), "and is silence");
        assert_eq!(audio.samples, Samples::new(u64::try_from(recorded.len()).unwrap()));
        assert!(audio.samples > Samples::from_millis(14_000) && audio.stored < audio.samples, "{audio:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Break {
    Network(u64),
    Owner { socket_lives: bool, chunk_lands: bool },
    SlowStore(u64),
    Refusal(u64),
}

fn a_break() -> impl Strategy<Value = (u64, Break)> {
    let kind = prop_oneof![
        (1_u64..120).prop_map(|tenths| Break::Network(tenths * 100)),
        any::<(bool, bool)>().prop_map(|(socket_lives, chunk_lands)| Break::Owner { socket_lives, chunk_lands }),
        (0_u64..9_000).prop_map(Break::SlowStore),
        (0_u64..20_000).prop_map(Break::Refusal),
    ];
    (1_u64..90, kind).prop_map(|(tenths, kind)| (tenths * 100, kind))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_breaks_and_whenever_every_sample_is_there_once(
        breaks in proptest::collection::vec(a_break(), 1..7),
    ) {
        let mut page = Page::new(60);
        for (after, kind) in breaks {
            page.run_for(after);
            match kind {
                Break::Network(millis) => {
                    page.lose();
                    page.run_for(millis);
                    page.connect();
                }
                Break::Owner { socket_lives, chunk_lands } => {
                    page.call.world.recording.outlives_owner = chunk_lands;
                    page.restart(socket_lives);
                    if !socket_lives {
                        page.connect();
                    }
                }
                Break::SlowStore(millis) => page.call.world.recording.millis = millis,
                Break::Refusal(millis) => {
                    let now = page.call.now;
                    page.call.world.recording.refusing = now..now + millis;
                }
            }
        }
        page.end();
        for side in Channel::BOTH {
            prop_assert!(page.recorded(side) == *page.sound.get(side), "{side:?}");
            let mut words = page.call.words(side);
            words.sort_unstable();
            words.dedup();
            prop_assert_eq!(words.len(), page.said.get(side).len(), "each word of {:?} once", side);
            prop_assert_eq!(page.call.words(side).len(), words.len(), "none of {:?} twice", side);
        }
        page.assert_counted();
    }
}
