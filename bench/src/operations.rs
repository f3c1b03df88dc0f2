//! What the platform bills for a call: everything that it counts, counted while a call runs in real time through the built
//! Worker, around its start and its end, while its store refuses, and while its audio is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fourwire_lab::app::Auth;
use fourwire_lab::{Lab, LabOptions};
use tokio::time::sleep;

use crate::archive::Archive;
use crate::load::{Talker, Traffic, connect};
use crate::prices::{Bill, Item, OBJECT_GB};
use crate::speech::Speech;
use crate::workerd::{Worker, Workerd, World};
use crate::{download, usage};

/// Seconds of a call that are neither its start nor counted: streams open, and rhythms settle.
const SETTLING: u32 = 29;
/// How long the store refuses, in seconds.
const REFUSING: u32 = 10;
/// How long the call goes on then, in seconds: what was kept has its turn.
const RECOVERING: u32 = 25;
/// How long the call's end may take.
const END_LIMIT: Duration = Duration::from_secs(30);
/// What is done behind the client's back, at the beginning and after the end, has happened then.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Minutes of each call that are counted.
    pub minutes: u32,
}

/// One client's call.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was sent.
    pub traffic: Traffic,
    /// A minute in the middle of it.
    pub minute: Bill,
    /// Its start and its end together.
    pub ends: Bill,
    /// Reading a minute's audio, both sides.
    pub playback: Bill,
    /// Rows written for a chunk that the store does not take at once.
    pub kept: f64,
    /// Chunks stored in a minute.
    pub chunks: f64,
    /// Messages that the object sent in a minute, to the client and the speech services. They are free.
    pub sent: f64,
    /// CPU time of workerd in a minute, in milliseconds.
    pub cpu_ms: f64,
    /// Requests to other services by the Worker and its objects, over the whole call. They are free, and limited.
    pub fetches: f64,
}

/// Counts both kinds of client, at the same time, with a third call beside them that shows what CPU time a browser's
/// messages take on their way through the Worker.
///
/// # Errors
/// When a Worker does not run, or a call does not go well.
pub async fn run(plan: &Plan) -> Result<Vec<Measured>> {
    let lab = Lab::start(LabOptions::default()).await?;
    let [app, page] = Traffic::ALL;
    let (app, mut page, direct) = tokio::try_join!(
        measure(&lab, app, Auth::Header, plan),
        measure(&lab, page, Auth::FirstMessage, plan),
        // As the page, but with nothing between it and its object.
        measure(&lab, page, Auth::Header, plan),
    )?;
    page.minute.set(Item::WorkerCpu, (page.cpu_ms - direct.cpu_ms).max(0.0));
    Ok(vec![app, page])
}

/// Everything that grows.
struct Moment {
    at: Instant,
    counts: BTreeMap<String, f64>,
    told: u32,
    cpu: Duration,
}

impl Moment {
    fn now(workerd: &Workerd, speech: &Speech) -> Result<Self> {
        Ok(Self { at: Instant::now(), counts: workerd.counts()?, told: speech.told(), cpu: usage::cpu(workerd.pid())? })
    }

    fn until(&self, later: &Self) -> Passed {
        let earlier = |name: &String| self.counts.get(name).copied().unwrap_or_default();
        Passed {
            real: later.at - self.at,
            counts: later.counts.iter().map(|(name, count)| (name.clone(), count - earlier(name))).collect(),
            told: f64::from(later.told - self.told),
            cpu: later.cpu.saturating_sub(self.cpu),
        }
    }
}

/// What it grew by.
struct Passed {
    real: Duration,
    counts: BTreeMap<String, f64>,
    told: f64,
    cpu: Duration,
}

impl Passed {
    /// All counts whose names begin so.
    fn sum(&self, prefix: &str) -> f64 {
        self.counts.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, count)| count).sum()
    }

    /// Rows written by one statement of a kind.
    fn rows_of_one(&self, kind: &str) -> f64 {
        self.sum(&format!("rows written/{kind}")) / self.sum(&format!("statements/{kind}"))
    }

    /// What is billed for it in `parts` equal parts, without CPU time. The call's object was in memory all the time.
    fn bill(&self, parts: f64) -> Bill {
        let amounts = [
            (Item::Duration, self.real.as_secs_f64() * OBJECT_GB),
            (Item::Message, self.sum("messages in")),
            (Item::SpeechMessage, self.told),
            (Item::ObjectRequest, self.sum("requests/") - self.sum("requests/Worker")),
            (Item::RowWritten, self.sum("rows written/") + self.sum("alarms set")),
            (Item::RowRead, self.sum("rows read/")),
            (Item::ClassA, self.sum("r2/put") + self.sum("r2/list")),
            (Item::ClassB, self.sum("r2/get") + self.sum("r2/head")),
            (Item::WorkerRequest, self.sum("requests/Worker")),
        ];
        Bill::of(amounts.map(|(item, amount)| (item, amount / parts)))
    }
}

async fn measure(lab: &Lab, traffic: Traffic, auth: Auth, plan: &Plan) -> Result<Measured> {
    let (speech, archive) = (Speech::start().await?, Archive::start().await?);
    let world = World { issuer: lab.issuer(), speech: &speech, archive: &archive };
    let workerd = Workerd::start(Worker::Counted(&world))?;
    let now = || Moment::now(&workerd, &speech);
    let token = lab.issuer().token("caller");

    let fresh = now()?;
    let phone = connect(&workerd.origin(), &token, traffic, auth).await?;
    let mut talker = Talker::new(phone, traffic);
    talk(&mut talker, 1).await?;
    let begun = now()?;
    talk(&mut talker, SETTLING).await?;
    let settled = now()?;
    talk(&mut talker, 60 * plan.minutes).await?;
    let counted = now()?;

    archive.refuse(true);
    talk(&mut talker, REFUSING).await?;
    archive.refuse(false);
    talk(&mut talker, RECOVERING).await?;
    let recovered = now()?;
    let received = talker.into_phone().hang_up(END_LIMIT).await;
    let conversation = received.conversation().context("the call ended without a conversation")?;
    sleep(AFTERWARDS).await;
    let ended = now()?;

    let seconds = 1 + SETTLING + 60 * plan.minutes + REFUSING + RECOVERING;
    download::audio(&workerd, &token, conversation.id, seconds).await?;
    let heard = now()?;

    let minutes = f64::from(plan.minutes);
    let (window, trouble, whole) = (settled.until(&counted), counted.until(&recovered), fresh.until(&ended));
    let chunks = f64::from(archive.objects_with("/audio/"));
    // The conversation's document and the user's entry in the directory are put besides.
    let puts = whole.sum("r2/put") - whole.sum("refused by r2/put") - 2.0;
    ensure!((puts - chunks).abs() < 0.5, "{puts} chunks were put, and {chunks} are in the archive");
    let (start, end) = (fresh.until(&begun).bill(1.0), recovered.until(&ended).bill(1.0));
    Ok(Measured {
        traffic,
        minute: window.bill(minutes),
        ends: Bill::of(Item::ALL.map(|item| (item, start.amount(item) + end.amount(item)))),
        playback: ended.until(&heard).bill(f64::from(seconds) / 60.0),
        kept: ["INSERT", "DELETE"].map(|verb| trouble.rows_of_one(&format!("{verb} chunks"))).iter().sum(),
        chunks: window.sum("r2/put") / minutes,
        sent: window.sum("messages out") / minutes,
        cpu_ms: window.cpu.as_secs_f64() * 1_000.0 / minutes,
        fetches: whole.sum("fetches"),
    })
}

async fn talk(talker: &mut Talker, seconds: u32) -> Result<()> {
    for _ in 0..seconds {
        talker.second().await.context("the Worker has cut off a call")?;
    }
    Ok(())
}
