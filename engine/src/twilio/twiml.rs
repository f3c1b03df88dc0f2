//! The answers to Twilio's voice webhooks: TwiML, written by an XML writer, so that nothing in it can break out.

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;
use thiserror::Error;

use crate::phone::notice::{CallNotice, Sentence};
use crate::phone::number::PhoneNumber;

/// `Content-Type` of an answer: Twilio reads anything else aloud, or not at all.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The writer could not write; it writes to memory, so it always can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the answer could not be written")]
pub struct WriteError;

/// Connects the caller with a callee.
#[derive(Clone, Debug)]
pub struct Dial<'a> {
    /// Who is called.
    pub callee: &'a PhoneNumber,
    /// The number that the callee sees.
    pub caller_id: &'a PhoneNumber,
    /// How long the call may last, in seconds.
    pub time_limit: u32,
    /// Where Twilio reports what becomes of the call.
    pub status_callback: &'a str,
    /// Where Twilio finds what the callee hears before the two are connected.
    pub notice: Option<&'a str>,
}

/// Says one sentence and hangs up.
///
/// # Errors
/// [`WriteError`].
pub fn say(sentence: &str) -> Result<String, WriteError> {
    let sentence = Sentence { language: None, text: sentence.to_owned() };
    respond(|writer| write_sentence(writer, &sentence))
}

/// Says each sentence of a notice in its language, and goes on with the call.
///
/// # Errors
/// [`WriteError`].
pub fn notice(notice: &CallNotice) -> Result<String, WriteError> {
    respond(|writer| notice.sentences().iter().try_for_each(|sentence| write_sentence(writer, sentence)))
}

fn write_sentence(writer: &mut Writer<Vec<u8>>, sentence: &Sentence) -> std::io::Result<()> {
    let language = sentence.language.as_deref().map(|language| ("language", language));
    writer.write_event(Event::Start(element("Say", language.as_slice())))?;
    writer.write_event(Event::Text(BytesText::new(&sentence.text)))?;
    writer.write_event(Event::End(BytesEnd::new("Say")))
}

/// Calls the callee; the caller's phone goes on ringing until the callee answers.
///
/// # Errors
/// [`WriteError`].
pub fn dial(dial: &Dial<'_>) -> Result<String, WriteError> {
    let time_limit = dial.time_limit.to_string();
    let attributes = [
        ("callerId", dial.caller_id.expose()),
        // Without it Twilio answers the caller at once, and ringback would be recorded as conversation.
        ("answerOnBridge", "true"),
        ("timeLimit", &time_limit),
    ];
    let mut number = vec![
        ("statusCallback", dial.status_callback),
        ("statusCallbackEvent", "initiated ringing answered completed"),
        ("statusCallbackMethod", "POST"),
    ];
    if let Some(notice) = dial.notice {
        number.extend([("url", notice), ("method", "POST")]);
    }
    respond(|writer| {
        writer.write_event(Event::Start(element("Dial", &attributes)))?;
        writer.write_event(Event::Start(element("Number", &number)))?;
        writer.write_event(Event::Text(BytesText::new(dial.callee.expose())))?;
        writer.write_event(Event::End(BytesEnd::new("Number")))?;
        writer.write_event(Event::End(BytesEnd::new("Dial")))
    })
}

fn element<'a>(name: &'a str, attributes: &[(&'a str, &'a str)]) -> BytesStart<'a> {
    BytesStart::new(name).with_attributes(attributes.iter().map(|pair| Attribute::from(*pair)))
}

fn respond(write: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> Result<String, WriteError> {
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| writer.write_event(Event::Start(BytesStart::new("Response"))))
        .and_then(|()| write(&mut writer))
        .and_then(|()| writer.write_event(Event::End(BytesEnd::new("Response"))));
    written.map_err(|_| WriteError)?;
    String::from_utf8(writer.into_inner()).map_err(|_| WriteError)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

    #[test]
    fn a_sentence_is_said_whatever_is_in_it() {
        let xml = say("</Say><Dial>+19002340142</Dial> & \"more\"").unwrap();
        let escaped = "&lt;/Say&gt;&lt;Dial&gt;+19002340142&lt;/Dial&gt; &amp; ";
        assert!(xml.starts_with(&format!("{DECLARATION}<Response><Say>{escaped}")), "{xml}");
        assert_eq!(xml.matches("<Dial").count(), 0);
    }

    #[test]
    fn a_notice_is_said_in_each_of_its_languages() {
        let notice = |text| super::notice(&CallNotice::parse(text).unwrap()).unwrap();
        assert_eq!(
            notice("[de-DE] Ab & an. | On & off."),
            format!(
                "{DECLARATION}<Response><Say language=\"de-DE\">Ab &amp; an.</Say><Say>On &amp; off.</Say></Response>"
            )
        );
        assert_eq!(notice("none"), format!("{DECLARATION}<Response></Response>"));
    }

    #[test]
    fn a_call_rings_until_it_is_answered_and_reports_what_becomes_of_it() {
        let callee = PhoneNumber::parse("+12025550142").unwrap();
        let caller_id = PhoneNumber::parse("+12025550100").unwrap();
        let mut call = Dial {
            callee: &callee,
            caller_id: &caller_id,
            time_limit: 600,
            status_callback: "https://edge.example/status?a=1&b=<2>",
            notice: None,
        };
        let xml = dial(&call).unwrap();
        assert_eq!(
            xml,
            format!(
                "{DECLARATION}<Response><Dial callerId=\"+12025550100\" answerOnBridge=\"true\" timeLimit=\"600\">\
                 <Number statusCallback=\"https://edge.example/status?a=1&amp;b=&lt;2&gt;\" \
                 statusCallbackEvent=\"initiated ringing answered completed\" statusCallbackMethod=\"POST\">\
                 +12025550142</Number></Dial></Response>"
            )
        );
        call.notice = Some("https://edge.example/notice");
        assert!(dial(&call).unwrap().contains(" url=\"https://edge.example/notice\" method=\"POST\">"));
    }
}
