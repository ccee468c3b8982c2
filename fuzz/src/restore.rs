//! The target `restore`: any records, with the right checksums, as a store might hold them after somebody else has written
//! to it; and any bytes as a snapshot.
//!
//! What must hold: nothing panics, and an error names a record that is there or the Session it is of. What was restored says
//! what it is; and that restores to the same, once what a restart changes (connections that have ended) has been told.

use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, Change, Client, ClientConfig, Instant, StoredState,
};

use crate::packets::Input;

/// Any bytes are records.
pub fn restore(data: &[u8]) {
    // Almost no bytes are a snapshot, but those of one.
    if let Ok(state) = StoredState::decode(data) {
        assert_eq!(state.encode(), data);
    }
    let state = records(&mut Input(data));
    assert_eq!(StoredState::decode(&state.encode()), Ok(state.clone()));
    let now = Instant::from_millis(1_000_000);

    let config = ClientConfig { durable: true, ..ClientConfig::default() };
    match Client::restore(config.clone(), state.records()) {
        Ok(client) => {
            let once = client.stored_state();
            let again = Client::restore(config, once.records()).map(|client| client.stored_state());
            assert_eq!(again, Ok(once));
        }
        Err(error) => assert!(state.records().any(|(key, _)| key == error.key), "{error}"),
    }

    let config = BrokerConfig { durable: true, ..BrokerConfig::default() };
    match Broker::restore(now, config.clone(), AllowAll, state.records()) {
        Ok(mut broker) => {
            while broker.poll_action().is_some() {}
            let once = broker.stored_state();
            let mut again =
                Broker::restore(now, config, AllowAll, once.records()).expect("it wrote this itself");
            while let Some(action) = again.poll_action() {
                assert!(!matches!(action, Action::Persist(_)), "nothing is left to change: {action:?}");
            }
            assert_eq!(again.stored_state(), once);
        }
        Err(error) => assert!(state.records().any(|(key, _)| key.starts_with(&error.key)), "{error}"),
    }
}

/// Keys of the kinds there are with any rest, values with the right checksum and any content.
fn records(input: &mut Input<'_>) -> StoredState {
    let mut state = StoredState::default();
    while let Some(change) = record(input) {
        state.apply(&[change]);
    }
    state
}

fn record(input: &mut Input<'_>) -> Option<Change> {
    let scope = input.below(4)?;
    let mut key = match scope {
        0 => Vec::new(),
        1 => vec![b'r'],
        _ => {
            let mut key = vec![b's', 0, 0, 0, 1];
            key.push(b'a' + scope);
            key
        }
    };
    if scope != 1 {
        key.push(input.below(8)?);
    }
    key.extend_from_slice(input.bytes()?);
    let fields = [&[2], input.bytes()?].concat();
    let body = if input.flag()? { input.bytes()? } else { &[] };
    let count = u32::try_from(fields.len()).ok()?.to_be_bytes();
    let head = [&count, &fields[..], &checksum(body).to_be_bytes()].concat();
    let sum = checksum(&[&key, &head[..]].concat()).to_be_bytes();
    Some(Change::Put { key, value: [&head, &sum[..], body].concat().into() })
}

/// CRC-32, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 },
        )
    })
}
