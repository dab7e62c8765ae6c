import type { Git } from './git.ts';

/**
 * Finds the template version that a project started from: the merge base or, if the histories are unrelated, the version
 * whose files, or at least whose `lib`, equal those of the latest possible project commit.
 *
 * @param latest the newer version's commit, whose history is searched
 * @returns the version's commit, and whether the project shares the template's history
 */
export function findBase(git: Git, latest: string): { base: string; isShared: boolean } | undefined {
  const shared = git(['merge-base', 'HEAD', latest], { allowedExitCodes: [1] });
  if (shared !== '') return { base: shared, isShared: true };
  const projectCommits = listCommits(git, 'HEAD');
  const versions = listCommits(git, latest);
  const base =
    findVersion(git, projectCommits, versions, '^{tree}') ?? findVersion(git, projectCommits, versions, ':lib');
  return base === undefined ? undefined : { base, isShared: false };
}

/** Newest first. */
function listCommits(git: Git, from: string): string[] {
  return git(['rev-list', '--topo-order', from]).split('\n');
}

/** @param part the tree to compare, as a revision suffix: `^{tree}` or `:<path>` */
function findVersion(git: Git, projectCommits: string[], versions: string[], part: string): string | undefined {
  const versionOfTree = new Map<string, string>();
  const trees = listTrees(git, versions, part);
  versions.forEach((version, index) => {
    const tree = trees[index];
    if (tree !== undefined && !versionOfTree.has(tree)) versionOfTree.set(tree, version);
  });
  const match = listTrees(git, projectCommits, part).find((tree) => tree !== undefined && versionOfTree.has(tree));
  return match === undefined ? undefined : versionOfTree.get(match);
}

function listTrees(git: Git, commits: string[], part: string): (string | undefined)[] {
  const input = commits.map((commit) => `${commit}${part}\n`).join('');
  const lines = git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input }).split('\n');
  return lines.map((line) => (line.endsWith(' tree') ? line.split(' ')[0] : undefined));
}
