//! Whatever a call was cut into, and whatever part of it is asked for: what is played is what was recorded, to the sample.

use std::collections::BTreeMap;

use fourwire_engine::record::playback::{Conditions, Playback, Read, Step, Track};
use fourwire_engine::record::{self, ChunkName, ChunkSpan, Folder, Span};
use fourwire_engine::vault::{ConversationKey, Vault};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::Samples;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TRACKS: [Track; 4] = [Track::One(Channel::User), Track::One(Channel::Remote), Track::Stereo, Track::Mix];

proptest! {
    #[test]
    fn a_call_is_played_as_it_was_recorded_however_it_was_cut(cuts in cuts(), track in prop::sample::select(&TRACKS)) {
        let call = Call::recorded(&cuts);
        let file = call.played(track, None);
        prop_assert_eq!(&file[44..], call.expected(track));
        let reader = hound::WavReader::new(&file[..]).unwrap();
        prop_assert_eq!(reader.spec().channels, track.file_channels());
        prop_assert_eq!(usize::try_from(reader.len()).unwrap() * 2, file.len() - 44);
    }

    #[test]
    fn any_part_is_that_part_of_the_whole(
        cuts in cuts(),
        track in prop::sample::select(&TRACKS),
        from in 0.0..1.0_f64,
        length in 0.0..1.0_f64,
    ) {
        let call = Call::recorded(&cuts);
        let whole = call.played(track, None);
        let first = portion(whole.len() - 1, from);
        let last = first + portion(whole.len() - 1 - first, length);
        for (range, part) in [
            (format!("bytes={first}-{last}"), &whole[first..=last]),
            (format!("bytes={first}-"), &whole[first..]),
            (format!("bytes=-{}", last + 1), &whole[whole.len() - 1 - last..]),
        ] {
            prop_assert!(call.played(track, Some(&range)) == part, "{}", range);
        }
    }
}

/// Where each side is cut: for each chunk what is lost before it, and its length.
fn cuts() -> impl Strategy<Value = Vec<PerChannel<(u64, u64)>>> {
    let side =
        || (prop_oneof![9 => Just(0), 1 => 0..500_u64], prop_oneof![8 => 1..400_u64, 1 => Just(0), 1 => 0..4_000_u64]);
    let chunk = (side(), side()).prop_map(|(user, remote)| PerChannel { user, remote });
    prop::collection::vec(chunk, 0..12)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
fn portion(of: usize, part: f64) -> usize {
    (of as f64 * part) as usize
}

/// A call whose chunks are stored, and what was recorded.
struct Call {
    chunks: Vec<ChunkSpan>,
    objects: BTreeMap<String, Vec<u8>>,
    recorded: PerChannel<Vec<i16>>,
}

impl Call {
    fn recorded(cuts: &[PerChannel<(u64, u64)>]) -> Self {
        let mut call = Self { chunks: Vec::new(), objects: BTreeMap::new(), recorded: PerChannel::default() };
        for (number, cut) in (0..).zip(cuts) {
            let pcm = PerChannel::from_fn(|channel| call.record(channel, *cut.get(channel)));
            let span = PerChannel { user: pcm.user.0, remote: pcm.remote.0 };
            let name = ChunkName::new(&folder(), span);
            let nonces = PerChannel::from_fn(|channel| [number * 2 + channel.byte(); 12]);
            let pcm = PerChannel { user: &pcm.user.1[..], remote: &pcm.remote.1 };
            call.objects.insert(name.to_string(), record::seal(&key(), &name, nonces, pcm).unwrap());
        }
        // As a list of the store tells them: by name.
        let spans = call.objects.keys().map(|name| ChunkName::parse(&folder(), name).unwrap().span());
        call.chunks = spans.collect();
        call
    }

    /// Records silence where audio was lost, and then audio of a length, whose place and bytes are told.
    fn record(&mut self, channel: Channel, (lost, length): (u64, u64)) -> (Span, Vec<u8>) {
        let side = self.recorded.get_mut(channel);
        let start = u64::try_from(side.len()).unwrap() + lost;
        let span = Span { start: Samples::new(start), end: Samples::new(start + length) };
        side.resize(usize::try_from(start).unwrap(), 0);
        // Loud enough for sums that are too loud.
        let audio = (start..start + length).map(|at| {
            let value = i16::try_from(at * 7_919 % 60_000).unwrap_or(i16::MAX);
            if channel == Channel::User { value } else { value.wrapping_mul(-3) }
        });
        let audio: Vec<_> = audio.collect();
        side.extend(&audio);
        (span, audio.into_iter().flat_map(i16::to_le_bytes).collect())
    }

    /// The file's audio, worked out without chunks.
    fn expected(&self, track: Track) -> Vec<u8> {
        let [user, remote] = [&self.recorded.user, &self.recorded.remote];
        let length = user.len().max(remote.len());
        let padded =
            |side: &Vec<i16>| side.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
        let both = padded(user).into_iter().zip(padded(remote));
        let samples: Vec<i16> = match track {
            Track::One(channel) => self.recorded.get(channel).clone(),
            Track::Stereo => both.flat_map(|(left, right)| [left, right]).collect(),
            Track::Mix => both.map(|(left, right)| left.saturating_add(right)).collect(),
        };
        samples.into_iter().flat_map(i16::to_le_bytes).collect()
    }

    fn played(&self, track: Track, range: Option<&str>) -> Vec<u8> {
        let conditions = Conditions { range, ..Conditions::default() };
        let mut playback = Playback::new(key(), folder(), self.chunks.clone(), track, &conditions).unwrap();
        assert_eq!(playback.status(), if range.is_some() { 206 } else { 200 });
        let (promised, mut sent) = (playback.remaining(), Vec::new());
        loop {
            match playback.poll() {
                Step::Send(bytes) => sent.extend(bytes),
                Step::Read(Read { object, offset, length }) => {
                    let [from, length] = [offset, length].map(|at| usize::try_from(at).unwrap());
                    playback.handle_read(&self.objects[&object][from..from + length]).unwrap();
                }
                Step::End => break,
            }
        }
        assert_eq!(u64::try_from(sent.len()), Ok(promised));
        sent
    }
}

fn key() -> ConversationKey {
    ConversationKey::from_random([3; 32])
}

fn folder() -> Folder {
    let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
    Folder::new(&vault, &UserId::parse("ann").unwrap(), ConversationId::from_random([1; 16]))
}
