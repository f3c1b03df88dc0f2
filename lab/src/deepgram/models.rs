//! Which models the service has, and which languages each of them hears.

/// Languages of the third generation, `multi` (several in one stream) among them.
const NOVA_3: &[&str] = &[
    "multi", "ar", "be", "bg", "bn", "bs", "ca", "cs", "da", "da-DK", "de", "de-CH", "el", "en", "en-AU", "en-GB",
    "en-IN", "en-NZ", "en-US", "es", "es-419", "et", "fa", "fi", "fr", "fr-CA", "he", "hi", "hr", "hu", "id", "it",
    "ja", "kn", "ko", "ko-KR", "lt", "lv", "mk", "mr", "ms", "nl", "nl-BE", "no", "pl", "pt", "pt-BR", "pt-PT", "ro",
    "ru", "sk", "sl", "sr", "sv", "sv-SE", "ta", "te", "th", "th-TH", "tl", "tr", "uk", "ur", "vi", "zh", "zh-CN",
    "zh-HK", "zh-Hans", "zh-Hant", "zh-TW",
];
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
