"""A client program on paho-mqtt for `conformance-client`, as plain as its documentation has it.

paho_client.py publish|subscribe PORT VERSION CLIENT_ID KEEP_ALIVE QOS TOPIC [--keep] [--retain]
"""

import argparse
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PROTOCOLS = {"mqttv31": paho.MQTTv31, "mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["publish", "subscribe"])
    parser.add_argument("port", type=int)
    parser.add_argument("version", choices=list(PROTOCOLS))
    parser.add_argument("client_id")
    parser.add_argument("keep_alive", type=int)
    parser.add_argument("qos", type=int)
    parser.add_argument("topic")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--retain", action="store_true")
    options = parser.parse_args()

    five = options.version == "mqttv5"
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        options.client_id,
        protocol=PROTOCOLS[options.version],
        **({} if five else {"clean_session": not options.keep}),
    )
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    connected = threading.Event()

    def on_connect(client, _data, _flags, reason, _properties) -> None:
        if reason.is_failure:
            return
        if options.work == "subscribe":
            client.subscribe(options.topic, options.qos)
        connected.set()

    client.on_connect = on_connect
    start = {}
    if five:
        properties = Properties(PacketTypes.CONNECT)
        if options.keep:
            properties.SessionExpiryInterval = 600
        start = {"clean_start": not options.keep, "properties": properties}
    client.connect("127.0.0.1", options.port, options.keep_alive, **start)
    if options.work == "subscribe":
        client.loop_forever()
    client.loop_start()
    connected.wait()
    sent = [client.publish(options.topic, line.rstrip("\n"), options.qos, options.retain) for line in sys.stdin]
    for message in sent:
        message.wait_for_publish()
    client.disconnect()
    client.loop_stop()


main()
