//! What Durable Objects are called. The platform's logs, dashboard and disks show an object's name, so that it is a keyed hash
//! and not a user's id, a client's name for a call or a phone number: who has the name but not the master secret learns nothing.

use fourwire_wire::ids::{CallId, UserId};
use serde::{Deserialize, Serialize};

use crate::phone::number::PhoneNumber;
use crate::vault::Vault;

/// Length of a name, in hexadecimal digits: 128 bits.
const NAME_DIGITS: usize = 32;

/// Whose call it is, and which of that user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOwner {
    /// The user.
    pub user: UserId,
    /// The client's name for the call.
    pub call: CallId,
}

/// The name of a user's object. It is also the name of the user's folder in the archive.
#[must_use]
pub fn user_object(vault: &Vault, user: &UserId) -> String {
    vault.index("user", user.as_str())
}

/// The name of the object of a user's call.
#[must_use]
pub fn call_object(vault: &Vault, owner: &CallOwner) -> String {
    // A call id has no slash, so that the last one parts the two and no other pair reads the same.
    vault.index("call", &format!("{}/{}", owner.user, owner.call))
}

/// Where a row of a call lies, for its seal: with the call's name, so that a row of another call of the same user does not open.
#[must_use]
pub fn call_row(owner: &CallOwner, row: &str) -> String {
    format!("call/{}/{row}", owner.call)
}

/// The name of a phone number's object.
#[must_use]
pub fn number_object(vault: &Vault, number: &PhoneNumber) -> String {
    vault.index("number", number.expose())
}

/// Whether a text has the form of a name, for one that comes from outside.
#[must_use]
pub fn is_object_name(text: &str) -> bool {
    text.len() == NAME_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn owner(user: &str, call: &str) -> CallOwner {
        CallOwner { user: UserId::parse(user).unwrap(), call: CallId::parse(call).unwrap() }
    }

    #[test]
    fn no_two_calls_share_a_name_and_no_name_tells_whose_it_is() {
        let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
        let owners = [
            ("ann", "1774440000500"),
            ("auth0|5f7c", "c"),
            ("a/b", "c"),
            ("a", "b"),
            ("a/", "b"),
            ("/", "b"),
            ("..", "b"),
            ("ann/1774440000500", "1"),
            (" ", "c"),
        ];
        let names: BTreeSet<_> = owners.iter().map(|(user, call)| call_object(&vault, &owner(user, call))).collect();
        assert_eq!(names.len(), owners.len());
        for name in names {
            assert!(is_object_name(&name), "{name}");
        }
    }

    #[test]
    fn a_row_of_one_call_is_no_row_of_another() {
        let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
        let [one, other] = ["1", "2"].map(|call| owner("ann", call));
        let sealed = vault.seal(&one.user, &call_row(&one, "session"), [7; 12], b"{}").unwrap();
        assert_eq!(vault.open(&one.user, &call_row(&one, "session"), &sealed).as_deref(), Ok(&b"{}"[..]));
        assert!(vault.open(&one.user, &call_row(&other, "session"), &sealed).is_err());
        assert!(vault.open(&one.user, &call_row(&one, "segment/1"), &sealed).is_err());
    }

    #[test]
    fn a_name_depends_on_the_secret_and_on_what_it_names() {
        let [one, other] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]
            .map(|key| Vault::new(key).unwrap());
        let user = UserId::parse("12025550142").unwrap();
        let number = PhoneNumber::parse("+12025550142").unwrap();
        let names = [user_object(&one, &user), user_object(&other, &user), number_object(&one, &number)];
        assert_eq!(BTreeSet::from_iter(&names).len(), 3);
    }

    #[test]
    fn a_text_from_outside_is_a_name_only_in_its_one_spelling() {
        assert!(is_object_name("0123456789abcdef0123456789abcdef"));
        for text in ["", "0123456789abcdef", "0123456789ABCDEF0123456789abcdef", &"g".repeat(32), &"0".repeat(33)] {
            assert!(!is_object_name(text), "{text}");
        }
    }
}
