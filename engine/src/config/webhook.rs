//! Whom finished conversations are told of.

use super::{ConfigError, Settings};
use crate::webhook::Webhook;

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    /// None: nobody.
    pub(super) fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        const SECRET: &str = "WEBHOOK_SECRET";
        if self.get("WEBHOOK_URL").is_none() {
            return Ok(None);
        }
        let webhook = Webhook::new(self.url("WEBHOOK_URL", "")?, &self.need(SECRET)?);
        webhook.map(Some).map_err(|error| ConfigError::Invalid { name: SECRET, problem: error.to_string() })
    }
}
