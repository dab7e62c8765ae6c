import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** Modules that the SDK and axios import, and use only for some calls: uploads, proxies, HTTP/2 and the long connection. */
const LOADED_ON_USE = ['http2', 'https-proxy-agent', 'mime-types', 'ws'];

const ON_USE = 'loaded-on-use';
const UNUSED = 'unused-protobuf';

/**
 * Reduces the time that the official SDK takes to load: loads some dependencies when they are first used, and
 * keeps axios from loading Node's `fetch`, which it does not use: it sends requests with `node:http`. Must come before
 * `fastBuiltins`.
 */
export const leanPlatformSdk: Plugin = {
  name: 'lean-platform-sdk',
  setup(build) {
    const filter = new RegExp(`^(${LOADED_ON_USE.join('|')})$`);
    build.onResolve({ filter }, ({ path, namespace, resolveDir }) =>
      namespace === ON_USE ? undefined : { path, namespace: ON_USE, pluginData: resolveDir, sideEffects: false },
    );
    build.onLoad({ filter, namespace: ON_USE }, ({ path, pluginData }) => ({
      contents: loadedOnUse(path),
      resolveDir: pluginData,
    }));
    // V8 takes many times longer for an object literal of 140 KB than for a string.
    build.onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, async ({ path }) => ({
      contents: `module.exports = JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(await readFile(path, 'utf8'))))});`,
    }));
    // axios then reports that the adapter `fetch` is not available in the build.
    build.onLoad({ filter: /[\\/]axios[\\/]lib[\\/]adapters[\\/]fetch\.js$/ }, () => ({
      contents: 'export const getFetch = () => null;',
    }));
    // It recognizes forms by their methods, too. Reading the global loads `fetch`.
    build.onLoad({ filter: /[\\/]axios[\\/]lib[\\/]utils\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('G.FormData', 'undefined'),
    }));
  },
};

/** Removes protobuf, which only the SDK's long connection uses. The SDK prepares its messages while it loads. */
export const withoutProtobuf: Plugin = {
  name: 'without-protobuf',
  setup(build) {
    build.onResolve({ filter: /^protobufjs\/minimal$/ }, ({ path }) => ({ path, namespace: UNUSED }));
    build.onLoad({ filter: /.*/, namespace: UNUSED }, () => ({
      contents: 'module.exports = { roots: {}, configure() {}, util: { newBuffer() {} } };',
    }));
  },
};

function loadedOnUse(name: string): string {
  return `const load = () => require(${JSON.stringify(name)});
module.exports = new Proxy(function () {}, {
  // The importer asks for this mark of ES modules when it starts.
  get: (_, key) => (key === '__esModule' ? undefined : load()[key]),
  construct: (_, parameters) => Reflect.construct(load(), parameters),
});`;
}
