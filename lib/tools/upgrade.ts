import path from 'node:path';
import { styleText } from 'node:util';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { findBase } from './upgrade/find-base.ts';
import { createGit, type Git } from './upgrade/git.ts';
import { mergeVersions, type VersionMerge } from './upgrade/merge-versions.ts';
import { rewriteCommit } from './upgrade/rewrite-imports.ts';

// npm run upgrade: merges a newer version of the template into the project, completely or not at all.

const USAGE = `Usage: npm run upgrade -- <checkout> [--base <commit>]

Merges a newer version of the template into this project as one commit. In functions/handlers and test/handlers, it
only rewrites imports of the template to its names, such as #feishu-events. If this project and the template changed the
same lines, it lists the conflicts and changes nothing.

  <checkout>        the folder or URL of a checkout of the newer template
  --base <commit>   the template commit that this project started from (default: found in the history)
  --help            show this help

Exits with 0 if the project was upgraded or is up to date, 1 if there are conflicts, 2 if the upgrade could not run.`;

const SERVICE_FILE = 'serverless.yml';
const SERVICE_FILE_ADVICE = `
Your functions, resources, parameters and VPC belong in extensions.yml, where upgrades cannot conflict with them. Take the
template's ${SERVICE_FILE} with git checkout --theirs -- ${SERVICE_FILE}, and move them: see docs/upgrading.md.`;

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
  if (checkout === undefined || positionals.length > 1) throw new UsageError(`Pass one checkout.\n\n${USAGE}`);
  const git = createGit(path.resolve(import.meta.dirname, '../..'));
  rejectUncommittedChanges(git);
  // npm changes the working directory. INIT_CWD is where the user ran the command.
  const source = /^[\w+.-]+:|^[\w.-]+@/.test(checkout) ? checkout : path.resolve(process.env.INIT_CWD ?? '.', checkout);
  git(['fetch', '--quiet', source, 'HEAD']);
  const latest = git(['rev-parse', 'FETCH_HEAD']);
  const before = git(['rev-parse', 'HEAD']);
  const { base, isShared } = readBase(git, latest);
  if (base === latest) {
    console.log(`Already up to date: this project has ${describe(git, latest)}.`);
    updateImports(git, before);
    return 0;
  }
  const project = isShared ? before : commit(git, `${before}^{tree}`, [before, base], 'Record the template version');
  const merge = mergeVersions(git, base, project, latest);
  if (merge.conflicts.length > 0) {
    console.error(conflictReport(merge, short(git, base), short(git, latest), isShared));
    return 1;
  }
  const upgraded = commit(git, merge.tree, [before, latest], `Upgrade the template to ${describe(git, latest)}`);
  git(['merge', '--ff-only', '--quiet', upgraded]);
  console.log(successReport(git, merge, base, short(git, before)));
  return 0;
}

/** Rewrites imports that an earlier version of this command left unchanged in its upgrade. */
function updateImports(git: Git, before: string): void {
  const { tree, rewritten } = rewriteCommit(git, before);
  if (rewritten.length === 0) return;
  git(['merge', '--ff-only', '--quiet', commit(git, tree, [before], 'Import the template by name')]);
  console.log(describeRewritten(rewritten).join('\n'));
}

function describeRewritten(files: string[]): string[] {
  return files.map((file) => `  ${file}: now imports the template by name, such as #feishu-events.`);
}

function rejectUncommittedChanges(git: Git): void {
  const changes = git(['status', '--porcelain', '--untracked-files=no']);
  if (changes !== '') {
    throw new UsageError(`There are uncommitted changes. Commit them or run git stash first:\n${changes}`);
  }
}

function readBase(git: Git, latest: string) {
  if (values.base !== undefined) {
    const base = git(['rev-parse', '--verify', '--quiet', `${values.base}^{commit}`], { allowedExitCodes: [1] });
    if (base !== '') return { base, isShared: false };
    throw new UsageError(`The template has no commit ${values.base}.`);
  }
  const found = findBase(git, latest);
  if (found !== undefined) return found;
  throw new UsageError(
    'Cannot find the template version that this project started from: no commit has the lib folder of a version.\n' +
      'Pass it with --base <commit of the template>.',
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

function successReport(git: Git, { kept, replaced, rewritten }: VersionMerge, base: string, before: string): string {
  const changed = git(['diff', '--shortstat', before, 'HEAD']).trim();
  return [
    `${styleText('green', '✓')} Upgraded from ${describe(git, base)}: ${changed}.`,
    ...kept.map((file) => `  ${file}: kept yours, although the template changed it.`),
    ...replaced.map((field) => `  package.json, ${field}: replaced your version with the template's.`),
    ...describeRewritten(rewritten),
    '',
    'Next:   npm install && npm run check && npm test',
    `Undo:   git reset --keep ${before}`,
  ].join('\n');
}

function conflictReport({ conflicts }: VersionMerge, base: string, latest: string, isShared: boolean): string {
  return [
    'Nothing was changed. Both this project and the template changed:',
    ...conflicts.map((conflict) => `  ${conflict}`),
    '',
    `Your changes:             git diff ${base} HEAD -- <file>`,
    `The template's changes:   git diff ${base} ${latest} -- <file>`,
    '',
    'Undo your changes to these lines, commit, and upgrade again. Or merge manually:',
    ...(isShared ? [] : [`  git merge -s ours --allow-unrelated-histories ${base}`]),
    `  git merge ${latest}`,
    'Git then also reports conflicts in handlers, documents and package.json. Keep yours with',
    'git checkout --ours -- <file>, and take the new package versions in package.json.',
    ...(conflicts.includes(SERVICE_FILE) ? [SERVICE_FILE_ADVICE] : []),
  ].join('\n');
}
