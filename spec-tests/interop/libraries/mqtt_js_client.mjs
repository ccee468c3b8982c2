// Drives MQTT.js for the runner: one JSON command a line on standard input, one JSON answer or event a line on
// standard output. Payloads and correlation data are in base64.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

// The first argument is the folder that has node_modules.
const require = createRequire(process.argv[2] + "/");
const mqtt = require("mqtt");

const clients = new Map();
const tell = (object) => process.stdout.write(JSON.stringify(object) + "\n");

const PROTOCOLS = {
  "3.1": { protocolId: "MQIsdp", protocolVersion: 3 },
  "3.1.1": { protocolId: "MQTT", protocolVersion: 4 },
  "5": { protocolId: "MQTT", protocolVersion: 5 },
};

const commands = {
  version: () => require("mqtt/package.json").version,

  connect: ({ client, version, host, port, clientId, clean, sessionExpiry, will, autoUseTopicAlias }) =>
    new Promise((resolve, reject) => {
      const options = { ...PROTOCOLS[version], host, port, clientId, clean, reconnectPeriod: 0, resubscribe: false };
      if (version === "5") {
        options.properties = { sessionExpiryInterval: sessionExpiry };
        options.autoUseTopicAlias = autoUseTopicAlias;
      }
      if (will) {
        options.will = { ...will, payload: Buffer.from(will.payload, "base64") };
      }
      const connection = mqtt.connect(options);
      const state = { connection, ending: false, receiveMaximum: Infinity };
      clients.set(client, state);
      connection.on("connect", (connack) => {
        if (version === "5") state.receiveMaximum = connack.properties?.receiveMaximum ?? 65535;
        resolve(connack.sessionPresent);
      });
      connection.on("error", reject);
      connection.on("close", () => {
        reject(new Error("the connection is closed"));
        if (!state.ending) tell({ client, closed: true });
      });
      connection.on("message", (topic, payload, packet) => {
        const properties = packet.properties ?? {};
        if (properties.correlationData) {
          properties.correlationData = Buffer.from(properties.correlationData).toString("base64");
        }
        const { qos, retain } = packet;
        tell({ client, message: { topic, payload: payload.toString("base64"), qos, retain, properties } });
      });
    }),

  subscribe: async ({ client, filters, options }) => {
    const granted = await clients.get(client).connection.subscribeAsync(filters, options);
    return granted.map(({ qos }) => qos);
  },

  unsubscribe: ({ client, filter }) => clients.get(client).connection.unsubscribeAsync(filter),

  // MQTT.js does not look at the Server's Receive Maximum; that is left to its user.
  publish: async ({ client, messages }) => {
    const { connection, receiveMaximum } = clients.get(client);
    const sending = new Set();
    for (const { topic, payload, qos, retain, properties } of messages) {
      if (sending.size >= receiveMaximum) await Promise.race(sending);
      if (properties?.correlationData) {
        properties.correlationData = Buffer.from(properties.correlationData, "base64");
      }
      const body = Buffer.from(payload, "base64");
      const sent = connection.publishAsync(topic, body, { qos, retain, properties });
      sending.add(sent);
      sent.then(() => sending.delete(sent), () => {});
    }
    await Promise.all(sending);
  },

  end: async ({ client }) => {
    const state = clients.get(client);
    state.ending = true;
    await state.connection.endAsync();
    clients.delete(client);
  },

  kill: async ({ client }) => {
    const state = clients.get(client);
    state.ending = true;
    state.connection.stream.destroy();
    clients.delete(client);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...rest } = JSON.parse(line);
  // A command does not wait for the one before it.
  Promise.resolve()
    .then(() => commands[command](rest))
    .then((result) => tell({ id, result: result ?? null }))
    .catch((error) => tell({ id, error: String(error.message ?? error) }));
}
process.exit(0);
