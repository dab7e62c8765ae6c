import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import type { Report } from './report.ts';
import { SCENARIOS } from './simulation/scenarios.ts';
import { capacityTable, tableOf } from './simulation/table.ts';

describe('docs/scaling.md contains the table', () => {
  const linesOf = ({ columns, rows }: Pick<Report, 'columns' | 'rows'>) => [
    `| | ${columns.join(' | ')} |`,
    `|---|${'---|'.repeat(columns.length)}`,
    ...rows.map(({ name, cells }) => `| ${[name, ...cells].join(' | ')} |`),
  ];
  const tableUnder = async (heading: string) => {
    const text = await readFile(path.join(PROJECT_ROOT, 'docs/scaling.md'), 'utf8');
    const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
    return section.split('\n').filter((line) => line.startsWith('|'));
  };

  test('that npm run bench -- --simulate prints', async () => {
    expect(linesOf(tableOf(SCENARIOS))).toEqual(await tableUnder('Simulation results'));
  });

  test('of how many events the worker can handle', async () => {
    expect(linesOf(capacityTable())).toEqual(await tableUnder('How many workers'));
  });
});
