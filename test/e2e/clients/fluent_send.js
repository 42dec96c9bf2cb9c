// SPDX-License-Identifier: Apache-2.0
// Sends each text of a JSON list with @fluent-org/logger and waits for every ack:
// fluent_send.js PORT FILE MODE [KEY USER PASSWORD]
const { readFileSync } = require('fs');
const { FluentClient } = require('@fluent-org/logger');

const [port, path, mode, sharedKey, username, password] = process.argv.slice(2);
const security = sharedKey ? { clientHostname: 'client', sharedKey, username, password } : undefined;
const client = new FluentClient('node', {
  eventMode: mode,
  socket: { host: '127.0.0.1', port: Number(port), timeout: 10000 },
  ack: { ackTimeout: 20000 },
  security,
});

async function main() {
  const texts = JSON.parse(readFileSync(path, 'utf8'));
  await Promise.all(texts.map((log, number) => client.emit(mode, { log, number })));
  await client.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
