//! What the Server does not take, and flow control (sections 3.2.2.3, 3.3.2.3.4, 3.3.4, 4.9).

use mqtt_session::codec::{Packet, Property, QoS};
use mqtt_session::{RejectReason, Violation};

use crate::script::{
    Ack, Host, Hosting, News, Pingreq, Received, connack, delivered, disconnect, message, puback, pubcomp,
    pubrec, pubrel, subscribe,
};

crate::client_scripts! {
    mqtt5_3_2_2_11_no_qos_above_the_maximum_qos: any,
    mqtt5_3_2_2_14_nothing_is_retained_where_that_is_not_available: any,
    mqtt5_3_2_2_15_no_packet_is_above_the_maximum_packet_size: any,
    mqtt5_3_2_2_11_mqtt5_3_2_2_14_mqtt5_3_2_2_15_the_application_is_told: calls,
    mqtt5_3_2_2_15_every_packet_counts: calls,
    mqtt5_3_2_2_18_mqtt5_3_3_2_9_without_a_maximum_there_are_no_aliases: any,
    mqtt5_3_2_2_17_mqtt5_3_3_2_9_aliases_are_within_the_maximum: any,
    mqtt5_3_3_4_7_mqtt5_4_9_0_1_mqtt5_4_9_0_2_qos_1_is_within_the_receive_maximum: any,
    mqtt5_3_3_4_7_mqtt5_4_9_0_1_mqtt5_4_9_0_2_qos_2_is_within_the_receive_maximum: any,
    mqtt5_3_3_4_7_mqtt5_4_9_0_2_a_refusal_frees_a_place: any,
    mqtt5_3_3_4_8_mqtt5_4_9_0_3_answers_need_no_quota: any,
    mqtt5_3_3_4_8_mqtt5_4_9_0_3_everything_else_is_sent_without_quota: calls,
    mqtt5_4_9_0_1_mqtt5_4_9_0_2_mqtt5_3_3_4_7_decision_34_the_quota_is_that_of_the_connection: calls,
    mqtt5_3_4_2_2_mqtt5_3_4_2_3_mqtt5_3_5_2_2_mqtt5_3_5_2_3_answers_leave_out_what_does_not_fit: calls,
    mqtt5_3_6_2_2_mqtt5_3_6_2_3_mqtt5_3_7_2_2_mqtt5_3_7_2_3_pubrel_and_pubcomp_say_nothing_more: calls,
    mqtt5_3_14_2_3_mqtt5_3_14_2_4_disconnect_leaves_out_what_does_not_fit: calls,
}

const PAYLOAD: &str = "0123456789012345678901234567890123456789012345678901234567890123456789";

fn maximum_packet_size(bytes: u32) -> Property<'static> {
    Property::MaximumPacketSize(bytes.try_into().expect("not 0"))
}

fn receive_maximum(maximum: u16) -> Property<'static> {
    Property::ReceiveMaximum(maximum.try_into().expect("not 0"))
}

/// Connects, and checks every PUBLISH up to the end.
fn no_publish(mut server: Host, property: Property<'static>, is_wrong: impl Fn(&Received) -> bool) {
    server.accepts_with(connack().with(property));
    server.receives_the_rest(|received| {
        assert!(!is_wrong(received), "{} is sent", received.packet());
    });
}

fn mqtt5_3_2_2_11_no_qos_above_the_maximum_qos(s: &Hosting) {
    for (level, maximum) in [(2, QoS::AtLeastOnce), (2, QoS::AtMostOnce), (1, QoS::AtMostOnce)] {
        let mut client = s.publisher("a", &["x"], level);
        let server = client.connects();
        no_publish(
            server,
            Property::MaximumQoS(maximum),
            |received| matches!(received.packet(), Packet::Publish(publish) if publish.delivery.qos() > maximum),
        );
        client.tells(News::Connected);
        client.tells(News::Rejected(RejectReason::QoSNotSupported));
    }
}

fn mqtt5_3_2_2_14_nothing_is_retained_where_that_is_not_available(s: &Hosting) {
    let mut client = s.publisher("a", &["x"], 1).retained();
    let server = client.connects();
    no_publish(
        server,
        Property::RetainAvailable(false),
        |received| matches!(received.packet(), Packet::Publish(publish) if publish.retain),
    );
    client.tells(News::Connected);
    client.tells(News::Rejected(RejectReason::RetainNotSupported));
}

fn mqtt5_3_2_2_15_no_packet_is_above_the_maximum_packet_size(s: &Hosting) {
    for level in [0, 1, 2] {
        let mut client = s.publisher("a", &[PAYLOAD], level);
        let server = client.connects();
        no_publish(server, maximum_packet_size(60), |received| received.bytes().len() > 60);
        client.tells(News::Connected);
        client.tells(News::Rejected(RejectReason::PacketTooLarge));
    }
}

fn mqtt5_3_2_2_11_mqtt5_3_2_2_14_mqtt5_3_2_2_15_the_application_is_told(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts_with(
        connack()
            .with(Property::MaximumQoS(QoS::AtLeastOnce))
            .with(Property::RetainAvailable(false))
            .with(maximum_packet_size(60)),
    );
    for (message, reason) in [
        (message("a", "x").qos(2), RejectReason::QoSNotSupported),
        (message("a", "x").retained(), RejectReason::RetainNotSupported),
        (message("a", PAYLOAD), RejectReason::PacketTooLarge),
    ] {
        assert_eq!(client.publishes(message).unwrap_err().reason, reason);
    }
    server.nothing_else();
    client.publishes(message("a", "x").qos(1)).expect("taken");
    server.receives(message("a", "x").qos(1));
}

fn mqtt5_3_2_2_15_every_packet_counts(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts_with(connack().with(maximum_packet_size(20)));
    let long = "012345678901";
    assert_eq!(client.subscribes(subscribe(long, 1)).unwrap_err().reason, RejectReason::PacketTooLarge);
    let request = mqtt_session::UnsubscribeRequest::new(["0123456789012345"]).expect("a Topic Filter");
    let refused = client.calls(|client, now| client.unsubscribe(now, request)).unwrap_err();
    assert_eq!(refused.reason, RejectReason::PacketTooLarge);
    server.nothing_else();
    // What must be sent and does not fit ends the connection.
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts_with(connack().with(maximum_packet_size(3)));
    client.has_told();
    server.sends(message("a", "x").qos(1).id(1));
    server.is_closed();
    client.tells(delivered(&s.topic("a"), "x", 1));
    client.tells(News::Violation(Violation::MaximumPacketSize));
}

/// Receives some messages to `a` and checks their aliases against the maximum; the last payload ends it.
fn aliases(s: &Hosting, maximum: u16) {
    let payloads = ["1", "2", "3"];
    let mut client = s.publisher("a", &payloads, 0).config(|config| config.use_topic_aliases = true);
    let mut server = client.connects();
    server.accepts_with(if maximum > 0 {
        connack().with(Property::TopicAliasMaximum(maximum))
    } else {
        connack()
    });
    for _ in payloads {
        let received = server.receives_any();
        let Packet::Publish(publish) = received.packet() else {
            panic!("{} is no PUBLISH", received.packet())
        };
        let alias = publish.properties.topic_alias().map_or(0, core::num::NonZero::get);
        assert!(alias <= maximum, "alias {alias} above {maximum}");
        assert!(alias > 0 || publish.topic.is_some(), "neither topic nor alias");
    }
    server.is_left();
}

fn mqtt5_3_2_2_18_mqtt5_3_3_2_9_without_a_maximum_there_are_no_aliases(s: &Hosting) {
    aliases(s, 0);
}

fn mqtt5_3_2_2_17_mqtt5_3_3_2_9_aliases_are_within_the_maximum(s: &Hosting) {
    for maximum in [1, 2] {
        aliases(s, maximum);
    }
    if s.is_exact() {
        // Our client uses what there is.
        let mut client = s.client().config(|config| config.use_topic_aliases = true);
        let mut server = client.connects();
        server.accepts_with(connack().with(Property::TopicAliasMaximum(1)));
        let alias = Property::TopicAlias(1.try_into().expect("not 0"));
        for topic in ["a", "b", "a"] {
            client.calls(|client, now| {
                let message = mqtt_session::Message::new(s.topic(topic), "x").expect("a Topic Name");
                client.publish(now, message).expect("taken");
            });
        }
        server.receives(message("a", "x").with(alias));
        server.receives(message("b", "x").without(mqtt_session::codec::PropertyId::TopicAlias));
        server.receives(message("", "x").with(alias));
    }
}

fn mqtt5_3_3_4_7_mqtt5_4_9_0_1_mqtt5_4_9_0_2_qos_1_is_within_the_receive_maximum(s: &Hosting) {
    let mut client = s.publisher("a", &["1", "2", "3", "4"], 1);
    let mut server = client.connects();
    server.accepts_with(connack().with(receive_maximum(2)));
    let one = server.receives(message("a", "1").qos(1)).id();
    let two = server.receives(message("a", "2").qos(1)).id();
    server.nothing_else();
    server.sends(puback(one));
    let three = server.receives(message("a", "3").qos(1)).id();
    server.nothing_else();
    server.sends(puback(two));
    let four = server.receives(message("a", "4").qos(1)).id();
    server.sends(puback(three));
    server.sends(puback(four));
    server.is_left();
}

fn mqtt5_3_3_4_7_mqtt5_4_9_0_1_mqtt5_4_9_0_2_qos_2_is_within_the_receive_maximum(s: &Hosting) {
    let mut client = s.publisher("a", &["1", "2"], 2);
    let mut server = client.connects();
    server.accepts_with(connack().with(receive_maximum(1)));
    let one = server.receives(message("a", "1").qos(2)).id();
    server.nothing_else();
    // PUBREC frees nothing.
    server.sends(pubrec(one));
    server.receives(pubrel(one));
    server.nothing_else();
    server.sends(pubcomp(one));
    let two = server.receives(message("a", "2").qos(2)).id();
    server.sends(pubrec(two));
    server.receives(pubrel(two));
    server.sends(pubcomp(two));
    server.is_left();
}

fn mqtt5_3_3_4_7_mqtt5_4_9_0_2_a_refusal_frees_a_place(s: &Hosting) {
    for (level, refusal) in [(1, puback as fn(u16) -> Ack), (2, pubrec)] {
        let mut client = s.publisher("a", &["1", "2"], level);
        let mut server = client.connects();
        server.accepts_with(connack().with(receive_maximum(1)));
        let one = server.receives(message("a", "1").qos(level)).id();
        server.nothing_else();
        server.sends(refusal(one).code(0x97));
        server.receives(message("a", "2").qos(level));
    }
}

fn mqtt5_3_3_4_8_mqtt5_4_9_0_3_answers_need_no_quota(s: &Hosting) {
    let mut client = s.publisher("a", &["x"], 1);
    let mut server = client.connects();
    server.accepts_with(connack().with(receive_maximum(1)));
    let id = server.receives(message("a", "x").qos(1)).id();
    server.delivers(message("b", "1").qos(1).id(4));
    server.delivers(message("b", "2").qos(2).id(5));
    server.sends(puback(id));
    server.is_left();
}

fn mqtt5_3_3_4_8_mqtt5_4_9_0_3_everything_else_is_sent_without_quota(s: &Hosting) {
    let mut client = s.client().keep_alive(10);
    let mut server = client.connects();
    server.accepts_with(connack().with(receive_maximum(1)));
    for payload in ["1", "2"] {
        client.publishes(message("a", payload).qos(1)).expect("taken");
    }
    server.receives(message("a", "1").qos(1));
    client.has_told();
    client.subscribes(subscribe("b", 1)).expect("taken");
    server.grants(subscribe("b", 1));
    server.delivers(message("b", "q0"));
    server.delivers(message("b", "q1").qos(1).id(4));
    server.delivers(message("b", "q2").qos(2).id(5));
    client.tells(News::Subscribed(vec![1]));
    for (payload, level) in [("q0", 0), ("q1", 1), ("q2", 2)] {
        client.tells(delivered(&s.topic("b"), payload, level));
    }
    let request = mqtt_session::UnsubscribeRequest::new(["b"]).expect("a Topic Filter");
    client.calls(|client, now| client.unsubscribe(now, request)).expect("taken");
    assert!(matches!(server.receives_any().packet(), Packet::Unsubscribe(_)));
    server.within(10).receives(Pingreq);
    client.disconnects(0);
    server.is_left();
}

fn mqtt5_4_9_0_1_mqtt5_4_9_0_2_mqtt5_3_3_4_7_decision_34_the_quota_is_that_of_the_connection(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    let mut ids = Vec::new();
    for (payload, level) in [("1", 1), ("2", 2), ("3", 1)] {
        client.publishes(message("a", payload).qos(level)).expect("taken");
        ids.push(server.receives(message("a", payload).qos(level)).id());
    }
    server.sends(pubrec(ids[1]));
    server.receives(pubrel(ids[1]));
    server.vanishes();
    let mut server = client.connects();
    server.accepts_with(connack().present().with(receive_maximum(2)));
    client.publishes(message("a", "4").qos(1)).expect("taken");
    server.receives(message("a", "1").qos(1).id(ids[0]).dup());
    server.receives(pubrel(ids[1]));
    server.nothing_else();
    server.sends(pubcomp(ids[1]));
    server.receives(message("a", "3").qos(1).id(ids[2]).dup());
    server.nothing_else();
    server.sends(puback(ids[0]));
    server.receives(message("a", "4").qos(1));
}

/// Explains a refusal of PUBACK and PUBREC below a limit; how many bytes each is then.
fn explained(s: &Hosting, limit: u32) -> [usize; 2] {
    let mut client = s.client().config(|config| config.manual_acknowledgement = true);
    let mut server = client.connects();
    server.accepts_with(connack().with(maximum_packet_size(limit)));
    let mut lens = [0; 2];
    for (level, len) in [1, 2].into_iter().zip(&mut lens) {
        server.sends(message("b", "x").qos(level).id(level.into()));
        client.refuses_because("bad", ("k", "v"), 0x99);
        *len = server.receives_any().bytes().len();
    }
    lens
}

fn mqtt5_3_4_2_2_mqtt5_3_4_2_3_mqtt5_3_5_2_2_mqtt5_3_5_2_3_answers_leave_out_what_does_not_fit(s: &Hosting) {
    // 2 bytes, identifier, code, length; 6 for the Reason String, 7 for the User Property.
    for (limit, len) in [(100, 19), (19, 19), (18, 12), (12, 12), (11, 5), (5, 5)] {
        assert_eq!(explained(s, limit), [len; 2], "below {limit}");
    }
}

fn mqtt5_3_6_2_2_mqtt5_3_6_2_3_mqtt5_3_7_2_2_mqtt5_3_7_2_3_pubrel_and_pubcomp_say_nothing_more(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts_with(connack().with(maximum_packet_size(20)));
    client.publishes(message("a", "x").qos(2)).expect("taken");
    let id = server.receives(message("a", "x").qos(2)).id();
    server.sends(pubrec(id));
    assert_eq!(server.receives(pubrel(id)).bytes().len(), 4);
    server.sends(message("b", "x").qos(2).id(3));
    server.receives(pubrec(3));
    server.sends(pubrel(3));
    assert_eq!(server.receives(pubcomp(3)).bytes().len(), 4);
    // Where there is nothing to release or to complete, the code.
    server.sends(pubrec(99));
    assert_eq!(server.receives(pubrel(99).code(0x92)).bytes().len(), 5);
    server.sends(pubrel(99));
    assert_eq!(server.receives(pubcomp(99).code(0x92)).bytes().len(), 5);
}

fn mqtt5_3_14_2_3_mqtt5_3_14_2_4_disconnect_leaves_out_what_does_not_fit(s: &Hosting) {
    for (limit, len) in [(100, 17), (17, 17), (16, 10), (10, 10), (9, 3)] {
        let mut client = s.client();
        let mut server = client.connects();
        server.accepts_with(connack().with(maximum_packet_size(limit)));
        let explanation = mqtt_session::Explanation::new("bad").with_user_property("k", "v");
        let reason = mqtt_session::codec::DisconnectReason::UnspecifiedError;
        let request =
            mqtt_session::DisconnectRequest { explanation, ..mqtt_session::DisconnectRequest::new(reason) };
        client.calls(|client, now| client.disconnect_with(now, &request)).expect("it can be sent");
        assert_eq!(server.receives(disconnect(0x80)).bytes().len(), len, "below {limit}");
        server.is_closed();
    }
}
