//! Local ports: whether one is free, and whether something answers on it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};

/// How long a server on this machine may take to answer one request before it counts as not there yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes sure that `port` can be listened on. `user` is what wants it and `flag` what chooses another.
///
/// # Errors
/// One sentence that names the port and the way out.
pub fn ensure_free(port: u16, user: &str, flag: &str) -> Result<()> {
    let Err(error) = TcpListener::bind(address(port)) else { return Ok(()) };
    if error.kind() == ErrorKind::AddrInUse {
        bail!(
            "port {port} is taken, and {user} is to listen there: end what uses it, or choose another with {flag} PORT"
        );
    }
    bail!("{user} cannot listen on port {port} ({error}): choose another with {flag} PORT");
}

/// Whether a web server answers on `port`: with anything, since an error too is an answer.
pub fn answers_http(port: u16) -> bool {
    let exchange = || -> std::io::Result<bool> {
        let mut connection = TcpStream::connect_timeout(&address(port), PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        write!(connection, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 5];
        connection.read_exact(&mut start)?;
        Ok(start == *b"HTTP/")
    };
    exchange().unwrap_or(false)
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_taken_port_is_one_sentence_with_the_way_out() {
        let taken = TcpListener::bind(address(0)).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        let sentence = ensure_free(port, "the Worker", "--port").expect_err("it is taken").to_string();
        assert_eq!(
            sentence,
            format!(
                "port {port} is taken, and the Worker is to listen there: end what uses it, or choose another with --port PORT"
            )
        );
    }

    /// A port that was free a moment ago may be taken by a program that another test starts; of several, not all are.
    #[test]
    fn a_free_port_is_found_free() {
        let mut ports = (0..20)
            .map(|_| TcpListener::bind(address(0)).expect("a free port").local_addr().expect("its address").port());
        assert!(ports.any(|port| ensure_free(port, "the Worker", "--port").is_ok()));
    }

    #[test]
    fn a_server_answers_and_a_closed_port_does_not() {
        let listener = TcpListener::bind(address(0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a client");
            let mut request = [0; 256];
            assert!(connection.read(&mut request).expect("a request") > 0);
            connection.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").expect("a reader");
        });
        assert!(answers_http(port), "an error is an answer");
        server.join().expect("the server ran to its end");
        assert!(!answers_http(port), "nobody listens any more");
    }
}
