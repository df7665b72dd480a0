#!/usr/bin/env node
// The Solidity compiler's npm package behind the command line that py-solc-x, Ape and forge speak to: `--version`, and
// `--standard-json` from standard input. Set-up installs a launcher for it where no native compiler can be downloaded;
// the bytecode is the same.

'use strict';

const fs = require('fs');
const path = require('path');
const solc = require('solc');

function valuesOf(args, name) {
  const found = [];
  args.forEach((arg, i) => {
    if (arg === name) found.push(args[i + 1]);
    else if (arg.startsWith(`${name}=`)) found.push(arg.slice(name.length + 1));
  });
  return found;
}

// Sources may be named by path instead of carried along.
function inline(input, roots) {
  for (const source of Object.values(input.sources)) {
    if (source.content === undefined && source.urls) {
      source.content = readFirst(source.urls, roots);
      delete source.urls;
    }
  }
}

function readFirst(names, roots) {
  for (const name of names) {
    for (const root of path.isAbsolute(name) ? [''] : roots) {
      const file = root ? path.join(root, name) : name;
      if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8');
    }
  }
  throw new Error(`not found: ${names.join(', ')}`);
}

function compile(args) {
  const roots = [...valuesOf(args, '--base-path'), ...valuesOf(args, '--include-path'), process.cwd()];
  const input = JSON.parse(fs.readFileSync(0, 'utf8'));
  inline(input, roots);
  const imports = (name) => {
    try {
      return { contents: readFirst([name], roots) };
    } catch (error) {
      return { error: error.message };
    }
  };
  fs.writeFileSync(1, solc.compile(JSON.stringify(input), { import: imports }));
}

const args = process.argv.slice(2);
if (args.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (args.includes('--standard-json')) {
  compile(args);
} else {
  console.error('solc.js: expected --version or --standard-json');
  process.exit(1);
}
