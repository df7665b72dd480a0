// The Solidity compiler's npm package, kept running: `node solc_server.js SOCKET`. A request is a line, `version` or
// `compile`, then the standard JSON input until the end; the answer is what `solc` would print. The first compilation
// of a process costs thrice as much as those after it: WebAssembly has to be compiled itself.

'use strict';

const net = require('net');
const solc = require('solc');

function answer(request) {
  const end = request.indexOf('\n');
  if (request.slice(0, end) === 'version') {
    return `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`;
  }
  return solc.compile(request.slice(end + 1));
}

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  const parts = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('end', () => socket.end(answer(Buffer.concat(parts).toString('utf8'))));
  // Whoever asked is gone: nobody misses the answer.
  socket.on('error', () => socket.destroy());
});

process.stdin.on('end', () => process.exit(0)).resume();
server.listen(process.argv[2], () => console.log('ready'));
