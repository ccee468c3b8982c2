//! The vocabulary against a Server that answers what a test tells it: a script fails when something else comes than it says.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::BytesMut;
use spec_tests::manifest::Version;
use spec_tests::script::{
    Arrival, Line, Need, Network, Pingresp, Scene, Script, Server, Verdict, message, play, puback, pubcomp,
    pubrel, suback, subscribe, unsuback,
};

/// Answers each thing that is sent with the next bytes, and closes when there are none left.
#[derive(Debug)]
struct Parrot(Vec<&'static [u8]>);

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

impl Server for Parrot {
    fn open(&mut self) -> Line {
        Line(0)
    }
}

const ACCEPTED: &[u8] = b"\x20\x03\x00\x00\x00";
const PINGRESP: &[u8] = b"\xD0\x00";
/// Nothing comes in time.
const SILENCE: &[u8] = b"";

/// What the script says to these answers of a Server, in 5.0.
fn verdict(answers: &[&'static [u8]], is_exact: bool, script: impl Fn(&Scene)) -> Result<(), String> {
    let scene = Scene::with_token(Parrot(answers.to_vec()), Version::V5_0, "t".to_owned(), is_exact);
    let told = catch_unwind(AssertUnwindSafe(|| script(&scene)));
    told.map_err(|cause| cause.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[track_caller]
fn passes(answers: &[&'static [u8]], script: impl Fn(&Scene)) {
    verdict(answers, true, script).unwrap();
}

#[track_caller]
fn fails(answers: &[&'static [u8]], script: impl Fn(&Scene)) {
    assert!(verdict(answers, true, script).is_err());
}

#[test]
fn what_is_received_is_what_is_expected() {
    let one = |s: &Scene| {
        s.connects("a").receives(puback(7));
    };
    passes(&[ACCEPTED, b"\x40\x02\x00\x07"], one);
    // Success is any code below 0x80.
    passes(&[ACCEPTED, b"\x40\x03\x00\x07\x10"], one);
    for other in [&b"\x40\x02\x00\x08"[..], b"\x40\x03\x00\x07\x80", b"\x50\x02\x00\x07", PINGRESP, SILENCE] {
        fails(&[ACCEPTED, other], one);
    }
    fails(&[ACCEPTED], one);
    // No packet at all.
    fails(&[ACCEPTED, b"\x40\x01\x00"], one);
    passes(&[ACCEPTED, b"\x70\x03\x00\x07\x92"], |s| {
        s.connects("a").receives(pubcomp(7).code(0x92));
    });
    fails(&[ACCEPTED, b"\x62\x02\x00\x07"], |s| {
        s.connects("a").receives(pubrel(7).code(0x92));
    });
}

#[test]
fn a_message_is_compared_in_all_it_says() {
    let expects = |s: &Scene| {
        s.connects("a").receives(message("a", "x").qos(1));
    };
    passes(&[ACCEPTED, b"\x32\x09\x00\x03t/a\x00\x05\x00x"], expects);
    for other in [
        &b"\x30\x07\x00\x03t/a\x00x"[..],
        b"\x3A\x09\x00\x03t/a\x00\x05\x00x",
        b"\x33\x09\x00\x03t/a\x00\x05\x00x",
        b"\x32\x09\x00\x03t/b\x00\x05\x00x",
        b"\x32\x09\x00\x03t/a\x00\x05\x00y",
    ] {
        fails(&[ACCEPTED, other], expects);
    }
    // What others publish is passed over.
    passes(&[ACCEPTED, b"\x30\x05\x00\x01b\x00x", b"\x32\x09\x00\x03t/a\x00\x05\x00x"], expects);
}

#[test]
fn nothing_else_means_nothing() {
    let quiet = |s: &Scene| s.connects("a").nothing_else();
    passes(&[ACCEPTED, PINGRESP], quiet);
    fails(&[ACCEPTED, b"\x30\x07\x00\x03t/a\x00x", PINGRESP], quiet);
    fails(&[ACCEPTED, SILENCE], quiet);
    fails(&[ACCEPTED], quiet);
}

#[test]
fn the_end_of_a_connection_is_exact_where_it_has_to_be() {
    let ends = |s: &Scene| s.connects("a").is_closed_with(0x82);
    passes(&[ACCEPTED, b"\xE0\x01\x82"], ends);
    fails(&[ACCEPTED, b"\xE0\x01\x81"], ends);
    fails(&[ACCEPTED], ends);
    fails(&[ACCEPTED, b"\xE0\x01\x82", PINGRESP], ends);
    // Elsewhere another reason, or none, will do; but the end must come.
    for answers in [&[ACCEPTED, b"\xE0\x01\x81"][..], &[ACCEPTED], &[ACCEPTED, b"\xE0\x01\x82"]] {
        verdict(answers, false, ends).unwrap();
    }
    for answers in [&[ACCEPTED, SILENCE][..], &[ACCEPTED, PINGRESP], &[ACCEPTED, b"\xE0\x01\x82", SILENCE]] {
        assert!(verdict(answers, false, ends).is_err());
    }
    let tolerates = |s: &Scene| s.connects("a").is_closed_or_tolerated(0x82);
    fails(&[ACCEPTED, PINGRESP], tolerates);
    verdict(&[ACCEPTED, PINGRESP], false, tolerates).unwrap();
    assert!(verdict(&[ACCEPTED, SILENCE], false, tolerates).is_err());
}

#[test]
fn a_refusal_is_a_connack_and_the_end() {
    let refused = |s: &Scene| s.client("a").is_refused(0x85);
    passes(&[b"\x20\x03\x00\x85\x00"], refused);
    fails(&[b"\x20\x03\x00\x87\x00"], refused);
    fails(&[ACCEPTED], refused);
    fails(&[b"\x20\x03\x00\x85\x00", PINGRESP], refused);
    fails(&[], refused);
    verdict(&[], false, refused).unwrap();
    verdict(&[b"\x20\x03\x00\x87\x00"], false, refused).unwrap();
    assert!(verdict(&[ACCEPTED], false, refused).is_err());
    let connects = |s: &Scene| drop(s.connects("a"));
    fails(&[b"\x20\x03\x01\x00\x00"], connects);
}

#[test]
fn codes_of_requests_are_compared() {
    let subscribes = |s: &Scene| {
        let mut client = s.connects("a");
        client.sends(subscribe("a", 1));
        client.receives(suback(10, &[1]));
    };
    passes(&[ACCEPTED, b"\x90\x04\x00\x0A\x00\x01"], subscribes);
    for other in
        [&b"\x90\x04\x00\x0A\x00\x00"[..], b"\x90\x05\x00\x0A\x00\x01\x01", b"\x90\x04\x00\x0B\x00\x01"]
    {
        fails(&[ACCEPTED, other], subscribes);
    }
    fails(&[ACCEPTED, b"\xB0\x04\x00\x0A\x00\x11"], |s| {
        s.connects("a").receives(unsuback(10, &[0]));
    });
}

#[test]
fn playing_a_script_gives_a_verdict() {
    fn pings(s: &Scene) {
        let mut client = s.connects("a");
        client.sends_bytes(b"\xC0\x00");
        client.receives(Pingresp);
    }
    let verdict = |answers: &[&'static [u8]], need| {
        let scene = Scene::with_token(Parrot(answers.to_vec()), Version::V5_0, "t".to_owned(), false);
        play(&Script { name: "mqtt5_3_12_4_1_x", need, run: pings }, &scene)
    };
    assert_eq!(verdict(&[ACCEPTED, PINGRESP], Need::any), Verdict::Pass(Vec::new()));
    assert!(matches!(verdict(&[ACCEPTED], Need::any), Verdict::Fail(why) if why.contains("Pingresp")));
    for need in [Need::config, Need::rules] {
        assert!(matches!(verdict(&[ACCEPTED, PINGRESP], need), Verdict::Skip(_)));
    }
}
