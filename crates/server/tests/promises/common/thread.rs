//! A thread that knows nothing of any runtime.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::sync::oneshot;

use super::soon;

/// Runs a future on a plain thread, from its first poll to its end.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let outcome = loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => thread::park(),
            }
        };
        // The test may have failed meanwhile.
        let _ = sender.send(outcome);
    });
    soon(receiver).await.expect("the thread does not panic")
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
