/**
 * Receives events with either client, set up as its documentation says. A separate process, so that exits and signals can
 * be compared. Acknowledges each event after `handlerMs`, or never if that is "never".
 *
 *     node test/mock-platform/client-program.ts ours|official DOMAIN APP_ID APP_SECRET handlerMs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as lark from '@larksuiteoapi/node-sdk';
import { maintainLongConnection } from '../../lib/feishu/long-connection/reconnector.ts';

const [client, domain = '', appId = '', appSecret = '', handlerMs = '0'] = process.argv.slice(2);

async function handle(): Promise<undefined> {
  console.log('received an event');
  if (handlerMs === 'never') await new Promise(() => {});
  await sleep(Number(handlerMs));
}

async function runOurs(): Promise<void> {
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const connection = maintainLongConnection({
    appId,
    appSecret,
    domain,
    receive: handle,
    log: { debug: () => {}, info: console.log, warn: console.warn, error: console.error },
    signal: stop.signal,
  });
  try {
    await connection.ended;
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

async function runOfficial(): Promise<void> {
  const connection = new lark.WSClient({ appId, appSecret, domain });
  process.once('SIGTERM', () => connection.close());
  const eventDispatcher = new lark.EventDispatcher({}).register({ 'im.message.receive_v1': handle });
  await connection.start({ eventDispatcher });
}

await (client === 'official' ? runOfficial() : runOurs());
