import { createHash } from 'node:crypto';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { Fault, ServiceRequest } from './faulty-proxy.ts';
import { recordIdOfEvent } from './oracle.ts';
import type { System } from './system.ts';

/** How many of 10,000 requests get each fault. */
const OFTEN = 100;
const SELDOM = 15;

const SERVICE_FAULTS: [kind: string, chance: number, fault: Fault][] = [
  ['rejected', OFTEN, { reject: { status: 500, code: 'InternalServerError' } }],
  ['throttled', OFTEN, { reject: { status: 400, code: 'ThrottlingException' } }],
  ['slow', OFTEN, { delayMilliseconds: 300 }],
  ['cut', OFTEN, { lose: 'cut' }],
  ['cut after the service accepted it', OFTEN, { loseResponse: 'cut' }],
  ['silent', SELDOM, { lose: 'silent' }],
  ['silent after the service accepted it', SELDOM, { loseResponse: 'silent' }],
];
const POISONED_CHANCE = 10;
const KILL_CHANCE = 30;
const HANDLER_FAILS_CHANCE = 50;

/**
 * Decides from a seed which faults to inject. A decision depends only on the seed and its labels, not on the order of
 * requests, which varies. Changing a label changes the faults of every seed.
 */
export class Schedule {
  /** How often each fault was injected. */
  readonly injected = new Map<string, number>();
  readonly #seed: string;
  readonly #system: System;
  readonly #eventsByRecordId: Map<string, PlatformEvent>;
  readonly #requests = new Map<string, number>();
  #isOver = false;

  constructor(seed: string, system: System, events: readonly PlatformEvent[]) {
    this.#seed = seed;
    this.#system = system;
    this.#eventsByRecordId = new Map(events.map((event) => [recordIdOfEvent(event), event]));
    for (const proxy of [system.sqs, system.dynamo]) {
      proxy.decide = (request) => (this.#isOver ? undefined : this.#decide(request)) ?? system.faults.decide(request);
    }
    system.api.onCall = (messageId, moment) => this.#call(messageId, moment);
  }

  /** Injects no more faults, except that the handlers of some events always fail. */
  end(): void {
    this.#isOver = true;
  }

  /** Returns whether the event's handler always fails. */
  isPoisoned(messageId: string): boolean {
    return this.#number('poisoned', messageId) < POISONED_CHANCE;
  }

  /** @returns an integer from 0 to 9999, the same for the same labels */
  #number(...labels: string[]): number {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#seed, ...labels]))
      .digest();
    return digest.readUInt32BE() % 10_000;
  }

  /** Returns whether something happens that has this chance in 10,000. */
  happens(chance: number, ...labels: string[]): boolean {
    return this.#number(...labels) < chance;
  }

  count(kind: string): void {
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  #decide(request: ServiceRequest): Fault | undefined {
    const { operation } = request;
    const messageId = this.#messageOf(request);
    // Numbers the requests about an event.
    const subject = `${operation} ${messageId ?? ''}`;
    const times = (this.#requests.get(subject) ?? 0) + 1;
    this.#requests.set(subject, times);
    const number = this.#number(subject, `${times}`);
    let limit = 0;
    for (const [kind, chance, fault] of SERVICE_FAULTS) {
      limit += chance;
      if (number >= limit) continue;
      // The local event source mapping would wait for the response without end; AWS's is not under test.
      if (kind.startsWith('silent') && messageId === undefined) return undefined;
      this.count(`${operation} ${kind}`);
      return fault;
    }
    if (messageId === undefined || operation === 'SendMessage') return undefined;
    const kill = () => this.#kill(operation, messageId);
    if (number < limit + KILL_CHANCE) return { before: () => kill(), lose: 'cut' };
    if (number < limit + 2 * KILL_CHANCE) return { after: () => kill() };
    return undefined;
  }

  #kill(where: string, messageId: string): void {
    for (let killed = this.#system.worker.kill(messageId); killed > 0; killed--) this.count(`killed at ${where}`);
  }

  #messageOf({ operation, body }: ServiceRequest): string | undefined {
    if (operation === 'SendMessage') return JSON.parse(String(body.MessageBody)).event.message.message_id;
    if (operation === 'ChangeMessageVisibility') return this.#system.faults.messageOf(String(body.ReceiptHandle));
    const { id } = (body.Item ?? body.Key ?? {}) as { id?: { S?: string } };
    return this.#eventsByRecordId.get(id?.S ?? '')?.id;
  }

  #call(messageId: string, moment: 'before' | 'after'): void {
    if (moment === 'before' && this.isPoisoned(messageId)) throw new Error('poisoned');
    if (this.#isOver) return;
    const subject = `call ${moment} ${messageId}`;
    const times = (this.#requests.get(subject) ?? 0) + 1;
    this.#requests.set(subject, times);
    const number = this.#number(subject, `${times}`);
    if (number < KILL_CHANCE) this.#kill(`the call, ${moment} its effect`, messageId);
    else if (number < KILL_CHANCE + HANDLER_FAILS_CHANCE) {
      this.count(`call failed ${moment} its effect`);
      throw new Error('unavailable');
    }
  }
}
