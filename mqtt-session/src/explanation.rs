//! Reason Strings and User Properties: what a packet says beside its reason code.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use mqtt_codec::{AckProperties, AuthProperties, EncodeError, Property, PublishReason};

/// What a packet says beside its reason code: a Reason String and User Properties (5.0, section 3.1.2.11.7). They are for
/// people and logs; nothing here decides by them.
///
/// They are left out where the peer did not request them `[MQTT-3.1.2-29]`, or where the packet would become larger than it
/// takes: the User Properties first, then the Reason String.
///
/// ```
/// use mqtt_session::Explanation;
///
/// let why = Explanation::new("moved to the new hall").with_user_property("hall", "7");
/// assert_eq!(why.reason_string.as_deref(), Some("moved to the new hall"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The Reason String, up to 65,535 bytes.
    pub reason_string: Option<String>,
    /// The User Properties, name and value, in their order.
    pub user_properties: Vec<(String, String)>,
}

impl Explanation {
    /// Nothing.
    pub const NONE: Self = Self { reason_string: None, user_properties: Vec::new() };

    /// A Reason String.
    pub fn new(reason_string: impl Into<String>) -> Self {
        Self { reason_string: Some(reason_string.into()), user_properties: Vec::new() }
    }

    /// The same with one more User Property.
    #[must_use = "the explanation is returned"]
    pub fn with_user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.user_properties.push((name.into(), value.into()));
        self
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.reason_string.is_none() && self.user_properties.is_empty()
    }

    /// What an acknowledgement says; no allocation where it says nothing.
    pub(crate) fn received(properties: &AckProperties<'_>) -> Option<Box<Self>> {
        if properties.is_empty() {
            return None;
        }
        Some(Box::new(Self {
            reason_string: properties.reason_string().map(String::from),
            user_properties: owned(properties.user_properties()),
        }))
    }

    /// Tries `essential` with all of this, with the Reason String alone, and with nothing, until `write` is content. Its last
    /// word is returned.
    pub(crate) fn fit<'a, T, E>(
        &'a self,
        essential: &[Property<'a>],
        mut write: impl FnMut(&[Property<'a>]) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.is_empty() {
            return write(essential);
        }
        let reason_string = self.reason_string.as_deref().map(Property::ReasonString);
        let pairs = self.user_properties.iter().map(|(name, value)| Property::UserProperty((name, value)));
        let values: Vec<_> = essential.iter().copied().chain(reason_string).chain(pairs).collect();
        let with_reason_string = essential.len() + usize::from(reason_string.is_some());
        let mut result = write(&values);
        for len in [with_reason_string, essential.len()] {
            if result.is_ok() {
                break;
            }
            result = write(values.get(..len).unwrap_or(essential));
        }
        result
    }

    /// Whether it can be written at all.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        let reason_string = self.reason_string.as_deref().map(Property::ReasonString);
        let pairs = self.user_properties.iter().map(|(name, value)| Property::UserProperty((name, value)));
        let values: Vec<_> = reason_string.into_iter().chain(pairs).collect();
        AckProperties::new(&values).map(|_| ()).map_err(EncodeError::from)
    }
}

/// A Reason String.
impl From<&str> for Explanation {
    fn from(reason_string: &str) -> Self {
        Self::new(reason_string)
    }
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (String::from(name), String::from(value))).collect()
}

/// A reason code and what is said beside it. A reason code alone becomes one by `into()`, or by `?`.
///
/// ```
/// use mqtt_session::Refusal;
/// use mqtt_session::codec::PublishReason;
///
/// let refusal = Refusal::new(PublishReason::QuotaExceeded, "10 messages an hour");
/// assert_eq!(Refusal::from(PublishReason::QuotaExceeded).reason, refusal.reason);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<R> {
    /// The reason code.
    pub reason: R,
    /// What is said beside it, where the version and the Client allow it.
    pub explanation: Explanation,
}

impl<R> Refusal<R> {
    /// A refusal that says why.
    pub fn new(reason: R, explanation: impl Into<Explanation>) -> Self {
        Self { reason, explanation: explanation.into() }
    }
}

impl<R> From<R> for Refusal<R> {
    fn from(reason: R) -> Self {
        Self { reason, explanation: Explanation::NONE }
    }
}

/// How the receiver of a message has answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The reason code of PUBACK or PUBREC; `Success` in 3.x.
    pub reason: PublishReason,
    /// What is said beside it (5.0). In a QoS 2 exchange, the Reason String of PUBREC before that of PUBCOMP, and the User
    /// Properties of both.
    pub explanation: Option<Box<Explanation>>,
}

impl Acknowledgement {
    pub(crate) const PLAIN: Self = Self { reason: PublishReason::Success, explanation: None };

    pub(crate) fn new(reason: PublishReason, properties: &AckProperties<'_>) -> Self {
        Self { reason, explanation: Explanation::received(properties) }
    }

    /// The Reason String.
    pub fn reason_string(&self) -> Option<&str> {
        self.explanation.as_ref()?.reason_string.as_deref()
    }

    /// The User Properties, name and value.
    pub fn user_properties(&self) -> &[(String, String)] {
        self.explanation.as_ref().map_or(&[], |explanation| &explanation.user_properties)
    }

    /// Whether there is anything beside the reason.
    pub(crate) const fn says_more(&self) -> bool {
        self.explanation.is_some()
    }

    /// PUBCOMP adds what it says.
    pub(crate) fn add(&mut self, properties: &AckProperties<'_>) {
        let Some(added) = Explanation::received(properties) else { return };
        match &mut self.explanation {
            None => self.explanation = Some(added),
            Some(explanation) => {
                explanation.reason_string = explanation.reason_string.take().or(added.reason_string);
                explanation.user_properties.extend(added.user_properties);
            }
        }
    }
}

/// The reason, and the Reason String if there is one.
impl fmt::Display for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        write_reason_string(f, self.reason_string())
    }
}

pub(crate) fn write_reason_string(f: &mut fmt::Formatter<'_>, reason_string: Option<&str>) -> fmt::Result {
    match reason_string {
        Some(reason_string) => write!(f, " ({reason_string:?})"),
        None => Ok(()),
    }
}

/// What one side sends in a step of an enhanced authentication exchange (section 4.12).
///
/// ```
/// use mqtt_session::AuthStep;
///
/// let step = AuthStep::new("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthStep {
    /// The Authentication Data, up to 65,535 bytes. What is in it is up to the Authentication Method.
    pub data: Option<Bytes>,
    /// What is said beside it.
    pub explanation: Explanation,
}

impl AuthStep {
    /// A step with this Authentication Data.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: Some(data.into()), explanation: Explanation::NONE }
    }

    /// Hands the properties of the AUTH to `write`, as [`Explanation::fit`] does; without explanation where the peer has
    /// requested none.
    pub(crate) fn fit<T, E: From<EncodeError>>(
        &self,
        method: &str,
        explained: bool,
        mut write: impl FnMut(AuthProperties<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut essential = Vec::from([Property::AuthenticationMethod(method)]);
        essential.extend(self.data.as_deref().map(Property::AuthenticationData));
        let explanation = if explained { &self.explanation } else { &Explanation::NONE };
        explanation.fit(&essential, |values| write(AuthProperties::new(values).map_err(EncodeError::from)?))
    }
}

/// Authentication Data can be a secret.
impl fmt::Debug for AuthStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthStep")
            .field("data", &self.data.as_ref().map(|_| format_args!("***")))
            .field("explanation", &self.explanation)
            .finish()
    }
}
