import { spawnSync } from 'node:child_process';

export interface GitOptions {
  input?: string;
  /** An index other than the repository's. */
  indexFile?: string;
  /** Exit codes other than 0 that are not an error. */
  answers?: readonly number[];
  /** Keeps the white space at the output's end. */
  isExact?: boolean;
}

export type Git = (args: string[], options?: GitOptions) => string;

/** Git has refused; the message is its own. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/** @param folder the repository's */
export function createGit(folder: string): Git {
  return (args, { input, indexFile, answers = [], isExact = false } = {}) => {
    const { status, stdout, stderr, error } = spawnSync('git', args, {
      cwd: folder,
      input,
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
      env: { ...process.env, LC_ALL: 'C', ...(indexFile !== undefined && { GIT_INDEX_FILE: indexFile }) },
    });
    if (error !== undefined) throw new GitError(`git cannot be run: ${error.message}`, { cause: error });
    if (status !== 0 && !answers.includes(status as number)) {
      throw new GitError(`git ${args[0]} failed: ${stderr.trim()}`);
    }
    return isExact ? stdout : stdout.trimEnd();
  };
}
