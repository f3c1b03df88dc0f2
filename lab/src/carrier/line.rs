//! The task of one call's media: its run loop, what arrives, and what is sent.
//!
//! The call's timeline is the count of frames that were sent. A frame that is late is made up for; the count goes on through
//! faults, so that what comes after one is in its place.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use fourwire_wire::units::Samples;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::{CodecExtra, PayloadParams};
use str0m::media::{MediaData, MediaTime, Mid};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Event, Input, Output, Rtc};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::codec::{Codec, Encoder, FRAME};
use super::handle::Page;
use super::listener::Listener;
use super::orders::{Command, Order};
use super::record::keep;
use super::source::Source;

/// How long a frame lasts.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// The largest datagram.
const DATAGRAM: usize = 2_000;
/// How long the last packets may take to go out.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// The keys by their events.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// A call's media.
pub(super) struct Line {
    rtc: Rtc,
    sockets: Vec<(SocketAddr, UdpSocket)>,
    page: Page,
    orders: mpsc::Sender<Order>,
    codec: Codec,
    encoder: Encoder,
    listener: Listener,
    source: Source,
    /// The call was told that the callee has said all.
    has_told_end: bool,
    /// The call's audio, once the offer is taken.
    mid: Option<Mid>,
    is_connected: bool,
    /// Frames since the start: the timeline of the call.
    frames: u64,
    begun: Instant,
    /// Whether something arrived already.
    has_heard: bool,
    /// Nothing is let through until then.
    stopped_until: Option<Instant>,
}

impl Line {
    pub(super) fn new(
        rtc: Rtc,
        codec: Codec,
        sockets: Vec<(SocketAddr, UdpSocket)>,
        page: Page,
        orders: mpsc::Sender<Order>,
    ) -> Self {
        Self {
            rtc,
            sockets,
            page,
            orders,
            codec,
            encoder: Encoder::new(codec),
            listener: Listener::new(codec),
            source: Source::Silence,
            has_told_end: false,
            mid: None,
            is_connected: false,
            frames: 0,
            begun: Instant::now(),
            has_heard: false,
            stopped_until: None,
        }
    }

    /// Serves the media until the call or the browser ends it.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // A frame that is late does not move those behind it: the interval makes up for it.
        let mut frames = interval(FRAME_TIME);
        let mut datagram = [0; DATAGRAM];
        while let Some(deadline) = self.drain().await {
            let now = Instant::now();
            if deadline <= now {
                // So it is after each frame: it goes out when str0m is told the time.
                self.tell(Input::Timeout(now.into_std()));
                continue;
            }
            tokio::select! {
                () = sleep_until(deadline) => {}
                command = commands.recv() => {
                    let Some(command) = command else {
                        // The call is over.
                        let _ = timeout(CLOSE_LIMIT, self.close()).await;
                        return;
                    };
                    self.obey(command);
                }
                _ = frames.tick() => self.send_frame(),
                Ok(arrived) = receive(&self.sockets, &mut datagram) => self.take(&datagram[..arrived.length], &arrived),
            }
        }
        // The call may wait for the answer to a command, and so for this.
        drop(commands);
        let _ = self.orders.send(Order::MediaGone).await;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Play(source) => self.play(source),
            Command::Stop(time) => self.stopped_until = Some(Instant::now() + time),
            Command::Restart(offer, answered) => {
                let answer = answer_again(&mut self.rtc, &offer);
                let _ = answered.send(answer.map(|answer| answer.to_sdp_string()));
            }
        }
    }

    fn play(&mut self, source: Source) {
        if source.is_callee() {
            let here = Samples::new(self.frames * FRAME as u64);
            self.page.update(|call| call.connected = Some(here));
        }
        (self.source, self.has_told_end) = (source, false);
    }

    /// Does all that str0m wants done. Until when it has nothing more to say; none: the connection is over.
    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(deadline) => return self.rtc.is_alive().then(|| deadline.into()),
                Output::Transmit(packet) => self.transmit(&packet).await,
                Output::Event(event) => self.notice(event),
            }
        }
    }

    /// Tells the other side that it is over.
    async fn close(&mut self) {
        let _ = self.rtc.close();
        while let Some(deadline) = self.drain().await {
            sleep_until(deadline).await;
            self.tell(Input::Timeout(Instant::now().into_std()));
        }
    }

    async fn transmit(&self, packet: &Transmit) {
        let socket = self.sockets.iter().find(|(address, _)| *address == packet.source);
        if let Some((_, socket)) = socket.filter(|_| !self.is_stopped()) {
            // A packet that cannot be sent is a packet that is lost.
            let _ = socket.send_to(&packet.contents, packet.destination).await;
        }
    }

    fn take(&mut self, datagram: &[u8], Arrived { from, to, .. }: &Arrived) {
        if self.is_stopped() {
            return;
        }
        if let Ok(packet) = Receive::new(Protocol::Udp, *from, *to, datagram) {
            self.tell(Input::Receive(Instant::now().into_std(), packet));
        }
    }

    /// What str0m makes of bad input is that the connection is over; it says so when it is drained.
    fn tell(&mut self, input: Input) {
        let _ = self.rtc.handle_input(input);
    }

    fn is_stopped(&self) -> bool {
        self.stopped_until.is_some_and(|until| until > Instant::now())
    }

    fn notice(&mut self, event: Event) {
        match event {
            Event::MediaAdded(media) => self.mid = Some(media.mid),
            Event::Connected => self.is_connected = true,
            Event::MediaData(data) => self.hear(&data),
            _ => {}
        }
    }

    fn hear(&mut self, data: &MediaData) {
        if let CodecExtra::Tele(event) = &data.codec_extra {
            let key = KEYS.get(usize::from(event.event)).filter(|_| data.audio_start_of_talk_spurt);
            if let Some(key) = key {
                self.page.update(|call| call.digits.expose_mut().push(char::from(*key)));
            }
            return;
        }
        let mut audio = self.listener.hear(data.time.numer(), &data.data);
        if self.source.is_callee() {
            self.source.hear(&audio);
        } else {
            // Nobody hears it.
            audio.fill(0);
        }
        let keeps = self.page.carrier().options().keep_audio;
        let begins_at = if self.has_heard { 0 } else { usize::try_from(self.frames).unwrap_or_default() * FRAME };
        self.has_heard = true;
        if keeps {
            let now = self.begun.elapsed();
            self.page.update(|call| {
                keep(&mut call.heard, &vec![0; begins_at]);
                let before = call.heard.len();
                keep(&mut call.heard, &audio);
                if call.heard.len() > before {
                    call.arrivals.push((Samples::new(call.heard.len() as u64), now));
                }
            });
        }
    }

    /// Sends the next 20 ms. A callee says nothing before there is a connection: their first word is to be heard.
    fn send_frame(&mut self) {
        let speaks = self.is_connected || !self.source.is_callee();
        let frame = if speaks { self.source.take() } else { [0; FRAME] };
        let payload = self.encoder.encode(&frame);
        let time = MediaTime::new(self.frames * self.codec.ticks(), self.codec.clock());
        self.frames += 1;
        if self.page.carrier().options().keep_audio {
            let arrives = self.is_connected && !self.is_stopped();
            let sent = if arrives { frame } else { [0; FRAME] };
            self.page.update(|call| keep(&mut call.sent, &sent));
        }
        if self.source.has_ended() && !self.has_told_end {
            // Where the call has no room for it now, it is told with the next frame.
            self.has_told_end = self.orders.try_send(Order::CalleeSaidAll).is_ok();
        }
        let Some((mid, payload)) = self.mid.zip(payload) else { return };
        let Some(writer) = self.rtc.writer(mid) else { return };
        let named = self.codec.named();
        let payload_type = writer.payload_params().find(|params| params.spec().codec == named).map(PayloadParams::pt);
        if let Some(payload_type) = payload_type {
            // Before the connection it is dropped.
            let _ = writer.write(payload_type, Instant::now().into_std(), time, payload);
        }
    }
}

/// The answer to an offer that sets the connection up anew.
fn answer_again(rtc: &mut Rtc, offer: &str) -> Option<SdpAnswer> {
    let offer = SdpOffer::from_sdp_string(offer).ok()?;
    rtc.sdp_api().accept_offer(offer).ok()
}

/// A datagram that arrived.
struct Arrived {
    length: usize,
    from: SocketAddr,
    /// Which of the carrier's addresses it was sent to.
    to: SocketAddr,
}

/// The next datagram on any of the sockets.
async fn receive(sockets: &[(SocketAddr, UdpSocket)], datagram: &mut [u8]) -> io::Result<Arrived> {
    poll_fn(|context| {
        for (address, socket) in sockets {
            let mut buffer = ReadBuf::new(datagram);
            if let Poll::Ready(received) = socket.poll_recv_from(context, &mut buffer) {
                let length = buffer.filled().len();
                return Poll::Ready(received.map(|from| Arrived { length, from, to: *address }));
            }
        }
        Poll::Pending
    })
    .await
}
