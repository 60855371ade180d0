//! One thread that drives its share of the clients, and the queue of orders others have for it.

mod activity;
mod orders;
mod probe;
mod watchdog;

use std::{
    cell::OnceCell,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Notify,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::orders::Orders;
pub(crate) use self::{
    activity::{Activity, EndpointSlot, Handler},
    orders::Order,
    probe::Probe,
    watchdog::watch,
};
use crate::{
    log,
    metrics::WorkerCounters,
    runtime::{Alarms, clock, supervise},
    transport::{Reactor, yield_now},
};

/// What steps of orders may cost before the worker's connections have their turn: it is 64 writes of a
/// broadcast, after which the sockets are looked at, as they are after 61 turns of connections.
const ORDERS_BUDGET: usize = 1024;

/// Nearer than what connections wait for, as a rule.
const NEAR_ALARM: Duration = Duration::from_secs(1);

/// A worker as the others see it.
///
/// Others give it orders, which it carries out step by step, some when a handler waits or returns and the
/// rest in a task of its own, beside its connections.
pub(crate) struct Worker {
    index: usize,
    runtime: Handle,
    alarms: Arc<Alarms>,
    orders: Orders,
    called: Notify,
    serial: AtomicU64,
    connections: TaskTracker,
    arrival: Notify,
    activity: Activity,
    counters: Arc<WorkerCounters>,
    /// Whether somebody wants to know if it is at work and not stuck.
    is_asked: AtomicBool,
    /// Since when.
    asked: AtomicU64,
}

/// The thread itself. Ends when told to, or when dropped.
pub(crate) struct WorkerThread {
    worker: Arc<Worker>,
    end: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    fn new(index: usize, runtime: Handle) -> Self {
        Self {
            index,
            runtime,
            alarms: Arc::new(Alarms::new()),
            orders: Orders::default(),
            called: Notify::new(),
            serial: AtomicU64::new(1),
            connections: TaskTracker::new(),
            arrival: Notify::new(),
            activity: Activity::default(),
            counters: Arc::default(),
            is_asked: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        }
    }

    /// One that has no thread of its own, but is driven by the runtime around it, which has one.
    #[cfg(feature = "test")]
    pub(crate) fn start_here() -> Arc<Self> {
        let worker = Arc::new(Self::new(0, Handle::current()));
        // Of several threads none is the worker's, so that nobody relies on being on it.
        if worker.runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread {
            // Another one that is here already is as good for who wants to know what runs.
            let _ = HERE.with(|here| here.set(Arc::clone(&worker)));
        }
        worker.ring_alarms();
        let working = Arc::downgrade(&worker);
        worker.runtime.spawn(async move {
            while let Some(worker) = working.upgrade() {
                worker.work_once().await;
            }
        });
        worker
    }

    /// Has `order` carried out as soon as the worker gets to it. If a handler on its thread gives it,
    /// that is when the handler waits or returns. `false` if the worker has ended: who gives the order
    /// has to carry it out.
    pub(crate) fn give(self: &Arc<Self>, order: Arc<dyn Order>) -> bool {
        let is_given = self.orders.give(order);
        // Who is at work here carries out what is new when it has been polled.
        if is_given && !(self.is_here() && self.activity.is_at_work()) {
            self.called.notify_one();
        }
        is_given
    }

    /// Has the worker go on with an order in its turn.
    pub(crate) fn give_back(&self, order: Arc<dyn Order>) {
        self.orders.give_back(order);
    }

    /// Whether orders are carried out by who gives them.
    pub(crate) fn has_ended(&self) -> bool {
        self.orders.has_ended()
    }

    /// Goes on with its orders, for one turn. Its own task goes on with what is left.
    fn carry_out_orders(&self) {
        self.orders.carry_out(ORDERS_BUDGET);
        if !self.orders.is_empty() {
            self.called.notify_one();
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// What its connections are woken by.
    pub(crate) fn alarms(&self) -> &Arc<Alarms> {
        &self.alarms
    }

    fn ring_alarms(&self) {
        let alarms = Arc::clone(&self.alarms);
        self.runtime.spawn(async move { alarms.ring().await });
    }

    /// Runs a connection on the worker.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.connections.spawn_on(connection, &self.runtime);
        self.arrival.notify_one();
    }

    /// Its connections that have not ended.
    pub(crate) fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A handler is about to run on this thread, if it is a worker's.
    #[inline]
    pub(crate) fn enter_handler(slot: EndpointSlot, handler: Handler) {
        HERE.with(|here| {
            if let Some(here) = here.get() {
                here.activity.begin(slot, handler);
            }
        });
    }

    /// What ran on this thread waits or has returned: what it has ordered is carried out.
    pub(crate) fn leave_handler() {
        HERE.with(|here| {
            if let Some(here) = here.get() {
                if here.orders.take_new() {
                    here.carry_out_orders();
                }
                here.activity.end();
            }
        });
    }

    /// Runs a future of the application's, and says so while it is polled.
    pub(crate) fn at_work<F: Future>(
        slot: EndpointSlot,
        handler: Handler,
        work: F,
    ) -> impl Future<Output = F::Output> {
        let mut work = Box::pin(work);
        poll_fn(move |cx| {
            Self::enter_handler(slot, handler);
            let outcome = work.as_mut().poll(cx);
            Self::leave_handler();
            outcome
        })
    }

    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What it counts.
    pub(crate) fn counters(&self) -> &Arc<WorkerCounters> {
        &self.counters
    }

    /// Whether its thread waits for something to happen.
    fn is_asleep(&self) -> bool {
        // Counted when it goes to sleep, and when it wakes.
        self.runtime.metrics().worker_park_unpark_count(0) % 2 == 1
    }

    /// Has it say that it is not stuck, when it gets to it.
    fn ask(&self) {
        self.asked.store(clock::read().tick.0, Ordering::Relaxed);
        self.is_asked.store(true, Ordering::Release);
        self.called.notify_one();
    }

    /// Says that it is not stuck, if somebody wants to know.
    fn answer(&self) {
        if self.is_asked.load(Ordering::Acquire) {
            let since = self.asked.load(Ordering::Relaxed);
            let lag = clock::read().tick.0.saturating_sub(since);
            self.counters.late(Duration::from_nanos(lag));
            self.is_asked.store(false, Ordering::Relaxed);
        }
    }

    fn has_answered(&self) -> bool {
        !self.is_asked.load(Ordering::Relaxed)
    }

    /// Whether this is its thread.
    pub(crate) fn is_here(self: &Arc<Self>) -> bool {
        HERE.with(|here| here.get().is_some_and(|here| Arc::ptr_eq(here, self)))
    }

    async fn work(&self) {
        loop {
            self.work_once().await;
        }
    }

    async fn work_once(&self) {
        self.called.notified().await;
        self.answer();
        self.orders.take_new();
        self.carry_out_orders();
        if !self.orders.is_empty() {
            // Its connections come first.
            yield_now().await;
        }
    }

    /// Keeps an alarm near for as long as connections come. The runtime makes a system call for each
    /// alarm that is to ring before all those it knew when it slept, and connections set several
    /// (bench/NOTES.md#handshakes).
    async fn keep_alarm_near(&self) {
        loop {
            self.arrival.notified().await;
            sleep(NEAR_ALARM).await;
        }
    }
}

impl WorkerThread {
    /// Begins on its thread with `prepare`.
    pub(crate) fn start(index: usize, prepare: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_unpark(clock::slept).build()?;
        let reactor = {
            let _entered = runtime.enter();
            Reactor::new()?
        };
        let worker = Arc::new(Worker::new(index, runtime.handle().clone()));
        let end = CancellationToken::new();
        let thread = thread::Builder::new().name(format!("aerys-{index}")).spawn({
            let (worker, end) = (Arc::clone(&worker), end.clone());
            move || {
                prepare();
                run(&worker, &end, runtime, reactor);
            }
        })?;
        Ok(Self { worker, end, thread: Some(thread) })
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Tells the thread to end; what still runs on it is dropped at its next wait.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Waits until it has.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

fn run(worker: &Arc<Worker>, end: &CancellationToken, runtime: Runtime, reactor: Reactor) {
    // The thread is new, and this is its only worker.
    let _ = HERE.with(|here| here.set(Arc::clone(worker)));
    clock::be_coarse();
    worker.ring_alarms();
    reactor.start();
    runtime.spawn(async move {
        supervise(async || {
            if let Err(error) = reactor.react().await {
                log::event!(ERROR, { %error }, "a worker's sockets are not heard any more");
            }
        })
        .await;
    });
    runtime.block_on(async {
        tokio::select! {
            () = supervise(|| worker.work()) => {}
            () = worker.keep_alarm_near() => {}
            () = end.cancelled() => {}
        }
    });
    worker.orders.end();
    runtime.shutdown_background();
}

thread_local! {
    /// The worker whose thread this is.
    static HERE: OnceCell<Arc<Worker>> = const { OnceCell::new() };
}
