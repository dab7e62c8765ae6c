import { isObject } from '../feishu/envelope.ts';
import { cardText } from './card-text.ts';
import { image, inline, type Markup, placeholder, withNames } from './markup.ts';

type Content = Record<string, unknown>;
type Converter = (content: Content, markup: Markup) => string;

/** A resource of a message, as the API for downloading it needs it. */
export interface ResourceKey {
  kind: 'image' | 'file' | 'audio' | 'video';
  key: string;
  name?: string;
  durationMilliseconds?: number;
}

/**
 * One converter for each message type.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
 */
const CONVERTERS: Readonly<Record<string, Converter>> = {
  text: ({ text }, markup) => withNames(String(text ?? ''), markup),
  post: postText,
  image: ({ image_key: key }, markup) => image(key, markup),
  file: ({ file_name: name }) => placeholder('file', name),
  folder: ({ file_name: name }) => placeholder('folder', name),
  audio: ({ duration }) => placeholder('audio', seconds(duration)),
  media: ({ file_name: name, duration }) => placeholder('video', name, seconds(duration)),
  sticker: () => placeholder('sticker'),
  interactive: cardText,
  hongbao: ({ text }) => placeholder('red packet', text),
  share_chat: ({ chat_id: chat }) => placeholder('chat', chat),
  share_user: ({ user_id: user }) => placeholder('contact', user),
  system: systemText,
  location: ({ name, latitude, longitude }) => placeholder('location', name, latitude, longitude),
  video_chat: ({ topic, start_time: start }) => placeholder('video meeting', topic, time(start)),
  todo: todoText,
  vote: ({ topic, options }) =>
    [placeholder('vote', topic), ...listOf(options).map((option) => `- ${option}`)].join('\n'),
  calendar: calendarText,
  general_calendar: calendarText,
  share_calendar_event: calendarText,
  // The event contains none of the messages.
  merge_forward: () => placeholder('forwarded messages'),
};

/**
 * Writes the content of a message of any type. What is not text becomes a placeholder, such as `[file: report.pdf]`.
 *
 * @param type the message's type, for example `text` or `post`
 * @param content the parsed `content` of the message
 */
export function contentText(type: string, content: Content, markup: Markup): string {
  const convert = Object.hasOwn(CONVERTERS, type) ? CONVERTERS[type] : undefined;
  return convert === undefined ? placeholder(type) : convert(content, markup);
}

/**
 * Returns the resources of a message that can be downloaded: images, files, recordings and videos. The platform offers
 * no download of stickers, of folders, and of images in cards and forwarded messages.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/get-2
 */
export function resourcesOf(type: string, content: Content): ResourceKey[] {
  const file = (kind: ResourceKey['kind']): ResourceKey[] => {
    const { file_key: key, file_name: name, duration } = content;
    if (typeof key !== 'string') return [];
    return [
      {
        kind,
        key,
        ...(typeof name === 'string' && { name }),
        ...(typeof duration === 'number' && { durationMilliseconds: duration }),
      },
    ];
  };
  switch (type) {
    case 'image':
      return typeof content.image_key === 'string' ? [{ kind: 'image', key: content.image_key }] : [];
    case 'file':
      return file('file');
    case 'audio':
      return file('audio');
    case 'media':
      return file('video');
    case 'post':
      return postBody(content).lines.flat().flatMap(resourcesOfPart);
    default:
      return [];
  }
}

function resourcesOfPart(part: unknown): ResourceKey[] {
  if (!isObject(part)) return [];
  if (part.tag === 'img' && typeof part.image_key === 'string') return [{ kind: 'image', key: part.image_key }];
  if (part.tag === 'media' && typeof part.file_key === 'string') return [{ kind: 'video', key: part.file_key }];
  if (part.tag === 'file' && typeof part.file_key === 'string') return [{ kind: 'file', key: part.file_key }];
  return [];
}

/** Events contain a post in one language; the API accepts one with a body for each language. */
function postBody(content: Content): { title: string; lines: unknown[][] } {
  const body = Array.isArray(content.content)
    ? content
    : (Object.values(content).find((value) => isObject(value) && Array.isArray(value.content)) ?? {});
  const { title, content: lines } = body as { title?: unknown; content?: unknown[] };
  return { title: typeof title === 'string' ? title : '', lines: (lines ?? []).filter((line) => Array.isArray(line)) };
}

function postText(content: Content, markup: Markup): string {
  const { title, lines } = postBody(content);
  const heading = title === '' ? [] : [markup.style === 'markdown' ? `**${title}**` : title];
  const body = lines.map((line) => line.map((part) => inline(part, markup) ?? '').join(''));
  return [...heading, ...body].join('\n');
}

/** The template contains names of fields: `{from_user} invited {to_chatters} to this chat.` */
function systemText({ template, ...fields }: Content): string {
  return String(template ?? '').replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (isObject(value)) return String(value.text ?? whole);
    return value === undefined ? whole : listOf(value).join(', ');
  });
}

function todoText({ summary, due_time: due }: Content, markup: Markup): string {
  const text = isObject(summary) ? postText(summary, markup) : '';
  return [placeholder('task', ...(time(due) === undefined ? [] : [`due ${time(due)}`])), text].join('\n').trim();
}

function calendarText({ summary, start_time: start, end_time: end }: Content): string {
  return placeholder('calendar event', summary, [time(start), time(end)].filter(Boolean).join(' to '));
}

/** @param milliseconds since the epoch, usually as text */
function time(milliseconds: unknown): string | undefined {
  const date = new Date(Number(milliseconds));
  return Number(milliseconds) > 0 && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}

function seconds(milliseconds: unknown): string | undefined {
  return typeof milliseconds === 'number' ? `${Math.round(milliseconds / 1000)} s` : undefined;
}

function listOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => each !== '' && each != null).map(String);
}
