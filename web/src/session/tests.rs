use fourwire_wire::event::ServerEvent;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::segment::{Segment, WireSegment};
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// A page's session, a clock, and all that it wanted done.
struct Page {
    session: Session,
    now: Duration,
    done: Vec<Action>,
    sent: Vec<String>,
    frames: usize,
    captured: Duration,
}

impl Page {
    fn new() -> Self {
        let now = Duration::from_secs(100);
        let session = Session::new(|| 0.5);
        Self { session, now, done: Vec::new(), sent: Vec::new(), frames: 0, captured: now }
    }

    /// One whose recording runs.
    fn recording() -> Self {
        let mut page = Self::new();
        page.tell(Event::Start);
        page.attach(0);
        page
    }

    fn tell(&mut self, event: Event<'_>) {
        self.session.handle(self.now, event);
        while let Some(action) = self.session.poll() {
            if let Action::Send(text) = &action {
                self.sent.push(text.expose().clone());
            }
            self.done.push(action);
        }
        while let Some(outgoing) = self.session.next_frame() {
            match outgoing {
                Outgoing::Frame(_) => self.frames += 1,
                Outgoing::Text(text) => self.sent.push(text),
            }
        }
    }

    fn attach(&mut self, held: u64) {
        self.tell(Event::Token(Some(Pii::new("token".to_owned()))));
        self.tell(Event::Opened);
        self.tell(Event::Text(r#"{"type":"auth_response","success":true}"#));
        self.tell(Event::Text(&json!({"type": "audio_held", "user": held, "remote": held}).to_string()));
    }

    /// Time goes by, with audio and timers, and a server that says nothing.
    fn run_for(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        let sound = [0.25; 1_600];
        while self.now < until {
            self.now += Duration::from_millis(100);
            let samples = PerChannel { user: &sound[..], remote: &sound[..] };
            let at = self.captured;
            self.captured += Duration::from_millis(100);
            let frame = u64::try_from(at.as_millis()).unwrap() * 16;
            self.tell(Event::Audio(Block { rate: 16_000, frame, at, is_first: false, samples }));
            if self.session.wake_at().is_some_and(|at| at <= self.now) {
                self.tell(Event::Timeout);
            }
        }
    }

    fn count(&self, wanted: &Action) -> usize {
        self.done.iter().filter(|action| *action == wanted).count()
    }

    fn states(&self) -> Vec<State> {
        let state =
            |action: &Action| if let Action::Tell(News::State(state)) = action { Some(state.clone()) } else { None };
        self.done.iter().filter_map(state).collect()
    }
}

fn reconnecting(attempt: u32, retry_in: f64) -> State {
    State::Reconnecting { attempt, retry_in }
}

fn memory() -> String {
    json!({"type": "memory_created", "memory": {"title": "A call"}, "messages": []}).to_string()
}

#[test]
fn nothing_is_asked_recorded_or_sent_before_the_call_is_answered() {
    let mut page = Page::new();
    page.run_for(5_000);
    page.tell(Event::End);
    assert_eq!(page.done, [Action::Tell(News::State(State::Ended)), Action::Tell(News::Done { conversation: None }),]);
}

#[test]
fn a_browser_says_who_is_there_first_and_where_its_audio_begins_next() {
    let mut page = Page::recording();
    assert_eq!(
        page.sent,
        [
            r#"{"token":"token","type":"auth"}"#.to_owned(),
            ClientMessage::audio_from(&PerChannel::default(), &PerChannel::default()),
        ]
    );
    page.run_for(1_000);
    assert_eq!(page.frames, 20);
    assert_eq!(page.states(), [State::Connecting, State::Recording]);
}

#[test]
fn what_is_said_while_the_server_is_reached_is_sent_from_the_first_sample() {
    let mut page = Page::new();
    page.tell(Event::Start);
    page.run_for(3_000);
    assert_eq!(page.frames, 0);
    page.attach(0);
    assert_eq!(page.frames, 60);
}

#[test]
fn a_lost_connection_is_tried_five_times_with_growing_waits_and_then_given_up() {
    let mut page = Page::recording();
    page.tell(Event::Closed { code: 1006, reason: "" });
    let mut asked: Vec<u32> = Vec::new();
    for tenth in 0..900 {
        let before = page.count(&Action::AskToken);
        page.run_for(100);
        if page.count(&Action::AskToken) > before {
            asked.push(tenth / 10);
            page.tell(Event::Token(None));
        }
    }
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(asked[4].abs_diff(31) <= 1, "1 + 2 + 4 + 8 + 16 s: {asked:?}");
    let states = page.states();
    assert_eq!(states[2], reconnecting(1, 1.0));
    let failed = State::Failed { code: Failure::Unreachable, reason: "The server cannot be reached." };
    assert_eq!(states.last(), Some(&failed));
    assert_eq!(page.done.last(), Some(&Action::Tell(News::Done { conversation: None })));
    assert_eq!(page.session.wake_at(), None);
}

#[test]
fn only_audio_that_arrived_makes_the_next_loss_a_first_one() {
    let mut page = Page::recording();
    page.tell(Event::Closed { code: 1006, reason: "" });
    page.run_for(1_100);
    page.attach(0);
    page.tell(Event::Closed { code: 1006, reason: "" });
    assert_eq!(page.states().last(), Some(&reconnecting(2, 2.0)), "let in, but nothing was stored");
    page.run_for(2_100);
    page.attach(0);
    page.tell(Event::Text(r#"{"type":"audio_stored","user":16000,"remote":16000}"#));
    page.tell(Event::Closed { code: 1011, reason: "" });
    assert_eq!(page.states().last(), Some(&reconnecting(1, 1.0)));
}

#[test]
fn a_server_that_says_nothing_for_15_seconds_is_left_and_one_that_pings_is_not() {
    let mut page = Page::recording();
    for _ in 0..4 {
        page.run_for(10_000);
        page.tell(Event::Text("ping"));
    }
    assert_eq!(page.count(&Action::Close(1000)), 0);
    page.run_for(15_000);
    assert_eq!(page.count(&Action::Close(1000)), 1);
    assert!(matches!(page.states().last(), Some(State::Reconnecting { attempt: 1, .. })));
}

#[test]
fn an_attempt_that_gets_nowhere_in_10_seconds_is_given_up() {
    let mut page = Page::new();
    page.tell(Event::Start);
    page.tell(Event::Token(Some(Pii::new("token".to_owned()))));
    page.tell(Event::Opened);
    page.run_for(10_000);
    assert_eq!(page.count(&Action::Close(1000)), 1);
    page.run_for(1_100);
    assert_eq!(page.count(&Action::AskToken), 2, "with a fresh token");
}

#[test]
fn who_has_reached_a_limit_is_told_so_and_is_not_asked_to_sign_in() {
    for (reason, failure) in close::LIMITS
        .map(|reason| (reason, Failure::LimitReached))
        .into_iter()
        .chain([("Invalid token", Failure::NotAllowed), ("", Failure::NotAllowed)])
    {
        let mut page = Page::new();
        page.tell(Event::Start);
        page.tell(Event::Token(Some(Pii::new("good".to_owned()))));
        page.tell(Event::Opened);
        page.tell(Event::Closed { code: 1008, reason });
        assert!(
            matches!(page.states().last(), Some(State::Failed { code, .. }) if *code == failure),
            "{reason}: {:?}",
            page.states().last()
        );
        page.run_for(60_000);
        assert_eq!(page.count(&Action::AskToken), 1, "it would come to the same");
    }
}

#[test]
fn who_is_not_let_in_is_told_and_does_not_try_again() {
    for refusal in
        [Event::Closed { code: 1008, reason: "" }, Event::Text(r#"{"type":"auth_response","success":false}"#)]
    {
        let mut page = Page::new();
        page.tell(Event::Start);
        page.tell(Event::Token(Some(Pii::new("bad".to_owned()))));
        page.tell(Event::Opened);
        page.tell(refusal);
        assert!(matches!(page.states().last(), Some(State::Failed { code: Failure::NotAllowed, .. })));
        page.run_for(60_000);
        assert_eq!(page.count(&Action::AskToken), 1);
    }
}

#[test]
fn the_end_comes_after_the_last_sample_and_brings_the_conversation() {
    let mut page = Page::recording();
    page.run_for(250);
    page.tell(Event::End);
    assert_eq!(page.sent.last().map(String::as_str), Some(ClientMessage::END));
    let frames = page.frames;
    page.run_for(2_000);
    assert_eq!(page.frames, frames, "nothing is recorded any more");
    page.tell(Event::Text(&memory()));
    page.tell(Event::Closed { code: 1000, reason: "" });
    let Some(Action::Tell(news)) = page.done.last() else { panic!("done") };
    assert_eq!(serde_json::to_value(news).unwrap(), json!({"news": "done", "conversation": {"title": "A call"}}));
    assert_eq!(page.states()[2..], [State::Ending, State::Ended]);
}

#[test]
fn an_end_that_the_network_swallowed_is_said_again() {
    let mut page = Page::recording();
    page.tell(Event::End);
    page.tell(Event::Closed { code: 1006, reason: "" });
    page.run_for(1_100);
    page.attach(0);
    let ends = page.sent.iter().filter(|text| *text == ClientMessage::END).count();
    assert_eq!(ends, 2);
    assert_eq!(page.states().last(), Some(&State::Ending), "the call is over, whatever the network does");
}

#[test]
fn a_restarted_server_asks_under_the_open_socket_and_gets_it_all_again() {
    let mut page = Page::recording();
    page.run_for(1_000);
    let asked = PerChannel { user: Samples::new(8_000), remote: Samples::new(4_800) };
    page.tell(Event::Text(r#"{"type":"audio_held","user":8000,"remote":4800}"#));
    assert_eq!(page.sent.last(), Some(&ClientMessage::audio_from(&asked, &asked)));
    assert_eq!(page.frames, 20 + 5 + 7);
}

#[test]
fn the_carriers_word_that_the_call_is_over_ends_the_recording_too() {
    let mut page = Page::recording();
    page.tell(Event::Text(&memory().replace("memory_created", "memory_processing_started")));
    assert_eq!(page.states().last(), Some(&State::Ending));
    page.tell(Event::Text(&memory()));
    page.tell(Event::Closed { code: 1000, reason: "" });
    assert!(matches!(page.done.last(), Some(Action::Tell(News::Done { conversation: Some(_) }))));
}

#[test]
fn a_conversation_that_does_not_come_is_waited_for_two_minutes() {
    let mut page = Page::recording();
    page.tell(Event::End);
    for _ in 0..13 {
        page.run_for(10_000);
        page.tell(Event::Text("ping"));
    }
    assert_eq!(page.done.last(), Some(&Action::Tell(News::Done { conversation: None })));
}

#[test]
fn trouble_is_passed_on_and_progress_is_not() {
    let mut page = Page::recording();
    for status in ["ready", "stt_failed", "stt_restored"] {
        let text =
            json!({"type": "service_status", "status": status, "status_text": "words", "channel": 2}).to_string();
        page.tell(Event::Text(&text));
    }
    page.tell(Event::Text(r#"{"type":"something_new"}"#));
    let notices: Vec<_> = page
        .done
        .iter()
        .filter_map(|action| if let Action::Tell(News::Notice(notice)) = action { Some(notice.code) } else { None })
        .collect();
    assert_eq!(notices, [NoticeCode::Server(Status::SttFailed), NoticeCode::Server(Status::SttRestored)]);
}

#[test]
fn captions_come_with_their_place_among_all() {
    let mut page = Page::recording();
    let id = ConversationId::from_random([1; 16]);
    for (channel, seconds) in [(Channel::User, 2.0), (Channel::Remote, 1.0)] {
        let segment = Segment {
            id: id.segment(channel, 0),
            channel,
            start: Samples::from_seconds(seconds),
            end: Samples::from_seconds(seconds + 1.0),
            text: Pii::new("hello".to_owned()),
            confidence: 1.0,
            is_final: true,
        };
        let text = serde_json::to_string(&[WireSegment::new(&segment, true)]).unwrap();
        page.tell(Event::Text(&text));
    }
    let places: Vec<_> = page
        .done
        .iter()
        .filter_map(|action| match action {
            Action::Tell(News::Caption { caption, index, was }) => Some((caption.channel, *index, *was)),
            _ => None,
        })
        .collect();
    assert_eq!(places, [(Channel::User, 0, None), (Channel::Remote, 0, None)]);
}

#[test]
fn captions_that_are_taken_back_are_gone_and_come_again_under_the_same_id() {
    /// A place with its former one, or a place that is gone.
    type Told = Result<(usize, Option<usize>), usize>;

    let mut page = Page::recording();
    let id = |channel, ordinal| ConversationId::from_random([1; 16]).segment(channel, ordinal);
    let interim = |channel, ordinal: u32, is_final| {
        let segment = Segment {
            id: id(channel, ordinal),
            channel,
            start: Samples::from_seconds(f64::from(ordinal)),
            end: Samples::from_seconds(f64::from(ordinal) + 1.0),
            text: Pii::new("hello".to_owned()),
            confidence: 1.0,
            is_final,
        };
        serde_json::to_string(&[WireSegment::new(&segment, true)]).unwrap()
    };
    let deleted = |segment_ids: &[_]| {
        serde_json::to_string(&ServerEvent::SegmentsDeleted { segment_ids: segment_ids.to_vec() }).unwrap()
    };
    let (user, remote) = (Channel::User, Channel::Remote);
    // What the server says, and what the page is told.
    let table: [(String, &[Told]); 11] = [
        (deleted(&[id(user, 1)]), &[]),
        (interim(user, 1, false), &[Ok((0, None))]),
        (interim(remote, 2, false), &[Ok((1, None))]),
        (interim(user, 3, true), &[Ok((2, None))]),
        (deleted(&[]), &[]),
        (deleted(&[id(remote, 9)]), &[]),
        (deleted(&[id(user, 1)]), &[Err(0)]),
        (deleted(&[id(user, 1)]), &[]),
        (interim(user, 1, true), &[Ok((0, None))]),
        (deleted(&[id(user, 1), id(remote, 9), id(user, 3)]), &[Err(0), Err(1)]),
        (deleted(&[id(remote, 2), id(remote, 2)]), &[Err(0)]),
    ];
    for (text, expected) in table {
        page.done.clear();
        page.tell(Event::Text(&text));
        let told = |action: &Action| match action {
            Action::Tell(News::Caption { index, was, .. }) => Some(Ok((*index, *was))),
            Action::Tell(News::CaptionRemoved { index }) => Some(Err(*index)),
            _ => None,
        };
        assert_eq!(page.done.iter().filter_map(told).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn a_notice_comes_of_trouble_and_of_what_ended_it_under_a_name_that_the_types_have() {
    // What a page may be told stands in its TypeScript types.
    let types = include_str!("../recorder/types.rs");
    for (status, is_notice) in [
        ("initiating", false),
        ("in_progress_conversations_processing", false),
        ("stt_initiating", false),
        ("ready", false),
        ("stt_failed", true),
        ("stt_restored", true),
        ("stt_gap", true),
        ("recording_delayed", true),
        ("recording_restored", true),
        ("recording_gap", true),
        ("audio_not_understood", true),
        ("a_newer_servers_word", false),
    ] {
        let mut page = Page::recording();
        page.done.clear();
        let text = json!({"type": "service_status", "status": status, "status_text": "words"}).to_string();
        page.tell(Event::Text(&text));
        let notices: Vec<_> = page
            .done
            .iter()
            .filter_map(|action| match action {
                Action::Tell(news @ News::Notice(_)) => Some(serde_json::to_value(news).unwrap()),
                _ => None,
            })
            .collect();
        let expected = json!({"news": "notice", "code": status, "text": "words"});
        assert_eq!(notices, if is_notice { vec![expected] } else { Vec::new() }, "{status}");
        assert_eq!(types.contains(&format!("\"{status}\"")), is_notice, "{status}");
    }
}

#[test]
fn what_the_page_is_told_has_the_names_that_its_types_promise() {
    let state = serde_json::to_value(News::State(reconnecting(2, 1.5))).unwrap();
    assert_eq!(state, json!({"news": "state", "kind": "reconnecting", "attempt": 2, "retryIn": 1.5}));
    let failed = State::Failed { code: Failure::NotAllowed, reason: "why" };
    let failed = serde_json::to_value(News::State(failed)).unwrap();
    assert_eq!(failed, json!({"news": "state", "kind": "failed", "code": "not_allowed", "reason": "why"}));
    let removed = serde_json::to_value(News::CaptionRemoved { index: 3 }).unwrap();
    assert_eq!(removed, json!({"news": "captionRemoved", "index": 3}));
    let code = NoticeCode::Server(Status::SttGap);
    let notice = News::Notice(Notice { code, text: "words".to_owned(), channel: Some(Channel::Remote) });
    let notice = serde_json::to_value(notice).unwrap();
    assert_eq!(notice, json!({"news": "notice", "code": "stt_gap", "text": "words", "channel": 2}));
}

/// A recording whose token is good for an hour.
fn signed_in() -> Page {
    let mut page = Page::recording();
    page.tell(Event::Text(r#"{"type":"auth_response","success":true,"expires_in":3600}"#));
    page
}

/// Time goes by, with a server that lives.
fn run_alive(page: &mut Page, seconds: u64) {
    for _ in 0..seconds / 10 {
        page.run_for(10_000);
        page.tell(Event::Text("ping"));
    }
}

#[test]
fn a_fresh_token_is_shown_on_the_running_socket_before_the_old_one_expires() {
    let mut page = signed_in();
    run_alive(&mut page, 55 * 60);
    assert_eq!(page.count(&Action::AskToken), 1, "the first one is good for long");
    run_alive(&mut page, 70);
    assert_eq!(page.count(&Action::AskToken), 2);
    let sent = page.sent.len();
    page.tell(Event::Token(Some(Pii::new("fresh".to_owned()))));
    assert_eq!(page.sent[sent..], [r#"{"token":"fresh","type":"auth"}"#]);
    page.tell(Event::Text(r#"{"type":"auth_response","success":true,"expires_in":3600}"#));
    run_alive(&mut page, 55 * 60);
    assert_eq!(page.count(&Action::AskToken), 2, "and so is the second");
    assert_eq!(page.states(), [State::Connecting, State::Recording]);
}

#[test]
fn a_page_that_has_no_token_at_hand_is_asked_again_and_goes_on_meanwhile() {
    let mut page = signed_in();
    run_alive(&mut page, 56 * 60);
    let asked = page.count(&Action::AskToken);
    page.tell(Event::Token(None));
    run_alive(&mut page, 60);
    assert_eq!(page.count(&Action::AskToken), asked + 2);
    assert_eq!(page.states(), [State::Connecting, State::Recording]);
}

#[test]
fn whose_sign_in_has_expired_comes_back_with_a_fresh_token() {
    let mut page = signed_in();
    page.tell(Event::Closed { code: close::SIGN_IN_EXPIRED, reason: "" });
    page.run_for(5_000);
    assert_eq!(page.count(&Action::AskToken), 2);
    page.attach(0);
    assert_eq!(page.states().last(), Some(&State::Recording));
}

#[test]
fn a_server_that_does_not_say_when_a_token_expires_is_shown_no_other() {
    let mut page = Page::recording();
    run_alive(&mut page, 2 * 60 * 60);
    assert_eq!(page.count(&Action::AskToken), 1);
}
