// SPDX-License-Identifier: Apache-2.0
// Logs each text of a JSON list through winston-loki and waits for the answers; prints the content
// type of its pushes: loki_send.js PORT FILE json|protobuf
const { readFileSync } = require('fs');
const winston = require('winston');
const LokiTransport = require('winston-loki');

const [port, path, form] = process.argv.slice(2);
const loki = new LokiTransport({
  host: `http://127.0.0.1:${port}`,
  json: form === 'json',
  labels: { app: 'node' },
  format: winston.format.printf((info) => info.message),
  batching: true,
  interval: 1,
  gracefulShutdown: false,
  onConnectionError(error) {
    console.error(error);
    process.exit(1);
  },
});
const logger = winston.createLogger({ transports: [loki] });

async function main() {
  for (const message of JSON.parse(readFileSync(path, 'utf8'))) {
    logger.log({ level: 'info', message });
  }
  await new Promise((done) => setImmediate(done));
  await loki.flush();
  console.log(loki.batcher.contentType);
  process.exit(0);
}

main();
