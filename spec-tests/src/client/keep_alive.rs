//! Keep Alive (sections 3.1.2.10, 3.2.2.3.14, 3.12).

use mqtt_session::codec::{Packet, Property};

use crate::script::{Hosting, News, Pingreq, connack, message, subscribe};

crate::client_scripts! {
    mqtt5_3_1_2_20_mqtt311_3_1_2_23_silence_is_broken_in_time: any,
    mqtt5_3_1_2_20_mqtt311_3_1_2_23_only_what_is_sent_counts: calls,
    mqtt5_3_1_2_20_mqtt311_3_1_2_23_without_keep_alive_there_is_no_pingreq: calls,
    mqtt5_3_1_2_21_mqtt5_3_2_2_21_the_server_sets_the_keep_alive: any,
    mqtt5_3_1_2_21_mqtt5_3_2_2_21_a_longer_keep_alive_or_none_is_taken_over: calls,
    m31_42_a_pingreq_without_answer_ends_the_connection: any,
}

/// How late a program may look at its clock, in seconds.
fn slack(s: &Hosting) -> u64 {
    u64::from(!s.is_exact())
}

fn mqtt5_3_1_2_20_mqtt311_3_1_2_23_silence_is_broken_in_time(s: &Hosting) {
    let mut client = s.subscriber("a", 0).keep_alive(5);
    let mut server = client.connects();
    server.accepts_with(connack());
    server.grants(subscribe("a", 0));
    for _ in 0..2 {
        server.within(5 + slack(s)).receives(Pingreq);
        server.sends(Packet::Pingresp);
    }
    server.nothing_else();
}

fn mqtt5_3_1_2_20_mqtt311_3_1_2_23_only_what_is_sent_counts(s: &Hosting) {
    let mut client = s.client().keep_alive(10);
    let mut server = client.connects();
    server.accepts();
    s.waits(6);
    client.publishes(message("a", "x")).expect("taken");
    server.receives(message("a", "x"));
    // What is received does not put it off.
    s.waits(6);
    server.sends(message("b", "x"));
    server.nothing_else();
    server.within(4).receives(Pingreq);
}

fn mqtt5_3_1_2_20_mqtt311_3_1_2_23_without_keep_alive_there_is_no_pingreq(s: &Hosting) {
    let mut client = s.client().keep_alive(0);
    let mut server = client.connects();
    server.accepts();
    s.waits(100_000);
    server.nothing_else();
    client.tells(News::Connected);
    client.tells_nothing();
}

fn mqtt5_3_1_2_21_mqtt5_3_2_2_21_the_server_sets_the_keep_alive(s: &Hosting) {
    let mut client = s.subscriber("a", 0).keep_alive(60);
    let mut server = client.connects();
    server.accepts_with(connack().with(Property::ServerKeepAlive(3)));
    server.grants(subscribe("a", 0));
    server.within(3 + slack(s)).receives(Pingreq);
}

fn mqtt5_3_1_2_21_mqtt5_3_2_2_21_a_longer_keep_alive_or_none_is_taken_over(s: &Hosting) {
    let mut client = s.client().keep_alive(10);
    let mut server = client.connects();
    server.accepts_with(connack().with(Property::ServerKeepAlive(100)));
    s.waits(90);
    server.nothing_else();
    server.within(10).receives(Pingreq);
    let mut client = s.client().keep_alive(10);
    let mut server = client.connects();
    server.accepts_with(connack().with(Property::ServerKeepAlive(0)));
    s.waits(1000);
    server.nothing_else();
}

fn m31_42_a_pingreq_without_answer_ends_the_connection(s: &Hosting) {
    let mut client = s.subscriber("a", 0).keep_alive(5);
    let mut server = client.connects();
    server.accepts();
    server.grants(subscribe("a", 0));
    server.within(5 + slack(s)).receives(Pingreq);
    server.within(5 + slack(s)).is_closed();
    client.tells(News::Connected);
    client.tells(News::Subscribed(vec![0]));
    client.tells(News::NoPingresp);
    client.tells_nothing();
}
