//! A word is found where it was said, whatever was muted, late, stalled or cut into odd frames on its way.

use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};

/// A minute in which both sides say a word every 1.2 s.
fn minute(rate: u32) -> (Client, Vec<Said>, Vec<Said>) {
    let (user, remote) = (words(0, 45, 300, 1_300), words(100, 45, 800, 1_300));
    (Client::new(rate, 60_000, user.clone(), remote.clone()), user, remote)
}

/// Plays a call to its end, and asserts that each side was heard where it spoke.
fn play(client: &Client, user: &[Said], remote: &[Said]) -> Call {
    let mut call = Call::new();
    call.play_and_end(client);
    call.assert_heard(User, user);
    call.assert_heard(Remote, remote);
    call
}

/// What was said at times that a gap does not take away.
fn outside(said: &[Said], gaps: &[std::ops::Range<u64>]) -> Vec<Said> {
    let overlaps = |said: &Said| gaps.iter().any(|gap| said.at + 300 > gap.start && said.at < gap.end);
    said.iter().filter(|said| !overlaps(said)).copied().collect()
}

#[test]
fn a_side_that_is_muted_for_ten_seconds_twice_comes_back_in_its_place() {
    for rate in [8_000, 16_000, 48_000] {
        let (mut client, user, remote) = minute(rate);
        let muted = vec![12_000..22_000, 33_000..43_000];
        // Nobody's word is cut in half by the button.
        let user = outside(&user, &muted);
        client.sides.user.said.clone_from(&user);
        client.sides.user.muted = muted;
        let call = play(&client, &user, &remote);
        assert_eq!((call.samples(User), call.samples(Remote)), (960_000, 960_000), "at {rate} Hz");
    }
}

#[test]
fn a_stall_of_five_seconds_and_the_burst_after_it_move_nothing() {
    for rate in [16_000, 48_000] {
        let (mut client, user, remote) = minute(rate);
        client.stall = Some(20_000..25_000);
        let call = play(&client, &user, &remote);
        assert_eq!((call.samples(User), call.samples(Remote)), (960_000, 960_000), "at {rate} Hz");
    }
}

#[test]
fn a_mute_that_ends_within_a_stall_is_placed_too() {
    let (mut client, user, remote) = minute(16_000);
    let muted = 18_000..23_000;
    let user = outside(&user, std::slice::from_ref(&muted));
    client.sides.user.said.clone_from(&user);
    client.sides.user.muted = vec![muted];
    client.stall = Some(20_000..25_000);
    play(&client, &user, &remote);
}

#[test]
fn frames_of_any_size_from_one_sample_to_the_largest_give_the_same_words() {
    // Sizes in samples; each side cycles through its own.
    let sizes = [
        (vec![1, 2, 3, 5, 160, 1], vec![32_768]),
        (vec![32_768, 1, 480, 7], vec![160]),
        (vec![320, 31_999, 17], vec![32_768, 2, 12_345]),
    ];
    for (user_sizes, remote_sizes) in sizes {
        for rate in [8_000, 16_000] {
            let (mut client, user, remote) = minute(rate);
            client.sides.user.frames.clone_from(&user_sizes);
            client.sides.remote.frames.clone_from(&remote_sizes);
            let call = play(&client, &user, &remote);
            assert_eq!((call.samples(User), call.samples(Remote)), (960_000, 960_000), "at {rate} Hz");
        }
    }
}

#[test]
fn a_side_that_starts_late_starts_at_its_place() {
    let (mut client, user, remote) = minute(48_000);
    let late = 0..14_000;
    let remote = outside(&remote, std::slice::from_ref(&late));
    client.sides.remote.said.clone_from(&remote);
    client.sides.remote.muted = vec![late];
    let call = play(&client, &user, &remote);
    assert_eq!((call.samples(User), call.samples(Remote)), (960_000, 960_000));
}

#[test]
fn a_side_that_never_comes_opens_no_stream_and_has_silence() {
    let said = words(0, 20, 500, 1_000);
    let mut client = Client::new(16_000, 30_000, said.clone(), Vec::new());
    let whole = 0..30_000;
    client.sides.remote.muted = vec![whole];
    let mut call = Call::new();
    call.play_and_end(&client);
    call.assert_heard(User, &said);
    assert!(call.segments(Remote).is_empty());
    assert!(call.world.opened.iter().all(|(channel, ..)| *channel == User), "a stream costs money");
    assert!(call.samples(Remote) > 25 * 16_000, "{}", call.samples(Remote));
}
