//! What the platform bills, and for how much: the price lists of Durable Objects, Workers and R2 for the paid plan, as they
//! stood in November 2026. What the plan includes every month is left out, so a bill is at most what is said here.

use std::collections::BTreeMap;

/// When the price lists were read.
pub const READ: &str = "2026-11-24";

/// An object's memory as it is billed, in GB, whatever it uses.
pub const OBJECT_GB: f64 = 0.128;
/// Dollars for a GB in R2 for a month.
pub const STORED_GB_MONTH: f64 = 0.015;

/// Something that is billed by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Time in which an object is in memory and cannot hibernate.
    Duration,
    /// A message that a client sent to an object.
    Message,
    /// A message on a socket that an object opened itself.
    SpeechMessage,
    /// A request to an object, or an alarm that rang.
    ObjectRequest,
    /// A row written to an object's database; an alarm that is set is one too.
    RowWritten,
    /// A row read from there.
    RowRead,
    /// Something stored in R2, or listed.
    ClassA,
    /// Something read from R2.
    ClassB,
    /// A request to the Worker.
    WorkerRequest,
    /// CPU time of the Worker itself; objects pay by duration instead.
    WorkerCpu,
}

impl Item {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Duration,
        Self::Message,
        Self::SpeechMessage,
        Self::ObjectRequest,
        Self::RowWritten,
        Self::RowRead,
        Self::ClassA,
        Self::ClassB,
        Self::WorkerRequest,
        Self::WorkerCpu,
    ];

    /// For a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duration => "objects: duration, GB-s",
            Self::Message => "objects: clients' messages",
            Self::SpeechMessage => "objects: the speech services' messages",
            Self::ObjectRequest => "objects: requests and alarms",
            Self::RowWritten => "SQLite: rows written, alarms set",
            Self::RowRead => "SQLite: rows read",
            Self::ClassA => "R2: put, list (class A)",
            Self::ClassB => "R2: get, head (class B)",
            Self::WorkerRequest => "Worker: requests",
            Self::WorkerCpu => "Worker: CPU ms",
        }
    }

    /// Dollars for a million of them. Twenty messages are billed as one request.
    #[must_use]
    pub const fn per_million(self) -> f64 {
        match self {
            Self::Duration => 12.5,
            Self::Message | Self::SpeechMessage => 0.15 / 20.0,
            Self::ObjectRequest => 0.15,
            Self::RowWritten => 1.0,
            Self::RowRead => 0.001,
            Self::ClassA => 4.5,
            Self::ClassB => 0.36,
            Self::WorkerRequest => 0.3,
            Self::WorkerCpu => 0.02,
        }
    }
}

/// How many of each.
#[derive(Clone, Debug, Default)]
pub struct Bill(BTreeMap<Item, f64>);

impl Bill {
    /// Of so many of each item.
    #[must_use]
    pub fn of(amounts: impl IntoIterator<Item = (Item, f64)>) -> Self {
        Self(amounts.into_iter().collect())
    }

    /// Changes how many there are of one.
    pub fn set(&mut self, item: Item, amount: f64) {
        self.0.insert(item, amount);
    }

    /// How many.
    #[must_use]
    pub fn amount(&self, item: Item) -> f64 {
        self.0.get(&item).copied().unwrap_or_default()
    }

    /// Dollars for a thousand times as many.
    #[must_use]
    pub fn per_thousand(&self, item: Item) -> f64 {
        self.amount(item) * item.per_million() / 1_000.0
    }

    /// Dollars for a thousand times all of it.
    #[must_use]
    pub fn total_per_thousand(&self) -> f64 {
        self.0.keys().map(|item| self.per_thousand(*item)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_minutes_of_one_object_are_what_the_price_list_says() {
        let bill = Bill::of([(Item::Duration, 60.0 * OBJECT_GB), (Item::Message, 1_200.0)]);
        assert!((bill.per_thousand(Item::Duration) - 0.096).abs() < 1e-9);
        assert!((bill.total_per_thousand() - 0.105).abs() < 1e-9);
    }
}
