import { spawnSync } from 'node:child_process';
import { readCommandLine } from '../../lib/cli/command-line.ts';

const USAGE = `Usage: npm run audit

Asks the npm registry for known vulnerabilities of what is deployed, which is the production dependencies.

Exits with 0 when none is known, or when the registry cannot be asked for any, which is then said; with 1 when there are
some.`;

/** What registries answer that do not have the audit's endpoint. */
const WITHOUT_ENDPOINT: readonly unknown[] = [404, 405, 501];

interface AuditReport {
  statusCode?: number;
  message?: string;
  metadata?: { vulnerabilities: { total: number } };
}

readCommandLine(USAGE, {});
const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
process.exitCode = judge(JSON.parse(stdout || '{}'));

function judge({ statusCode, message, metadata }: AuditReport): 0 | 1 {
  const total = metadata?.vulnerabilities.total;
  if (total === 0) {
    console.log('No vulnerability is known of what is deployed.');
    return 0;
  }
  if (total !== undefined) {
    console.error(`${total} vulnerabilities are known of what is deployed. See which: npm audit --omit=dev`);
    return 1;
  }
  if (WITHOUT_ENDPOINT.includes(statusCode)) {
    console.log(`Not checked: this npm registry has no audit endpoint (it answers ${statusCode}).`);
    return 0;
  }
  console.error(`npm audit failed: ${message ?? stderr}`);
  return 1;
}
