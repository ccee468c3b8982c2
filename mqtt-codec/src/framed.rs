//! The codec of `tokio_util::codec::Framed` (feature `tokio-util`).

use std::io;

use bytes::BytesMut;
use tokio_util::codec;

use crate::{DecodeError, Decoder, EncodeError, Frame, Packet, ProtocolVersion};

/// Packets over anything that reads and writes bytes: [`Frame`]s come in; [`Packet`]s and [`Frame`]s go out, in the version of
/// the connection. Feature `tokio-util`.
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use mqtt_codec::{
///     Connack, ConnackReason, Connect, ConnectFields, Decoder, FrameCodec, Packet, ProtocolVersion,
/// };
/// use tokio_util::codec::Framed;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// let (near, far) = tokio::io::duplex(1024); // your sockets
/// let mut client = Framed::new(near, FrameCodec::new(Decoder::client(ProtocolVersion::V5_0)));
/// let mut decoder = Decoder::server();
/// decoder.set_maximum_packet_size(64 * 1024);
/// let mut server = Framed::new(far, FrameCodec::new(decoder));
///
/// let fields = ConnectFields { client_id: "meter-7", ..ConnectFields::default() };
/// client.send(Packet::from(Connect::new(&fields))).await?;
/// let frame = server.next().await.expect("the client is there")?;
/// let Packet::Connect(connect) = frame.packet() else { panic!("{frame}") };
/// assert_eq!(connect.fields().client_id, "meter-7");
///
/// server.send(Packet::from(Connack::new(ConnackReason::Success))).await?;
/// let frame = client.next().await.expect("the server is there")?;
/// assert_eq!(frame.to_string(), "CONNACK session_present=0 0x00 Success");
/// # Ok(())
/// # }
/// ```
///
/// There are three kinds of item to send, so where no item is named the compiler has to be told one:
/// `SinkExt::<Frame>::close(&mut client)`.
///
/// The read buffer grows as bytes arrive, never by what a Remaining Length says; what a peer can fill it with is limited by
/// [`Decoder::set_maximum_packet_size`]. A frame shares the memory of the read buffer: [`detach`](Frame::detach) what is kept
/// for long.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    decoder: Decoder,
    /// What is written: a second CONNECT, which is an error, does not change it.
    version: Option<ProtocolVersion>,
}

impl FrameCodec {
    /// Reads what `decoder` reads, and writes its version.
    pub const fn new(decoder: Decoder) -> Self {
        Self { version: decoder.version(), decoder }
    }

    /// The decoder.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, to change its limits when CONNECT has been judged.
    pub const fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// The version of the connection.
    fn version(&self) -> Result<ProtocolVersion, FramedError> {
        self.version.ok_or(FramedError::VersionUnknown)
    }
}

/// Why a `Framed` connection cannot go on, or a packet cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FramedError {
    /// The peer has sent something else than a valid packet. Reading is over; a Server may still send what
    /// [`DecodeError::connack_reason`] or [`DecodeError::disconnect_reason`] say, in the version the CONNECT has named.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The packet is not valid in the version of the connection. Nothing has been written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A Server cannot write before it has read a CONNECT, which names the version, unless its decoder was made
    /// [with one](Decoder::with_version). Nothing has been written.
    #[error("no CONNECT has named the version yet")]
    VersionUnknown,
    /// The transport has failed, or ended within a packet.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl codec::Decoder for FrameCodec {
    type Item = Frame;
    type Error = FramedError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FramedError> {
        let frame = self.decoder.decode_frame(input);
        self.version = self.version.or(self.decoder.named_version());
        Ok(frame?)
    }
}

impl codec::Encoder<Packet<'_>> for FrameCodec {
    type Error = FramedError;

    fn encode(&mut self, packet: Packet<'_>, out: &mut BytesMut) -> Result<(), FramedError> {
        Ok(packet.append_to(self.version()?, out)?)
    }
}

impl codec::Encoder<&Frame> for FrameCodec {
    type Error = FramedError;

    /// The bytes of the frame; or its packet anew, where the connection has another version or the frame may have
    /// [`Deviations`](crate::Deviations).
    fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), FramedError> {
        let version = self.version()?;
        if frame.version() == version && frame.is_strict() {
            out.extend_from_slice(frame.bytes());
        } else {
            frame.packet().append_to(version, out)?;
        }
        Ok(())
    }
}

impl codec::Encoder<Frame> for FrameCodec {
    type Error = FramedError;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), FramedError> {
        codec::Encoder::encode(self, &frame, out)
    }
}
