import type { Git } from './git.ts';

/**
 * Finds the version of the template that a project was made from: what both histories have in common; or, where the
 * project's history begins anew, the last of its commits that holds a version's files, or at least a version's `lib`.
 *
 * @param theirs the newer version's commit, in whose history it is looked for
 * @returns its commit
 */
export function findBase(git: Git, theirs: string): { base: string; isShared: boolean } | undefined {
  const shared = git(['merge-base', 'HEAD', theirs], { answers: [1] });
  if (shared !== '') return { base: shared, isShared: true };
  const ours = listCommits(git, 'HEAD');
  const versions = listCommits(git, theirs);
  const base = findVersion(git, ours, versions, '^{tree}') ?? findVersion(git, ours, versions, ':lib');
  return base === undefined ? undefined : { base, isShared: false };
}

/** From the newest to the oldest. */
function listCommits(git: Git, from: string): string[] {
  return git(['rev-list', '--topo-order', from]).split('\n');
}

/** @param part what has to be the same, as Git writes it behind a commit */
function findVersion(git: Git, ours: string[], versions: string[], part: string): string | undefined {
  const versionOfTree = new Map<string, string>();
  const trees = listTrees(git, versions, part);
  versions.forEach((version, index) => {
    const tree = trees[index];
    if (tree !== undefined && !versionOfTree.has(tree)) versionOfTree.set(tree, version);
  });
  const known = listTrees(git, ours, part).find((tree) => tree !== undefined && versionOfTree.has(tree));
  return known === undefined ? undefined : versionOfTree.get(known);
}

function listTrees(git: Git, commits: string[], part: string): (string | undefined)[] {
  const input = commits.map((commit) => `${commit}${part}\n`).join('');
  const lines = git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input }).split('\n');
  return lines.map((line) => (line.endsWith(' tree') ? line.split(' ')[0] : undefined));
}
