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
fn a_call_in_a_script_without_spaces_has_a_title_of_some_words_and_not_of_a_speech() {
    for (tag, lines, part) in [
        (
            "ja",
            &["U: もしもし、明日の会議の件でお電話しました。", "T: 会議は三時からです。", "U: 会議の資料を送ります。"]
                [..],
            "会議",
        ),
        ("ja", &["U: インターネットの契約を確認したいです。", "T: はい、契約番号をお願いします。"], "契約"),
        ("zh", &["U: 你好，我想订两张去北京的火车票。", "T: 好的，您要哪一天的票？", "U: 明天上午的。"], "北京"),
        ("zh-TW", &["U: 發票寄錯了，請重新寄一張。", "T: 發票號碼是多少？"], "發票"),
        ("th", &["U: สวัสดีครับผมโทรมาเรื่องใบแจ้งหนี้ของเดือนที่แล้วที่ยังไม่ได้รับเลยครับ", "T: ได้ค่ะรอสักครู่นะคะ"], "สวัสดี"),
        ("km", &["U: ខ្ញុំចង់កក់បន្ទប់សម្រាប់ថ្ងៃស្អែក។", "T: បាទ។"], "ខ្ញុំ"),
        ("my", &["U: မင်္ဂလာပါခင်ဗျာ။", "T: ဟုတ်ကဲ့ပါ။"], "မင်္ဂလာပါ"),
        ("lo", &["U: ສະບາຍດີຂ້ອຍໂທມາເລື່ອງໃບບິນ", "T: ໄດ້"], "ສະບາຍດີ"),
    ] {
        let summary = Call::new(lines).in_language(tag).extract();
        let title = summary.title.expose();
        assert!(title.contains(part) && title.chars().count() <= 100, "{tag}: {title}");
        assert!(title.ends_with("with Ann"), "{tag}: {title}");
        assert_eq!(summary.overview.expose().lines().count(), lines.len(), "{tag}: {}", summary.overview.expose());
    }
}

#[test]
fn words_with_signs_on_their_letters_are_not_cut() {
    let call = Call::new(&["U: नमस्ते, बीमा पॉलिसी के बारे में।", "T: कौन सी पॉलिसी?", "U: पॉलिसी पुरानी है।"]);
    let title = call.in_language("hi").extract().title.into_inner();
    assert!(title.contains("पॉलिसी"), "{title}");
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
