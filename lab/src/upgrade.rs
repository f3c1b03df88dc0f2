//! Turns an HTTP request into a WebSocket, after the server has decided that it wants to.
//!
//! The decision is the caller's, made on the plain request, so a refusal is an ordinary HTTP answer with its own status,
//! headers and body.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The server's end of a WebSocket. Dropping it ends the connection without a close frame.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The 101 answer to a request, and the socket that exists once it was sent.
///
/// # Errors
/// When the request is no WebSocket handshake.
pub fn upgrade(
    mut request: Request,
) -> Result<(Response<Body>, impl Future<Output = Option<Socket>> + use<>), tokio_tungstenite::tungstenite::Error> {
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let response = create_response(&axum::http::Request::from_parts(parts, ()))?.map(|()| Body::empty());
    let socket = async {
        let io = TokioIo::new(upgraded.await.ok()?);
        Some(WebSocketStream::from_raw_socket(io, Role::Server, None).await)
    };
    Ok((response, socket))
}
