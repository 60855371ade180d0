//! What ends a stream's exchange before it is whole: a body that does not come, and the server's stop.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::response::Cut;
use crate::{
    http_server::{
        AcceptContext,
        transfer::{Transfer, TransferTimer},
        upgrade::Slot,
    },
    session::BoxFuture,
};

pub(super) struct Deadlines {
    context: Arc<AcceptContext>,
    /// Where a handshake is decided that is refused when the server stops.
    slot: Slot,
    transfer: Option<Arc<Transfer>>,
    timer: TransferTimer,
    stop: Stop,
}

enum Stop {
    /// Resolves when the server stops.
    Running(BoxFuture<'static, ()>),
    /// Resolves when there is no time left.
    Stopping(BoxFuture<'static, ()>),
}

/// What has happened.
pub(super) enum Deadline {
    /// There is an answer now: that the body is waited for in vain, or the server stops.
    Answered,
    /// There is no time left.
    Over,
}

impl Deadlines {
    pub(super) fn new(
        context: &Arc<AcceptContext>,
        slot: &Slot,
        transfer: Option<Arc<Transfer>>,
    ) -> Self {
        let stop = context.stop.clone();
        Self {
            context: Arc::clone(context),
            slot: slot.clone(),
            transfer,
            timer: TransferTimer::new(context.limits().body),
            stop: Stop::Running(Box::pin(stop.cancelled_owned())),
        }
    }

    pub(super) fn transfer(&self) -> Option<&Transfer> {
        self.transfer.as_deref()
    }

    /// While there is no answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Deadline> {
        let transfer = self.transfer.as_deref();
        if self.timer.poll(transfer, transfer.map_or(0, Transfer::bytes), cx).is_ready() {
            return Poll::Ready(Deadline::Answered);
        }
        match &mut self.stop {
            Stop::Running(stop) => {
                if stop.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.slot.turn_away();
                self.timer.stop();
                let context = Arc::clone(&self.context);
                let time = async move { context.out_of_time().await };
                self.stop = Stop::Stopping(Box::pin(time));
                Poll::Ready(Deadline::Answered)
            }
            Stop::Stopping(time) => time.as_mut().poll(cx).map(|()| Deadline::Over),
        }
    }

    /// While the answer is on its way.
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        loop {
            match self.poll(cx) {
                Poll::Ready(Deadline::Over) => return Poll::Ready(Cut::Stopped),
                Poll::Ready(Deadline::Answered) => {
                    if self.transfer().is_some_and(|transfer| transfer.error().is_some()) {
                        return Poll::Ready(Cut::Unfinished);
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
