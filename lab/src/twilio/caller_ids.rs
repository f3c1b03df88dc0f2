//! Verified caller IDs, and how the API shows one and pages through many.

use fourwire_wire::pii::Pii;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::credentials::ACCOUNT_SID;
use super::form::Parameters;
use super::ids;
use super::problem::Problem;

/// What a list may be asked.
const LIST_PARAMETERS: [&str; 5] = ["PhoneNumber", "FriendlyName", "PageSize", "Page", "PageToken"];
/// A page token that is not one of ours.
const PAGE_TOKEN: u32 = 21_481;
/// How many a page holds where nothing is asked.
const PAGE_SIZE: usize = 50;
/// How many a page may hold.
const PAGE_SIZE_LIMIT: usize = 1000;

/// A verified number, which may be shown to those who are called.
#[derive(Clone, Debug)]
pub struct CallerId {
    /// Names it.
    pub sid: String,
    /// The number in E.164.
    pub number: Pii<String>,
    /// What its owner calls it.
    pub friendly_name: Pii<String>,
    created: OffsetDateTime,
    updated: OffsetDateTime,
}

impl CallerId {
    pub(super) fn new(sid: String, number: Pii<String>, friendly_name: Pii<String>) -> Self {
        let now = OffsetDateTime::now_utc();
        Self { sid, number, friendly_name, created: now, updated: now }
    }

    pub(super) fn rename(&mut self, friendly_name: &str) {
        friendly_name.clone_into(self.friendly_name.expose_mut());
        self.updated = OffsetDateTime::now_utc();
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "sid": self.sid,
            "account_sid": ACCOUNT_SID,
            "friendly_name": self.friendly_name,
            "phone_number": self.number,
            "date_created": ids::rfc2822(self.created),
            "date_updated": ids::rfc2822(self.updated),
            "uri": uri(&self.sid),
        })
    }
}

/// The address of all caller IDs, as answers name it.
pub(super) fn list_uri() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json")
}

/// The address of one caller ID, as answers name it.
pub(super) fn uri(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds/{sid}.json")
}

/// One page of those that fit.
pub(super) fn page(all: &[CallerId], query: &str) -> Result<Value, Problem> {
    let asked = Asked::read(query)?;
    let fits = |wanted: &Option<String>, is: &Pii<String>| wanted.as_ref().is_none_or(|wanted| wanted == is.expose());
    let fitting = all.iter().filter(|one| fits(&asked.number, &one.number) && fits(&asked.name, &one.friendly_name));
    let fitting: Vec<&CallerId> = fitting.collect();

    let start = asked.page.saturating_mul(asked.size);
    let shown = fitting.get(start..).unwrap_or_default();
    let (shown, more) = shown.split_at(shown.len().min(asked.size));
    let first_here = shown.first().map(|one| one.sid.as_str()).unwrap_or_default();
    let last_here = shown.last().map(|one| one.sid.as_str()).unwrap_or_default();
    let next = (!more.is_empty()).then(|| asked.uri(asked.page + 1, Some(&format!("PA{last_here}"))));
    let previous = (asked.page > 0).then(|| asked.uri(asked.page - 1, Some(&format!("PB{first_here}"))));
    Ok(json!({
        "first_page_uri": asked.uri(0, None),
        "next_page_uri": next,
        "previous_page_uri": previous,
        "uri": asked.uri(asked.page, asked.token.as_deref()),
        "page": asked.page,
        "page_size": asked.size,
        "start": start,
        "end": start + shown.len().saturating_sub(1),
        "outgoing_caller_ids": shown.iter().map(|one| one.json()).collect::<Vec<_>>(),
    }))
}

/// What a list was asked.
struct Asked {
    number: Option<String>,
    name: Option<String>,
    size: usize,
    page: usize,
    token: Option<String>,
}

impl Asked {
    fn read(query: &str) -> Result<Self, Problem> {
        let parameters = Parameters::read(query.as_bytes(), &LIST_PARAMETERS)?;
        let text = |name| parameters.get(name).map(str::to_owned);
        let count = |name, usual| match parameters.get(name).map(str::parse) {
            None => Ok(usual),
            Some(Ok(count)) => Ok(count),
            Some(Err(_)) => Err(Problem::strict(format_args!("{name} is a whole number"))),
        };
        let (size, page) = (count("PageSize", PAGE_SIZE)?, count("Page", 0)?);
        if !(1..=PAGE_SIZE_LIMIT).contains(&size) {
            return Err(Problem::strict(format_args!("PageSize is 1 to {PAGE_SIZE_LIMIT}")));
        }
        let token = text("PageToken");
        if token.as_deref().is_some_and(|token| !token.starts_with("PA") && !token.starts_with("PB")) {
            return Err(Problem::bad(PAGE_TOKEN, "Invalid PageToken"));
        }
        Ok(Self { number: text("PhoneNumber"), name: text("FriendlyName"), size, page, token })
    }

    fn uri(&self, page: usize, token: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.number.iter().map(|number| ("PhoneNumber", number)));
        query.extend_pairs(self.name.iter().map(|name| ("FriendlyName", name)));
        query.append_pair("PageSize", &self.size.to_string()).append_pair("Page", &page.to_string());
        query.extend_pairs(token.iter().map(|token| ("PageToken", token)));
        format!("{}?{}", list_uri(), query.finish())
    }
}
