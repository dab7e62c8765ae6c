import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCommandLine } from '../../lib/cli/command-line.ts';
import type { MockConnection } from './connection.ts';
import type { Delivery, PlatformEvent } from './deliveries.ts';
import { MockPlatform } from './platform.ts';

const USAGE = `Usage: npm run compare

Runs this project's long-connection client and the official one against the same mock platform, each in its own process
and with its default timing, and prints the results as a Markdown table. Takes 3 minutes.

Exits with 0 if the table is complete, otherwise with 1.`;

type Client = 'ours' | 'official';

interface Bench {
  platform: MockPlatform;
  /** Starts the client. */
  start(handlerMs?: number | 'never'): ChildProcess;
  /** Starts the client and waits until it receives events. */
  connect(handlerMs?: number | 'never'): Promise<{ process: ChildProcess; connection: MockConnection }>;
}

interface Row {
  name: string;
  measure(bench: Bench): Promise<string>;
}

const PROGRAM = fileURLToPath(new URL('client-program.ts', import.meta.url));
const APP_ID = 'cli_0123456789abcdef';
/** Longer than every time limit of both clients. */
const LONG_MS = 25_000;

const rows: Row[] = [
  {
    name: 'first event arrives together with the upgrade response, 20 connections',
    async measure({ platform, start }) {
      platform.gateway.upgrade = { glued: message('glued') };
      start();
      let acknowledged = 0;
      for (let index = 0; index < 20; index++) {
        await within(LONG_MS, () => platform.gateway.connections[index]?.pings.length === 1);
        const connection = platform.gateway.connections[index];
        if (await within(500, () => connection?.acknowledgements.length === 1)) acknowledged++;
        connection?.hangUp();
      }
      return `${acknowledged} of 20 acknowledged`;
    },
  },
  {
    name: '64-bit SeqID and LogID',
    async measure({ platform, connect }) {
      const { connection } = await connect();
      const ids = { SeqID: '18446744073709551615', LogID: '9007199254740993' };
      await describeResponse(platform.push(message('ids'), { frame: ids }));
      const [acknowledgement] = connection.acknowledgements;
      const { SeqID, LogID } = acknowledgement ?? {};
      const isExact = SeqID === ids.SeqID && LogID === ids.LogID;
      return isExact ? 'echoed exactly' : `${ids.SeqID}, ${ids.LogID} became ${SeqID}, ${LogID}`;
    },
  },
  {
    name: '`card` frame',
    async measure({ platform, connect }) {
      await connect();
      return describeResponse(platform.push(message('card'), { type: 'card' }));
    },
  },
  {
    name: 'gzip payload',
    async measure({ platform, connect }) {
      await connect();
      return describeResponse(platform.push(message('gzip'), { encoding: 'gzip' }));
    },
  },
  {
    name: 'empty pong',
    async measure({ platform, start }) {
      platform.gateway.pong = 'empty';
      const output = collect(start());
      await within(LONG_MS, () => platform.gateway.connections[0]?.pings.length === 1);
      await sleep(2_000);
      return /error/i.test(output.text) ? 'logged as an error' : 'accepted';
    },
  },
  {
    name: 'pong `{}`, ping interval 1 s',
    async measure({ platform, start }) {
      platform.gateway.clientConfig.PingInterval = 1;
      platform.gateway.pong = Buffer.from('{}');
      start();
      await within(LONG_MS, () => platform.gateway.connections[0]?.pings.length === 1);
      await sleep(4_500);
      return `${platform.gateway.connections[0]?.pings.length} pings in 4.5 s`;
    },
  },
  {
    name: 'discovery reports busy (1, empty data) for a second',
    async measure({ platform, start }) {
      platform.gateway.discovery = { code: 1, msg: 'system busy', withData: true };
      const client = start();
      await within(LONG_MS, () => platform.gateway.discoveries.length > 0);
      await sleep(1_000);
      platform.gateway.discovery = 'normal';
      const connected = await within(LONG_MS, () => platform.gateway.open.length === 1);
      return connected ? 'connected afterwards' : `not connected ${LONG_MS / 1000} s later, ${stateOf(client)}`;
    },
  },
  {
    name: 'login rejected by discovery (514, no data)',
    async measure({ platform, start }) {
      platform.gateway.discovery = { code: 514, msg: 'auth failed' };
      const client = start();
      await within(LONG_MS + 10_000, () => client.exitCode !== null || platform.gateway.discoveries.length >= 2);
      return `${stateOf(client)} after ${plural(platform.gateway.discoveries.length, 'attempt')}`;
    },
  },
  {
    name: 'login rejected by the upgrade (403)',
    async measure({ platform, start }) {
      platform.gateway.upgrade = { httpStatus: 403, headers: { 'Handshake-Status': '403', 'Handshake-Msg': 'no' } };
      const client = start();
      await within(LONG_MS + 10_000, () => client.exitCode !== null || platform.gateway.upgrades >= 2);
      return `${stateOf(client)} after ${plural(platform.gateway.upgrades, 'attempt')}`;
    },
  },
  {
    name: 'half-open socket, ping interval 1 s',
    async measure({ platform, connect }) {
      platform.gateway.clientConfig.PingInterval = 1;
      const { connection } = await connect();
      connection.freeze();
      const frozenAt = performance.now();
      const replaced = await within(LONG_MS, () => platform.gateway.connections.length === 2);
      return replaced ? `replaced ${seconds(frozenAt)} later` : `not noticed in ${LONG_MS / 1000} s`;
    },
  },
  {
    name: 'silent handshake',
    async measure({ platform, start }) {
      platform.gateway.upgrade = 'silent';
      start();
      await within(LONG_MS, () => platform.gateway.upgrades === 1);
      const silentAt = performance.now();
      const retried = await within(LONG_MS, () => platform.gateway.upgrades === 2);
      return retried ? `retried ${seconds(silentAt)} later` : `still hanging after ${LONG_MS / 1000} s`;
    },
  },
  {
    name: 'SIGTERM with 20 events in flight',
    async measure({ platform, connect }) {
      const { process: client } = await connect(500);
      const deliveries = Array.from({ length: 20 }, (_, index) => platform.push(message(`e${index}`)));
      await sleep(200);
      client.kill('SIGTERM');
      await within(LONG_MS, () => client.exitCode !== null || client.signalCode !== null);
      await Promise.all(deliveries.map(({ settled }) => settled));
      const acknowledged = deliveries.filter(({ state }) => state === 'acknowledged').length;
      return `${acknowledged} of 20 acknowledged, ${stateOf(client)}`;
    },
  },
  {
    name: 'handler that never ends',
    async measure({ platform, connect }) {
      await connect('never');
      return describeResponse(platform.push(message('stuck')));
    },
  },
  {
    name: '`ReconnectCount` 1, and discovery down for three attempts',
    async measure({ platform, connect }) {
      platform.gateway.clientConfig.ReconnectCount = 1;
      platform.gateway.clientConfig.ReconnectInterval = 1;
      const { process: client, connection } = await connect();
      platform.gateway.discovery = 'hang up';
      connection.hangUp();
      await within(10_000, () => platform.gateway.discoveries.length >= 4);
      platform.gateway.discovery = 'normal';
      const reconnected = await within(LONG_MS, () => platform.gateway.open.length === 1);
      return reconnected ? 'reconnected' : `gave up, ${stateOf(client)}`;
    },
  },
];

readCommandLine(USAGE, {});
const [ours, official] = await Promise.all([measureAll('ours'), measureAll('official')]);
console.log('| | ours | official client |\n|---|---|---|');
rows.forEach(({ name }, index) => {
  console.log(`| ${name} | ${ours[index]} | ${official[index]} |`);
});

/** Measures the rows one after the other, so that they do not compete for the CPU. */
async function measureAll(client: Client): Promise<string[]> {
  const results: string[] = [];
  for (const row of rows) results.push(await measure(client, row));
  return results;
}

async function measure(client: Client, row: Row): Promise<string> {
  const platform = await MockPlatform.start();
  const processes: ChildProcess[] = [];
  const start = (handlerMs: number | 'never' = 0) => {
    const child = spawn(process.execPath, [PROGRAM, client, platform.domain, APP_ID, 'secret', String(handlerMs)]);
    processes.push(child);
    return child;
  };
  const connect = async (handlerMs: number | 'never' = 0) => {
    const child = start(handlerMs);
    await within(LONG_MS, () => platform.gateway.connections[0]?.pings.length === 1);
    const [connection] = platform.gateway.connections;
    if (connection === undefined) throw new Error(`${client} did not connect`);
    // The official client starts to listen shortly after the connection opens.
    await sleep(200);
    return { process: child, connection };
  };
  try {
    return await row.measure({ platform, start, connect });
  } finally {
    await Promise.all(processes.map(kill));
    await platform.stop();
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function message(id: string): PlatformEvent {
  const header = { event_id: id, event_type: 'im.message.receive_v1', token: '', app_id: APP_ID, tenant_key: 't' };
  return { id, text: JSON.stringify({ schema: '2.0', header, event: { message: { content: '{}' } } }) };
}

/** Describes the response to the first push of an event. */
async function describeResponse(delivery: Delivery): Promise<string> {
  await delivery.settled;
  const [response] = delivery.responses;
  return response === undefined ? 'no acknowledgement in 3 s' : `acknowledged with ${response.code}`;
}

/** @returns whether the condition became true in time */
async function within(withinMs: number, condition: () => boolean): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > until) return false;
    await sleep(5);
  }
  return true;
}

function collect(child: ChildProcess): { text: string } {
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output.text += chunk));
  return output;
}

function stateOf({ exitCode, signalCode }: ChildProcess): string {
  if (exitCode === null && signalCode === null) return 'still running';
  return `exit ${exitCode ?? signalCode}`;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
