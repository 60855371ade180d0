//! `yawc`, behind hyper.

use anyhow::{Context, Result};
use futures_util::StreamExt;
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
};
use yawc::{Frame, OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

use super::{LIMIT, Settings, endpoint::Endpoint, hub::Hub, relay};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let hub = Hub::new();
    // Its limits are the least that is too much, and it checks text only when told to.
    let options = Options::default().with_limits(LIMIT + 1, 2 * LIMIT).with_utf8();
    let options = match settings.compression {
        true => options.with_balanced_compression(),
        false => options,
    };
    super::hyper::serve(settings, move |request| answer(request, options.clone(), &hub))
}

fn answer(
    mut request: Request<Incoming>,
    options: Options,
    hub: &Hub<Frame>,
) -> Result<Response<Empty<Bytes>>> {
    let endpoint = Endpoint::on(request.uri().path()).context("no endpoint has this path")?;
    let (response, websocket) = WebSocket::upgrade_with_options(&mut request, options)?;
    tokio::spawn(serve_connection(websocket, endpoint, hub.clone()));
    Ok(response)
}

async fn serve_connection(
    websocket: UpgradeFut,
    endpoint: Endpoint,
    hub: Hub<Frame>,
) -> Result<()> {
    let websocket = websocket.await?.map(Ok::<_, WebSocketError>);
    match endpoint {
        Endpoint::Echo => relay::echo(websocket).await,
        Endpoint::Broadcast => relay::broadcast(websocket, hub).await,
    }
}

impl relay::Message for Frame {
    fn is_data(&self) -> bool {
        matches!(self.opcode(), OpCode::Text | OpCode::Binary)
    }
}
