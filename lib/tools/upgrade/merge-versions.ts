import type { Git } from './git.ts';
import { mergeManifests } from './merge-manifest.ts';
import { HANDLER_FOLDERS, rewriteHandlerImports } from './rewrite-imports.ts';
import { openStage } from './stage.ts';

export interface VersionMerge {
  /** Id of the merged tree. */
  tree: string;
  /** Files, and fields of `package.json`, that both sides changed in the same place. */
  conflicts: string[];
  /** Files kept as the project has them, although the template changed them. */
  kept: string[];
  /** Fields of `package.json` where the template's value replaced the project's. */
  replaced: string[];
  /** Handlers and tests whose imports of the template were rewritten. */
  rewritten: string[];
}

/** Documents, CI files and examples. The project's version is kept if both sides changed it. */
const OWN_ONCE_CHANGED = /^([^/]+\.md|LICENSE|(\.ci|examples)\/.*)$/;
/** Nothing imports the examples, so a project may remove them. */
const EXAMPLES = 'examples';
/** Always the project's, once it has the file: even a merge without conflicts could define a section twice. */
const EXTENSIONS = 'extensions.yml';
const MANIFEST = 'package.json';
const LOCK = 'package-lock.json';

/**
 * Merges a newer version of the template into a project, without touching its index or working tree.
 *
 * @param base commit of the version that the project started from
 * @param project the project's commit, with `base` in its history
 * @param latest commit of the newer version
 */
export function mergeVersions(git: Git, base: string, project: string, latest: string): VersionMerge {
  const options = ['--write-tree', '-z', '--name-only', '--no-messages'];
  const output = git(['merge-tree', ...options, project, latest], { allowedExitCodes: [1] });
  const [merged = '', ...files] = output.split('\0').filter((part) => part !== '');
  using stage = openStage(git, merged);
  for (const folder of HANDLER_FOLDERS) stage.takeFolder(project, folder);
  if (stage.has(project, EXTENSIONS)) stage.take(project, EXTENSIONS);

  const hasRemovedExamples = stage.has(base, EXAMPLES) && !stage.has(project, EXAMPLES);
  if (hasRemovedExamples) stage.takeFolder(project, EXAMPLES);

  const isHandler = (file: string) => HANDLER_FOLDERS.some((folder) => file.startsWith(`${folder}/`));
  const isRemovedExample = (file: string) => hasRemovedExamples && file.startsWith(`${EXAMPLES}/`);
  const hasOwnMerge = (file: string) =>
    isHandler(file) || isRemovedExample(file) || [LOCK, MANIFEST, EXTENSIONS].includes(file);
  const conflicted = files.filter((file) => !hasOwnMerge(file));
  const kept = conflicted.filter((file) => OWN_ONCE_CHANGED.test(file) || !stage.has(project, file));
  for (const file of kept) stage.take(project, file);
  // Take the template's lock file instead of merging: `npm install` adds the project's packages.
  if (files.includes(LOCK)) stage.take(latest, LOCK);

  const [baseManifest = '', projectManifest = '', latestManifest = ''] = [base, project, latest].map((commit) =>
    git(['show', `${commit}:${MANIFEST}`]),
  );
  const { text, conflicts, replaced } = mergeManifests(baseManifest, projectManifest, latestManifest);
  stage.write(MANIFEST, text);
  const rewritten = rewriteHandlerImports(stage);
  return {
    tree: stage.tree(),
    conflicts: [
      ...conflicted.filter((file) => !kept.includes(file)),
      ...conflicts.map((field) => `${MANIFEST}: ${field}`),
    ],
    kept,
    replaced,
    rewritten,
  };
}
