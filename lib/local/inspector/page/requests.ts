import {
  type EventDetails,
  type RedriveOrder,
  type RedriveReport,
  ROUTES,
  type SampleChoice,
  type SendOrder,
  type SendResult,
} from '../wire.ts';
import { messages } from './messages.ts';

// What the page asks of the local stack. All of them reject with a message for a person.

export const fetchDetails = (messageId: string) => ask<EventDetails>(ROUTES.event, { message: messageId });
export const fetchSamples = () => ask<SampleChoice[]>(ROUTES.samples, {});
export const send = (order: SendOrder) => command<SendResult>(ROUTES.send, order);
export const redrive = (order: RedriveOrder) => command<RedriveReport>(ROUTES.redrive, order);

/** @param of the event or the sample to begin with */
export const fetchDraft = (of: { message: string } | { type: string; variant?: string }) =>
  ask<{ text: string }>(ROUTES.draft, of);

async function ask<Result>(route: string, query: Record<string, string>): Promise<Result> {
  return exchange(`${route}?${new URLSearchParams(query)}`);
}

async function command<Result>(route: string, body: object): Promise<Result> {
  const headers = { 'content-type': 'application/json' };
  return exchange(route, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function exchange<Result>(url: string, options: RequestInit = {}): Promise<Result> {
  const response = await fetch(url, options).catch((cause) => {
    throw new Error(messages.unreachable, { cause });
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}
