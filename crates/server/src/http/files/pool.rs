//! Threads that read files, apart from those that drive clients and from the application's own
//! `spawn_blocking`.

use std::{io, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Semaphore,
};

/// How many files of one root are read at the same time: as many as nginx has threads for it.
const THREADS: usize = 32;

/// A root's own threads, so that a disk that hangs keeps nothing else waiting. They are started when
/// they are needed and end when they are not.
pub(super) struct Pool {
    /// Only its blocking threads are used. `None` once it is dropped.
    runtime: Option<Runtime>,
    /// Who waits for a thread waits here, where a client that hangs up leaves nothing behind.
    free: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(THREADS)
            .thread_name("aerys-files")
            .build()?;
        Ok(Self { runtime: Some(runtime), free: Arc::new(Semaphore::new(THREADS)) })
    }

    /// Runs what may block. Dropped while that waits for a thread, it is not run; dropped later, its
    /// thread is free when it has ended.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let Some(runtime) = &self.runtime else { return Err(io::ErrorKind::Other.into()) };
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let running = runtime.spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        running.await.map_err(io::Error::other)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whatever hangs on a disk is not waited for.
            runtime.shutdown_background();
        }
    }
}
