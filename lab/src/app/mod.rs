//! The phone: the peer's mobile app as a client of the edge.
//!
//! It sends what the app sends: 48 kHz, 10 ms a frame, its query, its token in a header. Everything that can go wrong on the
//! way from a real phone can be ordered: other frame sizes, a muted side, a network that stalls, a connection that breaks.
//!
//! ```no_run
//! # async fn example(edge: &str, token: String) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
//! use fourwire_lab::recording::Recording;
//! use fourwire_lab::tones::Script;
//!
//! let user = Script::new(48_000).word(500, "harbor").samples(3_000);
//! let remote = Script::new(48_000).word(1_500, "lantern").samples(3_000);
//! let mut phone = Phone::connect(PhoneOptions::new(edge, token)).await?;
//! phone.play(&Recording::new(48_000, user, remote), &Delivery::default()).await?;
//! let received = phone.hang_up(Duration::from_secs(20)).await;
//! assert_eq!(received.close_code(), Some(1000));
//! assert_eq!(received.conversation().expect("a conversation").transcript_segments.len(), 2);
//! # Ok(()) }
//! ```

mod delivery;
mod http;
mod phone;
mod received;

pub use delivery::{Delivery, Frames, Mute, Stall};
pub use http::{HttpError, sign_in};
pub use phone::{Auth, ConnectError, Gone, Listener, Phone, PhoneOptions};
pub use received::{Arrival, Closing, Message, Received, text};
