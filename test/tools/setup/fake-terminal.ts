import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, vi } from 'vitest';
import type { Terminal } from '../../../lib/tools/setup/registration.ts';
import { wait } from '../../support/wait.ts';

/** A terminal, or a pipe, with what was written to it. */
export class FakeTerminal implements Terminal {
  readonly input: NodeJS.ReadStream & PassThrough;
  readonly output: NodeJS.WriteStream & PassThrough;
  readonly cancellation = new AbortController();
  written = '';

  constructor({ columns = 120, rows = 60, isTTY = true, hasColor = false } = {}) {
    this.input = Object.assign(new PassThrough(), { isTTY }) as unknown as FakeTerminal['input'];
    const properties = { isTTY, columns, rows, hasColors: () => hasColor, getColorDepth: () => (hasColor ? 8 : 1) };
    this.output = Object.assign(new PassThrough(), properties) as unknown as FakeTerminal['output'];
    this.output.on('data', (text) => {
      this.written += text;
    });
  }

  get text(): string {
    return stripVTControlCharacters(this.written);
  }

  async answer(question: string, answer: string): Promise<void> {
    await vi.waitFor(() => expect(this.text).toContain(question), wait);
    this.input.write(`${answer}\n`);
  }
}
