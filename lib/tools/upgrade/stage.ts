import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Git } from './git.ts';

/** A temporary Git index to build a tree in, without touching the repository's index or working tree. */
export interface Stage extends Disposable {
  /** Returns whether a commit contains the file or folder. */
  has(commit: string, file: string): boolean;
  /** Takes the file from a commit. Removes it if the commit does not contain it. */
  take(commit: string, file: string): void;
  /** Replaces the folder with that of a commit. */
  takeFolder(commit: string, folder: string): void;
  /** Returns the paths of all files in the folder. */
  list(folder: string): string[];
  /** Returns the file's text. */
  read(file: string): string;
  write(file: string, text: string): void;
  /** Writes the tree and returns its id. */
  tree(): string;
}

/** @param tree the tree or commit to start from */
export function openStage(git: Git, tree: string): Stage {
  const folder = mkdtempSync(path.join(tmpdir(), 'feishu-events-upgrade-'));
  const indexFile = path.join(folder, 'index');
  const stage = (args: string[]) => git(args, { indexFile });
  const entryOf = (commit: string, file: string) => git(['ls-tree', commit, '--', file]).split(/\s/).slice(0, 3);
  const put = (file: string, mode: string, object: string) =>
    stage(['update-index', '--add', '--cacheinfo', `${mode},${object},${file}`]);
  const remove = (file: string) =>
    stage(['rm', '-r', '--cached', '--force', '--quiet', '--ignore-unmatch', '--', file]);
  const has = (commit: string, file: string) => entryOf(commit, file).length === 3;
  stage(['read-tree', tree]);
  return {
    has,
    take(commit, file) {
      const [mode = '', , object] = entryOf(commit, file);
      if (object === undefined) remove(file);
      else put(file, mode, object);
    },
    takeFolder(commit, name) {
      remove(name);
      if (has(commit, name)) stage(['read-tree', `--prefix=${name}/`, `${commit}:${name}`]);
    },
    list: (name) =>
      stage(['ls-files', '-z', '--', name])
        .split('\0')
        .filter((file) => file !== ''),
    read: (file) => git(['show', `:${file}`], { indexFile, isExact: true }),
    write(file, text) {
      put(file, '100644', git(['hash-object', '-w', '--stdin'], { input: text }));
    },
    tree: () => stage(['write-tree']),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
