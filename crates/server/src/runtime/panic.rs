//! Panics end where they begin: in the application's code that is run, and not in the server's.

use std::{
    any::Any,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::sleep;

use super::timing::Timing;
use crate::log::{self, Brief, HandlerSpan};

/// Before what has panicked is begun anew.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// What was said with a panic.
#[derive(Debug)]
pub(crate) struct Panicked(String);

pin_project! {
    /// Application code that is dropped as soon as it is done, or when it is given up: a panic in that is
    /// its own, too. All of it is in a span.
    pub(crate) struct Caught<F> {
        #[pin]
        code: Code<F>,
        span: HandlerSpan,
        timing: Timing,
    }

    impl<F> PinnedDrop for Caught<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut code = this.code;
            if matches!(*code, Code::Running { .. }) {
                let _ = this.span.around(|| contained(|| code.set(Code::Over)));
            }
        }
    }
}

pin_project! {
    #[project = CodeProjection]
    enum Code<F> {
        Running { #[pin] code: F },
        /// It has panicked before there was anything to run.
        NotBegun { panic: Option<Panicked> },
        Over,
    }
}

/// Runs the application code that `start` begins, in a span; a panic in it is its own end and nobody
/// else's.
///
/// No `async fn`, which would have room for the code twice: as its argument and as what it awaits.
#[inline]
pub(crate) fn caught<F: Future>(span: HandlerSpan, start: impl FnOnce() -> F) -> Caught<F> {
    let timing = Timing::begin();
    let code = match span.around(|| contained(start)) {
        Ok(code) => Code::Running { code },
        Err(panic) => Code::NotBegun { panic: Some(panic) },
    };
    Caught { code, span, timing }
}

/// Runs application code; a panic in it ends here.
#[inline]
pub(crate) fn contained<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Panicked::new)
}

impl<F: Future> Caught<F> {
    /// A place for code that is to begin.
    pub(crate) fn idle() -> Self {
        Self { code: Code::Over, span: HandlerSpan::default(), timing: Timing::default() }
    }

    /// How long what was here has taken, now that it is done, if that is [known](Timing).
    #[inline]
    pub(crate) fn took(self: Pin<&mut Self>) -> Option<Duration> {
        self.project().timing.end()
    }

    /// The same beside what comes of it.
    pub(crate) fn timed(self) -> Timed<F> {
        Timed { caught: self }
    }

    /// Begins other code here when what was here is done.
    #[inline]
    pub(crate) fn begin(self: Pin<&mut Self>, span: HandlerSpan, start: impl FnOnce() -> F) {
        let mut this = self.project();
        *this.timing = Timing::begin();
        *this.span = span;
        match this.span.around(|| contained(start)) {
            Ok(code) => this.code.set(Code::Running { code }),
            Err(panic) => this.code.set(Code::NotBegun { panic: Some(panic) }),
        }
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut code = this.code;
        let outcome = this.span.around(|| {
            let outcome = contained(|| {
                let running = match code.as_mut().project() {
                    CodeProjection::Running { code } => code,
                    CodeProjection::NotBegun { panic } => return Poll::Ready(Err(panic.take())),
                    CodeProjection::Over => return Poll::Ready(Err(None)),
                };
                let output = ready!(running.poll(cx));
                code.set(Code::Over);
                Poll::Ready(Ok(output))
            });
            match outcome {
                Ok(Poll::Ready(Ok(output))) => Poll::Ready(Ok(output)),
                Ok(Poll::Ready(Err(panic))) => {
                    Poll::Ready(Err(panic.expect("it is not polled when it is done")))
                }
                Ok(Poll::Pending) => {
                    this.timing.wait();
                    Poll::Pending
                }
                Err(panic) => {
                    // What has panicked once may do so again.
                    let _ = contained(|| code.set(Code::Over));
                    Poll::Ready(Err(panic))
                }
            }
        });
        if outcome.is_ready() {
            // The call is over, however long this stays.
            *this.span = HandlerSpan::default();
        }
        outcome
    }
}

pin_project! {
    /// Application code, and how long it has taken.
    pub(crate) struct Timed<F> {
        #[pin]
        caught: Caught<F>,
    }
}

impl<F: Future> Future for Timed<F> {
    type Output = (Result<F::Output, Panicked>, Option<Duration>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut caught = self.project().caught;
        let outcome = ready!(caught.as_mut().poll(cx));
        Poll::Ready((outcome, caught.took()))
    }
}

/// Begins anew what ends with a panic, be it a bug of ours or a `Drop` of the application's: for what
/// all clients need.
pub(crate) async fn supervise<F: Future<Output = ()>>(start: impl Fn() -> F) {
    while let Err(panic) = caught(HandlerSpan::default(), &start).await {
        let panic = Brief(panic);
        log::event!(ERROR, { %panic }, "something panicked that all clients need; it goes on");
        sleep(RESTART_PAUSE).await;
    }
}

impl Panicked {
    pub(crate) fn new(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        // It may be of any type, also one that cannot be dropped.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(again);
        }
        Self(text.unwrap_or_else(|| "with no message".to_owned()))
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::panic_any,
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use futures_util::FutureExt;

    use super::*;

    /// Cannot be dropped, unless something panics already.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking(), "a bomb");
        }
    }

    /// Is done at once, and cannot be dropped then.
    struct Fragile(fn());

    impl Future for Fragile {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            self.0();
            Poll::Ready(())
        }
    }

    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("fragile");
        }
    }

    #[test]
    fn a_panic_of_code_that_is_done_is_its_own() {
        for (code, said) in [
            (|| (), "fragile"),
            (|| panic!("first"), "first"),
            (|| panic_any(Bomb), "with no message"),
        ] as [(fn(), _); 3]
        {
            let outcome = caught(HandlerSpan::default(), || Fragile(code))
                .now_or_never()
                .expect("it is done");
            assert_eq!(outcome.unwrap_err().to_string(), said);
        }
        drop(caught(HandlerSpan::default(), || Fragile(|| ())));
        let outcome =
            caught(HandlerSpan::default(), || -> Fragile { panic!("before") }).now_or_never();
        assert_eq!(outcome.expect("it is done").unwrap_err().to_string(), "before");
    }

    #[tokio::test(start_paused = true)]
    async fn what_panics_is_begun_anew_until_it_ends() {
        let begun = AtomicUsize::new(0);
        let start = || async {
            assert_eq!(begun.fetch_add(1, Ordering::Relaxed), 2, "not yet");
        };
        supervise(start).await;
        assert_eq!(begun.into_inner(), 3);
    }
}
