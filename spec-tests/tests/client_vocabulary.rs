//! The vocabulary for Clients against one that sends what a test tells it: a script fails when something else comes than it says.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::BytesMut;
use mqtt_session::Violation;
use spec_tests::manifest::Version;
use spec_tests::script::{
    Arrival, Client, Clients, Host, Hosting, Job, Line, Need, Network, News, OurClients, Pingreq, Play,
    Script, Verdict, connack, connect, delivered, message, play, puback, subscribe,
};

/// Sends the next bytes whenever something is expected of it, and closes when there are none left.
#[derive(Debug)]
struct Parrot(Vec<&'static [u8]>);

/// Nothing comes in time.
const SILENCE: &[u8] = b"";

impl Network for Parrot {
    fn send(&mut self, _: Line, _: &[u8]) {}

    fn receive(&mut self, _: Line, input: &mut BytesMut, _: Duration) -> Arrival {
        if self.0.is_empty() {
            return Arrival::Closed;
        }
        match self.0.remove(0) {
            SILENCE => Arrival::Nothing,
            bytes => {
                input.extend_from_slice(bytes);
                Arrival::Bytes
            }
        }
    }

    fn cut(&mut self, _: Line) {}

    fn wait(&mut self, _: Duration) {}

    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}

impl Clients for Parrot {
    fn start(&mut self, _: &Job) -> Result<(usize, Line), String> {
        Ok((0, Line(0)))
    }

    fn returns(&mut self, _: usize) -> Result<Line, String> {
        Err("it is gone".to_owned())
    }
}

const CONNECT: &[u8] = b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01c";
const DISCONNECT: &[u8] = b"\xE0\x00";

fn scene(sent: &[&'static [u8]]) -> Hosting {
    Hosting::with_token(Parrot(sent.to_vec()), Version::V5_0, "t".to_owned(), false)
}

/// Whether the script is content with a Client that sends this.
fn passes(sent: &[&'static [u8]], script: fn(&Hosting)) -> bool {
    let scene = scene(sent);
    catch_unwind(AssertUnwindSafe(|| script(&scene))).is_ok()
}

/// Whether the script is content with what comes behind CONNECT.
fn goes_on(sent: &[&'static [u8]], script: fn(Host)) -> bool {
    let scene = scene(&[&[CONNECT], sent].concat());
    let mut server = scene.subscriber("a", 1).connects();
    server.accepts();
    catch_unwind(AssertUnwindSafe(|| script(server))).is_ok()
}

#[test]
fn connect_is_of_the_version_and_says_what_is_expected() {
    let accepts = |s: &Hosting| {
        s.publisher("a", &[], 0).connects().accepts();
    };
    assert!(passes(&[CONNECT], accepts));
    for other in [&b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c"[..], b"\xC0\x00", b"\x10\x00", SILENCE] {
        assert!(!passes(&[other], accepts), "{other:?}");
    }
    assert!(!passes(&[], accepts));
    assert!(passes(&[CONNECT], |s| {
        s.subscriber("a", 0).connects().receives(connect().clean_start(true).keep_alive(60));
    }));
    assert!(!passes(&[CONNECT], |s| {
        s.subscriber("a", 0).connects().receives(connect().clean_start(false));
    }));
    assert!(!passes(&[CONNECT], |s| {
        s.subscriber("a", 0).connects().receives(connect().keep_alive(61));
    }));
    // Session Present is for who keeps its Session.
    assert!(!passes(&[CONNECT], |s| {
        s.subscriber("a", 0).connects().resumes();
    }));
}

#[test]
fn what_is_received_is_what_is_expected() {
    let grants = |mut server: Host| {
        server.grants(subscribe("a", 1));
    };
    assert!(goes_on(&[b"\x82\x09\x00\x07\x00\x00\x03t/a\x01"], grants));
    for other in
        [&b"\x82\x09\x00\x07\x00\x00\x03t/b\x01"[..], b"\x82\x09\x00\x07\x00\x00\x03t/a\x02", SILENCE]
    {
        assert!(!goes_on(&[other], grants), "{other:?}");
    }
    let pings = |mut server: Host| {
        server.receives(Pingreq);
    };
    assert!(goes_on(&[b"\xC0\x00"], pings));
    assert!(!goes_on(&[DISCONNECT], pings));
}

#[test]
fn nothing_else_means_nothing() {
    let quiet = |mut server: Host| server.nothing_else();
    // The marker is acknowledged.
    assert!(goes_on(&[b"\x40\x02\xFF\xFF"], quiet));
    for sent in [&[][..], &[SILENCE], &[b"\xC0\x00", b"\x40\x02\xFF\xFF"], &[b"\x40\x02\xFF\xFE"]] {
        assert!(!goes_on(sent, quiet), "{sent:?}");
    }
    let again = |mut server: Host| server.grants_what_comes();
    let subscribe = b"\x82\x09\x00\x07\x00\x00\x03t/a\x01";
    assert!(goes_on(&[b"\x40\x02\xFF\xFF"], again));
    assert!(goes_on(&[subscribe, b"\x40\x02\xFF\xFF"], again));
    assert!(!goes_on(&[subscribe, b"\xC0\x00"], again));
}

#[test]
fn the_end_is_what_it_has_to_be() {
    let left = |mut server: Host| server.is_left();
    assert!(goes_on(&[DISCONNECT], left));
    for sent in [&[][..], &[&b"\xE0\x01\x80"[..]], &[DISCONNECT, DISCONNECT], &[DISCONNECT, SILENCE]] {
        assert!(!goes_on(sent, left), "{sent:?}");
    }
    let closed = |mut server: Host| server.is_closed_with(0x82);
    assert!(goes_on(&[b"\xE0\x01\x82"], closed));
    assert!(goes_on(&[], closed), "without a word");
    assert!(!goes_on(&[SILENCE], closed));
    assert!(!goes_on(&[b"\xE0\x01\x82", b"\xC0\x00"], closed), "nothing follows");
    let tolerates = |mut server: Host| server.is_closed_or_tolerated(0x82);
    for sent in [&b"\x40\x02\xFF\xFF"[..], b"\xD0\x00", SILENCE, b"\xE0\x01\x82"] {
        assert!(goes_on(&[sent], tolerates), "{sent:?}");
    }
    assert!(goes_on(&[], tolerates));
    assert!(!goes_on(&[b"\xE0\x01\x82", b"\xC0\x00"], tolerates), "nothing follows");
    let check = |mut server: Host| {
        server.receives_the_rest(|received| assert_eq!(received.bytes(), DISCONNECT));
    };
    assert!(goes_on(&[DISCONNECT, DISCONNECT], check));
    assert!(!goes_on(&[DISCONNECT, b"\xC0\x00"], check));
}

/// What our client tells is compared, and that it tells it.
#[test]
fn news_are_what_they_have_to_be() {
    let passes = |script: fn(&Hosting)| {
        let scene = Hosting::new(OurClients::default(), Version::V5_0);
        catch_unwind(AssertUnwindSafe(|| script(&scene))).is_ok()
    };
    assert!(passes(|s| {
        let (mut client, mut server) = connected(s);
        client.tells(News::Connected);
        server.delivers(message("a", "x").qos(1));
        client.tells(delivered(&s.topic("a"), "x", 1));
        client.tells_nothing();
        server.sends(connack());
        server.is_closed_with(0x82);
        client.objects(Violation::SecondConnack);
    }));
    let others: [fn(&Hosting); 5] = [
        |s| connected(s).0.tells(News::Resumed),
        |s| connected(s).0.tells_nothing(),
        |s| {
            let (mut client, mut server) = connected(s);
            server.delivers(message("a", "x").qos(1));
            server.sends(connack());
            // It has delivered something.
            client.objects(Violation::SecondConnack);
        },
        |s| {
            let (mut client, mut server) = connected(s);
            server.sends(connack());
            client.objects(Violation::NotConnack);
        },
        |s| {
            let (mut client, mut server) = connected(s);
            client.has_told();
            server.sends(message("a", "x").qos(1));
            server.receives(puback(2));
        },
    ];
    for (number, script) in others.into_iter().enumerate() {
        assert!(!passes(script), "{number}");
    }
}

/// Our client, which has told that it is connected.
fn connected(s: &Hosting) -> (Client, Host) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts();
    (client, server)
}

#[test]
fn playing_a_script_gives_a_verdict() {
    fn comes_back(s: &Hosting) {
        let mut client = s.publisher("a", &[], 0);
        client.connects().accepts();
        client.connects();
    }
    fn accepts(s: &Hosting) {
        s.publisher("a", &[], 0).connects().accepts();
    }
    let verdict = |sent: &[&'static [u8]], need, run| {
        play(&Script { name: "mqtt5_3_1_0_1_x", need, run }, &scene(sent))
    };
    assert_eq!(verdict(&[CONNECT], Need::any, accepts), Verdict::Pass(Vec::new()));
    assert!(matches!(verdict(&[], Need::any, accepts), Verdict::Fail(_)));
    assert!(matches!(verdict(&[CONNECT], Need::calls, accepts), Verdict::Skip(_)));
    assert_eq!(verdict(&[CONNECT], Need::any, comes_back), Verdict::Skip("it is gone".to_owned()));
    assert_eq!(Hosting::new(OurClients::default(), Version::V5_0).lacks(Need::calls), None);
}
