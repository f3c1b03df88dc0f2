//! The SVG's text: elements and attributes through an XML writer, and numbers as short as they may be.

use std::io;

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;

/// An element's attributes.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

/// What is drawn on.
pub struct Paper(Writer<Vec<u8>>);

impl Paper {
    /// An empty one.
    pub fn new() -> Self {
        Self(Writer::new(Vec::new()))
    }

    /// An element without content.
    pub fn shape(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        self.0.write_event(Event::Empty(element(name, attributes)))
    }

    /// An element with text in it.
    pub fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) -> io::Result<()> {
        self.within(name, attributes, |paper| paper.0.write_event(Event::Text(BytesText::new(text))))
    }

    /// An element with others in it.
    pub fn within(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        draw: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.0.write_event(Event::Start(element(name, attributes)))?;
        draw(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// What was drawn.
    pub fn finish(self) -> io::Result<String> {
        String::from_utf8(self.0.into_inner()).map_err(io::Error::other)
    }
}

fn element<'a>(name: &'a str, attributes: Attributes<'a>) -> BytesStart<'a> {
    BytesStart::new(name).with_attributes(attributes.iter().map(|pair| Attribute::from(*pair)))
}

/// A length in px, to a tenth.
pub fn px(length: f64) -> String {
    let tenths = (length * 10.0).round() / 10.0;
    // No minus before a zero.
    (tenths + 0.0).to_string()
}
