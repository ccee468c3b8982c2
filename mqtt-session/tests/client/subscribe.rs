//! SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11).

use mqtt_session::codec::{
    Property, ProtocolVersion, QoS, RetainHandling, Suback, SubackReason, SubackReasons,
    SubscriptionIdentifier, SubscriptionOptions, Unsuback, UnsubackReason, UnsubackReasons,
};
use mqtt_session::{
    ClientConfig, InvalidRequest, RejectReason, RequestToken, SubscribeRequest, UnsubscribeRequest,
};

use crate::harness::{Scene, V3, id};

fn request(filters: &[&str]) -> SubscribeRequest {
    SubscribeRequest::new(filters.iter().map(|filter| (*filter, QoS::AtLeastOnce))).unwrap()
}

fn subscribe(scene: &mut Scene, request: SubscribeRequest) -> RequestToken {
    let token = scene.client.subscribe(scene.now, request).unwrap();
    scene.look();
    token
}

fn unsubscribe(scene: &mut Scene, filters: &[&str]) {
    scene.client.unsubscribe(scene.now, UnsubscribeRequest::new(filters.iter().copied()).unwrap()).unwrap();
    scene.look();
}

fn suback(scene: &mut Scene, packet_id: u16, reasons: &[SubackReason]) {
    let _ = scene.server(Suback::new(id(packet_id), SubackReasons::new(reasons)));
}

#[test]
fn complaint_14_each_filter_gets_its_answer() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        subscribe(&mut scene, request(&["a/+", "b"]));
        suback(&mut scene, 1, &[SubackReason::GrantedQoS1, SubackReason::GrantedQoS0]);
        scene.expect(&[
            "C>S SUBSCRIBE id=1 \"a/+\" q1 \"b\" q1",
            "S>C SUBACK id=1 0x01 0x00",
            "* subscribe RequestToken(1) [GrantedQoS1, GrantedQoS0]",
        ]);
        unsubscribe(&mut scene, &["a/+", "b"]);
        let all = [UnsubackReason::Success, UnsubackReason::NoSubscriptionExisted];
        let is_v5 = version == ProtocolVersion::V5_0;
        let reasons = if is_v5 { UnsubackReasons::new(&all) } else { UnsubackReasons::NONE };
        let _ = scene.server(Unsuback::new(id(2), reasons));
        scene.expect(&[
            "C>S UNSUBSCRIBE id=2 \"a/+\" \"b\"",
            if is_v5 { "S>C UNSUBACK id=2 0x00 0x11" } else { "S>C UNSUBACK id=2" },
            if is_v5 {
                "* unsubscribe RequestToken(2) [Success, NoSubscriptionExisted]"
            } else {
                "* unsubscribe RequestToken(2) []"
            },
        ]);
    }
}

#[test]
fn options_and_identifier_are_sent_in_5_0() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    let options = SubscriptionOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let mut request = SubscribeRequest::new([("a", options)]).unwrap();
    request.identifier = SubscriptionIdentifier::new(5);
    request.user_properties = vec![("k".into(), "v".into())];
    subscribe(&mut scene, request.clone());
    scene.expect(&["C>S SUBSCRIBE id=1 \"a\" q2 no_local retain_as_published retain_handling=2 \
                    {\"k\"=\"v\", Subscription Identifier=5}"]);
    for version in V3 {
        let mut scene = Scene::connected(version);
        let rejected = scene.client.subscribe(scene.now, request.clone()).unwrap_err();
        assert!(matches!(rejected.reason, RejectReason::Encode(_)), "{}", rejected.reason);
        scene.look();
        scene.expect(&[]);
    }
}

/// A request dies with the connection, and its identifier is free again.
#[test]
fn a_request_is_lost_with_its_connection() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    subscribe(&mut scene, request(&["a"]));
    unsubscribe(&mut scene, &["b"]);
    scene.trace();
    scene.cut();
    scene.expect(&[
        "* subscribe RequestToken(1) lost",
        "* unsubscribe RequestToken(2) lost",
        "* the connection was closed",
    ]);
    scene.reconnect(true, &[]);
    scene.expect(&[]);
}

#[test]
fn an_answer_to_no_request_is_a_protocol_error() {
    let error = "* the Server broke the protocol: an answer to no request";
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    suback(&mut scene, 1, &[SubackReason::GrantedQoS0]);
    assert_eq!(scene.trace()[1..], [error, "C>S DISCONNECT 0x82 Protocol Error"]);

    // UNSUBACK for SUBSCRIBE.
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    subscribe(&mut scene, request(&["a"]));
    scene.trace();
    let _ = scene.server(Unsuback::new(id(1), UnsubackReasons::NONE));
    assert_eq!(scene.trace()[1..], ["* subscribe RequestToken(1) lost", error]);

    // One reason for two filters.
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    subscribe(&mut scene, request(&["a", "b"]));
    suback(&mut scene, 1, &[SubackReason::GrantedQoS0]);
    assert!(scene.trace()[3].ends_with("not one reason code for each Topic Filter"));
}

#[test]
fn requests_need_a_connection() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    let rejected = scene.client.subscribe(scene.now, request(&["a"])).unwrap_err();
    assert_eq!((rejected.reason, rejected.value), (RejectReason::NotConnected, request(&["a"])));
    scene.connect(crate::harness::persistent(ProtocolVersion::V5_0));
    let unsubscribe = UnsubscribeRequest::new(["a"]).unwrap();
    let rejected = scene.client.unsubscribe(scene.now, unsubscribe).unwrap_err();
    assert_eq!(rejected.reason, RejectReason::NotConnected);
    assert!(rejected.reason.is_temporary());
}

#[test]
fn what_the_server_does_not_support_is_refused_here() {
    for (property, request, reason) in [
        (
            Property::WildcardSubscriptionAvailable(false),
            request(&["a/#"]),
            RejectReason::WildcardSubscriptionsNotSupported,
        ),
        (
            Property::SharedSubscriptionAvailable(false),
            request(&["$share/g/a"]),
            RejectReason::SharedSubscriptionsNotSupported,
        ),
        (
            Property::SubscriptionIdentifierAvailable(false),
            {
                let mut request = request(&["a"]);
                request.identifier = SubscriptionIdentifier::new(1);
                request
            },
            RejectReason::SubscriptionIdentifiersNotSupported,
        ),
        (
            Property::MaximumPacketSize(10.try_into().unwrap()),
            request(&["a-long-filter"]),
            RejectReason::PacketTooLarge,
        ),
    ] {
        let mut scene = Scene::connected_with(ProtocolVersion::V5_0, ClientConfig::default(), &[property]);
        let rejected = scene.client.subscribe(scene.now, request.clone()).unwrap_err();
        assert_eq!((rejected.reason, rejected.value), (reason, request));
        assert!(!reason.is_temporary());
        scene.look();
        scene.expect(&[]);
    }
    for version in V3 {
        let mut scene = Scene::connected(version);
        let rejected = scene.client.subscribe(scene.now, request(&["$share/g/a"])).unwrap_err();
        assert_eq!(rejected.reason, RejectReason::SharedSubscriptionsNotSupported);
    }
}

#[test]
fn requests_are_bounded() {
    let config = ClientConfig { maximum_requests: 1, ..ClientConfig::default() };
    let mut scene = Scene::connected_with(ProtocolVersion::V5_0, config, &[]);
    subscribe(&mut scene, request(&["a"]));
    let rejected = scene.client.subscribe(scene.now, request(&["b"])).unwrap_err();
    assert_eq!(rejected.reason, RejectReason::TooManyRequests);
    suback(&mut scene, 1, &[SubackReason::QuotaExceeded]);
    subscribe(&mut scene, request(&["b"]));
}

#[test]
fn complaint_04_requests_and_messages_share_the_identifiers() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    scene.publish("t", "x", QoS::AtLeastOnce);
    subscribe(&mut scene, request(&["a"]));
    scene.publish("t", "x", QoS::ExactlyOnce);
    let trace = scene.trace();
    for (line, id) in trace.iter().zip(1..) {
        assert!(line.contains(&format!(" id={id} ")), "{line}");
    }
}

#[test]
fn requests_are_checked_when_they_are_made() {
    let none: [(&str, QoS); 0] = [];
    assert_eq!(SubscribeRequest::new(none), Err(InvalidRequest::Empty));
    assert!(matches!(SubscribeRequest::new([("a/#/b", QoS::AtMostOnce)]), Err(InvalidRequest::Filter(_))));
    let no_local = SubscriptionOptions { no_local: true, ..QoS::AtMostOnce.into() };
    assert_eq!(SubscribeRequest::new([("$share/g/a", no_local)]), Err(InvalidRequest::NoLocalOnShared));
    assert!(matches!(UnsubscribeRequest::new(["a+"]), Err(InvalidRequest::Filter(_))));
}
