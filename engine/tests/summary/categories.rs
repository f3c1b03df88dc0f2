//! What a call was about, by what people say and not by the list's own words.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use fourwire_wire::structured::Category;

use crate::support::Call;

#[test]
fn little_dialogues_get_the_category_that_a_person_would_give() {
    use Category::*;
    for (category, lines) in [
        (Health, &["T: This is the dentist's office.", "U: My tooth hurts since Monday."][..]),
        (Finance, &["U: I'd like to ask about my bank account.", "T: Is it about the loan or the credit card?"]),
        (Legal, &["T: The court moved the date.", "U: Does my lawyer know?"]),
        (Technology, &["U: My laptop won't start.", "T: Try to restart it and reset your password."]),
        (Travel, &["U: Our flight leaves at six.", "T: Did you book the hotel?"]),
        (Real, &["T: The landlord wants to raise the rent.", "U: Then we look for another apartment."]),
        (Education, &["U: How was the exam?", "T: The teacher was nice, and homework is done."]),
        (Parenting, &["T: The toddler won't sleep.", "U: Is the babysitter there?"]),
        (Family, &["U: How is grandma?", "T: She's fine, and your cousin is there too."]),
        (Work, &["T: My boss moved the deadline.", "U: Then the team has to hurry with the presentation."]),
        (Business, &["T: The supplier raised prices for our customers.", "U: What about the shipment?"]),
        (Entrepreneurship, &["U: Our startup needs an investor.", "T: Show me the pitch deck."]),
        (Sports, &["U: Did you watch the football match?", "T: Yes, a late goal."]),
        (Music, &["T: The concert was great.", "U: Which song did the band play?"]),
        (Entertainment, &["U: Did you see the movie?", "T: No, I watched an episode on Netflix."]),
        (Weather, &["T: It's raining here.", "U: The forecast says snow."]),
        (Politics, &["U: Who won the election?", "T: The senator from here."]),
        (Romantic, &["T: I love you, sweetheart.", "U: I miss you."]),
        (Spiritual, &["U: Will you come to church?", "T: Yes, and we pray together."]),
        (Psychology, &["T: My anxiety got worse.", "U: What does your therapist say?"]),
        (Personal, &["U: I need groceries and a haircut.", "T: And the plumber comes for the sink."]),
        (Social, &["U: Where are you from?", "T: I grew up in Ohio, but I live in Maine now."]),
        (Social, &["U: I'm originally from Boston.", "T: Oh, I'm originally from Boston too."]),
        (Other, &["U: Hello?", "T: Hello?", "U: I can't hear you.", "T: Bye."]),
        (Other, &["U: I put the thing over there.", "T: Which one?"]),
    ] {
        assert_eq!(Call::new(lines).extract().category, category, "{lines:?}");
    }
}

#[test]
fn a_category_has_its_emoji_and_other_has_the_telephone() {
    assert_eq!(Call::new(&["U: Our flight is booked."]).extract().emoji, "✈️");
    assert_eq!(Call::new(&["U: Hello?"]).extract().emoji, "📞");
}

#[test]
fn one_word_in_passing_does_not_outweigh_what_the_call_is_about() {
    let call = Call::new(&[
        "U: It's raining here, by the way.",
        "T: My lawyer called.",
        "U: What does the judge say?",
        "T: The court wants the contract.",
    ]);
    assert_eq!(call.extract().category, Category::Legal);
}
