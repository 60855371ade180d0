//! Certificates that are read anew while the server runs.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{task::spawn_blocking, time::sleep};

use crate::{error::CertificateError, log, metrics::Metrics, transport::TlsAcceptor};

/// Those of the listeners that there are.
pub(super) type TlsAcceptors = ArcSwap<Vec<Arc<TlsAcceptor>>>;

/// How often the files are looked at.
const RELOAD_PERIOD: Duration = Duration::from_secs(10);

/// Has new connections use what is there as soon as it is, for as long as this is polled.
pub(super) async fn watch(acceptors: &TlsAcceptors, metrics: &Metrics) {
    loop {
        sleep(RELOAD_PERIOD).await;
        // What does not fit was logged.
        let _ = reload(acceptors, false, metrics).await;
    }
}

/// Looks at the files, and answers how many certificates are new. What does not fit is said each time if
/// `is_asked`, and else once.
pub(super) async fn reload(
    acceptors: &TlsAcceptors,
    is_asked: bool,
    metrics: &Metrics,
) -> Result<usize, CertificateError> {
    let (mut changed, mut refused) = (0, None);
    for acceptor in acceptors.load_full().iter() {
        let acceptor = Arc::clone(acceptor);
        // A runtime that is going takes no such task any more.
        let Ok(reloaded) = spawn_blocking(move || acceptor.reload(is_asked)).await else { break };
        changed += reloaded.changed;
        metrics.certificates(reloaded.changed, reloaded.refused.len());
        for error in reloaded.refused {
            log::event!(WARN, { %error }, "a new certificate is not used, and the old one stays");
            refused.get_or_insert(error);
        }
    }
    if changed > 0 {
        log::event!(INFO, { changed }, "certificates were read anew");
    }
    refused.map_or(Ok(changed), Err)
}
