//! Nothing personal may be logged or lie open on disk: what that is, and where it was found.
//!
//! Every line that any Worker of this test program logs is judged when it comes. A line with a spoken word, a user's name,
//! a token, a mail address or a telephone number ends the whole run at once, since a shared world is never torn down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use fourwire_lab::tones::{VOCABULARY, speak};
use fourwire_wire::units::SAMPLES_PER_SECOND;

/// The users of this test program.
static USERS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// Stretches of what was recorded of them, as bytes of PCM.
static SOUNDS: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());

/// How long a stretch of sound is that is looked for, in samples: two milliseconds, which no other sound has in common.
const STRETCH: usize = 32;

/// More digits in a row than this could be a telephone number, or a call's name; a log needs neither.
const MAX_NUMBER: usize = 9;

/// From now on, this name in a log or on disk is a leak.
pub fn protect_user(user: &str) {
    USERS.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_lowercase());
}

/// From now on, this sound on disk is a leak, as PCM at 16 kHz: two milliseconds of each fifth of a second are known again.
pub fn protect_sound(samples: &[i16]) {
    let stretches = samples.chunks(SAMPLES_PER_SECOND as usize / 5).filter_map(|part| part.get(..STRETCH));
    SOUNDS.lock().unwrap_or_else(PoisonError::into_inner).extend(stretches.map(bytes));
}

/// What of a log line is personal.
#[must_use]
pub fn in_line(line: &str) -> Option<&'static str> {
    let line = without_ids(&line.to_lowercase());
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
    if line.split(|letter: char| !letter.is_ascii_digit() && letter != '.').any(could_be_telephone_number) {
        return Some("what could be a telephone number");
    }
    if line.split_whitespace().any(is_mail_address) {
        return Some("a mail address");
    }
    None
}

/// The line without the ids that are random: of conversations, and of Durable Objects, which the platform's own warnings name.
/// Among their hexadecimal digits anything may stand by chance.
fn without_ids(line: &str) -> String {
    let is_no_part = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
    let words = line.split_inclusive(is_no_part);
    words.filter(|word| !is_id(word.trim_end_matches(is_no_part))).collect()
}

/// Whether a word is a UUID or the id of a Durable Object, by its groups of hexadecimal digits.
fn is_id(word: &str) -> bool {
    let is_hexadecimal = |letter: u8| letter.is_ascii_hexdigit() || letter == b'-';
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    word.bytes().all(is_hexadecimal) && matches!(groups.as_slice(), [64] | [8, 4, 4, 4, 12])
}

/// Whether digits are too many to be anything else. A number with a fraction is a time of the platform's own warnings.
fn could_be_telephone_number(digits: &str) -> bool {
    let digits = digits.trim_matches('.');
    digits.matches('.').count() != 1 && digits.split('.').any(|digits| digits.len() > MAX_NUMBER)
}

fn is_mail_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !name.contains('/'))
}

/// How every JSON web token begins whose header begins with `alg`, `typ`, `cty` or `kid`: long enough to be no accident in
/// megabytes of sealed audio.
const TOKENS: [&[u8]; 4] = [b"eyJhbGci", b"eyJ0eXAi", b"eyJjdHki", b"eyJraWQi"];
/// How the tests' telephone numbers go on after `+1`: fictional ones of two area codes.
const NUMBERS: [&[u8]; 2] = [b"202555", b"212555"];

/// The files below a directory that hold a spoken word, as text or as sound, a token or a telephone number in clear.
///
/// # Errors
/// When a file cannot be read.
pub fn on_disk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut needles: Vec<Vec<u8>> = VOCABULARY.iter().map(|word| word.as_bytes().to_vec()).collect();
    // At the stored rate, and as loud as it becomes.
    let sounds = VOCABULARY.iter().map(|word| speak(word, SAMPLES_PER_SECOND));
    needles.extend(sounds.map(|sound| bytes(&sound[sound.len() / 2..][..STRETCH])));
    needles.extend(SOUNDS.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
    needles.extend(TOKENS.iter().chain(&NUMBERS).map(|text| text.to_vec()));
    files_with(directory, &needles)
}

/// The files below a directory that hold a user's name in clear. The name must be long, since a short one is found by accident
/// in what is sealed.
///
/// # Errors
/// When a file cannot be read.
pub fn user_on_disk(directory: &Path, user: &str) -> io::Result<Vec<PathBuf>> {
    files_with(directory, &[user.as_bytes().to_vec()])
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

/// The files below a directory that hold any of these, each of two bytes or more.
pub(crate) fn files_with(directory: &Path, needles: &[Vec<u8>]) -> io::Result<Vec<PathBuf>> {
    // A file of megabytes is looked through once, since few places in it begin as a needle does.
    let mut by_start = vec![Vec::new(); 1 << 16];
    for needle in needles {
        by_start[usize::from(u16::from_be_bytes([needle[0], needle[1]]))].push(needle.as_slice());
    }
    let begins = |place: &[u8]| {
        let [first, second, ..] = *place else { return false };
        by_start[usize::from(u16::from_be_bytes([first, second]))].iter().any(|needle| place.starts_with(needle))
    };
    let mut found = Vec::new();
    for path in files(directory)? {
        let bytes = fs::read(&path)?;
        if (0..bytes.len()).any(|at| begins(&bytes[at..])) {
            found.push(path);
        }
    }
    Ok(found)
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
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
            (
                "warn: alarm = 1795830390.96s; actorId = 8fdb8768cb77f8125f3fbdddda445d357578f578e244393103441aa821fc2a2f",
                None,
            ),
            // As one came, in which ten digits and two stand in a row.
            (r#"warn: {"conversation":"ce027be3-79af-4dfd-9de5-310318750295","event":"pusher_not_understood"}"#, None),
            (r#"info: {"call":"12025550143-79af-4dfd-9de5-310318750295"}"#, Some("what could be a telephone number")),
            ("info: rang 12025550143 in 8fdb8768cb77f812", Some("what could be a telephone number")),
            ("info: heard Lantern, twice", Some("a spoken word")),
            ("info: call of Ann-of-the-tests", Some("a user's name")),
            ("info: eyJhbGciOiJSUzI1NiJ9", Some("a token")),
            ("info: rang +1 2025550143", Some("what could be a telephone number")),
            ("info: mail to <someone@example.test>", Some("a mail address")),
        ] {
            assert_eq!(in_line(line), expected, "{line}");
        }
    }
    #[test]
    fn words_as_text_or_sound_tokens_and_numbers_are_found_in_a_file_and_noise_is_not() {
        let directory = std::env::temp_dir().join(format!("fourwire-personal-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let recorded: Vec<i16> = (0..16_000).map(|at: i16| at.wrapping_mul(7_919)).collect();
        protect_sound(&recorded);
        let sealed: Vec<u8> = (0..1_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        let inside = |middle: &[u8]| [&sealed[..1_001], middle, &sealed[..1_000]].concat();
        for (content, is_found) in [
            (sealed.clone(), false),
            (inside(b"a lantern"), true),
            (inside(b"+12025550143"), true),
            (inside(b"eyJhbGciOiJSUzI1NiJ9"), true),
            (inside(&bytes(&speak("harbor", 16_000))), true),
            (inside(&bytes(&speak("harbor", 16_000)[..300])), false),
            (inside(&bytes(&recorded[5_000..9_000])), true),
        ] {
            let path = directory.join("file");
            fs::write(&path, content).unwrap();
            let expected = if is_found { vec![path] } else { vec![] };
            assert_eq!(on_disk(&directory).unwrap(), expected);
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
