import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Git } from './git.ts';
import { mergeManifests } from './merge-manifest.ts';

export interface VersionMerge {
  /** The merged files. */
  tree: string;
  /** What both sides have changed at the same place: files, and in `package.json` fields. */
  conflicts: string[];
  /** Files of which the project's own stay although the template's have changed. */
  kept: string[];
  /** Fields of `package.json` that have the template's value although the project had another. */
  overruled: string[];
}

/** The project's own, whatever the template does to it. */
const OWN_FOLDERS = ['functions/handlers', 'test/handlers'];
/** The project's own where both have changed it: words about it, and what its continuous integration runs. */
const OWN_ONCE_CHANGED = /^([^/]+\.md|LICENSE|\.ci\/.*)$/;
const MANIFEST = 'package.json';
const LOCK = 'package-lock.json';

/**
 * Merges a newer version of the template into a project, touching neither its index nor its files.
 *
 * @param base the version that the project was made from
 * @param ours the project's commit, which has `base` in its history
 * @param theirs the newer version's
 */
export function mergeVersions(git: Git, base: string, ours: string, theirs: string): VersionMerge {
  const options = ['--write-tree', '-z', '--name-only', '--no-messages'];
  const output = git(['merge-tree', ...options, ours, theirs], { answers: [1] });
  const [merged = '', ...files] = output.split('\0').filter((part) => part !== '');
  const folder = mkdtempSync(path.join(tmpdir(), 'feishu-events-upgrade-'));
  try {
    const stage = createStage(git, path.join(folder, 'index'), merged);
    for (const own of OWN_FOLDERS) stage.takeFolder(ours, own);

    const isOwn = (file: string) => OWN_FOLDERS.some((own) => file.startsWith(`${own}/`));
    const conflicted = files.filter((file) => !isOwn(file) && file !== LOCK && file !== MANIFEST);
    const kept = conflicted.filter((file) => OWN_ONCE_CHANGED.test(file) || !stage.has(ours, file));
    for (const file of kept) stage.take(ours, file);
    // Nobody merges the lock: `npm install` adds the project's own packages to the template's.
    if (files.includes(LOCK)) stage.take(theirs, LOCK);

    const [manifestBase = '', manifestOurs = '', manifestTheirs = ''] = [base, ours, theirs].map((commit) =>
      git(['show', `${commit}:${MANIFEST}`]),
    );
    const { text, conflicts, overruled } = mergeManifests(manifestBase, manifestOurs, manifestTheirs);
    stage.write(MANIFEST, text);
    return {
      tree: stage.tree(),
      conflicts: [
        ...conflicted.filter((file) => !kept.includes(file)),
        ...conflicts.map((field) => `${MANIFEST}: ${field}`),
      ],
      kept,
      overruled,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An index apart from the repository's own, that begins with the files of a tree. */
function createStage(git: Git, indexFile: string, tree: string) {
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
    take(commit: string, file: string) {
      const [mode = '', , object] = entryOf(commit, file);
      if (object === undefined) remove(file);
      else put(file, mode, object);
    },
    takeFolder(commit: string, folder: string) {
      remove(folder);
      if (has(commit, folder)) stage(['read-tree', `--prefix=${folder}/`, `${commit}:${folder}`]);
    },
    write(file: string, text: string) {
      put(file, '100644', git(['hash-object', '-w', '--stdin'], { input: text }));
    },
    tree: () => stage(['write-tree']),
  };
}
