//! Which models the service has, and which languages each of them hears.

/// Languages of the third generation's general model, `multi` (several in one stream) among them. Tags are taken as they
/// are spelled here, and no others: <https://developers.deepgram.com/docs/models-languages-overview>, 2026-11-27.
const NOVA_3: &[&str] = &[
    "multi", "af", "ar", "ar-AE", "ar-DZ", "ar-EG", "ar-IQ", "ar-IR", "ar-JO", "ar-KW", "ar-LB", "ar-MA", "ar-PS",
    "ar-QA", "ar-SA", "ar-SD", "ar-SY", "ar-TD", "ar-TN", "be", "bg", "bn", "bs", "ca", "cs", "da", "da-DK", "de",
    "de-CH", "el", "en", "en-AU", "en-GB", "en-IN", "en-NZ", "en-US", "es", "es-419", "et", "fa", "fi", "fr", "fr-CA",
    "gu", "gu-IN", "he", "hi", "hr", "hu", "hy", "id", "it", "ja", "ka", "kn", "ko", "ko-KR", "lt", "lv", "mk", "mr",
    "ms", "ne", "nl", "nl-BE", "no", "pa", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl", "sr", "sv", "sv-SE",
    "ta", "te", "th", "th-TH", "tl", "tr", "uk", "ur", "vi", "zh", "zh-CN", "zh-HK", "zh-Hans", "zh-Hant", "zh-TW",
];
/// Listed languages that `multi` does not know.
const NOT_IN_MULTI: &[&str] = &["multi", "hy", "ka", "ne", "pa", "ur", "zh-Hant", "zh-TW"];
/// Languages that only `multi` knows.
const ONLY_IN_MULTI: &[&str] = &["gl", "xh", "zu"];
/// Languages of the second generation's general model.
const NOVA_2: &[&str] = &[
    "multi", "bg", "ca", "cs", "da", "da-DK", "de", "de-CH", "el", "en", "en-AU", "en-GB", "en-IN", "en-NZ", "en-US",
    "es", "es-419", "et", "fi", "fr", "fr-CA", "hi", "hu", "id", "it", "ja", "ko", "ko-KR", "lt", "lv", "ms", "nl",
    "nl-BE", "no", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sv", "sv-SE", "th", "th-TH", "tr", "uk", "vi",
    "zh", "zh-CN", "zh-HK", "zh-Hans", "zh-Hant", "zh-TW",
];
/// What the special and the older models hear.
const ENGLISH: &[&str] = &["en", "en-AU", "en-GB", "en-IN", "en-NZ", "en-US"];

/// A model's languages; `None` where there is no such model.
pub fn languages(model: &str) -> Option<&'static [&'static str]> {
    match model {
        "nova-3" | "nova-3-general" => Some(NOVA_3),
        "nova-2" | "nova-2-general" => Some(NOVA_2),
        "nova-3-medical"
        | "nova-2-meeting"
        | "nova-2-finance"
        | "nova-2-conversationalai"
        | "nova-2-voicemail"
        | "nova-2-video"
        | "nova-2-medical"
        | "nova-2-drivethru"
        | "nova-2-automotive"
        | "nova"
        | "nova-general"
        | "nova-phonecall"
        | "nova-medical"
        | "enhanced"
        | "enhanced-general"
        | "enhanced-meeting"
        | "enhanced-phonecall"
        | "enhanced-finance"
        | "base"
        | "meeting"
        | "phonecall"
        | "finance"
        | "conversationalai"
        | "voicemail"
        | "video" => Some(ENGLISH),
        _ => None,
    }
}

/// Whether a model's `multi` takes hints.
pub fn is_multilingual(model: &str) -> bool {
    languages(model) == Some(NOVA_3)
}

/// Whether `tag` is a hint for `multi`. One with a script or a region that is not listed counts as its base
/// (<https://developers.deepgram.com/docs/nova-3-language-prompting>), so the longest listed beginning decides.
pub fn is_hint(tag: &str) -> bool {
    let mut candidate = tag;
    loop {
        if NOVA_3.contains(&candidate) || ONLY_IN_MULTI.contains(&candidate) {
            return !NOT_IN_MULTI.contains(&candidate);
        }
        match candidate.rsplit_once('-') {
            Some((base, subtag)) if is_subtag(subtag) => candidate = base,
            _ => return false,
        }
    }
}

/// Whether it is spelled as a script (`Latn`) or a region (`AT`, `419`).
fn is_subtag(subtag: &str) -> bool {
    match subtag.as_bytes() {
        [first, rest @ ..] if rest.len() == 3 && first.is_ascii_uppercase() => rest.iter().all(u8::is_ascii_lowercase),
        region if region.len() == 2 => region.iter().all(u8::is_ascii_uppercase),
        region => region.len() == 3 && region.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The service's list, as its page groups it.
    const MONO: &str = "en en-US en-AU en-GB en-IN en-NZ es es-419 fr fr-CA pt pt-BR pt-PT de de-CH nl nl-BE sv sv-SE da \
        da-DK ko ko-KR th th-TH gu gu-IN zh zh-CN zh-Hans zh-TW zh-Hant zh-HK it tr no id bg cs fi hi hu ja pl ru uk vi ca \
        et el lv lt ms ro sk be bn bs hr kn mk mr sr sl ta tl te he fa ur af hy ka ne pa ar ar-AE ar-SA ar-QA ar-KW ar-SY \
        ar-LB ar-PS ar-JO ar-EG ar-SD ar-TD ar-MA ar-DZ ar-TN ar-IQ ar-IR";

    #[test]
    fn nova_3_has_just_the_languages_that_are_listed() {
        let listed: Vec<_> = MONO.split_whitespace().chain(["multi"]).collect();
        for model in ["nova-3", "nova-3-general"] {
            let known = languages(model).unwrap();
            for language in &listed {
                assert!(known.contains(language), "{model} {language}");
            }
            assert_eq!(known.len(), listed.len(), "{model}");
        }
    }

    #[test]
    fn a_tag_that_is_not_listed_is_no_language() {
        let known = languages("nova-3").unwrap();
        for tag in [
            "de-DE", "es-MX", "es-ES", "en-CA", "en-us", "EN", "en_US", "pt-pt", "fr-FR", "it-IT", "zh-hans", "zh-SG",
            "nb", "fil", "iw", "gl", "xh", "zu", "sw", "is", "Multi", "auto", "und", "", " en", "en ",
        ] {
            assert!(!known.contains(&tag), "{tag:?}");
        }
    }

    #[test]
    fn hints_are_the_languages_of_multi_and_may_carry_a_region() {
        for (tag, good) in [
            ("en", true),
            ("en-GB", true),
            ("en-CA", true),
            ("de-DE", true),
            ("es-MX", true),
            ("es-419", true),
            ("pt-AO", true),
            ("sr-Latn", true),
            ("sr-Latn-RS", true),
            ("zh", true),
            ("zh-Hans", true),
            ("zh-Hans-SG", true),
            ("zh-HK", true),
            ("gl", true),
            ("gl-ES", true),
            ("xh", true),
            ("zu-ZA", true),
            ("ar-EG", true),
            ("multi", false),
            ("ur", false),
            ("ur-PK", false),
            ("hy", false),
            ("ka-GE", false),
            ("ne", false),
            ("pa-IN", false),
            ("zh-TW", false),
            ("zh-Hant", false),
            ("zh-Hant-TW", false),
            ("is", false),
            ("DE", false),
            ("de-de", false),
            ("de_DE", false),
            ("de-", false),
            ("-DE", false),
            ("de-DEU", false),
            ("de-Deutsch", false),
            ("auto", false),
            ("", false),
        ] {
            assert_eq!(is_hint(tag), good, "{tag:?}");
        }
    }
}
