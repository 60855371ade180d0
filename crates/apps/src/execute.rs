//! Does what a process has said, in that order.

use std::{borrow::Cow, pin::Pin, sync::Arc};

use aerys::{
    Client, ClientGone, ClientId, CloseCode, Endpoint, Failure, Handshake, JoinError, SendError,
    command::Broadcast,
};
use serde_json::json;

use crate::{
    conversation::Conversation,
    endpoint::Held,
    error::End,
    link::Link,
    protocol::{Audience, Command, Head, Outcome},
    stats,
};

/// What the log and the peer's answer say of an event that a process has failed at. Why is among its own lines.
pub(crate) const FAILED: &str = "its process says that it has failed";

/// What becomes of a command.
pub(crate) enum Doing {
    /// It is over.
    Did(Outcome),
    /// It has begun once this was polled.
    Does(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

impl Link {
    /// Begins a command.
    pub(crate) fn execute(self: &Arc<Self>, head: Head, command: Command) -> Result<Doing, End> {
        if !self.endpoints.has(head.endpoint) {
            return Err(End::Rule("a command is about an endpoint that there is not"));
        }
        let is_awaited = head.seq != 0;
        let done = Outcome::Done(None);
        Ok(Doing::Did(match command {
            Command::Impossible(why) => Outcome::Refused(why.into()),
            Command::Accept(protocol) => match self.answerable(head) {
                Some((conversation, handshake)) => {
                    let handshake =
                        if protocol.is_empty() { *handshake } else { handshake.select(&protocol) };
                    self.accept(&conversation, handshake);
                    done
                }
                None if self.here(head).is_some() => {
                    Outcome::Refused("the client has been accepted already".into())
                }
                None => Outcome::Gone,
            },
            Command::Send { key, message } => {
                let Some(client) = self.admitted(head) else {
                    return Ok(Doing::Did(Outcome::Gone));
                };
                match (key, is_awaited) {
                    (None, false) => client.send(message).nowait(),
                    (Some(key), false) => client.send(message).key(key).nowait(),
                    (None, true) => {
                        return Ok(does(async move { sent(client.send(message).await) }));
                    }
                    (Some(key), true) => {
                        return Ok(does(async move { sent(client.send(message).key(key).await) }));
                    }
                }
                done
            }
            Command::Broadcast { audience, key, message } => {
                if head.client != 0 {
                    let _ = self.admitted(head);
                }
                let Some(endpoint) = self.started(head) else { return Ok(not_started()) };
                return Ok(broadcast(endpoint, audience, key, message, is_awaited));
            }
            Command::Close { code, reason } => {
                let Some(client) = self.admitted(head) else {
                    return Ok(Doing::Did(Outcome::Gone));
                };
                if is_awaited {
                    return Ok(does(async move {
                        client.close().code(code).reason(reason).await;
                        Outcome::Done(None)
                    }));
                }
                client.close().code(code).reason(reason).nowait();
                done
            }
            Command::Inspect => match self.admitted(head) {
                Some(client) => Outcome::Done(Some(stats::json(&client.inspect()))),
                None => Outcome::Gone,
            },
            Command::Join(group) => match self.admitted(head).map(|it| it.join(group)) {
                Some(Ok(())) => done,
                None | Some(Err(JoinError::ClientGone)) => Outcome::Gone,
                Some(Err(error)) => Outcome::Refused(error.to_string().into()),
            },
            Command::Leave(group) => match self.admitted(head) {
                Some(client) => {
                    client.leave(group);
                    done
                }
                None => Outcome::Gone,
            },
            Command::Group(name) => match self.started(head) {
                Some(endpoint) => ids(&endpoint.group(name).clients()),
                None => return Ok(not_started()),
            },
            Command::Clients => match self.started(head) {
                Some(endpoint) => ids(&endpoint.clients()),
                None => return Ok(not_started()),
            },
        }))
    }

    fn started(&self, head: Head) -> Option<&Endpoint<Held>> {
        self.endpoints.endpoint(head.endpoint)
    }

    fn here(&self, head: Head) -> Option<Client<Held>> {
        self.client(head.endpoint, ClientId::from_u64(head.client))
    }

    /// The handshake of a client that nobody has answered.
    pub(crate) fn answerable(
        &self,
        head: Head,
    ) -> Option<(Arc<Conversation>, Box<Handshake<Held>>)> {
        let conversation = self.conversation(head.client)?;
        if conversation.endpoint != head.endpoint {
            return None;
        }
        let handshake = conversation.take_handshake()?;
        Some((conversation, handshake))
    }

    /// The client, which is accepted if it is not.
    fn admitted(self: &Arc<Self>, head: Head) -> Option<Client<Held>> {
        if let Some(client) = self.here(head) {
            return Some(client);
        }
        let (conversation, handshake) = self.answerable(head)?;
        Some(self.accept(&conversation, *handshake))
    }

    /// Lets a client in.
    pub(crate) fn accept(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        handshake: Handshake<Held>,
    ) -> Client<Held> {
        let held = Held::of_process(Arc::clone(self), Arc::clone(conversation));
        let accepted = handshake.accept_with(held);
        let client = Client::clone(&accepted);
        conversation.answer(Ok(accepted));
        if self.client(conversation.endpoint, conversation.id).is_none() {
            // It came too late, when the peer had been answered 503: no `on_close` follows. Or one runs already.
            self.closed(conversation, CloseCode::ABNORMAL, "");
        }
        client
    }

    /// The process has handled an event.
    pub(crate) fn done(self: &Arc<Self>, head: Head, has_failed: bool) -> Result<(), End> {
        let unknown = || End::Rule("a DONE is about an event that is not being handled");
        if let Some((conversation, handshake)) = self.answerable(head) {
            if has_failed {
                drop(handshake);
                conversation.answer(Err(Failure::new(FAILED).into()));
            } else {
                self.accept(&conversation, *handshake);
            }
        }
        let conversation = self.conversation(head.client).ok_or_else(unknown)?;
        let finished = conversation.done(head.seq, has_failed).ok_or_else(unknown)?;
        if finished.is_last {
            self.forget(head.client);
        }
        finished.wake();
        Ok(())
    }
}

fn does(future: impl Future<Output = Outcome> + Send + 'static) -> Doing {
    Doing::Does(Box::pin(future))
}

fn not_started() -> Doing {
    Doing::Did(Outcome::Refused(Cow::Borrowed("the endpoint has not started")))
}

fn sent(outcome: Result<(), SendError>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Done(None),
        Err(ClientGone) => Outcome::Gone,
        Err(SendError::Superseded) => Outcome::Superseded,
        Err(error) => Outcome::Refused(error.to_string().into()),
    }
}

fn ids(clients: &[Client<Held>]) -> Outcome {
    let ids: Vec<_> = clients.iter().map(|client| client.id().as_u64()).collect();
    Outcome::Done(Some(json!({ "clients": ids }).to_string()))
}

fn broadcast(
    endpoint: &Endpoint<Held>,
    audience: Audience,
    key: Option<String>,
    message: aerys::Message,
    is_awaited: bool,
) -> Doing {
    let group = audience.group.as_ref().map(|name| endpoint.group(name));
    if !is_awaited {
        let broadcast = match &group {
            Some(group) => group.broadcast(message),
            None => endpoint.broadcast(message),
        };
        narrowed(broadcast, audience, key).nowait();
        return Doing::Did(Outcome::Done(None));
    }
    let endpoint = endpoint.clone();
    does(async move {
        let broadcast = match &group {
            Some(group) => group.broadcast(message),
            None => endpoint.broadcast(message),
        };
        let tally = narrowed(broadcast, audience, key).await;
        let value = json!({
            "delivered": tally.delivered,
            "gone": tally.gone,
            "superseded": tally.superseded,
            "dropped": tally.dropped,
        });
        Outcome::Done(Some(value.to_string()))
    })
}

fn narrowed<'e>(
    mut broadcast: Broadcast<'e, Held>,
    Audience { only, except, is_local, .. }: Audience,
    key: Option<String>,
) -> Broadcast<'e, Held> {
    if let Some(only) = only {
        broadcast = broadcast.only(only);
    }
    if is_local {
        broadcast = broadcast.local();
    }
    if let Some(key) = key {
        broadcast = broadcast.key(key);
    }
    broadcast.except(except)
}
