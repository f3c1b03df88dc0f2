//! A part of a user's list of conversations.

use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::pii::Pii;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::cursor::Cursor;
use super::folding::fold;
use crate::phone::number::PhoneNumber;
use crate::transcript;

/// How many conversations a list has that asks for no other number.
const DEFAULT_LIMIT: usize = 100;
/// How many it has at most.
const MAX_LIMIT: usize = 200;
/// Words beyond these are not looked for.
const MAX_WORDS: usize = 16;
/// How many conversations one request opens at most. Opening one and looking into it takes 0.15 ms in workerd, so this is about
/// 0.3 s; whoever has more goes on with the cursor of the answer.
pub const MAX_OPENED: usize = 2_000;

/// Which conversations are listed, in the peer's words and two of Fourwire's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    limit: usize,
    offset: usize,
    /// Every one of them must be there, folded.
    words: Vec<Pii<String>>,
    /// The words are one number, as somebody writes it: that of a callee will do.
    #[serde(default)]
    number: Option<PhoneNumber>,
    only_starred: bool,
    /// Where an earlier answer ended.
    #[serde(default)]
    cursor: Option<Cursor>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The conversations, newest first.
    pub entries: Vec<ConversationEntry>,
    /// What to ask with for those that follow; none where no conversation was left unread.
    pub next: Option<Cursor>,
}

/// Which rows of all conversations are to be opened, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Those behind this one; none: from the newest on.
    pub after: Option<Cursor>,
    /// So many are left out unopened.
    pub skip: usize,
    /// Most that are opened.
    pub limit: usize,
}

/// The query of a list cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PageError {
    /// The number of conversations is none that a list has.
    #[error("limit must be a whole number from 1 to 200")]
    Limit,
    /// The number of conversations to leave out is no number.
    #[error("offset must be a whole number")]
    Offset,
    /// Words are looked for with another request.
    #[error("search with POST /v1/conversations/search: words do not belong into an address")]
    Search,
    /// A cursor is none that an answer has had.
    #[error("cursor must be one of an answer")]
    Cursor,
    /// Neither yes nor no.
    #[error("starred must be true or false")]
    Starred,
}

/// The body of a search: what a list's address takes, and the words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    q: Pii<String>,
    limit: Option<usize>,
    offset: usize,
    starred: bool,
    cursor: Option<String>,
}

impl Search {
    /// Reads a body; `None` where it is no JSON object of these members.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        // Not at once: a derived reader takes a list of the members' values too.
        let members: Map<String, Value> = serde_json::from_slice(json).ok()?;
        serde_json::from_value(members.into()).ok()
    }

    /// Which conversations are wanted.
    ///
    /// # Errors
    /// [`PageError::Limit`] and [`PageError::Cursor`].
    pub fn page(&self) -> Result<Page, PageError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(PageError::Limit);
        }
        let cursor: Option<Cursor> =
            self.cursor.as_deref().map(|cursor| cursor.parse().map_err(|_| PageError::Cursor)).transpose()?;
        let offset = cursor.map_or(self.offset, |cursor| cursor.extra);
        let page = Page { limit, offset, only_starred: self.starred, cursor, ..Page::default() };
        Ok(page.with_words(self.q.expose()))
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, offset: 0, words: Vec::new(), number: None, only_starred: false, cursor: None }
    }
}

impl Page {
    /// Reads the pairs of a URL's query; names that are not known are ignored.
    ///
    /// # Errors
    /// [`PageError`] says what a value must be.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str> + 'a)>,
    ) -> Result<Self, PageError> {
        let mut page = Self::default();
        for (name, value) in pairs {
            let value = value.as_ref();
            match name.as_ref() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    page.limit = limit.ok_or(PageError::Limit)?;
                }
                "offset" => page.offset = value.parse().map_err(|_| PageError::Offset)?,
                "cursor" => {
                    let cursor: Cursor = value.parse().map_err(|_| PageError::Cursor)?;
                    page.cursor = Some(cursor);
                }
                "starred" => page.only_starred = value.parse().map_err(|_| PageError::Starred)?,
                // Words in an address are logged on their way, and a list that ignores them would be taken for what was found.
                "q" => return Err(PageError::Search),
                _ => {}
            }
        }
        if let Some(cursor) = page.cursor {
            page.offset = cursor.extra;
        }
        Ok(page)
    }

    /// The same list with all of these words in each conversation, or one number.
    fn with_words(mut self, text: &str) -> Self {
        // Folding may part a word, and may leave nothing of one.
        let words = fold(text);
        self.words = words.split_whitespace().take(MAX_WORDS).map(|word| Pii::new(word.to_owned())).collect();
        self.number = PhoneNumber::parse(text).ok();
        self
    }

    /// Whether every conversation is wanted, so that a part of the list is a part of the table.
    const fn is_whole(&self) -> bool {
        self.words.is_empty() && !self.only_starred
    }

    /// The rows to be opened for [`Self::of`].
    #[must_use]
    pub fn rows(&self) -> Rows {
        let (skip, limit) = if self.is_whole() { (self.offset, self.limit) } else { (0, MAX_OPENED) };
        // One more than is wanted, to know whether there is one.
        Rows { after: self.cursor, skip, limit: limit.saturating_add(1) }
    }

    /// The part of the list, from the entries of [`Self::rows`]. It takes no more of them than it needs.
    ///
    /// # Errors
    /// The first that `entries` gives.
    pub fn of<E>(&self, entries: impl IntoIterator<Item = Result<ConversationEntry, E>>) -> Result<Listed, E> {
        let mut offset = if self.is_whole() { 0 } else { self.offset };
        let mut opened: usize = 0;
        let mut last = None;
        let mut listed = Listed { entries: Vec::new(), next: None };
        for entry in entries {
            if listed.entries.len() >= self.limit || opened >= MAX_OPENED {
                listed.next = last.map(|(created_at, id)| Cursor { created_at, id, extra: offset });
                break;
            }
            let entry = entry?;
            opened = opened.saturating_add(1);
            last = Some((entry.created_at, entry.id));
            if !self.wants(&entry) {
                continue;
            }
            match offset.checked_sub(1) {
                Some(left) => offset = left,
                None => listed.entries.push(entry),
            }
        }
        Ok(listed)
    }

    fn wants(&self, entry: &ConversationEntry) -> bool {
        if self.only_starred && !entry.starred {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        if let (Some(number), Some(callee)) = (&self.number, &entry.callee)
            && number.expose() == callee.expose()
        {
            return true;
        }
        let structured = &entry.structured;
        let items = structured.action_items.iter().map(|item| item.description.expose());
        let texts = [structured.title.expose(), structured.overview.expose()].into_iter().chain(items);
        let names = entry.contact_name.iter().chain(&entry.callee).map(Pii::expose);
        // Conversations of before words were joined by script have blanks where nobody would look for them.
        let text = |text: &String| transcript::join(fold(text).split_whitespace());
        let text = texts.chain(names).map(text).collect::<Vec<_>>().join("\n");
        self.words.iter().all(|word| text.contains(word.expose().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use fourwire_wire::conversation::ConversationStatus;
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::query::Source;
    use fourwire_wire::structured::Structured;
    use fourwire_wire::units::UnixMillis;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn entry(number: u8, title: &str) -> ConversationEntry {
        ConversationEntry {
            id: ConversationId::from_random([number; 16]),
            created_at: UnixMillis::new(u64::from(number)),
            started_at: None,
            finished_at: None,
            status: ConversationStatus::Completed,
            source: Source::PhoneCall,
            call_id: None,
            callee: Some(Pii::new("+12025550142".to_owned())),
            contact_name: Some(Pii::new("Ann Example".to_owned())),
            structured: Structured::titled(title),
            starred: number == 2,
            discarded: false,
        }
    }

    fn titles(query: &[(&str, &str)]) -> Vec<String> {
        let all = ["Roof repair", "Garden party", "Roof again"];
        let entries = (1..).zip(all).map(|(number, title)| Ok::<_, PageError>(entry(number, title)));
        let words = query.iter().find(|(name, _)| *name == "q").map_or("", |(_, words)| words);
        let page = Page::parse(query.iter().copied().filter(|(name, _)| *name != "q")).unwrap().with_words(words);
        // As the database gives them.
        let Rows { after, skip, limit } = page.rows();
        assert_eq!(after, None);
        let listed = page.of(entries.skip(skip).take(limit)).unwrap();
        listed.entries.into_iter().map(|entry| entry.structured.title.into_inner()).collect()
    }

    #[test]
    fn a_page_is_a_part_of_what_is_looked_for() {
        assert_eq!(titles(&[]), ["Roof repair", "Garden party", "Roof again"]);
        assert_eq!(titles(&[("limit", "1"), ("offset", "1")]), ["Garden party"]);
        assert_eq!(titles(&[("q", "ROOF  ann")]), ["Roof repair", "Roof again"]);
        assert_eq!(titles(&[("q", "roof"), ("offset", "1")]), ["Roof again"]);
        assert_eq!(titles(&[("q", "5550142 party")]), ["Garden party"]);
        assert_eq!(titles(&[("starred", "true")]), ["Garden party"]);
        assert_eq!(titles(&[("q", "absent")]), [] as [&str; 0]);
        assert_eq!(titles(&[("offset", "9"), ("uid", "me")]), [] as [&str; 0]);
    }

    /// A list of so many conversations, as the database gives them: newest first, behind a cursor.
    fn rows(count: u64, page: &Page, opened: &std::cell::Cell<usize>) -> Listed {
        let Rows { after, skip, limit } = page.rows();
        let stored = (1..=count).rev().map(|at| {
            let mut entry = entry(0, if at % 1_000 == 1 { "Needle" } else { "Hay" });
            let mut id = [0; 16];
            id[..8].copy_from_slice(&at.to_be_bytes());
            (entry.created_at, entry.id) = (UnixMillis::new(at), ConversationId::from_random(id));
            entry
        });
        let wanted = stored
            .filter(|entry| after.is_none_or(|after| (entry.created_at, entry.id) < (after.created_at, after.id)));
        let counted = wanted.skip(skip).take(limit).map(|entry| {
            opened.set(opened.get() + 1);
            Ok::<_, PageError>(entry)
        });
        page.of(counted).unwrap()
    }

    #[test]
    fn a_part_of_a_long_list_opens_no_more_than_it_needs_and_a_search_is_gone_on_with() {
        let opened = std::cell::Cell::new(0);
        let of = |query: &[(&str, &str)]| Page::parse(query.iter().copied()).unwrap();
        let plain = rows(100_000, &of(&[("limit", "5"), ("offset", "90000")]), &opened);
        assert_eq!((plain.entries.len(), opened.get()), (5, 6));
        assert_eq!(plain.entries[0].created_at.get(), 10_000);

        let mut body = serde_json::json!({ "q": "needle", "limit": 3, "offset": 1 });
        let mut found = Vec::new();
        for _ in 0..20 {
            opened.set(0);
            let search = Search::parse(body.to_string().as_bytes()).unwrap();
            let listed = rows(9_000, &search.page().unwrap(), &opened);
            assert!(opened.get() <= MAX_OPENED + 1, "{}", opened.get());
            found.extend(listed.entries.iter().map(|entry| entry.created_at.get()));
            let Some(next) = listed.next else { break };
            body["cursor"] = next.to_string().into();
        }
        assert_eq!(found, [7_001, 6_001, 5_001, 4_001, 3_001, 2_001, 1_001, 1], "all but the first, each once");
    }

    #[test]
    fn the_last_part_says_that_it_is_the_last() {
        let opened = std::cell::Cell::new(0);
        for (limit, is_last) in [("9", false), ("10", true), ("11", true)] {
            let listed = rows(10, &Page::parse([("limit", limit)]).unwrap(), &opened);
            assert_eq!(listed.next.is_none(), is_last, "{limit}");
        }
        assert_eq!(rows(0, &Page::default(), &opened), Listed { entries: vec![], next: None });
    }

    #[test]
    fn a_word_is_found_however_it_is_written() {
        let mut repair = entry(1, "Straßenfest in İzmir");
        repair.contact_name = Some(Pii::new("Zoe\u{308} Nguyễn".to_owned()));
        repair.structured.overview = Pii::new("Ο Οδυσσεύς, Алёна und ガーデン".to_owned());
        for (query, is_found) in [
            ("zoë", true),
            ("ZOE", true),
            ("nguyen", true),
            ("Nguye\u{302}\u{303}n", true),
            ("STRASSEN", true),
            ("straßen izmir", true),
            ("ｉｚｍｉｒ", true),
            ("ΟΔΥΣΣΕΥΣ", true),
            ("АЛЕНА", true),
            ("ｶﾞｰﾃﾞﾝ", true),
            ("カーテン", false),
            ("straße", true),
            ("strase", false),
            ("zoe smith", false),
            // Nothing is left of these, as of blanks.
            ("\u{200b}", true),
            ("\u{b4} zoe", true),
            ("\u{b4} absent", false),
            // The callee's number as it is pasted, and a part of it.
            ("+1 (202) 555\u{2011}0142", true),
            ("\u{202a}tel:+12025550142\u{202c}", true),
            ("２０２５５５", true),
            ("+1 (202) 555\u{2011}0143", false),
        ] {
            let page = Page::default().with_words(query);
            assert_eq!(page.wants(&repair), is_found, "{query}");
            let sent: Page = serde_json::from_str(&serde_json::to_string(&page).unwrap()).unwrap();
            assert_eq!(sent, page, "as it reaches the user's object");
        }
    }

    #[test]
    fn what_is_written_without_blanks_is_found_however_it_was_stored() {
        for (title, query, found) in [
            ("明日の会議", "会議", true),
            ("明日 の 会議 。", "明日の会議。", true),
            ("明日の会議", "会議 明日", true),
            ("Zoom で 会議", "zoomで会議", true),
            ("นัด วันจันทร์", "นัดวันจันทร์", true),
            ("我 想 订 票", "订票", true),
            ("회의 내일", "회의내일", false),
            ("Roof repair", "roofrepair", false),
            ("Roof , and garden", "roof,", true),
            ("明日の会議", "昨日", false),
        ] {
            let page = Page::default().with_words(query);
            assert_eq!(page.wants(&entry(1, title)), found, "{query} in {title}");
        }
    }

    #[test]
    fn a_search_takes_what_a_list_takes_in_its_body() {
        let page = |body: &str| Search::parse(body.as_bytes()).map(|search| search.page());
        let roofs = Page::default().with_words("roof");
        assert_eq!(page(r#"{"q":"roof"}"#).unwrap(), Ok(roofs.clone()));
        assert_eq!(page("{}").unwrap(), Ok(Page::default()));
        let part = Page { limit: 5, offset: 2, only_starred: true, ..roofs };
        assert_eq!(page(r#"{"q":"roof","limit":5,"offset":2,"starred":true}"#).unwrap(), Ok(part));
        for limit in [0, 201] {
            assert_eq!(page(&format!(r#"{{"limit":{limit}}}"#)).unwrap(), Err(PageError::Limit));
        }
        for bad in [r#"{"q":1}"#, r#"{"offset":-1}"#, r#"{"starred":"true"}"#, r#"{"query":"roof"}"#, "[]", ""] {
            assert_eq!(page(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bad_value_is_named() {
        for (name, value, error) in [
            ("q", "roof", PageError::Search),
            ("limit", "0", PageError::Limit),
            ("limit", "201", PageError::Limit),
            ("limit", "many", PageError::Limit),
            ("offset", "-1", PageError::Offset),
            ("starred", "1", PageError::Starred),
            ("cursor", "", PageError::Cursor),
            ("cursor", "1.2", PageError::Cursor),
        ] {
            assert_eq!(Page::parse([(name, value)]), Err(error), "{name}={value}");
        }
    }
}
