/**
 * Replaces the SDK's reader of `~/.aws` in the functions' bundles. Lambda has no such files, and looking for them delays
 * the first call by milliseconds.
 */
export async function loadSharedConfigFiles() {
  return { configFile: {}, credentialsFile: {} };
}

/** Required by the SDK, which splits names in those files at it. */
export const CONFIG_PREFIX_SEPARATOR = '.';
