//! Which of a service's languages a call's language tag means.
//!
//! Phones and browsers send full BCP-47 tags (`de-DE`, `nb-NO`, `zh-Hant-TW`); services list a few dozen tags of their own and
//! refuse every other. The rule is RFC 4647 section 3.4, "lookup": the longest listed prefix of the tag
//! (<https://www.rfc-editor.org/rfc/rfc4647#section-3.4>), with the parents that CLDR gives some regions tried before plain
//! truncation (<https://github.com/unicode-org/cldr/blob/main/common/supplemental/supplementalData.xml>, `parentLocales`).

use fourwire_wire::query::Language;

/// Tags that name one language in several ways, in lower case: deprecated codes of the IANA registry
/// (<https://www.iana.org/assignments/language-subtag-registry>), macro-languages, and spellings of Chinese by script and place.
/// The first prefix that matches is replaced; longer ones stand before shorter ones.
const ALIASES: [(&str, &str); 21] = [
    ("zh-hant-hk", "zh-hk"),
    ("zh-hant-mo", "zh-hk"),
    ("zh-hant-tw", "zh-tw"),
    ("zh-hans-cn", "zh-cn"),
    ("zh-mo", "zh-hk"),
    ("zh-sg", "zh-hans"),
    ("zh-my", "zh-hans"),
    ("zh-yue", "zh-hk"),
    ("cmn", "zh"),
    ("yue", "zh-hk"),
    ("nb", "no"),
    ("nn", "no"),
    ("fil", "tl"),
    ("iw", "he"),
    ("in", "id"),
    ("ji", "yi"),
    ("mo", "ro"),
    ("sh", "sr"),
    ("arb", "ar"),
    ("zsm", "ms"),
    ("pes", "fa"),
];

/// Regions whose language is not that of the plain tag: CLDR's `parentLocales`, as far as services tell them apart.
const PARENTS: [(&str, &[&str]); 4] = [
    (
        "es-419",
        &[
            "es-ar", "es-bo", "es-br", "es-bz", "es-cl", "es-co", "es-cr", "es-cu", "es-do", "es-ec", "es-gt", "es-hn",
            "es-mx", "es-ni", "es-pa", "es-pe", "es-pr", "es-py", "es-sv", "es-us", "es-uy", "es-ve",
        ],
    ),
    ("pt-pt", &["pt-ao", "pt-ch", "pt-cv", "pt-fr", "pt-gq", "pt-gw", "pt-lu", "pt-mo", "pt-mz", "pt-st", "pt-tl"]),
    ("zh-hant", &["zh-tw", "zh-hk"]),
    ("zh-hans", &["zh-cn"]),
];

/// The listed tag that stands for a language, in the service's spelling: the longest one that says the same or less.
pub(super) fn lookup(language: &Language, listed: &[&'static str]) -> Option<&'static str> {
    let mut range = canonical(language.as_str());
    loop {
        if let Some(tag) = find(&range, listed) {
            return Some(tag);
        }
        let parent = PARENTS.iter().find(|(_, regions)| regions.contains(&range.as_str()));
        if let Some(tag) = parent.and_then(|(parent, _)| find(parent, listed)) {
            return Some(tag);
        }
        let (shorter, _) = range.rsplit_once('-')?;
        // A single letter or digit only introduces what follows it, and goes with it.
        let shorter = shorter.rsplit_once('-').filter(|(_, last)| last.len() == 1).map_or(shorter, |(rest, _)| rest);
        range = shorter.to_owned();
    }
}

fn find(range: &str, listed: &[&'static str]) -> Option<&'static str> {
    listed.iter().copied().find(|tag| tag.eq_ignore_ascii_case(range))
}

/// The tag in lower case, without a script that its language is usually written in or that no service tells apart, and under
/// the one name that the tables use.
fn canonical(tag: &str) -> String {
    let tag = tag.to_ascii_lowercase();
    let mut kept = Vec::new();
    for (place, part) in tag.split('-').enumerate() {
        let is_script = place > 0 && part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if part.len() == 1 {
            // Extensions and private use: calendars, number systems, nothing that is spoken.
            break;
        }
        if !is_script || matches!(part, "hans" | "hant") {
            kept.push(part);
        }
    }
    let tag = kept.join("-");
    let alias = ALIASES.iter().find_map(|(alias, name)| {
        let rest = tag.strip_prefix(alias)?;
        let is_whole = rest.is_empty() || rest.starts_with('-');
        is_whole.then(|| if name.contains('-') { (*name).to_owned() } else { format!("{name}{rest}") })
    });
    alias.unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn choose(tag: &str, listed: &[&'static str]) -> Option<&'static str> {
        lookup(&Language::parse(tag).unwrap(), listed)
    }

    #[test]
    fn the_longest_listed_prefix_is_taken_in_the_services_spelling() {
        const LISTED: [&str; 15] = [
            "en", "en-GB", "es", "es-419", "pt", "pt-PT", "no", "tl", "he", "sr", "zh", "zh-TW", "zh-Hant", "zh-HK",
            "zh-Hans",
        ];
        for (tag, chosen) in [
            ("en", Some("en")),
            ("en-CA", Some("en")),
            ("en-gb", Some("en-GB")),
            ("EN-GB-oxendict", Some("en-GB")),
            ("en-GB-x-private", Some("en-GB")),
            ("en-US-u-ca-gregory", Some("en")),
            ("en-Latn-GB", Some("en-GB")),
            ("es-ES", Some("es")),
            ("es-MX", Some("es-419")),
            ("es-419", Some("es-419")),
            ("pt-BR", Some("pt")),
            ("pt-AO", Some("pt-PT")),
            ("nb-NO", Some("no")),
            ("nn", Some("no")),
            ("no-NO", Some("no")),
            ("fil-PH", Some("tl")),
            ("iw-IL", Some("he")),
            ("sr-Latn-RS", Some("sr")),
            ("sh", Some("sr")),
            ("zh-Hant-TW", Some("zh-TW")),
            ("zh-Hant", Some("zh-Hant")),
            ("zh-Hant-MO", Some("zh-HK")),
            ("yue-Hant-HK", Some("zh-HK")),
            ("zh-SG", Some("zh-Hans")),
            ("zh-Hans-AU", Some("zh-Hans")),
            ("cmn-Hans-CN", Some("zh-Hans")),
            ("zh-US", Some("zh")),
            // A longer name is not a prefix, nor is a shorter one a part of a word.
            ("enm", None),
            ("nob", None),
            ("sw-KE", None),
            ("multi", None),
        ] {
            assert_eq!(choose(tag, &LISTED), chosen, "{tag}");
        }
    }

    #[test]
    fn a_service_with_fewer_languages_gets_the_nearest_it_has() {
        assert_eq!(choose("zh-Hant-TW", &["zh", "en"]), Some("zh"));
        assert_eq!(choose("es-MX", &["es"]), Some("es"));
        assert_eq!(choose("pt-PT", &["pt-BR"]), None, "another region is another language to a service");
    }
}
