//! What the object of a call does with chunks of the record: into R2, or in its own database until R2 takes them.

use std::rc::Rc;

use fourwire_engine::call::{Chunk, Event};
use fourwire_engine::record::{self, ChunkName, ChunkSpan};
use fourwire_wire::frame::PerChannel;

use super::driver::Driver;
use super::host::Host;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::storage::sealed;

impl Driver {
    /// Stores a chunk, or keeps it.
    pub(super) fn record(self: &Rc<Self>, chunk: Chunk) {
        let driver = Rc::clone(self);
        self.spawn(async move {
            let span = chunk.span;
            let event = match driver.try_record(chunk).await {
                Ok(true) => Event::Recorded(&span),
                Ok(false) => Event::RecordFailed(&span),
                Err(problem) => {
                    log::error!("chunk_not_kept", conversation = driver.conversation_id(), error = problem.cause());
                    Event::RecordLost(&span)
                }
            };
            driver.run(event);
        });
    }

    /// Keeps a chunk until it is asked for.
    pub(super) fn keep_chunk(self: &Rc<Self>, chunk: &Chunk) {
        if let Err(problem) = self.try_keep_chunk(chunk) {
            log::error!("chunk_not_kept", conversation = self.conversation_id(), error = problem.cause());
            // The session is in the middle of its actions, and hears of it afterwards.
            let (driver, span) = (Rc::clone(self), chunk.span);
            self.spawn(async move { driver.run(Event::RecordLost(&span)) });
        }
    }

    /// Stores a chunk that is kept.
    pub(super) fn record_kept(self: &Rc<Self>, span: ChunkSpan) {
        let driver = Rc::clone(self);
        self.spawn(async move {
            let event = match driver.try_record_kept(&span).await {
                Ok(true) => Event::Recorded(&span),
                Ok(false) => Event::RecordLost(&span),
                Err(problem) => {
                    log::error!("chunk_not_stored", conversation = driver.conversation_id(), error = problem.cause());
                    Event::RecordFailed(&span)
                }
            };
            driver.run(event);
        });
    }

    /// Keeps a chunk no more.
    pub(super) fn drop_chunk(&self, span: ChunkSpan) {
        let dropped = self
            .archive()
            .and_then(|archive| self.with_store(|store| store.drop_chunk(&ChunkName::new(archive.folder(), span))));
        if let Err(problem) = dropped {
            log::error!("chunk_not_dropped", conversation = self.conversation_id(), error = problem.cause());
        }
    }

    /// Whether the archive has it; else it is kept, as it was sealed for the archive.
    async fn try_record(&self, chunk: Chunk) -> Result<bool, Problem> {
        let (name, body) = self.seal_chunk(&chunk)?;
        drop(chunk);
        let Err(problem) = self.archive()?.put_chunk(&name, body.clone()).await else { return Ok(true) };
        log::error!("chunk_not_stored", conversation = self.conversation_id(), error = problem.cause());
        self.with_store(|store| store.keep_chunk(&name, body))?;
        Ok(false)
    }

    fn try_keep_chunk(&self, chunk: &Chunk) -> Result<(), Problem> {
        let (name, body) = self.seal_chunk(chunk)?;
        self.with_store(|store| store.keep_chunk(&name, body))
    }

    /// False where there is no such chunk.
    async fn try_record_kept(&self, span: &ChunkSpan) -> Result<bool, Problem> {
        let archive = self.archive()?;
        let name = ChunkName::new(archive.folder(), *span);
        let Some(body) = self.with_store(|store| store.chunk(&name))? else { return Ok(false) };
        archive.put_chunk(&name, body).await?;
        self.with_store(|store| store.drop_chunk(&name))?;
        Ok(true)
    }

    fn seal_chunk(&self, chunk: &Chunk) -> Result<(ChunkName, Vec<u8>), Problem> {
        let archive = self.archive()?;
        let name = ChunkName::new(archive.folder(), chunk.span);
        let nonces = PerChannel { user: sealed::nonce()?, remote: sealed::nonce()? };
        let PerChannel { user, remote } = &chunk.pcm;
        let pcm = PerChannel { user: user.expose().as_slice(), remote: remote.expose().as_slice() };
        let body = record::seal(archive.key(), &name, nonces, pcm).during("seal.chunk")?;
        Ok((name, body))
    }
}
