//! The settings of the phone side: the account at Twilio, and who may be called.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fourwire_wire::pii::Pii;

use super::{ConfigError, Settings};
use crate::phone::destinations::{DEFAULT_REGIONS, Destinations};
use crate::phone::dialling::{CallLimits, MAX_CALL_SECONDS};
use crate::phone::notice::CallNotice;
use crate::phone::sid::{AccountSid, ApiKeySid, AppSid};
use crate::twilio::caller_ids::{self, CallerIds};
use crate::twilio::signature::{AuthTokens, PublicOrigin};
use crate::twilio::token::{ApiKey, TokenLife};

/// The operator's account at Twilio, and how Twilio reaches this Worker.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// Where Twilio finds this Worker: what its signatures cover begins with it.
    pub origin: PublicOrigin,
    /// What Twilio signs its requests with.
    pub auth_tokens: AuthTokens,
    /// What signs access tokens.
    pub key: ApiKey,
    /// How long an access token is good.
    pub token_life: TokenLife,
    /// The TwiML application that answers calls.
    pub app: AppSid,
    /// The API for numbers.
    pub caller_ids: CallerIds,
}

/// Who may be called, and how much.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// Which numbers may be rung.
    pub destinations: Destinations,
    /// How much a user may call.
    pub limits: CallLimits,
    /// What the callee hears before the two are connected.
    pub notice: CallNotice,
    /// Whether a listen session must belong to a call that Twilio has told of.
    pub listen_needs_call: bool,
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    pub(super) fn twilio(&self) -> Result<Twilio, ConfigError> {
        let origin = self.parsed("PUBLIC_ORIGIN", PublicOrigin::parse)?;
        let account = self.parsed("TWILIO_ACCOUNT_SID", |text| AccountSid::parse(text))?;
        let auth_tokens = self.parsed("TWILIO_AUTH_TOKEN", AuthTokens::parse)?;
        let sid = self.parsed("TWILIO_API_KEY_SID", |text| ApiKeySid::parse(text))?;
        let secret = self.need("TWILIO_API_KEY_SECRET")?;
        let app = self.parsed("TWILIO_TWIML_APP_SID", |text| AppSid::parse(text))?;
        let api = self.url("TWILIO_API_URL", caller_ids::DEFAULT_ORIGIN)?;
        let seconds = self.number("TWILIO_TOKEN_SECONDS", TokenLife::default().seconds())?;
        let token_life = TokenLife::from_seconds(seconds).map_err(|error| invalid("TWILIO_TOKEN_SECONDS", &error))?;
        let basic = format!("Basic {}", BASE64.encode(format!("{sid}:{secret}")));
        let caller_ids = CallerIds::new(&api, &account, Pii::new(basic));
        let key = ApiKey { account, sid, secret: Pii::new(secret) };
        Ok(Twilio { origin, auth_tokens, key, token_life, app, caller_ids })
    }

    pub(super) fn dialling(&self) -> Result<Dialling, ConfigError> {
        let regions = self.get("DIAL_REGIONS").unwrap_or_else(|| DEFAULT_REGIONS.to_owned());
        // Each list is tried by itself first, so that the error names the right one.
        Destinations::new(&regions, "").map_err(|error| invalid("DIAL_REGIONS", &error))?;
        let blocked = self.get("DIAL_BLOCKED_PREFIXES").unwrap_or_default();
        let destinations =
            Destinations::new(&regions, &blocked).map_err(|error| invalid("DIAL_BLOCKED_PREFIXES", &error))?;
        let default = CallLimits::default();
        let minutes = self.number("CALL_MINUTES_A_DAY", default.seconds_a_day / 60)?;
        let longest = self.number("CALL_MINUTES", default.longest / 60)?;
        let limits = CallLimits {
            at_once: self.number("CALLS_AT_ONCE", default.at_once)?,
            a_day: self.number("CALLS_A_DAY", default.a_day)?,
            seconds_a_day: minutes.saturating_mul(60),
            longest: longest.saturating_mul(60).min(MAX_CALL_SECONDS),
        };
        let listen_needs_call = match self.get("LISTEN_NEEDS_CALL").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let problem = "must be true or false".to_owned();
                return Err(ConfigError::Invalid { name: "LISTEN_NEEDS_CALL", problem });
            }
        };
        let notice = self.parsed("CALL_NOTICE", CallNotice::parse)?;
        Ok(Dialling { destinations, limits, notice, listen_needs_call })
    }

    fn parsed<T, E: std::fmt::Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(&self.need(name)?).map_err(|error| invalid(name, &error))
    }
}

fn invalid(name: &'static str, error: &impl std::fmt::Display) -> ConfigError {
    ConfigError::Invalid { name, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config::Config;

    const GOOD: [(&str, &str); 7] = [
        ("CALL_NOTICE", "This call is recorded."),
        ("PUBLIC_ORIGIN", "https://edge.example"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", "one, two"),
        ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000002"),
        ("TWILIO_API_KEY_SECRET", "secret"),
        ("TWILIO_TWIML_APP_SID", "AP00000000000000000000000000000003"),
    ];

    fn read(changes: &[(&'static str, &str)]) -> Config {
        let find = |name| changes.iter().chain(&GOOD).find(|(known, _)| *known == name);
        Config::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_missing_part_of_the_account_is_named() {
        assert!(read(&[]).twilio.is_ok());
        for (name, _) in GOOD.into_iter().skip(1) {
            assert_eq!(read(&[(name, "")]).twilio.unwrap_err(), ConfigError::Missing(name));
        }
    }

    #[test]
    fn a_part_that_cannot_be_used_is_named_and_a_secret_is_not_shown() {
        for (name, value) in [
            ("PUBLIC_ORIGIN", "https://edge.example/path"),
            ("TWILIO_AUTH_TOKEN", "hunter2,"),
            ("TWILIO_ACCOUNT_SID", "SK00000000000000000000000000000002"),
            ("TWILIO_TOKEN_SECONDS", "86401"),
            ("TWILIO_TOKEN_SECONDS", "1h"),
        ] {
            let error = read(&[(name, value)]).twilio.unwrap_err().to_string();
            assert!(error.starts_with(name) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn nobody_is_called_before_the_operator_has_said_what_callees_are_told() {
        assert_eq!(read(&[("CALL_NOTICE", "")]).dialling.unwrap_err(), ConfigError::Missing("CALL_NOTICE"));
        let error = read(&[("CALL_NOTICE", "[x] a")]).dialling.unwrap_err().to_string();
        assert_eq!(error, "CALL_NOTICE has a language that is not written like [de-DE]");
        for (notice, count) in [("none", 0), ("Recorded.", 1), ("Recorded. | [de-DE] Aufgezeichnet.", 2)] {
            assert_eq!(read(&[("CALL_NOTICE", notice)]).dialling.unwrap().notice.sentences().len(), count, "{notice}");
        }
    }

    #[test]
    fn limits_have_defaults_and_no_call_is_longer_than_twilio_lets_it_be() {
        assert_eq!(read(&[]).dialling.unwrap().limits, CallLimits::default());
        let dialling = read(&[("CALL_MINUTES", "100000"), ("CALLS_AT_ONCE", "1")]).dialling.unwrap();
        assert_eq!((dialling.limits.longest, dialling.limits.at_once), (14_400, 1));
        for (name, value) in [
            ("DIAL_REGIONS", "us"),
            ("DIAL_BLOCKED_PREFIXES", "900"),
            ("LISTEN_NEEDS_CALL", "yes"),
            ("CALLS_A_DAY", "-1"),
        ] {
            assert!(read(&[(name, value)]).dialling.unwrap_err().to_string().starts_with(name), "{name}");
        }
    }
}
