//! What the parts of a call's object need of whoever drives its session.

use std::future::Future;
use std::rc::Rc;

use fourwire_engine::call::Event;
use fourwire_wire::ids::ConversationId;

/// Who drives a session.
pub(super) trait Host: 'static {
    /// Gives the session an event. Not to be called while the session works on another one.
    fn run(self: &Rc<Self>, event: Event<'_>);

    /// The conversation that the call becomes, for the log.
    fn conversation_id(&self) -> Option<ConversationId>;

    /// Runs a task beside the events, for as long as it takes.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
}
