//! The web dialer as its user has it: signed in, with a number of their own, in a real browser.

use std::sync::LazyLock;
use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::tones::{Script, VOCABULARY};
use fourwire_lab::twilio::TwilioOptions;
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::{Channel, PerChannel};
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::browser::{Browser, Tab};
use crate::front::Front;
use crate::workerd::Built;
use crate::world::{PUBLIC_ORIGIN, World};
use crate::{http, playback};

/// How long telephones ring in these tests.
const RING: Duration = Duration::from_millis(300);
/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(45);
/// How far apart words are that the microphone hears.
pub const WORD_MILLIS: u64 = 1_000;
/// What runs in the page before anything else. The browser takes tones for noise and would filter them out, so its microphone is
/// heard as it is; the calls' connections are kept where a test can ask them; and one of its devices can be pulled out.
const PREPARATION: &str = "
    const NativePeer = globalThis.RTCPeerConnection;
    globalThis.peers = [];
    globalThis.RTCPeerConnection = class extends NativePeer {
      constructor(...given) { super(...given); globalThis.peers.push(this); }
    };
    globalThis.currentPeer = () => globalThis.peers.filter((peer) => peer.connectionState !== 'closed').at(-1);
    const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = ({ audio, ...rest }) => native({
      ...rest,
      audio: { ...(audio === true ? {} : audio), echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const devices = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    let isPulledOut = false;
    navigator.mediaDevices.enumerateDevices = async () => {
      const all = await devices();
      return isPulledOut ? all.filter(({ label }) => label !== 'Fake Audio Input 2') : all;
    };
    globalThis.pullOutDevice = () => {
      isPulledOut = true;
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    };
";

/// A world with a telephone company that calls the Worker back.
pub async fn world(options: LabOptions) -> World {
    world_of(Built::FaultInjection, options).await
}

/// The same around any of the Workers that are built.
pub async fn world_of(built: Built, options: LabOptions) -> World {
    let twilio = TwilioOptions { ring: RING, ..options.twilio };
    let world = World::of(built, LabOptions { twilio, ..options }, |_, _| {}).await;
    world.lab.twilio().set_voice_url(format!("{PUBLIC_ORIGIN}/v1/phone/twiml"));
    world
}

/// Writes a WAV file of one channel.
///
/// # Panics
/// When it cannot be written.
pub fn write_wav(path: &std::path::Path, sample_rate: u32, samples: &[i16]) {
    let spec = WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).expect("a file");
    for sample in samples {
        writer.write_sample(*sample).expect("written");
    }
    writer.finalize().expect("written");
}

/// What the microphone hears over and over in most tests: the vocabulary, a word a second.
#[must_use]
pub fn words_for_microphone() -> Vec<i16> {
    let script =
        (0..).zip(VOCABULARY).fold(Script::new(48_000), |script, (place, word)| script.word(place * WORD_MILLIS, word));
    script.samples(WORD_MILLIS * VOCABULARY.len() as u64)
}

/// Calls that run at once: one for each four tests. More of them and the browser, on two cores, no longer hears in time.
static SEATS: LazyLock<Semaphore> = LazyLock::new(|| {
    let tests = std::env::var("RUST_TEST_THREADS").ok().and_then(|threads| threads.parse::<usize>().ok());
    Semaphore::new(tests.map_or(1, |tests| tests.div_ceil(4)))
});

/// A user in front of the dialer.
pub struct Dialer<'a> {
    /// Their tab.
    pub tab: Tab,
    /// The network between them and the Worker.
    pub front: Front,
    world: &'a World,
    token: String,
    seat: SemaphorePermit<'static>,
}

/// A dialer without its world.
pub struct Apart {
    tab: Tab,
    /// The network between its user and the Worker.
    pub front: Front,
    token: String,
    seat: SemaphorePermit<'static>,
}

impl<'a> Dialer<'a> {
    /// A user who has signed in and proved a number; `own` are its last four digits. They wait until there is a seat.
    ///
    /// # Panics
    /// Never: nobody takes the seats away.
    pub async fn signed_in(world: &'a World, browser: &'static Browser, user: &str, own: &str) -> Self {
        let seat = SEATS.acquire().await.expect("there are seats");
        let front = Front::start(world.edge(), &world.lab.origin()).await;
        let dialer = Self { tab: browser.tab(), front, world, token: world.token(user), seat };
        let (page, number) = (json!(dialer.front.origin()), json!(format!("+1202555{own}")));
        let user = json!(user);
        dialer
            .tab
            .run(&format!(
                "await context.addInitScript({});
                 await page.goto({page});
                 await page.fill('input[name=name]', {user});
                 await page.click('#sign-in button');
                 await page.fill('#verify input[name=number]', {number});
                 await page.click('#verify button');
                 await page.waitForSelector('#dial:not([hidden])');",
                json!(PREPARATION)
            ))
            .await;
        dialer
    }

    /// Lets go of the world for a while, in which it may crash.
    #[must_use]
    pub fn apart(self) -> Apart {
        Apart { tab: self.tab, front: self.front, token: self.token, seat: self.seat }
    }

    /// Goes on in a world that has changed.
    #[must_use]
    pub fn together(world: &'a World, Apart { tab, front, token, seat }: Apart) -> Self {
        Self { tab, front, world, token, seat }
    }

    /// Dials; returns at once.
    pub async fn dial(&self, number: &str) {
        self.tab
            .run(&format!("await page.fill('#dial input', {}); await page.click('#dial button');", json!(number)))
            .await;
    }

    /// Dials, and returns when what is said is recorded.
    pub async fn call(&self, number: &str) {
        self.dial(number).await;
        self.wait_for_state("Recording").await;
    }

    /// Waits until the page says this of the call.
    pub async fn wait_for_state(&self, state: &str) {
        let state = json!(state);
        self.wait_for(&format!("document.getElementById('state').textContent === {state}")).await;
    }

    /// Waits until an expression in the page is true.
    pub async fn wait_for(&self, expression: &str) {
        // Not Playwright's own way, which the page's Content-Security-Policy forbids.
        let script = format!(
            "const until = Date.now() + {};
             while (!(await page.evaluate({}))) {{
               if (Date.now() > until) throw new Error('not yet: ' + (await page.innerText('body')));
               await new Promise((resolve) => setTimeout(resolve, 50));
             }}",
            PATIENCE.as_millis(),
            json!(expression)
        );
        self.tab.run(&script).await;
    }

    /// Presses one of the page's buttons.
    pub async fn press(&self, button: &str) {
        self.tab.run(&format!("await page.click({});", json!(format!("#{button}")))).await;
    }

    /// Hangs up, and returns when the page shows what came of the call.
    pub async fn hang_up(&self) {
        self.press("hang-up").await;
        self.wait_for_end().await;
    }

    /// Waits until the page can dial again.
    pub async fn wait_for_end(&self) {
        self.wait_for("!document.getElementById('dial').hidden").await;
    }

    /// What the page tells of trouble; empty where there is none.
    pub async fn trouble(&self) -> String {
        self.text("document.querySelector('#trouble:not([hidden])')?.textContent ?? ''").await
    }

    /// A text from the page.
    ///
    /// # Panics
    /// When the expression is something else.
    pub async fn text(&self, expression: &str) -> String {
        let Value::String(text) = self.tab.eval(expression).await else { panic!("{expression} is no text") };
        text
    }

    /// The captions that the page shows, by time: the side's name and the text.
    ///
    /// # Panics
    /// When the page has another form.
    pub async fn captions(&self) -> Vec<(String, String)> {
        let script = "[...document.querySelectorAll('#captions li')].map((item) =>
            [item.querySelector('b').textContent, item.querySelector('span').textContent])";
        serde_json::from_value(self.tab.eval(script).await).expect("captions")
    }

    /// The user's only conversation.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub async fn conversation(&self) -> Conversation {
        http::only_conversation(self.world.edge(), &self.token).await
    }

    /// How many conversations the user has.
    pub async fn conversations(&self) -> usize {
        http::conversations(self.world.edge(), &self.token).await.len()
    }

    /// What is stored of the user's only conversation.
    pub async fn stored(&self) -> PerChannel<Vec<i16>> {
        playback::sides(self.world.edge(), &self.token, self.conversation().await.id).await
    }

    /// How long the browser has held back what the callee says, so that it does not stutter, until now.
    ///
    /// # Panics
    /// When there is no call.
    pub async fn jitter_buffer(&self) -> JitterBuffer {
        let script = "(async () => {
            const inbound = [...(await currentPeer().getStats()).values()].find(({ type }) => type === 'inbound-rtp');
            return [inbound.jitterBufferDelay, inbound.jitterBufferEmittedCount];
        })()";
        let (seconds, samples) = serde_json::from_value(self.tab.eval(script).await).expect("two numbers");
        JitterBuffer { seconds, samples }
    }

    /// The user's ID token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// What WebRTC counts of its jitter buffer, from a call's beginning on.
#[derive(Clone, Copy, Debug)]
pub struct JitterBuffer {
    /// The time that all samples together were held back.
    seconds: f64,
    /// How many samples came out.
    samples: f64,
}

impl JitterBuffer {
    /// How long it held a sample back between an earlier moment and this one, in milliseconds.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> f64 {
        1_000.0 * (self.seconds - earlier.seconds) / (self.samples - earlier.samples)
    }
}

/// Words of a side of a conversation, with the seconds at which they begin.
#[must_use]
pub fn words(conversation: &Conversation, channel: Channel) -> Vec<(f64, String)> {
    let own = conversation.transcript_segments.iter().filter(|segment| segment.is_user == (channel == Channel::User));
    own.flat_map(|segment| segment.text.expose().split(' ').map(|word| (segment.start, word.to_owned()))).collect()
}
