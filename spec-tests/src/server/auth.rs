//! AUTH (section 3.15) and enhanced authentication (4.12).

use mqtt_session::codec::{Auth, AuthProperties, AuthReason, Packet, Property};

use crate::script::{Peer, Received, Scene, message, packet, puback, string, subscribe};

crate::scripts! {
    mqtt5_4_12_0_1_an_authentication_method_that_is_not_offered_is_refused: any,
    mqtt5_4_12_0_6_without_method_there_is_no_authentication: any,
    mqtt5_4_12_0_7_mqtt5_4_12_1_1_auth_without_method_ends_the_connection: any,
    mqtt5_4_12_0_2_mqtt5_4_12_0_3_mqtt5_4_12_0_5_mqtt5_3_2_0_1_an_exchange_ends_with_connack: rules,
    mqtt5_4_12_0_4_mqtt5_3_1_4_2_an_exchange_can_fail_at_every_step: rules,
    mqtt5_4_12_0_5_another_method_is_refused: rules,
    mqtt5_4_12_0_3_a_code_out_of_turn_is_refused: rules,
    mqtt5_3_1_2_30_only_auth_and_disconnect_are_taken_before_connack: rules,
    mqtt5_4_12_1_1_mqtt5_4_12_0_5_a_client_can_authenticate_again: rules,
    mqtt5_4_12_1_1_another_method_ends_the_connection: rules,
    mqtt5_4_12_1_2_a_failed_re_authentication_ends_the_connection: rules,
    mqtt5_3_15_2_2_mqtt5_3_15_2_3_mqtt5_3_1_2_24_auth_fits_the_client: rules,
    mqtt5_3_1_2_29_auth_has_no_problem_information_that_was_declined: rules,
}

fn mqtt5_4_12_0_1_an_authentication_method_that_is_not_offered_is_refused(s: &Scene) {
    s.client("a").with(Property::AuthenticationMethod("NOBODY-KNOWS-THIS")).is_refused(0x8C);
}

fn mqtt5_4_12_0_6_without_method_there_is_no_authentication(s: &Scene) {
    let (mut client, received) = s.client("a").user("somebody").password("x").accepted(false);
    let connack = received.connack();
    assert!(connack.properties.authentication_method().is_none(), "{connack}");
    assert!(connack.properties.authentication_data().is_none(), "{connack}");
    client.nothing_else();
}

fn mqtt5_4_12_0_7_mqtt5_4_12_1_1_auth_without_method_ends_the_connection(s: &Scene) {
    let method = [&b"\x15"[..], &string("X")].concat();
    for code in [0x18, 0x19] {
        let mut client = s.connects("a");
        client.sends_bytes(&packet(0xF0, &[&[code, 4][..], &method].concat()));
        client.is_closed_with(0x82);
    }
}

const METHOD: Property<'static> = Property::AuthenticationMethod("STEPS");

/// A Client that has sent CONNECT with these data.
fn begins(s: &Scene, data: &'static str) -> Peer {
    s.client("a").with(METHOD).with(Property::AuthenticationData(data.as_bytes())).asks()
}

fn sends(client: &mut Peer, reason: AuthReason, method: &str, data: &str) {
    let properties = [Property::AuthenticationMethod(method), Property::AuthenticationData(data.as_bytes())];
    let properties = AuthProperties::new(&properties).expect("properties of AUTH");
    client.sends(Packet::Auth(Auth { reason, properties }));
}

/// The next packet is an AUTH with this reason, and the method.
#[track_caller]
fn receives(client: &mut Peer, reason: AuthReason) -> Received {
    let received = client.receives_any();
    let Packet::Auth(auth) = received.packet() else { panic!("expected AUTH; got {}", received.packet()) };
    assert_eq!(auth.reason, reason);
    assert_eq!(auth.properties.authentication_method(), Some("STEPS"));
    received
}

/// Connected, after an exchange of one step.
fn connected(s: &Scene) -> Peer {
    let mut client = begins(s, "accept");
    client.is_accepted(false);
    client
}

fn mqtt5_4_12_0_2_mqtt5_4_12_0_3_mqtt5_4_12_0_5_mqtt5_3_2_0_1_an_exchange_ends_with_connack(s: &Scene) {
    let mut client = begins(s, "first");
    for data in ["second", "third"] {
        receives(&mut client, AuthReason::ContinueAuthentication);
        sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", data);
    }
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "accept");
    let received = client.is_accepted(false);
    let properties = received.connack().properties;
    assert_eq!(properties.authentication_method(), Some("STEPS"));
    assert_eq!(properties.authentication_data(), Some(&b"proof"[..]));
    client.nothing_else();
    // Without any step between.
    let mut client = begins(s, "accept");
    let received = client.is_accepted(false);
    assert_eq!(received.connack().properties.authentication_method(), Some("STEPS"));
}

fn mqtt5_4_12_0_4_mqtt5_3_1_4_2_an_exchange_can_fail_at_every_step(s: &Scene) {
    begins(s, "refuse").is_refused(0x87);
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "second");
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "refuse");
    client.is_refused(0x87);
}

fn mqtt5_4_12_0_5_another_method_is_refused(s: &Scene) {
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ContinueAuthentication, "OTHER", "accept");
    client.is_refused(0x82);
}

fn mqtt5_4_12_0_3_a_code_out_of_turn_is_refused(s: &Scene) {
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ReAuthenticate, "STEPS", "accept");
    client.is_refused(0x82);
    // Nobody has asked for a step.
    let mut client = connected(s);
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "accept");
    client.is_closed_with(0x82);
}

fn mqtt5_3_1_2_30_only_auth_and_disconnect_are_taken_before_connack(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 0);
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    client.sends(message("a", "too early"));
    client.is_refused(0x82);
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    client.sends(subscribe("a", 0));
    client.is_refused(0x82);
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    client.sends(Packet::Pingreq);
    client.is_refused(0x82);
    let mut client = begins(s, "first");
    receives(&mut client, AuthReason::ContinueAuthentication);
    client.disconnects();
    observer.nothing_else();
}

fn mqtt5_4_12_1_1_mqtt5_4_12_0_5_a_client_can_authenticate_again(s: &Scene) {
    let mut client = connected(s);
    client.subscribes("a", 1);
    sends(&mut client, AuthReason::ReAuthenticate, "STEPS", "again");
    receives(&mut client, AuthReason::ContinueAuthentication);
    // Everything else goes on.
    s.connects("pub").publishes(message("a", "meanwhile").qos(1));
    let id = client.receives(message("a", "meanwhile").qos(1)).id();
    client.sends(puback(id));
    client.publishes(message("b", "x").qos(2));
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "accept");
    let received = receives(&mut client, AuthReason::Success);
    let Packet::Auth(auth) = received.packet() else { panic!("it was one") };
    assert_eq!(auth.properties.authentication_data(), Some(&b"proof"[..]));
    client.nothing_else();
}

fn mqtt5_4_12_1_1_another_method_ends_the_connection(s: &Scene) {
    let mut client = connected(s);
    sends(&mut client, AuthReason::ReAuthenticate, "OTHER", "again");
    client.is_closed_with(0x82);
}

fn mqtt5_4_12_1_2_a_failed_re_authentication_ends_the_connection(s: &Scene) {
    let mut client = connected(s);
    sends(&mut client, AuthReason::ReAuthenticate, "STEPS", "refuse");
    client.is_closed_with(0x87);
    let mut client = connected(s);
    sends(&mut client, AuthReason::ReAuthenticate, "STEPS", "again");
    receives(&mut client, AuthReason::ContinueAuthentication);
    sends(&mut client, AuthReason::ContinueAuthentication, "STEPS", "refuse");
    client.is_closed_with(0x87);
}

/// The AUTH that answers a CONNECT of a Client that takes packets of this size.
fn step_of(s: &Scene, limit: u32) -> Received {
    let data = Property::AuthenticationData(b"first");
    let mut client = s.client("a").with(METHOD).with(data).largest_packet(limit).asks();
    let received = receives(&mut client, AuthReason::ContinueAuthentication);
    assert!(received.bytes().len() <= limit as usize, "{}", received.packet());
    received
}

fn mqtt5_3_15_2_2_mqtt5_3_15_2_3_mqtt5_3_1_2_24_auth_fits_the_client(s: &Scene) {
    let whole = step_of(s, 1_000);
    let Packet::Auth(auth) = whole.packet() else { panic!("it was one") };
    assert!(auth.properties.reason_string().is_some(), "{auth}");
    assert_eq!(auth.properties.user_properties().count(), 1, "{auth}");
    let whole_len = u32::try_from(whole.bytes().len()).expect("short");
    // One byte less than the whole; then as much as method and data need.
    let less = step_of(s, whole_len - 1);
    let Packet::Auth(auth) = less.packet() else { panic!("it was one") };
    assert_eq!(auth.properties.user_properties().count(), 0, "{auth}");
    let least = step_of(s, 2 + 2 + 8 + 7);
    let Packet::Auth(auth) = least.packet() else { panic!("it was one") };
    assert!(auth.properties.reason_string().is_none(), "{auth}");
}

fn mqtt5_3_1_2_29_auth_has_no_problem_information_that_was_declined(s: &Scene) {
    let declined = Property::RequestProblemInformation(false);
    let data = Property::AuthenticationData(b"first");
    let mut client = s.client("a").with(METHOD).with(data).with(declined).asks();
    let received = receives(&mut client, AuthReason::ContinueAuthentication);
    let Packet::Auth(auth) = received.packet() else { panic!("it was one") };
    assert!(auth.properties.reason_string().is_none(), "{auth}");
    assert_eq!(auth.properties.user_properties().count(), 0, "{auth}");
}
