//! What users of MQTT libraries complain about, each shown not to happen here, and cases on which others have broken: those
//! that need both sides, or that no test of one side is about. Their numbers are in the names of the tests, here and in the
//! tests of the Client and of the broker:
//!
//! `cargo test -p mqtt-session complaint_07`, `cargo test -p mqtt-session case_21`

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../broker/harness.rs"]
mod broker;
mod cancelled;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../client/harness.rs"]
mod client;
mod delivery;
mod full;
mod takeover;

/// How a connection ends before the next step of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// The network fails.
    Cut,
    /// The program that is tested ends, and another goes on from what it has stored.
    Crash,
}

impl Trouble {
    const ALL: [Self; 3] = [Self::None, Self::Cut, Self::Crash];
}

/// A Client goes on with its Session after trouble. What was in its trace is not there any more.
fn go_on(scene: &mut client::Scene, trouble: Trouble) {
    match trouble {
        Trouble::None => return,
        Trouble::Cut => scene.cut(),
        Trouble::Crash => scene.crash(mqtt_session::ClientConfig::default()),
    }
    // A 3.1 Server does not tell.
    scene.reconnect(scene.version != mqtt_session::codec::ProtocolVersion::V3_1, &[]);
}
