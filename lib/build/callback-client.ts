import { glob } from 'node:fs/promises';
import path from 'node:path';
import type { PartialMessage, Plugin } from 'esbuild';
import { usesClient } from './client-use.ts';
import { readExtensions } from './extensions.ts';

export const CALLBACK_CLIENT_PLUGIN = 'callback-client';
const REPLACED = /[\\/]lib[\\/]intake[\\/]callback-client\.ts$/;

/**
 * Creates a plugin that gives callback handlers the `feishu` client if `extensions.yml` contains
 * `callbacks: { feishu: true }`. Otherwise the bundle does not contain the client, and the plugin warns about modules that
 * use it.
 *
 * @param root the project's folder
 */
export function callbackClient(root: string): Plugin {
  return {
    name: CALLBACK_CLIENT_PLUGIN,
    async setup(build) {
      const { callbacks } = await readExtensions(root);
      if (!callbacks.feishu) {
        build.onStart(async () => ({ warnings: await findUses(root) }));
        return;
      }
      build.onLoad({ filter: REPLACED }, ({ path: file }) => ({
        contents: "export { createCallbackClient } from './enabled-callback-client.ts';",
        resolveDir: path.dirname(file),
      }));
    },
  };
}

/** Makes the bundle contain the official SDK, because the long connection's program is deployed as one file. */
export const includedSdk: Plugin = {
  name: 'included-sdk',
  setup(build) {
    build.onLoad({ filter: /[\\/]lib[\\/]api-client[\\/]load-sdk\.ts$/ }, ({ path: file }) => ({
      // An import, as in handlers: the client would ignore request options from another copy of the SDK.
      contents: "import * as sdk from '@larksuiteoapi/node-sdk';\nexport const loadSdk = () => sdk;",
      resolveDir: path.dirname(file),
    }));
  },
};

async function findUses(root: string): Promise<PartialMessage[]> {
  const names = await Array.fromAsync(glob('functions/handlers/callbacks/*.ts', { cwd: root }));
  const isUsing = await Promise.all(names.map((name) => usesClient(path.join(root, name))));
  return names
    .filter((_, index) => isUsing[index])
    .sort()
    .map((file) => ({
      text: `${file} uses \`feishu\`, which callback handlers do not have by default. Add \`callbacks: { feishu: true }\` to extensions.yml.`,
      location: { file },
    }));
}
