import type { EventEnvelope } from '../feishu/envelope.ts';
import type { Log } from '../handler.ts';
import { folderOfVersion } from '../handler-runtime/find-handler.ts';
import { shorten } from '../observability/log-text.ts';
import { isOneEditApart } from '../util/one-edit.ts';

/**
 * Explains why an event has no handler, and what to do. If a module's name is similar to the event type, it may be
 * misspelled: this is also logged as a warning, once for each type.
 */
export type ExplainUnhandled = (envelope: EventEnvelope, log: Log) => string;

/** @param modules the modules in `functions/handlers`, for example `v2/im.message.receive_v1` */
export function createUnhandledExplanation(modules: readonly string[]): ExplainUnhandled {
  const warnedTypes = new Set<string>();
  return ({ kind, header }, log) => {
    const type = shorten(header.type);
    const isAnswered = modules.includes(`callbacks/${header.type}`);
    const similar = modules.find(
      (name) => !isAnswered && isOneEditApart(name.slice(name.indexOf('/') + 1), header.type),
    );
    const file = `functions/handlers/${similar}.ts`;
    if (similar !== undefined && !warnedTypes.has(header.type)) {
      warnedTypes.add(header.type);
      log.warn('The event has no handler, but the name of a module differs by one edit. Is it misspelled?', { file });
    }
    const question = similar === undefined ? '' : ` Is ${file} misspelled?`;
    const advice = `add functions/handlers/${folderOfVersion(header.version)}/${type}.ts or functions/handlers/fallback.ts`;
    return kind === 'callback'
      ? `The callback already has its response. To also process it from the queue, ${advice}.${question}`
      : `No handler for ${type}: ${advice}.${question}`;
  };
}
