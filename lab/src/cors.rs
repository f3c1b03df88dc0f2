//! Lets pages of other origins ask: in development the page is the Worker's, and the lab has a port of its own.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What a page is told before it asks with a header that is not plain, such as JSON's content type.
const PREFLIGHT: [(header::HeaderName, &str); 2] =
    [(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"), (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type")];

/// Answers a browser's question beforehand, and marks every other answer as for any origin.
pub(crate) async fn open(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        (StatusCode::NO_CONTENT, PREFLIGHT).into_response()
    } else {
        next.run(request).await
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
