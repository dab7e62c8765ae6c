import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Limits the CPU time of processes, as Lambda does during an invocation. */
export interface CpuShare extends AsyncDisposable {
  /** Moves a process with all its threads into the limited group, until it ends. */
  restrict(pid: number): Promise<void>;
}

/** Where Linux distributions mount the `cpu` controller, and how its limit is written. */
const CONTROLLERS = [
  { folder: '/sys/fs/cgroup/cpu', limit: 'cpu.cfs_quota_us', isVersion1: true },
  { folder: '/sys/fs/cgroup', limit: 'cpu.max', isVersion1: false },
];

/** The number of groups that this process has created. */
let groups = 0;

/** A short period, so that the share also holds for work that takes a few milliseconds. */
const PERIOD_MICROSECONDS = 20_000;

/**
 * Creates a control group (version 1 or 2) that limits its processes to a share of one CPU. That needs Linux and
 * permission to write to `/sys/fs/cgroup`.
 *
 * @returns `undefined` if no group can be created
 */
export async function createCpuShare(share: number): Promise<CpuShare | undefined> {
  const quota = Math.round(share * PERIOD_MICROSECONDS);
  const name = `feishu-events-bench-${process.pid}-${++groups}`;
  for (const { folder, limit, isVersion1 } of CONTROLLERS) {
    const group = path.join(folder, name);
    try {
      await mkdir(group);
      if (!existsSync(path.join(group, limit))) throw new Error(`${folder} does not control the CPU`);
      if (isVersion1) await writeFile(path.join(group, 'cpu.cfs_period_us'), `${PERIOD_MICROSECONDS}`);
      await writeFile(path.join(group, limit), isVersion1 ? `${quota}` : `${quota} ${PERIOD_MICROSECONDS}`);
      return {
        restrict: (pid) => writeFile(path.join(group, 'cgroup.procs'), `${pid}`),
        [Symbol.asyncDispose]: () => rmdir(group),
      };
    } catch {
      await rmdir(group).catch(() => {});
    }
  }
  return undefined;
}
