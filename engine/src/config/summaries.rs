//! Who sums conversations up.

use fourwire_wire::pii::Pii;

use super::{ConfigError, Settings};
use crate::summary::model::{DEFAULT_URL, Model};

/// What Cloudflare's own models are called.
const OWN_MODELS: &str = "@cf/";

/// The operator's language model.
#[derive(Clone, Debug)]
pub enum Summariser {
    /// A server that speaks `OpenAI`'s chat completions.
    Model(Model),
    /// One of Cloudflare's own models, by its name.
    WorkersAi(String),
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    /// None: Fourwire's own extract.
    pub(super) fn summariser(&self) -> Result<Option<Summariser>, ConfigError> {
        let Some(name) = self.get("SUMMARY_MODEL") else { return Ok(None) };
        if name.starts_with(OWN_MODELS) && self.get("SUMMARY_URL").is_none() {
            return Ok(Some(Summariser::WorkersAi(name)));
        }
        let url = self.url("SUMMARY_URL", DEFAULT_URL)?;
        Ok(Some(Summariser::Model(Model { url, key: self.get("SUMMARY_API_KEY").map(Pii::new), name })))
    }
}
