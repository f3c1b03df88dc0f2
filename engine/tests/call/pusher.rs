//! An operator's program hears both sides as one and reads the captions while the call runs; whatever it does, the call is
//! the same as without it.

use fourwire_wire::frame::{Channel, Frame, PerChannel};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::pusher::{Message, Pusher};
use crate::harness::service::Handshake;
use crate::harness::voice::words;
use crate::harness::world::Told;
use crate::harness::{BEGIN, Call};

/// How late a piece may come, in milliseconds after its end, where a side sends nothing: its largest frame might still be
/// on its way, and half a second more.
fn late(rate: u32) -> u64 {
    32_768_000 / u64::from(rate) + 500 + 200
}

fn client(rate: u32, millis: u64) -> Client {
    let count = u32::try_from(millis / 1_000).unwrap() - 1;
    Client::new(rate, millis, words(0, count, 300, 1_000), words(100, count, 800, 1_000))
}

/// When the call's first sample was captured, in samples since the call began.
fn zero(call: &Call) -> u64 {
    (call.conversation().started_at.unwrap().get() - BEGIN) * 16
}

/// What the record holds of both sides, as one.
fn recorded(call: &Call) -> Vec<i16> {
    let samples = |channel| {
        let bytes = call.world.recording.joined(channel);
        bytes.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect::<Vec<_>>()
    };
    let PerChannel { user, remote } = PerChannel::from_fn(samples);
    let at = |side: &[i16], n: usize| side.get(n).copied().unwrap_or_default();
    (0..user.len().max(remote.len())).map(|n| at(&user, n).saturating_add(at(&remote, n))).collect()
}

/// Every piece is a stretch of the record, behind the one before it. Returns where there are gaps.
fn assert_hears_record(call: &Call, pusher: &Pusher) -> Vec<(u64, u64)> {
    let (zero, recorded) = (zero(call), recorded(call));
    let mut gaps = Vec::new();
    let mut end = zero;
    for (_, from, samples) in pusher.pieces() {
        assert!(from >= end, "nothing comes twice");
        if from > end {
            gaps.push((end - zero, from - zero));
        }
        let own = usize::try_from(from - zero).unwrap();
        assert!(recorded[own..own + samples.len()] == *samples, "the piece from {} s", own / 16_000);
        end = from + u64::try_from(samples.len()).unwrap();
    }
    gaps
}

fn assert_hears_all(call: &mut Call) {
    let pusher = call.world.pusher.take().unwrap();
    assert_eq!(assert_hears_record(call, &pusher), []);
    let heard: usize = pusher.pieces().iter().map(|(_, _, samples)| samples.len()).sum();
    assert_eq!(heard, recorded(call).len(), "up to the last sample");
    call.world.pusher = Some(pusher);
}

/// Every final word was sent, once and as it is in the conversation.
fn assert_reads_all(call: &mut Call) {
    let read = call.pusher().segments();
    let segments = &call.conversation().transcript_segments;
    assert_eq!(read.len(), segments.len());
    for segment in segments {
        let sent = &read[&segment.id];
        assert_eq!((&sent.text, sent.start, sent.end), (&segment.text, segment.start, segment.end));
        assert_eq!((&sent.speaker, sent.is_user), (&segment.speaker, segment.is_user));
    }
}

#[test]
fn both_sides_are_heard_as_one_sample_for_sample_through_mutes_and_a_late_start() {
    for rate in [16_000, 48_000] {
        let mut client = client(rate, 30_000);
        client.sides.remote.muted.push(0..4_000);
        client.sides.user.muted = vec![8_000..9_000, 15_000..23_000];
        let mut call = Call::with_pusher();
        call.play_and_end(&client);
        assert_hears_all(&mut call);
        assert_reads_all(&mut call);
        let zero = zero(&call);
        for (at, from, samples) in call.pusher().pieces() {
            let end = (from + samples.len() as u64) / 16;
            assert!(at <= end + late(rate), "the piece from {} ms came {} ms late", (from - zero) / 16, at - end);
        }
        let pieces = call.pusher().pieces();
        let in_step = pieces.iter().filter(|(_, from, _)| (5_000..7_000).contains(&((from - zero) / 16)));
        assert!(in_step.clone().count() > 0);
        assert!(in_step.clone().all(|(at, from, _)| *at <= from / 16 + 1_100), "nobody is waited for who is there");
        let (last, full) = pieces.split_last().unwrap();
        assert!(full.iter().all(|(_, _, samples)| samples.len() == 16_000) && !last.2.is_empty());
    }
}

#[test]
fn it_is_told_whose_call_it_is_then_hears_and_reads_and_is_told_at_last_to_process_it() {
    let mut call = Call::with_pusher();
    call.play_and_end(&client(16_000, 65_000));
    let id = call.conversation().id.to_string();
    let [connection] = call.pusher().connections.as_slice() else { panic!("one connection") };
    let (_, Message::Conversation(greeting)) = &connection.messages[0] else { panic!("the conversation first") };
    let (_, Message::Process(process)) = connection.messages.last().unwrap() else { panic!("the order last") };
    assert_eq!((greeting, process["conversation_id"].as_str()), (&id, Some(id.as_str())));
    let opened = connection.opened.unwrap();
    let beats = connection.messages.iter().filter(|(_, message)| matches!(message, Message::Heartbeat));
    assert_eq!(beats.map(|(at, _)| at - opened).collect::<Vec<_>>(), [20_000, 40_000, 60_000]);
}

#[test]
fn two_loud_sides_do_not_turn_over() {
    let mut call = Call::with_pusher();
    call.connect(16_000);
    for _ in 0..20 {
        for channel in Channel::BOTH {
            let mut frame = Vec::new();
            Frame::write(channel, (0..1_600).map(|n| if n % 40 < 20 { 30_000 } else { -30_000 }), &mut frame);
            call.frame(frame);
        }
        call.run_for(100);
    }
    let pieces = call.pusher().pieces();
    let heard: Vec<_> = pieces.iter().flat_map(|(_, _, samples)| samples.iter().copied()).collect();
    assert!(heard.len() >= 16_000 && heard.iter().all(|sample| *sample == i16::MAX || *sample == i16::MIN));
}

#[test]
fn what_was_said_while_it_was_away_for_a_moment_is_caught_up_on() {
    let mut call = Call::with_pusher();
    call.play(&client(16_000, 60_000));
    call.run_until(20_000);
    call.pusher().handshake = Handshake::Refuse(30);
    call.world.cut_pusher(20_000);
    call.run_until(30_000);
    call.pusher().handshake = Handshake::Accept(50);
    call.run_until(60_100);
    call.end();
    call.run_for(10_000);
    let asked: Vec<_> = call.pusher().connections.iter().map(|known| known.asked).collect();
    assert_eq!(asked[1..], [21_000, 23_030, 27_060, 35_090], "a second, two, four, eight");
    assert_hears_all(&mut call);
    assert_reads_all(&mut call);
}

#[test]
fn who_is_away_for_long_hears_the_last_twenty_seconds_and_sees_the_gap_in_the_start_times() {
    let mut call = Call::with_pusher();
    call.pusher().handshake = Handshake::Refuse(30);
    call.play(&client(16_000, 200_000));
    call.run_until(100_000);
    call.pusher().handshake = Handshake::Accept(50);
    call.run_until(200_100);
    call.end();
    call.run_for(10_000);
    let opened = call.pusher().connections.last().unwrap().opened.unwrap();
    let pusher = call.world.pusher.take().unwrap();
    let gaps = assert_hears_record(&call, &pusher);
    let [(0, behind)] = gaps[..] else { panic!("one gap at the beginning: {gaps:?}") };
    let missed = behind / 16;
    assert!((opened - 20_500..opened - 19_500).contains(&missed), "opened at {opened}, heard from {missed}");
    let asked: Vec<_> = pusher.connections.iter().map(|known| known.asked).collect();
    assert!(asked.is_sorted_by(|a, b| b - a <= 60_100), "{asked:?}");
    call.world.pusher = Some(pusher);
    assert_reads_all(&mut call);
}

/// What the client was told of a call, without what its end looks like.
fn told(call: &Call) -> Vec<String> {
    let told = call.world.told.iter().filter(|(_, told)| !matches!(told, Told::Finished(_) | Told::Close(_)));
    told.map(|(at, told)| format!("{at} {told:?}")).collect()
}

fn finished_at(call: &Call) -> u64 {
    call.world.told.iter().find(|(_, told)| matches!(told, Told::Finished(_))).unwrap().0
}

/// A call with a pusher that is treated badly every second, beside the same call without one.
fn assert_same_as_without(mut trouble: impl FnMut(&mut Call, u64)) -> Call {
    let client = client(16_000, 40_000);
    let mut plain = Call::new();
    plain.play_and_end(&client);
    let mut call = Call::with_pusher();
    call.play(&client);
    for second in 0..40 {
        trouble(&mut call, second);
        call.run_until(second * 1_000 + 1_000);
    }
    call.run_until(40_100);
    call.end();
    call.run_for(30_000);
    assert!(call.session.is_done());
    assert_eq!(told(&call), told(&plain), "not a word comes later");
    assert_eq!(call.conversation(), plain.conversation());
    for channel in Channel::BOTH {
        assert!(call.world.recording.joined(channel) == plain.world.recording.joined(channel));
    }
    let late = finished_at(&call) - finished_at(&plain);
    assert!(late <= 2_000, "the end came {late} ms later");
    call
}

#[test]
fn a_call_is_the_same_and_ends_as_soon_whether_it_is_heard_or_not() {
    let call = assert_same_as_without(|_, _| {});
    let plain = assert_same_as_without(|call, _| call.pusher().handshake = Handshake::Refuse(0));
    assert_eq!(finished_at(&call), finished_at(&plain), "who refuses at once is not waited for either");
}

#[test]
fn a_pusher_that_never_answers_or_breaks_off_again_and_again_costs_the_call_nothing() {
    let mut call = assert_same_as_without(|call, _| call.pusher().handshake = Handshake::Never);
    assert!(call.pusher().connections.len() > 3, "it is given up, and tried again");
    assert_same_as_without(|call, _| call.world.cut_pusher(call.now));
    assert_same_as_without(|call, second| {
        call.pusher().handshake = if second < 39 { Handshake::Accept(50) } else { Handshake::Never };
        call.world.cut_pusher(call.now);
    });
}

#[test]
fn after_an_eviction_it_is_connected_anew_and_the_call_goes_on() {
    let mut call = Call::with_pusher();
    call.play(&client(16_000, 40_000));
    call.run_until(20_500);
    call.evict_under_client(16_000);
    call.run_until(40_100);
    call.end();
    call.run_for(10_000);
    assert!(call.session.is_done());
    let evicted = 20_500;
    let later: Vec<_> = call.pusher().pieces().into_iter().filter(|(at, ..)| *at > evicted).collect();
    let heard: usize = later.iter().map(|(_, _, samples)| samples.len()).sum();
    assert!(heard >= 19 * 16_000, "{heard} samples");
    assert!(later.is_sorted_by(|(_, a, samples), (_, b, _)| a + samples.len() as u64 == *b));
    let (_, from, samples) = later[later.len() - 1];
    let end = (from + samples.len() as u64 - zero(&call)) / 16;
    assert!((39_500..40_500).contains(&end), "times are those of the call: {end}");
    assert_eq!((call.pusher().connections.len(), call.pusher().processes().len()), (2, 1));
}

#[test]
fn a_call_whose_client_is_gone_is_to_be_processed_even_if_it_was_evicted_meanwhile() {
    let mut call = Call::with_pusher();
    call.play(&client(16_000, 10_000));
    call.run_until(10_100);
    call.disconnect();
    call.run_for(5_000);
    call.evict();
    call.run_for(70_000);
    assert!(call.session.is_done());
    assert_eq!(call.pusher().processes().len(), 1);
}

#[test]
fn a_client_that_comes_back_while_its_call_is_being_stored_is_heard_on() {
    let mut call = Call::with_pusher();
    call.play(&client(16_000, 10_000));
    call.run_until(10_100);
    call.world.store.millis = 30_000;
    call.end();
    call.run_for(5_000);
    call.play(&client(16_000, 10_000));
    call.run_for(10_100);
    call.world.store.millis = 0;
    call.run_for(20_000);
    call.end();
    call.run_for(5_000);
    assert!(call.session.is_done());
    let last = call.world.store.conversations.pop().unwrap();
    assert_eq!((call.pusher().processes().len(), call.pusher().segments().len()), (2, last.transcript_segments.len()));
}

#[test]
fn a_call_without_a_sound_is_nobodys_business() {
    let mut call = Call::with_pusher();
    call.connect(16_000);
    call.run_for(30_000);
    call.end();
    call.run_for(5_000);
    assert!(call.session.is_done() && call.pusher().connections.is_empty());
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    Cut,
    Handshake(Handshake),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let handshake = prop_oneof![
        4 => (0_u64..6_000).prop_map(Handshake::Accept),
        1 => (0_u64..6_000).prop_map(Handshake::Refuse),
        1 => Just(Handshake::Never),
    ];
    prop_oneof![4 => Just(Trouble::None), 2 => Just(Trouble::Cut), 2 => handshake.prop_map(Trouble::Handshake)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_pusher_does_the_call_is_the_same_and_what_it_hears_is_true(
        troubles in proptest::collection::vec(trouble(), 40),
    ) {
        let mut call = assert_same_as_without(|call, second| match troubles[usize::try_from(second).unwrap()] {
            Trouble::None => {}
            Trouble::Cut => call.world.cut_pusher(call.now),
            Trouble::Handshake(handshake) => call.pusher().handshake = handshake,
        });
        let pusher = call.world.pusher.take().unwrap();
        assert_hears_record(&call, &pusher);
    }
}
