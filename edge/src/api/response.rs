//! Answers that paths have in common.

use fourwire_engine::conversations::Cursor;
use serde::Serialize;
use worker::{Headers, Response};

use crate::problem::Problem;

/// The header of what follows an answer that is a part of something; the value is for the query's `cursor`.
const NEXT_CURSOR: &str = "fourwire-next-cursor";

/// A JSON answer that no cache may keep.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Response, Problem> {
    let response = Response::from_json(value)?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

/// Says in an answer's head what to ask with for what follows.
pub(crate) fn set_next(response: &Response, next: Cursor) -> Result<(), Problem> {
    Ok(response.headers().set(NEXT_CURSOR, &next.to_string())?)
}

/// Says that something was done.
#[derive(Serialize)]
pub(crate) struct Done {
    success: bool,
}

impl Done {
    /// It was.
    pub(crate) const YES: Self = Self { success: true };
}

/// Headers of something that no cache may keep.
pub(crate) fn private(content_type: &str, file_name: &str) -> Result<Headers, Problem> {
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("content-disposition", &format!("inline; filename=\"{file_name}\""))?;
    headers.set("cache-control", "no-store")?;
    Ok(headers)
}
