//! Descriptors: called back as long as there is something to do, and no longer.

use std::{
    fs::{self, File},
    future::pending,
    io::{self, ErrorKind, PipeReader, Read, Write},
    net::Shutdown,
    os::{
        fd::AsFd,
        unix::net::{UnixDatagram, UnixStream},
    },
    sync::Arc,
    time::Duration,
};

use aerys::{Client, Failure, Host, Options, Watcher};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::common::{
    Dropped, Guests, Journal, Lobby, Raw, Running, errors_at, eventually, frame, keep_errors,
    serve_host, soon,
};

async fn guest() -> (Running, Guests, Raw, Client) {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let raw = Raw::open(&server).await;
    let client = guests.next().await;
    (server, guests, raw, client)
}

fn nonblocking<T: AsFd>(descriptor: T) -> Arc<T> {
    let flags = fcntl_getfl(&descriptor).expect("it is open");
    fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK).expect("it can be set");
    Arc::new(descriptor)
}

/// Reads one byte and notes it, or why there is none.
fn read_byte(mut source: impl Read, journal: &Journal) {
    let mut byte = [0];
    journal.note(match source.read(&mut byte) {
        Ok(0) => "end".to_owned(),
        Ok(_) => char::from(byte[0]).to_string(),
        Err(error) => format!("{:?}", error.kind()),
    });
}

/// Watches a pipe for the client. Each callback reads one byte; what is dropped is noted too.
fn watch(client: &Client, reader: &Arc<PipeReader>, journal: &Journal) -> Watcher {
    let (source, guard) = (Arc::clone(reader), Dropped(journal.clone()));
    client
        .on_readable(Arc::clone(reader), move |_| {
            read_byte(&*source, &guard.0);
            async { Ok(()) }
        })
        .expect("a pipe can be watched")
}

#[tokio::test]
async fn it_is_called_as_long_as_anything_is_left_and_not_for_nothing() {
    let (server, _guests, raw, client) = guest().await;
    let (reader, mut writer) = io::pipe().unwrap();
    let (reader, journal) = (nonblocking(reader), Journal::default());
    watch(&client, &reader, &journal);
    // Timers of the same client see that time passes.
    tick(&client, 3).await;
    assert_eq!(journal.lines(), [""; 0]);
    writer.write_all(b"abcde").unwrap();
    assert_eq!(journal.until(5).await, ["a", "b", "c", "d", "e"]);
    tick(&client, 3).await;
    assert_eq!(journal.lines().len(), 5);
    writer.write_all(b"f").unwrap();
    writer.write_all(b"g").unwrap();
    assert_eq!(journal.until(7).await[5..], ["f", "g"]);
    drop(raw);
    server.stop().await;
}

async fn tick(client: &Client, count: usize) {
    let ticks = Journal::default();
    let noted = ticks.clone();
    let watcher = client.repeat(Duration::from_millis(20), move |_| {
        noted.note("tick");
        async { Ok(()) }
    });
    ticks.until(count).await;
    watcher.cancel();
}

#[tokio::test]
async fn it_is_told_the_end_once_when_the_writer_has_hung_up_and_nothing_is_left() {
    let (server, guests, raw, client) = guest().await;
    let (reader, mut writer) = io::pipe().unwrap();
    let (reader, journal) = (nonblocking(reader), Journal::default());
    writer.write_all(b"bye").unwrap();
    drop(writer);
    watch(&client, &reader, &journal);
    assert_eq!(journal.until(5).await, ["b", "y", "e", "end", "dropped"]);
    // While it waits, too.
    let (reader, mut writer) = io::pipe().unwrap();
    let (reader, journal) = (nonblocking(reader), Journal::default());
    watch(&client, &reader, &journal);
    writer.write_all(b"x").unwrap();
    journal.until(1).await;
    drop(writer);
    assert_eq!(journal.until(3).await, ["x", "end", "dropped"]);
    assert_eq!(soon(client.send("still here")).await, Ok(()));
    assert_eq!(guests.journal.lines(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn with_a_socket_it_is_told_the_end_once_too() {
    let (server, _guests, raw, client) = guest().await;
    for still_reads in [false, true] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (ours, journal) = (nonblocking(ours), Journal::default());
        let (source, guard) = (Arc::clone(&ours), Dropped(journal.clone()));
        client
            .on_readable(Arc::clone(&ours), move |_| {
                read_byte(&*source, &guard.0);
                async { Ok(()) }
            })
            .unwrap();
        theirs.write_all(b"bye").unwrap();
        assert_eq!(journal.until(3).await, ["b", "y", "e"]);
        theirs.shutdown(Shutdown::Write).unwrap();
        let _theirs = Some(theirs).filter(|_| still_reads);
        assert_eq!(journal.until(5).await[3..], ["end", "dropped"]);
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn an_empty_datagram_is_no_end() {
    let (server, _guests, raw, client) = guest().await;
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let (ours, journal) = (nonblocking(ours), Journal::default());
    let (source, notes) = (Arc::clone(&ours), journal.clone());
    client
        .on_readable(ours, move |_| {
            notes.note(source.recv(&mut [0; 8]).unwrap().to_string());
            async { Ok(()) }
        })
        .unwrap();
    for (number, datagram) in ["", "one", "", ""].into_iter().enumerate() {
        theirs.send(datagram.as_bytes()).unwrap();
        assert_eq!(journal.until(number + 1).await[number], datagram.len().to_string());
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn it_is_called_when_there_is_room_to_write() {
    let (server, _guests, mut raw, client) = guest().await;
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    // Full, to begin with.
    let mut written = 0;
    loop {
        match ours.write(&[b'.'; 4096]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let (ours, journal) = (Arc::new(ours), Journal::default());
    let (sink, noted) = (Arc::clone(&ours), journal.clone());
    let watcher = client
        .on_writable(ours, move |client| {
            noted.note(format!("{:?}", (&*sink).write(b"!").map_err(|error| error.kind())));
            async move { Ok(client.send("written").await?) }
        })
        .unwrap();
    tick(&client, 3).await;
    assert_eq!(journal.lines(), [""; 0]);
    theirs.read_exact(&mut vec![0; written]).unwrap();
    assert_eq!(journal.until(3).await[..3], ["Ok(1)"; 3]);
    assert_eq!(raw.frame().await, (0x81, b"written".to_vec()));
    watcher.cancel();
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_at_once() {
    let (server, _guests, mut raw, client) = guest().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "something to read").unwrap();
    let file = || File::open(&file).unwrap();
    let (reader, _writer) = io::pipe().unwrap();
    let sources: [(&str, Arc<dyn AsFd + Send + Sync>); 3] = [
        ("a file", Arc::new(file())),
        ("a file that says it does not block", nonblocking(file())),
        ("a pipe that blocks", Arc::new(reader)),
    ];
    for (what, source) in sources {
        let watched = client.on_readable(Arc::clone(&source), async |_| panic!("never called"));
        assert!(watched.is_err(), "{what}");
        let watched = client.endpoint().on_readable(source, async |_| panic!("never called"));
        assert!(watched.is_err(), "{what}");
    }
    // Which is nobody's fault.
    client.send("still here").nowait();
    assert_eq!(raw.frame().await, (0x81, b"still here".to_vec()));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_fault_in_a_callback_closes_its_client_with_1011() {
    keep_errors();
    for how in ["fail", "panic"] {
        let path = format!("/readiness/{how}");
        let (lobby, mut guests) = Lobby::new();
        let server = serve_host(Host::new("localhost").websocket(&path, lobby)).await;
        let mut raw = Raw::open_at(&server, &path).await;
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let callback = move |_| async move {
            match how {
                "fail" => Err(Failure::new("a secret")),
                _ => panic!("a secret"),
            }
        };
        guests.next().await.on_readable(nonblocking(reader), callback).unwrap();
        assert_eq!(raw.hear_close().await, (1011, String::new()), "{how}");
        drop(raw);
        server.stop().await;
        assert_eq!(errors_at(&path).len(), 1, "{how}");
    }
}

#[tokio::test]
async fn while_it_is_disabled_it_is_not_called() {
    let (server, _guests, raw, client) = guest().await;
    let (reader, mut writer) = io::pipe().unwrap();
    let (reader, journal) = (nonblocking(reader), Journal::default());
    let watcher = watch(&client, &reader, &journal);
    watcher.disable();
    writer.write_all(b"ab").unwrap();
    tick(&client, 3).await;
    assert_eq!(journal.lines(), [""; 0]);
    watcher.enable();
    assert_eq!(journal.until(2).await, ["a", "b"]);
    watcher.cancel();
    assert_eq!(journal.until(3).await[2], "dropped");
    writer.write_all(b"c").unwrap();
    tick(&client, 3).await;
    assert_eq!(journal.lines().len(), 3);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn it_ends_with_its_client_and_gives_the_descriptor_back() {
    let (server, _guests, raw, client) = guest().await;
    let (reader, mut writer) = io::pipe().unwrap();
    let journal = Journal::default();
    let guard = Dropped(journal.clone());
    client
        .on_readable(nonblocking(reader), move |_| {
            guard.0.note("busy");
            pending()
        })
        .unwrap();
    writer.write_all(b"a").unwrap();
    journal.until(1).await;
    drop(raw);
    assert_eq!(journal.until(2).await, ["busy", "dropped"]);
    // Nobody holds the reading end any more.
    let ended = || matches!(writer.write(b"b"), Err(it) if it.kind() == ErrorKind::BrokenPipe);
    eventually(ended).await;
    let (late, _) = UnixStream::pair().unwrap();
    let (journal, late) = (Journal::default(), nonblocking(late));
    let guard = Dropped(journal.clone());
    client
        .on_writable(late, move |_| {
            guard.0.note("late");
            async { Ok(()) }
        })
        .unwrap();
    assert_eq!(journal.until(1).await, ["dropped"]);
    server.stop().await;
}

#[tokio::test]
async fn an_endpoints_goes_on_without_clients_and_ends_with_the_server() {
    let (server, guests, mut raw, client) = guest().await;
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let (ours, journal) = (nonblocking(ours), Journal::default());
    let (source, guard) = (Arc::clone(&ours), Dropped(journal.clone()));
    client
        .endpoint()
        .on_readable(ours, move |_| {
            read_byte(&*source, &guard.0);
            async { Ok(()) }
        })
        .unwrap();
    raw.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    theirs.write_all(b"ab").unwrap();
    assert_eq!(journal.until(2).await, ["a", "b"]);
    let (sink, peer) = UnixStream::pair().unwrap();
    let (sink, written) = (nonblocking(sink), Journal::default());
    let noted = written.clone();
    client
        .endpoint()
        .on_writable(sink, move |_| {
            noted.note("writable");
            async { Ok(()) }
        })
        .unwrap();
    written.until(3).await;
    drop(raw);
    soon(server.stop()).await;
    assert_eq!(journal.lines(), ["a", "b", "dropped"]);
    drop(peer);
}
