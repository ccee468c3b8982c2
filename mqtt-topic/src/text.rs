//! Validated text over any storage: what Topic Names, Topic Filters and Share Names have in common.

use crate::{InvalidTopic, InvalidTopicKind, Text};

/// The longest text a UTF-8 Encoded String can hold, in bytes `[MQTT-4.7.3-3]`.
pub const MAXIMUM_LENGTH: usize = 65_535;

/// Checks what binds every text: 1 to 65,535 bytes.
pub(crate) fn check_length(text: Text<'_>) -> Result<(), InvalidTopic> {
    match text.as_bytes().len() {
        0 => Err(InvalidTopic::new(InvalidTopicKind::Empty, 0)),
        1..=MAXIMUM_LENGTH => Ok(()),
        _ => Err(InvalidTopic::new(InvalidTopicKind::TooLong, MAXIMUM_LENGTH)),
    }
}

macro_rules! text_type {
    ($(#[doc = $doc:literal])+ $name:ident, $borrowed:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy)]
        pub struct $name<S>(S);

        impl<'a> $name<&'a [u8]> {
            /// Checks a text, and borrows it.
            ///
            /// # Errors
            /// [`InvalidTopic`](crate::InvalidTopic) names the rule that is broken, and where.
            pub fn parse(text: &'a str) -> Result<Self, crate::InvalidTopic> {
                Self::from_text(crate::Text::new(text.as_bytes())?)
            }

            /// Checks what a look at the text has left to check.
            ///
            /// # Errors
            /// [`InvalidTopic`](crate::InvalidTopic) names the rule that is broken, and where.
            #[inline]
            pub fn from_text(text: crate::Text<'a>) -> Result<Self, crate::InvalidTopic> {
                crate::text::check_length(text)?;
                Self::check(text)?;
                Ok(Self(text.as_bytes()))
            }
        }

        impl<S: AsRef<[u8]>> $name<S> {
            /// Checks the text in any storage.
            ///
            /// # Errors
            /// [`InvalidTopic`](crate::InvalidTopic) names the rule that is broken, and where.
            pub fn new(text: S) -> Result<Self, crate::InvalidTopic> {
                let checked = crate::Text::new(text.as_ref())?;
                crate::text::check_length(checked)?;
                $name::check(checked)?;
                Ok(Self(text))
            }

            /// The text as bytes.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_ref()
            }

            /// The text. Storage of bytes is looked through again for this; prefer [`as_bytes`](Self::as_bytes) where speed counts.
            ///
            /// Empty for bytes that are not UTF-8, which only [`Text::from_other`](crate::Text::from_other) lets through.
            pub fn as_str(&self) -> &str {
                // It has been checked when `self` was made.
                crate::to_str(self.0.as_ref()).unwrap_or_default()
            }

            /// Text that has been checked before.
            #[allow(dead_code, reason = "not every kind of text is taken apart and put together again")]
            pub(crate) const fn trusted(text: S) -> Self {
                Self(text)
            }

            #[doc = concat!("The same ", $borrowed, ", borrowed.")]
            pub fn borrowed(&self) -> $name<&[u8]> {
                $name(self.0.as_ref())
            }

            #[doc = concat!("The same ", $borrowed, " in an allocation of its own, of the text's length.")]
            pub fn boxed(&self) -> $name<alloc::boxed::Box<[u8]>> {
                $name(self.0.as_ref().into())
            }

            /// The same text in other storage; `None` when `storage` holds another text. Cheaper than a new check.
            pub fn with_storage<T: AsRef<[u8]>>(&self, storage: T) -> Option<$name<T>> {
                let (theirs, own) = (storage.as_ref(), self.as_bytes());
                // Another handle on the same bytes need not be looked through.
                if core::ptr::eq(theirs, own) || theirs == own { Some($name(storage)) } else { None }
            }

            /// The storage.
            pub fn into_inner(self) -> S {
                self.0
            }
        }

        impl<S: AsRef<[u8]>> AsRef<[u8]> for $name<S> {
            fn as_ref(&self) -> &[u8] {
                self.0.as_ref()
            }
        }

        /// Equality, order and hash are those of the bytes, so maps keyed by this type are searched by `&[u8]`.
        impl<S: AsRef<[u8]>> core::borrow::Borrow<[u8]> for $name<S> {
            fn borrow(&self) -> &[u8] {
                self.0.as_ref()
            }
        }

        impl<S: AsRef<[u8]>, T: AsRef<[u8]>> PartialEq<$name<T>> for $name<S> {
            fn eq(&self, other: &$name<T>) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }

        impl<S: AsRef<[u8]>> Eq for $name<S> {}

        impl<S: AsRef<[u8]>, T: AsRef<[u8]>> PartialOrd<$name<T>> for $name<S> {
            fn partial_cmp(&self, other: &$name<T>) -> Option<core::cmp::Ordering> {
                Some(self.as_bytes().cmp(other.as_bytes()))
            }
        }

        impl<S: AsRef<[u8]>> Ord for $name<S> {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl<S: AsRef<[u8]>> core::hash::Hash for $name<S> {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }

        impl<S: AsRef<[u8]>> core::fmt::Display for $name<S> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(&alloc::string::String::from_utf8_lossy(self.as_bytes()))
            }
        }

        impl<S: AsRef<[u8]>> core::fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&alloc::string::String::from_utf8_lossy(self.as_bytes())).finish()
            }
        }
    };
}

pub(crate) use text_type;
