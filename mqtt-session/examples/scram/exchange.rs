//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as an Authentication Method, without channel binding:
//!
//! ```text
//! C>S CONNECT   n,,n=user,r=…       client-first-message
//! S>C AUTH 0x18 r=…,s=…,i=…         server-first-message
//! C>S AUTH 0x18 c=biws,r=…,p=…      client-final-message, which proves that the Client knows the password
//! S>C CONNACK   v=…                 server-final-message, which proves that the Server knows its verifier
//! ```
//!
//! The dice are the caller's. User names and passwords are ASCII here; others would have to be prepared (RFC 4013).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use mqtt_session::codec::{ConnackReason, ConnectFields};
use mqtt_session::{Acceptance, AuthRequest, AuthStage, AuthStep, ConnectionId, Policy, Verdict};
use sha2::{Digest, Sha256};

/// The Authentication Method.
pub(crate) const METHOD: &str = "SCRAM-SHA-256";

/// What a Server may ask of a Client: below it is too little to protect the password, above it keeps the Client busy.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

/// "n,,": no channel binding, and nobody acts for another.
const HEADER: &str = "n,,";

type Key = [u8; 32];

/// The other side does not keep to the mechanism, or does not know the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SCRAM exchange has failed")]
pub(crate) struct Failed;

fn hmac(key: &[u8], data: &str) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
    mac.expect("a key may have any length").chain_update(data)
}

fn signature(key: &[u8], data: &str) -> Key {
    hmac(key, data).finalize().into_bytes().into()
}

fn xor(one: &Key, other: &Key) -> Key {
    std::array::from_fn(|index| one[index] ^ other[index])
}

fn salted(password: &str, salt: &[u8], iterations: u32) -> Key {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

/// The values of exactly these attributes, in their order. None of them may contain a comma.
fn attributes<'m, const N: usize>(message: &'m str, names: [&str; N]) -> Result<[&'m str; N], Failed> {
    let mut parts = message.split(',');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = parts.next().and_then(|part| part.strip_prefix(name)).ok_or(Failed)?;
    }
    if parts.next().is_some() { Err(Failed) } else { Ok(values) }
}

fn text(data: Option<&[u8]>) -> Result<&str, Failed> {
    std::str::from_utf8(data.ok_or(Failed)?).map_err(|_| Failed)
}

/// The Client's side of one exchange.
pub(crate) struct Prover {
    password: String,
    /// client-first-message-bare
    first: String,
    nonce: String,
    /// What the Server has to answer in the end.
    expected: Option<(Key, String)>,
}

impl Prover {
    /// Begins an exchange. What is returned beside goes with CONNECT, or with AUTH 0x19. `nonce` must be random, printable and
    /// without commas.
    pub(crate) fn begin(user: &str, password: &str, nonce: &str) -> (Self, String) {
        let first = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        let data = format!("{HEADER}{first}");
        (Self { password: password.into(), first, nonce: nonce.into(), expected: None }, data)
    }

    /// Answers the Server's challenge.
    pub(crate) fn answer(&mut self, challenge: Option<&[u8]>) -> Result<AuthStep, Failed> {
        let challenge = text(challenge)?;
        let [nonce, salt, iterations] = attributes(challenge, ["r=", "s=", "i="])?;
        let iterations: u32 = iterations.parse().map_err(|_| Failed)?;
        let is_new = nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce);
        if !is_new || !ITERATIONS.contains(&iterations) {
            return Err(Failed);
        }
        let salted = salted(&self.password, &BASE64.decode(salt).map_err(|_| Failed)?, iterations);
        let last = format!("c={},r={nonce}", BASE64.encode(HEADER));
        let message = format!("{},{challenge},{last}", self.first);
        let client_key = signature(&salted, "Client Key");
        let proof = xor(&client_key, &signature(&Sha256::digest(client_key), &message));
        self.expected = Some((signature(&salted, "Server Key"), message));
        Ok(AuthStep::new(format!("{last},p={}", BASE64.encode(proof))))
    }

    /// Whether the data of CONNACK, or of AUTH 0x00, comes from a Server that knows the user.
    pub(crate) fn is_proof(&self, data: Option<&[u8]>) -> bool {
        let proof = text(data).and_then(|data| attributes(data, ["v="]));
        let proof = proof.and_then(|[proof]| BASE64.decode(proof).map_err(|_| Failed));
        let (Ok(proof), Some((server_key, message))) = (proof, &self.expected) else { return false };
        hmac(server_key, message).verify_slice(&proof).is_ok()
    }
}

/// What the Server keeps of a password: enough to know who knows it, too little to pretend to.
#[derive(Clone)]
pub(crate) struct Verifier {
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Key,
    server_key: Key,
}

impl Verifier {
    /// `salt` must be random, and another one for each user.
    pub(crate) fn new(password: &str, salt: &[u8], iterations: u32) -> Self {
        let salted = salted(password, salt, iterations);
        Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: Sha256::digest(signature(&salted, "Client Key")).into(),
            server_key: signature(&salted, "Server Key"),
        }
    }
}

/// The Server's side of all exchanges. A user is the principal of his Sessions.
pub(crate) struct Users<N> {
    verifiers: BTreeMap<String, Verifier>,
    /// Makes salt for users that do not exist, so that they cannot be told from others.
    secret: Key,
    /// Random, printable and without commas; `None`: the dice are lost.
    nonce: N,
    exchanges: BTreeMap<ConnectionId, Exchange>,
}

/// An exchange that waits for the client-final-message.
struct Exchange {
    user: String,
    /// client-first-message-bare and server-first-message
    messages: String,
    nonce: String,
    verifier: Verifier,
    is_user: bool,
}

impl<N: FnMut() -> Option<String>> Users<N> {
    /// `secret` must be random, and the same as long as the users are.
    pub(crate) fn new(users: impl IntoIterator<Item = (String, Verifier)>, secret: Key, nonce: N) -> Self {
        Self { verifiers: users.into_iter().collect(), secret, nonce, exchanges: BTreeMap::new() }
    }

    /// client-first-message
    fn begin(&mut self, data: Option<&[u8]>) -> Result<(Exchange, AuthStep), Failed> {
        let first = text(data)?.strip_prefix(HEADER).ok_or(Failed)?;
        let [name, nonce] = attributes(first, ["n=", "r="])?;
        let user = name.replace("=2C", ",").replace("=3D", "=");
        let nonce = format!("{nonce}{}", (self.nonce)().ok_or(Failed)?);
        let verifier = self.verifiers.get(&user);
        let is_user = verifier.is_some();
        let verifier = verifier.cloned().unwrap_or_else(|| Verifier {
            salt: signature(&self.secret, &user)[..16].to_vec(),
            iterations: *ITERATIONS.start(),
            stored_key: Key::default(),
            server_key: Key::default(),
        });
        let answer = format!("r={nonce},s={},i={}", BASE64.encode(&verifier.salt), verifier.iterations);
        let messages = format!("{first},{answer}");
        Ok((Exchange { user, messages, nonce, verifier, is_user }, AuthStep::new(answer)))
    }

    fn next(&mut self, connection: ConnectionId, request: &AuthRequest<'_>) -> Result<Verdict, Failed> {
        if let AuthStage::Continue(_) = request.stage {
            let exchange = self.exchanges.remove(&connection).ok_or(Failed)?;
            let proof = exchange.finish(request.data)?;
            return Ok(Verdict::AcceptWith(Acceptance {
                principal: Some(Arc::from(exchange.user)),
                authentication_data: Some(proof.into()),
                ..Acceptance::default()
            }));
        }
        let (exchange, step) = self.begin(request.data)?;
        self.exchanges.insert(connection, exchange);
        Ok(Verdict::Continue(step))
    }
}

impl Exchange {
    /// client-final-message; the server-final-message that answers it.
    fn finish(&self, data: Option<&[u8]>) -> Result<String, Failed> {
        let message = text(data)?;
        let [header, nonce, proof] = attributes(message, ["c=", "r=", "p="])?;
        let proof: Key = BASE64.decode(proof).ok().and_then(|proof| proof.try_into().ok()).ok_or(Failed)?;
        let (without_proof, _) = message.rsplit_once(",p=").ok_or(Failed)?;
        let message = format!("{},{without_proof}", self.messages);
        let client_key = xor(&proof, &signature(&self.verifier.stored_key, &message));
        // Only who knows the key can choose what is compared here, so how long it takes tells nothing.
        let is_proven = Sha256::digest(client_key)[..] == self.verifier.stored_key;
        if is_proven && self.is_user && header == BASE64.encode(HEADER) && nonce == self.nonce {
            return Ok(format!("v={}", BASE64.encode(signature(&self.verifier.server_key, &message))));
        }
        Err(Failed)
    }
}

impl<N: FnMut() -> Option<String>> Policy for Users<N> {
    /// Nobody comes in without a proof.
    fn authenticate(&mut self, _: ConnectionId, _: &ConnectFields<'_>) -> Verdict {
        Verdict::Refuse(ConnackReason::NotAuthorized.into())
    }

    fn exchange(&mut self, connection: ConnectionId, request: &AuthRequest<'_>) -> Verdict {
        if request.method != METHOD {
            return Verdict::Refuse(ConnackReason::BadAuthenticationMethod.into());
        }
        let next = self.next(connection, request);
        next.unwrap_or_else(|Failed| Verdict::Refuse(ConnackReason::NotAuthorized.into()))
    }

    fn abandoned(&mut self, connection: ConnectionId) {
        self.exchanges.remove(&connection);
    }
}
