/**
 * Stands in for the SDK's reader of `~/.aws` in the functions' bundles: there are no such files on Lambda, and looking
 * for them takes milliseconds of the first call.
 */
export async function loadSharedConfigFiles() {
  return { configFile: {}, credentialsFile: {} };
}

/** Of the names in those files. */
export const CONFIG_PREFIX_SEPARATOR = '.';
