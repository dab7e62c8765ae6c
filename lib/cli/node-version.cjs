// CommonJS with the syntax of Node 12: this must run on versions that cannot run TypeScript.

/** The first version with `using`, which the code needs. It also runs TypeScript without a flag. */
const NEEDED_MAJOR_VERSION = 24;

/**
 * Returns instructions if the code cannot run on a version of Node.
 *
 * @param {string} version for example `20.20.2`
 * @returns {string | undefined} `undefined` if it can
 */
function adviceOnNodeVersion(version) {
  if (Number(version.split('.')[0]) >= NEEDED_MAJOR_VERSION) return undefined;
  return `feishu-events needs Node ${NEEDED_MAJOR_VERSION} or newer, but this is Node ${version}.
"npm ci" installs Node ${NEEDED_MAJOR_VERSION} as the package "node", unless install scripts are disabled
(--ignore-scripts, or pnpm without approval). Do one of the following:
  npm rebuild node --ignore-scripts=false   download it with npm
  pnpm approve-builds                       download it with pnpm
  https://nodejs.org/en/download            install Node ${NEEDED_MAJOR_VERSION} on this machine`;
}

const advice = adviceOnNodeVersion(process.versions.node);
if (advice !== undefined) {
  console.error(advice);
  process.exit(1);
}

module.exports = { adviceOnNodeVersion };
