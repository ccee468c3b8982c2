//! Sessions (sections 3.1.2.4, 3.1.2.11.2, 4.1).

use mqtt_session::Violation;

use crate::script::{
    Client, Host, Hosting, News, connack, delivered, message, puback, pubcomp, pubrec, pubrel, subscribe,
};

crate::client_scripts! {
    mqtt5_3_1_2_23_mqtt5_4_1_0_1_mqtt311_3_1_2_4_mqtt311_4_1_0_1_mqtt311_4_1_0_2_m31_38_session_state_outlives_the_connection: calls,
    mqtt5_3_1_2_23_mqtt311_3_1_2_6_a_session_that_ends_with_the_connection: calls,
    mqtt5_4_1_0_1_an_expiry_begins_with_the_end_of_the_connection: calls,
    mqtt5_3_1_2_4_mqtt311_3_1_2_6_clean_start_begins_anew: calls,
    mqtt5_3_1_3_2_mqtt311_3_1_3_2_a_session_belongs_to_its_client_identifier: calls,
    mqtt5_3_2_2_5_without_its_session_nothing_is_sent_again: any,
    mqtt5_3_2_2_5_without_its_session_state_is_dropped: calls,
    m31_38_in_3_1_the_session_is_taken_to_be_there: calls,
}

/// A Client that keeps its Session, with a message under way in each direction, after its connection was lost.
fn interrupted(s: &Hosting) -> (Client, u16) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "mine").qos(1)).expect("taken");
    let id = server.receives(message("a", "mine").qos(1)).id();
    server.sends(message("b", "yours").qos(2).id(7));
    server.receives(pubrec(7));
    server.vanishes();
    client.has_told();
    (client, id)
}

/// Both are still known.
#[track_caller]
fn goes_on(server: &mut Host, client: &mut Client, id: u16) {
    server.receives(message("a", "mine").qos(1).id(id).dup());
    server.sends(message("b", "yours").qos(2).id(7).dup());
    server.receives(pubrec(7));
    server.sends(pubrel(7));
    server.receives(pubcomp(7));
    client.tells_nothing();
    server.sends(puback(id));
    client.tells(News::Acknowledged);
}

fn resumed(s: &Hosting) -> News {
    // 3.1 does not tell.
    if s.version() == crate::manifest::Version::V3_1 { News::Connected } else { News::Resumed }
}

fn mqtt5_3_1_2_23_mqtt5_4_1_0_1_mqtt311_3_1_2_4_mqtt311_4_1_0_1_mqtt311_4_1_0_2_m31_38_session_state_outlives_the_connection(
    s: &Hosting,
) {
    let (mut client, id) = interrupted(s);
    s.waits(300);
    let mut server = client.connects();
    server.resumes();
    client.tells(resumed(s));
    goes_on(&mut server, &mut client, id);
    server.nothing_else();
}

fn mqtt5_3_1_2_23_mqtt311_3_1_2_6_a_session_that_ends_with_the_connection(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "x").qos(1)).expect("taken");
    server.receives(message("a", "x").qos(1));
    server.vanishes();
    client.tells(News::Connected);
    client.tells(News::SessionLost { was_taken: false });
    client.tells(News::Closed);
    let mut server = client.connects();
    server.accepts();
    server.nothing_else();
}

fn mqtt5_4_1_0_1_an_expiry_begins_with_the_end_of_the_connection(s: &Hosting) {
    let mut client = s.client().keeps().options(|options| {
        options.session_expiry_interval = 1;
        options.keep_alive = 0;
    });
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "x").qos(1)).expect("taken");
    let id = server.receives(message("a", "x").qos(1)).id();
    s.waits(1000);
    assert_eq!(client.in_flight(), 1);
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.receives(message("a", "x").qos(1).id(id).dup());
}

fn mqtt5_3_1_2_4_mqtt311_3_1_2_6_clean_start_begins_anew(s: &Hosting) {
    let (mut client, _) = interrupted(s);
    client.changes(|options| options.clean_start = true);
    let mut server = client.connects();
    server.accepts();
    client.tells(News::SessionLost { was_taken: false });
    client.tells(News::Connected);
    server.nothing_else();
    // The identifier is that of another message.
    server.delivers(message("b", "new").qos(2).id(7));
    client.tells(delivered(&s.topic("b"), "new", 2));
}

fn mqtt5_3_1_3_2_mqtt311_3_1_3_2_a_session_belongs_to_its_client_identifier(s: &Hosting) {
    let (mut client, _) = interrupted(s);
    client.changes(|options| options.client_id.push_str("other"));
    let mut server = client.connects();
    server.accepts();
    client.tells(News::SessionLost { was_taken: false });
    client.tells(News::Connected);
    server.nothing_else();
    // The same one finds its own.
    let (mut client, id) = interrupted(s);
    let mut server = client.connects();
    server.resumes();
    client.tells(News::Resumed);
    goes_on(&mut server, &mut client, id);
}

fn mqtt5_3_2_2_5_without_its_session_nothing_is_sent_again(s: &Hosting) {
    for level in [1, 2] {
        let mut client = s.publisher("a", &["x"], level).keeps();
        let mut server = client.connects();
        server.accepts();
        server.receives(message("a", "x").qos(level));
        server.vanishes();
        let mut server = client.connects();
        server.accepts();
        server.receives_the_rest(|received| {
            if let mqtt_session::codec::Packet::Publish(publish) = received.packet() {
                // A new message with the same content may be what the application wants.
                assert!(!publish.delivery.dup(), "{} is sent again", received.packet());
            }
        });
    }
}

fn mqtt5_3_2_2_5_without_its_session_state_is_dropped(s: &Hosting) {
    let (mut client, _) = interrupted(s);
    client.publishes(message("a", "released").qos(2)).expect("it waits");
    let mut server = client.connects();
    server.resumes();
    client.has_told();
    server.receives(message("a", "mine").qos(1).dup());
    let id = server.receives(message("a", "released").qos(2)).id();
    server.sends(pubrec(id));
    server.receives(pubrel(id));
    server.vanishes();
    client.has_told();
    let mut server = client.connects();
    server.accepts();
    client.tells(News::Connected);
    client.tells(News::SessionLost { was_taken: false });
    client.tells(News::SessionLost { was_taken: true });
    server.nothing_else();
    server.delivers(message("b", "new").qos(2).id(7));
    client.tells(delivered(&s.topic("b"), "new", 2));
    // And the next connection finds the new Session only.
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.nothing_else();
    client.has_told();
    server.sends(connack());
    server.is_closed_with(0x82);
    client.objects(Violation::SecondConnack);
}

fn m31_38_in_3_1_the_session_is_taken_to_be_there(s: &Hosting) {
    let (mut client, id) = interrupted(s);
    let mut server = client.connects();
    server.accepts_with(connack());
    client.tells(News::Connected);
    goes_on(&mut server, &mut client, id);
    // The application, which was not told of a Session, subscribes again.
    client.subscribes(subscribe("b", 2)).expect("taken");
    server.grants(subscribe("b", 2));
}
