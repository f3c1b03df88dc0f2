//! The spellings of one URL, any of which Twilio may have signed.
//!
//! Twilio signs the URL as it was given, but leaves its port out in one place and keeps it or adds it in another, and some
//! of its services escape the query anew. So there are six spellings: the text itself, what a browser's URL parser makes
//! of it, and that with its query escaped as Node's `querystring` does; each without a port and with one. Ports are cut
//! out of the text and put into it, since a parser that writes a URL anew changes more than its port.

use std::collections::BTreeMap;
use std::fmt::Write;

use url::Url;

/// All spellings of a URL, each once, the likelier first.
pub(super) fn of(url: &str) -> Vec<String> {
    let mut all = vec![without_port(url), with_port(url)];
    if let Ok(parsed) = Url::parse(url) {
        let (without, with) = (without_port(parsed.as_str()), with_port(parsed.as_str()));
        let escaped = [with_query_escaped(&without), with_query_escaped(&with)];
        all.extend([without, with]);
        all.extend(escaped);
    }
    let mut spellings = Vec::with_capacity(all.len());
    for spelling in all {
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

/// A URL's text, cut around its port.
struct Parts<'a> {
    is_https: bool,
    /// Scheme, user and host.
    head: &'a str,
    /// With its colon; empty where there is none.
    port: &'a str,
    /// Path, query and fragment.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` for a text that has no `scheme://` in front.
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        let authority = after.split(['/', '?', '#']).next()?;
        let host_and_port = authority.rsplit('@').next()?;
        // Colons inside the brackets of an IPv6 address are its own.
        let behind_brackets = host_and_port.rsplit(']').next()?;
        let port = behind_brackets.find(':').and_then(|colon| behind_brackets.get(colon..)).unwrap_or_default();
        let (with_port, rest) =
            url.split_at_checked(url.len().checked_sub(after.len())?.checked_add(authority.len())?)?;
        let head = with_port.strip_suffix(port)?;
        Some(Self { is_https: scheme.eq_ignore_ascii_case("https"), head, port, rest })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
}

fn without_port(url: &str) -> String {
    Parts::of(url).map_or_else(|| url.to_owned(), |parts| [parts.head, parts.rest].concat())
}

/// With the port that its scheme implies. Of `wss` that would be 443, but the model has 80 for all except `https`.
fn with_port(url: &str) -> String {
    match Parts::of(url) {
        Some(Parts { is_https, head, port: "", rest }) => [head, if is_https { ":443" } else { ":80" }, rest].concat(),
        _ => url.to_owned(),
    }
}

fn with_query_escaped(url: &str) -> String {
    match url.split_once('?') {
        Some((before, query)) if !query.is_empty() => format!("{before}?{}", escaped(query)),
        _ => url.to_owned(),
    }
}

/// A query taken apart and put together again as Node's `querystring` does, which collects its parameters in an object:
/// those of one name stand together, and names that are array indices come first, by their number.
fn escaped(query: &str) -> String {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut places = BTreeMap::new();
    for (place, (name, _)) in pairs.iter().enumerate() {
        places.entry(name.clone()).or_insert(place);
    }
    pairs.sort_by_cached_key(|(name, _)| match array_index(name) {
        Some(index) => (0, Some(index), None),
        None => (1, None, places.get(name).copied()),
    });
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Whether JavaScript takes a property's name as an array's index: a number below 2³² - 1 in its usual spelling.
fn array_index(name: &str) -> Option<u32> {
    name.parse().ok().filter(|&index: &u32| index != u32::MAX && index.to_string() == name)
}

/// Everything percent-encoded that JavaScript's `encodeURIComponent` encodes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            escaped.push(byte.into());
        } else {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_plain_url_has_two_spellings() {
        assert_eq!(of("https://a.example/x?b=1"), ["https://a.example/x?b=1", "https://a.example:443/x?b=1"]);
        assert_eq!(of("http://a.example:8080/x"), ["http://a.example/x", "http://a.example:8080/x"]);
    }

    #[test]
    fn an_odd_url_has_six() {
        assert_eq!(
            of("https://A.example:8443/x?b='+c"),
            [
                "https://A.example/x?b='+c",
                "https://A.example:8443/x?b='+c",
                "https://a.example/x?b=%27+c",
                "https://a.example:8443/x?b=%27+c",
                "https://a.example/x?b='%20c",
                "https://a.example:8443/x?b='%20c",
            ]
        );
    }

    #[test]
    fn only_a_port_is_taken_for_a_port() {
        for (url, without, with) in [
            ("https://[::1]/x", "https://[::1]/x", "https://[::1]:443/x"),
            ("https://[::1]:8443/x", "https://[::1]/x", "https://[::1]:8443/x"),
            ("http://u:p@a.example/x", "http://u:p@a.example/x", "http://u:p@a.example:80/x"),
            ("http://u:p@b@a.example:81?c@d:9", "http://u:p@b@a.example?c@d:9", "http://u:p@b@a.example:81?c@d:9"),
            ("HTTPS://a.example#b:1", "HTTPS://a.example#b:1", "HTTPS://a.example:443#b:1"),
            ("wss://a.example", "wss://a.example", "wss://a.example:80"),
            ("a.example:443/x://y", "a.example:443/x://y", "a.example:443/x://y"),
        ] {
            assert_eq!((without_port(url).as_str(), with_port(url).as_str()), (without, with), "{url}");
        }
    }

    #[test]
    fn a_query_is_escaped_as_node_does_it() {
        for (query, expected) in [
            ("b=1&10=x&a=2&b=3&2=y&02=z", "2=y&10=x&b=1&b=3&a=2&02=z"),
            ("&&a&=&+=%2B&", "a=&=&%20=%2B"),
            ("a=1&4294967295=b&4294967294=c", "4294967294=c&a=1&4294967295=b"),
            ("a=%zz%4&b=%ff", "a=%25zz%254&b=%EF%BF%BD"),
        ] {
            assert_eq!(escaped(query), expected);
        }
    }

    #[test]
    fn nothing_of_a_long_query_is_forgotten() {
        let long = format!("a=1{}&hidden=1", "&".repeat(2_000));
        assert_eq!(escaped(&long), "a=1&hidden=1");
    }
}
