import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import type { Project } from './project.ts';

export interface HandlerCall {
  /** The text of the message. */
  text: string;
  /** The number of the delivery, starting at 1. */
  attempt: number;
}

export type ReportingHandler = Awaited<ReturnType<typeof addReportingHandler>>;

const TYPE = 'im.message.receive_v1';

/** Gives a project a handler that reports its calls to this process, which decides whether they succeed. */
export async function addReportingHandler(project: Project) {
  const calls: HandlerCall[] = [];
  const failing = new Set<string>();
  const failingOnce = new Set<string>();
  const server = await startHttpServer('127.0.0.1', 0, async (_, body) => {
    const call: HandlerCall = JSON.parse(body.toString());
    calls.push(call);
    const fails = failing.has(call.text) || failingOnce.delete(call.text);
    return { statusCode: fails ? 500 : 200, headers: {}, body: '' };
  });
  const file = path.join(project.folder, `functions/handlers/v2/${TYPE}.ts`);
  await writeFile(file, handlerReportingTo(server.origin));
  return {
    /** The texts of messages that fail until they are removed from this set. */
    failing,

    /** The texts of messages that fail at their next delivery. */
    failingOnce,

    attemptsOf: (text: string) => calls.filter((call) => call.text === text).map(({ attempt }) => attempt),

    /** Creates an event for the handler. */
    event: (text: string, token: string) => createSample(TYPE, { version: '2.0', token, event: textMessage(text) }),

    stop: server.stop,
  };
}

const handlerReportingTo = (origin: string) => `import { onEvent, RetryAfter } from '#feishu-events';
export default onEvent('${TYPE}', async ({ message }, { attempt }) => {
  const { text } = JSON.parse(message.content);
  const { ok } = await fetch('${origin}', { method: 'POST', body: JSON.stringify({ text, attempt }) });
  if (!ok) throw new RetryAfter(1, 'The test lets this event fail');
});
`;
