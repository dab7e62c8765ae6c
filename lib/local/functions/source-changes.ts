import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';

/** esbuild's names of modules that are not files, for example `imported-builtins:node:fs`. */
const NOT_A_FILE = /^(\(disabled\)|[\w-]{2,}):/;
const PACKAGE_FILE = /(?:^|\/)(node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** Finds the sources that changed between builds. Several bundles contain the same files: each change is found once. */
export class SourceChanges {
  readonly #root: string;
  readonly #versions = new Map<string, number>();
  readonly #inputs = new Map<object, readonly string[]>();

  /** @param root the project's folder */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Returns the sources that changed since the bundle's last build and were not returned for another bundle: none for its
   * first build. Files of packages are returned as `node_modules/<package>`.
   *
   * @param bundle any object that identifies the bundle
   */
  async take(bundle: object, metafile: Metafile | undefined): Promise<string[]> {
    const inputs = Object.keys(metafile?.inputs ?? {}).filter((name) => !NOT_A_FILE.test(name));
    const previous = this.#inputs.get(bundle);
    this.#inputs.set(bundle, inputs);
    const names = [...new Set([...inputs, ...(previous ?? [])])];
    const versions = await Promise.all(names.map((name) => this.#versionOf(name)));
    const changed = names.filter((name, index) => this.#update(name, versions[index]));
    if (previous === undefined) return [];
    return [...new Set(changed.map((name) => PACKAGE_FILE.exec(name)?.[1] ?? name))];
  }

  async #versionOf(name: string): Promise<number | undefined> {
    const stats = await stat(path.resolve(this.#root, name)).catch(() => undefined);
    return stats?.mtimeMs;
  }

  /** @returns whether the version is new */
  #update(name: string, version: number | undefined): boolean {
    const isNew = this.#versions.get(name) !== version;
    if (version === undefined) this.#versions.delete(name);
    else this.#versions.set(name, version);
    return isNew;
  }
}
