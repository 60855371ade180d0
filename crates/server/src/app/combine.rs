//! Several commands, or any futures, awaited together.
//!
//! What is done with a command that is let go here is what is always done: it has been given, and
//! only its receipt is dropped.

use std::{future::poll_fn, task::Poll};

use futures_util::future::{MaybeDone, join_all, maybe_done};

/// Every value, in order; or the first error, at once.
///
/// ```
/// # use aerys::{Client, SendError, all};
/// # async fn example(client: &Client) -> Result<(), SendError> {
/// all([client.send("one"), client.send("two")]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The first that comes. The others are not waited for.
pub async fn all<F, T, E>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    let futures = futures.into_iter().map(|it| Box::pin(maybe_done(it.into_future())));
    let mut futures: Vec<_> = futures.collect();
    poll_fn(|cx| {
        // Each is polled before any outcome is looked at: a command that was never polled was never
        // given.
        let mut pending = false;
        for future in &mut futures {
            pending |= future.as_mut().poll(cx).is_pending();
        }
        let failed = futures.iter().any(|it| matches!(**it, MaybeDone::Done(Err(_))));
        if pending && !failed { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    futures.iter_mut().filter_map(|it| it.as_mut().take_output()).collect()
}

/// Waits for all of them and never fails: what succeeded and what failed, each with its place.
///
/// ```
/// # use aerys::{Client, any};
/// # async fn example(clients: Vec<Client>) {
/// let outcomes = any(clients.iter().map(|client| client.send("anyone?"))).await;
/// for (index, error) in outcomes.failed {
///     println!("not {}: {error}", clients[index].id());
/// }
/// # }
/// ```
pub async fn any<F, T, E>(futures: impl IntoIterator<Item = F>) -> Outcomes<T, E>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    let mut outcomes = Outcomes { succeeded: Vec::new(), failed: Vec::new() };
    let results = join_all(futures.into_iter().map(IntoFuture::into_future)).await;
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Ok(value) => outcomes.succeeded.push((index, value)),
            Err(error) => outcomes.failed.push((index, error)),
        }
    }
    outcomes
}

/// Waits for all of them and fails only if every one did.
///
/// ```
/// # use aerys::{Client, some};
/// # async fn example(clients: Vec<Client>) {
/// match some(clients.iter().map(|client| client.send("anyone?"))).await {
///     Ok(outcomes) => println!("{} heard it", outcomes.succeeded.len()),
///     Err(nobody) => println!("{nobody}"),
/// }
/// # }
/// ```
///
/// # Errors
///
/// [`NoneSucceeded`], with every error; of no futures at all none succeeded either.
pub async fn some<F, T, E>(
    futures: impl IntoIterator<Item = F>,
) -> Result<Outcomes<T, E>, NoneSucceeded<E>>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    let outcomes = any(futures).await;
    if outcomes.succeeded.is_empty() {
        let errors = outcomes.failed.into_iter().map(|(_, error)| error).collect();
        return Err(NoneSucceeded { errors });
    }
    Ok(outcomes)
}

/// What came of several futures. The indices are their places among those given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes<T, E> {
    /// The values, by index.
    pub succeeded: Vec<(usize, T)>,
    /// The errors, by index.
    pub failed: Vec<(usize, E)>,
}

/// Not one of several futures succeeded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("none of {} succeeded", errors.len())]
pub struct NoneSucceeded<E> {
    /// Every error, in order; empty if there was nothing to wait for.
    pub errors: Vec<E>,
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::future::Either;

    use super::*;

    const NOTHING: [std::future::Ready<Result<(), ()>>; 0] = [];

    #[tokio::test]
    async fn all_answers_every_value_or_the_first_error_at_once() {
        let fine = [ready(Ok::<_, ()>(1)), ready(Ok(2))];
        assert_eq!(all(fine).await, Ok(vec![1, 2]));
        let stuck = [Either::Left(pending::<Result<(), _>>()), Either::Right(ready(Err("no")))];
        assert_eq!(all(stuck).await, Err("no"));
        assert_eq!(all(NOTHING).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn any_keeps_successes_and_errors_apart() {
        let outcomes = any([Ok(1), Err("no"), Ok(3)].map(ready)).await;
        assert_eq!(outcomes.succeeded, [(0, 1), (2, 3)]);
        assert_eq!(outcomes.failed, [(1, "no")]);
    }

    #[tokio::test]
    async fn some_fails_only_if_every_one_failed_or_there_was_none() {
        let one = some([Err("no"), Ok(2)].map(ready)).await.unwrap();
        assert_eq!(one.succeeded, [(1, 2)]);
        let none = some([Err::<(), _>("no"), Err("never")].map(ready)).await.unwrap_err();
        assert_eq!(none.errors, ["no", "never"]);
        let nothing = some(NOTHING).await.unwrap_err();
        assert_eq!(nothing.to_string(), "none of 0 succeeded");
    }
}
