//! Locks of an application's: foreign code may wait for one whose holder asks the library for
//! something. Nobody comes back to where they were then, and two threads wait for each other.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use aerys::Overflow;
use tokio::sync::oneshot;

use super::{Act, Say, Stage, acts, all_end, filling, payload, told, ways_to_say};

#[test]
fn a_payload_may_wait_for_a_lock_whose_holder_asks_for_anything() {
    let mut cases = Vec::new();
    for (said, say) in ways_to_say() {
        for (asks, act) in acts() {
            let name = format!("dropped by {said}: the holder {asks}");
            cases.push((name, async move || case(say, act).await));
        }
    }
    all_end(cases);
}

async fn case(say: Say, act: Act) {
    let stage = Stage::with(Overflow::DropOldest).await;
    let lock = Arc::new(Mutex::new(()));
    let ((holds, held), (waits, waited_for)) = (oneshot::channel(), mpsc::channel());
    let holder = thread::spawn({
        let (client, lock) = (stage.client.clone(), Arc::clone(&lock));
        move || {
            let held = lock.lock();
            holds.send(()).expect("it is waited for");
            waited_for.recv().expect("the payload is dropped");
            act(&client);
            drop(held);
        }
    });
    held.await.expect("the thread is there");
    let (given_back, mut answer) = told(move || {
        waits.send(()).expect("the holder waits for that");
        drop(lock.lock());
    });
    let payload = payload(given_back);
    stage
        .at_work(move |client| {
            client.send(payload).nowait();
            say(client, filling());
        })
        .await;
    answer.comes().await;
    holder.join().expect("it does not panic");
    stage.stop().await;
}
