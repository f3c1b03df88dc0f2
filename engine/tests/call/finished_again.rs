//! A client comes back to a call that was finished: nothing is made anew unless it brings audio, and what the user has changed
//! stays.

use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::close;
use fourwire_wire::structured::{ActionItem, Structured, SummaryBy};
use fourwire_wire::units::UnixMillis;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::voice::words;
use crate::harness::world::Told;
use crate::harness::{BEGIN, Call};

const RATE: u32 = 16_000;

fn item(description: &str, conversation: &Conversation) -> ActionItem {
    ActionItem {
        description: description.to_owned().into(),
        completed: false,
        created_at: UnixMillis::new(BEGIN),
        updated_at: UnixMillis::new(BEGIN),
        due_at: None,
        completed_at: None,
        conversation_id: conversation.id,
    }
}

fn talk(call: &mut Call) {
    call.play(&Client::new(RATE, 5_000, words(0, 3, 200, 900), words(100, 3, 500, 900)));
    call.run_for(5_100);
}

/// A finished call with a model's summary of two action items.
fn finished() -> (Call, Structured) {
    let mut call = Call::with_model();
    talk(&mut call);
    call.end();
    call.run_for(4_000);
    let mut summary = Structured::titled("Words Exchanged");
    summary.action_items = ["Send the plan", "Call back"].map(|what| item(what, &call.world.summaries[0].1)).to_vec();
    call.summarised(Some(summary.clone()));
    call.run_for(100);
    assert!(call.session.is_done());
    (call, summary)
}

/// What was stored last.
fn last(call: &Call) -> &Conversation {
    call.world.store.conversations.last().unwrap()
}

#[test]
fn a_client_that_comes_back_and_adds_nothing_has_nothing_made_anew() {
    let (mut call, _) = finished();
    // The user has marked one as done, starred the call and given it a title.
    let stored = call.world.store.conversations.last_mut().unwrap();
    stored.structured.action_items[0].completed = true;
    stored.structured.title = "Mine".to_owned().into();
    (stored.starred, stored.title_given) = (true, true);
    let before = stored.clone();
    assert_eq!(before.finishes, 1);

    for is_evicted in [false, true] {
        call.run_for(3_600_000);
        call.reopen();
        assert_eq!(call.session.conversation().structured, before.structured, "nor does a list show it without");
        call.connect(RATE);
        if is_evicted {
            call.evict_under_client(RATE);
        }
        call.end();
        call.run_for(3_000);
        assert!(call.session.is_done());
        assert_eq!(*last(&call), before);
        assert_eq!(call.world.summaries.len(), 1, "the model is not asked again");
    }
    assert_eq!(call.world.store.news, [true, false, false]);
    let finished = call.world.told.iter().filter(|(_, told)| matches!(told, Told::Finished(_)));
    assert_eq!(finished.count(), 3, "and the client is told each time");
}

#[test]
fn a_call_that_goes_on_is_summed_up_anew_and_items_that_are_still_there_stay_done() {
    let (mut call, mut summary) = finished();
    let done = UnixMillis::new(BEGIN + 60_000);
    let item_done = &mut call.world.store.conversations.last_mut().unwrap().structured.action_items[0];
    (item_done.completed, item_done.completed_at) = (true, Some(done));
    call.run_for(60_000);
    call.reopen();
    talk(&mut call);
    call.end();
    call.run_for(4_000);
    assert_eq!(call.world.summaries.len(), 2);
    summary.action_items[1].description = "Call Ann back".to_owned().into();
    call.summarised(Some(summary));
    call.run_for(100);
    assert!(call.session.is_done());
    assert_eq!(call.world.store.news, [true, true]);
    let again = last(&call);
    assert_eq!(again.finishes, 2);
    let marks: Vec<_> = again.structured.action_items.iter().map(|item| (item.completed, item.completed_at)).collect();
    assert_eq!(marks, [(true, Some(done)), (false, None)]);
}

#[test]
fn a_call_that_was_stored_while_its_client_came_back_was_finished_once() {
    let mut call = Call::new();
    talk(&mut call);
    call.world.store.millis = 2_000;
    call.end();
    call.run_for(1_500);
    assert!(call.world.store.outstanding.is_some());
    call.disconnect();
    call.connect(RATE);
    call.run_for(3_000);
    assert!(!call.session.is_done(), "the call goes on");
    call.evict_under_client(RATE);
    call.end();
    call.run_for(5_000);
    assert!(call.session.is_done());
    assert_eq!(call.world.store.news, [true, false]);
    assert_eq!(last(&call).finishes, 1);
    assert_eq!(last(&call).summary_by, SummaryBy::Extract);
}

#[test]
fn a_model_is_asked_once_of_one_text_however_often_the_client_comes_back_meanwhile() {
    let mut call = Call::with_model();
    talk(&mut call);
    call.world.store.failures = 3;
    call.end();
    call.run_for(4_000);
    call.summarised(Some(Structured::titled("Words Exchanged")));
    for _ in 0..3 {
        call.disconnect();
        call.connect(RATE);
        call.end();
        call.run_for(200);
    }
    call.run_for(30_000);
    assert!(call.session.is_done());
    assert_eq!(call.world.summaries.len(), 1);
    assert_eq!(last(&call).structured.title.expose(), "Words Exchanged");
}

#[test]
fn a_call_that_is_deleted_ends_at_once_in_whatever_phase_it_is() {
    for phase in ["live", "left", "ending", "storing"] {
        let mut call = Call::new();
        talk(&mut call);
        match phase {
            "left" => call.disconnect(),
            "ending" => call.end(),
            "storing" => {
                call.world.store.failures = 100;
                call.end();
                call.run_for(10_000);
            }
            _ => {}
        }
        call.deleted();
        assert!(call.session.is_done() && call.world.store.forgotten, "{phase}");
        assert_eq!(call.session.wake(), None);
        let closed = call.world.told.iter().filter(|(_, told)| matches!(told, Told::Close(close::POLICY))).count();
        assert_eq!(closed, usize::from(phase != "left"), "{phase}");
        assert_eq!(call.world.store.conversations.len(), 0);
    }
}
