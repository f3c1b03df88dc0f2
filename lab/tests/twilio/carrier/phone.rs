//! The browser's side of the media: an offer, 20 ms frames both ways, keys, and ICE restarts.
//!
//! G.711 is written down here once more, by its table, so that the carrier's is not judged by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fourwire_lab::resample::resample;
use fourwire_lab::tones::{self, SpokenWord};
use opus_rs::{Application, OpusDecoder, OpusEncoder};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid, TelephoneEvent};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, sleep_until};

/// What a browser offers, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// G.711 μ-law.
    Pcmu,
    /// Opus at 48 kHz.
    Opus,
}

enum Command {
    Answer(String),
    Say(Vec<i16>),
    Key(u8),
    Restart(oneshot::Sender<String>),
}

/// A browser's media. It ends when this is dropped.
pub struct Phone {
    commands: mpsc::UnboundedSender<Command>,
    ear: Arc<Mutex<Ear>>,
}

/// What was heard.
#[derive(Default)]
struct Ear {
    codec: Option<Codec>,
    /// At the codec's rate, in the order of arrival.
    audio: Vec<i16>,
}

impl Phone {
    /// A browser that waits for an answer, and its offer.
    pub async fn new(offered: &[Offered]) -> (Self, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut config = RtcConfig::new()
            .clear_codecs()
            .enable_opus(offered.contains(&Offered::Opus), false)
            .enable_pcmu(offered.contains(&Offered::Pcmu), false);
        for (number, clock) in [(110, Frequency::FORTY_EIGHT_KHZ), (126, Frequency::EIGHT_KHZ)] {
            let keys = FormatParams { telephone_event_max: Some(16), ..FormatParams::default() };
            config.codec_config().add_config(number.into(), None, Codec::Tele, clock, None, keys);
        }
        let mut rtc = config.build(Instant::now().into_std());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        let (commands, received) = mpsc::unbounded_channel();
        let ear = Arc::<Mutex<Ear>>::default();
        let line = Line {
            rtc,
            socket,
            mid,
            pending: Some(pending),
            ear: ear.clone(),
            speech: Vec::new(),
            frames: 0,
            is_connected: false,
            key: None,
        };
        tokio::spawn(line.run(received));
        (Self { commands, ear }, ordered(&offer.to_sdp_string(), offered))
    }

    /// Takes the carrier's answer.
    pub fn connect(&mut self, answer: &str) {
        self.tell(Command::Answer(answer.to_owned()));
    }

    /// Says words once there is a connection: the first after so long, and then one each half second.
    pub fn say(&self, first: Duration, words: &[&str]) {
        let first = u64::try_from(first.as_millis()).unwrap();
        let script = (0..)
            .zip(words)
            .fold(tones::Script::new(48_000), |script, (place, word)| script.word(first + 500 * place, word));
        self.tell(Command::Say(script.samples(first + 500 * words.len() as u64)));
    }

    /// Presses a key.
    pub fn press(&self, key: u8) {
        self.tell(Command::Key(key));
    }

    /// An offer that sets the connection up anew.
    pub async fn restart(&self) -> String {
        let (offer, offered) = oneshot::channel();
        self.tell(Command::Restart(offer));
        offered.await.unwrap()
    }

    /// The codec in which the carrier speaks.
    pub fn codec(&self) -> Option<Codec> {
        self.ear.lock().unwrap().codec
    }

    /// The words that were heard so far.
    pub fn heard(&self) -> Vec<&'static str> {
        tones::detect(&self.audio()).iter().map(|word: &SpokenWord| word.word).collect()
    }

    /// What was heard so far, at 16 kHz.
    pub fn audio(&self) -> Vec<i16> {
        let ear = self.ear.lock().unwrap();
        let rate = if ear.codec == Some(Codec::PCMU) { 8_000 } else { 48_000 };
        resample(&ear.audio, rate, 16_000)
    }

    fn tell(&self, command: Command) {
        assert!(self.commands.send(command).is_ok(), "the connection is over");
    }
}

/// The payload types of an offer in the order that is wanted; str0m has one of its own.
fn ordered(offer: &str, offered: &[Offered]) -> String {
    let opus = offer.lines().find_map(|line| line.strip_prefix("a=rtpmap:")?.strip_suffix(" opus/48000/2"));
    let wanted: Vec<&str> =
        offered.iter().map(|one| if *one == Offered::Pcmu { "0" } else { opus.expect("Opus is offered") }).collect();
    let line = offer.lines().find(|line| line.starts_with("m=audio")).unwrap();
    let (start, types) = line.split_at(line.match_indices(' ').nth(2).unwrap().0);
    let others = types.split_ascii_whitespace().filter(|one| !wanted.contains(one));
    let types: Vec<&str> = wanted.iter().copied().chain(others).collect();
    offer.replace(line, &format!("{start} {}", types.join(" ")))
}

struct Line {
    rtc: Rtc,
    socket: UdpSocket,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    ear: Arc<Mutex<Ear>>,
    /// What is to be said yet, at 48 kHz.
    speech: Vec<i16>,
    frames: u64,
    is_connected: bool,
    key: Option<u8>,
}

impl Line {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut frames = interval(Duration::from_millis(20));
        let mut opus = (OpusEncoder::new(48_000, 1, Application::Audio).unwrap(), OpusDecoder::new(48_000, 1).unwrap());
        let mut datagram = [0; 2_000];
        while let Some(deadline) = self.drain(&mut opus.1).await {
            let now = Instant::now();
            if deadline <= now {
                self.rtc.handle_input(Input::Timeout(now.into_std())).unwrap();
                continue;
            }
            tokio::select! {
                () = sleep_until(deadline) => {}
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                _ = frames.tick() => self.speak(&mut opus.0),
                Ok((length, from)) = self.socket.recv_from(&mut datagram) => {
                    let to = self.socket.local_addr().unwrap();
                    let packet = Receive::new(Protocol::Udp, from, to, &datagram[..length]).unwrap();
                    self.rtc.handle_input(Input::Receive(Instant::now().into_std(), packet)).unwrap();
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Answer(sdp) => {
                let answer = SdpAnswer::from_sdp_string(&sdp).unwrap();
                let pending = self.pending.take().expect("an offer waits for it");
                self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
            }
            Command::Say(speech) => self.speech = speech,
            Command::Key(key) => self.key = Some(key),
            Command::Restart(offered) => {
                let mut changes = self.rtc.sdp_api();
                changes.ice_restart(true);
                let (offer, pending) = changes.apply().unwrap();
                self.pending = Some(pending);
                offered.send(offer.to_sdp_string()).unwrap();
            }
        }
    }

    async fn drain(&mut self, opus: &mut OpusDecoder) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(deadline) => return self.rtc.is_alive().then(|| deadline.into()),
                Output::Transmit(packet) => {
                    let _ = self.socket.send_to(&packet.contents, packet.destination).await;
                }
                Output::Event(Event::MediaData(data)) => {
                    let mut ear = self.ear.lock().unwrap();
                    let codec = data.params.spec().codec;
                    ear.codec = Some(codec);
                    if codec == Codec::PCMU {
                        ear.audio.extend(data.data.iter().map(|byte| mu_law(*byte)));
                    } else {
                        let mut audio = vec![0.0; 5_760];
                        let length = opus.decode(&data.data, 5_760, &mut audio).unwrap();
                        #[expect(clippy::cast_possible_truncation, reason = "samples")]
                        ear.audio.extend(audio[..length].iter().map(|value| (value * 32_767.0) as i16));
                    }
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(_) => {}
            }
        }
    }

    /// Says the next 20 ms.
    fn speak(&mut self, opus: &mut OpusEncoder) {
        let mut frame = vec![0; 960];
        if self.is_connected {
            let left = self.speech.len().min(960);
            frame[..left].copy_from_slice(&self.speech[..left]);
            self.speech.drain(..left);
        }
        let time = MediaTime::new(self.frames * 960, Frequency::FORTY_EIGHT_KHZ);
        self.frames += 1;
        let Some(mut writer) = self.rtc.writer(self.mid) else { return };
        // The answer has one codec.
        let Some((number, codec)) = writer
            .payload_params()
            .find(|params| params.spec().codec != Codec::Tele)
            .map(|params| (params.pt(), params.spec().codec))
        else {
            return;
        };
        let (payload, time) = if codec == Codec::PCMU {
            let narrow = frame.chunks(6).map(|six| six.iter().map(|sample| i32::from(*sample)).sum::<i32>() / 6);
            (narrow.map(nearest).collect(), time.rebase(Frequency::EIGHT_KHZ))
        } else {
            let mut payload = vec![0; 1_276];
            let length = opus.encode_i16(&frame, 960, &mut payload).unwrap();
            payload.truncate(length);
            (payload, time)
        };
        if let Some(event) = self.key.take() {
            let duration = Duration::from_millis(160);
            writer = writer.telephone_event(TelephoneEvent { event, end: true, volume: 10, duration });
        }
        writer.write(number, Instant::now().into_std(), time, payload).unwrap();
    }
}

/// A μ-law byte's sample: 8 segments of 16 steps, each segment twice as coarse as the one before.
fn mu_law(byte: u8) -> i16 {
    let (segment, step) = (usize::from(!byte >> 4 & 7), i16::from(!byte & 15));
    let (start, width) =
        [(0, 8), (132, 16), (396, 32), (924, 64), (1_980, 128), (4_092, 256), (8_316, 512), (16_764, 1_024)][segment];
    let magnitude = start + step * width;
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// The byte whose sample is nearest.
fn nearest(sample: i32) -> u8 {
    (0..=u8::MAX).min_by_key(|byte| (i32::from(mu_law(*byte)) - sample).abs()).unwrap()
}
