//! Reason Strings and User Properties beside the reasons of a Server (sections 3.2.2.3, 3.4.2.2, 3.5.2.2, 3.9.2.1): left out where
//! the Client does not take them, or does not want them.

use mqtt_session::codec::{AckProperties, Packet, Property};

use crate::script::{Dial, Received, Scene, message, subscribe};

crate::scripts! {
    mqtt5_3_2_2_19_mqtt5_3_2_2_20_connack_says_no_more_than_the_client_takes: rules,
    mqtt5_3_4_2_2_mqtt5_3_4_2_3_puback_says_no_more_than_the_client_takes: rules,
    mqtt5_3_5_2_2_mqtt5_3_5_2_3_pubrec_says_no_more_than_the_client_takes: rules,
    mqtt5_3_9_2_1_mqtt5_3_9_2_2_suback_says_no_more_than_the_client_takes: rules,
    mqtt5_3_1_2_29_nothing_is_explained_to_who_declines: rules,
    mqtt5_3_1_2_28_response_information_is_told_on_request_alone: rules,
}

fn mqtt5_3_2_2_19_mqtt5_3_2_2_20_connack_says_no_more_than_the_client_takes(s: &Scene) {
    let connack = |limit: u32| s.client("talk").largest_packet(limit).accepted(false).1;
    let whole = connack(1_000);
    let properties = whole.connack().properties;
    assert!(properties.reason_string().is_some() && properties.user_properties().count() == 1);
    let len = u32::try_from(whole.bytes().len()).expect("short");
    for limit in [len - 1, len - 40] {
        let less = connack(limit);
        assert!(less.bytes().len() <= limit as usize, "{}", less.packet());
        assert_eq!(less.connack().properties.user_properties().count(), 0);
    }
    assert!(connack(len - 40).connack().properties.reason_string().is_none());
}

/// Reason String and User Properties of an answer.
fn explained(received: &Received) -> (bool, usize) {
    let properties: AckProperties<'_> = match received.packet() {
        Packet::Puback(ack) => ack.properties,
        Packet::Pubrec(ack) => ack.properties,
        Packet::Suback(ack) => ack.properties,
        other => panic!("{other} is no answer"),
    };
    (properties.reason_string().is_some(), properties.user_properties().count())
}

/// The same refusal for a Client that takes everything, one byte less, and only what must be.
fn answers_fit(s: &Scene, least: u32, refused: impl Fn(Dial<'_>) -> Received) {
    let whole = refused(s.client("a"));
    assert_eq!(explained(&whole), (true, 1), "{}", whole.packet());
    let len = u32::try_from(whole.bytes().len()).expect("short");
    let less = refused(s.client("a").largest_packet(len - 1));
    assert_eq!(explained(&less), (true, 0), "{}", less.packet());
    let none = refused(s.client("a").largest_packet(least));
    assert_eq!(explained(&none), (false, 0), "{}", none.packet());
    assert!(none.bytes().len() <= least as usize, "{}", none.packet());
}

fn publishes(dial: &Dial<'_>, level: u8) -> Received {
    let mut client = dial.connects();
    client.sends(message("forbidden", "x").qos(level));
    client.receives_any()
}

/// As much as the CONNACK of our configuration needs.
const LEAST: u32 = 20;

fn mqtt5_3_4_2_2_mqtt5_3_4_2_3_puback_says_no_more_than_the_client_takes(s: &Scene) {
    answers_fit(s, LEAST, |dial| publishes(&dial, 1));
}

fn mqtt5_3_5_2_2_mqtt5_3_5_2_3_pubrec_says_no_more_than_the_client_takes(s: &Scene) {
    answers_fit(s, LEAST, |dial| publishes(&dial, 2));
}

fn mqtt5_3_9_2_1_mqtt5_3_9_2_2_suback_says_no_more_than_the_client_takes(s: &Scene) {
    answers_fit(s, LEAST, |dial| {
        let mut client = dial.connects();
        client.sends(subscribe("forbidden", 1).and("a", 1));
        client.receives_any()
    });
}

fn mqtt5_3_1_2_29_nothing_is_explained_to_who_declines(s: &Scene) {
    let declines = || s.client("a").with(Property::RequestProblemInformation(false));
    for level in [1, 2] {
        let received = publishes(&declines(), level);
        assert_eq!(explained(&received), (false, 0), "{}", received.packet());
    }
    let mut client = declines().connects();
    client.sends(subscribe("forbidden", 1));
    let received = client.receives_any();
    assert_eq!(explained(&received), (false, 0), "{}", received.packet());
}

fn mqtt5_3_1_2_28_response_information_is_told_on_request_alone(s: &Scene) {
    for (request, told) in [(None, None), (Some(false), None), (Some(true), Some("answers/"))] {
        let dial = s.client("talk");
        let dial = match request {
            Some(request) => dial.with(Property::RequestResponseInformation(request)),
            None => dial,
        };
        let (_, received) = dial.accepted(false);
        assert_eq!(received.connack().properties.response_information(), told, "{request:?}");
    }
}
