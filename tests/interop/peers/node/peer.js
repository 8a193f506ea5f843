// A peer for the tests: Node's tls as an echo server, and as a client that carries its input to one.
'use strict';

const fs = require('node:fs');
const tls = require('node:tls');
const { parseArgs } = require('node:util');

const [role, ...words] = process.argv.slice(2);
const text = { type: 'string' };
const { values: options } = parseArgs({
  args: words,
  options: {
    certificate: text, key: text, ca: text, name: text, port: text, alpn: text, groups: text,
    'min-version': text, 'max-version': text, resume: { type: 'boolean' },
  },
});

const SUITES = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
];
const versionName = (version) => (version === '1.0' ? 'TLSv1' : `TLSv${version}`);

const common = {
  minVersion: versionName(options['min-version']),
  maxVersion: versionName(options['max-version']),
  ciphers: [...SUITES, tls.DEFAULT_CIPHERS, ...(options['min-version'] < '1.2' ? ['@SECLEVEL=0'] : [])].join(':'),
  ecdhCurve: options.groups.replaceAll(',', ':'),
};
if (options.certificate) {
  common.cert = fs.readFileSync(options.certificate);
  common.key = fs.readFileSync(options.key);
}
if (options.ca) common.ca = fs.readFileSync(options.ca);
if (options.alpn) common.ALPNProtocols = options.alpn.split(',');

function report(socket) {
  const exported = socket.exportKeyingMaterial(32, 'EXPORTER-turtls', Buffer.from('tests'));
  console.error('connected:', socket.getProtocol(), socket.getCipher().standardName);
  console.error(`exported: ${exported.toString('hex')}`);
}

function serve() {
  const wantsClient = options.ca !== undefined;
  const server = tls.createServer({ ...common, requestCert: wantsClient, rejectUnauthorized: wantsClient });
  server.on('secureConnection', (socket) => {
    report(socket);
    socket.on('error', (error) => console.error('connection ended:', error));
    socket.pipe(socket);
  });
  server.on('tlsClientError', (error) => console.error('handshake failed:', error));
  server.listen(0, '127.0.0.1', () => console.log(`PORT ${server.address().port}`));
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

function open(session) {
  const socket = tls.connect({ ...common, host: '127.0.0.1', port: Number(options.port), servername: options.name, session });
  socket.on('error', fail);
  return socket;
}

function carry(session) {
  const socket = open(session);
  socket.on('secureConnect', () => report(socket));
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
}

function carryResumed() {
  const socket = open();
  let session;
  socket.on('session', (newest) => { session = newest; });
  socket.on('data', () => socket.end());
  socket.on('close', () => carry(session));
  socket.write('0\n');
}

if (role === 'server') serve();
else if (options.resume) carryResumed();
else carry();
