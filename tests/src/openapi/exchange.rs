//! A request and its answer, and whether the description has such ones.

use std::collections::BTreeSet;

use hyper::Method;

use super::{Content, Header, Operation, Response, faults};
use crate::http::Answer;

/// A request and its answer.
pub struct Exchange<'a> {
    /// How it was asked.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a str,
    /// The body that was sent.
    pub sent: &'a [u8],
    /// What came back.
    pub answer: &'a Answer,
}

impl Exchange<'_> {
    pub(super) fn expect(&self, status: u16) -> Result<&Self, String> {
        if self.answer.status == status { Ok(self) } else { Err(format!("not {status}")) }
    }

    pub(super) fn fits(&self, response: &Response) -> Result<(), String> {
        for Header { name, is_required, schema } in &response.headers {
            match self.header(name) {
                // A number in a header is digits.
                Some(text) => {
                    let value = text.parse::<u64>().map_or_else(|_| text.into(), Into::into);
                    faults(schema, &value).map_err(|fault| format!("{name}: {fault}"))?;
                }
                None if *is_required => return Err(format!("{name} is missing")),
                None => {}
            }
        }
        if response.content.is_empty() || *self.method == Method::HEAD {
            return if self.answer.bytes.is_empty() { Ok(()) } else { Err("a body".to_owned()) };
        }
        let media_type = self.header("content-type").unwrap_or_default();
        let known = response.content.iter().find(|content| content.media_type == media_type);
        let content = known.ok_or_else(|| format!("the type of its body is {media_type:?}"))?;
        let body = content.parse(&self.answer.bytes).ok_or("unreadable")?;
        faults(&content.schema, &body)
    }

    /// Whether a refusal of the method names those that the path takes, and no others.
    pub(super) fn allows(&self, methods: &BTreeSet<&str>) -> Result<(), String> {
        let named: BTreeSet<_> = self.header("allow").unwrap_or_default().split(", ").collect();
        if named == *methods { Ok(()) } else { Err(format!("it allows {named:?}, and not {methods:?}")) }
    }

    /// Whether what was asked was taken or refused as the description of the request says.
    pub(super) fn was_rightly_taken(&self, request: &Content, operation: &Operation) -> Result<(), String> {
        let sent = request.parse(self.sent);
        let is_good = sent.is_some_and(|sent| request.schema.is_valid(&sent));
        match self.answer.status {
            ..300 if !is_good => Err("a request that it does not describe was served".to_owned()),
            422 if is_good && !operation.refuses_by_state => Err("a request that it describes was refused".to_owned()),
            _ => Ok(()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
