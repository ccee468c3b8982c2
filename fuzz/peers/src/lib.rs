//! The check behind the target `differential`: what other decoders make of the same packet.
//!
//! A divergence is one of four: the codec refuses what a peer accepts, accepts what a peer refuses, or both accept and
//! the peer finds other values in the fields, or reads the packet and its canonical form as two different packets. Each kind of divergence that is known has a
//! line in `divergences.tsv`, which says why the codec is right, and by which clause. Any other is a finding.

mod peers;
mod table;
mod traits;
mod values;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use mqtt_codec::{Decoder, Packet, PacketType, ProtocolVersion, Side};

use self::table::{Divergence, Table};
use self::values::Values;

/// What a peer makes of one packet.
enum Verdict<P> {
    Accepts(P),
    Refuses(String),
    /// Wants more bytes than the packet has, or leaves some of them.
    Misframes,
}

/// No peer diverges from the codec in a way that is not known.
pub fn differential(data: &[u8]) {
    let unknown = unknown_divergences(data);
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// Compares all peers on the one packet that `data` holds behind its first byte, which selects version and side.
pub fn unknown_divergences(data: &[u8]) -> Vec<String> {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let Some((&selector, input)) = data.split_first() else { return vec![] };
    let Some(bytes) = whole_packet(input) else { return vec![] };
    let Some(version) = version(selector, bytes) else { return vec![] };
    let (mut decoder, from) = match selector / 3 % 3 {
        0 => (Decoder::client(version), Side::Server),
        _ => (Decoder::server().with_version(version), Side::Client),
    };
    decoder.refuse_disallowed_code_points(false);
    let result = decoder.decode(bytes);
    let case = Case {
        table: TABLE.get_or_init(Table::read),
        version,
        bytes,
        ours: match result {
            Ok(Some((packet, len))) => {
                assert_eq!(len, bytes.len());
                Ok(packet)
            }
            Err(error) => Err(format!("{:?}", error.fault())),
            Ok(None) => panic!("{bytes:02X?} from {from:?} is a whole packet"),
        },
    };
    let found = match version {
        ProtocolVersion::V5_0 => [
            case.compare("flowsdk", peers::flowsdk_v5),
            case.compare("mqtt-proto", peers::mqtt_proto_v5),
            case.compare("mqtt-protocol-core", peers::mqtt_protocol_core_v5),
            case.compare("ntex-mqtt", peers::ntex_mqtt_v5),
        ],
        _ => [
            case.compare("flowsdk", peers::flowsdk_v3),
            case.compare("mqtt-proto", peers::mqtt_proto_v3),
            case.compare("mqtt-protocol-core", peers::mqtt_protocol_core_v3),
            case.compare("ntex-mqtt", peers::ntex_mqtt_v3),
        ],
    };
    found.into_iter().flatten().collect()
}

/// The first packet, if it is complete. Framing is the business of the target `split`.
fn whole_packet(input: &[u8]) -> Option<&[u8]> {
    let mut len = 0;
    for index in 0..4 {
        let byte = *input.get(1 + index)?;
        len |= usize::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return input.get(..2 + index + len);
        }
    }
    None
}

/// The version the packet is read by: CONNECT names its own. `None` is 3.1, which no peer here reads.
fn version(selector: u8, bytes: &[u8]) -> Option<ProtocolVersion> {
    if bytes[0] >> 4 == PacketType::Connect.bits() {
        for version in ProtocolVersion::ALL {
            let name = version.protocol_name();
            let start = [&[0, name.len() as u8], name.as_bytes(), &[version.protocol_level()]].concat();
            if bytes.windows(start.len()).take(4).any(|window| window == start) {
                return Some(version).filter(|version| *version != ProtocolVersion::V3_1);
            }
        }
    }
    Some(if selector % 3 == 2 { ProtocolVersion::V5_0 } else { ProtocolVersion::V3_1_1 })
}

struct Case<'a> {
    table: &'static Table,
    version: ProtocolVersion,
    bytes: &'a [u8],
    /// The packet, or the name of the fault.
    ours: Result<Packet<'a>, String>,
}

impl Case<'_> {
    fn compare<P: PartialEq + Values>(&self, peer: &str, decode: fn(&[u8]) -> Verdict<P>) -> Option<String> {
        let theirs = guarded(|| decode(self.bytes))?;
        match (&self.ours, theirs) {
            (Err(_), Verdict::Refuses(_) | Verdict::Misframes) => None,
            (Err(fault), Verdict::Accepts(_)) => {
                self.expect(peer, &[(Divergence::OnlyTheyAccept, fault)], "")
            }
            (Ok(packet), Verdict::Accepts(theirs)) => self
                .compare_values(peer, packet, &theirs)
                .or_else(|| self.compare_canonical(peer, decode, packet, &theirs)),
            (Ok(packet), theirs) => {
                let error = if let Verdict::Refuses(error) = theirs { error } else { "misframed".into() };
                let traits = traits::of(packet, self.version, self.bytes);
                let known: Vec<_> = traits.iter().map(|name| (Divergence::OnlyWeAccept, *name)).collect();
                self.expect(peer, &known, &error)
            }
        }
    }

    /// The peer must find the same values in the fields.
    fn compare_values(&self, peer: &str, packet: &Packet<'_>, theirs: &impl Values) -> Option<String> {
        let (ours, theirs) = (values::of(packet), theirs.values()?);
        if ours == theirs {
            return None;
        }
        let traits = traits::of(packet, self.version, self.bytes);
        let known: Vec<_> = traits.iter().map(|name| (Divergence::ValuesDiffer, *name)).collect();
        self.expect(peer, &known, &format!("{ours:?} / {theirs:?}"))
    }

    /// The peer must read what the codec makes of the packet as the same packet.
    fn compare_canonical<P: PartialEq + Values>(
        &self,
        peer: &str,
        decode: fn(&[u8]) -> Verdict<P>,
        packet: &Packet<'_>,
        theirs: &P,
    ) -> Option<String> {
        let mut canonical = Vec::new();
        packet.encode(self.version, &mut canonical).expect("what has been decoded encodes again");
        if canonical == self.bytes {
            return None;
        }
        let error = match guarded(|| decode(&canonical))? {
            Verdict::Accepts(again) if again == *theirs => return None,
            Verdict::Accepts(_) => "reads another packet".into(),
            Verdict::Refuses(error) => error,
            Verdict::Misframes => "misframed".into(),
        };
        let traits = traits::of(packet, self.version, self.bytes);
        let known: Vec<_> = traits.iter().map(|name| (Divergence::CanonicalDiffers, *name)).collect();
        self.expect(peer, &known, &error)
    }

    /// `None` when one of these kinds of divergence is known.
    fn expect(&self, peer: &str, kinds: &[(Divergence, &str)], error: &str) -> Option<String> {
        let packet_type = PacketType::from_bits(self.bytes[0] >> 4);
        let packet = packet_type.map_or_else(|| "reserved".into(), |packet| packet.to_string());
        let version = self.version;
        if kinds.iter().any(|(kind, what)| self.table.has(*kind, what, peer, &packet, version)) {
            return None;
        }
        let Self { ours, bytes, .. } = self;
        Some(format!("{peer}\t{version}\t{packet}\t{kinds:?}\t{error}\t{ours:?}\t{bytes:02X?}"))
    }
}

thread_local! {
    static IN_PEER: Cell<bool> = const { Cell::new(false) };
}

/// The result of a peer, or `None` when it panics: that is no finding of this target.
fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: OnceLock<()> = OnceLock::new();
    HOOK.get_or_init(|| {
        // The hook of libFuzzer ends the process.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IN_PEER.get() {
                eprintln!("a peer panics: {info}");
            } else {
                hook(info);
            }
        }));
    });
    IN_PEER.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IN_PEER.set(false);
    result.ok()
}
