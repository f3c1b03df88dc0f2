//! The verbs and nouns that the lab knows, where they stand, and what their attributes may say.

use super::super::form::is_address;
use super::Verb;

/// How many numbers one `Dial` may ring.
const NUMBERS_LIMIT: usize = 10;

/// What stands where.
struct Rule {
    name: &'static str,
    /// None: the root.
    parent: Option<&'static str>,
    has_text: bool,
    attributes: &'static [(&'static str, Value)],
}

/// What an attribute may say.
#[derive(Clone, Copy)]
enum Value {
    /// Anything.
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    /// Several of these, with blanks between.
    Words(&'static [&'static str]),
    /// A whole number in these bounds.
    Count(u32, u32),
    /// A whole address.
    Address,
}

const BOOL: Value = Value::Word(&["true", "false"]);
const METHOD: Value = Value::Word(&["GET", "POST"]);
const EVENTS: Value = Value::Words(&["initiated", "ringing", "answered", "completed"]);

const RULES: [Rule; 7] = [
    Rule { name: "Response", parent: None, has_text: false, attributes: &[] },
    Rule {
        name: "Say",
        parent: Some("Response"),
        has_text: true,
        attributes: &[("voice", Value::Text), ("language", Value::Text), ("loop", Value::Count(0, 1000))],
    },
    Rule { name: "Pause", parent: Some("Response"), has_text: false, attributes: &[("length", Value::Count(1, 180))] },
    Rule {
        name: "Reject",
        parent: Some("Response"),
        has_text: false,
        attributes: &[("reason", Value::Word(&["rejected", "busy"]))],
    },
    Rule { name: "Hangup", parent: Some("Response"), has_text: false, attributes: &[] },
    Rule {
        name: "Dial",
        parent: Some("Response"),
        has_text: true,
        attributes: &[
            ("action", Value::Address),
            ("method", METHOD),
            ("answerOnBridge", BOOL),
            ("callerId", Value::Text),
            ("hangupOnStar", BOOL),
            ("sequential", BOOL),
            ("timeLimit", Value::Count(1, 14_400)),
            ("timeout", Value::Count(5, 600)),
            ("ringTone", Value::Text),
        ],
    },
    Rule {
        name: "Number",
        parent: Some("Dial"),
        has_text: true,
        attributes: &[
            ("url", Value::Address),
            ("method", METHOD),
            ("sendDigits", Value::Text),
            ("statusCallback", Value::Address),
            ("statusCallbackEvent", EVENTS),
            ("statusCallbackMethod", METHOD),
        ],
    },
];

/// Whether a verb, and all inside it, is as it should be; otherwise what is not.
pub(super) fn check(verb: &Verb, parent: Option<&str>) -> Result<(), String> {
    let name = verb.name.as_str();
    let rule = RULES.iter().find(|rule| rule.name == name && rule.parent == parent);
    let rule = rule.ok_or_else(|| format!("{name} is not known inside {}", parent.unwrap_or("nothing")))?;
    if !rule.has_text && !verb.text().is_empty() {
        return Err(format!("there is text inside {name}"));
    }
    for (attribute, value) in verb.attributes() {
        let known = rule.attributes.iter().find(|(known, _)| *known == attribute);
        let (_, rule) = known.ok_or_else(|| format!("{attribute} is no attribute of {name}"))?;
        if !rule.allows(value) {
            return Err(format!("{attribute} of {name} has a bad value"));
        }
    }
    if name == "Dial" && verb.children.len() > NUMBERS_LIMIT {
        return Err(format!("Dial has more than {NUMBERS_LIMIT} numbers"));
    }
    verb.children.iter().try_for_each(|child| check(child, Some(name)))
}

impl Value {
    fn allows(self, value: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Word(words) => words.contains(&value),
            Self::Words(words) => !value.is_empty() && value.split(' ').all(|word| words.contains(&word)),
            Self::Count(least, most) => value.parse().is_ok_and(|count| (least..=most).contains(&count)),
            Self::Address => is_address(value),
        }
    }
}
