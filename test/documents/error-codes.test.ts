import { describe, expect, it } from 'vitest';
import { ERROR_STATUS } from '../../lib/feishu/errors.ts';
import { readDocuments } from './document.ts';

const READMES = readDocuments().filter(({ name }) => name.startsWith('README'));

describe.each(READMES)('$name', ({ tables }) => {
  it('says of every code what to do, with the status it is answered with', () => {
    const rows = tables.flatMap(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)));
    const documented = rows.flatMap(([code = '', status, ...words]) => {
      const [, name] = /^`(FEISHU_\w+)`$/.exec(code) ?? [];
      return name !== undefined && /^\d{3}$/.test(status ?? '') ? [{ name, status: Number(status), words }] : [];
    });
    expect(Object.fromEntries(documented.map(({ name, status }) => [name, status]))).toEqual(ERROR_STATUS);
    expect(documented.filter(({ words }) => words.length !== 2 || words.includes(''))).toEqual([]);
  });
});
