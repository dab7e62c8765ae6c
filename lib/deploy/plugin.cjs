// serverless.yml names this file, which checks the Node version before it loads TypeScript.
require('../cli/node-version.cjs');

module.exports = require('./plugin.ts');
