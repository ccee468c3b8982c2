//! Topic Aliases (5.0, section 3.3.2.3.4): two tables, one for each direction, both as old as the connection.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::num::NonZeroU16;

use bytes::Bytes;
use mqtt_codec::{DisconnectReason, Publish, TopicForm};
use mqtt_topic::TopicName;

/// The aliases of outgoing messages. The first topics get one each, as many as the peer allows.
#[derive(Clone, Debug)]
pub(crate) struct AliasSender {
    maximum: u16,
    /// None before the first.
    #[expect(clippy::box_collection, reason = "most connections have none, and a box is a third of a map")]
    aliases: Option<Box<BTreeMap<Bytes, NonZeroU16>>>,
}

impl AliasSender {
    /// `maximum` is the Topic Alias Maximum of the peer, or less to save memory; 0: no aliases `[MQTT-3.3.2-9]`.
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, aliases: None }
    }

    /// How to write `topic`. A new alias is in force only after [`sent`](Self::sent).
    pub(crate) fn choose<S: AsRef<[u8]>>(&self, topic: &TopicName<S>) -> TopicForm {
        if self.maximum == 0 {
            return TopicForm::Name;
        }
        let known = self.aliases.as_ref();
        if let Some(alias) = known.and_then(|aliases| aliases.get(topic.as_bytes())) {
            return TopicForm::Alias(*alias);
        }
        match u16::try_from(known.map_or(0, |aliases| aliases.len()) + 1) {
            Ok(next) if next <= self.maximum => {
                NonZeroU16::new(next).map_or(TopicForm::Name, TopicForm::SetAlias)
            }
            _ => TopicForm::Name,
        }
    }

    /// The PUBLISH for which [`choose`](Self::choose) chose `form` goes out.
    pub(crate) fn sent<S: AsRef<[u8]>>(&mut self, topic: &TopicName<S>, form: TopicForm) {
        if let TopicForm::SetAlias(alias) = form {
            self.aliases.get_or_insert_default().insert(Bytes::copy_from_slice(topic.as_bytes()), alias);
        }
    }
}

/// The aliases of incoming messages.
#[derive(Clone, Debug)]
pub(crate) struct AliasReceiver {
    maximum: u16,
    /// None before the first.
    #[expect(clippy::box_collection, reason = "most connections have none, and a box is a third of a map")]
    topics: Option<Box<BTreeMap<NonZeroU16, TopicName<Bytes>>>>,
}

impl AliasReceiver {
    /// `maximum` is the Topic Alias Maximum that was announced to the peer.
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, topics: None }
    }

    /// What the alias of a PUBLISH stands for where it has no Topic Name; `None`: it has one, which its alias, if any, stands
    /// for from now on.
    ///
    /// # Errors
    /// The reason to end the connection for: 0x94 for an alias above the maximum `[MQTT-3.3.2-7]`, 0x82 for one that
    /// stands for nothing.
    #[inline]
    pub(crate) fn resolve(
        &mut self,
        publish: &Publish<'_>,
    ) -> Result<Option<TopicName<Bytes>>, DisconnectReason> {
        match publish.properties.topic_alias() {
            None if publish.topic.is_some() => Ok(None),
            None => Err(DisconnectReason::ProtocolError),
            Some(alias) => self.resolve_alias(publish, alias),
        }
    }

    #[inline(never)]
    fn resolve_alias(
        &mut self,
        publish: &Publish<'_>,
        alias: NonZeroU16,
    ) -> Result<Option<TopicName<Bytes>>, DisconnectReason> {
        if alias.get() > self.maximum {
            return Err(DisconnectReason::TopicAliasInvalid);
        }
        let known = self.topics.as_ref().and_then(|topics| topics.get(&alias));
        let Some(name) = publish.topic else {
            return known.cloned().map(Some).ok_or(DisconnectReason::ProtocolError);
        };
        if known.is_none_or(|topic| topic.as_bytes() != name.as_bytes()) {
            // The table must not keep a read buffer alive.
            let detached = name.with_storage(Bytes::copy_from_slice(name.as_bytes()));
            let detached = detached.ok_or(DisconnectReason::ProtocolError)?;
            self.topics.get_or_insert_default().insert(alias, detached);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use mqtt_codec::{Property, PublishProperties};

    use super::*;

    fn topic(text: &str) -> TopicName<Bytes> {
        TopicName::new(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn alias(alias: u16) -> NonZeroU16 {
        NonZeroU16::new(alias).unwrap()
    }

    #[test]
    fn the_sender_gives_aliases_to_the_first_topics() {
        let mut sender = AliasSender::new(2);
        let mut send = |name| {
            let form = sender.choose(&topic(name));
            sender.sent(&topic(name), form);
            form
        };
        assert_eq!(send("a"), TopicForm::SetAlias(alias(1)));
        assert_eq!(send("b"), TopicForm::SetAlias(alias(2)));
        assert_eq!(send("c"), TopicForm::Name);
        assert_eq!(send("a"), TopicForm::Alias(alias(1)));
        assert_eq!(send("b"), TopicForm::Alias(alias(2)));
    }

    #[test]
    fn a_publish_that_is_not_sent_sets_no_alias() {
        let sender = AliasSender::new(1);
        assert_eq!(sender.choose(&topic("a")), TopicForm::SetAlias(alias(1)));
        assert_eq!(sender.choose(&topic("b")), TopicForm::SetAlias(alias(1)));
        assert_eq!(AliasSender::new(0).choose(&topic("a")), TopicForm::Name);
    }

    fn resolve(
        receiver: &mut AliasReceiver,
        name: Option<&str>,
        number: Option<u16>,
    ) -> Result<Vec<u8>, DisconnectReason> {
        let values: Vec<_> = number.into_iter().map(|number| Property::TopicAlias(alias(number))).collect();
        let publish = Publish {
            topic: name.map(|name| TopicName::parse(name).unwrap()),
            properties: PublishProperties::new(&values).unwrap(),
            ..Publish::new(TopicName::parse("unused").unwrap(), b"")
        };
        let topic = receiver.resolve(&publish)?;
        let topic = topic.as_ref().map(TopicName::borrowed).or(publish.topic);
        Ok(topic.unwrap().as_bytes().to_vec())
    }

    /// The table of the receiver: every row of section 3.3.2.3.4 that can be decoded.
    #[test]
    fn the_receiver_resolves_aliases() {
        let mut receiver = AliasReceiver::new(2);
        assert_eq!(resolve(&mut receiver, Some("a"), None), Ok(b"a".to_vec()));
        assert_eq!(resolve(&mut receiver, None, Some(1)), Err(DisconnectReason::ProtocolError));
        assert_eq!(resolve(&mut receiver, Some("a"), Some(3)), Err(DisconnectReason::TopicAliasInvalid));
        assert_eq!(resolve(&mut receiver, None, Some(3)), Err(DisconnectReason::TopicAliasInvalid));
        assert_eq!(resolve(&mut receiver, Some("a"), Some(1)), Ok(b"a".to_vec()));
        assert_eq!(resolve(&mut receiver, None, Some(1)), Ok(b"a".to_vec()));
        assert_eq!(resolve(&mut receiver, Some("b"), Some(1)), Ok(b"b".to_vec()));
        assert_eq!(resolve(&mut receiver, None, Some(1)), Ok(b"b".to_vec()));
        assert_eq!(resolve(&mut receiver, None, Some(2)), Err(DisconnectReason::ProtocolError));
        assert_eq!(
            resolve(&mut AliasReceiver::new(0), Some("a"), Some(1)),
            Err(DisconnectReason::TopicAliasInvalid)
        );
    }
}
