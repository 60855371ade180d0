//! Puts one server through one scenario, once.

use std::{rc::Rc, sync::Barrier, thread, time::Duration};

use anyhow::{Result, anyhow};

use super::{
    identity::Identity,
    machine::Cores,
    process::{Spent, segments_sent},
    results::{Figure, Figures},
    scenario::{Scenario, TENTH, Workload},
    server::{Launch, Server},
    subject::Subject,
};
use crate::load::{
    Broadcast, Crowd, Echo, Http2Echo, Message, Mixed, Pace, Patience, Tally, Until, Visit,
    connects, noread,
};

/// The size from which a message's copies can be told in the server's memory, in bytes.
const LARGE: usize = 1 << 20;

/// How many messages the hog has under way.
const HOG: usize = 64;

/// How many threads load a server that has several workers.
const LOADS: usize = 2;

/// How long a server is given to come to rest.
const SETTLE: Duration = Duration::from_millis(200);

/// How long a load goes on, uncounted and counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) warm: Until,
    pub(crate) window: Until,
}

/// Starts a server, loads it, and counts.
///
/// # Errors
///
/// If the server fails, answers wrongly or not in time.
pub(crate) fn measure(
    scenario: Scenario,
    subject: &Subject,
    extent: Extent,
    identity: &Identity,
    cores: &Cores,
) -> Result<Figures> {
    let Scenario { workload, tls } = scenario;
    let (workers, compression) = match workload {
        Workload::Workers { workers, .. } => (workers, false),
        Workload::Json { deflate, .. } | Workload::Idle { deflate, .. } => (1, deflate),
        _ => (1, false),
    };
    let tls = tls.then_some(identity);
    let http2 = matches!(workload, Workload::Http2 { .. });
    let server =
        Server::start(Launch { subject, workers, compression, tls, http2, nats: None }, cores)?;
    let measurement = Measurement { server: &server, extent, spins: cores.are_enough() };
    match workload {
        Workload::Echo { clients, size, depth } => measurement.echo(clients, size, depth),
        Workload::Hog { light } => measurement.hog(light),
        Workload::Broadcast { clients, size, burst } => {
            let message = Message::binary(size, burst);
            measurement.broadcast(clients, message, burst, false)
        }
        Workload::Only { clients, size } => {
            let paths = ["/only?heard", "/only"];
            measurement.some(paths, clients / TENTH, clients, Message::binary(size, 1))
        }
        Workload::Group { members, clients, size } => {
            let paths = ["/group?heard", "/group"];
            measurement.some(paths, members, clients, Message::binary(size, 1))
        }
        Workload::Mixed { echoes, clients, size, per_second } => {
            let interval = Duration::from_secs(1).checked_div(per_second.unwrap_or(0));
            measurement.mixed(echoes, clients, size, interval.unwrap_or_default())
        }
        Workload::Json { clients, deflate: false } => {
            measurement.broadcast(clients, Message::json(1), 1, false)
        }
        Workload::Json { clients, deflate: true } => {
            measurement.broadcast(clients, Message::json(1).deflated()?, 1, true)
        }
        Workload::Idle { clients, deflate } => measurement.idle(clients, deflate),
        Workload::Pings { clients, seconds } => {
            measurement.pings(clients, Duration::from_secs(seconds))
        }
        Workload::Connects { clients } => measurement.connects("/echo", clients),
        Workload::Joins { clients } => measurement.connects("/joins", clients),
        Workload::NoRead { clients, seconds } => {
            measurement.noread(clients, Duration::from_secs(seconds))
        }
        Workload::Workers { clients, .. } => measurement.workers(clients, cores),
        Workload::Http2 { clients, size } => measurement.http2(clients, size),
    }
}

struct Measurement<'a> {
    server: &'a Server,
    extent: Extent,
    spins: bool,
}

impl Measurement<'_> {
    fn echo(&self, clients: usize, size: usize, depth: usize) -> Result<Figures> {
        let message = Rc::new(Message::binary(size, depth));
        let crowd = Crowd::open(&self.visit("/echo"), clients, &message)?;
        let before = self.server.memory()?;
        let mut echo = Echo::start(crowd, Pace::Batches(depth))?;
        let copies = match (clients, size) {
            (1, LARGE..) => Some(self.copies(&mut echo, before, size)?),
            _ => None,
        };
        echo.run(self.extent.warm)?;
        let sent = segments_sent();
        let mut bursts = 0.0;
        let mut figures = self.window(|until| {
            let tally = echo.run(until)?;
            bursts = tally.messages as f64 / depth as f64;
            Ok(tally)
        })?;
        let is_burst = depth > 1 && size < LARGE;
        if let (Some(before), Some(after), true) = (sent, segments_sent(), is_burst) {
            // The load's own writes are one for each burst.
            figures.insert(Figure::Writes, (after - before) / bursts - 1.0);
        }
        echo.finish()?;
        figures.extend(copies.map(|copies| (Figure::Copies, copies)));
        Ok(figures)
    }

    /// Looks at the server's memory in the midst of messages.
    fn copies(&self, echo: &mut Echo, before: f64, size: usize) -> Result<f64> {
        let mut most = before;
        for _ in 0..50 {
            echo.run(Until::Elapsed(Duration::from_millis(2)))?;
            most = most.max(self.server.memory()?);
        }
        Ok((most - before) / size as f64)
    }

    fn hog(&self, light: usize) -> Result<Figures> {
        let visit = self.visit("/echo");
        let mut crowd = Crowd::open(&visit, 1, &Rc::new(Message::binary(16 << 10, HOG)))?;
        crowd.join(&visit, light, &Rc::new(Message::binary(20, 1)))?;
        let mut echo = Echo::start(crowd, Pace::Hog(HOG))?;
        echo.run(self.extent.warm)?;
        let mut bulk = 0.0;
        let mut figures = self.window(|until| {
            let before = echo.first_read();
            let tally = echo.run(until)?;
            bulk = (echo.first_read() - before) as f64 / tally.elapsed.as_secs_f64();
            Ok(tally)
        })?;
        figures.insert(Figure::Bulk, bulk);
        echo.finish()?;
        Ok(figures)
    }

    /// A broadcast to the `subscribers`, who come by the one path, among all `clients`.
    fn some(
        &self,
        [heard, unheard]: [&'static str; 2],
        subscribers: usize,
        clients: usize,
        message: Message,
    ) -> Result<Figures> {
        let message = Rc::new(message);
        let mut crowd = Crowd::open(&self.visit(heard), subscribers, &message)?;
        crowd.join(&self.visit(unheard), clients - subscribers, &message)?;
        let mut broadcast = Broadcast::new(crowd, 1).heard_by(subscribers);
        broadcast.run(self.extent.warm)?;
        self.window(|until| broadcast.run(until))
    }

    fn mixed(
        &self,
        echoes: usize,
        clients: usize,
        size: usize,
        interval: Duration,
    ) -> Result<Figures> {
        let message = Rc::new(Message::binary(20, 1));
        let mut crowd = Crowd::open(&self.visit("/echo"), echoes, &message)?;
        let message = Rc::new(Message::binary(size, 1));
        crowd.join(&self.visit("/broadcast"), clients, &message)?;
        let mut mixed = Mixed::start(crowd, echoes, interval)?;
        mixed.run(self.extent.warm)?;
        self.window(|until| mixed.run(until))
    }

    fn broadcast(
        &self,
        clients: usize,
        message: Message,
        burst: usize,
        deflate: bool,
    ) -> Result<Figures> {
        let visit = Visit { deflate, ..self.visit("/broadcast") };
        let crowd = Crowd::open(&visit, clients, &Rc::new(message))?;
        let mut broadcast = Broadcast::new(crowd, burst);
        broadcast.run(self.extent.warm)?;
        self.window(|until| broadcast.run(until))
    }

    fn idle(&self, clients: usize, deflate: bool) -> Result<Figures> {
        let message = if deflate { Message::json(1).deflated()? } else { Message::binary(1024, 1) };
        let visit = visit(self.server, "/echo", deflate, false);
        let before = self.server.memory()?;
        let mut crowd = Crowd::open(&visit, clients, &Rc::new(message))?;
        crowd.rest(SETTLE)?;
        let open = self.server.memory()? - before;
        crowd.say_once()?;
        crowd.rest(SETTLE)?;
        let used = self.server.memory()? - before;
        let each = |bytes: f64| bytes / clients as f64;
        Ok(Figures::from([(Figure::Open, each(open)), (Figure::Used, each(used))]))
    }

    fn pings(&self, clients: usize, time: Duration) -> Result<Figures> {
        let visit = visit(self.server, "/echo", false, false);
        let mut crowd = Crowd::open(&visit, clients, &Rc::new(Message::binary(1024, 1)))?;
        crowd.say_once()?;
        crowd.rest(SETTLE)?;
        let before = self.server.memory()?;
        crowd.rest(time)?;
        let growth = (self.server.memory()? - before) / clients as f64;
        Ok(Figures::from([(Figure::Growth, growth)]))
    }

    fn connects(&self, path: &'static str, clients: usize) -> Result<Figures> {
        let visit = self.visit(path);
        connects(&visit, clients / 10 + 1)?;
        self.window(|_| connects(&visit, clients))
    }

    fn noread(&self, clients: usize, time: Duration) -> Result<Figures> {
        let visit = visit(self.server, "/echo", false, false);
        let mut crowd = Crowd::open(&visit, clients, &Rc::new(Message::binary(16 << 10, 16)))?;
        // What the first message of all costs is no growth.
        crowd.say_once()?;
        let before = self.server.memory()?;
        let mut most = before;
        let cut = noread(&mut crowd, time, || {
            most = most.max(self.server.memory()?);
            Ok(())
        })?;
        Ok(Figures::from([(Figure::Growth, most - before), (Figure::Cut, cut as f64)]))
    }

    fn workers(&self, clients: usize, cores: &Cores) -> Result<Figures> {
        let start = Barrier::new(LOADS);
        let load = |index: usize| -> Result<f64> {
            cores.pin_load(LOADS, index)?;
            let message = Rc::new(Message::binary(20, 1));
            let crowd = Crowd::open(&self.visit("/echo"), clients / LOADS, &message);
            start.wait();
            let mut echo = Echo::start(crowd?, Pace::Batches(1))?;
            echo.run(self.extent.warm)?;
            let tally = echo.run(self.extent.window)?;
            echo.finish()?;
            Ok(tally.messages as f64 / tally.elapsed.as_secs_f64())
        };
        let rates = thread::scope(|scope| {
            let loads = [0, 1].map(|index| scope.spawn(move || load(index)));
            loads.map(|load| load.join().map_err(|_| anyhow!("a load panicked"))?)
        });
        let rates = rates.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(Figures::from([(Figure::Rate, rates.into_iter().sum())]))
    }

    fn http2(&self, clients: usize, size: usize) -> Result<Figures> {
        let message = Message::binary(size, 1);
        let mut echo = Http2Echo::start(&self.visit("/echo"), clients, message)?;
        echo.run(self.extent.warm)?;
        self.window(|until| echo.run(until))
    }

    /// Runs the load for the counted window.
    fn window(&self, load: impl FnOnce(Until) -> Result<Tally>) -> Result<Figures> {
        let before = self.server.usage()?;
        let tally = load(self.extent.window)?;
        let spent = self.server.usage()?.since(before);
        Ok(costs(&tally, spent))
    }

    fn visit(&self, path: &'static str) -> Visit {
        visit(self.server, path, false, self.spins)
    }
}

fn costs(tally: &Tally, spent: Spent) -> Figures {
    let messages = tally.messages as f64;
    let seconds = tally.elapsed.as_secs_f64();
    let mut figures = Figures::from([
        (Figure::Cpu, spent.total / messages),
        (Figure::User, spent.user / messages),
        (Figure::System, spent.system / messages),
        (Figure::Rate, messages / seconds),
        (Figure::Wire, tally.bytes as f64 / messages),
        (Figure::Busy, 1.0 - tally.idle.as_secs_f64() / seconds),
    ]);
    for (figure, share) in [(Figure::P50, 0.5), (Figure::P99, 0.99), (Figure::P999, 0.999)] {
        figures.insert(figure, tally.latency.quantile(share) as f64);
    }
    figures
}

/// How a server's endpoint is visited.
pub(super) fn visit(server: &Server, path: &'static str, deflate: bool, spins: bool) -> Visit {
    let patience = Patience { spins, limit: Duration::from_secs(10) };
    Visit { address: server.address(), path, deflate, tls: server.tls(), patience }
}
