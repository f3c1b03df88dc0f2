//! What stands between a browser and the Worker in the page's tests: it serves the built page as the platform would, passes
//! everything else on, and plays the network that breaks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::workerd::top;

/// The longest head of a request.
const MAX_HEAD: usize = 64 * 1024;
/// What is passed on at once.
const PIECE: usize = 16 * 1024;

/// The network between a browser and the Worker.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    site: PathBuf,
    lab: String,
    edge: Mutex<String>,
    /// Whether everything is swallowed.
    cut: watch::Sender<bool>,
    /// Told when every connection is to break.
    breaks: watch::Sender<()>,
}

impl Front {
    /// Serves the page, pointed at a lab, in front of a Worker.
    ///
    /// # Panics
    /// When it cannot, or the page is not built.
    pub async fn start(edge: &str, lab: &str) -> Self {
        let site = top().join("build/site");
        assert!(site.join("index.html").is_file(), "the page is not built: `cargo xtask build` builds it");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            site,
            lab: lab.to_owned(),
            edge: Mutex::new(edge.to_owned()),
            cut: watch::Sender::new(false),
            breaks: watch::Sender::new(()),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let mut breaks = shared.breaks.subscribe();
                    tokio::select! {
                        // Dropping a connection with unread bytes resets it, as a broken network does.
                        _ = breaks.changed() => {}
                        _ = shared.serve(client) => {}
                    }
                });
            }
        });
        Self { address, shared }
    }

    /// Where the browser finds the page.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.address.port())
    }

    /// From now on nothing goes through, and nobody is told; or it does again, with all that was held up.
    pub fn cut(&self, is_cut: bool) {
        self.shared.cut.send_replace(is_cut);
    }

    /// Breaks every connection that there is.
    pub fn break_off(&self) {
        self.shared.breaks.send_replace(());
    }

    /// The Worker is somewhere else now.
    pub fn move_to(&self, edge: &str) {
        edge.clone_into(&mut self.shared.edge.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        self.wait_for_network().await;
        let head = read_head(&mut client).await?;
        let text = String::from_utf8_lossy(&head);
        let mut words = text.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        if method == "GET"
            && let Some((kind, body)) = self.file(path)
        {
            return self.answer(&mut client, kind, &body).await;
        }
        let edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut edge = TcpStream::connect(edge.trim_start_matches("http://")).await?;
        edge.write_all(last_of_its_connection(&text).as_bytes()).await?;
        let (from_client, to_client) = client.split();
        let (from_edge, to_edge) = edge.split();
        tokio::try_join!(self.pass(from_client, to_edge), self.pass(from_edge, to_client))?;
        Ok(())
    }

    async fn pass(&self, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let count = from.read(&mut piece).await?;
            if count == 0 {
                return to.shutdown().await;
            }
            self.wait_for_network().await;
            to.write_all(&piece[..count]).await?;
        }
    }

    async fn wait_for_network(&self) {
        // The sender is in `self`, so it cannot be gone.
        let _ = self.cut.subscribe().wait_for(|is_cut| !is_cut).await;
    }

    /// A file of the page.
    fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        if path == "/dialer.json" {
            return Some(("application/json", json!({ "lab": self.lab }).to_string().into_bytes()));
        }
        let path = Path::new(path.trim_start_matches('/'));
        if path.components().any(|part| !matches!(part, Component::Normal(_))) {
            return None;
        }
        let file = if path.as_os_str().is_empty() { self.site.join("index.html") } else { self.site.join(path) };
        let kind = match file.extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript",
            "css" => "text/css",
            "svg" => "image/svg+xml",
            "wasm" => "application/wasm",
            "json" => "application/json",
            _ => return None,
        };
        std::fs::read(file).ok().map(|body| (kind, body))
    }

    async fn answer(&self, client: &mut TcpStream, kind: &str, body: &[u8]) -> io::Result<()> {
        let headers = std::fs::read_to_string(self.site.join("_headers"))?;
        // As `cargo xtask dev` does: the lab is one more place to load from and to talk to.
        let lab = format!("{} {}", self.lab, self.lab.replacen("http", "ws", 1));
        let headers = ["script-src", "media-src", "connect-src"]
            .into_iter()
            .fold(headers, |headers, name| headers.replacen(name, &format!("{name} {lab}"), 1));
        let own: Vec<&str> = headers.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n{}\r\n\r\n",
            own.join("\r\n")
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(body).await?;
        client.shutdown().await
    }
}

async fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    // What follows the head is left where it is, for whoever reads on.
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(client.read_u8().await?);
    }
    Ok(head)
}

/// The head of a request after which its connection is closed, unless it is upgraded: the next one may be for a file of the page.
fn last_of_its_connection(head: &str) -> String {
    if head.to_ascii_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let keeps_alive = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    let lines: Vec<&str> = head.trim_end().split("\r\n").filter(keeps_alive).collect();
    format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))
}
