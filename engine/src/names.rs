//! How a user's id goes into the names of other things. A user id holds any printable ASCII, `/` included, so each form is
//! written and read in one place, and no two users share a name.

use fourwire_wire::ids::{CallId, UserId};

/// The name of the object of a user's call: the user, `/`, the call.
#[must_use]
pub fn call_object(user: &UserId, call: &CallId) -> String {
    format!("{user}/{call}")
}

/// Whose call an object of this name is. `None` for a name that [`call_object`] does not make.
///
/// The last slash separates the two, because a call id has none while a user id may have several.
#[must_use]
pub fn parse_call_object(name: &str) -> Option<(UserId, CallId)> {
    let (user, call) = name.rsplit_once('/')?;
    Some((UserId::parse(user).ok()?, CallId::parse(call).ok()?))
}

/// A user id for the query of a signed URL: each byte as two small hexadecimal digits, which every URL library leaves as
/// they are. A character that one side escapes and the other does not would break the signature.
#[must_use]
pub fn hex_of_user(user: &UserId) -> String {
    user.as_str().bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The user of [`hex_of_user`]. `None` for any other spelling.
#[must_use]
pub fn user_of_hex(hex: &str) -> Option<UserId> {
    let (pairs, rest) = hex.as_bytes().as_chunks();
    let text: Option<String> = pairs.iter().map(|&pair| hex_byte(pair).map(char::from)).collect();
    UserId::parse(text.filter(|_| rest.is_empty())?).ok()
}

/// The byte that two small hexadecimal digits stand for.
pub(crate) fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    fn call(text: &str) -> CallId {
        CallId::parse(text).unwrap()
    }

    #[test]
    fn a_call_object_s_name_leads_back_to_its_user_and_call() {
        for (who, what, name) in [
            ("ann", "1774440000500", "ann/1774440000500"),
            ("auth0|5f7c", "c", "auth0|5f7c/c"),
            ("a/b", "c", "a/b/c"),
            ("a", "b", "a/b"),
            ("a/", "b", "a//b"),
            ("/", "b", "//b"),
            ("..", "b", "../b"),
            ("ann/1774440000500", "1", "ann/1774440000500/1"),
            ("q3Jkz+9/Ff0==", "c", "q3Jkz+9/Ff0==/c"),
            (" ", "c", " /c"),
        ] {
            assert_eq!(call_object(&user(who), &call(what)), name);
            assert_eq!(parse_call_object(name), Some((user(who), call(what))), "{name}");
        }
    }

    #[test]
    fn a_name_that_no_call_has_is_nobody_s() {
        for name in ["", "ann", "ann/", "/call", "ann/a b", "ann/a+b", "ünal/c", "ann/c\n", "a\nb/c"] {
            assert_eq!(parse_call_object(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_user_in_hexadecimal_has_one_spelling() {
        assert_eq!(hex_of_user(&user("ann")), "616e6e");
        assert_eq!(hex_of_user(&user("a/b+c=")), "612f622b633d");
        assert_eq!(user_of_hex("612f622b633d"), Some(user("a/b+c=")));
        for bad in ["", "6", "616e6", "616E6E", "0a", "c3a4", "+1", "61 e", "6g", "616e6e&x", "é1"] {
            assert_eq!(user_of_hex(bad), None, "{bad:?}");
        }
        let longest = user(&"~".repeat(255));
        assert_eq!(user_of_hex(&hex_of_user(&longest)), Some(longest));
    }

    proptest! {
        #[test]
        fn names_of_different_pairs_differ(
            one in "[a/]{1,6}", other in "[a/]{1,6}", a in "[a|]{1,3}", b in "[a|]{1,3}",
        ) {
            let (first, second) = ((user(&one), call(&a)), (user(&other), call(&b)));
            let (name, other_name) = (call_object(&first.0, &first.1), call_object(&second.0, &second.1));
            prop_assert_eq!(name == other_name, first == second);
            prop_assert_eq!(parse_call_object(&name), Some(first));
        }
    }
}
