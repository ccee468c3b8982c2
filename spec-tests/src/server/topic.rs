//! Topic Names and Topic Filters (section 4.7).

use super::raw;
use crate::script::{Scene, message, packet, string, subscribe};

crate::scripts! {
    mqtt5_4_7_0_1_mqtt5_3_3_2_2_mqtt311_4_7_1_1_mqtt311_3_3_2_2_m31_30_a_wildcard_in_a_topic_name_ends_the_connection: any,
    mqtt5_4_7_1_1_mqtt311_4_7_1_2_m31_29_m31_30_the_multi_level_wildcard_is_the_last_level: any,
    mqtt5_4_7_1_2_mqtt311_4_7_1_3_m31_29_m31_30_the_single_level_wildcard_fills_a_level: any,
    mqtt5_4_7_1_1_mqtt5_4_7_1_2_mqtt311_4_7_1_2_mqtt311_4_7_1_3_m31_29_wildcards_match: any,
    mqtt5_4_7_2_1_mqtt311_4_7_2_1_m31_28_wildcards_in_front_do_not_match_a_dollar_sign: any,
    mqtt5_4_7_3_1_mqtt311_4_7_3_1_m31_30_an_empty_topic_ends_the_connection: any,
    mqtt5_4_7_3_2_mqtt311_4_7_3_2_m31_31_a_null_character_ends_the_connection: any,
    mqtt5_4_7_3_3_mqtt311_4_7_3_3_m31_27_the_longest_topic_is_taken: any,
    mqtt5_4_7_3_4_mqtt311_4_7_3_4_topics_are_compared_as_they_are: any,
    mqtt5_3_3_2_14_a_wildcard_in_a_response_topic_ends_the_connection: any,
}

fn mqtt5_4_7_0_1_mqtt5_3_3_2_2_mqtt311_4_7_1_1_mqtt311_3_3_2_2_m31_30_a_wildcard_in_a_topic_name_ends_the_connection(
    s: &Scene,
) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 0);
    for topic in ["a/+", "a/#", "a+", "#a", "a/+/b"] {
        let topic = s.topic(topic);
        for (first_byte, id) in [(0x30, None), (0x32, Some(1)), (0x34, Some(1))] {
            let mut client = s.connects("a");
            client.sends_bytes(&raw::publish(s, first_byte, topic.as_bytes(), id, b"x"));
            client.is_closed_with(0x90);
        }
    }
    observer.nothing_else();
}

#[track_caller]
fn filters_end_the_connection(s: &Scene, filters: &[&str]) {
    for filter in filters {
        let filter = s.topic(filter);
        let mut client = s.connects("a");
        client.sends_bytes(&raw::subscribe(s, 10, &[(filter.as_bytes(), 0)]));
        client.is_refused_or_closed(10, 0x8F);
    }
}

fn mqtt5_4_7_1_1_mqtt311_4_7_1_2_m31_29_m31_30_the_multi_level_wildcard_is_the_last_level(s: &Scene) {
    filters_end_the_connection(s, &["a#", "#/a", "a/#/b", "##", "a/b#", "!#%/a"]);
}

fn mqtt5_4_7_1_2_mqtt311_4_7_1_3_m31_29_m31_30_the_single_level_wildcard_fills_a_level(s: &Scene) {
    filters_end_the_connection(s, &["a+", "+a", "a/+b", "a+/b", "++"]);
}

fn mqtt5_4_7_1_1_mqtt5_4_7_1_2_mqtt311_4_7_1_2_mqtt311_4_7_1_3_m31_29_wildcards_match(s: &Scene) {
    let topics = ["a", "a/", "a/b", "a/b/c", "a//c", "b", "/a", "/"];
    let cases: [(&str, &[&str]); 9] = [
        ("a/#", &["a", "a/", "a/b", "a/b/c", "a//c"]),
        ("a/+", &["a/", "a/b"]),
        ("a/+/c", &["a/b/c", "a//c"]),
        ("a/+/#", &["a/", "a/b", "a/b/c", "a//c"]),
        ("+", &["a", "b"]),
        ("+/+", &["a/", "a/b", "/a", "/"]),
        ("/+", &["/a", "/"]),
        ("#", &topics),
        ("a//c", &["a//c"]),
    ];
    let mut publisher = s.connects("pub");
    for (filter, matched) in cases {
        let mut client = s.connects("sub");
        client.subscribes(filter, 0);
        for topic in topics {
            publisher.publishes(message(topic, topic));
        }
        for topic in matched {
            client.receives(message(topic, topic));
        }
        client.nothing_else();
        client.disconnects();
    }
    // In the first place too, where others may publish.
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("!+/x%", 0).and("!+/+/y%", 0));
    for topic in ["!%/x%", "!/x%", "!%/b/y%", "!x%", "!//y%"] {
        publisher.publishes(message(topic, topic));
    }
    for topic in ["!%/x%", "!/x%", "!%/b/y%", "!//y%"] {
        client.receives(message(topic, topic));
    }
    client.nothing_else();
}

fn mqtt5_4_7_2_1_mqtt311_4_7_2_1_m31_28_wildcards_in_front_do_not_match_a_dollar_sign(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("!#", 0).and("!+/a%", 0).and("!+/#", 0).and("!+", 0));
    let mut publisher = s.connects("pub");
    let dollars = ["!$x%/a%", "!$x%", "!$/a%"];
    for topic in dollars {
        publisher.publishes(message(topic, "x"));
    }
    // Inside a topic it is a character as any other.
    publisher.publishes(message("$x", "marker"));
    client.receives(message("$x", "marker"));
    // Who names it gets it.
    let mut named = s.connects("named");
    named.subscribes_with(subscribe("!$x%/#", 0).and("!$x%/+", 0));
    publisher.publishes(message("!$x%/a%", "x"));
    if s.is_exact() {
        named.receives(message("!$x%/a%", "x"));
    } else {
        named.receives_unless_quiet();
    }
}

fn mqtt5_4_7_3_1_mqtt311_4_7_3_1_m31_30_an_empty_topic_ends_the_connection(s: &Scene) {
    let mut client = s.connects("a");
    client.sends_bytes(&raw::publish(s, 0x30, b"", None, b"x"));
    client.is_closed_with(0x82);
    let mut client = s.connects("a");
    client.sends_bytes(&raw::subscribe(s, 10, &[(b"", 0)]));
    client.is_refused_or_closed(10, 0x8F);
    let mut client = s.connects("a");
    client.sends_bytes(&raw::unsubscribe(s, 10, &[b""]));
    client.is_refused_or_closed(10, 0x8F);
}

fn mqtt5_4_7_3_2_mqtt311_4_7_3_2_m31_31_a_null_character_ends_the_connection(s: &Scene) {
    let topic = [s.topic("a").as_bytes(), b"\x00b"].concat();
    let packets = [
        raw::publish(s, 0x30, &topic, None, b"x"),
        raw::subscribe(s, 10, &[(&topic, 0)]),
        raw::unsubscribe(s, 10, &[&topic]),
    ];
    for bytes in packets {
        let mut client = s.connects("a");
        client.sends_bytes(&bytes);
        client.is_closed_with(0x81);
    }
}

fn mqtt5_4_7_3_3_mqtt311_4_7_3_3_m31_27_the_longest_topic_is_taken(s: &Scene) {
    let prefix = s.topic("");
    let name = "x".repeat(65_535 - prefix.len());
    let mut client = s.connects("sub");
    client.sends(subscribe(&name, 0).and("#", 0));
    let answer = client.receives_any();
    let mut publisher = s.connects("pub");
    publisher.publishes(message(&name, "x"));
    publisher.nothing_else();
    if s.is_exact() {
        assert!(matches!(answer.packet(), mqtt_session::codec::Packet::Suback(_)), "{}", answer.packet());
        client.receives(message(&name, "x"));
        client.nothing_else();
    } else if let Some(received) = client.receives_unless_quiet() {
        assert_eq!(received.payload(), "x");
    }
}

fn mqtt5_4_7_3_4_mqtt311_4_7_3_4_topics_are_compared_as_they_are(s: &Scene) {
    let topics =
        ["a", "A", "a ", " a", "a/", "/a", "a//b", "a/b", "\u{e9}", "e\u{301}", "\u{feff}a", "a.b", "a%2Fb"];
    let mut publisher = s.connects("pub");
    for filter in topics {
        let mut client = s.connects("sub");
        client.subscribes(filter, 0);
        for topic in topics {
            publisher.publishes(message(topic, topic));
        }
        client.receives(message(filter, filter));
        client.nothing_else();
        client.disconnects();
    }
}

fn mqtt5_3_3_2_14_a_wildcard_in_a_response_topic_ends_the_connection(s: &Scene) {
    for response in ["a/+", "#", "a/#"] {
        let mut client = s.connects("a");
        let property = [&b"\x08"[..], &string(response)].concat();
        let len = u8::try_from(property.len()).expect("short");
        let body = [&string(&s.topic("a"))[..], &[len], &property, b"x"].concat();
        client.sends_bytes(&packet(0x30, &body));
        client.is_closed_or_tolerated(0x82);
    }
}
