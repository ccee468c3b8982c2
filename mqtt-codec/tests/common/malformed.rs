// One row for every way a packet can break a rule: the fault, its Reason Code, and the packet it is blamed on.
//
// A row without a statement in its name is about a rule that no statement numbers. The file is included by whoever wants
// the rows, with a macro `malformed!` that makes something of them and with these names in scope: `ProtocolVersion`,
// `Side::{Client, Server}`, and of `wire.rs` `MQTT31`, `MQTT311`, `MQTT5`, `packet` and `set`.

const V31: &[ProtocolVersion] = &[ProtocolVersion::V3_1];
const V311: &[ProtocolVersion] = &[ProtocolVersion::V3_1_1];
const V5: &[ProtocolVersion] = &[ProtocolVersion::V5_0];
const V3: &[ProtocolVersion] = &[ProtocolVersion::V3_1, ProtocolVersion::V3_1_1];
const STRICT: &[ProtocolVersion] = &[ProtocolVersion::V3_1_1, ProtocolVersion::V5_0];
const ALL: &[ProtocolVersion] = &ProtocolVersion::ALL;

fn p(first_byte: u8, body: &[u8]) -> Vec<u8> {
    packet(first_byte, &[body])
}

/// A CONNECT with these flags and what follows the Keep Alive.
fn connect31(flags: u8, tail: &[u8]) -> Vec<u8> {
    packet(0x10, &[MQTT31, &[flags, 0, 60], tail])
}

fn connect311(flags: u8, tail: &[u8]) -> Vec<u8> {
    packet(0x10, &[MQTT311, &[flags, 0, 60], tail])
}

fn connect5(flags: u8, tail: &[u8]) -> Vec<u8> {
    packet(0x10, &[MQTT5, &[flags, 0, 60], tail])
}

/// A CONNECT with these properties.
fn connect_with(properties: &[u8]) -> Vec<u8> {
    connect5(0x02, &[&set(properties)[..], b"\x00\x01c"].concat())
}

/// A CONNECT with a Will with these properties.
fn will_with(properties: &[u8]) -> Vec<u8> {
    connect5(0x06, &[&b"\x00\x00\x01c"[..], &set(properties), b"\x00\x01w\x00\x00"].concat())
}

/// A QoS 0 PUBLISH with these properties.
fn publish_with(properties: &[u8]) -> Vec<u8> {
    packet(0x30, &[b"\x00\x01a", &set(properties)])
}

fn connack_with(properties: &[u8]) -> Vec<u8> {
    packet(0x20, &[b"\x00\x00", &set(properties)])
}

fn auth_with(properties: &[u8]) -> Vec<u8> {
    packet(0xF0, &[b"\x18", &set(properties)])
}

fn disconnect_with(properties: &[u8]) -> Vec<u8> {
    packet(0xE0, &[b"\x00", &set(properties)])
}

malformed! {
    // Fixed header (section 2.1).
    type_0_is_reserved_from_a_client: ALL Client b"\x00\x00" => ReservedPacketType 0x81;
    type_0_is_reserved_from_a_server: ALL Server b"\x0F\x00" => ReservedPacketType 0x81;
    type_15_is_reserved_in_3_x_from_a_client: V3 Client b"\xF0\x00" => ReservedPacketType 0x81;
    type_15_is_reserved_in_3_x_from_a_server: V3 Server b"\xF0\x01\x00" => ReservedPacketType 0x81;
    mqtt311_2_2_2_1_mqtt5_2_1_3_1_flags_of_connack: STRICT Server p(0x21, b"\0\0\0") => ReservedFlags 0x81;
    mqtt311_2_2_2_2_mqtt5_2_1_3_1_flags_of_puback: STRICT Server p(0x42, b"\0\x01") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_puback_from_a_client: STRICT Client p(0x48, b"\0\x01") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_pubrec: STRICT Client p(0x52, b"\0\x01") => ReservedFlags 0x81;
    mqtt311_3_6_1_1_mqtt5_3_6_1_1_pubrel_without_flag: STRICT Client p(0x60, b"\0\x01") => ReservedFlags 0x81;
    mqtt5_3_6_1_1_pubrel_with_dup: STRICT Server p(0x6A, b"\0\x01") => ReservedFlags 0x81;
    mqtt5_3_6_1_1_pubrel_with_retain: STRICT Client p(0x63, b"\0\x01") => ReservedFlags 0x81;
    m31_12_pubrel_with_other_qos: V31 Client p(0x64, b"\0\x01") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_pubcomp: STRICT Server p(0x72, b"\0\x01") => ReservedFlags 0x81;
    mqtt311_3_8_1_1_mqtt5_3_8_1_1_subscribe_without_flag: STRICT Client p(0x80, b"\0\x01\0\0\x01a\0") => ReservedFlags 0x81;
    mqtt5_3_8_1_1_subscribe_with_dup: STRICT Client p(0x8A, b"\0\x01\0\0\x01a\0") => ReservedFlags 0x81;
    m31_12_subscribe_with_other_qos: V31 Client p(0x86, b"\0\x01\0\x01a\0") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_suback: STRICT Server p(0x92, b"\0\x01\0\0") => ReservedFlags 0x81;
    mqtt311_3_10_1_1_mqtt5_3_10_1_1_unsubscribe_without_flag: STRICT Client p(0xA0, b"\0\x01\0\0\x01a") => ReservedFlags 0x81;
    mqtt5_3_10_1_1_unsubscribe_with_dup: STRICT Client p(0xAA, b"\0\x01\0\0\x01a") => ReservedFlags 0x81;
    m31_12_unsubscribe_with_other_qos: V31 Client p(0xA4, b"\0\x01\0\x01a") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_unsuback: STRICT Server p(0xB2, b"\0\x01\0\0") => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_pingreq: STRICT Client b"\xC1\x00" => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_pingresp: STRICT Server b"\xD8\x00" => ReservedFlags 0x81;
    mqtt311_3_14_1_1_mqtt5_3_14_1_1_flags_of_disconnect: STRICT Client b"\xE1\x00" => ReservedFlags 0x81;
    mqtt5_3_14_1_1_flags_of_disconnect_from_a_server: V5 Server b"\xE2\x01\x8E" => ReservedFlags 0x81;
    mqtt5_3_15_1_1_flags_of_auth: V5 Server b"\xF1\x06\x18\x04\x15\x00\x01m" => ReservedFlags 0x81;
    mqtt5_2_1_3_1_flags_of_connect: V5 Client [&b"\x12"[..], &connect5(0x02, b"\0\0\0")[1..]].concat() => ReservedFlags 0x81;
    mqtt311_2_2_2_1_flags_of_connect: V311 Client [&b"\x11"[..], &connect311(0x02, b"\0\0")[1..]].concat() => ReservedFlags 0x81;
    mqtt311_3_3_1_4_mqtt5_3_3_1_4_publish_with_qos_3: ALL Client p(0x36, b"\0\x01a\0\x01\0") => InvalidQoS 0x81;
    mqtt5_3_3_1_4_publish_with_qos_3_dup_and_retain: ALL Server p(0x3F, b"\0\x01a\0\x01\0") => InvalidQoS 0x81;
    mqtt311_3_3_1_2_mqtt5_3_3_1_2_dup_with_qos_0: STRICT Client p(0x38, b"\0\x01a\0") => DupWithQoS0 0x81;
    mqtt5_3_3_1_2_dup_with_qos_0_and_retain: STRICT Server p(0x39, b"\0\x01a\0") => DupWithQoS0 0x81;

    // Direction (section 2.1.2).
    connect_from_a_server: ALL Server b"\x10\x00" => WrongDirection 0x82;
    connack_from_a_client: ALL Client b"\x20\x02\x00\x00" => WrongDirection 0x82;
    subscribe_from_a_server: ALL Server p(0x82, b"\0\x01\0\0\x01a\0") => WrongDirection 0x82;
    suback_from_a_client: ALL Client b"\x90\x03\x00\x01\x00" => WrongDirection 0x82;
    unsubscribe_from_a_server: ALL Server p(0xA2, b"\0\x01\0\0\x01a") => WrongDirection 0x82;
    unsuback_from_a_client: ALL Client b"\xB0\x02\x00\x01" => WrongDirection 0x82;
    pingreq_from_a_server: ALL Server b"\xC0\x00" => WrongDirection 0x82;
    pingresp_from_a_client: ALL Client b"\xD0\x00" => WrongDirection 0x82;
    disconnect_from_a_server_in_3_x: V3 Server b"\xE0\x00" => WrongDirection 0x82;

    // Variable Byte Integers (section 1.5.5).
    a_remaining_length_of_five_bytes: ALL Client b"\x30\x80\x80\x80\x80\x01" => VariableByteIntegerTooLong 0x81;
    a_remaining_length_of_ff_bytes: ALL Server b"\x30\xFF\xFF\xFF\xFF" => VariableByteIntegerTooLong 0x81;
    a_remaining_length_of_five_bytes_in_connect: ALL Client b"\x10\x80\x80\x80\x80\x01" => VariableByteIntegerTooLong 0x81;
    mqtt5_1_5_5_1_padded_remaining_length: V5 Client b"\xC0\x80\x00" => VariableByteIntegerPadded 0x81;
    mqtt5_1_5_5_1_padded_remaining_length_in_four_bytes: V5 Server b"\xD0\x80\x80\x80\x00" => VariableByteIntegerPadded 0x81;
    mqtt5_1_5_5_1_padded_remaining_length_of_connect: V5 Client [&b"\x10\x8D\x00"[..], &connect5(0x02, b"\0\0\0")[2..]].concat() => VariableByteIntegerPadded 0x81;
    mqtt5_1_5_5_1_padded_property_length: V5 Client p(0x30, b"\0\x01a\x80\0") => VariableByteIntegerPadded 0x81;
    mqtt5_1_5_5_1_padded_property_length_with_properties: V5 Client p(0x30, b"\0\x01a\x82\0\x01\x01") => VariableByteIntegerPadded 0x81;
    a_property_length_of_five_bytes: V5 Client p(0x30, b"\0\x01a\xFF\xFF\xFF\xFF\x7F") => VariableByteIntegerTooLong 0x81;
    mqtt5_1_5_5_1_padded_property_identifier: V5 Client publish_with(b"\x81\0\x01") => VariableByteIntegerPadded 0x81;
    mqtt5_1_5_5_1_padded_subscription_identifier: V5 Client p(0x82, b"\0\x01\x03\x0B\x81\0\0\x01a\0") => VariableByteIntegerPadded 0x81;
    a_subscription_identifier_of_five_bytes: V5 Client p(0x82, b"\0\x01\x06\x0B\x80\x80\x80\x80\x01\0\x01a\0") => VariableByteIntegerTooLong 0x81;

    // Fields that run past their container (section 1.2).
    an_empty_connect: ALL Client b"\x10\x00" => Truncated 0x81;
    connect_without_level: ALL Client p(0x10, b"\0\x04MQTT") => Truncated 0x81;
    connect_with_a_name_that_runs_over: ALL Client p(0x10, b"\0\xFFMQTT\x05") => Truncated 0x81;
    connect_without_flags: V5 Client p(0x10, MQTT5) => Truncated 0x81;
    connect_without_keep_alive: V5 Client p(0x10, b"\0\x04MQTT\x05\x02\0") => Truncated 0x81;
    connect_without_property_length: V5 Client connect5(0x02, b"") => Truncated 0x81;
    mqtt5_3_1_3_3_connect_without_client_identifier: V5 Client connect5(0x02, b"\0") => Truncated 0x81;
    mqtt311_3_1_3_3_connect_without_client_identifier: V311 Client connect311(0x02, b"") => Truncated 0x81;
    mqtt5_3_1_2_9_will_without_fields: V5 Client connect5(0x06, b"\0\0\x01c") => Truncated 0x81;
    mqtt5_3_1_2_9_will_without_topic: V5 Client connect5(0x06, b"\0\0\x01c\0") => Truncated 0x81;
    mqtt5_3_1_2_9_will_without_payload: V5 Client connect5(0x06, b"\0\0\x01c\0\0\x01w") => Truncated 0x81;
    mqtt311_3_1_2_9_will_without_message: V311 Client connect311(0x06, b"\0\x01c\0\x01w") => Truncated 0x81;
    mqtt5_3_1_2_17_user_name_is_missing: V5 Client connect5(0x82, b"\0\0\x01c") => Truncated 0x81;
    mqtt311_3_1_2_19_user_name_is_missing: V311 Client connect311(0x82, b"\0\x01c") => Truncated 0x81;
    mqtt5_3_1_2_19_password_is_missing: V5 Client connect5(0xC2, b"\0\0\x01c\0\x01u") => Truncated 0x81;
    mqtt311_3_1_2_21_password_is_missing: V311 Client connect311(0xC2, b"\0\x01c\0\x01u") => Truncated 0x81;
    m31_7_user_name_is_cut_off: V31 Client connect31(0x82, b"\0\x01c\0\x05u") => Truncated 0x81;
    connack_without_code: ALL Server p(0x20, b"\0") => Truncated 0x81;
    mqtt5_2_2_2_1_connack_without_property_length: V5 Server p(0x20, b"\0\0") => Truncated 0x81;
    publish_without_topic: ALL Client b"\x30\x00" => Truncated 0x81;
    publish_with_a_topic_that_runs_over: ALL Client b"\x30\x03\x00\x10a" => Truncated 0x81;
    mqtt311_2_3_1_1_publish_without_packet_identifier: ALL Client b"\x32\x04\x00\x02ab" => Truncated 0x81;
    publish_with_half_a_packet_identifier: ALL Client b"\x34\x05\x00\x02ab\x01" => Truncated 0x81;
    mqtt5_2_2_2_1_publish_without_property_length: V5 Client p(0x30, b"\0\x01a") => Truncated 0x81;
    property_set_that_runs_past_the_packet: V5 Client p(0x30, b"\0\x01a\x05\x01\x01") => Truncated 0x81;
    string_that_runs_past_the_property_set: V5 Client p(0x30, b"\0\x01a\x05\x03\0\x03abc") => Truncated 0x81;
    property_without_value: V5 Client publish_with(b"\x01") => Truncated 0x81;
    four_byte_integer_cut_off: V5 Client publish_with(b"\x02\0\0\0") => Truncated 0x81;
    two_byte_integer_cut_off: V5 Client publish_with(b"\x23\0") => Truncated 0x81;
    binary_data_cut_off: V5 Client publish_with(b"\x09\0\x02\0") => Truncated 0x81;
    mqtt5_1_5_7_1_user_property_without_value: V5 Client publish_with(b"\x26\0\x01k") => Truncated 0x81;
    subscription_identifier_cut_off: V5 Client p(0x82, b"\0\x01\x02\x0B\x80\0\x01a\0") => Truncated 0x81;
    acknowledgement_of_one_byte: ALL Server b"\x40\x01\x00" => Truncated 0x81;
    acknowledgement_without_body: ALL Client b"\x70\x00" => Truncated 0x81;
    acknowledgement_with_a_property_set_cut_off: V5 Server p(0x50, b"\0\x01\0\x03\x1F\0") => Truncated 0x81;
    subscribe_without_options: ALL Client b"\x82\x06\x00\x01\x00\x02ab" => Truncated 0x81;
    subscribe_with_a_second_filter_without_options: V3 Client p(0x82, b"\0\x01\0\x01a\0\0\x01b") => Truncated 0x81;
    mqtt5_2_2_2_1_subscribe_without_property_length: V5 Client p(0x82, b"\0\x01") => Truncated 0x81;
    subscribe_with_a_filter_that_runs_over: V311 Client p(0x82, b"\0\x01\0\x05a\0") => Truncated 0x81;
    mqtt5_2_2_2_1_suback_without_property_length: V5 Server p(0x90, b"\0\x01") => Truncated 0x81;
    unsubscribe_with_a_filter_that_runs_over: V311 Client p(0xA2, b"\0\x01\0\x02a") => Truncated 0x81;
    unsubscribe_with_half_a_length: V311 Client p(0xA2, b"\0\x01\0\x01a\0") => Truncated 0x81;
    mqtt5_2_2_2_1_unsuback_without_property_length: V5 Server p(0xB0, b"\0\x01") => Truncated 0x81;
    disconnect_with_a_property_set_cut_off: V5 Client p(0xE0, b"\0\x05\x11\0\0\0") => Truncated 0x81;
    auth_with_a_code_only: V5 Server p(0xF0, b"\x18") => Truncated 0x81;

    // Bytes behind the last field (section 1.2).
    mqtt311_3_1_2_18_bytes_behind_client_identifier: V311 Client connect311(0x02, b"\0\x01c\0\x01u") => TrailingBytes 0x81;
    mqtt311_3_1_2_20_bytes_behind_user_name: V311 Client connect311(0x82, b"\0\x01c\0\x01u\0\x01p") => TrailingBytes 0x81;
    mqtt5_3_1_2_16_bytes_behind_client_identifier: V5 Client connect5(0x02, b"\0\0\x01c\0\x01u") => TrailingBytes 0x81;
    mqtt5_3_1_2_18_bytes_behind_user_name: V5 Client connect5(0x82, b"\0\0\x01c\0\x01u\0\x01p") => TrailingBytes 0x81;
    bytes_behind_password: V5 Client connect5(0x42, b"\0\0\x01c\0\x01p\0") => TrailingBytes 0x81;
    m31_7_bytes_behind_client_identifier: V31 Client connect31(0x02, b"\0\x01c\0") => TrailingBytes 0x81;
    bytes_behind_connack: V3 Server p(0x20, b"\0\0\0") => TrailingBytes 0x81;
    bytes_behind_connack_properties: V5 Server p(0x20, b"\0\0\0\0") => TrailingBytes 0x81;
    bytes_behind_puback: V3 Server p(0x40, b"\0\x01\0") => TrailingBytes 0x81;
    bytes_behind_puback_properties: V5 Server p(0x40, b"\0\x01\0\0\0") => TrailingBytes 0x81;
    bytes_behind_pubrec: V3 Client p(0x50, b"\0\x01\0") => TrailingBytes 0x81;
    bytes_behind_pubrel: V3 Client p(0x62, b"\0\x01\0") => TrailingBytes 0x81;
    bytes_behind_pubcomp: V5 Client p(0x70, b"\0\x01\0\0\0") => TrailingBytes 0x81;
    bytes_behind_unsuback: V3 Server p(0xB0, b"\0\x01\0") => TrailingBytes 0x81;
    bytes_behind_pingreq: ALL Client b"\xC0\x01\x00" => TrailingBytes 0x81;
    bytes_behind_pingresp: ALL Server b"\xD0\x01\x00" => TrailingBytes 0x81;
    bytes_behind_disconnect: V3 Client p(0xE0, b"\0") => TrailingBytes 0x81;
    bytes_behind_disconnect_properties: V5 Client p(0xE0, b"\0\0\0") => TrailingBytes 0x81;
    bytes_behind_auth: V5 Client p(0xF0, b"\x18\x04\x15\0\x01m\0") => TrailingBytes 0x81;

    // Strings (section 1.5.4); tests/strings.rs breaks every string field in every way.
    mqtt311_1_5_3_1_mqtt5_1_5_4_1_overlong_topic: ALL Client p(0x30, b"\0\x02\xC0\x80\0") => NotUtf8 0x81;
    mqtt311_1_5_3_2_mqtt5_1_5_4_2_nul_in_topic: ALL Server p(0x30, b"\0\x03a\0b\0") => NulInString 0x81;
    mqtt5_3_1_3_4_client_identifier: V5 Client connect5(0x02, b"\0\0\x01\xFF") => NotUtf8 0x81;
    mqtt311_3_1_3_4_client_identifier: V311 Client connect311(0x02, b"\0\x01\0") => NulInString 0x81;
    mqtt311_3_1_3_10_will_topic: V311 Client connect311(0x06, b"\0\x01c\0\x01\xFF\0\0") => NotUtf8 0x81;
    mqtt5_3_1_3_11_will_topic: V5 Client connect5(0x06, b"\0\0\x01c\0\0\x01\xFF\0\0") => NotUtf8 0x81;
    mqtt311_3_1_3_11_user_name: V311 Client connect311(0x82, b"\0\x01c\0\x01\xFF") => NotUtf8 0x81;
    mqtt5_3_1_3_12_user_name: V5 Client connect5(0x82, b"\0\0\x01c\0\x02u\0") => NulInString 0x81;
    mqtt311_3_3_2_1_mqtt5_3_3_2_1_topic_name: ALL Client p(0x30, b"\0\x03\xED\xA0\x80\0") => NotUtf8 0x81;
    mqtt5_3_3_2_13_response_topic: V5 Client publish_with(b"\x08\0\x01\xFF") => NotUtf8 0x81;
    mqtt5_3_3_2_19_content_type: V5 Client publish_with(b"\x03\0\x02\xC3\x28") => NotUtf8 0x81;
    mqtt5_1_5_7_1_name_of_a_user_property: V5 Client publish_with(b"\x26\0\x01\0\0\x01v") => NulInString 0x81;
    mqtt5_1_5_7_1_value_of_a_user_property: V5 Client publish_with(b"\x26\0\x01k\0\x01\xFF") => NotUtf8 0x81;
    mqtt5_3_8_3_1_topic_filter: V5 Client p(0x82, b"\0\x01\0\0\x01\xFF\0") => NotUtf8 0x81;
    mqtt311_3_8_3_1_topic_filter: V311 Client p(0x82, b"\0\x01\0\x01\0\0") => NulInString 0x81;
    mqtt5_3_10_3_1_topic_filter: V5 Client p(0xA2, b"\0\x01\0\0\x01\xFF") => NotUtf8 0x81;
    mqtt311_3_10_3_1_topic_filter: V311 Client p(0xA2, b"\0\x01\0\x02a\0") => NulInString 0x81;
    a_control_character_to_a_server: ALL Client p(0x30, b"\0\x02a\x1F\0") => DisallowedCodePoint 0x81;
    a_c1_control_character_to_a_server: ALL Client p(0x30, b"\0\x02\xC2\x80\0") => DisallowedCodePoint 0x81;
    a_non_character_to_a_server: ALL Client p(0x30, b"\0\x03\xEF\xBF\xBF\0") => DisallowedCodePoint 0x81;

    // CONNECT (section 3.1).
    unknown_protocol_name: ALL Client p(0x10, b"\0\x04MQTX\x05\x02\0\0\0\0\0") => UnknownProtocolName 0x84;
    protocol_name_of_3_1_with_another_case: ALL Client p(0x10, b"\0\x06mqisdp\x03\x02\0\0\0\x01c") => UnknownProtocolName 0x84;
    empty_protocol_name: ALL Client p(0x10, b"\0\0\x04\x02\0\0\0\0") => UnknownProtocolName 0x84;
    level_3_under_mqtt: ALL Client p(0x10, b"\0\x04MQTT\x03\x02\0\0\0\0") => ProtocolVersionTooOld 0x84;
    level_4_under_mqisdp: ALL Client p(0x10, b"\0\x06MQIsdp\x04\x02\0\0\0\0") => ProtocolVersionTooOld 0x84;
    level_6: ALL Client p(0x10, b"\0\x04MQTT\x06\x02\0\0\0\0") => ProtocolVersionTooNew 0x84;
    mqtt311_3_1_2_3_reserved_connect_flag: V311 Client connect311(0x03, b"\0\x01c") => ReservedConnectFlag 0x81;
    mqtt5_3_1_2_3_reserved_connect_flag: V5 Client connect5(0x03, b"\0\0\x01c") => ReservedConnectFlag 0x81;
    mqtt311_3_1_2_11_mqtt311_3_1_2_13_will_qos_without_will: V311 Client connect311(0x0A, b"\0\x01c") => WillQoSWithoutWill 0x81;
    mqtt5_3_1_2_11_will_qos_without_will: V5 Client connect5(0x12, b"\0\0\x01c") => WillQoSWithoutWill 0x81;
    mqtt311_3_1_2_14_will_qos_3: V311 Client connect311(0x1E, b"\0\x01c\0\x01w\0\0") => InvalidWillQoS 0x81;
    mqtt5_3_1_2_12_will_qos_3: V5 Client connect5(0x1E, b"\0\0\x01c\0\0\x01w\0\0") => InvalidWillQoS 0x81;
    m31_5_will_qos_3: V31 Client connect31(0x1E, b"\0\x01c\0\x01w\0\0") => InvalidWillQoS 0x81;
    mqtt311_3_1_2_15_will_retain_without_will: V311 Client connect311(0x22, b"\0\x01c") => WillRetainWithoutWill 0x81;
    mqtt5_3_1_2_13_will_retain_without_will: V5 Client connect5(0x22, b"\0\0\x01c") => WillRetainWithoutWill 0x81;
    mqtt311_3_1_2_22_password_without_user_name: V311 Client connect311(0x42, b"\0\x01c\0\x01p") => PasswordWithoutUserName 0x81;
    m31_6_password_without_user_name: V31 Client connect31(0x42, b"\0\x01c\0\x01p") => PasswordWithoutUserName 0x81;
    empty_will_topic: V5 Client connect5(0x06, b"\0\0\x01c\0\0\0\0\0") => InvalidTopicName 0x90;
    empty_will_topic_in_3_1_1: V311 Client connect311(0x06, b"\0\x01c\0\0\0\0") => InvalidTopicName 0x90;
    will_topic_with_wildcard: V5 Client connect5(0x06, b"\0\0\x01c\0\0\x03a/#\0\0") => InvalidTopicName 0x90;
    will_topic_with_wildcard_in_3_1: V31 Client connect31(0x06, b"\0\x01c\0\x01+\0\0") => InvalidTopicName 0x90;
    topic_alias_in_connect: V5 Client connect_with(b"\x23\0\x01") => PropertyNotAllowed 0x81;
    will_delay_in_connect: V5 Client connect_with(b"\x18\0\0\0\x01") => PropertyNotAllowed 0x81;
    session_expiry_in_will: V5 Client will_with(b"\x11\0\0\0\x01") => PropertyNotAllowed 0x81;
    unknown_property_in_will: V5 Client will_with(b"\x7F") => UnknownProperty 0x81;
    repeated_session_expiry: V5 Client connect_with(b"\x11\0\0\0\x01\x11\0\0\0\x01") => PropertyRepeated 0x82;
    repeated_will_delay: V5 Client will_with(b"\x18\0\0\0\x01\x18\0\0\0\x01") => PropertyRepeated 0x82;
    receive_maximum_0: V5 Client connect_with(b"\x21\0\0") => PropertyValue 0x82;
    maximum_packet_size_0: V5 Client connect_with(b"\x27\0\0\0\0") => PropertyValue 0x82;
    request_problem_information_2: V5 Client connect_with(b"\x17\x02") => PropertyValue 0x82;
    request_response_information_255: V5 Client connect_with(b"\x19\xFF") => PropertyValue 0x82;
    payload_format_2_in_will: V5 Client will_with(b"\x01\x02") => PropertyValue 0x82;
    response_topic_with_wildcard_in_will: V5 Client will_with(b"\x08\0\x01#") => InvalidResponseTopic 0x82;
    authentication_data_without_method: V5 Client connect_with(b"\x16\0\x01d") => AuthenticationDataWithoutMethod 0x82;

    // CONNACK (section 3.2).
    mqtt5_3_2_2_1_reserved_flags: STRICT Server p(0x20, b"\x02\0\0") => ReservedConnackFlags 0x81;
    mqtt5_3_2_2_1_reserved_flags_beside_session_present: STRICT Server p(0x20, b"\x81\0\0") => ReservedConnackFlags 0x81;
    mqtt311_3_2_2_4_session_present_on_refusal: V311 Server p(0x20, b"\x01\x02") => SessionPresentOnRefusal 0x82;
    mqtt5_3_2_2_6_session_present_on_refusal: V5 Server p(0x20, b"\x01\x80\0") => SessionPresentOnRefusal 0x82;
    reserved_return_code_in_3_x: V3 Server p(0x20, b"\0\x06") => InvalidReasonCode 0x82;
    mqtt5_3_2_2_8_unknown_reason_code: V5 Server p(0x20, b"\0\x01\0") => InvalidReasonCode 0x82;
    mqtt5_3_2_2_8_reason_code_of_disconnect: V5 Server p(0x20, b"\0\x8B\0") => InvalidReasonCode 0x82;
    maximum_qos_2: V5 Server connack_with(b"\x24\x02") => PropertyValue 0x82;
    retain_available_2: V5 Server connack_with(b"\x25\x02") => PropertyValue 0x82;
    wildcard_subscription_available_2: V5 Server connack_with(b"\x28\x02") => PropertyValue 0x82;
    subscription_identifier_available_2: V5 Server connack_with(b"\x29\x02") => PropertyValue 0x82;
    shared_subscription_available_2: V5 Server connack_with(b"\x2A\x02") => PropertyValue 0x82;
    receive_maximum_0_in_connack: V5 Server connack_with(b"\x21\0\0") => PropertyValue 0x82;
    maximum_packet_size_0_in_connack: V5 Server connack_with(b"\x27\0\0\0\0") => PropertyValue 0x82;
    empty_assigned_client_identifier: V5 Server connack_with(b"\x12\0\0") => PropertyValue 0x82;
    authentication_data_without_method_in_connack: V5 Server connack_with(b"\x16\0\0") => AuthenticationDataWithoutMethod 0x82;
    request_problem_information_in_connack: V5 Server connack_with(b"\x17\x01") => PropertyNotAllowed 0x81;
    repeated_reason_string: V5 Server connack_with(b"\x1F\0\0\x1F\0\0") => PropertyRepeated 0x82;

    // PUBLISH (section 3.3) and its acknowledgements (3.4 to 3.7).
    topic_name_with_hash: ALL Client p(0x30, b"\0\x03a/#\0") => InvalidTopicName 0x90;
    topic_name_with_plus: ALL Server p(0x30, b"\0\x02a+\0") => InvalidTopicName 0x90;
    empty_topic_name: V3 Client p(0x30, b"\0\0") => InvalidTopicName 0x90;
    mqtt5_3_3_2_1_empty_topic_name_without_alias: V5 Client p(0x30, b"\0\0\0") => TopicNameMissing 0x82;
    mqtt311_2_3_1_1_packet_identifier_0_at_qos_1: ALL Client p(0x32, b"\0\x01a\0\0\0") => PacketIdZero 0x82;
    packet_identifier_0_at_qos_2: ALL Server p(0x34, b"\0\x01a\0\0\0") => PacketIdZero 0x82;
    mqtt5_3_3_2_8_topic_alias_0: V5 Client publish_with(b"\x23\0\0") => TopicAliasZero 0x94;
    mqtt5_3_3_4_6_subscription_identifier_from_a_client: V5 Client publish_with(b"\x0B\x01") => SubscriptionIdentifierFromClient 0x82;
    subscription_identifier_0_in_publish: V5 Server publish_with(b"\x0B\0") => PropertyValue 0x82;
    payload_format_2: V5 Server publish_with(b"\x01\x02") => PropertyValue 0x82;
    response_topic_with_wildcard: V5 Client publish_with(b"\x08\0\x01+") => InvalidResponseTopic 0x82;
    empty_response_topic: V5 Client publish_with(b"\x08\0\0") => InvalidResponseTopic 0x82;
    repeated_topic_alias: V5 Client publish_with(b"\x23\0\x01\x23\0\x01") => PropertyRepeated 0x82;
    repeated_message_expiry: V5 Client publish_with(b"\x02\0\0\0\x01\x02\0\0\0\x01") => PropertyRepeated 0x82;
    session_expiry_in_publish: V5 Client publish_with(b"\x11\0\0\0\x01") => PropertyNotAllowed 0x81;
    authentication_data_in_publish: V5 Client publish_with(b"\x16\0\0") => PropertyNotAllowed 0x81;
    unknown_property: V5 Client publish_with(b"\x00") => UnknownProperty 0x81;
    unknown_property_of_two_bytes: V5 Client publish_with(b"\x81\x01\x00") => UnknownProperty 0x81;
    unknown_property_of_four_bytes: V5 Client publish_with(b"\xFF\xFF\xFF\x7F") => UnknownProperty 0x81;
    puback_with_packet_identifier_0: ALL Server p(0x40, b"\0\0") => PacketIdZero 0x82;
    pubrec_with_packet_identifier_0: ALL Client p(0x50, b"\0\0") => PacketIdZero 0x82;
    pubrel_with_packet_identifier_0: ALL Server p(0x62, b"\0\0") => PacketIdZero 0x82;
    pubcomp_with_packet_identifier_0: ALL Client p(0x70, b"\0\0") => PacketIdZero 0x82;
    mqtt5_3_4_2_1_unknown_reason_code_of_puback: V5 Server p(0x40, b"\0\x01\x92") => InvalidReasonCode 0x82;
    mqtt5_3_4_2_1_no_matching_subscribers_from_a_client: V5 Client p(0x40, b"\0\x01\x10") => InvalidReasonCode 0x82;
    mqtt5_3_5_2_1_unknown_reason_code_of_pubrec: V5 Server p(0x50, b"\0\x01\x01") => InvalidReasonCode 0x82;
    mqtt5_3_5_2_1_no_matching_subscribers_from_a_client: V5 Client p(0x50, b"\0\x01\x10\0") => InvalidReasonCode 0x82;
    mqtt5_3_6_2_1_unknown_reason_code_of_pubrel: V5 Client p(0x62, b"\0\x01\x80") => InvalidReasonCode 0x82;
    mqtt5_3_7_2_1_unknown_reason_code_of_pubcomp: V5 Server p(0x70, b"\0\x01\x91") => InvalidReasonCode 0x82;
    content_type_in_puback: V5 Server p(0x40, b"\0\x01\0\x03\x03\0\0") => PropertyNotAllowed 0x81;
    repeated_reason_string_in_pubcomp: V5 Server p(0x70, b"\0\x01\0\x06\x1F\0\0\x1F\0\0") => PropertyRepeated 0x82;

    // SUBSCRIBE to UNSUBACK (sections 3.8 to 3.11).
    mqtt311_3_8_3_3_subscribe_without_filter: V3 Client p(0x82, b"\0\x01") => EmptyPayload 0x82;
    mqtt5_3_8_3_2_subscribe_without_filter: V5 Client p(0x82, b"\0\x01\0") => EmptyPayload 0x82;
    mqtt311_2_3_1_1_subscribe_with_packet_identifier_0: ALL Client p(0x82, b"\0\0\0\0\x01a\0") => PacketIdZero 0x82;
    mqtt311_3_8_3_4_reserved_bits_of_the_requested_qos: V311 Client p(0x82, b"\0\x01\0\x01a\x04") => ReservedSubscriptionOptions 0x81;
    mqtt311_3_8_3_4_requested_qos_3: V3 Client p(0x82, b"\0\x01\0\x01a\x03") => InvalidSubscriptionQoS 0x82;
    mqtt5_3_8_3_5_reserved_bit_6: V5 Client p(0x82, b"\0\x01\0\0\x01a\x40") => ReservedSubscriptionOptions 0x81;
    mqtt5_3_8_3_5_reserved_bit_7_of_a_second_filter: V5 Client p(0x82, b"\0\x01\0\0\x01a\0\0\x01b\x80") => ReservedSubscriptionOptions 0x81;
    maximum_qos_3: V5 Client p(0x82, b"\0\x01\0\0\x01a\x03") => InvalidSubscriptionQoS 0x82;
    retain_handling_3: V5 Client p(0x82, b"\0\x01\0\0\x01a\x30") => InvalidRetainHandling 0x82;
    mqtt5_3_8_3_4_no_local_on_a_shared_subscription: V5 Client p(0x82, b"\0\x01\0\0\x0A$share/g/a\x04") => NoLocalOnShared 0x82;
    empty_topic_filter: ALL Client p(0x82, b"\0\x01\0\0\0\0") => InvalidTopicFilter 0x8F;
    hash_is_not_last: V5 Client p(0x82, b"\0\x01\0\0\x03#/a\0") => InvalidTopicFilter 0x8F;
    hash_is_not_alone: V3 Client p(0x82, b"\0\x01\0\x02a#\0") => InvalidTopicFilter 0x8F;
    plus_is_not_alone: V5 Client p(0xA2, b"\0\x01\0\0\x04a/b+") => InvalidTopicFilter 0x8F;
    shared_subscription_with_a_broken_filter: V5 Client p(0x82, b"\0\x01\0\0\x0B$share/g/a#\0") => InvalidTopicFilter 0x8F;
    shared_subscription_without_filter: V5 Client p(0x82, b"\0\x01\0\0\x09$share/ab\0") => InvalidSharedSubscription 0x8F;
    shared_subscription_with_an_empty_filter: V5 Client p(0x82, b"\0\x01\0\0\x09$share/g/\0") => InvalidSharedSubscription 0x8F;
    shared_subscription_without_share_name: V5 Client p(0x82, b"\0\x01\0\0\x09$share//x\0") => InvalidSharedSubscription 0x8F;
    share_name_with_wildcard: V5 Client p(0xA2, b"\0\x01\0\0\x0B$share/a+/x") => InvalidSharedSubscription 0x8F;
    subscription_identifier_0: V5 Client p(0x82, b"\0\x01\x02\x0B\0\0\x01a\0") => PropertyValue 0x82;
    repeated_subscription_identifier: V5 Client p(0x82, b"\0\x01\x04\x0B\x01\x0B\x02\0\x01a\0") => PropertyRepeated 0x82;
    reason_string_in_subscribe: V5 Client p(0x82, b"\0\x01\x03\x1F\0\0\0\x01a\0") => PropertyNotAllowed 0x81;
    subscription_identifier_in_unsubscribe: V5 Client p(0xA2, b"\0\x01\x02\x0B\x01\0\x01a") => PropertyNotAllowed 0x81;
    suback_without_code: V3 Server p(0x90, b"\0\x01") => EmptyPayload 0x82;
    suback_without_code_in_5: V5 Server p(0x90, b"\0\x01\0") => EmptyPayload 0x82;
    suback_with_packet_identifier_0: ALL Server p(0x90, b"\0\0\0\0") => PacketIdZero 0x82;
    mqtt311_3_9_3_2_reserved_suback_code: V3 Server p(0x90, b"\0\x01\x03") => InvalidReasonCode 0x82;
    mqtt311_3_9_3_2_suback_code_of_5: V311 Server p(0x90, b"\0\x01\x87") => InvalidReasonCode 0x82;
    mqtt5_3_9_3_2_unknown_suback_code: V5 Server p(0x90, b"\0\x01\0\x00\x03") => InvalidReasonCode 0x82;
    mqtt311_3_10_3_2_unsubscribe_without_filter: V3 Client p(0xA2, b"\0\x01") => EmptyPayload 0x82;
    mqtt5_3_10_3_2_unsubscribe_without_filter: V5 Client p(0xA2, b"\0\x01\0") => EmptyPayload 0x82;
    unsubscribe_with_packet_identifier_0: ALL Client p(0xA2, b"\0\0\0\0\x01a") => PacketIdZero 0x82;
    unsuback_without_code: V5 Server p(0xB0, b"\0\x01\0") => EmptyPayload 0x82;
    unsuback_with_packet_identifier_0: ALL Server p(0xB0, b"\0\0") => PacketIdZero 0x82;
    mqtt5_3_11_3_2_unknown_unsuback_code: V5 Server p(0xB0, b"\0\x01\0\x01") => InvalidReasonCode 0x82;

    // DISCONNECT and AUTH (sections 3.14 and 3.15).
    mqtt5_3_14_2_1_will_message_from_a_server: V5 Server p(0xE0, b"\x04") => InvalidReasonCode 0x82;
    mqtt5_3_14_2_1_server_code_from_a_client: V5 Client p(0xE0, b"\x8E") => InvalidReasonCode 0x82;
    mqtt5_3_14_2_1_code_of_connack: V5 Server p(0xE0, b"\x84") => InvalidReasonCode 0x82;
    mqtt5_3_14_2_2_session_expiry_from_a_server: V5 Server disconnect_with(b"\x11\0\0\0\0") => SessionExpiryFromServer 0x82;
    server_reference_from_a_client: V5 Client disconnect_with(b"\x1C\0\x01s") => PropertyNotAllowed 0x81;
    receive_maximum_in_disconnect: V5 Client disconnect_with(b"\x21\0\x01") => PropertyNotAllowed 0x81;
    repeated_session_expiry_in_disconnect: V5 Client disconnect_with(b"\x11\0\0\0\0\x11\0\0\0\0") => PropertyRepeated 0x82;
    auth_without_anything: V5 Server b"\xF0\x00" => AuthenticationMethodMissing 0x82;
    auth_without_method: V5 Client auth_with(b"") => AuthenticationMethodMissing 0x82;
    auth_with_a_reason_string_only: V5 Server auth_with(b"\x1F\0\0") => AuthenticationMethodMissing 0x82;
    auth_with_data_without_method: V5 Client auth_with(b"\x16\0\0") => AuthenticationDataWithoutMethod 0x82;
    repeated_authentication_method: V5 Client auth_with(b"\x15\0\x01m\x15\0\x01m") => PropertyRepeated 0x82;
    mqtt5_3_15_2_1_success_from_a_client: V5 Client p(0xF0, b"\0\x04\x15\0\x01m") => InvalidReasonCode 0x82;
    mqtt5_3_15_2_1_re_authenticate_from_a_server: V5 Server p(0xF0, b"\x19\x04\x15\0\x01m") => InvalidReasonCode 0x82;
    mqtt5_3_15_2_1_unknown_code: V5 Server p(0xF0, b"\x01\x04\x15\0\x01m") => InvalidReasonCode 0x82;
    session_expiry_in_auth: V5 Server auth_with(b"\x11\0\0\0\0") => PropertyNotAllowed 0x81;
}
