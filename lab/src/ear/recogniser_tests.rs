//! The queue in front of a program that takes as long as the test says, on a clock that the test moves.

use tokio::time::timeout;

use super::*;

/// A request of so many samples takes so many milliseconds.
struct Paced {
    begun: Arc<Mutex<Vec<usize>>>,
}

impl Program for Paced {
    async fn recognise(&mut self, _: Mode, samples: &[i16]) -> Answer {
        self.begun.lock().unwrap().push(samples.len());
        sleep(Duration::from_millis(samples.len() as u64)).await;
        Ok(Vec::new())
    }
}

fn queue() -> (Recogniser, Arc<Mutex<Vec<usize>>>) {
    let begun = Arc::default();
    (Recogniser::over(Paced { begun: Arc::clone(&begun) }), begun)
}

fn ask(recogniser: &Recogniser, mode: Mode, millis: usize) -> oneshot::Receiver<Answer> {
    recogniser.ask(mode, vec![0; millis])
}

/// Lets every task go on that can, without time passing.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_worked_on() {
    for (working, abandoned) in [(700, 0), (700, 1), (700, 11), (2_900, 11), (700, 500)] {
        let (recogniser, begun) = queue();
        let first = ask(&recogniser, Mode::Careful, working);
        settle().await;
        for _ in 0..abandoned {
            drop(ask(&recogniser, Mode::Careful, 9_999));
        }
        drop(first);
        let asked = Instant::now();
        ask(&recogniser, Mode::Careful, 600).await.unwrap().unwrap();
        assert_eq!(*begun.lock().unwrap(), [working, 600], "{abandoned} abandoned");
        assert!(asked.elapsed() <= Duration::from_millis(working as u64 + 600), "{abandoned} abandoned");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_worked_on_is_given_up_when_it_takes_long_and_nobody_waits() {
    let (recogniser, begun) = queue();
    let endless = ask(&recogniser, Mode::Careful, 1_800_000);
    settle().await;
    sleep(Duration::from_mins(1)).await;
    assert!(!recogniser.is_idle(), "somebody waits");
    drop(endless);
    let asked = Instant::now();
    ask(&recogniser, Mode::Careful, 600).await.unwrap().unwrap();
    assert_eq!(asked.elapsed().as_millis(), ABANDONED_LIMIT.as_millis() + 600);
    assert_eq!(*begun.lock().unwrap(), [1_800_000, 600]);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_through_within_ten_seconds() {
    let (recogniser, _) = queue();
    let first = ask(&recogniser, Mode::Careful, 700);
    settle().await;
    let begun = Instant::now();
    let waiting: Vec<_> = (0..MAX_WAITING).map(|_| ask(&recogniser, Mode::Careful, 700)).collect();
    for mode in [Mode::Careful, Mode::Quick, Mode::Careful] {
        let refused = ask(&recogniser, mode, 700).await.unwrap();
        assert!(matches!(refused, Err(RecogniserError::Overloaded(MAX_WAITING))), "{refused:?}");
    }
    first.await.unwrap().unwrap();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert!(begun.elapsed() <= Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(recogniser.is_idle());
}

#[tokio::test(start_paused = true)]
async fn in_a_full_queue_a_final_takes_the_place_of_an_interim_and_of_one_who_left() {
    let (recogniser, _) = queue();
    let _first = ask(&recogniser, Mode::Careful, 700);
    settle().await;
    let interim = ask(&recogniser, Mode::Quick, 200);
    let mut finals: Vec<_> = (1..MAX_WAITING).map(|_| ask(&recogniser, Mode::Careful, 700)).collect();
    let late = ask(&recogniser, Mode::Careful, 700);
    assert!(matches!(interim.await.unwrap(), Err(RecogniserError::Overloaded(_))), "the interim makes room");
    drop(finals.pop());
    let later = ask(&recogniser, Mode::Careful, 700);
    assert_eq!(recogniser.waiting(), MAX_WAITING);
    assert!(late.await.unwrap().is_ok() && later.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn finals_come_before_interims_and_each_kind_in_the_order_of_asking() {
    let (recogniser, begun) = queue();
    let order = [(Mode::Careful, 1), (Mode::Quick, 2), (Mode::Careful, 3), (Mode::Quick, 4), (Mode::Careful, 5)];
    let mut answers = Vec::new();
    for (mode, millis) in order {
        answers.push(ask(&recogniser, mode, millis));
        settle().await;
    }
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(*begun.lock().unwrap(), [1, 3, 5, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn it_is_idle_when_nothing_is_done_and_an_interim_is_long_enough_ago() {
    let (recogniser, _) = queue();
    assert!(recogniser.is_idle());
    let answer = ask(&recogniser, Mode::Quick, 400);
    assert!(!recogniser.is_idle(), "one waits");
    settle().await;
    assert!(!recogniser.is_idle(), "one is worked on");
    answer.await.unwrap().unwrap();
    assert!(!recogniser.is_idle(), "it rests as long as the interim took");
    sleep(Duration::from_millis(400)).await;
    assert!(recogniser.is_idle());
    ask(&recogniser, Mode::Careful, 400).await.unwrap().unwrap();
    assert!(recogniser.is_idle(), "a final needs no rest");
}

#[tokio::test(start_paused = true)]
async fn the_program_ends_with_the_last_handle() {
    for asks in [0, 1, 5] {
        let (recogniser, begun) = queue();
        let other = recogniser.clone();
        let asked: Vec<_> = (0..asks).map(|_| ask(&recogniser, Mode::Careful, 700)).collect();
        settle().await;
        drop(recogniser);
        settle().await;
        assert_eq!(Arc::strong_count(&begun), 2, "a handle is left");
        drop((other, asked));
        let gone = async {
            while Arc::strong_count(&begun) > 1 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(Duration::from_secs(1), gone).await.is_ok(), "{asks} asked");
    }
}

#[tokio::test(start_paused = true)]
async fn who_still_waits_when_the_last_handle_is_gone_is_told() {
    let (recogniser, _) = queue();
    let (first, second) = (ask(&recogniser, Mode::Careful, 700), ask(&recogniser, Mode::Careful, 700));
    settle().await;
    drop(recogniser);
    assert!(first.await.is_ok(), "it was worked on");
    assert!(second.await.is_err());
}
