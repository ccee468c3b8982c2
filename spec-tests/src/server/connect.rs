//! CONNECT and CONNACK (sections 3.1 and 3.2): who is let in, and how.

use mqtt_session::codec::{Packet, Property, QoS};

use super::raw;
use crate::manifest::Version;
use crate::script::{Scene, message, packet, string, suback, subscribe, will};

crate::scripts! {
    mqtt5_3_1_0_1_mqtt311_3_1_0_1_m31_49_what_opens_without_connect_is_closed: any,
    mqtt5_3_1_0_2_mqtt311_3_1_0_2_m31_49_a_second_connect_ends_the_connection: any,
    mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_second_connect_publishes_the_will: any,
    mqtt5_3_1_2_1_mqtt311_3_1_2_1_m31_2_an_unknown_protocol_name_is_closed: any,
    mqtt5_3_1_2_2_an_unknown_version_is_refused: any,
    mqtt311_3_1_2_2_m31_1_an_unknown_level_is_refused_with_code_1: any,
    mqtt5_3_1_3_5_mqtt311_3_1_3_5_letters_and_digits_are_a_client_identifier: any,
    m31_24_a_client_identifier_has_up_to_23_characters: any,
    m31_24_decision_46_a_longer_client_identifier_is_refused: any,
    m31_25_m31_47_an_empty_client_identifier_is_refused: any,
    m31_26_any_character_may_stand_in_a_client_identifier: any,
    mqtt5_3_1_3_6_mqtt5_3_1_3_7_mqtt5_3_2_2_16_an_identifier_is_assigned_and_told: any,
    mqtt311_3_1_3_6_an_empty_identifier_is_made_up_for: any,
    mqtt311_3_1_3_7_mqtt311_3_1_3_8_an_empty_identifier_needs_clean_session: any,
    mqtt5_3_1_3_8_mqtt311_3_1_3_9_an_identifier_that_is_not_acceptable_is_refused: config,
    mqtt5_3_1_4_2_mqtt311_3_2_2_5_m31_47_whom_the_rules_refuse_is_not_let_in: rules,
    mqtt5_3_1_4_5_mqtt311_3_1_4_4_mqtt5_3_2_0_2_mqtt311_3_2_0_1_connack_is_the_first_packet_and_the_only_one: any,
    mqtt5_3_1_4_6_mqtt5_3_2_2_7_mqtt311_3_1_4_5_mqtt311_3_2_2_5_nothing_follows_a_refusal: any,
    mqtt5_3_2_0_1_nothing_comes_before_connack: any,
    mqtt311_3_2_2_6_m31_48_what_no_code_fits_is_closed_without_one: any,
    mqtt5_3_1_2_28_response_information_is_only_told_on_request: any,
    mqtt5_3_1_2_29_problem_information_can_be_declined: any,
    mqtt5_3_2_2_9_mqtt5_3_2_2_10_a_maximum_qos_is_announced_and_granted: config,
    mqtt5_3_2_2_9_full_support_is_not_announced: config,
    mqtt5_3_2_2_11_a_message_above_the_maximum_qos_ends_the_connection: config,
    mqtt5_3_2_2_12_a_will_above_the_maximum_qos_is_refused: config,
    mqtt5_3_2_2_13_a_retained_will_is_refused_where_nothing_is_retained: config,
    mqtt5_3_2_2_14_a_retained_message_ends_the_connection_where_nothing_is_retained: config,
    mqtt5_3_2_2_15_a_packet_above_the_maximum_ends_the_connection: any,
    mqtt5_3_2_2_19_mqtt5_3_2_2_20_connack_fits_the_client: any,
    mqtt5_3_1_2_20_mqtt5_3_1_2_22_mqtt5_3_2_2_22_mqtt311_3_1_2_23_mqtt311_3_1_2_24_m31_41_m31_43_silence_ends_the_connection: any,
    mqtt5_3_1_2_22_mqtt311_3_1_2_24_m31_43_keep_alive_0_is_off: any,
    mqtt5_3_1_2_21_mqtt5_3_2_2_21_the_server_keep_alive_is_the_one_in_force: config,
}

fn mqtt5_3_1_0_1_mqtt311_3_1_0_1_m31_49_what_opens_without_connect_is_closed(s: &Scene) {
    let topic = s.topic("a");
    let openers = [
        packet(0xC0, b""),
        packet(0xE0, b""),
        raw::publish(s, 0x30, topic.as_bytes(), None, b"x"),
        raw::subscribe(s, 1, &[(topic.as_bytes(), 0)]),
    ];
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    for opener in openers {
        let mut client = s.opens("a");
        client.sends_bytes(&opener);
        client.is_closed();
    }
    observer.nothing_else();
}

fn mqtt5_3_1_0_2_mqtt311_3_1_0_2_m31_49_a_second_connect_ends_the_connection(s: &Scene) {
    let mut client = s.connects("a");
    client.sends_bytes(&s.client("a").bytes());
    client.is_closed_with(0x82);
}

fn mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_second_connect_publishes_the_will(s: &Scene) {
    if s.version() == Version::V3_1 && !s.is_exact() {
        s.skips("MQTT 3.1 does not say what is to be done");
    }
    let mut observer = s.connects("obs");
    observer.subscribes("will", 0);
    let dial = s.client("a").will(will("will", "gone"));
    let mut client = dial.connects();
    client.sends_bytes(&dial.bytes());
    client.is_closed_with(0x82);
    observer.receives(message("will", "gone"));
}

fn mqtt5_3_1_2_1_mqtt311_3_1_2_1_m31_2_an_unknown_protocol_name_is_closed(s: &Scene) {
    let level = match s.version() {
        Version::V5_0 => 5,
        Version::V3_1_1 => 4,
        Version::V3_1 => 3,
    };
    for name in ["HTTP", "mqtt", "MQTTX", ""] {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect_as(s, name, level));
        if s.is_v5() && !s.is_exact() {
            client.is_refused(0x84);
        } else {
            client.is_closed();
        }
    }
}

fn mqtt5_3_1_2_2_an_unknown_version_is_refused(s: &Scene) {
    for level in [6, 0x7F] {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect_as(s, "MQTT", level));
        client.is_refused(0x84);
    }
}

fn mqtt311_3_1_2_2_m31_1_an_unknown_level_is_refused_with_code_1(s: &Scene) {
    let cases: &[(&str, u8)] = match s.version() {
        Version::V3_1 => &[("MQIsdp", 2), ("MQIsdp", 4)],
        _ => &[("MQTT", 1), ("MQTT", 2)],
    };
    for (name, level) in cases {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect_as(s, name, *level));
        client.is_refused(0x84);
    }
}

fn mqtt5_3_1_3_5_mqtt311_3_1_3_5_letters_and_digits_are_a_client_identifier(s: &Scene) {
    let token = s.client_id("");
    // Of 1 character it may be anybody's: only where nobody else is.
    let shortest = match (s.is_exact(), s.is_v5()) {
        (true, true) => vec!["0".to_owned(), "z".to_owned()],
        (true, false) => vec!["1".to_owned(), "Q".to_owned()],
        (false, _) => Vec::new(),
    };
    let longest: String = token.chars().chain("ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars()).take(23).collect();
    let digits: String = token.chars().chain("01234567890123456789".chars()).take(23).collect();
    for client_id in shortest.into_iter().chain([longest, digits]) {
        s.client("a").id(&client_id).connects().disconnects();
    }
}

fn m31_24_a_client_identifier_has_up_to_23_characters(s: &Scene) {
    let token = s.client_id("");
    let fill = |with: char| token.chars().chain(std::iter::repeat(with)).take(23).collect::<String>();
    s.client("a").id(&fill('x')).connects().disconnects();
    // Characters, not bytes.
    s.client("a").id(&fill('ä')).connects().disconnects();
}

fn m31_24_decision_46_a_longer_client_identifier_is_refused(s: &Scene) {
    let token = s.client_id("");
    let longer: String = token.chars().chain(std::iter::repeat('x')).take(24).collect();
    s.client("a").id(&longer).is_refused(0x85);
}

fn m31_25_m31_47_an_empty_client_identifier_is_refused(s: &Scene) {
    for flags in [0, 2] {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect(s, flags, &[b"\x00\x00"]));
        client.is_refused(0x85);
    }
}

fn m31_26_any_character_may_stand_in_a_client_identifier(s: &Scene) {
    for end in ["-_.:", "/a b", "é€", "a@b"] {
        s.client("a").id(&format!("{}{end}", s.client_id(""))).connects().disconnects();
    }
}

fn mqtt5_3_1_3_6_mqtt5_3_1_3_7_mqtt5_3_2_2_16_an_identifier_is_assigned_and_told(s: &Scene) {
    let asks = || s.client("a").id("").asks();
    let mut clients = [asks(), asks(), asks()];
    let mut names = Vec::new();
    for client in &mut clients {
        let received = client.receives_any();
        let connack = received.connack();
        if connack.reason.is_error() && !s.is_exact() {
            client.is_closed();
            return s.notes_down("an empty Client Identifier is not accepted");
        }
        assert!(!connack.reason.is_error(), "{connack}");
        let assigned = connack.properties.assigned_client_identifier();
        let assigned = assigned.unwrap_or_else(|| panic!("no Assigned Client Identifier in {connack}"));
        assert!(!names.contains(&assigned.to_owned()), "{assigned} is assigned twice");
        names.push(assigned.to_owned());
    }
    // The Session is found under that name: a connection with it takes over.
    s.client("a").id(&names[0]).connects().disconnects();
    clients[0].is_closed_with(0x8E);
    clients[1].nothing_else();
    clients[2].nothing_else();
}

fn mqtt311_3_1_3_6_an_empty_identifier_is_made_up_for(s: &Scene) {
    let asks = || s.client("a").id("").asks();
    let mut clients = [asks(), asks()];
    for client in &mut clients {
        let received = client.receives_any();
        let connack = received.connack();
        if connack.reason.is_error() && !s.is_exact() {
            assert_eq!(connack.reason.return_code(), Some(2), "{connack}");
            client.is_closed();
            return s.notes_down("an empty Client Identifier is not accepted");
        }
        assert!(!connack.reason.is_error() && !connack.session_present, "{connack}");
    }
    // They are two, and both work.
    let [one, other] = &mut clients;
    one.subscribes("a", 0);
    other.sends(message("a", "x"));
    one.receives(message("a", "x"));
    other.nothing_else();
}

fn mqtt311_3_1_3_7_mqtt311_3_1_3_8_an_empty_identifier_needs_clean_session(s: &Scene) {
    let mut client = s.opens("a");
    client.sends_bytes(&raw::connect(s, 0, &[b"\x00\x00"]));
    client.is_refused(0x85);
}

fn mqtt5_3_1_3_8_mqtt311_3_1_3_9_an_identifier_that_is_not_acceptable_is_refused(s: &Scene) {
    s.configures(|config| config.maximum_client_id_len = 30);
    s.client("a").id(&"x".repeat(31)).is_refused(0x85);
    s.client("a").id(&"x".repeat(30)).connects();
}

fn mqtt5_3_1_4_2_mqtt311_3_2_2_5_m31_47_whom_the_rules_refuse_is_not_let_in(s: &Scene) {
    s.client("a").user("nobody").is_refused(0x86);
    s.client("banned").is_refused(0x8A);
    s.client("a").user("somebody").connects().nothing_else();
}

fn mqtt5_3_1_4_5_mqtt311_3_1_4_4_mqtt5_3_2_0_2_mqtt311_3_2_0_1_connack_is_the_first_packet_and_the_only_one(
    s: &Scene,
) {
    let (mut client, connack) = s.client("a").accepted(false);
    if !s.is_v5() {
        assert_eq!(connack.bytes(), b"\x20\x02\x00\x00");
    }
    client.nothing_else();
    // Also for a Session with something to send.
    let mut kept = s.client("b").keeps().connects();
    kept.subscribes("a", 1);
    kept.vanishes();
    client.publishes(message("a", "x").qos(1));
    let mut kept = s.client("b").keeps().resumes();
    kept.takes(message("a", "x").qos(1));
    kept.nothing_else();
}

fn mqtt5_3_1_4_6_mqtt5_3_2_2_7_mqtt311_3_1_4_5_mqtt311_3_2_2_5_nothing_follows_a_refusal(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let topic = s.topic("a");
    let publish = raw::publish(s, 0x30, topic.as_bytes(), None, b"pipelined");
    // A CONNECT that every Server must refuse: a level that nobody serves.
    let refused = if s.is_v5() { raw::connect_as(s, "MQTT", 6) } else { raw::connect_as(s, "MQTT", 2) };
    let mut client = s.opens("a");
    client.sends_bytes(&[refused, publish, packet(0xC0, b"")].concat());
    client.is_refused(0x84);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "marker"));
    observer.receives(message("a", "marker"));
}

fn mqtt5_3_2_0_1_nothing_comes_before_connack(s: &Scene) {
    // Pingresp right behind CONNECT are answered behind CONNACK.
    let topic = s.topic("a");
    let mut client = s.opens("a");
    let bytes = [
        s.client("a").bytes(),
        raw::subscribe(s, 10, &[(topic.as_bytes(), 1)]),
        raw::publish(s, 0x32, topic.as_bytes(), Some(7), b"x"),
        packet(0xC0, b""),
    ];
    client.sends_bytes(&bytes.concat());
    client.is_accepted(false);
    client.receives(suback(10, &[1]));
    let mut came = [false; 3];
    while came != [true; 3] {
        match client.receives_any().packet() {
            Packet::Puback(ack) if ack.packet_id.get() == 7 => came[0] = true,
            Packet::Publish(publish) if publish.payload == b"x" => came[1] = true,
            Packet::Pingresp => came[2] = true,
            other => panic!("{other} is no answer"),
        }
    }
}

fn mqtt311_3_2_2_6_m31_48_what_no_code_fits_is_closed_without_one(s: &Scene) {
    // The CONNECT ends within its Client Identifier.
    let mut client = s.opens("a");
    client.sends_bytes(&raw::connect(s, 2, &[b"\x00\x05a"]));
    client.is_closed();
    // A Will without topic.
    let mut client = s.opens("a");
    client.sends_bytes(&raw::connect(s, 6, &[&string(&s.client_id("a")), b"\x00\x00\x00\x01x"]));
    client.is_closed();
}

fn mqtt5_3_1_2_28_response_information_is_only_told_on_request(s: &Scene) {
    for dial in [s.client("a"), s.client("b").with(Property::RequestResponseInformation(false))] {
        let (_, received) = dial.accepted(false);
        let connack = received.connack();
        assert!(connack.properties.response_information().is_none(), "{connack}");
    }
    // It stays optional for those who ask.
    s.client("c").with(Property::RequestResponseInformation(true)).connects();
}

fn mqtt5_3_1_2_29_problem_information_can_be_declined(s: &Scene) {
    let mut client = s.client("a").with(Property::RequestProblemInformation(false)).connects();
    client.sends(subscribe("a", 1));
    client.sends(message("b", "x").qos(1).id(1));
    client.sends(message("b", "x").qos(2).id(2));
    client.sends(crate::script::pubrel(2));
    // For nothing: a failure, where a Server likes to say why.
    client.sends(crate::script::pubrel(3));
    client.sends(crate::script::pubrec(4));
    client.sends(crate::script::unsubscribe(&["a", "none"]));
    client.sends(Packet::Pingreq);
    for _ in 0..8 {
        let received = client.receives_any();
        let properties = match received.packet() {
            Packet::Suback(ack) => ack.properties,
            Packet::Unsuback(ack) => ack.properties,
            Packet::Puback(ack) => ack.properties,
            Packet::Pubrec(ack) => ack.properties,
            Packet::Pubrel(ack) => ack.properties,
            Packet::Pubcomp(ack) => ack.properties,
            Packet::Pingresp => return,
            other => panic!("{other} is no answer"),
        };
        assert!(properties.is_empty(), "{}", received.packet());
    }
    panic!("no PINGRESP");
}

fn mqtt5_3_2_2_9_mqtt5_3_2_2_10_a_maximum_qos_is_announced_and_granted(s: &Scene) {
    s.configures(|config| config.maximum_qos = QoS::AtLeastOnce);
    let (mut client, received) = s.client("a").accepted(false);
    assert_eq!(received.connack().properties.maximum_qos(), Some(QoS::AtLeastOnce));
    client.sends(subscribe("a", 0).and("b", 1).and("c", 2));
    client.receives(suback(10, &[0, 1, 1]));
}

fn mqtt5_3_2_2_9_full_support_is_not_announced(s: &Scene) {
    s.configures(|config| config.maximum_qos = QoS::ExactlyOnce);
    let (_, received) = s.client("a").accepted(false);
    assert_eq!(received.connack().properties.maximum_qos(), None);
}

fn mqtt5_3_2_2_11_a_message_above_the_maximum_qos_ends_the_connection(s: &Scene) {
    s.configures(|config| config.maximum_qos = QoS::AtLeastOnce);
    let mut observer = s.connects("obs");
    observer.subscribes("a", 1);
    let mut client = s.connects("a");
    client.publishes(message("a", "x").qos(1));
    observer.takes(message("a", "x").qos(1));
    client.sends(message("a", "y").qos(2));
    client.is_closed_with(0x9B);
    observer.nothing_else();
}

fn mqtt5_3_2_2_12_a_will_above_the_maximum_qos_is_refused(s: &Scene) {
    s.configures(|config| config.maximum_qos = QoS::AtLeastOnce);
    s.client("a").will(will("w", "x").qos(2)).is_refused(0x9B);
    s.client("a").will(will("w", "x").qos(1)).connects();
}

fn mqtt5_3_2_2_13_a_retained_will_is_refused_where_nothing_is_retained(s: &Scene) {
    s.configures(|config| config.retain_available = false);
    s.client("a").will(will("w", "x").retained()).is_refused(0x9A);
    s.client("a").will(will("w", "x")).connects();
}

fn mqtt5_3_2_2_14_a_retained_message_ends_the_connection_where_nothing_is_retained(s: &Scene) {
    s.configures(|config| config.retain_available = false);
    let (mut client, received) = s.client("a").accepted(false);
    assert_eq!(received.connack().properties.retain_available(), Some(false));
    client.sends(message("a", "x").retained());
    client.is_closed_with(0x9A);
}

fn mqtt5_3_2_2_15_a_packet_above_the_maximum_ends_the_connection(s: &Scene) {
    s.configures(|config| config.maximum_packet_size = 1_000);
    let (mut client, received) = s.client("a").accepted(false);
    let Some(maximum) = received.connack().properties.maximum_packet_size() else {
        s.skips("the Server announces no Maximum Packet Size");
    };
    let maximum = usize::try_from(maximum.get()).expect("a size");
    if maximum > 64 << 20 {
        s.skips("the Maximum Packet Size is too large to be tried");
    }
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    // Exactly the maximum, then one byte more.
    let topic = s.topic("a");
    let head = raw::publish(s, 0x30, topic.as_bytes(), None, &vec![b'x'; maximum]).len() - maximum;
    client.sends_bytes(&raw::publish(s, 0x30, topic.as_bytes(), None, &vec![b'x'; maximum - head]));
    assert_eq!(observer.within(20).receives_any().payload().len(), maximum - head);
    client.nothing_else();
    client.sends_bytes(&raw::publish(s, 0x30, topic.as_bytes(), None, &vec![b'x'; maximum - head + 1]));
    client.within(20).is_closed_with(0x95);
    observer.nothing_else();
}

fn mqtt5_3_2_2_19_mqtt5_3_2_2_20_connack_fits_the_client(s: &Scene) {
    for limit in [30, 100] {
        let mut client = s.client("a").largest_packet(limit).asks();
        match client.receives_or_closed() {
            Some(received) => {
                received.connack();
                assert!(received.bytes().len() <= limit as usize, "{}", received.packet());
            }
            // What it has to announce may not fit.
            None => s.notes_down("no CONNACK that fits"),
        }
    }
}

fn mqtt5_3_1_2_20_mqtt5_3_1_2_22_mqtt5_3_2_2_22_mqtt311_3_1_2_23_mqtt311_3_1_2_24_m31_41_m31_43_silence_ends_the_connection(
    s: &Scene,
) {
    let mut observer = s.connects("obs");
    observer.subscribes("will", 0);
    let (mut client, received) = s.client("a").keep_alive(2).will(will("will", "silent")).accepted(false);
    if received.connack().properties.server_keep_alive().is_some() {
        s.skips("the Server has a Keep Alive of its own");
    }
    // Not as long as packets come.
    s.waits(2);
    client.nothing_else();
    s.waits(2);
    client.nothing_else();
    observer.nothing_else();
    // Then 3 seconds of silence.
    client.within(if s.is_exact() { 4 } else { 12 }).is_closed_with(0x8D);
    observer.within(5).receives(message("will", "silent"));
    if s.is_exact() {
        // Not before.
        let mut client = s.client("b").keep_alive(2).connects();
        s.waits(2);
        client.nothing_else();
    }
}

fn mqtt5_3_1_2_22_mqtt311_3_1_2_24_m31_43_keep_alive_0_is_off(s: &Scene) {
    let (mut client, received) = s.client("a").keep_alive(0).accepted(false);
    if received.connack().properties.server_keep_alive().is_some() {
        s.skips("the Server has a Keep Alive of its own");
    }
    s.waits(4);
    client.nothing_else();
}

fn mqtt5_3_1_2_21_mqtt5_3_2_2_21_the_server_keep_alive_is_the_one_in_force(s: &Scene) {
    s.configures(|config| config.maximum_keep_alive = 2.try_into().ok());
    for asked in [0, 60] {
        let (mut client, received) = s.client("a").keep_alive(asked).accepted(false);
        assert_eq!(received.connack().properties.server_keep_alive(), Some(2));
        s.waits(2);
        client.nothing_else();
        s.waits(3);
        client.is_closed_with(0x8D);
    }
    let (mut client, received) = s.client("a").keep_alive(1).accepted(false);
    assert_eq!(received.connack().properties.server_keep_alive(), None);
    s.waits(2);
    client.is_closed_with(0x8D);
}
