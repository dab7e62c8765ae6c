import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import decodeQR from 'qr/decode.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Requirements } from '../../../lib/app/requirements.ts';
import { askYesOrNo } from '../../../lib/cli/ask.ts';
import { renderQrCode } from '../../../lib/tools/setup/qr-code.ts';
import { reportGrants, type SetupOptions, setUpApp, type Terminal } from '../../../lib/tools/setup/registration.ts';
import { MockAccounts, type PollResult } from '../../mock-platform/accounts.ts';
import { MockAppConfiguration } from '../../mock-platform/app-configuration.ts';
import { wait } from '../../support/wait.ts';
import { FakeTerminal } from './fake-terminal.ts';

const REQUIREMENTS: Requirements = {
  events: ['im.message.receive_v1'],
  eventsV1: ['out_approval'],
  callbacks: ['card.action.trigger'],
  scopes: [{ anyOf: ['im:message:send_as_bot', 'im:message'], neededBy: ['im.message.reply'] }],
  unknown: ['feishu.vc.meeting.get'],
};

let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
let feishu: MockAccounts;
let lark: MockAccounts;
let configuration: MockAppConfiguration;
let options: SetupOptions;
const file = () => path.join(folder.path, '.env');
const readEnv = () => readFile(file(), 'utf8');
beforeEach(async () => {
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-setup-'));
  [feishu, lark, configuration] = await Promise.all([
    MockAccounts.start(),
    MockAccounts.start('lark'),
    MockAppConfiguration.start(),
  ]);
  let time = 0;
  options = {
    root: folder.path,
    requirements: REQUIREMENTS,
    appId: undefined,
    replaces: false,
    clock: {
      now: () => time,
      sleep: async (milliseconds, signal) => {
        signal.throwIfAborted();
        time += milliseconds;
      },
    },
    platforms: {
      feishu: { accounts: feishu.origin, domain: configuration.origin },
      lark: { accounts: lark.origin, domain: 'https://open.larksuite.com' },
    },
  };
});
afterEach(async () => {
  await Promise.all([feishu, lark, configuration].map((mock) => mock[Symbol.asyncDispose]()));
  await folder.remove();
});

/** Reads a rendered QR code as a scanner does. */
function scan(lines: string[], dark: string): string {
  const SCALE = 4;
  const rows = lines.flatMap((line) => {
    const isDark = [...line].map((character) => ({ '█': '11', '▀': '10', '▄': '01', ' ': '00' })[character] ?? '');
    return [0, 1].map((half) => isDark.map((halves) => halves[half] === dark));
  });
  const width = (rows[0]?.length ?? 0) * SCALE;
  const height = rows.length * SCALE;
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const value = rows[Math.floor(y / SCALE)]?.[Math.floor(x / SCALE)] ? 0 : 255;
      data.set([value, value, value, 255], (y * width + x) * 4);
    }
  }
  return decodeQR({ width, height, data });
}

describe('npm run setup', () => {
  it('creates an app, shows what it asks for, and writes the credentials to a private .env', async () => {
    feishu.polls = ['pending', 'lost', 'confirmed'];
    const terminal = new FakeTerminal();
    expect(await setUpApp(options, terminal)).toMatchObject({ appId: feishu.appId, platform: 'feishu' });
    expect(await readEnv()).toMatch(
      new RegExp(
        `^FEISHU_ENCRYPT_KEY=local-[\\s\\S]*^FEISHU_APP_ID=${feishu.appId}\n[\\s\\S]*^FEISHU_APP_SECRET=${feishu.appSecret}\n` +
          `[\\s\\S]*^FEISHU_DOMAIN=${configuration.origin}\n`,
        'm',
      ),
    );
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(terminal.text).toContain('events     im.message.receive_v1\n');
    expect(terminal.text).toContain('callbacks  card.action.trigger\n');
    expect(terminal.text).toContain('scopes     application:application:self_manage, im:message:send_as_bot\n');
    expect(terminal.text).toContain('v1.0 events only in the developer console: out_approval\n');
    expect(terminal.text).toContain('which scopes these need: feishu.vc.meeting.get\n');
    expect(terminal.text).toContain('Waiting for your confirmation: 10:00 left');
    expect(terminal.text).toContain(`No response from ${feishu.origin}`);
    expect(terminal.text).toContain(`✓ Created the app ${feishu.appId} on Feishu\n`);
    expect(terminal.text).not.toContain(feishu.appSecret);
    expect(terminal.text).not.toContain(feishu.deviceCode);
  });

  it.each([true, false])('shows a QR code of the link that can be scanned (with color: %s)', async (hasColor) => {
    const terminal = new FakeTerminal({ hasColor });
    await setUpApp(options, terminal);
    const lines = terminal.text.split('\n');
    const [link = ''] = lines.filter((line) => line.startsWith('https://'));
    const code = lines.filter((line) => /^[█▀▄ ]{20,}$/.test(line));
    expect(scan(code, hasColor ? '1' : '0')).toBe(link);
    expect(terminal.written.includes('\u001b[38;5;16;48;5;231m')).toBe(hasColor);
  });

  it.each([
    ['a terminal of 60 columns', { columns: 60 }, /A\s+QR code needs \d+\s+columns, but the terminal has 60:\nhttps:/],
    ['a pipe', { isTTY: false }, /Open this link with Feishu or Lark:\nhttps:/],
  ])('shows only the link in %s', async (_, properties, expected) => {
    const terminal = new FakeTerminal(properties);
    await setUpApp(options, terminal);
    expect(terminal.text).toMatch(expected);
    expect(terminal.text).not.toContain('█');
  });

  it('says how many rows the code needs if the terminal has fewer', async () => {
    const terminal = new FakeTerminal({ rows: 24 });
    await setUpApp(options, terminal);
    expect(terminal.text).toMatch(/or open the link\. The code needs \d+ rows, but the terminal has 24\.\n/);
  });

  it('opens the link on request', async () => {
    const openLink = vi.fn();
    const terminal = new FakeTerminal();
    await setUpApp({ ...options, openLink }, terminal);
    expect(terminal.text).toContain(`\n${openLink.mock.lastCall?.[0].href}\n`);
  });

  it('continues on Lark, and writes its domain', async () => {
    feishu.polls = ['lark'];
    const terminal = new FakeTerminal();
    expect(await setUpApp(options, terminal)).toMatchObject({ platform: 'lark' });
    expect(await readEnv()).toContain('\nFEISHU_DOMAIN=https://open.larksuite.com\n');
    expect(terminal.text).toContain('This is an account of Lark');
  });

  it('keeps everything else in .env, and asks before it replaces another app', async () => {
    await writeFile(file(), '# Mine\nFEISHU_APP_SECRET=old\nFEISHU_APP_ID=cli_old # do not touch\nOTHER="a\nb"\n');
    const terminal = new FakeTerminal();
    const done = setUpApp(options, terminal);
    await terminal.answer('.env contains the app cli_old. Replace it? [y/N]', 'y');
    await done;
    expect(await readEnv()).toBe(
      `# Mine\nFEISHU_APP_SECRET=${feishu.appSecret}\nFEISHU_APP_ID=${feishu.appId} # do not touch\nOTHER="a\nb"\n` +
        `FEISHU_DOMAIN=${configuration.origin}\n`,
    );
  });

  it.each(['n', ''])('changes nothing and registers nothing after the answer "%s"', async (answer) => {
    await writeFile(file(), 'FEISHU_APP_ID=cli_old\n');
    const terminal = new FakeTerminal();
    const done = setUpApp(options, terminal);
    await terminal.answer('Replace it?', answer);
    expect(await done).toBeUndefined();
    expect(terminal.text).toContain('npm run setup -- --app cli_old');
    expect(await readEnv()).toBe('FEISHU_APP_ID=cli_old\n');
    expect(feishu.requests).toEqual([]);
  });

  it('does not replace another app without a terminal, unless it is confirmed with --yes', async () => {
    await writeFile(file(), 'FEISHU_APP_ID=cli_old\n');
    const pipe = () => new FakeTerminal({ isTTY: false });
    await expect(setUpApp(options, pipe())).rejects.toThrow('pass --yes to replace it');
    expect(feishu.requests).toEqual([]);
    await setUpApp({ ...options, replaces: true }, pipe());
    expect(await readEnv()).toContain(`FEISHU_APP_ID=${feishu.appId}\n`);
  });

  it('extends the app of --app without asking', async () => {
    await writeFile(file(), `FEISHU_APP_ID=${feishu.appId}\n`);
    const terminal = new FakeTerminal();
    await setUpApp({ ...options, appId: feishu.appId }, terminal);
    expect(terminal.text).toContain(`clientID=${feishu.appId}`);
    expect(terminal.text).toContain(`✓ Extended the app ${feishu.appId}`);
  });

  it('does not write the credentials of another app than that of --app', async () => {
    await writeFile(file(), 'FEISHU_APP_ID=cli_mine\n');
    const extension = setUpApp({ ...options, appId: 'cli_mine' }, new FakeTerminal());
    await expect(extension).rejects.toThrow(`credentials of ${feishu.appId}, not of cli_mine. .env is unchanged.`);
    expect(await readEnv()).toBe('FEISHU_APP_ID=cli_mine\n');
  });

  it.each<[PollResult, string]>([
    ['denied', 'access_denied'],
    ['expired', 'expired_token'],
    ['pending', 'expired_token'],
  ])('leaves .env unchanged if the registration is %s', async (result, code) => {
    feishu.polls = [result];
    await writeFile(file(), 'A=1\n');
    await expect(setUpApp(options, new FakeTerminal())).rejects.toMatchObject({ code });
    expect(await readEnv()).toBe('A=1\n');
  });

  it('ends when it is cancelled, while it waits and while it asks', async () => {
    feishu.polls = ['silent'];
    const waiting = new FakeTerminal();
    const registered = setUpApp(options, waiting);
    await vi.waitFor(() => expect(feishu.requests.at(-1)).toMatchObject({ action: 'poll' }), wait);
    waiting.cancellation.abort();
    await expect(registered).rejects.toMatchObject({ name: 'AbortError' });

    await writeFile(file(), 'FEISHU_APP_ID=cli_old\n');
    const asking = new FakeTerminal();
    const asked = setUpApp(options, asking);
    await vi.waitFor(() => expect(asking.text).toContain('Replace it?'), wait);
    asking.cancellation.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('rejects a project for a store app', async () => {
    await writeFile(file(), 'FEISHU_APP_TYPE=store\n');
    await expect(setUpApp(options, new FakeTerminal())).rejects.toThrow('FEISHU_APP_TYPE is store');
  });
});

describe('The report of what was granted', () => {
  const report = async (terminal: Terminal) =>
    reportGrants(
      { appId: configuration.appId, appSecret: configuration.appSecret, platform: 'feishu' },
      options,
      terminal,
    );

  it('has no advice if nothing is missing', async () => {
    configuration.granted = ['im:message:send_as_bot'];
    configuration.app = 99991672;
    const terminal = new FakeTerminal();
    expect(await report(terminal)).toBe(true);
    expect(terminal.text).toContain('✓ All scopes are granted\n');
    expect(terminal.text).toContain(
      '? Not compared: events, callbacks, version. The app lacks the scope application:application:self_manage',
    );
    expect(terminal.text).not.toContain('--manual');
  });

  it('advises to ask an administrator if only scopes wait', async () => {
    configuration.waiting = ['im:message:send_as_bot'];
    configuration.app = 99991672;
    const terminal = new FakeTerminal();
    expect(await report(terminal)).toBe(false);
    expect(terminal.text).toContain('Ask an administrator to approve it in the admin console.');
    expect(terminal.text).not.toContain('npm run app -- apply');
  });

  it('says what to do about what the platform dropped', async () => {
    const terminal = new FakeTerminal();
    expect(await report(terminal)).toBe(false);
    expect(terminal.text).toContain('✗ Scopes not granted: im:message:send_as_bot\n');
    expect(terminal.text).toContain('npm run app -- apply\n');
    expect(terminal.text).toContain('npm run setup -- --manual\n');
    expect(terminal.text).not.toContain(configuration.appSecret);
  });
});

describe('A question', () => {
  const ask = async (standard: boolean, type: (input: FakeTerminal['input']) => void) => {
    const { input, output, cancellation } = new FakeTerminal();
    const answered = askYesOrNo('Start it now?', standard, input, output, cancellation);
    type(input);
    return answered;
  };

  it.each([
    ['y', false, true],
    ['Yes', false, true],
    ['n', true, false],
    ['', true, true],
    ['', false, false],
    ['what?', true, false],
  ])('with the answer "%s" and the default %s is %s', async (answer, standard, expected) => {
    expect(await ask(standard, (input) => input.write(`${answer}\n`))).toBe(expected);
  });

  it('is cancelled by Ctrl+C', async () => {
    const controlC = '\u0003';
    await expect(ask(true, (input) => input.write(controlC))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('whose input is closed is answered with no', async () => {
    expect(await ask(true, (input) => input.end())).toBe(false);
    const controlD = '\u0004';
    expect(await ask(true, (input) => input.write(controlD))).toBe(false);
  });
});

describe('A QR code', () => {
  it('has lines of the same width, two rows each', () => {
    const lines = renderQrCode('https://example.com/', false);
    expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([29]));
    expect(lines).toHaveLength(15);
  });
});
