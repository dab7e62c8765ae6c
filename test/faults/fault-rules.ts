import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { Fault, ServiceRequest } from './faulty-proxy.ts';
import { recordIdOfEvent } from './oracle.ts';

/** Which requests a fault happens to. */
export interface Rule {
  operation: string;
  /** Those that are about one of these; all, when it is left out. */
  events?: readonly PlatformEvent[];
  /** At most so often. */
  times: number;
  /** Made for each request, which is about the given event. */
  fault: Fault | ((event: PlatformEvent | undefined) => Fault);
}

/** The faults that are to happen, and how often they have. */
export class FaultRules {
  readonly #rules: (Rule & { happened: number })[] = [];
  readonly #receipts = new Map<string, string>();

  /** @returns how often it has happened */
  add(rule: Rule): () => number {
    const added = { ...rule, happened: 0 };
    this.#rules.push(added);
    return () => added.happened;
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Requests about a received message name its receipt handle alone. */
  received(receiptHandle: string, messageId: string): void {
    this.#receipts.set(receiptHandle, messageId);
  }

  /** @returns the message that a receipt handle was given for */
  messageOf(receiptHandle: string): string | undefined {
    return this.#receipts.get(receiptHandle);
  }

  decide(request: ServiceRequest): Fault | undefined {
    for (const rule of this.#rules) {
      if (rule.happened >= rule.times || rule.operation !== request.operation) continue;
      const event = rule.events?.find((candidate) => this.#isAbout(request, candidate));
      if (rule.events !== undefined && event === undefined) continue;
      rule.happened++;
      return typeof rule.fault === 'function' ? rule.fault(event) : rule.fault;
    }
    return undefined;
  }

  #isAbout({ text, body }: ServiceRequest, event: PlatformEvent): boolean {
    if (text.includes(event.id) || text.includes(recordIdOfEvent(event))) return true;
    return receiptHandlesOf(body).some((handle) => this.#receipts.get(handle) === event.id);
  }
}

function receiptHandlesOf({ ReceiptHandle, Entries }: Record<string, unknown>): string[] {
  const entries = Array.isArray(Entries) ? Entries.map((entry) => entry.ReceiptHandle) : [];
  return [ReceiptHandle, ...entries].filter((handle) => typeof handle === 'string');
}
