use std::collections::HashMap;

use fourwire_wire::ids::{ConversationId, UserId};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::record::Span;
use crate::vault::Vault;

/// A second of samples.
const SECOND: u64 = 16_000;

/// A stored call: what the store holds, and the chunks as a list of the store tells them.
struct Stored {
    objects: HashMap<String, Vec<u8>>,
    chunks: Vec<ChunkSpan>,
}

fn key() -> ConversationKey {
    ConversationKey::from_random([3; 32])
}

fn folder() -> Folder {
    let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
    Folder::new(&vault, &UserId::parse("ann").unwrap(), ConversationId::from_random([1; 16]))
}

fn span(start: u64, end: u64) -> Span {
    Span { start: Samples::new(start), end: Samples::new(end) }
}

/// A sample that tells its channel and its place.
fn sample(channel: Channel, at: u64) -> i16 {
    let value = i16::try_from(at % 10_000).unwrap() + 1;
    if channel == Channel::User { value } else { -value }
}

fn pcm(channel: Channel, span: Span) -> Vec<u8> {
    (span.start.get()..span.end.get()).flat_map(|at| sample(channel, at).to_le_bytes()).collect()
}

impl Stored {
    fn new(chunks: &[ChunkSpan]) -> Self {
        let objects = chunks.iter().map(|&span| {
            let name = ChunkName::new(&folder(), span);
            let pcm = PerChannel::from_fn(|channel| pcm(channel, *span.get(channel)));
            let pcm = PerChannel { user: &pcm.user[..], remote: &pcm.remote };
            let nonces = PerChannel { user: [1; 12], remote: [2; 12] };
            (name.to_string(), chunk::seal(&key(), &name, nonces, pcm).unwrap())
        });
        Self { objects: objects.collect(), chunks: chunks.to_vec() }
    }

    fn play(&self, track: Track, range: Option<&str>) -> Playback {
        self.answer(track, &Conditions { range, ..Conditions::default() })
    }

    fn answer(&self, track: Track, conditions: &Conditions<'_>) -> Playback {
        Playback::new(key(), folder(), self.chunks.clone(), track, conditions).unwrap()
    }

    /// Everything that is sent, and how many reads it took.
    fn sent(&self, mut playback: Playback) -> (Vec<u8>, usize) {
        let (mut sent, mut reads) = (Vec::new(), 0);
        let length = playback.remaining();
        loop {
            match playback.poll() {
                Step::Send(bytes) => sent.extend(bytes),
                Step::Read(Read { object, offset, length }) => {
                    let part = to_usize(offset)..to_usize(offset + length);
                    playback.handle_read(&self.objects[&object][part]).unwrap();
                    reads += 1;
                }
                Step::End => break,
            }
        }
        assert_eq!(u64::try_from(sent.len()), Ok(length), "as many bytes as were promised");
        (sent, reads)
    }

    fn samples(&self, track: Track) -> Vec<i16> {
        let (sent, _) = self.sent(self.play(track, None));
        Pcm::new(&sent[44..]).samples().collect()
    }
}

/// Two sides whose chunks do not end at the same samples, as frames of two microphones do not.
fn uneven() -> Stored {
    Stored::new(&[
        PerChannel { user: span(0, 500), remote: span(0, 430) },
        PerChannel { user: span(500, 900), remote: span(430, 1_010) },
        PerChannel { user: span(900, 1_500), remote: span(1_010, 1_400) },
    ])
}

#[test]
fn each_side_is_played_to_the_sample() {
    let call = uneven();
    let user: Vec<_> = (0..1_500).map(|at| sample(Channel::User, at)).collect();
    let remote: Vec<_> = (0..1_400).map(|at| sample(Channel::Remote, at)).collect();
    assert_eq!(call.samples(Track::One(Channel::User)), user);
    assert_eq!(call.samples(Track::One(Channel::Remote)), remote);

    let silence = [0; 100];
    let both = user.iter().zip(remote.iter().chain(&silence));
    assert_eq!(call.samples(Track::Stereo), both.clone().flat_map(|(&left, &right)| [left, right]).collect::<Vec<_>>());
    assert_eq!(call.samples(Track::Mix), both.map(|(&left, &right)| left + right).collect::<Vec<_>>());
}

#[test]
fn the_whole_call_takes_one_read_a_chunk() {
    let call = uneven();
    for track in [Track::Stereo, Track::Mix, Track::One(Channel::User)] {
        assert_eq!(call.sent(call.play(track, None)).1, 3, "{track:?}");
    }
}

#[test]
fn lost_audio_and_a_side_that_starts_late_are_silence() {
    let call = Stored::new(&[
        PerChannel { user: span(100, 200), remote: span(0, 0) },
        PerChannel { user: span(200, 300), remote: span(0, 0) },
        PerChannel { user: span(900_000, 900_100), remote: span(250, 300) },
    ]);
    let user = call.samples(Track::One(Channel::User));
    let expected = |at| if (100..300).contains(&at) || at >= 900_000 { sample(Channel::User, at) } else { 0 };
    assert_eq!(user, (0..900_100).map(expected).collect::<Vec<_>>());
    let remote = call.samples(Track::One(Channel::Remote));
    let expected = |at| if at >= 250 { sample(Channel::Remote, at) } else { 0 };
    assert_eq!(remote, (0..300).map(expected).collect::<Vec<_>>());
    let stereo = call.samples(Track::Stereo);
    assert_eq!(stereo.iter().copied().step_by(2).collect::<Vec<_>>(), user);
    assert_eq!(stereo.iter().copied().skip(1).step_by(2).take(300).collect::<Vec<_>>(), remote);
}

#[test]
fn a_moment_that_two_chunks_tell_of_is_heard_once() {
    let call = Stored::new(&[
        PerChannel { user: span(0, 300), remote: span(0, 300) },
        PerChannel { user: span(0, 400), remote: span(0, 250) },
        PerChannel { user: span(400, 500), remote: span(250, 500) },
    ]);
    for channel in Channel::BOTH {
        let whole: Vec<_> = (0..500).map(|at| sample(channel, at)).collect();
        assert_eq!(call.samples(Track::One(channel)), whole);
    }
    assert_eq!(call.samples(Track::Stereo).len(), 1_000);
}

#[test]
fn a_part_reads_the_chunks_that_it_touches_and_no_other() {
    let call = uneven();
    let (whole, _) = call.sent(call.play(Track::Stereo, None));
    // Frames 950 to 960, from the middle of a frame to the middle of another.
    let range = format!("bytes={}-{}", 44 + 950 * 4 + 3, 44 + 960 * 4);
    let playback = call.play(Track::Stereo, Some(&range));
    assert_eq!((playback.status(), playback.remaining()), (206, 38));
    assert_eq!(playback.content_range().unwrap(), format!("{}/{}", range.replace('=', " "), whole.len()));
    let (part, reads) = call.sent(playback);
    assert_eq!(part, whole[44 + 950 * 4 + 3..=44 + 960 * 4]);
    assert_eq!(reads, 2, "the user's third chunk, and the remote's second");
}

#[test]
fn the_header_alone_takes_no_read() {
    let call = uneven();
    let (header, reads) = call.sent(call.play(Track::Mix, Some("bytes=0-43")));
    assert_eq!((header.len(), reads), (44, 0));
    let (magic, _) = call.sent(call.play(Track::Mix, Some("bytes=8-11")));
    assert_eq!(magic, b"WAVE");
}

#[test]
fn a_part_that_the_file_does_not_have_is_refused() {
    let call = uneven();
    let mut playback = call.play(Track::One(Channel::User), Some("bytes=3044-"));
    assert_eq!((playback.status(), playback.remaining()), (416, 0));
    assert_eq!(playback.content_range().as_deref(), Some("bytes */3044"));
    assert_eq!(playback.poll(), Step::End);
}

#[test]
fn a_head_says_what_a_get_would_and_reads_nothing() {
    let call = uneven();
    for track in [Track::One(Channel::User), Track::One(Channel::Remote), Track::Stereo, Track::Mix] {
        for range in [None, Some("bytes=0-9"), Some("bytes=99999-")] {
            let get = call.play(track, None);
            let mut head = call.answer(track, &Conditions { is_head: true, range, ..Conditions::default() });
            assert_eq!((head.status(), head.content_range()), (200, None), "a range is for a GET");
            assert_eq!((head.content_length(), head.etag()), (Some(get.remaining()), get.etag()));
            assert_eq!((head.remaining(), head.poll()), (0, Step::End));
        }
    }
}

#[test]
fn a_part_goes_on_a_file_that_is_still_the_same() {
    let call = uneven();
    let etag = call.play(Track::Stereo, None).etag().to_owned();
    let weak = format!("W/{etag}");
    let other = call.play(Track::Mix, None).etag().to_owned();
    let date = "Wed, 25 Mar 2026 12:00:00 GMT".to_owned();
    for (if_range, status) in
        [(None, 206), (Some(&etag), 206), (Some(&weak), 200), (Some(&other), 200), (Some(&date), 200)]
    {
        let if_range = if_range.map(String::as_str);
        let conditions = Conditions { range: Some("bytes=100-199"), if_range, ..Conditions::default() };
        let playback = call.answer(Track::Stereo, &conditions);
        assert_eq!((playback.status(), playback.content_range().is_some()), (status, status == 206), "{if_range:?}");
        let length = if status == 206 { 100 } else { 44 + 1_500 * 4 };
        assert_eq!((playback.content_length(), playback.remaining()), (Some(length), length), "{if_range:?}");
        assert_eq!(playback.etag(), etag);
    }
    for (conditions, status, length) in [
        (Conditions { if_none_match: Some(&etag), ..Conditions::default() }, 304, None),
        (Conditions { if_none_match: Some(&other), ..Conditions::default() }, 200, Some(44 + 1_500 * 4)),
        (Conditions { if_match: Some(&etag), ..Conditions::default() }, 200, Some(44 + 1_500 * 4)),
        (Conditions { if_match: Some(&weak), ..Conditions::default() }, 412, Some(0)),
        (Conditions { range: Some("bytes=99999-"), ..Conditions::default() }, 416, Some(0)),
    ] {
        let mut playback = call.answer(Track::Stereo, &conditions);
        assert_eq!((playback.status(), playback.content_length()), (status, length), "{conditions:?}");
        assert_eq!(playback.poll() == Step::End, status != 200, "{conditions:?}");
    }
}

#[test]
fn each_file_has_a_validator_of_its_own() {
    let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
    let folder = |user: &str, conversation: u8| {
        Folder::new(&vault, &UserId::parse(user).unwrap(), ConversationId::from_random([conversation; 16]))
    };
    let both = |user: (u64, u64), remote: (u64, u64)| PerChannel {
        user: span(user.0, user.1),
        remote: span(remote.0, remote.1),
    };
    let stored = || vec![both((0, 500), (0, 430)), both((500, 900), (430, 1_010))];
    let mut others = Vec::new();
    for track in [Track::One(Channel::User), Track::One(Channel::Remote), Track::Stereo, Track::Mix] {
        others.push((folder("ann", 1), stored(), track));
    }
    for (user, conversation) in [("ann", 2), ("bob", 1)] {
        others.push((folder(user, conversation), stored(), Track::Stereo));
    }
    for chunks in [
        vec![],
        stored()[..1].to_vec(),
        stored()[1..].to_vec(),
        vec![both((0, 500), (0, 430)), both((500, 901), (430, 1_010))],
        vec![both((0, 500), (0, 430)), both((501, 900), (430, 1_010))],
        vec![both((0, 900), (0, 1_010))],
        [stored(), vec![both((900, 1_000), (1_010, 1_010))]].concat(),
        vec![both((0, 430), (0, 500)), both((430, 1_010), (500, 900))],
    ] {
        others.push((folder("ann", 1), chunks, Track::Stereo));
    }
    let etag = |(folder, chunks, track): &(Folder, Vec<ChunkSpan>, Track)| {
        let playback = Playback::new(key(), folder.clone(), chunks.clone(), *track, &Conditions::default()).unwrap();
        playback.etag().to_owned()
    };
    let etags: std::collections::HashSet<_> = others.iter().map(etag).collect();
    assert_eq!(etags.len(), others.len());
    for other in &others {
        let tag = etag(other);
        assert_eq!(tag, etag(other), "and always the same one");
        let inside = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap();
        assert!(inside.len() == 32 && inside.bytes().all(|byte| byte.is_ascii_hexdigit()), "{tag}");
    }
}

#[test]
fn a_call_without_audio_is_a_file_without_samples() {
    let call = Stored::new(&[]);
    let playback = call.play(Track::Stereo, None);
    assert_eq!((playback.status(), playback.content_range()), (200, None));
    assert_eq!(call.sent(playback).0.len(), 44);
}

#[test]
fn what_was_stored_otherwise_is_never_played() {
    let call = uneven();
    let mut playback = call.play(Track::Stereo, None);
    let Step::Send(_) = playback.poll() else { panic!("the header") };
    let Step::Read(read) = playback.poll() else { panic!("a read") };
    let body = call.objects[&read.object].clone();
    for altered in [
        [&body[..100], &[body[100] ^ 1], &body[101..]].concat(),
        body[1..].to_vec(),
        [&body[..], &[0]].concat(),
        Vec::new(),
    ] {
        assert!(playback.handle_read(&altered).is_err());
        assert_eq!(playback.poll(), Step::Read(read.clone()));
    }
    playback.handle_read(&body).unwrap();
    assert!(matches!(playback.poll(), Step::Send(_)));
}

#[test]
fn chunks_that_are_not_in_the_order_of_time_are_refused() {
    let mut chunks = uneven().chunks;
    chunks.swap(0, 1);
    let playback = Playback::new(key(), folder(), chunks, Track::Stereo, &Conditions::default());
    assert_eq!(playback.unwrap_err(), PlaybackError::Order);
    let week = PerChannel { user: span(0, 168 * 3_600 * SECOND), remote: span(0, 0) };
    let playback = Playback::new(key(), folder(), vec![week], Track::Stereo, &Conditions::default());
    assert_eq!(playback.unwrap_err(), PlaybackError::TooLong(TooLong));
}

#[test]
fn a_call_of_four_hours_takes_the_memory_of_a_few_chunks() {
    // As many chunks as four hours have, each of 50 ms instead of 5 s. The remote's frames end up to 2 ms after the user's.
    const CHUNK: u64 = SECOND / 20;
    let late = |n: u64| if n == 0 { 0 } else { n * CHUNK + n % 32 };
    let chunks: Vec<ChunkSpan> = (0..2_880)
        .map(|n| PerChannel { user: span(n * CHUNK, (n + 1) * CHUNK), remote: span(late(n), late(n + 1)) })
        .collect();
    let call = Stored::new(&chunks);
    let mut playback = call.play(Track::Stereo, None);
    let (mut most, mut reads) = (0, 0);
    loop {
        match playback.poll() {
            Step::Send(bytes) => most = most.max(bytes.capacity() + playback.held_bytes()),
            Step::Read(Read { object, offset, length }) => {
                playback.handle_read(&call.objects[&object][to_usize(offset)..to_usize(offset + length)]).unwrap();
                reads += 1;
            }
            Step::End => break,
        }
    }
    assert_eq!(reads, 2_880);
    assert!(most < 3 * 4 * to_usize(CHUNK), "{most} bytes were held");
}

#[test]
fn four_hours_of_stereo_are_one_file() {
    let cut = |n: u64| n * 5 * SECOND;
    let chunks: Vec<ChunkSpan> = (0..2_880).map(|n| PerChannel::from_fn(|_| span(cut(n), cut(n + 1)))).collect();
    let playback = Playback::new(key(), folder(), chunks, Track::Stereo, &Conditions::default()).unwrap();
    assert_eq!(playback.remaining(), 44 + 4 * 3_600 * SECOND * 4);
}
