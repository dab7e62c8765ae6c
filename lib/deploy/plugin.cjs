// What serverless.yml names: the framework loads it before anything else can say that Node is too old for TypeScript.
require('../cli/node-version.cjs');

module.exports = require('./plugin.ts');
