//! Calls in other languages: a sensible title and overview, and nothing that is not there.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use fourwire_wire::structured::Category;

use crate::support::Call;

#[test]
fn a_german_call_is_titled_by_what_recurs() {
    let call = Call::new(&[
        "U: Guten Tag, ich rufe wegen der Rechnung an.",
        "T: Welche Rechnung meinen Sie?",
        "U: Die Rechnung vom Zahnarzt.",
    ]);
    let summary = call.in_language("de").extract();
    assert!(summary.title.expose().starts_with("Rechnung"), "{}", summary.title.expose());
    assert!(summary.overview.expose().contains("You: Die Rechnung vom Zahnarzt."));
    assert_eq!(summary.category, Category::Other);
    assert!(summary.action_items.is_empty());
}

#[test]
fn scripts_without_spaces_or_latin_letters_are_summed_up_too() {
    for (tag, lines) in [
        ("ja", &["U: もしもし、田中です。", "T: 明日の会議は三時からです。", "U: わかりました。"][..]),
        ("ru", &["U: Здравствуйте, я звоню насчёт договора.", "T: Договор готов."]),
        ("ar", &["U: مرحبا، أتصل بخصوص الموعد.", "T: الموعد غدا؟"]),
        ("hi", &["U: नमस्ते, बैठक कब है।", "T: बैठक कल है।"]),
    ] {
        let summary = Call::new(lines).in_language(tag).extract();
        assert!(!summary.title.expose().is_empty() && summary.title.expose() != "Phone call", "{tag}");
        assert!(summary.overview.expose().lines().count() >= lines.len(), "{tag}");
    }
}
