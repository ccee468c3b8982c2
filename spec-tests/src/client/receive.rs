//! The Receiver's side of the delivery protocols, and Topic Aliases (sections 3.3.2.3.4, 3.3.4, 4.3, 4.5, 4.6).

use mqtt_session::Violation;
use mqtt_session::codec::{Packet, Property};

use crate::script::{
    Client, Host, Hosting, News, Received, connack, connect, delivered, message, puback, pubcomp, pubrec,
    pubrel, subscribe,
};

crate::client_scripts! {
    mqtt5_3_3_4_1_mqtt5_2_2_1_5_mqtt5_4_3_2_4_mqtt5_4_3_3_8_mqtt5_4_3_3_11_mqtt311_3_3_4_1_mqtt311_2_3_1_6_mqtt311_4_3_2_2_mqtt311_4_3_3_2_every_qos_has_its_answer: any,
    mqtt5_4_5_0_2_mqtt311_4_5_0_2_what_nobody_asked_for_is_acknowledged: any,
    mqtt5_4_5_0_2_mqtt311_4_5_0_2_a_publisher_acknowledges_too: any,
    mqtt5_4_3_2_5_mqtt311_4_3_2_2_after_puback_the_identifier_is_free: any,
    mqtt5_4_3_3_10_mqtt5_4_3_3_12_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once: any,
    mqtt5_4_3_3_10_mqtt5_4_3_3_8_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once_over_connections: any,
    mqtt5_4_3_3_11_mqtt311_4_3_3_2_m31_32_decision_36_a_pubrel_for_nothing_is_answered: any,
    mqtt5_4_3_3_9_after_a_refusal_the_identifier_is_free: calls,
    mqtt5_4_3_3_13_an_expired_message_completes_its_exchange: any,
    mqtt5_4_6_0_2_mqtt5_4_6_0_3_mqtt311_4_6_0_2_mqtt311_4_6_0_3_answers_keep_the_order: any,
    mqtt5_4_6_0_2_mqtt5_4_6_0_3_mqtt311_4_6_0_2_mqtt311_4_6_0_3_answers_keep_the_order_whatever_the_application_does: calls,
    m31_32_repeats_are_accepted_at_any_time: any,
    mqtt5_3_3_2_10_every_alias_up_to_the_maximum_is_taken: any,
    mqtt5_3_3_2_7_aliases_end_with_their_connection: any,
    mqtt5_3_3_2_10_mqtt5_4_13_2_1_an_alias_beyond_the_maximum_ends_the_connection: calls,
    mqtt5_4_13_2_1_the_receive_maximum_is_enforced: calls,
    decision_11_a_repeat_is_answered_with_success: calls,
    decision_30_qos_2_is_handed_on_at_publish: calls,
}

/// A Client that has subscribed to `a`.
fn subscribed(s: &Hosting, change: impl FnOnce(Client) -> Client) -> (Client, Host) {
    let mut client = change(s.subscriber("a", 2));
    let mut server = client.connects();
    server.accepts();
    server.grants(subscribe("a", 2));
    client.tells(News::Connected);
    client.tells(News::Subscribed(vec![2]));
    (client, server)
}

fn mqtt5_3_3_4_1_mqtt5_2_2_1_5_mqtt5_4_3_2_4_mqtt5_4_3_3_8_mqtt5_4_3_3_11_mqtt311_3_3_4_1_mqtt311_2_3_1_6_mqtt311_4_3_2_2_mqtt311_4_3_3_2_every_qos_has_its_answer(
    s: &Hosting,
) {
    let (mut client, mut server) = subscribed(s, |client| client);
    server.sends(message("a", "0"));
    server.nothing_else();
    client.tells(delivered(&s.topic("a"), "0", 0));
    for id in [1, 0x0102, 0xFFFE] {
        server.delivers(message("a", "1").qos(1).id(id));
        server.delivers(message("a", "2").qos(2).id(id));
        client.tells(delivered(&s.topic("a"), "1", 1));
        client.tells(delivered(&s.topic("a"), "2", 2));
    }
    server.nothing_else();
    client.tells_nothing();
}

fn mqtt5_4_5_0_2_mqtt311_4_5_0_2_what_nobody_asked_for_is_acknowledged(s: &Hosting) {
    let (_, mut server) = subscribed(s, |client| client);
    server.delivers(message("other/topic", "1").qos(1).id(3));
    server.delivers(message("other/topic", "2").qos(2).id(4));
    server.nothing_else();
}

fn mqtt5_4_5_0_2_mqtt311_4_5_0_2_a_publisher_acknowledges_too(s: &Hosting) {
    let mut client = s.publisher("a", &["x"], 1);
    let mut server = client.connects();
    server.accepts();
    let id = server.receives(message("a", "x").qos(1)).id();
    // Identifiers of the Server are its own.
    server.delivers(message("b", "1").qos(1).id(id));
    server.delivers(message("b", "2").qos(2).id(id));
    server.sends(puback(id));
    server.is_left();
}

fn mqtt5_4_3_2_5_mqtt311_4_3_2_2_after_puback_the_identifier_is_free(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, |client| client);
    server.delivers(message("a", "x").qos(1).id(3));
    server.delivers(message("a", "x").qos(1).id(3).dup());
    server.delivers(message("a", "y").qos(1).id(3));
    client.tells(delivered(&s.topic("a"), "x", 1));
    let again = News::Delivered { topic: s.topic("a"), payload: "x".to_owned(), qos: 1, dup: true };
    client.tells(again);
    client.tells(delivered(&s.topic("a"), "y", 1));
}

fn mqtt5_4_3_3_10_mqtt5_4_3_3_12_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, |client| client);
    server.sends(message("a", "once").qos(2).id(4));
    server.receives(pubrec(4));
    server.sends(message("a", "once").qos(2).id(4).dup());
    server.receives(pubrec(4));
    server.sends(pubrel(4));
    server.receives(pubcomp(4));
    server.delivers(message("a", "another").qos(2).id(4));
    client.tells(delivered(&s.topic("a"), "once", 2));
    client.tells(delivered(&s.topic("a"), "another", 2));
    client.tells_nothing();
}

fn mqtt5_4_3_3_10_mqtt5_4_3_3_8_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once_over_connections(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, Client::keeps);
    server.sends(message("a", "once").qos(2).id(4));
    server.receives(pubrec(4));
    client.tells(delivered(&s.topic("a"), "once", 2));
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.grants_what_comes();
    client.has_told();
    server.sends(message("a", "once").qos(2).id(4).dup());
    server.receives(pubrec(4));
    server.sends(pubrel(4));
    server.receives(pubcomp(4));
    client.tells_nothing();
}

fn mqtt5_4_3_3_11_mqtt311_4_3_3_2_m31_32_decision_36_a_pubrel_for_nothing_is_answered(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, |client| client);
    server.sends(pubrel(9));
    if s.is_exact() {
        server.receives(if s.is_v5() { pubcomp(9).code(0x92) } else { pubcomp(9) });
    } else {
        server.receives_ack_of_any_code(&pubcomp(9));
    }
    server.nothing_else();
    client.tells_nothing();
}

fn mqtt5_4_3_3_9_after_a_refusal_the_identifier_is_free(s: &Hosting) {
    let manual = |client: Client| client.config(|config| config.manual_acknowledgement = true);
    let (mut client, mut server) = subscribed(s, manual);
    server.sends(message("a", "refused").qos(2).id(4));
    client.acknowledges(0, 0x99);
    server.receives(pubrec(4).code(0x99));
    server.sends(message("a", "new").qos(2).id(4));
    client.tells(delivered(&s.topic("a"), "refused", 2));
    client.tells(delivered(&s.topic("a"), "new", 2));
    client.acknowledges(0, 0);
    server.receives(pubrec(4));
}

fn mqtt5_4_3_3_13_an_expired_message_completes_its_exchange(s: &Hosting) {
    let (_, mut server) = subscribed(s, |client| client);
    let expiring = || message("a", "x").qos(2).id(4).with(Property::MessageExpiryInterval(1));
    server.sends(expiring());
    server.receives(pubrec(4));
    s.waits(2);
    server.sends(expiring().dup());
    server.receives(pubrec(4));
    server.sends(pubrel(4));
    server.receives(pubcomp(4));
}

fn mqtt5_4_6_0_2_mqtt5_4_6_0_3_mqtt311_4_6_0_2_mqtt311_4_6_0_3_answers_keep_the_order(s: &Hosting) {
    let (_, mut server) = subscribed(s, |client| client);
    for (id, level) in [(9, 1), (2, 1), (7, 1), (30, 2), (20, 2), (40, 2)] {
        server.sends(message("a", "x").qos(level).id(id));
    }
    // Order is demanded within a QoS.
    let (mut of_1, mut of_2) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        match server.receives_any().packet() {
            Packet::Puback(ack) => of_1.push(ack.packet_id.get()),
            Packet::Pubrec(ack) => of_2.push(ack.packet_id.get()),
            packet => panic!("the server expected PUBACK or PUBREC; got {packet}"),
        }
    }
    assert_eq!(of_1, [9, 2, 7], "PUBACK");
    assert_eq!(of_2, [30, 20, 40], "PUBREC");
}

fn mqtt5_4_6_0_2_mqtt5_4_6_0_3_mqtt311_4_6_0_2_mqtt311_4_6_0_3_answers_keep_the_order_whatever_the_application_does(
    s: &Hosting,
) {
    let manual = |client: Client| client.config(|config| config.manual_acknowledgement = true);
    let (mut client, mut server) = subscribed(s, manual);
    for (id, level) in [(30, 1), (20, 2), (10, 1)] {
        server.sends(message("a", "x").qos(level).id(id));
    }
    client.acknowledges(2, 0);
    client.acknowledges(1, 0);
    server.nothing_else();
    client.acknowledges(0, 0);
    server.receives(puback(30));
    server.receives(pubrec(20));
    server.receives(puback(10));
}

fn m31_32_repeats_are_accepted_at_any_time(s: &Hosting) {
    let (_, mut server) = subscribed(s, |client| client);
    for _ in 0..3 {
        server.delivers(message("a", "x").qos(1).id(3).dup());
    }
    for _ in 0..3 {
        server.sends(message("a", "x").qos(2).id(4).dup());
        server.receives(pubrec(4));
    }
    for _ in 0..3 {
        server.sends(pubrel(4));
        server.receives(pubcomp(4));
    }
}

fn alias(number: u16) -> Property<'static> {
    Property::TopicAlias(number.try_into().expect("not 0"))
}

/// Connects a Client that takes aliases; how many.
fn with_aliases(s: &Hosting, client: Client) -> (Client, Host, u16) {
    let mut client = client.options(|options| options.topic_alias_maximum = 10);
    let mut server = client.connects();
    let maximum = aliases_of(&server.receives(connect()));
    if maximum == 0 {
        s.skips("the Client announces no Topic Alias Maximum");
    }
    server.sends(connack());
    server.grants(subscribe("a", 1));
    client.has_told();
    (client, server, maximum)
}

fn aliases_of(received: &Received) -> u16 {
    match received.packet() {
        Packet::Connect(connect) => connect.fields().properties.topic_alias_maximum().unwrap_or(0),
        packet => panic!("{packet} is no CONNECT"),
    }
}

fn mqtt5_3_3_2_10_every_alias_up_to_the_maximum_is_taken(s: &Hosting) {
    let (mut client, mut server, maximum) = with_aliases(s, s.subscriber("a", 1));
    for number in [1, maximum] {
        server.delivers(message("a", "named").qos(1).id(3).with(alias(number)));
        server.delivers(message("", "aliased").qos(1).id(3).with(alias(number)));
        client.tells(delivered(&s.topic("a"), "named", 1));
        client.tells(delivered(&s.topic("a"), "aliased", 1));
    }
    // It can be given another meaning.
    server.delivers(message("b", "named").qos(1).id(3).with(alias(1)));
    server.delivers(message("", "aliased").qos(1).id(3).with(alias(1)));
    client.tells(delivered(&s.topic("b"), "named", 1));
    client.tells(delivered(&s.topic("b"), "aliased", 1));
    server.nothing_else();
}

fn mqtt5_3_3_2_7_aliases_end_with_their_connection(s: &Hosting) {
    let (mut client, mut server, _) = with_aliases(s, s.subscriber("a", 1).keeps());
    server.delivers(message("a", "named").qos(1).id(3).with(alias(1)));
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.grants_what_comes();
    client.has_told();
    server.sends(message("", "aliased").qos(1).id(3).with(alias(1)));
    server.is_closed_with(0x82);
    client.objects(Violation::TopicAlias);
}

fn mqtt5_3_3_2_10_mqtt5_4_13_2_1_an_alias_beyond_the_maximum_ends_the_connection(s: &Hosting) {
    for maximum in [0, 1, 10] {
        let mut client = s.client().options(|options| options.topic_alias_maximum = maximum);
        let mut server = client.connects();
        server.accepts();
        server.sends(message("a", "x").with(alias(maximum + 1)));
        server.is_closed_with(0x94);
        client.objects(Violation::TopicAlias);
    }
}

fn mqtt5_4_13_2_1_the_receive_maximum_is_enforced(s: &Hosting) {
    let mut client = s
        .client()
        .config(|config| config.manual_acknowledgement = true)
        .options(|options| options.receive_maximum = 2.try_into().expect("not 0"));
    let mut server = client.connects();
    server.accepts();
    server.sends(message("a", "1").qos(1).id(1));
    server.sends(message("a", "2").qos(2).id(2));
    server.sends(message("a", "0"));
    server.nothing_else();
    client.has_told();
    server.sends(message("a", "3").qos(1).id(3));
    server.is_closed_with(0x93);
    client.objects(Violation::ReceiveMaximumExceeded);
}

fn decision_11_a_repeat_is_answered_with_success(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, |client| client);
    for is_dup in [false, true, false] {
        let once = message("a", "once").qos(2).id(4);
        server.sends(if is_dup { once.dup() } else { once });
        server.receives(pubrec(4).code(0));
    }
    client.tells(delivered(&s.topic("a"), "once", 2));
    client.tells_nothing();
}

fn decision_30_qos_2_is_handed_on_at_publish(s: &Hosting) {
    let (mut client, mut server) = subscribed(s, |client| client);
    server.sends(message("a", "x").qos(2).id(4));
    client.tells(delivered(&s.topic("a"), "x", 2));
    server.receives(pubrec(4));
    server.sends(pubrel(4));
    server.receives(pubcomp(4));
    client.tells_nothing();
}
