import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { Fault, ServiceRequest } from './faulty-proxy.ts';
import { recordIdOfEvent } from './oracle.ts';

/** Which requests a fault is injected into. */
export interface Rule {
  operation: string;
  /** Only requests about these events; default: all requests. */
  events?: readonly PlatformEvent[];
  /** Maximum number of injections. */
  times: number;
  /** The fault, or a function that creates it for a request about this event. */
  fault: Fault | ((event: PlatformEvent | undefined) => Fault);
}

/** The faults to inject, and how often each was injected. */
export class FaultRules {
  readonly #rules: (Rule & { happened: number })[] = [];
  readonly #receipts = new Map<string, string>();

  /** @returns a function that returns how often the fault was injected */
  add(rule: Rule): () => number {
    const added = { ...rule, happened: 0 };
    this.#rules.push(added);
    return () => added.happened;
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Records which message a receipt handle belongs to: later requests contain only the handle. */
  received(receiptHandle: string, messageId: string): void {
    this.#receipts.set(receiptHandle, messageId);
  }

  /** Returns the message of a receipt handle. */
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
