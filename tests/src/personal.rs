//! Nothing personal may be logged or lie open on disk: what that is, and where it was found.
//!
//! Every line that any Worker of this test program logs is judged when it comes. A line with a spoken word, a user's name,
//! a token, a mail address or a telephone number ends the whole run at once, since a shared world is never torn down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use fourwire_lab::tones::VOCABULARY;

/// The users of this test program.
static USERS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// More digits in a row than this could be a telephone number, or a call's name; a log needs neither.
const LONGEST_NUMBER: usize = 9;

/// From now on, this name in a log or on disk is a leak.
pub fn protect_user(user: &str) {
    USERS.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_lowercase());
}

/// What of a log line is personal.
#[must_use]
pub fn in_line(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    let is_user = |user: &String| line.contains(user.as_str());
    if USERS.lock().unwrap_or_else(PoisonError::into_inner).iter().any(is_user) {
        return Some("a user's name");
    }
    if line.split(|letter: char| !letter.is_alphanumeric()).any(|word| VOCABULARY.contains(&word)) {
        return Some("a spoken word");
    }
    // Every JSON web token begins with `{"` in base64url.
    if line.contains("eyj") || line.contains("bearer ") {
        return Some("a token");
    }
    if line.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits.len() > LONGEST_NUMBER) {
        return Some("what could be a telephone number");
    }
    if line.split_whitespace().any(is_mail_address) {
        return Some("a mail address");
    }
    None
}

fn is_mail_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !name.contains('/'))
}

/// How the tests' telephone numbers go on after `+1`: fictional ones of two area codes.
const NUMBERS: [&[u8]; 2] = [b"202555", b"212555"];

/// The files below a directory that hold a spoken word, a token or a telephone number in clear.
///
/// # Errors
/// When a file cannot be read.
pub fn on_disk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut needles: Vec<Vec<u8>> = VOCABULARY.iter().map(|word| word.as_bytes().to_vec()).collect();
    needles.push(b"eyJ".to_vec());
    needles.extend(NUMBERS.map(<[u8]>::to_vec));
    files_with(directory, &needles)
}

/// The files below a directory that hold a user's name in clear.
///
/// # Errors
/// When a file cannot be read.
pub fn users_on_disk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
    let needles: Vec<Vec<u8>> = users.iter().map(|user| user.as_bytes().to_vec()).collect();
    files_with(directory, &needles)
}

/// Every file below a directory.
///
/// # Errors
/// When a directory cannot be read.
pub fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

fn files_with(directory: &Path, needles: &[Vec<u8>]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files(directory)? {
        let bytes = fs::read(&path)?;
        if needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle)) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_found_and_what_is_not_is_let_through() {
        protect_user("ann-of-the-tests");
        for (line, expected) in [
            ("warn: speech: refused with status 402", None),
            ("error: a stored record cannot be opened at index.js:1024:17", None),
            ("info: heard Lantern, twice", Some("a spoken word")),
            ("info: call of Ann-of-the-tests", Some("a user's name")),
            ("info: eyJhbGciOiJSUzI1NiJ9", Some("a token")),
            ("info: rang +1 2025550143", Some("what could be a telephone number")),
            ("info: mail to <someone@example.test>", Some("a mail address")),
        ] {
            assert_eq!(in_line(line), expected, "{line}");
        }
    }
}
