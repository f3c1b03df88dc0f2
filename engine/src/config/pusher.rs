//! The operator's program that hears calls while they run.

use fourwire_wire::pii::Pii;

use super::{ConfigError, Settings, outbound};
use crate::pusher::Pusher;

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    /// None: nobody hears calls.
    pub(super) fn pusher(&self) -> Result<Option<Pusher>, ConfigError> {
        let Some(text) = self.get("PUSHER_URL") else { return Ok(None) };
        // Where a WebSocket is opened by an HTTP request, its address is one of HTTP.
        let text = match text.split_once("://") {
            Some(("ws", rest)) => format!("http://{rest}"),
            Some(("wss", rest)) => format!("https://{rest}"),
            _ => text,
        };
        Ok(Some(Pusher::new(outbound("PUSHER_URL", &text)?, self.get("PUSHER_KEY").map(Pii::new))))
    }
}

#[cfg(test)]
mod tests {
    use fourwire_wire::ids::UserId;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config::Config;

    fn pusher(url: &str) -> Result<Option<Pusher>, ConfigError> {
        Config::read(|name| (name == "PUSHER_URL").then(|| url.to_owned())).pusher
    }

    #[test]
    fn an_address_may_be_one_of_websockets_or_of_http() {
        for (given, opened) in [
            ("wss://push.example", "https://push.example/v1/trigger/listen?uid=ann&sample_rate=16000"),
            ("ws://localhost:8080/a", "http://localhost:8080/a/v1/trigger/listen?uid=ann&sample_rate=16000"),
            ("https://push.example/", "https://push.example/v1/trigger/listen?uid=ann&sample_rate=16000"),
        ] {
            let endpoint = pusher(given).unwrap().unwrap().endpoint(&UserId::parse("ann").unwrap());
            assert_eq!((endpoint.url.expose().as_str(), endpoint.authorization), (opened, None));
        }
        assert!(pusher("").unwrap().is_none());
    }

    #[test]
    fn anything_else_is_refused_by_its_name() {
        for given in ["push.example", "ftp://push.example", "wss://", "ws://push.example", "http://push.example"] {
            let error = pusher(given).unwrap_err().to_string();
            assert!(error.starts_with("PUSHER_URL is not an https:// address"), "{error}");
        }
    }
}
