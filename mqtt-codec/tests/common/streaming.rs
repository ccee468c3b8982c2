//! Runs a `StreamDecoder` over a stream in segments, with a buffer that never holds more than was promised.

#![allow(dead_code, reason = "every test file uses its own part")]

use mqtt_codec::{DecodeError, Packet, PacketId, PacketType, Publish, StreamDecoder, StreamEvent};

/// What has been received, whatever the parts were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A whole packet, or a PUBLISH in parts, with the whole payload: the two cannot be told apart.
    Packet {
        head: String,
        payload: Vec<u8>,
    },
    OversizedPublish {
        head: String,
        size: u32,
    },
    Oversized {
        packet_type: PacketType,
        packet_id: Option<PacketId>,
        size: u32,
    },
}

impl Seen {
    pub(crate) fn new(packet: Packet<'_>) -> Self {
        match packet {
            Packet::Publish(publish) => Self::publish(publish, publish.payload.to_vec()),
            packet => Self::Packet { head: format!("{packet:?}"), payload: Vec::new() },
        }
    }

    fn publish(publish: Publish<'_>, payload: Vec<u8>) -> Self {
        Self::Packet { head: head(publish), payload }
    }
}

/// All there is to a PUBLISH but its payload.
pub(crate) fn head(publish: Publish<'_>) -> String {
    format!("{:?}", Publish { payload: &[], ..publish })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    /// Which of them came in parts.
    pub(crate) in_parts: Vec<bool>,
    /// The error at the end, or how many bytes wait for more, and how many are still to come of a payload or of an
    /// oversized packet.
    pub(crate) end: Result<(usize, u32), DecodeError>,
}

/// The events in a stream that arrives in these segments, through a buffer of `buffer_size` bytes.
pub(crate) fn receive<'a>(
    mut decoder: StreamDecoder,
    buffer_size: usize,
    segments: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut outcome = Outcome { seen: Vec::new(), in_parts: Vec::new(), end: Ok((0, 0)) };
    let (mut buffer, mut to_come) = (Vec::new(), 0);
    for mut segment in segments {
        loop {
            let room = segment.len().min(buffer_size - buffer.len());
            buffer.extend_from_slice(segment.split_off(..room).unwrap());
            match step(&mut decoder, &buffer, &mut outcome, &mut to_come) {
                Ok(Some(len)) => drop(buffer.drain(..len)),
                Ok(None) if segment.is_empty() => break,
                Ok(None) => assert!(buffer.len() < buffer_size, "the buffer is full, and more is needed"),
                Err(error) => return Outcome { end: Err(error), ..outcome },
            }
        }
    }
    assert_eq!(decoder.is_between_packets(), to_come == 0);
    Outcome { end: Ok((buffer.len(), to_come)), ..outcome }
}

/// One event, held against what the contract says of it.
fn step(
    decoder: &mut StreamDecoder,
    input: &[u8],
    outcome: &mut Outcome,
    to_come: &mut u32,
) -> Result<Option<usize>, DecodeError> {
    let needed = decoder.needed(input);
    let answer = decoder.decode(input);
    assert_eq!(needed > 0, answer == Ok(None), "{needed} are needed for {answer:?}");
    let Some((event, len)) = answer? else {
        assert_eq!(decoder.needed(input), needed);
        return Ok(None);
    };
    assert!(len > 0 && len <= input.len());
    let is_rest = matches!(event, StreamEvent::Payload { .. } | StreamEvent::Skipped { .. });
    assert_eq!(*to_come > 0, is_rest, "{event:?} with {to_come} bytes to come");
    match event {
        StreamEvent::Packet(packet) => {
            outcome.seen.push(Seen::new(packet));
            outcome.in_parts.push(false);
        }
        StreamEvent::Head { publish, payload_len } => {
            assert!(publish.payload.is_empty() && payload_len > 0);
            outcome.seen.push(Seen::publish(publish, Vec::new()));
            outcome.in_parts.push(true);
            *to_come = payload_len;
        }
        StreamEvent::Payload { part, remaining } => {
            assert_eq!((part, part.len()), (&input[..len], len));
            assert_eq!(remaining as usize + len, *to_come as usize);
            let Some(Seen::Packet { payload, .. }) = outcome.seen.last_mut() else { panic!("no head") };
            payload.extend_from_slice(part);
            *to_come = remaining;
        }
        StreamEvent::OversizedPublish { publish, size } => {
            assert!(publish.payload.is_empty());
            outcome.seen.push(Seen::OversizedPublish { head: head(publish), size });
            outcome.in_parts.push(false);
            *to_come = size - u32::try_from(len).unwrap();
        }
        StreamEvent::Oversized { packet_type, packet_id, size } => {
            outcome.seen.push(Seen::Oversized { packet_type, packet_id, size });
            outcome.in_parts.push(false);
            *to_come = size - u32::try_from(len).unwrap();
        }
        StreamEvent::Skipped { remaining } => {
            assert_eq!(remaining as usize + len, *to_come as usize);
            *to_come = remaining;
        }
        other => panic!("an event that no test knows: {other:?}"),
    }
    assert_eq!(decoder.is_between_packets(), *to_come == 0);
    Ok(Some(len))
}

/// The naive way to the same: whole packets.
pub(crate) fn receive_whole(
    mut decoder: mqtt_codec::Decoder,
    mut stream: &[u8],
) -> (Vec<Seen>, Result<usize, DecodeError>) {
    let mut seen = Vec::new();
    loop {
        match decoder.decode(stream) {
            Ok(Some((packet, len))) => {
                seen.push(Seen::new(packet));
                stream = &stream[len..];
            }
            Ok(None) => return (seen, Ok(stream.len())),
            Err(error) => return (seen, Err(error)),
        }
    }
}

/// Segments of 1 to 16 bytes, in an order that depends on `seed`.
pub(crate) fn segments(mut stream: &[u8], seed: u32) -> impl Iterator<Item = &[u8]> {
    let mut state = seed;
    core::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = stream.len().min(1 + (state >> 28) as usize);
        let segment = stream.split_off(..len)?;
        (!segment.is_empty()).then_some(segment)
    })
}
