//! Packets as an application makes them, out of values, with the content of received ones.

use mqtt_codec::{
    Connect, ConnectFields, ConnectProperties, Decoder, Packet, ProtocolVersion, Publish, PublishProperties,
    Subscribe, SubscribeProperties, Subscriptions, Will, WillProperties,
};

/// The packets of a Client's stream, made anew out of values. They live as long as the program, which is what lets them
/// borrow the values they are made of.
///
/// # Panics
/// The stream is not valid.
pub fn built(stream: &[u8], version: ProtocolVersion) -> Vec<Packet<'static>> {
    let mut decoder = Decoder::server().with_version(version);
    let (mut input, mut packets) = (leak(stream.iter().copied()), Vec::new());
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        packets.push(make(packet));
        input = &input[len..];
    }
    packets
}

fn leak<T>(values: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(values.into_iter().collect())
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
