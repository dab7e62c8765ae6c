import type { Plugin } from 'esbuild';

const NAMESPACE = 'shared-platform-sdk';
const PLATFORM_SDK = '@larksuiteoapi/node-sdk';

/**
 * Makes handlers import the copy of the platform's SDK that their `feishu` client comes from. The SDK keys its request
 * options by symbols: with a copy of its own in the bundle, `withUserAccessToken` would be ignored, and the request would
 * be sent as the app. The copy is loaded by `require` from the file that `platformSdkBundle` writes.
 */
export const sharedPlatformSdk: Plugin = {
  name: 'shared-platform-sdk',
  setup(build) {
    const filter = new RegExp(`^${PLATFORM_SDK}$`);
    build.onResolve({ filter }, ({ namespace }) =>
      namespace === NAMESPACE ? { path: PLATFORM_SDK, external: true } : { path: PLATFORM_SDK, namespace: NAMESPACE },
    );
    build.onLoad({ filter, namespace: NAMESPACE }, () => ({
      contents: `module.exports = require(${JSON.stringify(PLATFORM_SDK)});`,
    }));
  },
};

/** Returns whether an import of a bundle is the shared copy. */
export function isPlatformSdk({ path, external }: { path: string; external?: boolean }): boolean {
  return external === true && path === PLATFORM_SDK;
}
