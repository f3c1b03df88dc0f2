//! What a call is heard through: one audio context and one worklet node with two inputs, so that both sides have one clock.

use std::cell::RefCell;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioContext, AudioContextOptions, AudioContextState, AudioNode, AudioWorkletNode, AudioWorkletNodeOptions,
    ChannelCountMode, HtmlAudioElement, MediaStream, MediaStreamTrack, MessageChannel, MessagePort,
};

/// The event of a microphone that was unplugged or taken away.
const ENDED: &str = "ended";

/// An audio context and what is connected in it.
pub(super) struct Graph {
    context: AudioContext,
    loading: Promise,
    connected: RefCell<Option<Connected>>,
    /// A context that the system has suspended, for another call or a device that went away, is woken as soon as it may be.
    _on_state: Closure<dyn FnMut()>,
}

struct Connected {
    node: AudioWorkletNode,
    sources: [AudioNode; 2],
    /// Chromium gives a web audio node nothing of a remote stream that no media element has. This one makes no sound.
    _element: HtmlAudioElement,
    /// What tells of a microphone that is gone.
    on_ended: Option<(MediaStreamTrack, Closure<dyn FnMut()>)>,
}

impl Graph {
    /// A context, and the worklet on its way into it. `rate` asks for another rate than the device's.
    pub(super) fn new(rate: Option<f32>) -> Result<Self, JsValue> {
        let options = AudioContextOptions::new();
        if let Some(rate) = rate {
            options.set_sample_rate(rate);
        }
        let context = AudioContext::new_with_context_options(&options)?;
        let loading = context.audio_worklet()?.add_module(&wasm_bindgen::link_to!(module = "/js/worklet.js"))?;
        let waking = context.clone();
        let on_state = Closure::<dyn FnMut()>::new(move || {
            if waking.state() == AudioContextState::Suspended {
                let _ = waking.resume();
            }
        });
        context.set_onstatechange(Some(on_state.as_ref().unchecked_ref()));
        Ok(Self { context, loading, connected: RefCell::new(None), _on_state: on_state })
    }

    /// Waits until [`Self::connect`] may be called.
    pub(super) fn prepare(&self) -> impl Future<Output = Result<(), JsValue>> + use<> {
        let loading = JsFuture::from(self.loading.clone());
        // One that was made in a click runs already. One that was not waits for the next click, and nobody waits for it here.
        let _ = self.context.resume();
        async move { loading.await.map(drop) }
    }

    /// Hears both streams from now on. Returns the port on which their blocks come.
    pub(super) fn connect(&self, microphone: &MediaStream, remote: &MediaStream) -> Result<MessagePort, JsValue> {
        let options = AudioWorkletNodeOptions::new();
        options.set_number_of_inputs(2);
        options.set_channel_count(1);
        options.set_channel_count_mode(ChannelCountMode::Explicit);
        let node = AudioWorkletNode::new_with_options(&self.context, "fourwire-tap", &options)?;
        // Its output is silent; without a way to the speakers it would not be run.
        node.connect_with_audio_node(&self.context.destination())?;

        let element = HtmlAudioElement::new()?;
        element.set_muted(true);
        element.set_src_object(Some(remote));
        let source = |stream: &MediaStream, input: u32| -> Result<AudioNode, JsValue> {
            let source = self.context.create_media_stream_source(stream)?;
            source.connect_with_audio_node_and_output_and_input(&node, 0, input)?;
            Ok(source.into())
        };
        let sources = [source(microphone, 0)?, source(remote, 1)?];

        let channel = MessageChannel::new()?;
        let to_worker = channel.port1();
        node.port()?.post_message_with_transferable(&to_worker, &Array::of1(&to_worker))?;
        self.connected.replace(Some(Connected { node, sources, _element: element, on_ended: None }));
        Ok(channel.port2())
    }

    /// Calls `lost` when the microphone is unplugged or taken away.
    pub(super) fn on_lost(&self, microphone: &MediaStream, lost: impl Fn() + 'static) {
        let mut connected = self.connected.borrow_mut();
        let Some(connected) = connected.as_mut() else { return };
        let Ok(track) = microphone.get_audio_tracks().get(0).dyn_into::<MediaStreamTrack>() else { return };
        let on_ended = Closure::<dyn FnMut()>::new(lost);
        // Its `onended` may be somebody else's.
        if track.add_event_listener_with_callback(ENDED, on_ended.as_ref().unchecked_ref()).is_ok() {
            connected.on_ended = Some((track, on_ended));
        }
    }

    /// Hears nothing any more.
    pub(super) fn close(self) {
        if let Some(Connected { node, sources, on_ended, .. }) = self.connected.into_inner() {
            if let Some((track, on_ended)) = on_ended {
                let _ = track.remove_event_listener_with_callback(ENDED, on_ended.as_ref().unchecked_ref());
            }
            for source in sources {
                let _ = source.disconnect();
            }
            let _ = node.disconnect();
            if let Ok(port) = node.port() {
                // Nothing instead of a port: the node ends.
                let _ = port.post_message(&JsValue::NULL);
            }
        }
        self.context.set_onstatechange(None);
        let _ = self.context.close();
    }
}
