//! Reads an answer to a voice webhook strictly: well-formed XML, and only verbs, attributes and values that are known.
//!
//! Of `TwiML` the lab knows what a dialer needs. What it does not know it refuses by number 12200, though the real service
//! knows more, and only warns of what it does not know.

mod grammar;

use fourwire_wire::pii::Pii;
use roxmltree::{Document, Node};

/// How long an answer may be.
const SIZE_LIMIT: usize = 64 * 1024;
/// The answer is too long.
const TOO_LONG: u32 = 11_750;
/// The answer is empty.
const EMPTY: u32 = 11_770;
/// The answer is not well-formed XML.
const NO_XML: u32 = 12_100;
/// The root is not `Response`.
const WRONG_ROOT: u32 = 12_102;
/// A verb, an attribute or a value is not known.
const SCHEMA: u32 = 12_200;
/// The content type is missing or wrong.
const CONTENT_TYPE: u32 = 12_300;

/// Something that went wrong in a call, as Twilio's debugger shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallProblem {
    /// Twilio's error number.
    pub code: u32,
    /// A sentence for people.
    pub message: String,
}

impl CallProblem {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What a call is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twiml {
    /// One after the other.
    pub verbs: Vec<Verb>,
}

/// A verb, or a noun inside one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verb {
    /// `Say`, `Dial`, `Number` …
    pub name: String,
    /// Nouns inside.
    pub children: Vec<Verb>,
    attributes: Vec<(String, Pii<String>)>,
    text: Pii<String>,
}

impl Twiml {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is wrong with it, by Twilio's number.
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Self, CallProblem> {
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("text/xml") {
            return Err(CallProblem::new(CONTENT_TYPE, format!("the content type is not text/xml but {kind:?}")));
        }
        if body.len() > SIZE_LIMIT {
            return Err(CallProblem::new(TOO_LONG, format!("{} bytes are more than {SIZE_LIMIT}", body.len())));
        }
        if body.is_empty() {
            return Err(CallProblem::new(EMPTY, "the body is empty"));
        }
        let no_xml = |error: &dyn std::fmt::Display| CallProblem::new(NO_XML, error.to_string());
        let text = std::str::from_utf8(body).map_err(|error| no_xml(&error))?;
        let document = Document::parse(text).map_err(|error| no_xml(&error))?;
        let root = document.root_element();
        if root.tag_name().name() != "Response" {
            return Err(CallProblem::new(WRONG_ROOT, format!("the root is {:?}", root.tag_name().name())));
        }
        let response = Verb::of(root);
        grammar::check(&response, None).map_err(|reason| CallProblem::new(SCHEMA, reason))?;
        Ok(Self { verbs: response.children })
    }

    /// The first verb of a name.
    #[must_use]
    pub fn verb(&self, name: &str) -> Option<&Verb> {
        self.verbs.iter().find(|verb| verb.name == name)
    }

    /// Everything that is said to the caller.
    #[must_use]
    pub fn said(&self) -> Vec<&str> {
        self.verbs.iter().filter(|verb| verb.name == "Say").map(Verb::text).collect()
    }
}

impl Verb {
    fn of(node: Node) -> Self {
        let own_text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        Self {
            name: node.tag_name().name().to_owned(),
            children: node.children().filter(Node::is_element).map(Self::of).collect(),
            attributes: node
                .attributes()
                .map(|one| (one.name().to_owned(), Pii::from(one.value().to_owned())))
                .collect(),
            text: Pii::new(own_text.trim().to_owned()),
        }
    }

    /// An attribute's value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    /// The text inside, but not that of nouns inside.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: Option<&str> = Some("text/xml; charset=utf-8");

    fn code(content_type: Option<&str>, body: &str) -> u32 {
        Twiml::read(content_type, body.as_bytes()).map_or_else(|problem| problem.code, |_| 0)
    }

    #[test]
    fn a_dial_is_read_with_its_attributes() {
        let body = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say>Hi &amp; bye</Say><Dial callerId="+12025550123"
            timeLimit="60"><Number statusCallback="https://a.test/x?a=1&amp;b=2">+12025550199</Number></Dial></Response>"#;
        let twiml = Twiml::read(XML, body.as_bytes()).unwrap();
        assert_eq!(twiml.said(), ["Hi & bye"]);
        let dial = twiml.verb("Dial").unwrap();
        assert_eq!((dial.attribute("timeLimit"), dial.attribute("timeout")), (Some("60"), None));
        let number = &dial.children[0];
        assert_eq!((number.name.as_str(), number.text()), ("Number", "+12025550199"));
        assert_eq!(number.attribute("statusCallback"), Some("https://a.test/x?a=1&b=2"));
    }

    #[test]
    fn each_flaw_of_an_answer_has_its_number() {
        for (content_type, body, expected) in [
            (XML, "<Response/>", 0),
            (Some("application/xml"), "<Response/>", CONTENT_TYPE),
            (Some("text/html"), "<Response/>", CONTENT_TYPE),
            (None, "<Response/>", CONTENT_TYPE),
            (XML, "", EMPTY),
            (XML, "<Response>", NO_XML),
            (XML, "<Response>a & b</Response>", NO_XML),
            (XML, "<response/>", WRONG_ROOT),
            (XML, "<Response>Hello</Response>", SCHEMA),
            (XML, "<Response><say>Hello</say></Response>", SCHEMA),
            (XML, "<Response><Number>+12025550199</Number></Response>", SCHEMA),
            (XML, r#"<Response><Dial callerid="+12025550123"/></Response>"#, SCHEMA),
            (XML, r#"<Response><Dial timeLimit="0"/></Response>"#, SCHEMA),
            (XML, r#"<Response><Dial timeLimit="14400" answerOnBridge="true"/></Response>"#, 0),
            (XML, r#"<Response><Reject reason="tired"/></Response>"#, SCHEMA),
            (
                XML,
                r#"<Response><Dial><Number statusCallbackEvent="answered done">+1</Number></Dial></Response>"#,
                SCHEMA,
            ),
            (XML, r#"<Response><Dial><Number statusCallback="/x">+1</Number></Dial></Response>"#, SCHEMA),
            (XML, "<Response><Say><Dial/></Say></Response>", SCHEMA),
        ] {
            assert_eq!(code(content_type, body), expected, "{content_type:?} {body}");
        }
        let long = format!("<Response><Say>{}</Say></Response>", "a".repeat(SIZE_LIMIT));
        assert_eq!(code(XML, &long), TOO_LONG);
    }
}
