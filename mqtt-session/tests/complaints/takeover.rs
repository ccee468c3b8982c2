//! A late word about a connection that has been superseded.

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{Connect, ConnectFields, Packet, ProtocolVersion, QoS, Subscribe, Subscriptions};
use mqtt_session::topic::Subscription;
use mqtt_session::{AllowAll, Broker, BrokerConfig, ConnectionId, Instant, Message, Received};

use crate::client::id;

const NOW: Instant = Instant::from_millis(0);

fn send(broker: &mut Broker, connection: ConnectionId, version: ProtocolVersion, packet: &Packet<'_>) {
    let mut bytes = BytesMut::new();
    packet.encode(version, &mut bytes).unwrap();
    assert!(matches!(broker.handle_input(NOW, connection, &mut bytes), Received::NeedData(_)));
}

fn written(broker: &mut Broker, connection: ConnectionId) -> usize {
    let transmit = broker.transmit(connection).unwrap();
    let count = transmit.remaining();
    transmit.advance(count);
    count
}

/// The driver hears of the end of the old transport when the Session has long been another connection's.
#[test]
fn complaint_20_case_25_a_late_close_finds_nothing() {
    for version in ProtocolVersion::ALL {
        let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
        let fields = ConnectFields { client_id: "c", clean_start: false, ..ConnectFields::default() };
        let connect = Packet::Connect(Connect::new(&fields));
        let old = broker.open(NOW);
        send(&mut broker, old, version, &connect);
        let new = broker.open(NOW);
        send(&mut broker, new, version, &connect);
        let entries = [(Subscription::ordinary("t").unwrap(), QoS::AtLeastOnce.into())];
        let subscribe = Subscribe::new(id(1), Subscriptions::new(&entries));
        send(&mut broker, new, version, &Packet::Subscribe(subscribe));
        written(&mut broker, new);
        assert_eq!(broker.handle_input(NOW, old, &mut BytesMut::from(&b"\xC0\x00"[..])), Received::Closed);

        broker.handle_closed(NOW, old);
        broker.handle_closed(NOW, old);
        broker.handle_timeout(NOW);
        assert!(broker.transmit(old).is_none());
        assert_eq!(
            (broker.connection_count(), broker.session_count(), broker.subscription_count()),
            (1, 1, 1)
        );
        let message = Message::new("t", "x").unwrap().with_qos(QoS::AtLeastOnce);
        assert_eq!(broker.publish(NOW, &message), 1);
        assert!(written(&mut broker, new) > 0, "the new connection has the Session");
        assert_ne!(broker.open(NOW), old, "no identifier comes again");
    }
}
