//! `mqtt5` (mqtt-lib): the router of its broker.
//!
//! It does not hand out what it finds but delivers it. So it is measured with a Client that is not connected, to whom at
//! QoS 0 nothing is delivered; for the check he is connected, and what arrives is counted. The subscribers are the flows of this
//! one Client, so that what arrives tells which it is for.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use mqtt5::broker::router::{DeliveryLanes, MessageRouter, SubscriptionRequest};
use mqtt5::packet::publish::PublishPacket;
use mqtt5::{QoS, topic_matches_filter};

use crate::store::{Found, Retained, Single, Store};

const NAME: &str = "mqtt5";
const CLIENT: &str = "client-000000001";

/// Nothing here waits for anything: no lock is held by anybody else, and no lane is full.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

impl Store for MessageRouter {
    const NAME: &'static str = NAME;
    const TELLS: bool = false;
    type Name = PublishPacket;

    fn new() -> Self {
        Self::new()
    }

    fn name(text: &str) -> Self::Name {
        PublishPacket::new(text, &b"payload"[..], QoS::AtMostOnce)
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        let request =
            SubscriptionRequest::new(CLIENT, filter, QoS::AtMostOnce).with_flow_id(Some(subscriber.into()));
        ready(self.subscribe(request)).is_ok()
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        ready(self.unsubscribe(CLIENT, filter, Some(subscriber.into())));
    }

    fn matches(&mut self, name: &Self::Name, _: &mut Found) {
        ready(self.route_message(name, None));
    }

    fn check(&mut self, name: &Self::Name, found: &mut Found) {
        let (lanes, mut receivers) = DeliveryLanes::channel(1 << 17);
        let (disconnect, _disconnected) = tokio::sync::oneshot::channel();
        ready(self.register_client(CLIENT.into(), lanes, self.queue_handle(CLIENT), disconnect));
        ready(self.route_message(name, None));
        ready(self.disconnect_client(CLIENT));
        while let Ok(message) = receivers.try_recv() {
            let flow = message.target_flow.expect("a flow");
            found.push(u32::try_from(flow).expect("it was one"));
        }
    }
}

pub(super) struct RetainedMessages(MessageRouter);

impl Retained for RetainedMessages {
    const NAME: &'static str = NAME;
    type Query = Box<str>;

    fn new() -> Self {
        Self(MessageRouter::new())
    }

    fn query(text: &str) -> Option<Self::Query> {
        Some(text.into())
    }

    fn insert(&mut self, name: &str, value: u32) {
        let mut message = PublishPacket::new(name, value.to_be_bytes().to_vec(), QoS::AtMostOnce);
        message.retain = true;
        ready(self.0.route_message(&message, None));
    }

    fn matches(&self, query: &Self::Query, found: &mut Found) {
        for message in ready(self.0.get_retained_messages(query)) {
            let value = message.payload.as_ref().try_into().expect("four bytes");
            found.push(u32::from_be_bytes(value));
        }
    }
}

pub(super) struct Filter;

impl Single for Filter {
    const NAME: &'static str = NAME;
    type Filter = Box<str>;
    type Name = Box<str>;
    const PARSE: Option<fn(&str)> = None;

    fn filter(text: &str) -> Option<Self::Filter> {
        Some(text.into())
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        topic_matches_filter(name, filter)
    }
}
