//! The connections to NATS, one after the other.
//!
//! The library that speaks NATS would connect again by itself, and send then what was queued before. So each of its
//! clients has one server and one attempt, and is dropped with its connection.

use std::{sync::Arc, time::Duration};

use aerys::Inbound;
use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subject, Subscriber};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    backoff::Backoff,
    batch::Batch,
    confirm::Confirmations,
    epochs::{Form, subject, subjects},
    options::{Options, Secret, shown},
    queue::{Order, Outbound, queue},
    random::random,
    shared::Shared,
    unread::Unread,
};

/// How long it may take to connect.
const CONNECT_PERIOD: Duration = Duration::from_secs(5);

/// How often the server is asked whether it is there; at the third time without an answer it is not.
const PING_PERIOD: Duration = Duration::from_secs(5);

/// How many messages may be with the library, which writes them, beside the frames that are queued here.
const MAX_UNWRITTEN: usize = 64;

/// How many messages may be with the library, which has read them, until they are moved to where they wait: as many as it
/// reads in one turn, which are no more than some megabytes. It would drop what comes beyond.
const MAX_UNMOVED: usize = 256 * 1024;

/// How often it is said at most that frames were dropped.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// A connection whose subscription the server has.
struct Connected {
    client: Client,
    frames: Subscriber,
    confirmations: Confirmations,
    watch: Arc<Watch>,
}

/// What a connection publishes to, by partition.
struct Subjects {
    one: Vec<Subject>,
    several: Vec<Subject>,
}

/// What the library tells of a connection.
#[derive(Default)]
struct Watch {
    gone: Notify,
}

/// Connects, and does so again whenever the connection ends.
pub(crate) async fn keep(options: Options, shared: Arc<Shared>, inbound: Inbound) {
    let mut backoff = Backoff::default();
    let bus = random();
    for (epoch, server) in (1..).zip(options.servers.iter().cycle()) {
        let reason = match connect(&options, server, &shared).await {
            Ok(connected) => {
                backoff.reset();
                info!(server = shown(server), "the bus is there");
                let subjects = Subjects::new(&options.prefix, bus, epoch);
                serve(connected, subjects, &options, server, &shared, &inbound).await
            }
            Err(error) => format!("{}: {error}", shown(server)),
        };
        let wait = backoff.next();
        if !is_away(&shared, &reason) {
            debug!(%reason, ?wait, "the bus is still away");
        }
        sleep(wait).await;
    }
}

async fn connect(
    options: &Options,
    server: &ServerAddr,
    shared: &Arc<Shared>,
) -> Result<Connected, Box<dyn std::error::Error + Send + Sync>> {
    let watch = Arc::<Watch>::default();
    let (watching, counting) = (Arc::clone(&watch), Arc::clone(shared));
    let nats = client_options(options, server).await?.no_echo().event_callback(move |event| {
        watching.hear(&event, &counting);
        std::future::ready(())
    });
    let client = nats.connect(server.clone()).await?;
    let frames = client.subscribe(subjects(&options.prefix)).await?;
    // Who is connected hears what others say from here on: the server has what was asked of it.
    let mut confirmations = Confirmations::new(options, server);
    let (confirm, confirmed) = oneshot::channel();
    let subscribed = async {
        confirmations.ask(&client, confirm).await;
        confirmed.await
    };
    let subscribed = timeout(CONNECT_PERIOD, subscribed).await;
    subscribed.ok().and_then(Result::ok).ok_or("the subscription is not confirmed")?;
    Ok(Connected { client, frames, confirmations, watch })
}

/// For one connection, and none after it.
pub(crate) async fn client_options(
    options: &Options,
    server: &ServerAddr,
) -> std::io::Result<ConnectOptions> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut nats = match (server.username().map(decoded), server.password().map(decoded)) {
        (Some(user), Some(password)) => ConnectOptions::with_user_and_password(user, password),
        (Some(token), None) => ConnectOptions::with_token(token),
        _ => match options.secret.clone() {
            Some(Secret::Password { user, password }) => {
                ConnectOptions::with_user_and_password(user, password)
            }
            Some(Secret::Token(token)) => ConnectOptions::with_token(token),
            None => ConnectOptions::new(),
        },
    };
    if let Some(file) = &options.credentials {
        nats = nats.credentials_file(file).await?;
    }
    for file in &options.roots {
        nats = nats.add_root_certificates(file.clone());
    }
    if let Some((certificate, key)) = &options.identity {
        nats = nats.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(nats
        .name("aerys")
        .max_reconnects(1)
        .ignore_discovered_servers()
        .connection_timeout(CONNECT_PERIOD)
        .ping_interval(PING_PERIOD)
        .client_capacity(MAX_UNWRITTEN)
        .subscription_capacity(MAX_UNMOVED))
}

/// Serves a connection until it ends; answers why it has.
async fn serve(
    connected: Connected,
    subjects: Subjects,
    options: &Options,
    server: &ServerAddr,
    shared: &Arc<Shared>,
    inbound: &Inbound,
) -> String {
    let Connected { client, frames, confirmations, watch } = connected;
    let (queue, mut outbound) = queue(options.max_queued_bytes, client.server_info().max_payload);
    shared.connected(queue);
    inbound.connected();
    let frames = Unread::of(frames, options.max_unread_bytes, shared);
    let reason = tokio::select! {
        () = watch.gone.notified() => "the connection has ended",
        () = hear(frames, inbound) => "the subscription has ended",
        () = tell(&client, &mut outbound, &subjects, confirmations) => "the connection cannot be written to",
        () = report(shared) => "nobody watches the connection",
    };
    let reason = format!("{}: {reason}", shown(server));
    // From here on nothing is queued.
    is_away(shared, &reason);
    let lost = outbound.count_lost();
    shared.lose_unsent(lost);
    if lost > 0 {
        warn!(lost, "messages for other nodes were lost with the connection to the bus");
    }
    reason
}

/// Notes that there is no connection, and says so if that is new. Answers whether it is.
fn is_away(shared: &Shared, reason: &str) -> bool {
    let is_new = shared.away(reason.to_owned());
    if is_new {
        warn!(%reason, "the bus is away; it is looked for");
    }
    is_new
}

/// Gives the node what comes.
async fn hear(mut frames: Unread, inbound: &Inbound) {
    while let Some(frame) = frames.next().await {
        if !inbound.receive(frame) {
            return;
        }
    }
}

/// Writes what is queued.
async fn tell(
    client: &Client,
    outbound: &mut Outbound,
    subjects: &Subjects,
    mut confirmations: Confirmations,
) {
    let mut batch = Batch::new(client.server_info().max_payload);
    while let Some(order) = outbound.next().await {
        match order {
            Order::Publish { partition, frame } => {
                let (frames, bytes, message) = gather(partition, frame, outbound, &mut batch);
                let form = if frames == 1 { Form::One } else { Form::Several };
                let outcome = client.publish(subjects.of(form, partition), message).await;
                outbound.written(frames, bytes);
                if outcome.is_err() {
                    return;
                }
            }
            Order::Confirm(confirm) => confirmations.ask(client, confirm).await,
        }
    }
}

/// A frame, with those behind it that go with it: how many they are, how many bytes they have, and the message.
fn gather(
    partition: u16,
    frame: Bytes,
    outbound: &mut Outbound,
    batch: &mut Batch,
) -> (usize, usize, Bytes) {
    let mut bytes = frame.len();
    if !batch.is_for(&frame) {
        return (1, bytes, frame);
    }
    let mut first = Some(&frame);
    let mut push = |next: &Bytes| first.take().is_none_or(|it| batch.push(it)) && batch.push(next);
    while let Some(len) = outbound.next_if(partition, &mut push) {
        bytes += len;
    }
    match batch.frames() {
        0 | 1 => {
            batch.take();
            (1, bytes, frame)
        }
        frames => (frames, bytes, batch.take()),
    }
}

impl Subjects {
    fn new(prefix: &str, bus: u64, epoch: u64) -> Self {
        let all = |form| {
            let subject = |partition| subject(prefix, form, partition, bus, epoch).into();
            (0..aerys::PARTITIONS).map(subject).collect()
        };
        Self { one: all(Form::One), several: all(Form::Several) }
    }

    fn of(&self, form: Form, partition: u16) -> Subject {
        let of_form = match form {
            Form::One => &self.one,
            Form::Several => &self.several,
        };
        of_form[usize::from(partition) % of_form.len()].clone()
    }
}

impl Watch {
    fn hear(&self, event: &Event, shared: &Shared) {
        match event {
            Event::Disconnected | Event::Closed => self.gone.notify_one(),
            Event::SlowConsumer(_) => shared.drop_unread(),
            _ => debug!(%event, "the bus says"),
        }
    }
}

/// Says how many frames were dropped, once a second at most.
async fn report(shared: &Shared) {
    let mut before = shared.losses().unread;
    loop {
        sleep(REPORT_PERIOD).await;
        let all = shared.losses().unread;
        if all > before {
            let dropped = all - before;
            warn!(dropped, "messages of other nodes were dropped, as this one is too slow");
            before = all;
        }
    }
}
