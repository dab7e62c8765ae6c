import { EventSourceParserStream } from 'eventsource-parser/stream';
import { RetryAfter } from '#feishu-events';

/** @see https://platform.openai.com/docs/api-reference/chat/create */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  /** Models without vision accept only a string. */
  content: string | ContentPart[];
}

export type ContentPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

/** The fields of a chunk that are used. */
interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  error?: { code?: string; type?: string };
}

const RETRY_AFTER_SECONDS = 30;

/**
 * Requests an answer from the model.
 *
 * @returns the answer, piece by piece
 * @throws {RetryAfter} if the API limits the rate
 * @throws {Error} if the API rejects the request, or the answer is empty or incomplete
 */
export async function* streamAnswer(messages: ChatMessage[], signal: AbortSignal): AsyncGenerator<string> {
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: key, OPENAI_MODEL: model } = process.env;
  if (!baseUrl || !key || !model)
    throw new Error('Set OPENAI_API_KEY in .env, and OPENAI_BASE_URL and OPENAI_MODEL in extensions.yml');
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, stream: true }),
    signal,
  });
  if (!response.ok || response.body === null) throw await rejection(response);
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  let isComplete = false;
  let isEmpty = true;
  for await (const { data } of events) {
    if (data === '[DONE]') break;
    const { choices: [choice] = [], error }: Chunk = JSON.parse(data);
    if (error !== undefined) throw new Error(`The model failed: ${error.code ?? error.type}`);
    if (choice?.delta?.content) {
      isEmpty = false;
      yield choice.delta.content;
    }
    isComplete ||= Boolean(choice?.finish_reason);
  }
  if (!isComplete) throw new Error("The model's answer is incomplete: the connection was closed");
  if (isEmpty) throw new Error("The model's answer is empty");
}

async function rejection(response: Response): Promise<Error> {
  if (response.status === 429) {
    const seconds = Number(response.headers.get('retry-after') ?? RETRY_AFTER_SECONDS);
    return new RetryAfter(
      seconds >= 1 && seconds <= 3600 ? seconds : RETRY_AFTER_SECONDS,
      "The model's API limits the rate",
    );
  }
  const error = readError(await response.text());
  const reason = error?.code ?? error?.type ?? response.statusText;
  return new Error(
    `The model's API responded with ${response.status} (${reason}): check OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL`,
  );
}

/** Reads the error of a response. Its message is not used: it may contain a part of the key. */
function readError(body: string): Chunk['error'] {
  try {
    return JSON.parse(body).error;
  } catch {
    return undefined;
  }
}
