//! Enhanced authentication with SCRAM-SHA-256: a Client and a broker in one process prove to each other that they know a
//! password, without telling it, when they connect and once more while they are connected.
//!
//! `cargo run -p mqtt-session --example scram -- user pencil`

mod exchange;
mod link;

use clap::Parser;
use mqtt_session::codec::ProtocolVersion;
use mqtt_session::{AuthStep, Authentication, ConnectOptions, Event, ReauthenticateOutcome};

use crate::exchange::{METHOD, Prover, Users, Verifier};
use crate::link::{Link, NOW};

/// The only user is `user`, his password `pencil`.
#[derive(Parser)]
struct Options {
    user: String,
    password: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { user, password } = Options::parse();
    // A Server has these from when the user chose his password, and salt that nobody can guess.
    let verifier = Verifier::new("pencil", b"W22ZaJ0SNY7soEsUEjb6gQ==", 4096);
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let users = [("user".to_owned(), verifier)];
    let mut link = Link::new(Users::new(users, secret, || nonce().ok()));

    if !user.is_ascii() || !password.is_ascii() {
        return Err("user and password have to be ASCII".into());
    }
    let (mut prover, data) = Prover::begin(&user, &password, &nonce()?);
    let options = ConnectOptions {
        client_id: "scram".into(),
        authentication: Some(Authentication::new(METHOD, data)),
        ..ConnectOptions::new(ProtocolVersion::V5_0)
    };
    link.connect(options)?;
    let mut is_again = false;
    loop {
        link.trace.drain(..).for_each(|line| println!("{line}"));
        let Some(event) = (!link.events.is_empty()).then(|| link.events.remove(0)) else { return Ok(()) };
        let is_proven = match event {
            Event::Challenge(challenge) => {
                link.client.authenticate(NOW, &prover.answer(challenge.data())?)?;
                link.settle();
                continue;
            }
            Event::Connected(connected) => prover.is_proof(connected.authentication_data()),
            Event::Reauthenticated(ReauthenticateOutcome::Success(auth)) => prover.is_proof(auth.data()),
            Event::Disconnected(why) => return Err(why.to_string().into()),
            other => return Err(format!("{other:?}").into()),
        };
        if !is_proven {
            return Err("the Server does not know the user: a false one".into());
        }
        println!("    proven on both sides");
        if std::mem::replace(&mut is_again, true) {
            return Ok(());
        }
        let (another, data) = Prover::begin(&user, &password, &nonce()?);
        prover = another;
        link.client.reauthenticate(NOW, &AuthStep::new(data))?;
        link.settle();
    }
}

/// 144 random bits, printable.
fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes)?;
    Ok(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes))
}
