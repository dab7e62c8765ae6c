import type { Plugin } from 'esbuild';

const NAMESPACE = 'shared-platform-sdk';
export const PLATFORM_SDK = '@larksuiteoapi/node-sdk';

/**
 * Makes handlers import the copy of the official SDK that their `feishu` client comes from: the file that
 * `platformSdkBundle` writes. The SDK identifies request options by symbols, so the client would ignore
 * `withUserAccessToken` of another copy and send the request as the app.
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

/** Returns whether a bundle's import refers to the shared copy. */
export function isPlatformSdk({ path, external }: { path: string; external?: boolean }): boolean {
  return external === true && path === PLATFORM_SDK;
}
