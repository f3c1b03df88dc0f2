//! The operator's settings, read once into one typed value. What is missing is named, and the route that needs it refuses.

mod keeping;
mod logging;
mod operator;
mod phone;
mod pusher;
mod quotas;
mod summaries;
mod webhook;

use std::time::Duration;

use fourwire_wire::pii::Pii;
use thiserror::Error;

pub use self::keeping::{ExportLimits, Retention};
pub use self::logging::LogLevel;
pub use self::operator::OperatorKey;
pub use self::phone::{Dialling, Twilio};
pub use self::quotas::Quotas;
pub use self::summaries::Summariser;
use crate::identity::Issuer;
use crate::outbound::{OutboundUrl, OutboundUrlError};
use crate::pusher::Pusher;
use crate::speech::Provider;
use crate::speech::deepgram::{self, Deepgram, ModelImprovement};
use crate::vault::Vault;
use crate::webhook::Webhook;

/// Where Firebase publishes the keys of its ID tokens, as a JWK set.
const FIREBASE_KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
/// Issuer of Firebase's ID tokens, before the project's id.
const FIREBASE_ISSUER: &str = "https://securetoken.google.com/";

/// How long a client may stay on its socket with an expired token, in seconds: a minute that clocks may differ, and one in which a
/// client whose network was away sends its next one.
const DEFAULT_SIGN_IN_GRACE_SECONDS: u64 = 120;

/// Why a part of the Worker cannot work. It names the setting and never shows its value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A setting is not there.
    #[error("{0} is not configured")]
    Missing(&'static str),
    /// A setting is there and cannot be used.
    #[error("{name} {problem}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Everything that can be set. Each part is there or says what is missing, so that one missing key closes only the
/// routes that need it.
#[derive(Debug)]
pub struct Config {
    /// Whose ID tokens are taken.
    pub issuer: Result<Issuer, ConfigError>,
    /// How personal data is sealed.
    pub vault: Result<Vault, ConfigError>,
    /// The speech services, in the order in which they are tried; at least one.
    pub speech: Result<Vec<Provider>, ConfigError>,
    /// The account at Twilio.
    pub twilio: Result<Twilio, ConfigError>,
    /// Who may be called, and how much.
    pub dialling: Result<Dialling, ConfigError>,
    /// How long conversations are kept; none: for ever.
    pub retention: Result<Option<Retention>, ConfigError>,
    /// Who sums conversations up; none: Fourwire's own extract.
    pub summariser: Result<Option<Summariser>, ConfigError>,
    /// The operator's program that hears calls while they run; none: nobody does.
    pub pusher: Result<Option<Pusher>, ConfigError>,
    /// Whose server is told of finished conversations; none: nobody's.
    pub webhook: Result<Option<Webhook>, ConfigError>,
    /// How much one request for an export does.
    pub export: Result<ExportLimits, ConfigError>,
    /// How much a user, and the whole deployment, may use.
    pub quotas: Result<Quotas, ConfigError>,
    /// What the operator shows to be let in.
    pub operator_key: Result<OperatorKey, ConfigError>,
    /// Which lines the log has.
    pub log_level: Result<LogLevel, ConfigError>,
}

impl Config {
    /// Reads every setting by its name; `lookup` gives a variable's or secret's text.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Self {
        let settings = Settings(lookup);
        Self {
            issuer: settings.issuer(),
            vault: settings.vault(),
            speech: settings.speech(),
            twilio: settings.twilio(),
            dialling: settings.dialling(),
            retention: settings.retention(),
            summariser: settings.summariser(),
            pusher: settings.pusher(),
            webhook: settings.webhook(),
            export: settings.export(),
            quotas: settings.quotas(),
            operator_key: settings.operator_key(),
            log_level: settings.log_level(),
        }
    }

    /// Whose ID tokens are taken.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn issuer(&self) -> Result<&Issuer, ConfigError> {
        self.issuer.as_ref().map_err(Clone::clone)
    }

    /// How personal data is sealed.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn vault(&self) -> Result<&Vault, ConfigError> {
        self.vault.as_ref().map_err(Clone::clone)
    }

    /// The account at Twilio.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn twilio(&self) -> Result<&Twilio, ConfigError> {
        self.twilio.as_ref().map_err(Clone::clone)
    }

    /// Who may be called, and how much.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn dialling(&self) -> Result<&Dialling, ConfigError> {
        self.dialling.as_ref().map_err(Clone::clone)
    }

    /// How much one request for an export does.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn export(&self) -> Result<&ExportLimits, ConfigError> {
        self.export.as_ref().map_err(Clone::clone)
    }

    /// How much a user, and the whole deployment, may use.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn quotas(&self) -> Result<&Quotas, ConfigError> {
        self.quotas.as_ref().map_err(Clone::clone)
    }

    /// What the operator shows to be let in.
    ///
    /// # Errors
    /// What keeps the setting from being read.
    pub fn operator_key(&self) -> Result<&OperatorKey, ConfigError> {
        self.operator_key.as_ref().map_err(Clone::clone)
    }

    /// Everything that is missing or cannot be used.
    pub fn problems(&self) -> impl Iterator<Item = &ConfigError> {
        self.listen_problems().chain(self.twilio.as_ref().err()).chain(self.optional_problems())
    }

    /// What cannot be used of what need not be set. Where one of these is wrong, what it is for is left out and everything else
    /// works: a mistyped address of a summary's model must not cost a call its conversation.
    pub fn optional_problems(&self) -> impl Iterator<Item = &ConfigError> {
        let parts = [
            self.retention.as_ref().err(),
            self.summariser.as_ref().err(),
            self.pusher.as_ref().err(),
            self.webhook.as_ref().err(),
            self.export.as_ref().err(),
            self.log_level.as_ref().err(),
            // Without one nobody is let in, which is no mistake.
            self.operator_key.as_ref().err().filter(|error| !matches!(error, ConfigError::Missing(_))),
        ];
        parts.into_iter().flatten()
    }

    /// What stands in the way of recording and transcribing a call.
    pub fn listen_problems(&self) -> impl Iterator<Item = &ConfigError> {
        let parts = [
            self.issuer.as_ref().err(),
            self.vault.as_ref().err(),
            self.speech.as_ref().err(),
            self.dialling.as_ref().err(),
            self.quotas.as_ref().err(),
        ];
        parts.into_iter().flatten()
    }
}

fn outbound(name: &'static str, text: &str) -> Result<OutboundUrl, ConfigError> {
    text.parse().map_err(|error: OutboundUrlError| ConfigError::Invalid { name, problem: error.to_string() })
}

/// Every setting by its name.
struct Settings<F>(F);

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    /// A setting's text; an empty one counts as missing.
    fn get(&self, name: &'static str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn need(&self, name: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing(name))
    }

    /// A whole number; an absent setting is the default.
    fn number<T: std::str::FromStr>(&self, name: &'static str, default: T) -> Result<T, ConfigError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| ConfigError::Invalid { name, problem: "is not a whole number".to_owned() })
    }

    /// An address that the Worker calls itself.
    fn url(&self, name: &'static str, default: &str) -> Result<OutboundUrl, ConfigError> {
        outbound(name, self.get(name).as_deref().unwrap_or(default))
    }

    /// An issuer of its own, or Firebase by its project's id.
    fn issuer(&self) -> Result<Issuer, ConfigError> {
        let grace = Duration::from_secs(self.number("SIGN_IN_GRACE_SECONDS", DEFAULT_SIGN_IN_GRACE_SECONDS)?);
        if let Some(issuer) = self.get("IDENTITY_ISSUER") {
            self.need("IDENTITY_KEYS_URL")?;
            return Ok(Issuer {
                issuer,
                audience: self.need("IDENTITY_AUDIENCE")?,
                keys_url: self.url("IDENTITY_KEYS_URL", "")?,
                grace,
            });
        }
        let project = self.need("FIREBASE_PROJECT_ID")?;
        let keys_url = self.url("IDENTITY_KEYS_URL", FIREBASE_KEYS)?;
        Ok(Issuer { issuer: format!("{FIREBASE_ISSUER}{project}"), audience: project, keys_url, grace })
    }

    fn vault(&self) -> Result<Vault, ConfigError> {
        let secret = self.need("ENCRYPTION_SECRET")?;
        Vault::new(&secret)
            .map_err(|error| ConfigError::Invalid { name: "ENCRYPTION_SECRET", problem: error.to_string() })
    }

    fn speech(&self) -> Result<Vec<Provider>, ConfigError> {
        let order = self.get("SPEECH_PROVIDERS").unwrap_or_else(|| "deepgram".to_owned());
        order.split(',').map(|name| self.provider(name.trim())).collect()
    }

    fn provider(&self, name: &str) -> Result<Provider, ConfigError> {
        match name {
            "deepgram" => {
                let origin = self.url("DEEPGRAM_URL", deepgram::DEFAULT_ORIGIN)?;
                let deepgram = Deepgram::new(origin, Pii::new(self.need("DEEPGRAM_API_KEY")?));
                Ok(Provider::Deepgram(deepgram.with_model_improvement(self.model_improvement()?)))
            }
            _ => Err(ConfigError::Invalid {
                name: "SPEECH_PROVIDERS",
                problem: "names a service that is not known; known is: deepgram".to_owned(),
            }),
        }
    }

    /// Whether Deepgram may keep what it is sent to improve its models; unset: it may not.
    fn model_improvement(&self) -> Result<ModelImprovement, ConfigError> {
        const NAME: &str = "DEEPGRAM_MODEL_IMPROVEMENT";
        match self.get(NAME).as_deref() {
            None | Some("refuse") => Ok(ModelImprovement::OptedOut),
            Some("allow") => Ok(ModelImprovement::Allowed),
            Some(_) => Err(ConfigError::Invalid { name: NAME, problem: "must be allow or refuse".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn read(settings: &[(&str, &str)]) -> Config {
        let find = |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read(find)
    }

    #[test]
    fn what_is_missing_is_named() {
        let problems: Vec<_> = read(&[]).problems().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "FIREBASE_PROJECT_ID is not configured",
                "ENCRYPTION_SECRET is not configured",
                "DEEPGRAM_API_KEY is not configured",
                "CALL_NOTICE is not configured",
                "PUBLIC_ORIGIN is not configured"
            ]
        );
    }

    #[test]
    fn a_firebase_project_needs_nothing_but_its_id() {
        let issuer = read(&[("FIREBASE_PROJECT_ID", "demo")]).issuer.unwrap();
        assert_eq!((issuer.issuer.as_str(), issuer.audience.as_str()), ("https://securetoken.google.com/demo", "demo"));
        assert_eq!(issuer.keys_url.url().host_str(), Some("www.googleapis.com"));
    }

    #[test]
    fn another_issuer_needs_all_three_settings() {
        let error = read(&[("IDENTITY_ISSUER", "https://id.example"), ("IDENTITY_AUDIENCE", "a")]).issuer.unwrap_err();
        assert_eq!(error, ConfigError::Missing("IDENTITY_KEYS_URL"));
    }

    #[test]
    fn a_service_may_improve_its_models_only_where_the_operator_says_so() {
        for (value, expected) in [("", Some(true)), ("refuse", Some(true)), ("allow", Some(false)), ("true", None)] {
            let speech = read(&[("DEEPGRAM_API_KEY", "k"), ("DEEPGRAM_MODEL_IMPROVEMENT", value)]).speech;
            let opts_out = |provider: &Provider| {
                let language = fourwire_wire::query::Language::parse("en").unwrap();
                provider.endpoint(&language).is_some_and(|endpoint| endpoint.url.contains("&mip_opt_out=true"))
            };
            assert_eq!(speech.ok().map(|providers| providers.iter().all(opts_out)), expected, "{value}");
        }
    }

    #[test]
    fn every_address_that_is_called_is_https_or_this_machine() {
        let settings = |address| {
            ["IDENTITY_KEYS_URL", "DEEPGRAM_URL", "TWILIO_API_URL", "SUMMARY_URL", "PUSHER_URL", "WEBHOOK_URL"]
                .map(|name| (name, address))
                .into_iter()
                .chain([
                    ("FIREBASE_PROJECT_ID", "demo"),
                    ("DEEPGRAM_API_KEY", "k"),
                    ("SUMMARY_MODEL", "m"),
                    ("WEBHOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
                    ("PUBLIC_ORIGIN", "https://edge.example"),
                    ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
                    ("TWILIO_AUTH_TOKEN", "one"),
                    ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000002"),
                    ("TWILIO_API_KEY_SECRET", "secret"),
                    ("TWILIO_TWIML_APP_SID", "AP00000000000000000000000000000003"),
                ])
                .collect::<Vec<_>>()
        };
        for (address, is_taken) in [
            ("https://service.example", true),
            ("http://127.0.0.1:4010", true),
            ("http://service.example", false),
            ("http://192.168.0.7", false),
        ] {
            let Config { issuer, speech, twilio, summariser, pusher, webhook, .. } = read(&settings(address));
            let problems = [issuer.err(), speech.err(), twilio.err(), summariser.err(), pusher.err(), webhook.err()];
            for problem in problems {
                assert_eq!(problem.is_none(), is_taken, "{address}: {problem:?}");
            }
        }
    }

    #[test]
    fn a_bad_optional_setting_is_named_and_closes_no_call() {
        let good = [
            ("FIREBASE_PROJECT_ID", "demo"),
            ("ENCRYPTION_SECRET", "a secret that is only good for tests"),
            ("DEEPGRAM_API_KEY", "key"),
            ("CALL_NOTICE", "none"),
        ];
        for (name, value) in [
            ("RETENTION_DAYS", "soon"),
            ("SUMMARY_URL", "nowhere"),
            ("PUSHER_URL", "nowhere"),
            ("WEBHOOK_URL", "nowhere"),
            ("EXPORT_REQUESTS", "few"),
        ] {
            let mut settings = good.to_vec();
            settings.extend([("SUMMARY_MODEL", "model"), ("SUMMARY_API_KEY", "key"), (name, value)]);
            let config = read(&settings);
            assert_eq!(config.listen_problems().count(), 0, "{name}");
            let problems: Vec<_> = config.problems().map(ToString::to_string).collect();
            assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name}: {problems:?}");
        }
    }

    #[test]
    fn every_setting_that_cannot_be_read_is_named() {
        let good = [
            ("FIREBASE_PROJECT_ID", "demo"),
            ("ENCRYPTION_SECRET", "a secret that is only good for tests"),
            ("DEEPGRAM_API_KEY", "key"),
            ("CALL_NOTICE", "none"),
            ("PUBLIC_ORIGIN", "https://edge.example"),
            ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
            ("TWILIO_AUTH_TOKEN", "one"),
            ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000002"),
            ("TWILIO_API_KEY_SECRET", "secret"),
            ("TWILIO_TWIML_APP_SID", "AP00000000000000000000000000000003"),
        ];
        assert_eq!(read(&good).problems().count(), 0);
        for (name, value) in [
            ("ENCRYPTION_SECRET", "short"),
            ("SPEECH_PROVIDERS", "acme"),
            ("DEEPGRAM_URL", "nowhere"),
            ("DEEPGRAM_MODEL_IMPROVEMENT", "perhaps"),
            ("SIGN_IN_GRACE_SECONDS", "soon"),
            ("LISTEN_NEEDS_CALL", "perhaps"),
            ("DIAL_REGIONS", "Mars"),
            ("CALLS_AT_ONCE", "-1"),
            ("CALLS_A_DAY", "many"),
            ("CALL_MINUTES", "long"),
            ("CALL_MINUTES_A_DAY", "long"),
            ("SESSIONS_AT_ONCE", "-1"),
            ("SESSION_MINUTES_A_DAY", "long"),
            ("VERIFICATIONS_A_DAY", "many"),
            ("REPROCESS_AN_HOUR", "many"),
            ("EXPORTS_AN_HOUR", "many"),
            ("DISCARDED_MINUTES", "soon"),
            ("TOTAL_RINGS_A_DAY", "many"),
            ("TOTAL_CALL_MINUTES_A_DAY", "many"),
            ("TOTAL_SPEECH_MINUTES_A_DAY", "many"),
            ("PUBLIC_ORIGIN", "nowhere"),
            ("TWILIO_ACCOUNT_SID", "AC1"),
            ("TWILIO_TOKEN_SECONDS", "soon"),
            ("OPERATOR_KEY", "short"),
            ("LOG_LEVEL", "loud"),
        ] {
            // The first of a name counts.
            let settings: Vec<_> = [(name, value)].into_iter().chain(good).collect();
            let problems: Vec<_> = read(&settings).problems().map(ToString::to_string).collect();
            assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name}: {problems:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_and_not_shown() {
        let config =
            read(&[("ENCRYPTION_SECRET", "hunter2"), ("SPEECH_PROVIDERS", "deepgram,acme"), ("DEEPGRAM_API_KEY", "k")]);
        assert_eq!(config.vault.unwrap_err().to_string(), "ENCRYPTION_SECRET must have at least 32 characters");
        assert!(config.speech.unwrap_err().to_string().starts_with("SPEECH_PROVIDERS names a service"));
    }
}
