//! Reading bodies, and no more of them than may be there.

use futures_util::StreamExt;
use worker::Request;

use crate::problem::Problem;

/// Longest body that is read, in bytes. Twilio's own have some hundreds, a device's parameters at most about 800, and a
/// user's some dozens.
const MAX_BYTES: usize = 16 * 1024;

/// The whole body; `None` where it is longer than anything that is asked here.
pub(crate) async fn read(request: &mut Request) -> Result<Option<Vec<u8>>, Problem> {
    // A request without a body has no stream.
    let Ok(mut stream) = request.stream() else { return Ok(Some(Vec::new())) };
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk?);
        if bytes.len() > MAX_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}
