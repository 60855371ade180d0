//! Anything that can happen to a connection, in any order.

use std::time::Duration;

use aerys_proto::{
    Close, CloseCode, Config, Message,
    deflate::{self, Agreement, Compression},
};
use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use crate::{
    life::Life,
    wire::{BINARY, FIN, PONG, RSV1, TEXT, frame},
};

/// Settings and an offer, then what happens.
pub fn connection(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // Where the input ends too early there is nothing to try, or no more.
    if let Ok(terms) = Terms::arbitrary(&mut input) {
        let config = terms.config();
        let agreement = terms.agreement(&config);
        let mut life = Life::new(config, agreement);
        while !input.is_empty() && happen(&mut life, &mut input).is_ok() {
            life.check();
        }
        life.end();
    }
}

#[derive(Arbitrary, Debug)]
struct Terms {
    /// Bits of what is on and off.
    flags: u8,
    sizes: u8,
    periods: u8,
    offer: u8,
    bits: u8,
}

impl Terms {
    fn flag(&self, bit: u8) -> bool {
        self.flags & 1 << bit != 0
    }

    fn config(&self) -> Config {
        let compression = Compression::new()
            .level(u32::from(self.bits) % 10)
            .threshold(4)
            .server_context_takeover(self.flag(2))
            .client_context_takeover(self.flag(3))
            .server_max_window_bits(self.bits % 16)
            .client_max_window_bits(self.bits >> 4);
        let (max_frame_size, max_msg_size) =
            [(usize::MAX, usize::MAX), (100, 150), (300, 20), (2000, 4000)][choice(self.sizes, 4)];
        Config {
            max_frame_size,
            max_msg_size,
            auto_frame_size: [0, 1, 7, 100, 0x8000][choice(self.sizes >> 2, 5)],
            heartbeat_period: [Some(10_000), None, Some(1), Some(u64::MAX)]
                [choice(self.periods, 4)]
            .map(Duration::from_millis),
            queued_ping_limit: [3, 0, 1][choice(self.periods >> 2, 3)],
            close_period: [Duration::from_secs(3), Duration::from_millis(1), Duration::MAX]
                [choice(self.periods >> 4, 3)],
            // Whoever is silent within a message is silent: the heartbeat's times are enough here.
            message_period: None,
            validate_utf8: !self.flag(0),
            text_only: self.flag(1),
            compression: (!self.flag(4)).then_some(compression),
        }
    }

    fn agreement(&self, config: &Config) -> Option<Agreement> {
        let offer = match self.offer % 8 {
            0..=2 => return None,
            3 => "permessage-deflate",
            4 => "permessage-deflate; client_max_window_bits",
            5 => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            6 => "permessage-deflate; server_max_window_bits=10; client_max_window_bits=8",
            _ => {
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; \
                  client_no_context_takeover; server_max_window_bits=9"
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
        deflate::negotiate(&headers, config.compression.as_ref()?)
    }
}

fn choice(seed: u8, of: u8) -> usize {
    usize::from(seed % of)
}

/// The next thing that happens.
fn happen(life: &mut Life, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=15)? {
        0 => {
            let len = input.arbitrary::<u8>()?;
            let bytes = input.bytes(usize::from(len).min(input.len()))?;
            life.receive(bytes);
        }
        1..=4 => {
            let [opcode, key, cut, len]: [u8; 4] = input.arbitrary()?;
            let mut payload = input.bytes(usize::from(len).min(input.len()))?.to_vec();
            if opcode & 0x40 != 0 {
                // For lengths in 64 bits.
                payload = payload.repeat(usize::from(input.arbitrary::<u8>()?) * 5);
                payload.truncate(70_000);
            }
            let opcode = [0, 1, 2, 8, 9, 10][choice(opcode, 6)] | opcode & 0x80;
            let first = if opcode & 8 != 0 { opcode | FIN } else { opcode };
            let may_compress = matches!(first & 0xf, TEXT | BINARY) || key & 0x60 == 0x60;
            let rsv1 = if may_compress && key & 0x80 != 0 { RSV1 } else { 0 };
            let bytes = frame(first | rsv1, [key; 4], &payload);
            let (start, end) = bytes.split_at(usize::from(cut).min(bytes.len()));
            life.receive(start);
            life.check();
            if key & 1 == 0 { life.receive(end) } else { life.receive_in_place(end) }
        }
        5 => {
            let number = life.last_ping().unwrap_or(input.arbitrary()?);
            life.receive(&frame(FIN | PONG, [0; 4], &number.to_be_bytes()));
        }
        6 | 7 => {
            let (len, byte): (u16, u8) = input.arbitrary()?;
            let len = usize::from(len % 3000);
            let message = if byte & 0x80 == 0 {
                Message::text(char::from(byte).to_string().repeat(len))
            } else {
                Message::binary((0..len).map(|i| byte ^ (i * i / 8) as u8).collect::<Vec<_>>())
            };
            let many = message.clone().for_many(life.config());
            life.send(if len % 2 == 0 { message } else { many });
        }
        8 | 9 => life.transmit(input.arbitrary::<u8>()?.into()),
        10 => life.time_out(Duration::from_millis(input.arbitrary::<u16>()?.into())),
        11 => life.wait(),
        12 => life.close(close(input)?),
        13 => life.fail(close(input)?),
        14 => life.receive_end(),
        _ => life.excuse_silence(),
    }
    Ok(())
}

fn close(input: &mut Unstructured<'_>) -> Result<Close> {
    let [code, len] = input.arbitrary()?;
    let reason = String::from_utf8_lossy(input.bytes(usize::from(len).min(input.len()))?);
    let codes = [1000, 1001, 1002, 1005, 1006, 1011, 3000, 4999];
    let code = match codes[choice(code, 8)] {
        1005 => CloseCode::NO_STATUS,
        1006 => CloseCode::ABNORMAL,
        code => CloseCode::new(code).expect("it may be sent"),
    };
    Ok(Close::new(code, reason.into_owned()))
}
