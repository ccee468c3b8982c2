//! One library doing one operation on one workload: checked once, then run as often as a meter wants.

use core::hint::black_box;
use std::rc::Rc;

use benches::Workload;
use meter::{Measured, Meter};
use mqtt_codec::{ProtocolVersion, Side};

use crate::codec::{Build, BuildOther, Codec, Kind, Prepare, Split};
use crate::codecs::floor;
use crate::codecs::ours::{self, Received};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// From bytes to a packet, which is dropped again.
    Decode,
    /// The same, and every field and property that the check compares is read.
    Read,
    /// From a packet that is there to bytes in a buffer that is used again.
    Encode,
    /// From an application's values to bytes.
    Build,
    /// As encode, with the payload left where it is.
    Split,
    /// One of the copies that go to many subscribers.
    Prepared,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] =
        [Self::Decode, Self::Read, Self::Encode, Self::Build, Self::Split, Self::Prepared];

    /// Short name, as used in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Read => "read",
            Self::Encode => "encode",
            Self::Build => "build",
            Self::Split => "split",
            Self::Prepared => "prepared",
        }
    }

    /// A line above its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Decode => "Decode",
            Self::Read => "Decode and read every field and property",
            Self::Encode => "Encode a packet that is there",
            Self::Build => "Build from an application's values and encode",
            Self::Split => "Encode with the payload left where it is",
            Self::Prepared => "Encode one of many copies of a prepared PUBLISH",
        }
    }
}

/// A measurement that has passed its check.
pub struct Case {
    /// Which library.
    pub codec: &'static str,
    /// Which operation.
    pub operation: Operation,
    /// Which workload.
    pub workload: &'static str,
    /// Operations in one repetition.
    pub operations: usize,
    /// Repetitions long enough for a clock.
    pub repetitions: usize,
    run: Box<dyn Fn(usize, Meter<'_>)>,
}

impl Measured for Case {
    fn operations(&self) -> usize {
        self.operations
    }

    fn repetitions(&self) -> usize {
        self.repetitions
    }

    fn run(&self, repetitions: usize, meter: Meter<'_>) {
        (self.run)(repetitions, meter);
    }
}

/// A decoder, to see what it refuses.
pub struct Prober {
    /// Which library.
    pub codec: &'static str,
    /// What it takes the bytes for.
    pub version: ProtocolVersion,
    /// Whether it hands out a packet.
    pub accepts: fn(&[u8], Side) -> bool,
}

/// What the command line asks for, and what has come together.
pub struct Cases {
    workloads: Vec<Rc<Workload>>,
    names: Vec<String>,
    /// What can be measured.
    pub cases: Vec<Case>,
    /// Who can be asked.
    pub probers: Vec<Prober>,
    /// What could not be done and why.
    pub failures: Vec<String>,
}

impl Cases {
    /// For these workloads, and for libraries whose name begins with one of `names`, or for all.
    pub fn new(workloads: Vec<Workload>, names: Vec<String>) -> Self {
        Self {
            workloads: workloads.into_iter().map(Rc::new).collect(),
            names,
            cases: Vec::new(),
            probers: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// A library that decodes and encodes.
    pub fn codec<C: Codec>(&mut self) {
        self.decoder::<C>();
        self.encoder::<C>();
    }

    /// A way to encode, for a library that decodes in another.
    pub fn encoder<C: Codec>(&mut self) {
        self.each::<C>(Operation::Encode, &[], encode::<C>);
    }

    /// A way to decode, for a library that encodes in another.
    pub fn decoder<C: Codec>(&mut self) {
        self.each::<C>(Operation::Decode, &[], decode::<C, false>);
        self.each::<C>(Operation::Read, &[], decode::<C, true>);
        if self.wants(C::NAME) {
            self.probers.push(Prober { codec: C::NAME, version: C::VERSION, accepts: accepts::<C> });
        }
    }

    /// A library that builds a PUBLISH.
    pub fn build<C: Build>(&mut self) {
        self.each::<C>(Operation::Build, &["b"], build::<C>);
    }

    /// A library that builds the other packets, too.
    pub fn build_other<C: BuildOther>(&mut self) {
        self.each::<C>(Operation::Build, &["a", "a5", "c", "d4", "d", "e4", "e"], build_other::<C>);
    }

    /// A library that leaves the payload where it is.
    pub fn split<C: Split>(&mut self) {
        self.each::<C>(Operation::Split, &["g"], split::<C>);
    }

    /// A library that prepares a PUBLISH.
    pub fn prepare<C: Prepare>(&mut self) {
        self.each::<C>(Operation::Prepared, &["a", "a5", "b"], prepared::<C>);
    }

    fn wants(&self, name: &str) -> bool {
        let always = name.starts_with(ours::NAME) || name.starts_with(floor::NAME);
        always || self.names.is_empty() || self.names.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }

    fn each<C: Codec>(
        &mut self,
        operation: Operation,
        only: &[&str],
        case: fn(&Rc<Workload>) -> Result<Case, String>,
    ) {
        if !self.wants(C::NAME) {
            return;
        }
        for workload in self.workloads.clone() {
            if workload.version != C::VERSION || !only.is_empty() && !only.contains(&workload.name) {
                continue;
            }
            match case(&workload) {
                Ok(case) => self.cases.push(Case { operation, ..case }),
                Err(why) => {
                    let why: String = why.chars().take(120).collect();
                    let (operation, workload) = (operation.name(), workload.name);
                    self.failures.push(format!("{operation} of {workload} by {}: {why}", C::NAME));
                }
            }
        }
    }
}

fn case<C: Codec>(
    workload: &Workload,
    operations: usize,
    repetitions: usize,
    run: impl Fn(usize, Meter<'_>) + 'static,
) -> Case {
    Case {
        codec: C::NAME,
        operation: Operation::Decode,
        workload: workload.name,
        operations,
        repetitions,
        run: Box::new(run),
    }
}

/// The packets of a stream, each on its own.
fn frames(stream: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut frames) = (stream, Vec::new());
    while let Some((len, _)) = floor::lens(rest) {
        frames.push(&rest[..len]);
        rest = &rest[len..];
    }
    assert!(rest.is_empty(), "whole packets");
    frames
}

/// The packets that are encoded: the one packet of a stream that repeats it, or all.
fn distinct(stream: &[u8]) -> Vec<&[u8]> {
    let mut frames = frames(stream);
    if frames.iter().all(|frame| *frame == frames[0]) {
        frames.truncate(1);
    }
    frames
}

/// Enough for a clock: 200,000 bytes of packets, and not too many of the small ones.
fn repetitions(packets: &[&[u8]]) -> usize {
    let bytes: usize = packets.iter().map(|packet| packet.len()).sum();
    if packets.len() > 1 { 1 } else { (200_000 / bytes).clamp(4, 2000) }
}

fn accepts<C: Codec>(bytes: &[u8], from: Side) -> bool {
    matches!(C::decode(&mut C::input(bytes, from)), Ok(Some(_)))
}

/// The workload and the first byte of what comes next, so that no read buffer becomes empty and is freed by the decoder.
fn received(workload: &Workload) -> Vec<u8> {
    [&workload.stream[..], &workload.stream[..1]].concat()
}

/// Every packet of the workload, as our decoder and `C` find it, is the same.
fn check_decoder<C: Codec>(workload: &Workload) -> Result<(), String> {
    let mut expected = Received::new(&workload.stream, Side::Client, workload.version);
    let mut input = C::input(&received(workload), Side::Client);
    for index in 0..workload.packets {
        let expected = expected.packet().expect("a valid stream").expect("so many packets");
        let packet = C::decode(&mut input).map_err(|error| format!("packet {index}: {error:?}"))?;
        let packet = packet.ok_or_else(|| format!("packet {index}: incomplete"))?;
        let expected = ours::found(&expected);
        match C::found(&packet) {
            Some(found) if found != expected => {
                return Err(format!("packet {index}: {found:?} instead of {expected:?}"));
            }
            _ => {}
        }
    }
    match C::decode(&mut input) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err("too many packets".into()),
        Err(error) => Err(format!("after the last packet: {error:?}")),
    }
}

fn decode<C: Codec, const READ: bool>(workload: &Rc<Workload>) -> Result<Case, String> {
    check_decoder::<C>(workload)?;
    let (received, expected) = (received(workload), workload.packets);
    Ok(case::<C>(workload, workload.packets, 1, move |repetitions, meter| {
        let mut inputs = (0..=repetitions).map(|_| C::input(&received, Side::Client)).collect::<Vec<_>>();
        let mut inputs = inputs.iter_mut();
        repeat(repetitions, meter, || {
            let input = inputs.next().expect("one for each repetition, and one for the first time");
            let mut packets = 0;
            while let Ok(Some(packet)) = C::decode(input) {
                if READ {
                    black_box(C::found(black_box(&packet)));
                }
                black_box(&packet);
                packets += 1;
            }
            assert_eq!(packets, expected);
        });
    }))
}

/// `written` means what `frame` means: the same packet but for the order of its properties.
fn check_encoding(written: &[u8], frame: &[u8], version: ProtocolVersion) -> Result<(), String> {
    let mut inputs = [written, frame].map(|bytes| Received::new(bytes, Side::Client, version));
    let [written, frame] = inputs.each_mut().map(Received::packet);
    let written = written.map_err(|error| format!("it writes what is refused: {error}"))?;
    let written = ours::found(&written.ok_or("it writes less than a packet")?);
    let frame = ours::found(&frame.expect("a valid packet").expect("a complete packet"));
    if written == frame { Ok(()) } else { Err(format!("it writes {written:?} for {frame:?}")) }
}

/// Runs `body` with the packets decoded from `frames`.
fn with_packets<C: Codec, T>(frames: &[&[u8]], body: impl FnOnce(&[C::Packet<'_>]) -> T) -> T {
    let mut inputs: Vec<_> = frames.iter().map(|frame| C::input(frame, Side::Client)).collect();
    let packets: Vec<_> = inputs
        .iter_mut()
        .map(|input| C::decode(input).expect("it has been decoded before").expect("a complete packet"))
        .collect();
    body(&packets)
}

/// Does it once, so that buffers have grown and code is in the caches, then under the meter.
fn repeat(repetitions: usize, meter: Meter<'_>, mut once: impl FnMut()) {
    once();
    meter(&mut || {
        for _ in 0..repetitions {
            once();
        }
    });
}

fn encode<C: Codec>(workload: &Rc<Workload>) -> Result<Case, String> {
    check_decoder::<C>(workload)?;
    let frames = distinct(&workload.stream);
    let mut output = C::output();
    with_packets::<C, _>(&frames, |packets| {
        packets.iter().zip(&frames).try_for_each(|(packet, frame)| {
            if C::encode(packet, &mut output) {
                check_encoding(&C::bytes(&output), frame, workload.version)
            } else {
                Err("it does not encode it".into())
            }
        })
    })?;
    let shared = Rc::clone(workload);
    Ok(case::<C>(workload, frames.len(), repetitions(&frames), move |repetitions, meter| {
        let mut output = C::output();
        with_packets::<C, _>(&distinct(&shared.stream), |packets| {
            repeat(repetitions, meter, || {
                for packet in packets {
                    black_box(C::encode(black_box(packet), &mut output));
                    black_box(&output);
                }
            });
        });
    }))
}

fn build<C: Build>(workload: &Rc<Workload>) -> Result<Case, String> {
    let frame = distinct(&workload.stream)[0];
    let message = C::message();
    let mut output = C::output();
    if !C::build(&message, &mut output) {
        return Err("it does not build it".into());
    }
    let written = C::bytes(&output);
    check_encoding(&written, frame, workload.version)?;
    if ours::properties(&written) != ours::properties(frame) {
        return Err("the properties are not those of the workload".into());
    }
    Ok(case::<C>(workload, 1, repetitions(&[frame]), move |repetitions, meter| {
        let mut output = C::output();
        repeat(repetitions, meter, || {
            black_box(C::build(black_box(&message), &mut output));
            black_box(&output);
        });
    }))
}

fn build_other<C: BuildOther>(workload: &Rc<Workload>) -> Result<Case, String> {
    let kind = Kind::of(workload.name).ok_or("nobody builds it")?;
    let frame = distinct(&workload.stream)[0];
    let mut output = C::output();
    if !C::build_other(kind, &mut output) {
        return Err("it does not build it".into());
    }
    let [written, frame_content] =
        [&C::bytes(&output), frame].map(|bytes| ours::content(bytes, workload.version));
    if written != frame_content {
        return Err(format!("it writes {written:?} for {frame_content:?}"));
    }
    Ok(case::<C>(workload, 1, repetitions(&[frame]), move |repetitions, meter| {
        let mut output = C::output();
        repeat(repetitions, meter, || {
            black_box(C::build_other(black_box(kind), &mut output));
            black_box(&output);
        });
    }))
}

fn split<C: Split>(workload: &Rc<Workload>) -> Result<Case, String> {
    check_decoder::<C>(workload)?;
    let frames = distinct(&workload.stream);
    let written = with_packets::<C, _>(&frames, |packets| C::split(&packets[0], &mut C::output()));
    if written != frames[0].len() {
        return Err(format!("{written} bytes instead of {}", frames[0].len()));
    }
    let shared = Rc::clone(workload);
    Ok(case::<C>(workload, 1, 1000, move |repetitions, meter| {
        let mut output = C::output();
        with_packets::<C, _>(&distinct(&shared.stream), |packets| {
            repeat(repetitions, meter, || {
                black_box(C::split(black_box(&packets[0]), &mut output));
                black_box(&output);
            });
        });
    }))
}

fn prepared<C: Prepare>(workload: &Rc<Workload>) -> Result<Case, String> {
    check_decoder::<C>(workload)?;
    let frames = distinct(&workload.stream);
    let mut output = C::output();
    with_packets::<C, _>(&frames, |packets| {
        let mut prepared = C::prepare(&packets[0]);
        for packet_id in [0x1234, u16::MAX, 1] {
            let expected = floor::with_packet_id(frames[0], packet_id);
            if !C::encode_prepared(&mut prepared, packet_id, &mut output) || C::bytes(&output) != expected {
                return Err(format!("{:02X?} instead of {expected:02X?}", C::bytes(&output)));
            }
        }
        Ok(())
    })?;
    let shared = Rc::clone(workload);
    Ok(case::<C>(workload, 1, repetitions(&frames), move |repetitions, meter| {
        let mut output = C::output();
        with_packets::<C, _>(&distinct(&shared.stream), |packets| {
            let mut prepared = C::prepare(&packets[0]);
            let mut packet_ids = (1..=u16::MAX).cycle();
            repeat(repetitions, meter, || {
                let packet_id = packet_ids.next().expect("it goes on for ever");
                black_box(C::encode_prepared(black_box(&mut prepared), packet_id, &mut output));
                black_box(&output);
            });
        });
    }))
}

#[cfg(test)]
mod tests {
    use benches::workloads;
    use mqtt_codec::PacketType;

    use super::*;
    use crate::codec::{Filters, Found};

    #[test]
    fn what_the_others_are_compared_with_is_what_the_workloads_are_made_of() {
        let publish = |packet_id, payload| Found::Publish {
            topic: b"sensors/eu/0001/temp",
            packet_id,
            properties: 0,
            payload,
        };
        let connect = |properties| Found::Connect {
            client_id: b"device-00000000-0000042",
            will_payload: 32,
            properties,
        };
        let subscribe = |properties| Found::Subscribe {
            packet_id: 10,
            properties,
            filters: Filters { count: 10, bytes: 190 },
        };
        let expected = [
            ("a", publish(0, 64)),
            ("a5", publish(0, 64)),
            (
                "b",
                Found::Publish {
                    topic: b"factory/line-07/robot-12/state",
                    packet_id: 0x1234,
                    properties: 4,
                    payload: 256,
                },
            ),
            ("c", Found::Ack(PacketType::Puback, 0x1234)),
            ("d4", connect(0)),
            ("d", connect(6)),
            ("e4", subscribe(0)),
            ("e", subscribe(1)),
            ("g", publish(7, 1 << 20)),
        ];
        for workload in workloads().into_iter().filter(|workload| !workload.name.starts_with('f')) {
            let mut received = Received::new(&workload.stream, Side::Client, workload.version);
            let found = ours::found(&received.packet().unwrap().unwrap());
            assert!(expected.contains(&(workload.name, found)), "{}: {found:?}", workload.name);
        }
    }
}
