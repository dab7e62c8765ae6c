import type { Client } from '@larksuiteoapi/node-sdk';
import { api } from '../../lib/mock-platform/api.ts';

// The mock platform's responses have the types of the official SDK.

type MessageApis = Client['im']['message'];

api<MessageApis['create']>('POST /open-apis/im/v1/messages', () => ({ message_id: 'om_1' }));

// @ts-expect-error: a field of another type
api<MessageApis['create']>('POST /open-apis/im/v1/messages', () => ({ message_id: 1 }));

// @ts-expect-error: a field that the platform does not return
api<MessageApis['create']>('POST /open-apis/im/v1/messages', () => ({ id: 'om_1' }));

// @ts-expect-error: the item is incomplete
api<Client['contact']['user']['batch']>('GET /open-apis/contact/v3/users/batch', () => ({ items: [{}] }));

// The SDK returns the data of uploads without the fields next to it.
api<Client['im']['image']['create']>('POST /open-apis/im/v1/images', () => ({ image_key: 'img_1' }));
