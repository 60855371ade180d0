//! `actix-ws`, whose connections each have a channel of their own: a broadcast goes through those.

use std::sync::Arc;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    rt::{self, System},
    web::{self, Data, Payload},
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, Session};
use anyhow::Result;
use slab::Slab;
use tokio::sync::Mutex;

use super::{LIMIT, Settings, socket};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let everyone = Data::from(Arc::new(Everyone::default()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&everyone))
            .route("/echo", web::get().to(answer_echo))
            .route("/broadcast", web::get().to(answer_broadcast))
    });
    System::new().block_on(async {
        let server = server.workers(1).tcp_nodelay(true).listen(socket::listen(settings)?)?;
        Ok(server.run().await?)
    })
}

/// All who hear a broadcast. One that does not read holds up the others when its channel is full,
/// as in the library's own example of a chat.
type Everyone = Mutex<Slab<Session>>;

async fn answer_echo(request: HttpRequest, body: Payload) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = open(&request, body)?;
    rt::spawn(echo(session, messages));
    Ok(response)
}

async fn answer_broadcast(
    request: HttpRequest,
    body: Payload,
    everyone: Data<Everyone>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = open(&request, body)?;
    rt::spawn(async move {
        let key = everyone.lock().await.insert(session.clone());
        let outcome = broadcast(session, messages, &everyone).await;
        everyone.lock().await.remove(key);
        outcome
    });
    Ok(response)
}

fn open(
    request: &HttpRequest,
    body: Payload,
) -> actix_web::Result<(HttpResponse, Session, AggregatedMessageStream)> {
    let (response, session, messages) = actix_ws::handle(request, body)?;
    let messages = messages.max_frame_size(LIMIT).aggregate_continuations();
    Ok((response, session, messages.max_continuation_size(LIMIT)))
}

async fn echo(mut session: Session, mut messages: AggregatedMessageStream) -> Result<()> {
    while let Some(message) = messages.recv().await {
        match message? {
            AggregatedMessage::Text(text) => session.text(text).await?,
            AggregatedMessage::Binary(bytes) => session.binary(bytes).await?,
            AggregatedMessage::Ping(payload) => session.pong(&payload).await?,
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Close(reason) => return Ok(session.close(reason).await?),
        }
    }
    Ok(())
}

async fn broadcast(
    mut session: Session,
    mut messages: AggregatedMessageStream,
    everyone: &Everyone,
) -> Result<()> {
    while let Some(message) = messages.recv().await {
        match message? {
            AggregatedMessage::Text(text) => {
                for (_, session) in everyone.lock().await.iter_mut() {
                    // One that has gone is about to be removed.
                    let _ = session.text(text.clone()).await;
                }
            }
            AggregatedMessage::Binary(bytes) => {
                for (_, session) in everyone.lock().await.iter_mut() {
                    let _ = session.binary(bytes.clone()).await;
                }
            }
            AggregatedMessage::Ping(payload) => session.pong(&payload).await?,
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Close(reason) => return Ok(session.close(reason).await?),
        }
    }
    Ok(())
}
