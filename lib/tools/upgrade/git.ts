import { spawnSync } from 'node:child_process';

export interface GitOptions {
  input?: string;
  /** Index file to use instead of the repository's. */
  indexFile?: string;
  /** Exit codes other than 0 that are not errors. */
  allowedExitCodes?: readonly number[];
  /** Keeps trailing whitespace in the output. */
  isExact?: boolean;
}

export type Git = (args: string[], options?: GitOptions) => string;

/** A Git command failed; the message contains Git's own. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/** Creates a function that runs Git in a repository. */
export function createGit(folder: string): Git {
  return (args, { input, indexFile, allowedExitCodes = [], isExact = false } = {}) => {
    const { status, stdout, stderr, error } = spawnSync('git', args, {
      cwd: folder,
      input,
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
      env: { ...process.env, LC_ALL: 'C', ...(indexFile !== undefined && { GIT_INDEX_FILE: indexFile }) },
    });
    if (error !== undefined) throw new GitError(`Cannot run git: ${error.message}`, { cause: error });
    if (status !== 0 && !allowedExitCodes.includes(status as number)) {
      throw new GitError(`git ${args[0]} failed: ${stderr.trim()}`);
    }
    return isExact ? stdout : stdout.trimEnd();
  };
}
