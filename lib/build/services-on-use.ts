import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** A service of the client, such as `im`, in the SDK's generated code. Its comment is empty. */
const SERVICE = /^ {8}\/\*\*\s+\*\/\n {8}this\.(\w+) = (\{\n[\s\S]*?^ {8}\});$/gm;

/** As if the property had the service from the beginning. */
const HELPER = `
function createOnUse(client, name, create) {
  const define = (property) => Object.defineProperty(client, name, { configurable: true, enumerable: true, ...property });
  const set = (value) => define({ value, writable: true });
  define({ get: () => (set(create()), client[name]), set });
}
`;

/**
 * Makes the official SDK's client create each of its services on first use. By itself, a client consists of thousands of
 * functions, and creating it takes more than half a millisecond and 320 KB. Every event that uses `feishu` has its own.
 *
 * If a version of the SDK is written differently, its code stays unchanged.
 */
export const servicesOnUse: Plugin = {
  name: 'services-on-use',
  setup(build) {
    build.onLoad({ filter: /[\\/]@larksuiteoapi[\\/]node-sdk[\\/](?:es|lib)[\\/]index\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll(SERVICE, "createOnUse(this, '$1', () => ($2));") + HELPER };
    });
  },
};
