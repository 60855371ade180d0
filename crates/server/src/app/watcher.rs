//! Timers and tasks, bound to a client or to an endpoint. Readiness is in `readiness`.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Client, Endpoint, Fault, tried};
use crate::{
    error::Failure,
    log::HandlerSpan,
    runtime::{EndpointSlot, Handler, Worker},
};

/// A handle to a timer, a readiness callback or a task.
///
/// Dropping it changes nothing: what it stands for ends when it is over, when it is cancelled, or
/// when the client goes (the server stops) that it is bound to.
#[derive(Clone, Debug)]
pub struct Watcher(Arc<watch::Sender<Mode>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// How often it was enabled before tells a short break from none.
    Enabled {
        before: u64,
    },
    Disabled {
        before: u64,
    },
    Cancelled,
}

impl Watcher {
    /// Lets it call back again. A timer starts anew: its time does not run while it is disabled.
    pub fn enable(&self) {
        self.change(|mode| match mode {
            Mode::Disabled { before } => Some(Mode::Enabled { before: before + 1 }),
            Mode::Enabled { .. } | Mode::Cancelled => None,
        });
    }

    /// Keeps it from calling back until it is enabled. A callback under way goes on; a task does
    /// not notice.
    pub fn disable(&self) {
        self.change(|mode| match mode {
            Mode::Enabled { before } => Some(Mode::Disabled { before }),
            Mode::Disabled { .. } | Mode::Cancelled => None,
        });
    }

    /// Ends it for good; a callback under way is dropped where it waits.
    pub fn cancel(&self) {
        self.change(|_| Some(Mode::Cancelled));
    }

    fn change(&self, next: impl FnOnce(Mode) -> Option<Mode>) {
        self.0.send_if_modified(|mode| match next(*mode) {
            Some(next) => {
                *mode = next;
                true
            }
            None => false,
        });
    }
}

/// Bound to one client: each ends when the client goes. An error out of a callback is logged and
/// closes the client with 1011, as one out of a handler does; a [`SendError`](crate::SendError)
/// only ends the callback.
impl<S: Send + Sync + 'static> Client<S> {
    /// Runs a task on the client's worker, beside its handlers.
    ///
    /// ```
    /// # use aerys::Client;
    /// # fn example(client: &Client) {
    /// let friend = client.clone();
    /// client.spawn(async move {
    ///     friend.send("this may take a while").await?;
    ///     Ok(())
    /// });
    /// # }
    /// ```
    pub fn spawn(
        &self,
        task: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Watcher {
        spawn(self.clone(), task)
    }

    /// Calls back once, after a time.
    pub fn once<F, R>(&self, after: Duration, callback: F) -> Watcher
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        start(self.clone(), move |client, mode| once(client, mode, after, callback))
    }

    /// Calls back again and again, the first time after one period of at least 1 ms. Periods that
    /// pass while a callback runs are skipped.
    ///
    /// ```
    /// # use aerys::Client;
    /// # use std::time::Duration;
    /// # fn example(client: &Client) {
    /// let ticks = client.repeat(Duration::from_secs(1), async |client| {
    ///     client.send("tick").await?;
    ///     Ok(())
    /// });
    /// ticks.disable(); // and later: ticks.enable()
    /// # }
    /// ```
    pub fn repeat<F, R>(&self, every: Duration, callback: F) -> Watcher
    where
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        start(self.clone(), move |client, mode| repeat(client, mode, every, callback))
    }
}

/// Bound to no client: each ends when the server stops. An error out of a callback is logged and
/// ends the watcher, except that a [`repeat`](Self::repeat) goes on.
impl<S: Send + Sync + 'static> Endpoint<S> {
    /// Runs a task on one of the server's workers.
    pub fn spawn(
        &self,
        task: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Watcher {
        spawn(self.clone(), task)
    }

    /// Calls back once, after a time.
    pub fn once<F, R>(&self, after: Duration, callback: F) -> Watcher
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        start(self.clone(), move |endpoint, mode| once(endpoint, mode, after, callback))
    }

    /// Calls back again and again, as [`Client::repeat`] does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use aerys::{Accepted, Endpoint, Failure, Handshake, Refusal, Websocket};
    ///
    /// struct Dashboard;
    ///
    /// impl Websocket for Dashboard {
    ///     async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
    ///         endpoint.repeat(Duration::from_secs(1), async |everyone| {
    ///             everyone.broadcast(format!("{} watching", everyone.len())).nowait();
    ///             Ok(())
    ///         });
    ///         Ok(())
    ///     }
    ///
    ///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    ///         Ok(handshake.accept())
    ///     }
    /// }
    /// ```
    pub fn repeat<F, R>(&self, every: Duration, callback: F) -> Watcher
    where
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        start(self.clone(), move |endpoint, mode| repeat(endpoint, mode, every, callback))
    }
}

/// Whom a watcher is bound to.
pub(crate) trait Owner: Clone + Send + Sync + 'static {
    fn runtime(&self) -> &Handle;
    /// Cancelled when the watcher is to end.
    fn end(&self) -> CancellationToken;
    fn slot(&self) -> EndpointSlot;
    /// The span of a call.
    fn span(&self) -> HandlerSpan;
    /// Does what an error out of a callback demands; answers whether a repeat goes on.
    fn suffer(&self, fault: Fault) -> bool;
}

impl<S: Send + Sync + 'static> Owner for Client<S> {
    fn runtime(&self) -> &Handle {
        self.endpoint().roster().worker(self.id()).runtime()
    }

    fn end(&self) -> CancellationToken {
        self.shared().end()
    }

    fn slot(&self) -> EndpointSlot {
        self.endpoint().roster().slot()
    }

    fn span(&self) -> HandlerSpan {
        Client::span(self, Handler::Watcher)
    }

    fn suffer(&self, fault: Fault) -> bool {
        fault.punish(self, "watcher");
        fault.is_silent()
    }
}

impl<S: Send + Sync + 'static> Owner for Endpoint<S> {
    fn runtime(&self) -> &Handle {
        self.roster().any_worker().runtime()
    }

    fn end(&self) -> CancellationToken {
        self.roster().end().clone()
    }

    fn slot(&self) -> EndpointSlot {
        self.roster().slot()
    }

    fn span(&self) -> HandlerSpan {
        Endpoint::span(self, Handler::Watcher)
    }

    fn suffer(&self, fault: Fault) -> bool {
        if !fault.is_silent() {
            fault.report(self, None, "watcher");
        }
        true
    }
}

/// Runs what `watch` makes on the owner's worker until it is over, cancelled, or the owner ends.
pub(crate) fn start<O, W, R>(owner: O, watch: W) -> Watcher
where
    O: Owner,
    W: FnOnce(O, Switch) -> R,
    R: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let (control, mode) = watch::channel(Mode::Enabled { before: 0 });
    let (end, mut switch) = (owner.end(), Switch(mode));
    let watch = watch(owner.clone(), switch.clone());
    let runtime = owner.runtime().clone();
    runtime.spawn(Worker::at_work(owner.slot(), Handler::Watcher, async move {
        tokio::select! {
            biased;
            () = end.cancelled() => {}
            () = switch.cancelled() => {}
            outcome = tried(HandlerSpan::default(), || watch) => {
                if let Err(fault) = outcome {
                    owner.suffer(fault);
                }
            }
        }
    }));
    Watcher(Arc::new(control))
}

fn spawn<O: Owner>(
    owner: O,
    task: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Watcher {
    start(owner, |owner, _| tried(owner.span(), || task))
}

async fn once<O, F, R>(
    owner: O,
    mut switch: Switch,
    after: Duration,
    callback: F,
) -> Result<(), Fault>
where
    O: Owner,
    F: FnOnce(O) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    loop {
        let enabled = switch.enabled().await;
        tokio::select! {
            () = sleep(after) => return tried(owner.span(), || callback(owner)).await,
            () = switch.changed_from(enabled) => {}
        }
    }
}

async fn repeat<O, F, R>(
    owner: O,
    mut switch: Switch,
    every: Duration,
    mut callback: F,
) -> Result<(), Fault>
where
    O: Owner,
    F: FnMut(O) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    let every = every.max(Duration::from_millis(1));
    loop {
        let enabled = switch.enabled().await;
        let Some(first) = Instant::now().checked_add(every) else {
            return pending().await;
        };
        let mut ticks = interval_at(first, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = switch.changed_from(enabled) => break,
                _ = ticks.tick() => {}
            }
            if let Err(fault) = tried(owner.span(), || callback(owner.clone())).await
                && !owner.suffer(fault)
            {
                return Ok(());
            }
        }
    }
}

/// A watcher's mode, as its task sees it.
#[derive(Clone)]
pub(crate) struct Switch(watch::Receiver<Mode>);

impl Switch {
    /// Waits until it is enabled, and answers that mode.
    pub(crate) async fn enabled(&mut self) -> Mode {
        self.until(|mode| matches!(mode, Mode::Enabled { .. })).await
    }

    pub(crate) async fn changed_from(&mut self, mode: Mode) {
        self.until(|now| now != mode).await;
    }

    async fn cancelled(&mut self) {
        self.until(|mode| mode == Mode::Cancelled).await;
    }

    /// For ever, once nobody is left to set it.
    async fn until(&mut self, is: impl Fn(Mode) -> bool) -> Mode {
        let found = self.0.wait_for(|mode| is(*mode)).await.map(|mode| *mode);
        match found {
            Ok(mode) => mode,
            Err(_) => pending().await,
        }
    }
}
