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

/// `count` filters: 70 % without wildcards, 20 % with `+`, 10 % with `#`, some for whole sites and regions.
pub fn mixed(count: usize) -> Vec<String> {
    let mut random = Random::new(3);
    let mut filters = exact(count * 7 / 10);
    while filters.len() < count {
        let (region, site) = (random.below(REGIONS), random.below(SITES));
        let (device, sensor) = (random.below(DEVICES), sensor(random.below(10)));
        filters.push(match random.below(300) {
            0..100 => format!("fleet/region-{region:02}/site-{site:04}/dev-{device:06}/+"),
            100..110 => format!("fleet/region-{region:02}/site-{site:04}/+/{sensor}"),
            110..150 => format!("fleet/region-{region:02}/+/dev-{device:06}/{sensor}"),
            150..200 => format!("fleet/+/site-{site:04}/dev-{device:06}/{sensor}"),
            200..298 => format!("fleet/region-{region:02}/site-{site:04}/dev-{device:06}/#"),
            _ => format!("fleet/region-{region:02}/site-{site:04}/#"),
        });
    }
    // Eight for whole regions, whatever the count.
    for (region, filter) in filters.iter_mut().rev().take(8).enumerate() {
        *filter = format!("fleet/region-{region:02}/#");
    }
    shuffle(&mut random, &mut filters);
    filters
}

fn shuffle<T>(random: &mut Random, values: &mut [T]) {
    for place in 1..values.len() {
        values.swap(place, random.below(place as u64 + 1) as usize);
    }
}

/// The name of a device that is like no other in the fleet.
fn unique(device: u64) -> String {
    format!("dev-{:010x}", device.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24)
}

/// Topic `number` of [`TOPICS`], with names of devices that are like no other.
pub fn unique_topic(number: u64) -> String {
    let device = number / 10 % (DEVICES * SITES * REGIONS);
    let (region, site) = (device / (DEVICES * SITES), device / DEVICES % SITES);
    format!("fleet/region-{region:02}/site-{site:04}/{}/{}", unique(device), sensor(number))
}

/// `count` filters as of [`mixed`], for devices with names like no other.
pub fn mixed_unique(count: usize) -> Vec<String> {
    let mut random = Random::new(5);
    let mut numbers: Vec<u64> = (0..TOPICS).collect();
    shuffle(&mut random, &mut numbers);
    let mut filters: Vec<String> = numbers.into_iter().take(count * 7 / 10).map(unique_topic).collect();
    while filters.len() < count {
        let topic = unique_topic(random.below(TOPICS));
        let mut levels: Vec<&str> = topic.split('/').collect();
        match random.below(300) {
            0..100 => levels[4] = "+",
            100..189 => (levels[1], levels[2]) = ("+", "+"),
            189..200 => levels[3] = "+",
            200..299 => levels[4] = "#",
            _ => (levels[3], _) = ("#", levels.pop()),
        }
        filters.push(levels.join("/"));
    }
    shuffle(&mut random, &mut filters);
    filters
}

/// The command topic of a device.
pub fn command(device: u64) -> String {
    format!("cmd/{}/in", unique(device))
}

/// A command topic for each of `count` devices, and 200 filters with wildcards.
pub fn commands(count: usize) -> Vec<String> {
    let mut random = Random::new(6);
    let mut filters: Vec<String> = (0..count as u64).map(command).collect();
    filters.push("cmd/+/in".to_owned());
    for number in 1..200 {
        let device = unique(random.below(count as u64));
        filters.push(match number % 4 {
            0 => format!("cmd/{device}/+"),
            1 => format!("cmd/{device}/#"),
            2 => format!("audit/{number}/#"),
            _ => format!("fleet/+/site-{:04}/#", random.below(SITES)),
        });
    }
    shuffle(&mut random, &mut filters);
    filters
}

/// All filters over `{a,+}` with `levels` levels, and `/x`.
pub fn blow_up(levels: u32) -> Vec<String> {
    (0..1_u32 << levels)
        .map(|number| {
            (0..levels).map(|bit| if number >> bit & 1 == 1 { "+/" } else { "a/" }).collect::<String>() + "x"
        })
        .collect()
}

/// 20,000 topics of the `count` that `topic` makes.
fn draw(count: u64, topic: impl Fn(u64) -> String) -> Vec<String> {
    let mut random = Random::new(4);
    (0..20_000).map(|_| topic(random.below(count))).collect()
}

/// What is subscribed to and asked for.
#[derive(Clone, Debug)]
pub struct Load {
    /// The Topic Filters, of one subscriber each.
    pub filters: Vec<String>,
    /// The Topic Names that are published.
    pub names: Vec<String>,
}

/// The loads by name.
pub const LOADS: [&str; 12] = [
    "exact/1k",
    "exact/100k",
    "exact/1m",
    "mixed/10k",
    "mixed/1m",
    "unique/1m",
    "commands/1m",
    "blow-up/miss",
    "blow-up/hit",
    "deep/128",
    "deep/65536",
    "fan-out/100k",
];

/// The load with this name of [`LOADS`].
pub fn load(name: &str) -> Option<Load> {
    let exact_of = |count| {
        let filters = exact(count);
        let names = draw(count as u64, |number| filters[number as usize].clone());
        Load { filters, names }
    };
    Some(match name {
        "exact/1k" => exact_of(1_000),
        "exact/100k" => exact_of(100_000),
        "exact/1m" => exact_of(1_000_000),
        "mixed/10k" => Load { filters: mixed(10_000), names: draw(TOPICS, topic) },
        "mixed/1m" => Load { filters: mixed(1_000_000), names: draw(TOPICS, topic) },
        "unique/1m" => Load { filters: mixed_unique(1_000_000), names: draw(TOPICS, unique_topic) },
        "commands/1m" => Load { filters: commands(1_000_000), names: draw(1_000_000, command) },
        "blow-up/miss" => Load { filters: blow_up(16), names: vec!["a/".repeat(16) + "y"] },
        "blow-up/hit" => Load { filters: blow_up(16), names: vec!["a/".repeat(16) + "x"] },
        "deep/128" => {
            let deep = "level/".repeat(127);
            let filters = ["end", "#", "+"].iter().map(|last| deep.clone() + last);
            Load { filters: filters.chain(["level/#".to_owned()]).collect(), names: vec![deep + "end"] }
        }
        "deep/65536" => {
            let slashes = "/".repeat(65_535);
            let filters = vec![slashes.clone(), "/".repeat(65_534) + "+", "#".to_owned()];
            Load { filters, names: vec![slashes] }
        }
        "fan-out/100k" => Load { filters: vec![topic(0); 100_000], names: vec![topic(0)] },
        _ => return None,
    })
}
