//! One filter against one name: `filter` prints how long it takes; `filter FILTER TIMES` runs it a number of times, for tools
//! that count instructions. `equal` in place of a filter compares the bytes of two equal names: no match can be faster.

use core::hint::black_box;
use std::time::Instant;

use mqtt_topic::{TopicFilter, TopicName};

const NAME: &str = "fleet/region-07/site-0007/dev-000007/pressure";

fn main() {
    let name = TopicName::parse(NAME).expect("a name");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [text, times] = arguments.as_slice() {
        println!("{}", repeat(text, &name, times.parse().expect("a number")));
        return;
    }
    for text in [
        "equal",
        NAME,
        "fleet/region-07/site-0007/+/pressure",
        "fleet/+/site-0007/+/pressure",
        "+/+/+/+/+",
        "fleet/region-07/#",
        "fleet/region-07/site-0007/+/humidity",
    ] {
        let nanos = (0..200).map(|_| time(text, &name)).fold(f64::INFINITY, f64::min);
        println!("{text:48} {nanos:6.1} ns");
    }
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "this measures time")]
fn time(text: &str, name: &TopicName<&[u8]>) -> f64 {
    const TIMES: usize = 10_000;
    let start = Instant::now();
    let matched = repeat(text, name, TIMES);
    let nanos = start.elapsed().as_nanos() as f64 / TIMES as f64;
    assert_eq!(matched, if text.ends_with("humidity") { 0 } else { TIMES });
    nanos
}

#[inline(never)]
fn repeat(text: &str, name: &TopicName<&[u8]>, times: usize) -> usize {
    if text == "equal" {
        let other = name.boxed();
        return (0..times).filter(|_| black_box(name) == black_box(&other)).count();
    }
    let filter = TopicFilter::parse(text).expect("a filter");
    (0..times).filter(|_| black_box(&filter).matches(black_box(name))).count()
}
