//! All records of a machine at once: what its changes add up to.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::record::checksum;
use super::{Change, Value};

/// The records of a durable machine: the sum of its [`Change`]s.
///
/// It is what a store holds. A program with a database needs none of this: it applies the changes there, and reads the records
/// back in the order of their keys. This is for those who keep the state in memory, or write it to a file as a whole.
///
/// ```
/// use mqtt_session::{Client, ClientConfig, Event, Instant, Message, StoredState};
/// use mqtt_session::codec::QoS;
///
/// let config = ClientConfig { durable: true, ..ClientConfig::default() };
/// let mut client = Client::new(config.clone());
/// let mut state = StoredState::default();
/// let now = Instant::from_millis(0);
/// let token = client.publish(now, Message::new("a", "1")?.with_qos(QoS::AtLeastOnce))?;
/// while let Some(event) = client.poll_event() {
///     if let Event::Persist(persist) = event {
///         state.apply(&persist.changes);
///         client.handle_persisted(now, persist.seq);
///     }
/// }
/// let snapshot = state.encode();
/// // The program ends, and begins again.
/// let state = StoredState::decode(&snapshot)?;
/// let client = Client::restore(config, state.records())?;
/// assert_eq!(client.unresolved().next().map(|(token, _)| token), Some(token));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredState {
    records: BTreeMap<Vec<u8>, Value>,
}

/// What a snapshot begins with: a name, and the layout of what follows.
const HEADER: &[u8; 8] = b"MQTTsst\x01";

impl StoredState {
    /// Makes these changes, one after the other.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            self.apply_one(change);
        }
    }

    fn apply_one(&mut self, change: &Change) {
        match change {
            Change::Put { key, value } => {
                self.records.insert(key.clone(), value.clone());
            }
            Change::Remove { key } => {
                self.records.remove(key);
            }
            Change::RemoveAll { prefix } => {
                let keys = self.records.range::<Vec<u8>, _>(prefix..).map(|(key, _)| key);
                let keys: Vec<Vec<u8>> = keys.take_while(|key| key.starts_with(prefix)).cloned().collect();
                for key in keys {
                    self.records.remove(&key);
                }
            }
        }
    }

    /// The records, in the order of their keys, as [`Client::restore`](crate::Client::restore) and
    /// [`Broker::restore`](crate::Broker::restore) want them.
    ///
    /// A value in two parts is put together when it is its turn.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
        self.records.iter().map(|(key, value)| match value.parts() {
            [head, []] => (&key[..], Cow::Borrowed(head)),
            parts => (&key[..], Cow::Owned(parts.concat())),
        })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All records in one piece, with a checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from(HEADER);
        for (key, value) in &self.records {
            for parts in [[&key[..], &[]], value.parts()] {
                let len: usize = parts.iter().map(|part| part.len()).sum();
                out.extend_from_slice(&(len as u64).to_be_bytes());
                for part in parts {
                    out.extend_from_slice(part);
                }
            }
        }
        let checksum = checksum(&out, &[]);
        out.extend_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads what [`encode`](Self::encode) has written. The input is not trusted: no memory is taken beyond its size.
    ///
    /// # Errors
    /// [`InvalidSnapshot`] for anything else: a part of it, more than it, another layout, a flipped bit.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidSnapshot> {
        let (covered, sum) = bytes.split_last_chunk::<4>().ok_or(InvalidSnapshot::Truncated)?;
        let (name, layout) = HEADER.split_at(HEADER.len() - 1);
        match covered.strip_prefix(name) {
            None if covered.len() < HEADER.len() => return Err(InvalidSnapshot::Truncated),
            None => return Err(InvalidSnapshot::Header),
            Some(rest) if !rest.starts_with(layout) => {
                return Err(rest
                    .first()
                    .map_or(InvalidSnapshot::Truncated, |&layout| InvalidSnapshot::Version(layout)));
            }
            Some(_) => {}
        }
        if checksum(covered, &[]) != u32::from_be_bytes(*sum) {
            return Err(InvalidSnapshot::Checksum);
        }
        let mut rest = covered.get(HEADER.len()..).unwrap_or_default();
        let mut records = BTreeMap::new();
        while !rest.is_empty() {
            let key = sized(&mut rest)?;
            let value = sized(&mut rest)?;
            records.insert(Vec::from(key), Value::from(Vec::from(value)));
        }
        Ok(Self { records })
    }
}

fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], InvalidSnapshot> {
    let (len, behind) = rest.split_first_chunk::<8>().ok_or(InvalidSnapshot::Truncated)?;
    let len = usize::try_from(u64::from_be_bytes(*len)).map_err(|_| InvalidSnapshot::Truncated)?;
    let (bytes, behind) = behind.split_at_checked(len).ok_or(InvalidSnapshot::Truncated)?;
    *rest = behind;
    Ok(bytes)
}

/// Why bytes are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSnapshot {
    /// It ends too early.
    #[error("the snapshot ends too early")]
    Truncated,
    /// It is something else.
    #[error("no snapshot of MQTT state")]
    Header,
    /// Written by a later version of this crate.
    #[error("snapshot layout {0} is not known")]
    Version(u8),
    /// It is damaged.
    #[error("the snapshot is damaged: its checksum does not fit")]
    Checksum,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use bytes::Bytes;

    fn change() -> impl Strategy<Value = Change> {
        let key = || proptest::collection::vec(0..3_u8, 1..4);
        prop_oneof![
            4 => (key(), proptest::collection::vec(any::<u8>(), 0..9)).prop_map(|(key, value)| Change::Put { key, value: value.into() }),
            1 => key().prop_map(|key| Change::Remove { key }),
            1 => key().prop_map(|prefix| Change::RemoveAll { prefix }),
        ]
    }

    proptest! {
        #[test]
        fn the_state_is_the_sum_of_its_changes(changes in proptest::collection::vec(change(), 0..60)) {
            let mut state = StoredState::default();
            let mut model: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            state.apply(&changes);
            for change in &changes {
                match change {
                    Change::Put { key, value } => {
                        model.retain(|(present, _)| present != key);
                        model.push((key.clone(), value.to_vec()));
                    }
                    Change::Remove { key } => model.retain(|(present, _)| present != key),
                    Change::RemoveAll { prefix } => model.retain(|(present, _)| !present.starts_with(prefix)),
                }
            }
            model.sort();
            let records: Vec<_> = state.records().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
            prop_assert_eq!(records, model);
            prop_assert_eq!(StoredState::decode(&state.encode()), Ok(state));
        }

        #[test]
        fn no_bytes_are_trusted(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(StoredState::decode(&bytes).is_err());
        }
    }

    /// A snapshot says nothing about where the two parts of a value meet.
    #[test]
    fn a_snapshot_of_messages_is_the_state_it_was_made_of() {
        let value = Value::new(vec![1, 2], Bytes::from(vec![3]));
        let mut state = StoredState::default();
        state.apply(&[Change::Put { key: vec![1], value }]);
        assert_eq!(StoredState::decode(&state.encode()), Ok(state));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_an_error() {
        let mut state = StoredState::default();
        for key in 0..4 {
            state.apply(&[Change::Put { key: vec![key], value: vec![key; key.into()].into() }]);
        }
        let snapshot = state.encode();
        for len in 0..snapshot.len() {
            assert!(StoredState::decode(&snapshot[..len]).is_err(), "the first {len} bytes");
        }
        for at in 0..snapshot.len() * 8 {
            let mut damaged = snapshot.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(StoredState::decode(&damaged).is_err(), "bit {at}");
        }
        let mut longer = snapshot.clone();
        longer.push(0);
        assert_eq!(StoredState::decode(&longer), Err(InvalidSnapshot::Checksum));
        let mut later = snapshot;
        later[7] = 2;
        assert_eq!(StoredState::decode(&later), Err(InvalidSnapshot::Version(2)));
    }
}
