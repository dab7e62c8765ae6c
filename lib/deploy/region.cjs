// serverless.yml names this file, which checks the Node version before it loads TypeScript.
require('../cli/node-version.cjs');

module.exports = async (context) => {
  const { resolveRegion } = await import('./region.ts');
  return resolveRegion(context);
};
