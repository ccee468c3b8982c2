//! The end of a connection by the application.

use mqtt_codec::{
    Disconnect, DisconnectProperties, DisconnectReason, EncodeError, Property, ProtocolVersion, Side,
};

use super::{Client, ClientError, Disconnected};
use crate::{Explanation, Instant};

/// What a DISCONNECT says (section 3.14). The properties are for 5.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisconnectRequest {
    /// Why. `NormalDisconnection` deletes the Will. A reason that Clients may not send is replaced by `UnspecifiedError`.
    pub reason: DisconnectReason,
    /// How many seconds the Session outlives the connection; `None`: as agreed before.
    pub session_expiry_interval: Option<u32>,
    /// What is said beside the reason.
    pub explanation: Explanation,
}

impl DisconnectRequest {
    /// A reason, and nothing else.
    pub const fn new(reason: DisconnectReason) -> Self {
        Self { reason, session_expiry_interval: None, explanation: Explanation::NONE }
    }
}

impl Client {
    /// Ends the connection: queues DISCONNECT with this reason, which deletes the Will if it is `NormalDisconnection`.
    /// Without a connection it does nothing. Messages that are not acknowledged stay where they are.
    ///
    /// 3.x has no reasons: anything but `NormalDisconnection` ends the connection without DISCONNECT, so that the Will is
    /// published. A reason that Clients may not send is replaced by `UnspecifiedError`.
    pub fn disconnect(&mut self, now: Instant, reason: DisconnectReason) {
        self.set_now(now);
        self.send_disconnect(Disconnect::new(sendable(reason)), Disconnected::Requested);
    }

    /// As [`disconnect`](Self::disconnect), with properties. In 3.x an explanation is not sent.
    ///
    /// # Errors
    /// [`ClientError`] when there is no connection; when a Session Expiry Interval is given in 3.x, or one that is not 0
    /// although CONNECT said 0 (section 3.14.2.2.2); when a value cannot be written. Nothing has changed then.
    pub fn disconnect_with(&mut self, now: Instant, request: &DisconnectRequest) -> Result<(), ClientError> {
        self.set_now(now);
        let Some(connection) = &self.connection else { return Err(ClientError::NotConnected) };
        let version = connection.options.version;
        let keeps_session = connection.options.keeps_session();
        if request.session_expiry_interval.is_some_and(|interval| interval != 0 && !keeps_session) {
            return Err(ClientError::SessionNotKept);
        }
        if version != ProtocolVersion::V5_0 && request.session_expiry_interval.is_some() {
            return Err(EncodeError::NotInVersion { field: "Session Expiry Interval", version }.into());
        }
        request.explanation.check()?;
        let disconnect = Disconnect::new(sendable(request.reason));
        let expiry = request.session_expiry_interval.map(Property::SessionExpiryInterval);
        let explanation = match version {
            ProtocolVersion::V5_0 => &request.explanation,
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => &Explanation::NONE,
        };
        let limits = self.limits().copied();
        let sent = explanation.fit(expiry.as_slice(), |values| {
            let properties = DisconnectProperties::new(values).map_err(EncodeError::from)?;
            let disconnect = Disconnect { properties, ..disconnect };
            if version == ProtocolVersion::V5_0 || disconnect.reason == DisconnectReason::NormalDisconnection
            {
                let len = disconnect.encoded_len(version)?;
                if limits.is_some_and(|limits| limits.takes(|| Ok(len)) == Ok(false)) {
                    return Err(ClientError::PacketTooLarge);
                }
                self.transmit.push(&disconnect.into(), version)?;
            }
            Ok(())
        });
        match sent {
            // Not even the reason may fit, and the Session lasts as agreed.
            Err(ClientError::PacketTooLarge) if expiry.is_none() => {}
            sent => sent?,
        }
        if let (Some(negotiated), Some(interval)) = (self.negotiated_mut(), request.session_expiry_interval) {
            negotiated.session_expiry_interval = interval;
        }
        self.end(Disconnected::Requested);
        Ok(())
    }
}

fn sendable(reason: DisconnectReason) -> DisconnectReason {
    if reason.may_be_sent_by(Side::Client) { reason } else { DisconnectReason::UnspecifiedError }
}
