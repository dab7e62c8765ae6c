import path from 'node:path';
import { styleText } from 'node:util';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { findBase } from './upgrade/find-base.ts';
import { createGit, type Git } from './upgrade/git.ts';
import { mergeVersions, type VersionMerge } from './upgrade/merge-versions.ts';
import { rewriteCommit } from './upgrade/rewrite-imports.ts';

// npm run upgrade: takes over a newer version of the template, all of it or nothing.

const USAGE = `Usage: npm run upgrade -- <checkout> [--base <commit>]

Merges a newer version of the template into this project, as one commit: lib, deploy, the functions' entry points, the
settings and package.json. functions/handlers and test/handlers stay as they are; only their imports of the template
become its names, such as #feishu-events. Where both this project and the
template have changed the same lines it says where, and changes nothing.

  <checkout>        the folder of a checkout of the newer template, or its address
  --base <commit>   of the template, that this project was made from, where its history does not say so
  --help            this text

Exits with 0 when it was upgraded or there is nothing newer, 1 when there are conflicts, 2 when it cannot be tried.`;

const { values, positionals } = readCommandLine(
  USAGE,
  { allowPositionals: true, options: { base: { type: 'string' } } },
  2,
);

try {
  process.exitCode = upgrade();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function upgrade(): number {
  const [checkout] = positionals;
  if (checkout === undefined || positionals.length > 1) throw new UsageError(`Give one checkout.\n\n${USAGE}`);
  const git = createGit(path.resolve(import.meta.dirname, '../..'));
  refuseUnfinishedWork(git);
  // A folder is meant as seen from where the command was called.
  const source = /^[\w+.-]+:|^[\w.-]+@/.test(checkout) ? checkout : path.resolve(process.env.INIT_CWD ?? '.', checkout);
  git(['fetch', '--quiet', source, 'HEAD']);
  const theirs = git(['rev-parse', 'FETCH_HEAD']);
  const before = git(['rev-parse', 'HEAD']);
  const { base, isShared } = readBase(git, theirs);
  if (base === theirs) {
    console.log(`There is nothing newer: this project has ${describe(git, theirs)}.`);
    renewImports(git, before);
    return 0;
  }
  const ours = isShared ? before : commit(git, `${before}^{tree}`, [before, base], 'Name the version of the template');
  const merge = mergeVersions(git, base, ours, theirs);
  if (merge.conflicts.length > 0) {
    console.error(conflictReport(merge, short(git, base), short(git, theirs), isShared));
    return 1;
  }
  const upgraded = commit(git, merge.tree, [before, theirs], `Upgrade the template to ${describe(git, theirs)}`);
  git(['merge', '--ff-only', '--quiet', upgraded]);
  console.log(successReport(git, merge, base, short(git, before)));
  return 0;
}

/** An earlier version's command knows nothing of the names: called again after an upgrade from it, this one does. */
function renewImports(git: Git, before: string): void {
  const { tree, rewritten } = rewriteCommit(git, before);
  if (rewritten.length === 0) return;
  git(['merge', '--ff-only', '--quiet', commit(git, tree, [before], 'Import the template by its names')]);
  console.log(describeRewritten(rewritten).join('\n'));
}

function describeRewritten(files: string[]): string[] {
  return files.map((file) => `  ${file}: imports the template by its names, such as #feishu-events.`);
}

function refuseUnfinishedWork(git: Git): void {
  const changes = git(['status', '--porcelain', '--untracked-files=no']);
  if (changes !== '') {
    throw new UsageError(`There are changes that are not committed. Commit them or git stash them first:\n${changes}`);
  }
}

function readBase(git: Git, theirs: string) {
  if (values.base !== undefined) {
    const base = git(['rev-parse', '--verify', '--quiet', `${values.base}^{commit}`], { answers: [1] });
    if (base !== '') return { base, isShared: false };
    throw new UsageError(`There is no commit ${values.base} in the template's history.`);
  }
  const found = findBase(git, theirs);
  if (found !== undefined) return found;
  throw new UsageError(
    'Which version of the template this project was made from cannot be told: no commit of it holds the lib of one.\n' +
      'Say it with --base: a commit of the template.',
  );
}

function commit(git: Git, tree: string, parents: string[], message: string): string {
  return git(['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-m', message]);
}

function describe(git: Git, version: string): string {
  return git(['log', '-1', '--format=%h of %cs', version]);
}

function short(git: Git, version: string): string {
  return git(['rev-parse', '--short', version]);
}

function successReport(git: Git, { kept, overruled, rewritten }: VersionMerge, base: string, before: string): string {
  const changed = git(['diff', '--shortstat', before, 'HEAD']).trim();
  return [
    `${styleText('green', '✓')} Upgraded from ${describe(git, base)}: ${changed}.`,
    ...kept.map((file) => `  ${file}: yours stays, although the template has changed it.`),
    ...overruled.map((field) => `  package.json, ${field}: the template's version, instead of yours.`),
    ...describeRewritten(rewritten),
    '',
    'Next:   npm install && npm run check && npm test',
    `Undo:   git reset --keep ${before}`,
  ].join('\n');
}

function conflictReport({ conflicts }: VersionMerge, base: string, theirs: string, isShared: boolean): string {
  return [
    'Nothing was changed. Both this project and the template have changed:',
    ...conflicts.map((conflict) => `  ${conflict}`),
    '',
    `What you changed:                git diff ${base} HEAD -- <file>`,
    `What the template has changed:   git diff ${base} ${theirs} -- <file>`,
    '',
    'Undo your change of these lines, commit, and upgrade again; or merge by hand:',
    ...(isShared ? [] : [`  git merge -s ours --allow-unrelated-histories ${base}`]),
    `  git merge ${theirs}`,
    'Git then also asks about handlers, package.json and documents that both have changed: keep yours of those',
    'with git checkout --ours -- <file>, and take the new versions in package.json.',
  ].join('\n');
}
