//! Packets as an application makes them, out of values. They are made once and live as long as the program, which is what
//! lets them borrow the values they are made of.

use core::cell::RefCell;
use std::collections::BTreeMap;

use bytes::BytesMut;
use mqtt_codec::{
    Connect, ConnectFields, ConnectProperties, DecodeError, Packet, ProtocolVersion, Publish,
    PublishProperties, Side, Subscribe, SubscribeProperties, Subscriptions, Will, WillProperties,
};

use super::{Borrowed, Received};
use crate::codec::{Codec, Found, version};
use crate::codecs::floor;

pub(super) struct Built<const LEVEL: u8>;

/// Packets that wait to be taken, the last first.
type Packets = Vec<Packet<'static>>;

thread_local! {
    static MADE: RefCell<BTreeMap<(Vec<u8>, ProtocolVersion), Packet<'static>>> = RefCell::default();
}

fn leak<T>(values: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(values.into_iter().collect())
}

/// The packet of `frame`, made once.
fn made(frame: &[u8], version: ProtocolVersion) -> Packet<'static> {
    MADE.with_borrow_mut(|made| {
        *made.entry((frame.to_vec(), version)).or_insert_with(|| {
            let received = Box::leak(Box::new(Received::new(frame, Side::Client, version)));
            make(received.packet().expect("a valid packet").expect("a complete packet"))
        })
    })
}

fn make(packet: Packet<'static>) -> Packet<'static> {
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            let properties = leak(fields.properties.iter());
            let will = fields.will.map(|will| {
                let properties = leak(will.properties.iter());
                Will { properties: WillProperties::new(properties).expect("those of a Will"), ..will }
            });
            let properties = ConnectProperties::new(properties).expect("those of a CONNECT");
            let fields: &ConnectFields<'_> =
                Box::leak(Box::new(ConnectFields { properties, will, ..fields }));
            Connect::new(fields).into()
        }
        Packet::Publish(publish) => {
            let properties = leak(publish.properties.iter());
            let properties = PublishProperties::new(properties).expect("those of a PUBLISH");
            Publish { properties, ..publish }.into()
        }
        Packet::Subscribe(subscribe) => {
            let properties = leak(subscribe.properties.iter());
            let properties = SubscribeProperties::new(properties).expect("those of a SUBSCRIBE");
            let subscriptions = Subscriptions::new(leak(subscribe.subscriptions.iter()));
            Subscribe { properties, subscriptions, ..subscribe }.into()
        }
        packet => packet,
    }
}

impl<const LEVEL: u8> Codec for Built<LEVEL> {
    const NAME: &'static str = "mqtt-codec (built)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Packets;
    type Packet<'a> = Packet<'static>;
    type Error = DecodeError;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> Packets {
        let (mut rest, mut packets) = (stream, Packets::new());
        while let Some((len, _)) = floor::lens(rest) {
            packets.push(made(&rest[..len], Self::VERSION));
            rest = &rest[len..];
        }
        packets.reverse();
        packets
    }

    fn decode(input: &mut Packets) -> Result<Option<Packet<'static>>, DecodeError> {
        Ok(input.pop())
    }

    fn found<'p>(packet: &'p Packet<'static>) -> Option<Found<'p>> {
        Borrowed::<LEVEL>::found(packet)
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &Packet<'static>, output: &mut BytesMut) -> bool {
        Borrowed::<LEVEL>::encode(packet, output)
    }

    fn bytes(output: &BytesMut) -> Vec<u8> {
        output.to_vec()
    }
}
