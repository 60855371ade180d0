//! The names of the test: a server of the domain name system that has them all on this machine.

use std::net::SocketAddr;

use tokio::{net::UdpSocket, task::JoinHandle};

/// RFC 1035 §4.1.1: the header of a message, in bytes.
const HEADER: usize = 12;

/// RFC 1035 §3.2.2: the type of an address of IPv4.
const A: [u8; 2] = [0, 1];

pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Names {
    pub(crate) async fn serve() -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut message = [0; 512];
            loop {
                let (size, peer) = socket.recv_from(&mut message).await.unwrap();
                if let Some(answer) = answer(&message[..size]) {
                    socket.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        Self { address, task }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// RFC 1035 §4.1: the question again, and the address if it was for one of IPv4.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let name = HEADER + query.get(HEADER..)?.iter().position(|&byte| byte == 0)? + 1;
    let question = query.get(HEADER..name + 4)?;
    let has_address = question.get(question.len() - 4..)?.starts_with(&A);
    // An answer, recursion being asked for and to be had.
    let flags = [0x81, 0x80];
    let counts = [0, 1, 0, u8::from(has_address), 0, 0, 0, 0];
    let mut answer = [&query[..2], &flags, &counts, question].concat();
    if has_address {
        // The name is at the 12th byte; class IN, for a second, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
