//! How many of the malformed packets of our tests does each decoder refuse, and how many of the valid ones?

use std::panic;

use mqtt_codec::{ProtocolVersion, Side};

use crate::case::Prober;
use crate::codecs::ours::Received;

#[path = "../../../mqtt-codec/tests/common/corpus.rs"]
mod corpus;
#[path = "../../../mqtt-codec/tests/common/wire.rs"]
mod wire;

mod malformed {
    use mqtt_codec::{ProtocolVersion, Side, Side::Client, Side::Server};

    use super::wire::{MQTT5, MQTT31, MQTT311, packet, set};

    /// A packet that breaks a rule.
    pub(super) struct Row {
        pub(super) versions: &'static [ProtocolVersion],
        pub(super) from: Side,
        pub(super) bytes: Vec<u8>,
    }

    macro_rules! malformed {
        ($($name:ident: $versions:ident $from:ident $bytes:expr => $fault:ident $code:literal;)+) => {
            /// Every row.
            pub(super) fn rows() -> Vec<Row> {
                vec![$(Row { versions: $versions, from: $from, bytes: Vec::from(&$bytes[..]) },)+]
            }
        };
    }

    include!("../../../mqtt-codec/tests/common/malformed.rs");
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
}

impl Share {
    fn add(&mut self, counts: bool) {
        self.count += usize::from(counts);
        self.of += 1;
    }
}

/// The verdict on one decoder for one version.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness {
    /// Malformed whoever sends them: these are refused.
    pub malformed: Share,
    /// Malformed from this side, or refused by choice: these are refused. The other side may send them, so a decoder that
    /// is not told who sends them cannot refuse them.
    pub by_sender: Share,
    /// Valid, and refused all the same.
    pub valid: Share,
}

/// Asks `prober` about every packet of its version. A panic is no answer, so it refuses nothing and accepts nothing.
pub fn strictness(prober: &Prober) -> Strictness {
    let version = prober.version;
    let mut strictness = Strictness::default();
    for row in malformed::rows().into_iter().filter(|row| row.versions.contains(&version)) {
        let share = if may_be_sent_by(other(row.from), &row.bytes, version) {
            &mut strictness.by_sender
        } else {
            &mut strictness.malformed
        };
        share.add(ask(prober, &row.bytes, row.from) == Some(false));
    }
    for sample in corpus::corpus() {
        // A Server that does not speak 5.0 may refuse it in the layout of 3.1.1; that is no packet of 5.0.
        if sample.version == version && sample.name != "connack_of_v3" {
            strictness.valid.add(ask(prober, &sample.bytes, sample.from) != Some(true));
        }
    }
    strictness
}

/// Whether the decoder hands out a packet; `None`: it panics.
fn ask(prober: &Prober, bytes: &[u8], from: Side) -> Option<bool> {
    panic::catch_unwind(|| (prober.accepts)(bytes, from)).ok()
}

const fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

fn may_be_sent_by(from: Side, bytes: &[u8], version: ProtocolVersion) -> bool {
    matches!(Received::new(bytes, from, version).packet(), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use benches::workloads;

    use super::*;
    use crate::case::Cases;
    use crate::codecs;

    #[test]
    fn we_refuse_all_that_is_malformed_and_nothing_that_is_valid() {
        let mut cases = Cases::new(workloads(), vec!["only ours".into()]);
        codecs::register(&mut cases);
        let ours = cases.probers.iter().filter(|prober| prober.codec.starts_with(codecs::ours::NAME));
        for prober in ours {
            let Strictness { malformed, by_sender, valid } = strictness(prober);
            assert!(malformed.count == malformed.of && malformed.of > 80, "{malformed:?}");
            assert!(by_sender.count == by_sender.of && by_sender.of > 5, "{by_sender:?}");
            assert!(valid.count == 0 && valid.of > 15, "{valid:?}");
        }
    }
}
