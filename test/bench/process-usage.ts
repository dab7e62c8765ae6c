import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Usage {
  residentMebibytes: number;
  /** User and system time since its start. */
  processorSeconds: number;
}

/** What a process uses now, as `ps` has it. */
export async function readUsage(pid: number): Promise<Usage> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
  const [kibibytes = '', time = ''] = stdout.trim().split(/\s+/);
  return { residentMebibytes: Number(kibibytes) / 1024, processorSeconds: readTime(time) };
}

/** `[[days-]hours:]minutes:seconds[.fraction]` */
function readTime(text: string): number {
  const [clock = '', days = '0'] = text.split('-').toReversed();
  return clock.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0) + Number(days) * 86_400;
}

/** The most memory a process has had, as Linux keeps it. */
export async function readPeakMebibytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}
