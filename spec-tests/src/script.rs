//! Scripts: what one side of MQTT sends, and what the other must answer.
//!
//! A script is a function over a [`Scene`], written once and played against anything behind the trait [`Server`]: the
//! broker of this workspace on virtual time, or whatever listens at a TCP address. It carries the ids of the statements it
//! proves in its name, and fails by panicking.
//!
//! ```
//! use spec_tests::script::{InProcess, Scene, message, puback};
//! use spec_tests::manifest::Version;
//!
//! let scene = Scene::new(InProcess::default(), Version::V5_0);
//! let mut subscriber = scene.connects("sub");
//! subscriber.subscribes("a/+", 1);
//! let mut publisher = scene.connects("pub");
//! publisher.sends(message("a/b", "hi").qos(1).id(7));
//! publisher.receives(puback(7));
//! let id = subscriber.receives(message("a/b", "hi").qos(1)).id();
//! subscriber.sends(puback(id));
//! subscriber.nothing_else();
//! ```
//!
//! Nothing sleeps to show that nothing comes: [`Peer::nothing_else`] asks for a PINGRESP, which must be the next packet.
//! Where a message may take another way than the PINGRESP, the next message of the same kind is the marker.

mod dial;
mod hosting;
mod in_process;
mod network;
mod packets;
mod peer;
mod play;
mod scene;
mod tcp;

pub use self::dial::{Dial, Will, will};
pub use self::hosting::{
    Client, Clients, Commands, Connack, Connect, Disconnect, Host, Hosting, Job, News, OurClients, Pingreq,
    Programs, Work, connack, connect, delivered, disconnect,
};
pub use self::in_process::{InProcess, Rules};
pub use self::network::{Arrival, Line, Network, Server};
pub use self::packets::{
    Ack, Expected, Message, Names, Pingresp, Reasons, Sent, Subscribe, Unsubscribe, binary, message, packet,
    puback, pubcomp, pubrec, pubrel, string, suback, subscribe, unsuback, unsubscribe,
};
pub use self::peer::{Peer, Received};
pub use self::play::{Need, Play, Script, Verdict, play, remember_panics, slugs_of};
pub use self::scene::Scene;
pub use self::tcp::Tcp;

/// The table of the scripts of a file: `name: need,` for each, where the need is `any` server, one with a `config`uration
/// of the script's choosing, or one with the `rules` of [`Rules`]. Makes `SCRIPTS`, and a test of each in process.
#[macro_export]
macro_rules! scripts {
    ($($name:ident: $need:ident,)+) => {
        /// The scripts of this file.
        pub(super) const SCRIPTS: &[$crate::script::Script] = &[$($crate::script::Script {
            name: stringify!($name),
            need: $crate::script::Need::$need,
            run: $name,
        },)+];

        #[cfg(test)]
        mod in_process {
            $(
                #[test]
                fn $name() {
                    let script = super::SCRIPTS.iter().find(|script| script.name == stringify!($name));
                    script.expect("it is in the table").play_in_process();
                }
            )+
        }
    };
}

/// The same for scripts of a Client, which is `any` program, or one whose methods the script `calls`.
#[macro_export]
macro_rules! client_scripts {
    ($($name:ident: $need:ident,)+) => {
        /// The scripts of this file.
        pub(super) const SCRIPTS: &[$crate::script::Script<$crate::script::Hosting>] =
            &[$($crate::script::Script {
                name: stringify!($name),
                need: $crate::script::Need::$need,
                run: $name,
            },)+];

        #[cfg(test)]
        mod in_process {
            $(
                #[test]
                fn $name() {
                    let script = super::SCRIPTS.iter().find(|script| script.name == stringify!($name));
                    script.expect("it is in the table").play_in_process();
                }
            )+
        }
    };
}
