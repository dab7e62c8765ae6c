import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Usage {
  residentMebibytes: number;
  /** User and system time since the start of the process. */
  processorSeconds: number;
}

/** Reads the resource usage of a process from `ps`. */
export async function readUsage(pid: number): Promise<Usage> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
  const [kibibytes = '', time = ''] = stdout.trim().split(/\s+/);
  return { residentMebibytes: Number(kibibytes) / 1024, processorSeconds: readTime(time) };
}

/** Parses `[[days-]hours:]minutes:seconds[.fraction]` into seconds. */
function readTime(text: string): number {
  const [clock = '', days = '0'] = text.split('-').toReversed();
  return clock.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0) + Number(days) * 86_400;
}

/** Reads the peak resident memory of a process; Linux only. */
export async function readPeakMebibytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}
