//! What the lab remembers of what it was asked: the newest entries, each under the number it was given.

use std::ops::Deref;

/// The newest `MAX` entries of a list that gets longer for as long as the lab runs. An older one is forgotten. The bound is
/// above what a test looks at: 10,000 entries of about 1 kB are 10 MB.
pub struct History<T, const MAX: usize = 10_000> {
    entries: Vec<T>,
    /// How many were forgotten, which is the number of the first entry.
    forgotten: usize,
}

impl<T, const MAX: usize> History<T, MAX> {
    /// Adds an entry. Its number: entries count from 0.
    pub fn push(&mut self, entry: T) -> usize {
        if self.entries.len() >= MAX {
            self.entries.remove(0);
            self.forgotten += 1;
        }
        self.entries.push(entry);
        self.forgotten + self.entries.len() - 1
    }

    /// The number that the next entry will have.
    pub fn next_number(&self) -> usize {
        self.forgotten + self.entries.len()
    }

    /// An entry by its number; `None` where it is forgotten.
    pub fn entry(&mut self, number: usize) -> Option<&mut T> {
        self.entries.get_mut(number.checked_sub(self.forgotten)?)
    }

    /// Every entry that is remembered, oldest first.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.entries.iter_mut()
    }
}

impl<T, const MAX: usize> Default for History<T, MAX> {
    fn default() -> Self {
        Self { entries: Vec::new(), forgotten: 0 }
    }
}

impl<T, const MAX: usize> Deref for History<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_are_kept_under_their_numbers() {
        let mut history = History::<char, 3>::default();
        for (index, letter) in "abcdefg".chars().enumerate() {
            assert_eq!((history.next_number(), history.push(letter)), (index, index));
        }
        assert_eq!(*history, ['e', 'f', 'g']);
        for (number, expected) in [(0, None), (3, None), (4, Some('e')), (6, Some('g')), (7, None)] {
            assert_eq!(history.entry(number).copied(), expected, "{number}");
        }
    }
}
