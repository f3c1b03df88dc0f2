//! The page's side: the class that a dialer uses. It connects the streams to the worklet, starts the worker, and passes on what
//! the worker tells.

mod graph;
mod types;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fourwire_wire::pii::Pii;
use js_sys::{Array, Function, Intl, JSON, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{MediaStream, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::address::Listen;
use crate::order::Order;
use crate::session::{Failure, State};
use graph::Graph;
use types::{ConversationPromise, RecorderOptions, Streams};

/// Records one call. Make one for each call, in the click that places it, since browsers let a page hear and play sound only
/// after a gesture.
#[wasm_bindgen]
pub struct CallRecorder(Rc<Page>);

struct Page {
    options: RecorderOptions,
    worker: Worker,
    /// What the call is heard through: prepared at once, connected when the call is answered.
    graph: RefCell<Option<Graph>>,
    streams: RefCell<Option<(MediaStream, MediaStream)>>,
    /// All captions by time, the array that the page sees.
    captions: Array,
    done: Promise,
    finish: RefCell<Option<Function>>,
    is_started: Cell<bool>,
}

#[wasm_bindgen]
impl CallRecorder {
    /// Prepares to record a call. Nothing is heard, and the server is not asked, before `start`.
    ///
    /// Throws where an option is missing or the browser lacks what is needed.
    pub fn open(options: RecorderOptions) -> Result<CallRecorder, JsError> {
        let url = listen_url(&options)?;
        let worker_options = WorkerOptions::new();
        worker_options.set_type(WorkerType::Module);
        worker_options.set_name("fourwire");
        let worker = Worker::new_with_options(&wasm_bindgen::link_to!(module = "/js/worker.js"), &worker_options)
            .map_err(|_| JsError::new("this page may not start a worker"))?;
        worker.post_message(&wasm_bindgen::module()).map_err(|_| JsError::new("the worker does not start"))?;
        let graph = Graph::new(options.sample_rate()).map_err(|_| JsError::new("this browser has no audio context"))?;
        let mut finish = None;
        let done = Promise::new(&mut |resolve, _| finish = Some(resolve));
        let page = Rc::new(Page {
            options,
            worker,
            graph: RefCell::new(Some(graph)),
            streams: RefCell::new(None),
            captions: Array::new(),
            done,
            finish: RefCell::new(finish),
            is_started: Cell::new(false),
        });
        let heard = Rc::clone(&page);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(text) = message.data().as_string() {
                let _ = heard.worker_says(&text);
            }
        });
        // Both live as long as the worker, which ends with the call.
        page.worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        let stopped = Rc::clone(&page);
        let on_error = Closure::<dyn FnMut()>::new(move || stopped.give_up());
        page.worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
        page.order(&Order::Open { url });
        if let Some(name) = page.options.contact_name() {
            page.order(&Order::Contact { name: Pii::new(name) });
        }
        Ok(Self(page))
    }

    /// The call was answered: records from now on. The user's side is heard from `microphone`, the other party's from `remote`.
    ///
    /// Rejects where the browser does not let them be heard; `onState` says so too. The call itself is not touched.
    pub async fn start(&self, microphone: MediaStream, remote: MediaStream) -> Result<(), JsError> {
        let page = &self.0;
        if page.is_started.replace(true) {
            return Err(JsError::new("the recording was started before"));
        }
        page.order(&Order::Start);
        page.streams.replace(Some((microphone, remote)));
        page.connect().await
    }

    /// Another microphone, or another stream of the other party: hears it from now on, whatever its rate.
    pub async fn replace(&self, streams: Streams) -> Result<(), JsError> {
        let page = &self.0;
        {
            let mut known = page.streams.borrow_mut();
            let Some((microphone, remote)) = known.as_mut() else { return Ok(()) };
            if let Some(other) = streams.microphone() {
                *microphone = other;
            }
            if let Some(other) = streams.remote() {
                *remote = other;
            }
        }
        let fresh =
            Graph::new(page.options.sample_rate()).map_err(|_| JsError::new("this browser has no audio context"))?;
        fresh.prepare().await.map_err(|_| JsError::new("the browser does not load the recorder's worklet"))?;
        let before = page.graph.replace(Some(fresh));
        if let Some(before) = before {
            before.close();
        }
        page.connect().await
    }

    /// Whether the user's side is silent. Muting a call at Twilio does not silence the microphone itself: call this as well.
    pub fn mute(&self, muted: bool) {
        self.0.order(&Order::Mute { muted });
    }

    /// Records neither side until `resume`. The recording has silence there.
    pub fn pause(&self) {
        self.0.order(&Order::Pause { paused: true });
    }

    /// Goes on after `pause`.
    pub fn resume(&self) {
        self.0.order(&Order::Pause { paused: false });
    }

    /// Says who the other party is.
    #[wasm_bindgen(js_name = setContactName)]
    pub fn set_contact_name(&self, name: String) {
        self.0.order(&Order::Contact { name: Pii::new(name) });
    }

    /// The call is over: nothing is heard any more. Resolves with the conversation, or with `undefined` where none came: the call
    /// was not answered, or the server did not finish it while it was waited for. Never rejects, and may be called again.
    pub fn end(&self) -> ConversationPromise {
        if let Some(graph) = self.0.graph.take() {
            graph.close();
        }
        self.0.order(&Order::End);
        self.0.done.clone().unchecked_into()
    }

    /// All captions so far, by time. The array is the module's own and changes with the call.
    #[wasm_bindgen(getter, unchecked_return_type = "readonly Caption[]")]
    pub fn captions(&self) -> Array {
        self.0.captions.clone()
    }
}

impl Page {
    fn order(&self, order: &Order) {
        if let Ok(text) = serde_json::to_string(order) {
            // A worker that has ended takes no orders, and needs none.
            let _ = self.worker.post_message(&JsValue::from_str(&text));
        }
    }

    /// Connects the streams to the worklet, and the worklet to the worker.
    async fn connect(self: &Rc<Self>) -> Result<(), JsError> {
        let failed = |text: &str| {
            self.order(&Order::Fail { failure: Failure::NoAudio });
            JsError::new(text)
        };
        let prepared = self.graph.borrow().as_ref().map(Graph::prepare);
        // The call ended meanwhile.
        let Some(prepared) = prepared else { return Ok(()) };
        prepared.await.map_err(|_| failed("the browser does not load the recorder's worklet"))?;
        let graph = self.graph.borrow();
        let streams = self.streams.borrow();
        let (Some(graph), Some((microphone, remote))) = (graph.as_ref(), streams.as_ref()) else { return Ok(()) };
        let port =
            graph.connect(microphone, remote).map_err(|_| failed("the browser does not let the call be heard"))?;
        let page = Rc::clone(self);
        graph.on_lost(microphone, move || page.microphone_is_gone());
        let transfer = Array::of1(&port);
        self.worker.post_message_with_transfer(&port, &transfer).map_err(|_| failed("the recorder's worker has ended"))
    }

    fn microphone_is_gone(&self) {
        let notice = Object::new();
        let text = "The microphone is gone: your side is silent until there is another.";
        let _ = Reflect::set(&notice, &"code".into(), &"microphone_lost".into());
        let _ = Reflect::set(&notice, &"text".into(), &text.into());
        let _ = Reflect::set(&notice, &"channel".into(), &1.into());
        call(self.options.on_notice(), &notice);
    }

    fn worker_says(self: &Rc<Self>, text: &str) -> Result<(), JsValue> {
        let news = JSON::parse(text)?;
        let get = |name: &str| Reflect::get(&news, &JsValue::from_str(name));
        match get("news")?.as_string().unwrap_or_default().as_str() {
            "askToken" => {
                let page = Rc::clone(self);
                spawn_local(async move {
                    let token = page.token().await;
                    page.order(&Order::Token { token });
                });
            }
            "state" => call(self.options.on_state(), &news),
            "levels" => call(self.options.on_levels(), &news),
            "notice" => call(self.options.on_notice(), &news),
            "caption" => {
                let place = |value: JsValue| value.as_f64().map(whole);
                if let Some(was) = place(get("was")?) {
                    let _ = self.captions.splice_many(was, 1, &[]);
                }
                let caption = get("caption")?;
                let _ = self.captions.splice(place(get("index")?).unwrap_or_default(), 0, &caption);
                self.tell_caption(&caption, "shown");
            }
            "captionRemoved" => {
                if let Some(index) = get("index")?.as_f64().map(whole) {
                    let removed = self.captions.splice_many(index, 1, &[]).get(0);
                    self.tell_caption(&removed, "removed");
                }
            }
            "done" => {
                let conversation = get("conversation")?;
                self.finish(&if conversation.is_null() { JsValue::UNDEFINED } else { conversation });
            }
            _ => {}
        }
        Ok(())
    }

    fn tell_caption(&self, caption: &JsValue, change: &str) {
        if let Some(listener) = self.options.on_captions() {
            // What a listener throws is its page's own.
            let _ = listener.call3(&JsValue::UNDEFINED, &self.captions, caption, &change.into());
        }
    }

    /// The worker could not be loaded, or has a fault: there is nobody left who records.
    fn give_up(&self) {
        if self.finish.borrow().is_none() {
            return;
        }
        let failed = State::Failed { code: Failure::Unsupported, reason: Failure::Unsupported.reason() };
        if let Ok(Ok(state)) = serde_json::to_string(&failed).map(|text| JSON::parse(&text)) {
            call(self.options.on_state(), &state);
        }
        self.finish(&JsValue::UNDEFINED);
    }

    /// All is over.
    fn finish(&self, conversation: &JsValue) {
        self.worker.terminate();
        if let Some(graph) = self.graph.take() {
            graph.close();
        }
        if let Some(finish) = self.finish.take() {
            let _ = finish.call1(&JsValue::UNDEFINED, conversation);
        }
    }

    async fn token(&self) -> Option<Pii<String>> {
        let token = self.options.token().call0(&JsValue::UNDEFINED).ok()?;
        JsFuture::from(Promise::resolve(&token)).await.ok()?.as_string().map(Pii::new)
    }
}

fn call(listener: Option<Function>, news: &JsValue) {
    if let Some(listener) = listener {
        // What a listener throws is its page's own.
        let _ = listener.call1(&JsValue::UNDEFINED, news);
    }
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places in a list")]
fn whole(number: f64) -> u32 {
    number as u32
}

/// The listen socket's address.
fn listen_url(options: &RecorderOptions) -> Result<String, JsError> {
    let (edge, call_id) = (options.url(), options.call_id());
    let (language, time_zone) = (options.language(), time_zone());
    let (language, time_zone) = (language.as_deref(), time_zone.as_deref());
    Ok(Listen { edge: &edge, call_id: &call_id, language, time_zone }.url()?)
}

/// The IANA name of the time zone that the browser is set to. Some have none to tell.
fn time_zone() -> Option<String> {
    let resolved = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    Reflect::get(&resolved, &"timeZone".into()).ok()?.as_string()
}
