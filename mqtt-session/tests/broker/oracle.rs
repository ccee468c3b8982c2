//! Routing against a list of subscriptions that is looked through from end to end.

use std::collections::BTreeMap;

use mqtt_session::codec::{Delivery, Property, QoS, SubscriptionIdentifier, SubscriptionOptions};
use mqtt_session::topic::{TopicFilter, TopicName};
use proptest::prelude::*;

use crate::harness::{V5_0, World};

const CLIENTS: usize = 4;
const TOPICS: [&str; 7] = ["a", "a/b", "a/b/c", "b", "/", "$s/a", "a//c"];
const FILTERS: [&str; 14] =
    ["#", "+", "a", "a/#", "a/+", "+/b", "a/b", "a/+/c", "+/+/+", "/", "$s/#", "b/#", "+/#", "$s/+"];

#[derive(Clone, Debug)]
enum Step {
    Subscribe { client: usize, filter: usize, options: SubscriptionOptions, identifier: Option<u32> },
    Unsubscribe { client: usize, filter: usize },
    Publish { client: usize, topic: usize, retain: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let options =
        (any::<bool>(), any::<bool>()).prop_map(|(no_local, retain_as_published)| SubscriptionOptions {
            no_local,
            retain_as_published,
            retain_handling: mqtt_session::codec::RetainHandling::DoNotSend,
            qos: QoS::AtMostOnce,
        });
    prop_oneof![
        3 => (client.clone(), 0..FILTERS.len(), options, proptest::option::of(1..5_u32))
            .prop_map(|(client, filter, options, identifier)| Step::Subscribe { client, filter, options, identifier }),
        1 => (client.clone(), 0..FILTERS.len()).prop_map(|(client, filter)| Step::Unsubscribe { client, filter }),
        3 => (client, 0..TOPICS.len(), any::<bool>())
            .prop_map(|(client, topic, retain)| Step::Publish { client, topic, retain }),
    ]
}

proptest! {
    #[test]
    fn routing_agrees_with_the_list(steps in proptest::collection::vec(step(), 0..80)) {
        let mut world = World::new();
        let clients: Vec<_> = (0..CLIENTS).map(|number| world.connect(V5_0, &number.to_string())).collect();
        let mut list: BTreeMap<(usize, usize), (SubscriptionOptions, Option<u32>)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Subscribe { client, filter, options, identifier } => {
                    list.insert((client, filter), (options, identifier));
                    let identifier = identifier.and_then(SubscriptionIdentifier::new);
                    let properties: Vec<_> = identifier.map(Property::SubscriptionIdentifier).into_iter().collect();
                    world.subscribe_with(clients[client], &[(FILTERS[filter], options)], &properties);
                    world.expect(clients[client], &["SUBACK id=100 0x00"]);
                }
                Step::Unsubscribe { client, filter } => {
                    let code = if list.remove(&(client, filter)).is_some() { "00" } else { "11" };
                    world.unsubscribe(clients[client], FILTERS[filter]);
                    world.expect(clients[client], &[&format!("UNSUBACK id=101 0x{code}")]);
                }
                Step::Publish { client: from, topic, retain } => {
                    world.publish_with(clients[from], TOPICS[topic], "p", Delivery::AtMostOnce, retain, &[]);
                    for (number, client) in clients.iter().enumerate() {
                        let name = TopicName::parse(TOPICS[topic]).unwrap();
                        let matching: Vec<_> = list
                            .iter()
                            .filter(|((owner, filter), (options, _))| {
                                *owner == number
                                    && TopicFilter::parse(FILTERS[*filter]).unwrap().matches(&name)
                                    && !(options.no_local && number == from)
                            })
                            .map(|(_, subscription)| *subscription)
                            .collect();
                        let received = world.trace(*client);
                        prop_assert_eq!(received.len(), usize::from(!matching.is_empty()));
                        let Some(line) = received.first() else { continue };
                        let flag = retain && matching.iter().any(|(options, _)| options.retain_as_published);
                        let start = format!("PUBLISH q0 dup=0 retain={} {:?} \"p\"", u8::from(flag), TOPICS[topic]);
                        prop_assert!(line.starts_with(&start), "{}", line);
                        let mut found: Vec<u32> = line
                            .split("Subscription Identifier=")
                            .skip(1)
                            .map(|rest| rest[..1].parse().unwrap())
                            .collect();
                        let mut expected: Vec<u32> =
                            matching.iter().filter_map(|(_, identifier)| *identifier).collect();
                        found.sort_unstable();
                        expected.sort_unstable();
                        prop_assert_eq!(found, expected);
                    }
                }
            }
        }
        prop_assert_eq!(world.broker.subscription_count(), list.len());
    }
}
