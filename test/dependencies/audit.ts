import { spawnSync } from 'node:child_process';
import { readCommandLine } from '../../lib/cli/command-line.ts';

const USAGE = `Usage: npm run audit

Asks the npm registry for known vulnerabilities in the production dependencies, which are the deployed ones.

Exits with 0 if there are none, or with a notice if the registry has no audit endpoint; otherwise with 1.`;

/** The status of registries without an audit endpoint. */
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
    console.log('No known vulnerabilities in the production dependencies.');
    return 0;
  }
  if (total !== undefined) {
    console.error(
      `Known vulnerabilities in the production dependencies: ${total}. To list them, run npm audit --omit=dev`,
    );
    return 1;
  }
  if (WITHOUT_ENDPOINT.includes(statusCode)) {
    console.log(`Not checked: this npm registry has no audit endpoint (status ${statusCode}).`);
    return 0;
  }
  console.error(`npm audit failed: ${message ?? stderr}`);
  return 1;
}
