//! A fleet of devices: Topic Names, and Topic Filters of the kinds that brokers see.

use crate::Random;

const REGIONS: u64 = 20;
const SITES: u64 = 50;
const DEVICES: u64 = 200;
const SENSORS: [&str; 10] = [
    "temperature",
    "humidity",
    "pressure",
    "vibration",
    "status",
    "battery",
    "rssi",
    "gps",
    "firmware",
    "alarm",
];

/// How many different topics the fleet has.
pub const TOPICS: u64 = REGIONS * SITES * DEVICES * SENSORS.len() as u64;

fn sensor(number: u64) -> &'static str {
    SENSORS[(number % 10) as usize]
}

/// Topic `number` of [`TOPICS`].
pub fn topic(number: u64) -> String {
    let device = number / 10 % DEVICES;
    let site = number / (10 * DEVICES) % SITES;
    let region = number / (10 * DEVICES * SITES) % REGIONS;
    format!("fleet/region-{region:02}/site-{site:04}/dev-{device:06}/{}", sensor(number))
}

/// `count` different filters without wildcards, in random order.
pub fn exact(count: usize) -> Vec<String> {
    let mut random = Random::new(2);
    let mut numbers: Vec<u64> = (0..TOPICS).collect();
    for place in 0..count {
        let other = place as u64 + random.below(TOPICS - place as u64);
        numbers.swap(place, other as usize);
    }
    numbers.into_iter().take(count).map(topic).collect()
}

/// `count` filters: 70 % without wildcards, 20 % with `+`, 10 % with `#`.
pub fn mixed(count: usize) -> Vec<String> {
    let mut random = Random::new(3);
    let mut filters = exact(count * 7 / 10);
    while filters.len() < count {
        let (region, site) = (random.below(REGIONS), random.below(SITES));
        let (device, sensor) = (random.below(DEVICES), sensor(random.below(10)));
        filters.push(match random.below(30) {
            0..=9 => format!("fleet/region-{region:02}/site-{site:04}/dev-{device:06}/+"),
            10 => format!("fleet/region-{region:02}/site-{site:04}/+/{sensor}"),
            11..=14 => format!("fleet/region-{region:02}/+/dev-{device:06}/{sensor}"),
            15..=19 => format!("fleet/+/site-{site:04}/dev-{device:06}/{sensor}"),
            _ => format!("fleet/region-{region:02}/site-{site:04}/dev-{device:06}/#"),
        });
    }
    filters
}
