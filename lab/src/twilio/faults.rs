//! Faults of the REST API that a test can order, for requests to come.

use std::time::Duration;

use super::problem::Problem;

/// What a request asks of the caller IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Start a verification.
    Start,
    /// List, or look a number up.
    List,
    /// Fetch one.
    Fetch,
    /// Rename one.
    Update,
    /// Delete one.
    Delete,
}

/// Something that goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with 503 and not carried out.
    Down,
    /// It is carried out and answered so much later.
    Slow(Duration),
    /// It is taken and never answered, and not carried out.
    Hang,
    /// It is carried out and never answered: who asked cannot know.
    LostAnswer,
    /// It is answered with 429 and error 20429, and not carried out.
    TooMany,
    /// It is answered with this status and error number, and not carried out.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Twilio's error number.
        code: u32,
    },
    /// It is answered with 200 and a page that is no JSON, and not carried out.
    Garbage,
}

impl Fault {
    /// The refusal with which it answers, where that is what it does.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self {
            Self::Down => Some(Problem::down()),
            Self::TooMany => Some(Problem::too_many()),
            Self::Refuse { status, code } => Some(Problem::new(*status, *code, "The request was refused")),
            Self::Slow(_) | Self::Hang | Self::LostAnswer | Self::Garbage => None,
        }
    }
}

/// The faults that are ordered, oldest first.
#[derive(Default)]
pub(super) struct Orders(Vec<Order>);

struct Order {
    /// None: for every operation.
    operation: Option<Operation>,
    left: u32,
    fault: Fault,
}

impl Orders {
    pub(super) fn add(&mut self, operation: Option<Operation>, requests: u32, fault: Fault) {
        self.0.push(Order { operation, left: requests, fault });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for one request: that of the oldest order that fits.
    pub(super) fn take(&mut self, operation: Operation) -> Option<Fault> {
        self.0.retain(|order| order.left > 0);
        let fits = |order: &&mut Order| order.operation.is_none_or(|wanted| wanted == operation);
        let order = self.0.iter_mut().find(fits)?;
        order.left -= 1;
        Some(order.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_so_many_requests_of_its_operation() {
        let mut orders = Orders::default();
        orders.add(Some(Operation::List), 2, Fault::Hang);
        orders.add(None, 1, Fault::Down);
        assert_eq!(orders.take(Operation::List), Some(Fault::Hang));
        assert_eq!(orders.take(Operation::Start), Some(Fault::Down));
        assert_eq!(orders.take(Operation::Start), None);
        assert_eq!(orders.take(Operation::List), Some(Fault::Hang));
        assert_eq!(orders.take(Operation::List), None);
    }
}
