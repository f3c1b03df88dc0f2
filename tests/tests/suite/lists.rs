//! The list of conversations: a part at a time, by words, by the user's own marks.

use std::time::Duration;

use fourwire_lab::app::Phone;
use fourwire_lab::twilio::{CallEvent, Ending};
use fourwire_tests::phone::caller::{Caller, only_leg};
use fourwire_tests::{World, http};
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::ConversationId;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(20);
const CALLEE: &str = "+12125551801";

#[tokio::test]
async fn a_list_is_had_in_parts_and_by_words_and_marks() {
    let world = World::shared().await;
    let token = world.token("orderly");
    // The oldest first.
    let changes = [
        json!({ "title": "Roof repair", "contact_name": "Ann Örn" }),
        json!({ "title": "Garden party", "starred": true }),
        json!({ "title": "Roof, again" }),
    ];
    let mut ids = Vec::new();
    for change in changes {
        let id = empty_call(world, "orderly").await;
        let path = format!("/v1/conversations/{id}");
        assert_eq!(http::patch(world.edge(), &path, &token, &change.to_string()).await.status, 200);
        ids.push(id);
    }
    let [repair, party, again] = ids[..] else { panic!("three calls") };
    let none: &[ConversationId] = &[];
    for (query, expected) in [
        ("", &[again, party, repair][..]),
        ("?limit=2", &[again, party]),
        ("?limit=2&offset=2", &[repair]),
        ("?offset=3", none),
        ("?limit=200&offset=0&uid=me&categories=work", &[again, party, repair]),
        ("?q=ROOF", &[again, repair]),
        ("?q=roof&offset=1", &[repair]),
        ("?q=%C3%96RN+roof", &[repair]),
        ("?q=orn+r%C3%B2of", &[repair]),
        ("?q=O%CC%88RN", &[repair]),
        ("?q=ann%20party", none),
        ("?q=++", &[again, party, repair]),
        ("?starred=true", &[party]),
        ("?starred=true&q=roof", none),
        ("?starred=false", &[again, party, repair]),
    ] {
        let listed: Vec<_> = http::listed(world.edge(), &token, query).await.iter().map(|entry| entry.id).collect();
        assert_eq!(listed, expected, "{query}");
    }
}

#[tokio::test]
async fn a_part_that_no_list_has_is_refused_and_the_value_is_named() {
    let world = World::shared().await;
    let token = world.token("picky");
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("starred=yes", "starred"),
    ] {
        let answer = http::get(world.edge(), &format!("/v1/conversations?{query}"), &token).await;
        assert_eq!((answer.status, answer.code()), (400, "page_invalid"), "{query}");
        assert!(answer.detail().starts_with(named), "{query}: {}", answer.detail());
    }
}

#[tokio::test]
async fn who_was_called_is_in_the_list_and_is_found_by_the_number() {
    let world = World::shared().await;
    let caller = Caller::new(world, "looks-up", "+12025551801").await;
    let other = empty_call(world, "looks-up").await;
    let options = world.phone("looks-up");
    let phone = Phone::connect(options.clone()).await.expect("let in");
    let call_id = options.call_id.clone().expect("a name");
    let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
    caller.told(&leg, CallEvent::Answered).await;
    caller.ended(&leg, Ending::Talked(3)).await;
    phone.hang_up(LIMIT).await;

    let found = http::listed(world.edge(), &options.token, "?q=5551801").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].callee.as_ref().map(|callee| callee.expose().as_str()), Some(CALLEE));
    let all = http::conversations(world.edge(), &options.token).await;
    assert_eq!(all.iter().find(|entry| entry.id == other).expect("it too").callee, None);
}

#[tokio::test]
async fn a_list_is_gone_on_with_by_the_cursor_of_its_answer() {
    let world = World::shared().await;
    let token = world.token("goes-on");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(empty_call(world, "goes-on").await);
    }
    ids.reverse();
    for words in [None, Some("phone")] {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let answer = if let Some(words) = words {
                let search = json!({ "q": words, "limit": 1, "cursor": cursor }).to_string();
                http::post(world.edge(), "/v1/conversations/search", &token, &search).await
            } else {
                let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                http::get(world.edge(), &format!("/v1/conversations?limit=1{cursor}"), &token).await
            };
            let page: Vec<ConversationEntry> = serde_json::from_value(answer.body).expect("a list");
            found.extend(page.iter().map(|entry| entry.id));
            let Some(next) = answer.headers.get("fourwire-next-cursor") else { break };
            cursor = Some(next.to_str().expect("text").to_owned());
            assert!(found.len() <= 3, "it comes to an end");
        }
        assert_eq!(found, ids, "{words:?}");
    }
    let answer = http::get(world.edge(), "/v1/conversations?cursor=here", &token).await;
    assert_eq!((answer.status, answer.code()), (400, "page_invalid"));
}

/// A call in which nothing is said.
async fn empty_call(world: &World, user: &str) -> ConversationId {
    let phone = Phone::connect(world.phone(user)).await.expect("let in");
    phone.hang_up(LIMIT).await.conversation().expect("memory_created").id
}
