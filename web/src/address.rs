//! The listen socket's address, from what a page says of the edge and the call.

use fourwire_wire::ids::{CallId, IdError};
use fourwire_wire::units::SAMPLES_PER_SECOND;
use thiserror::Error;

/// What a page says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listen<'a> {
    /// The edge's address, with `http(s)` or `ws(s)`.
    pub edge: &'a str,
    /// Names the call.
    pub call_id: &'a str,
    /// What is spoken. The server knows which tags it takes; this module passes on what it is given.
    pub language: Option<&'a str>,
    /// The IANA name of the user's time zone, as the browser knows it: "tomorrow at nine" is said by that clock.
    pub time_zone: Option<&'a str>,
}

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The edge's address has no scheme that can be used.
    #[error("url must be the edge's address, such as https://calls.example.com")]
    Edge,
    /// The call's name is none.
    #[error("callId {0}")]
    CallId(#[from] IdError),
}

impl Listen<'_> {
    /// The address of the socket.
    ///
    /// # Errors
    /// [`AddressError`] where the page's options make none.
    pub fn url(&self) -> Result<String, AddressError> {
        let base = self.edge.trim_end_matches('/');
        let base = match base.split_once("://") {
            Some(("https", rest)) => format!("wss://{rest}"),
            Some(("http", rest)) => format!("ws://{rest}"),
            Some(("ws" | "wss", _)) => base.to_owned(),
            _ => return Err(AddressError::Edge),
        };
        let call_id = CallId::parse(self.call_id)?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("channels", "2").append_pair("sample_rate", &SAMPLES_PER_SECOND.to_string());
        query.append_pair("interim", "1").append_pair("resume", "1");
        let time_zone = self.time_zone.filter(|zone| !zone.is_empty());
        for (name, value) in [("language", self.language), ("time_zone", time_zone)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.append_pair("call_id", call_id.as_str());
        Ok(format!("{base}/v4/web/listen?{}", query.finish()))
    }
}

#[cfg(test)]
mod tests {
    use fourwire_wire::query::ListenQuery;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const LISTEN: Listen<'_> =
        Listen { edge: "https://calls.example.com", call_id: "call-1", language: None, time_zone: None };

    #[test]
    fn the_edges_address_becomes_the_sockets() {
        for (edge, socket) in [
            ("https://calls.example.com", Some("wss://calls.example.com")),
            ("https://calls.example.com/", Some("wss://calls.example.com")),
            ("https://calls.example.com//", Some("wss://calls.example.com")),
            ("https://example.com/fourwire", Some("wss://example.com/fourwire")),
            ("http://127.0.0.1:8787", Some("ws://127.0.0.1:8787")),
            ("http://[::1]:8787/", Some("ws://[::1]:8787")),
            ("wss://calls.example.com", Some("wss://calls.example.com")),
            ("ws://localhost", Some("ws://localhost")),
            ("calls.example.com", None),
            ("//calls.example.com", None),
            ("ftp://calls.example.com", None),
            ("", None),
        ] {
            let expected = socket.map(|socket| {
                format!("{socket}/v4/web/listen?channels=2&sample_rate=16000&interim=1&resume=1&call_id=call-1")
            });
            assert_eq!(Listen { edge, ..LISTEN }.url(), expected.ok_or(AddressError::Edge), "{edge}");
        }
    }

    #[test]
    fn the_server_reads_what_the_page_said() {
        for zone in [
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "America/Port-au-Prince",
            "Etc/GMT+5",
            "Etc/GMT-14",
            "UTC",
            "Asia/Kolkata",
            "Australia/Lord_Howe",
            "EST5EDT",
            "Pacific/Kiritimati",
        ] {
            let url = Listen { time_zone: Some(zone), language: Some("pt-BR"), ..LISTEN }.url().unwrap();
            let query = ListenQuery::parse(url.split_once('?').unwrap().1).unwrap();
            assert_eq!(query.time_zone.as_ref().map(fourwire_wire::query::TimeZone::as_str), Some(zone));
            assert_eq!((query.language.as_str(), query.interim, query.resume), ("pt-BR", true, true));
        }
    }

    #[test]
    fn what_the_browser_does_not_know_is_left_out_and_anything_else_is_encoded() {
        for (time_zone, language, expected) in [
            (None, None, ""),
            (Some(""), None, ""),
            (Some("Europe/Berlin"), None, "&time_zone=Europe%2FBerlin"),
            (Some("Etc/GMT+5"), None, "&time_zone=Etc%2FGMT%2B5"),
            (Some("+05:30"), None, "&time_zone=%2B05%3A30"),
            (Some("a&call_id=b"), None, "&time_zone=a%26call_id%3Db"),
            (Some("Zürich"), None, "&time_zone=Z%C3%BCrich"),
            (None, Some("en"), "&language=en"),
            (None, Some("zh-Hant-TW"), "&language=zh-Hant-TW"),
            (None, Some("zh_TW"), "&language=zh_TW"),
            (Some("UTC"), Some("multi"), "&language=multi&time_zone=UTC"),
            (None, Some("a b&c"), "&language=a+b%26c"),
        ] {
            let url = Listen { language, time_zone, ..LISTEN }.url().unwrap();
            let (_, rest) = url.split_once("&resume=1").unwrap();
            assert_eq!(rest, format!("{expected}&call_id=call-1"));
        }
    }

    #[test]
    fn a_call_must_have_a_name() {
        for call_id in ["", "a b", "a/b", "ä"] {
            assert!(matches!(Listen { call_id, ..LISTEN }.url(), Err(AddressError::CallId(_))), "{call_id}");
        }
    }
}
