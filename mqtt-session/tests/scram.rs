//! SCRAM-SHA-256 between the crate's own Client and broker, with the code of the example.

#[path = "../examples/scram/exchange.rs"]
mod exchange;
#[path = "../examples/scram/link.rs"]
mod link;

use mqtt_session::codec::{ConnackReason, DisconnectReason, ProtocolVersion};
use mqtt_session::{AuthStep, Authentication, ConnectOptions, Disconnected, Event, ReauthenticateOutcome};

use crate::exchange::{Failed, METHOD, Prover, Users, Verifier};
use crate::link::NOW;

type Link = crate::link::Link<Users<Box<dyn FnMut() -> Option<String>>>>;

/// The users, and dice that count.
fn link_with(users: &[(&str, Verifier)]) -> Link {
    let users = users.iter().map(|(name, verifier)| ((*name).to_owned(), verifier.clone()));
    let mut thrown = 0;
    let nonce = move || {
        thrown += 1;
        Some(format!("nonce{thrown}"))
    };
    Link::new(Users::new(users, [7; 32], Box::new(nonce)))
}

fn link() -> Link {
    let user = |name: &'static str, password| (name, Verifier::new(password, name.as_bytes(), 4_096));
    link_with(&[user("alice", "pencil"), user("b=o,b", "eraser")])
}

fn options(authentication: Option<Authentication>) -> ConnectOptions {
    ConnectOptions { client_id: "c".into(), authentication, ..ConnectOptions::new(ProtocolVersion::V5_0) }
}

fn next(link: &mut Link) -> Event {
    assert!(!link.events.is_empty(), "{:#?}", link.trace);
    link.events.remove(0)
}

fn connect(link: &mut Link, user: &str, password: &str) -> Prover {
    let (prover, data) = Prover::begin(user, password, "mine");
    link.connect(options(Some(Authentication::new(METHOD, data)))).unwrap();
    prover
}

/// Answers the one challenge of the method.
fn answer(link: &mut Link, prover: &mut Prover) {
    let Event::Challenge(challenge) = next(link) else { panic!("a challenge") };
    let step = prover.answer(challenge.data()).unwrap();
    link.client.authenticate(NOW, &step).unwrap();
    link.settle();
}

fn connected(user: &str, password: &str) -> Link {
    let mut link = link();
    let mut prover = connect(&mut link, user, password);
    answer(&mut link, &mut prover);
    let Event::Connected(connected) = next(&mut link) else { panic!("connected") };
    assert!(prover.is_proof(connected.authentication_data()));
    assert_eq!(link.events, []);
    link
}

#[track_caller]
fn expect_refusal(link: &mut Link, expected: ConnackReason) {
    match next(link) {
        Event::Disconnected(Disconnected::Refused { reason, .. }) => assert_eq!(reason, expected),
        other => panic!("{other:?}"),
    }
    assert_eq!(link.broker.session_count(), 0);
}

/// Section 3 of RFC 7677.
#[test]
fn the_exchange_of_the_rfc() {
    let salt = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, "W22ZaJ0SNY7soEsUEjb6gQ==");
    let verifier = Verifier::new("pencil", &salt.unwrap(), 4_096);
    let nonce = || Some("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned());
    let mut link = crate::link::Link::new(Users::new([("user".to_owned(), verifier)], [0; 32], nonce));
    let (mut prover, data) = Prover::begin("user", "pencil", "rOprNGfwEbeRWgbNEkqO");
    link.connect(options(Some(Authentication::new(METHOD, data)))).unwrap();
    let Event::Challenge(challenge) = link.events.remove(0) else { panic!("a challenge") };
    link.client.authenticate(NOW, &prover.answer(challenge.data()).unwrap()).unwrap();
    link.settle();
    let Event::Connected(connected) = link.events.remove(0) else { panic!("connected") };
    assert!(prover.is_proof(connected.authentication_data()));
    let data: Vec<&str> = link.trace.iter().filter_map(|line| Some(line.split_once("\n      ")?.1)).collect();
    assert_eq!(
        data,
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ]
    );
    let packets: Vec<&str> = link.trace.iter().map(|line| &line[..12]).collect();
    assert_eq!(packets, ["C>S CONNECT ", "S>C AUTH 0x1", "C>S AUTH 0x1", "S>C CONNACK "]);
}

#[test]
fn who_does_not_know_the_password_is_refused() {
    connected("alice", "pencil");
    connected("b=o,b", "eraser");
    for (user, password) in [("alice", "eraser"), ("alice", ""), ("b=o,b", "pencil"), ("carol", "pencil")] {
        let mut link = link();
        let mut prover = connect(&mut link, user, password);
        answer(&mut link, &mut prover);
        expect_refusal(&mut link, ConnackReason::NotAuthorized);
    }
    for (authentication, reason) in [
        (None, ConnackReason::NotAuthorized),
        (Some(Authentication::new("PLAIN", "\0alice\0pencil")), ConnackReason::BadAuthenticationMethod),
        (Some(Authentication { method: METHOD.into(), data: None }), ConnackReason::NotAuthorized),
    ] {
        let mut link = link();
        link.connect(options(authentication)).unwrap();
        expect_refusal(&mut link, reason);
    }
}

/// What does not keep to the mechanism is refused, whatever it is.
#[test]
fn garbage_is_refused() {
    let first = [
        "",
        "n",
        "n,,",
        "n,,n",
        "n,,x",
        "n,,n=alice",
        "n,,r=1,n=alice",
        "p=tls,,n=alice,r=1",
        "n,a=x,n=alice,r=1",
        "n,,m=1,n=alice,r=1",
        "n,,n=alice,r=1,x=1",
    ];
    for data in first.iter().map(|data| data.as_bytes()).chain([&b"n,,n=\xFF,r=1"[..]]) {
        let mut link = link();
        link.connect(options(Some(Authentication::new(METHOD, data.to_vec())))).unwrap();
        expect_refusal(&mut link, ConnackReason::NotAuthorized);
    }
    let last = [
        "",
        "c",
        "c=biws,r=minenonce1",
        "c=biws,r=minenonce1,p=",
        "c=biws,r=minenonce1,p=AAAA",
        "c=biws,p=AAAA,r=x",
        "c=,r=,p=",
    ];
    for data in last {
        let mut link = link();
        connect(&mut link, "alice", "pencil");
        link.client.authenticate(NOW, &AuthStep::new(data)).unwrap();
        link.settle();
        assert!(matches!(next(&mut link), Event::Challenge(_)));
        expect_refusal(&mut link, ConnackReason::NotAuthorized);
    }
    let challenges = [
        "",
        "r",
        "r=mine1",
        "r=mine,s=AAAA,i=4096",
        "r=other,s=AAAA,i=4096",
        "r=mine1,s=!,i=4096",
        "r=mine1,s=AAAA,i=1",
        "r=mine1,s=AAAA,i=4000000000",
        "r=mine1,s=AAAA,i=x",
    ];
    for challenge in challenges {
        let (mut prover, _) = Prover::begin("alice", "pencil", "mine");
        assert_eq!(prover.answer(Some(challenge.as_bytes())), Err(Failed), "{challenge}");
        assert!(!prover.is_proof(Some(b"v=")));
    }
}

/// Whether there is such a user cannot be seen: his challenge looks like any other, and is the same each time.
#[test]
fn users_that_do_not_exist_are_asked_too() {
    let mut challenges = Vec::new();
    for user in ["carol", "carol", "dave"] {
        let mut link = link();
        connect(&mut link, user, "pencil");
        let Event::Challenge(challenge) = next(&mut link) else { panic!("a challenge") };
        challenges.push(String::from_utf8(challenge.data().unwrap().to_vec()).unwrap());
    }
    assert_eq!(challenges[0], challenges[1]);
    assert_ne!(challenges[0], challenges[2]);
    assert!(challenges[0].starts_with("r=minenonce1,s=") && challenges[0].ends_with("==,i=4096"));
}

/// What was overheard proves nothing in another exchange.
#[test]
fn a_proof_cannot_be_repeated() {
    let mut link = connected("alice", "pencil");
    let proof = link.trace[2].split_once("\n      ").unwrap().1.to_owned();
    link.client.disconnect(NOW, DisconnectReason::NormalDisconnection);
    link.settle();
    link.events.clear();
    connect(&mut link, "alice", "?");
    assert!(matches!(next(&mut link), Event::Challenge(_)));
    link.client.authenticate(NOW, &AuthStep::new(proof.clone())).unwrap();
    link.settle();
    expect_refusal(&mut link, ConnackReason::NotAuthorized);
    // The Server's own nonce is what makes the difference.
    let mut link = self::link();
    connect(&mut link, "alice", "?");
    link.client.authenticate(NOW, &AuthStep::new(proof)).unwrap();
    link.settle();
    assert!(matches!(link.events[..], [Event::Challenge(_), Event::Connected(_)]));
}

/// A Server that lets anybody in cannot pretend to know the password.
#[test]
fn a_false_server_is_found_out() {
    let mut link = link();
    let mut prover = connect(&mut link, "alice", "pencil");
    answer(&mut link, &mut prover);
    let Event::Connected(right) = next(&mut link) else { panic!("connected") };
    let other = connected("b=o,b", "eraser");
    let proof = other.trace[3].split_once("\n      ").unwrap().1;
    assert!(proof.starts_with("v="));
    for false_proof in [None, Some(&b""[..]), Some(b"v="), Some(b"e=other"), Some(proof.as_bytes())] {
        assert!(!prover.is_proof(false_proof));
    }
    assert!(prover.is_proof(right.authentication_data()));
}

#[test]
fn a_user_authenticates_again_as_himself_only() {
    let mut link = connected("alice", "pencil");
    let again = |link: &mut Link, user, password| {
        let (mut prover, data) = Prover::begin(user, password, "mine");
        link.client.reauthenticate(NOW, &AuthStep::new(data)).unwrap();
        link.settle();
        answer(link, &mut prover);
        prover
    };
    for _ in 0..2 {
        let prover = again(&mut link, "alice", "pencil");
        let Event::Reauthenticated(ReauthenticateOutcome::Success(auth)) = next(&mut link) else {
            panic!("success");
        };
        assert!(prover.is_proof(auth.data()));
    }
    for (user, password) in [("b=o,b", "eraser"), ("alice", "wrong")] {
        let mut link = connected("alice", "pencil");
        again(&mut link, user, password);
        assert_eq!(next(&mut link), Event::Reauthenticated(ReauthenticateOutcome::Lost));
        assert!(matches!(
            next(&mut link),
            Event::Disconnected(Disconnected::ByServer { reason: DisconnectReason::NotAuthorized, .. })
        ));
    }
}
