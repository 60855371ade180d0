//! What the endpoints' handlers and the driver of one process share.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use aerys::{Client, ClientId, CloseCode, Message};

use crate::{
    conversation::{Conversation, Done, Which},
    endpoint::Held,
    endpoints::Endpoints,
    outgoing::{Outgoing, Room},
    protocol::ToProcess,
};

/// The words with which clients are closed whose process has gone.
const PROCESS_GONE: &str = "the application is restarted";

/// A process, as those see it whose clients it has.
pub(crate) struct Link {
    pub(crate) outgoing: Outgoing,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) max_frame: usize,
    conversations: Mutex<Conversations>,
    /// How many there are, for who looks for the process with the fewest.
    clients: AtomicUsize,
    events: AtomicU32,
    heartbeat: Mutex<Heartbeat>,
}

/// How quick a process is to answer.
#[derive(Default)]
struct Heartbeat {
    /// When it was asked what it has not answered.
    asked: Option<Instant>,
    /// How long it took to answer before.
    answered: Duration,
}

impl Heartbeat {
    fn unanswered_for(&self) -> Duration {
        self.asked.map_or(Duration::ZERO, |asked| asked.elapsed())
    }
}

#[derive(Default)]
struct Conversations {
    by_client: HashMap<u64, Arc<Conversation>>,
    /// Whether the process has gone.
    is_over: bool,
}

impl Link {
    pub(crate) fn new(
        endpoints: Arc<Endpoints>,
        max_frame: usize,
        max_queued_bytes: usize,
    ) -> Self {
        Self {
            outgoing: Outgoing::new(max_queued_bytes),
            endpoints,
            max_frame,
            conversations: Mutex::default(),
            clients: AtomicUsize::new(0),
            events: AtomicU32::new(0),
            heartbeat: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Conversations> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many clients it has, those included that are being decided about.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// It is asked whether it is there.
    pub(crate) fn asked(&self) {
        self.heartbeat().asked = Some(Instant::now());
    }

    /// It has answered that.
    pub(crate) fn answered(&self) {
        let mut heartbeat = self.heartbeat();
        if let Some(asked) = heartbeat.asked.take() {
            heartbeat.answered = asked.elapsed();
        }
    }

    /// For how long it has not answered; zero if it has.
    pub(crate) fn unanswered_for(&self) -> Duration {
        self.heartbeat().unanswered_for()
    }

    /// How long it took to answer last, or for how long it has not if that is longer.
    pub(crate) fn lag(&self) -> Duration {
        let heartbeat = self.heartbeat();
        heartbeat.unanswered_for().max(heartbeat.answered)
    }

    fn heartbeat(&self) -> MutexGuard<'_, Heartbeat> {
        self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for an event. 0 is none.
    pub(crate) fn next_event(&self) -> u32 {
        match self.events.fetch_add(1, Relaxed).wrapping_add(1) {
            0 => self.next_event(),
            number => number,
        }
    }

    pub(crate) fn conversation(&self, client: u64) -> Option<Arc<Conversation>> {
        self.lock().by_client.get(&client).map(Arc::clone)
    }

    /// Whether there is room in a frame for so much.
    pub(crate) fn takes(&self, frame: &ToProcess<'_>) -> bool {
        frame.max_len() - 4 <= self.max_frame
    }

    /// Says that a client asks to be let in; `false` if the process has gone.
    pub(crate) fn open(
        &self,
        conversation: &Arc<Conversation>,
        seq: u32,
        request: &str,
        room: Room,
    ) -> bool {
        let id = conversation.id.as_u64();
        {
            let mut conversations = self.lock();
            if conversations.is_over {
                return false;
            }
            conversations.by_client.insert(id, Arc::clone(conversation));
            self.clients.store(conversations.by_client.len(), Relaxed);
        }
        let open = ToProcess::Open(request);
        self.outgoing.put(&open, conversation.endpoint, id, seq, Some(room)).wake();
        true
    }

    /// Says what a client has said, and waits until the process has handled it.
    pub(crate) async fn data(&self, conversation: &Conversation, message: &Message) -> Done {
        let data = ToProcess::Data(message);
        let Some(room) = self.outgoing.room(data.max_len()).await else { return Done::ProcessGone };
        let (seq, mut wake) = (self.next_event(), None);
        let mut room = Some(room);
        let begins = conversation.begin(Which::Event, seq, || {
            let Conversation { endpoint, id, .. } = conversation;
            wake = Some(self.outgoing.put(&data, *endpoint, id.as_u64(), seq, room.take()));
        });
        if let Some(room) = room {
            self.outgoing.give_back(room);
        }
        if !begins {
            return Done::Well;
        }
        if let Some(wake) = wake {
            wake.wake();
        }
        conversation.handled(Which::Event).await
    }

    /// Says that a client has gone, unless it has been said.
    pub(crate) fn closed(&self, conversation: &Conversation, code: CloseCode, reason: &str) {
        let (seq, mut wake) = (self.next_event(), None);
        conversation.begin(Which::End, seq, || {
            let Conversation { endpoint, id, .. } = conversation;
            let closed = ToProcess::Closed(code, reason);
            wake = Some(self.outgoing.put(&closed, *endpoint, id.as_u64(), seq, None));
        });
        if let Some(wake) = wake {
            wake.wake();
        }
    }

    /// Nothing more is said about a client.
    pub(crate) fn forget(&self, client: u64) {
        let mut conversations = self.lock();
        let forgotten = conversations.by_client.remove(&client);
        self.clients.store(conversations.by_client.len(), Relaxed);
        drop(conversations);
        drop(forgotten);
    }

    /// The process has gone: nobody waits for it, and its clients are closed with 1012.
    pub(crate) fn end(&self) -> usize {
        self.outgoing.close();
        let mut conversations = self.lock();
        conversations.is_over = true;
        let ended = mem::take(&mut conversations.by_client);
        self.clients.store(0, Relaxed);
        drop(conversations);
        let mut closed = 0;
        for conversation in ended.values() {
            // Before anybody is woken that could go on as if all were well.
            closed += usize::from(self.close(conversation, CloseCode::RESTART, PROCESS_GONE));
            conversation.end();
        }
        closed
    }

    /// Closes all clients.
    pub(crate) fn close_all(&self, code: CloseCode, reason: &'static str) {
        let all: Vec<_> = self.lock().by_client.values().map(Arc::clone).collect();
        for conversation in all {
            self.close(&conversation, code, reason);
        }
    }

    fn close(&self, conversation: &Conversation, code: CloseCode, reason: &str) -> bool {
        let Some(client) = self.client(conversation.endpoint, conversation.id) else {
            return false;
        };
        client.close().code(code).reason(reason).nowait();
        true
    }

    /// A client that is here, and one of this process's.
    pub(crate) fn client(&self, endpoint: u16, id: ClientId) -> Option<Client<Held>> {
        let client = self.endpoints.endpoint(endpoint)?.client(id)?;
        let is_ours = client.state().link().is_some_and(|link| std::ptr::eq(&**link, self));
        is_ours.then_some(client)
    }
}
