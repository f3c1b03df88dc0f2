//! Telephone numbers as the API takes and shows them.

/// A number in E.164, from E.164 or one of the loose ways to write a number of North America; none: it is no number.
///
/// A blank in front is refused though the real service may be kinder: it is what is left of a `+` that was not encoded.
pub(super) fn e164(text: &str) -> Option<String> {
    if text.starts_with(' ') {
        return None;
    }
    let bare: String = text.chars().filter(|sign| !" ().-".contains(*sign)).collect();
    let digits = match bare.strip_prefix('+') {
        Some(digits) => digits.to_owned(),
        None if bare.len() == 10 => format!("1{bare}"),
        None if bare.len() == 11 && bare.starts_with('1') => bare,
        None => return None,
    };
    let all_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
    (all_digits && has_good_length(&digits)).then(|| format!("+{digits}"))
}

/// Whether it is a number in E.164, written as that and in no other way.
pub(super) fn is_e164(text: &str) -> bool {
    e164(text).as_deref() == Some(text)
}

fn has_good_length(digits: &str) -> bool {
    match digits.as_bytes() {
        // North America: area code and exchange have three digits each, of which the first is 2 to 9.
        [b'1', national @ ..] => national.len() == 10 && national[0] >= b'2' && national[3] >= b'2',
        [b'2'..=b'9', rest @ ..] => (6..=14).contains(&rest.len()),
        _ => false,
    }
}

/// The name that a caller ID has where none is given.
pub(super) fn friendly_name(e164: &str) -> String {
    match e164.strip_prefix("+1") {
        Some(national) => format!("({}) {}-{}", &national[..3], &national[3..6], &national[6..]),
        None => e164.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_numbers_become_e164_and_the_rest_is_refused() {
        for loose in ["+12025550123", "+1 (202) 555-0123", "2025550123", "1-202-555-0123", "202.555.0123"] {
            assert_eq!(e164(loose).as_deref(), Some("+12025550123"), "{loose}");
        }
        assert_eq!(e164("+442079460123").as_deref(), Some("+442079460123"));
        for bad in ["", "+", " 12025550123", "+1202555012", "+10025550123", "+0123456789", "5550123", "+1202555O123"] {
            assert_eq!(e164(bad), None, "{bad}");
        }
        assert!(is_e164("+12025550123") && !is_e164("+1 202 555 0123"));
    }

    #[test]
    fn a_number_without_a_name_is_shown_as_people_write_it() {
        assert_eq!(friendly_name("+12025550123"), "(202) 555-0123");
        assert_eq!(friendly_name("+442079460123"), "+442079460123");
    }
}
