//! The handle to the carrier: what a test orders, and what it finds out about every call.
//!
//! A call runs by itself, in tasks of its own. It writes into its page of the books, and takes orders while it runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::callee::Callee;
use super::options::CarrierOptions;
use super::orders::Order;
use super::record::CarriedCall;
use crate::history::History;
use crate::twilio::Twilio;

/// A handle to the carrier.
#[derive(Clone)]
pub struct Carrier {
    shared: Arc<Shared>,
}

struct Shared {
    options: CarrierOptions,
    twilio: Twilio,
    state: Mutex<State>,
    /// Told of every change of a call.
    changes: watch::Sender<()>,
    /// Told when every signalling socket is to break.
    breaks: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    callees: HashMap<String, Callee>,
    /// The errors by which the next invites are refused, one each.
    refusals: VecDeque<u32>,
    calls: History<CarriedCall>,
    running: Vec<Running>,
}

/// A call that runs.
pub(super) struct Running {
    /// Its SID, and the name that its browser gave it before.
    pub(super) names: [String; 2],
    /// What its browser shows to take it up again.
    pub(super) reconnect: String,
    pub(super) orders: mpsc::Sender<Order>,
}

impl Carrier {
    pub(crate) fn new(options: CarrierOptions, twilio: Twilio) -> Self {
        let (changes, breaks) = (watch::Sender::new(()), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { options, twilio, state: Mutex::default(), changes, breaks }) }
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &CarrierOptions {
        &self.shared.options
    }

    /// Who answers at a number from now on.
    pub fn callee(&self, number: &str, callee: Callee) {
        self.state().callees.insert(number.to_owned(), callee);
    }

    /// Every call so far, in the order in which they were placed.
    #[must_use]
    pub fn calls(&self) -> Vec<CarriedCall> {
        self.state().calls.to_vec()
    }

    /// The callee hangs up now, or as soon as they picked up. `false` when no such call runs.
    #[must_use = "it says whether there is such a call"]
    pub fn hang_up(&self, call_sid: &str) -> bool {
        self.order(call_sid, Order::CalleeLeaves)
    }

    /// Lets no packet of a call's media through for so long, in either direction. `false` when no such call runs.
    #[must_use = "it says whether there is such a call"]
    pub fn stop_media(&self, call_sid: &str, time: Duration) -> bool {
        self.order(call_sid, Order::StopMedia(time))
    }

    /// Breaks every signalling socket that is open now, without a close frame.
    pub fn break_signalling(&self) {
        self.shared.breaks.send_replace(());
    }

    /// Refuses so many invites to come, before the application is asked, by this number of Twilio's errors.
    pub fn refuse(&self, invites: usize, code: u32) {
        self.state().refusals.extend(std::iter::repeat_n(code, invites));
    }

    /// Waits until the calls are as `wanted` says; `false` when `limit` passes before.
    pub async fn wait_until(&self, limit: Duration, wanted: impl Fn(&[CarriedCall]) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let look = async {
            while !wanted(&self.state().calls) {
                // The sender is in `shared`, so it cannot be gone.
                let _ = changes.changed().await;
            }
        };
        timeout(limit, look).await.is_ok()
    }

    pub(super) fn twilio(&self) -> &Twilio {
        &self.shared.twilio
    }

    pub(super) fn breaks(&self) -> watch::Receiver<()> {
        self.shared.breaks.subscribe()
    }

    /// Who answers at a number.
    pub(super) fn callee_at(&self, number: &str) -> Callee {
        self.state().callees.get(number).unwrap_or(&self.shared.options.callee).clone()
    }

    /// The error by which the next invite is to be refused.
    pub(super) fn take_refusal(&self) -> Option<u32> {
        self.state().refusals.pop_front()
    }

    /// Notes a new call.
    pub(super) fn begin(&self, call: CarriedCall, running: Running) -> Page {
        let index = {
            let mut state = self.state();
            state.running.push(running);
            state.calls.push(call)
        };
        self.shared.changes.send_replace(());
        Page { carrier: self.clone(), index }
    }

    /// The call is over: nobody can order anything of it.
    pub(super) fn forget(&self, call_sid: &str) {
        self.state().running.retain(|running| running.names[0] != call_sid);
    }

    /// Orders something of a running call, by either of its names. `false` when there is none, or when it has as many
    /// orders waiting as it takes.
    pub(super) fn order(&self, name: &str, order: Order) -> bool {
        let state = self.state();
        let running = state.running.iter().find(|running| running.names.iter().any(|known| known == name));
        running.is_some_and(|running| running.orders.try_send(order).is_ok())
    }

    /// Whether this token takes up a running call again.
    pub(super) fn is_reconnect(&self, call_sid: &str, token: &str) -> bool {
        self.state().running.iter().any(|running| running.names[0] == call_sid && running.reconnect == token)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's own page in the books.
#[derive(Clone)]
pub(super) struct Page {
    carrier: Carrier,
    index: usize,
}

impl Page {
    pub(super) fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Changes the record, and tells whoever waits for something.
    pub(super) fn update(&self, change: impl FnOnce(&mut CarriedCall)) {
        if let Some(call) = self.carrier.state().calls.entry(self.index) {
            change(call);
        }
        self.carrier.shared.changes.send_replace(());
    }
}
