//! CONNECT and CONNACK (sections 3.1 and 3.2).

use crate::script::Scene;

crate::scripts! {
    mqtt5_3_1_0_2_mqtt311_3_1_0_2_m31_49_a_second_connect_ends_the_connection: any,
}

fn mqtt5_3_1_0_2_mqtt311_3_1_0_2_m31_49_a_second_connect_ends_the_connection(s: &Scene) {
    let mut client = s.connects("a");
    client.sends_bytes(&s.client("a").bytes());
    client.is_closed_with(0x82);
}
