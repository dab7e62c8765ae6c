import type { Git } from './git.ts';
import { mergeManifests } from './merge-manifest.ts';
import { HANDLER_FOLDERS, rewriteHandlerImports } from './rewrite-imports.ts';
import { openStage } from './stage.ts';

export interface VersionMerge {
  /** The merged files. */
  tree: string;
  /** What both sides have changed at the same place: files, and in `package.json` fields. */
  conflicts: string[];
  /** Files of which the project's own stay although the template's have changed. */
  kept: string[];
  /** Fields of `package.json` that have the template's value although the project had another. */
  overruled: string[];
  /** Handlers and tests whose imports of the template were rewritten. */
  rewritten: string[];
}

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
  using stage = openStage(git, merged);
  for (const own of HANDLER_FOLDERS) stage.takeFolder(ours, own);

  const isOwn = (file: string) => HANDLER_FOLDERS.some((own) => file.startsWith(`${own}/`));
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
  const rewritten = rewriteHandlerImports(stage);
  return {
    tree: stage.tree(),
    conflicts: [
      ...conflicted.filter((file) => !kept.includes(file)),
      ...conflicts.map((field) => `${MANIFEST}: ${field}`),
    ],
    kept,
    overruled,
    rewritten,
  };
}
