use mqtt_session::codec::{ProtocolVersion, QoS};
use spec_tests::simulation::exhaustive::{Scope, enumerate};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: Vec<usize> = a[1].bytes().map(|b| (b - b'0') as usize).collect();
    let messages =
        vec![vec![QoS::AtMostOnce; n[0]], vec![QoS::AtLeastOnce; n[1]], vec![QoS::ExactlyOnce; n[2]]]
            .concat();
    let scope =
        Scope { version: ProtocolVersion::V5_0, messages, cuts: n[3], crashes: n[4], window: n[5] as u16 };
    let t = std::time::Instant::now();
    match enumerate(&scope) {
        Ok(s) => println!("{s:?} {:?}", t.elapsed()),
        Err(e) => println!("{e}"),
    }
}
