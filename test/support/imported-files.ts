import { readFile } from 'node:fs/promises';
import type { Plugin } from 'vitest/config';

/** Makes handlers import text and WebAssembly in tests as in their bundle. */
export const importedFiles: Plugin = {
  name: 'imported-files',
  // Before Vite's own plugin, which would export the file's URL.
  enforce: 'pre',
  async load(file) {
    if (/\.(md|txt)$/.test(file)) return `export default ${JSON.stringify(await readFile(file, 'utf8'))};`;
    if (file.endsWith('.wasm'))
      return `export default Uint8Array.from(${JSON.stringify([...(await readFile(file))])});`;
    return undefined;
  },
};
