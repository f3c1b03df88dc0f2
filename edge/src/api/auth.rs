//! Who asks: the ID token of a request.

use fourwire_engine::config::Config;
use fourwire_engine::identity::{self, SignedIn};
use fourwire_wire::ids::UserId;
use worker::Request;

use crate::outbound::issuer;
use crate::problem::Problem;

/// The user of a request with `Authorization: Bearer <ID token>`.
pub(crate) async fn user(request: &Request, config: &Config) -> Result<UserId, Problem> {
    Ok(signed_in(request, config).await?.user)
}

/// The same with what else the token says.
pub(crate) async fn signed_in(request: &Request, config: &Config) -> Result<SignedIn, Problem> {
    let header = request.headers().get("authorization")?.ok_or(Problem::NoAuthorization)?;
    issuer::verify(identity::bearer_token(&header).ok_or(Problem::BadAuthorization)?, config).await
}
