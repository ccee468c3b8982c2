//! The known divergences, out of `divergences.tsv`.

use mqtt_codec::ProtocolVersion;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Divergence {
    /// `accepts`: a peer accepts what the codec refuses; told apart by the fault.
    OnlyTheyAccept,
    /// `refuses`: a peer refuses what the codec accepts; told apart by what is special about the packet.
    OnlyWeAccept,
    /// `differs`: a peer reads the canonical form as another packet; told apart by what is special about the packet.
    CanonicalDiffers,
    /// `values`: a peer finds other values in the fields; told apart by what is special about the packet.
    ValuesDiffer,
}

struct Line {
    divergence: Divergence,
    what: &'static str,
    peers: Vec<&'static str>,
    versions: Vec<&'static str>,
    packets: Vec<&'static str>,
}

pub(crate) struct Table(Vec<Line>);

impl Table {
    /// The lines of the table. Each names a clause and a reason.
    pub(crate) fn read() -> Self {
        let lines = include_str!("../divergences.tsv").lines();
        Self(lines.filter(|line| !line.starts_with('#')).map(Line::read).collect())
    }

    pub(crate) fn has(
        &self,
        divergence: Divergence,
        what: &str,
        peer: &str,
        packet: &str,
        version: ProtocolVersion,
    ) -> bool {
        let version = version.to_string();
        self.0.iter().any(|line| {
            line.divergence == divergence
                && line.what == what
                && line.peers.contains(&peer)
                && line.versions.contains(&version.as_str())
                && line.packets.contains(&packet)
        })
    }
}

impl Line {
    fn read(line: &'static str) -> Self {
        let [divergence, what, peers, versions, packets, clause, why] =
            line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("not seven columns: {line}")
        };
        assert!(!clause.is_empty() && !why.is_empty(), "no reason: {line}");
        let list = |cell: &'static str| cell.split(' ').collect();
        Self {
            divergence: match divergence {
                "accepts" => Divergence::OnlyTheyAccept,
                "refuses" => Divergence::OnlyWeAccept,
                "differs" => Divergence::CanonicalDiffers,
                "values" => Divergence::ValuesDiffer,
                other => panic!("no such divergence: {other}"),
            },
            what,
            peers: list(peers),
            versions: list(versions),
            packets: list(packets),
        }
    }
}
