//! The media of one call: a UDP port, WebRTC by str0m, and a clock of 20 ms frames, in a task of its own.
//!
//! str0m has no clock and no socket. After everything that it is told its output is drained; then one thing is waited for:
//! a datagram, its own deadline, the next frame, or an order.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use str0m::change::SdpOffer;
use str0m::error::SdpError;
use str0m::format::{Codec as Name, FormatParams};
use str0m::{Candidate, RtcConfig, RtcError};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::codec::Codec;
use super::handle::Page;
use super::line::Line;
use super::options::Codecs;
use super::orders::{Command, Order};
use super::source::Source;

/// The payload type of keys where we offer; in an answer it is the offer's.
const KEYS: u8 = 110;
/// The highest event that keys have: 0 to 9, `*`, `#` and A to D.
const LAST_KEY: u8 = 15;
/// An address of nobody, in a block for documentation: by it the machine tells which of its own addresses leads outside.
const OUTSIDE: (Ipv4Addr, u16) = (Ipv4Addr::new(203, 0, 113, 1), 9);

/// Why a call has no media.
#[derive(Debug, Error)]
pub(super) enum MediaError {
    #[error("the offer cannot be read: {0}")]
    Sdp(#[from] SdpError),
    #[error("the offer has no codec that the carrier has")]
    NoCodec,
    #[error("the offer cannot be answered: {0}")]
    Rtc(#[from] RtcError),
    #[error("there is no UDP port: {0}")]
    Port(#[from] io::Error),
}

/// Commands that may wait for the task.
const MAX_COMMANDS: usize = 64;

/// The media of a call. It ends when this is dropped.
pub(super) struct Media(mpsc::Sender<Command>);

impl Media {
    /// Answers an offer, and waits for the browser's packets.
    pub(super) async fn open(
        offer: &str,
        codecs: Codecs,
        page: Page,
        orders: mpsc::Sender<Order>,
    ) -> Result<(Self, String), MediaError> {
        let codec = chosen(offer, codecs).ok_or(MediaError::NoCodec)?;
        let offer = SdpOffer::from_sdp_string(offer)?;
        let sockets = sockets().await?;
        let mut rtc = configured(codec).build(Instant::now().into_std());
        for (address, _) in &sockets {
            rtc.add_local_candidate(Candidate::host(*address, "udp").map_err(RtcError::from)?);
        }
        let answer = rtc.sdp_api().accept_offer(offer)?;
        let (commands, received) = mpsc::channel(MAX_COMMANDS);
        page.update(|call| call.codec = Some(codec));
        tokio::spawn(Line::new(rtc, codec, sockets, page, orders).run(received));
        Ok((Self(commands), answer.to_sdp_string()))
    }

    /// What the caller is sent from now on.
    pub(super) fn play(&self, source: Source) {
        self.tell(Command::Play(source));
    }

    /// Lets nothing through for so long.
    pub(super) fn stop(&self, time: Duration) {
        self.tell(Command::Stop(time));
    }

    /// Sets the connection up anew. The answer to the offer; none: it is not good.
    pub(super) async fn restart(&self, offer: String) -> Option<String> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Restart(offer, answer));
        answered.await.ok().flatten()
    }

    fn tell(&self, command: Command) {
        // A browser may have ended the media before. The channel is never full: a call gives commands one by one, a few in
        // all, and the task takes them in every state.
        let _ = self.0.try_send(command);
    }
}

/// A connection that takes one codec and keys. With two clocks for keys in an answer, browsers would take the wrong one.
fn configured(codec: Codec) -> RtcConfig {
    let config = RtcConfig::new().clear_codecs();
    let mut config = match codec {
        Codec::Pcmu => config.enable_pcmu(true, false),
        Codec::Opus => config.enable_opus(true, false),
    };
    let keys = FormatParams { telephone_event_max: Some(LAST_KEY), ..FormatParams::default() };
    config.codec_config().add_config(KEYS.into(), None, Name::Tele, codec.clock(), None, keys);
    config
}

/// The first codec of an offer that the carrier has and takes.
fn chosen(offer: &str, codecs: Codecs) -> Option<Codec> {
    let lines = || offer.lines().map(str::trim_end);
    let audio = lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let named = |payload_type: &str| {
        let map = format!("a=rtpmap:{payload_type} ");
        lines().find_map(|line| line.strip_prefix(map.as_str()))
    };
    // Port and protocol come first.
    audio.split_ascii_whitespace().skip(2).find_map(|payload_type| match (payload_type, named(payload_type)) {
        ("0", _) => Some(Codec::Pcmu),
        (_, Some("opus/48000/2")) if codecs == Codecs::AsOffered => Some(Codec::Opus),
        _ => None,
    })
}

/// The addresses at which a browser may reach the carrier: this machine's own, and the one by which others know it, since
/// not every browser tries the former.
async fn sockets() -> io::Result<Vec<(SocketAddr, UdpSocket)>> {
    let mut sockets = Vec::new();
    for address in [Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), outward().await].into_iter().flatten() {
        let socket = UdpSocket::bind((address, 0)).await?;
        sockets.push((socket.local_addr()?, socket));
    }
    Ok(sockets)
}

/// The address from which this machine would send to others; none where it has no network. Nothing is sent.
async fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    socket.connect(OUTSIDE).await.ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_codec_is_taken_unless_pcmu_is_wanted() {
        let maps =
            "a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n";
        for (types, codecs, expected) in [
            ("111 63 0", Codecs::AsOffered, Some(Codec::Opus)),
            ("0 111", Codecs::AsOffered, Some(Codec::Pcmu)),
            ("63 111 0", Codecs::Pcmu, Some(Codec::Pcmu)),
            ("9 63", Codecs::AsOffered, None),
            ("111", Codecs::Pcmu, None),
        ] {
            let offer = format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF {types}\r\n{maps}");
            assert_eq!(chosen(&offer, codecs), expected, "{types} {codecs:?}");
        }
        assert_eq!(chosen("v=0\r\n", Codecs::AsOffered), None);
    }
}
