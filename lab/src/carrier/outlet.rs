//! A browser's signalling socket as its calls know it: where messages go, and who is there.

use fourwire_wire::pii::Pii;
use tokio::sync::mpsc;

/// Messages that may wait for a browser: a call has fewer than ten in all.
const MAX_UNSENT: usize = 64;

/// Where messages to a browser go. It is closed when its socket is gone.
#[derive(Clone)]
pub(super) struct Outlet(mpsc::Sender<String>);

impl Outlet {
    /// An outlet, and what is to be sent.
    pub(super) fn new() -> (Self, mpsc::Receiver<String>) {
        let (outlet, outgoing) = mpsc::channel(MAX_UNSENT);
        (Self(outlet), outgoing)
    }

    /// Sends a message; to a browser that is gone, or has not read [`MAX_UNSENT`] others, it is lost.
    pub(super) fn send(&self, message: String) {
        let _ = self.0.try_send(message);
    }

    /// Waits until the socket is gone.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }
}

/// Who is at a browser.
pub(super) struct Admitted {
    pub(super) identity: Pii<String>,
    pub(super) token: Pii<String>,
}
