// SPDX-License-Identifier: Apache-2.0
// @fluent-org/logger's server: prints what it takes as JSON, one event a line. fluent_server.js PORT [KEY]
const { FluentServer } = require('@fluent-org/logger');

const [port, sharedKey] = process.argv.slice(2);
const security = sharedKey ? { serverHostname: 'server', sharedKey, authorize: false, userDict: {} } : undefined;
const server = new FluentServer({ listenOptions: { port: Number(port), host: '127.0.0.1' }, security });

server.on('entry', (tag, time, record) => {
  console.log(JSON.stringify({ tag, time, record }));
});
server.listen().then(() => console.log(JSON.stringify({ listening: true })));
