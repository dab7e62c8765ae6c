import { BOT_OPEN_ID, CHAT, MESSAGE, USER, uniqueId } from '../samples/sample-values.ts';
import { invalidParameter, PlatformError } from './errors.ts';
import { Resources } from './resources.ts';

/** A message that a person or the bot sent. */
export interface ChatMessage {
  messageId: string;
  chatId: string;
  /** The first message of the thread of replies. */
  rootId?: string;
  /** The message that this one replies to. */
  parentId?: string;
  /** The topic. */
  threadId?: string;
  /** An `open_id`. */
  senderId: string;
  senderType: 'user' | 'app';
  messageType: string;
  /** JSON */
  content: string;
  mentions: { key: string; openId: string; name: string }[];
  /** In milliseconds since the epoch, like `updatedAt`. */
  createdAt: number;
  updatedAt: number;
  isEdited: boolean;
  isDeleted: boolean;
  cardId?: string;
  /** The current JSON of the CardKit card `cardId`. */
  card?: object;
  /** Emoji types, such as `OK`. */
  reactions: string[];
}

export interface Chat {
  chatId: string;
  name: string;
  mode: 'p2p' | 'group';
  /** The `open_id`s of the people, without the bot. */
  memberIds: string[];
}

export interface Person {
  openId: string;
  userId: string;
  unionId: string;
  name: string;
}

export interface Reaction {
  id: string;
  emoji: string;
  /** An `open_id`. */
  operatorId: string;
  /** In milliseconds since the epoch. */
  at: number;
}

export interface Pin {
  messageId: string;
  /** In milliseconds since the epoch. */
  at: number;
}

/** The fields of a message that its sender determines. */
export type NewMessage = Pick<ChatMessage, 'chatId' | 'senderId' | 'senderType' | 'messageType' | 'content'> &
  Partial<Pick<ChatMessage, 'messageId' | 'rootId' | 'parentId' | 'threadId' | 'mentions' | 'cardId' | 'card'>>;

/** Bounds memory: beyond this, the oldest messages, chats and people are forgotten. */
const MAXIMUM_ENTRIES = 5000;
/** Of all messages. */
const MAXIMUM_CHARACTERS = 64 * 1024 * 1024;

/** What the mock platform stores, in memory: chats, people, messages and their files. */
export class PlatformState {
  readonly bot = { openId: BOT_OPEN_ID, name: 'Echo' };
  readonly resources = new Resources();
  /** By `open_id`. */
  readonly people = new Map<string, Person>();
  readonly chats = new Map<string, Chat>();
  /** By message. */
  readonly reactions = new Map<string, Reaction[]>();
  readonly pins = new Map<string, Pin>();
  /** The messages in a message of type `merge_forward`, by its id. */
  readonly forwarded = new Map<string, ChatMessage[]>();
  /** Chats from which the bot was removed. */
  readonly chatsWithoutBot = new Set<string>();
  /** The tokens of card callbacks, which can update the card twice. */
  readonly cardTokens = new Map<string, { messageId: string; uses: number }>();
  readonly now: () => number;
  readonly #messages = new Map<string, ChatMessage>();
  #characters = 0;
  readonly #onChange: (message: ChatMessage) => void;

  /** @param onChange called with each new or changed message */
  constructor(now: () => number, onChange: (message: ChatMessage) => void) {
    this.now = now;
    this.#onChange = onChange;
    const fang = { openId: USER.open_id, userId: USER.user_id, unionId: USER.union_id, name: '王芳' };
    const ming = createPerson({ openId: 'ou_1b2c3d4e5f60718293a4b5c6d7e8f901', userId: 'b7c8d9e0', name: '李明' });
    for (const person of [fang, ming]) this.people.set(person.openId, person);
    this.addChat({ chatId: CHAT, name: 'Echo team', memberIds: [fang.openId, ming.openId] });
    this.privateChat(fang);
    this.privateChat(ming);
  }

  /** Lists the messages, oldest first. */
  messages(): ChatMessage[] {
    return [...this.#messages.values()];
  }

  findMessage(messageId: string): ChatMessage | undefined {
    return this.#messages.get(messageId);
  }

  /** @throws {PlatformError} if there is no such message */
  message(messageId: string): ChatMessage {
    const message = this.#messages.get(messageId);
    if (message !== undefined) return message;
    // The samples of card callbacks have this id. Their handlers run before the mock platform receives the event.
    if (messageId === MESSAGE) return this.addExampleCard(messageId, CHAT);
    // Reported publicly for replies, edits and reactions.
    throw new PlatformError(99992354, `The request you send is not a valid {message_id} or not exists: ${messageId}`);
  }

  addMessage(fields: NewMessage): ChatMessage {
    const now = this.now();
    const message: ChatMessage = {
      messageId: `om_${uniqueId()}`,
      mentions: [],
      ...fields,
      createdAt: now,
      updatedAt: now,
      isEdited: false,
      isDeleted: false,
      reactions: [],
    };
    this.#put(message);
    return message;
  }

  /** Adds a card that the bot sent before. */
  addExampleCard(messageId: string, chatId: string): ChatMessage {
    const content = JSON.stringify({ header: { title: { tag: 'plain_text', content: 'Example' } }, elements: [] });
    const senderId = this.bot.openId;
    return this.addMessage({ messageId, chatId, senderId, senderType: 'app', messageType: 'interactive', content });
  }

  changeMessage(messageId: string, fields: Partial<ChatMessage>): void {
    this.#put({ ...this.message(messageId), ...fields });
  }

  addCardToken(token: string, messageId: string): void {
    putBounded(this.cardTokens, token, { messageId, uses: 0 });
  }

  /** @throws {PlatformError} if there is no such chat */
  chat(chatId: string): Chat {
    const chat = this.chats.get(chatId);
    if (chat !== undefined) return chat;
    throw new PlatformError(232006, `Invalid chat_id: ${chatId}`);
  }

  addChat({ chatId, name, memberIds }: Omit<Chat, 'mode'>): Chat {
    const chat: Chat = { chatId, name, mode: 'group', memberIds };
    putBounded(this.chats, chatId, chat);
    return chat;
  }

  /** Returns the chat of a person with the bot. */
  privateChat(person: Person): Chat {
    const known = [...this.chats.values()].find(
      ({ mode, memberIds }) => mode === 'p2p' && memberIds[0] === person.openId,
    );
    if (known !== undefined) return known;
    const chat: Chat = { chatId: `oc_${uniqueId()}`, name: person.name, mode: 'p2p', memberIds: [person.openId] };
    putBounded(this.chats, chat.chatId, chat);
    return chat;
  }

  /**
   * Returns a person. One that is not known is added, because an app may have the ids of its users in its settings.
   *
   * @param idType `open_id`, `user_id`, `union_id` or `email`
   * @throws {PlatformError} if the id does not have the format of its type
   */
  person(idType: string, id: string): Person {
    const field = ID_FIELDS[idType];
    if (id === '' || field === undefined) throw invalidParameter(`invalid ${idType}`);
    const known = [...this.people.values()].find((person) => person[field] === id);
    if (known !== undefined) return known;
    const prefix = { openId: 'ou_', unionId: 'on_', userId: '', name: '' }[field];
    if (!id.startsWith(prefix)) throw invalidParameter(`invalid ${idType}`);
    const person = createPerson({ name: `User ${this.people.size + 1}`, [field]: id });
    putBounded(this.people, person.openId, person);
    return person;
  }

  /**
   * Returns the chat to which a message is sent. One that is not known is added, because an app may have its id in its
   * settings.
   *
   * @param idType `chat_id` or a type of {@link person}
   * @throws {PlatformError} if the id does not have the format of its type, or the bot is not in the chat
   */
  recipient(idType: string, id: string): Chat {
    if (idType !== 'chat_id') return this.privateChat(this.person(idType, id));
    if (!id.startsWith('oc_')) throw invalidParameter('invalid receive_id');
    this.requireBot(id);
    return this.chats.get(id) ?? this.addChat({ chatId: id, name: id, memberIds: [...this.people.keys()] });
  }

  /** @throws {PlatformError} if the bot is not in the chat */
  requireBot(chatId: string): void {
    if (this.chatsWithoutBot.has(chatId)) throw new PlatformError(230002, 'The bot can not be outside the group.');
  }

  #put(message: ChatMessage): void {
    const { messageId, content } = message;
    this.#characters += content.length - (this.#messages.get(messageId)?.content.length ?? 0);
    this.#messages.set(messageId, message);
    for (const oldest of this.#messages.keys()) {
      const isWithinLimits = this.#messages.size <= MAXIMUM_ENTRIES && this.#characters <= MAXIMUM_CHARACTERS;
      if (isWithinLimits || oldest === messageId) break;
      this.#forget(oldest);
    }
    this.#onChange(message);
  }

  #forget(messageId: string): void {
    this.#characters -= this.#messages.get(messageId)?.content.length ?? 0;
    for (const map of [this.#messages, this.reactions, this.pins, this.forwarded]) map.delete(messageId);
  }
}

const ID_FIELDS: Readonly<Record<string, keyof Person>> = {
  open_id: 'openId',
  user_id: 'userId',
  union_id: 'unionId',
  // The mock has no addresses: a person who is addressed by one has it as the name.
  email: 'name',
};

function createPerson(fields: Partial<Person>): Person {
  const id = uniqueId();
  return { openId: `ou_${id}`, userId: id.slice(0, 8), unionId: `on_${id.slice(0, 30)}`, name: id, ...fields };
}

/** Adds an entry. If there are too many, removes the oldest. */
export function putBounded<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size > MAXIMUM_ENTRIES) map.delete(map.keys().next().value as string);
}
