import type { Client } from '@larksuiteoapi/node-sdk';
import { type Api, type ApiRequest, api, download } from './api.ts';
import { PlatformError } from './errors.ts';
import type { Resource } from './resources.ts';

const MAXIMUM_IMAGE_BYTES = 10 * 1024 * 1024;
const MAXIMUM_FILE_BYTES = 30 * 1024 * 1024;

/**
 * The APIs of images and files.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/image/create
 * @see https://open.feishu.cn/document/server-docs/im-v1/file/create
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/get-2
 */
export const RESOURCE_APIS: Api[] = [
  api<Client['im']['image']['create']>('POST /open-apis/im/v1/images', ({ form }, { state }) => ({
    image_key: state.resources.add('image', uploadOf(form, 'image', MAXIMUM_IMAGE_BYTES)),
  })),

  api<Client['im']['file']['create']>('POST /open-apis/im/v1/files', ({ form }, { state }) => {
    const { name, content } = uploadOf(form, 'file', MAXIMUM_FILE_BYTES);
    const fileName = form.get('file_name');
    return { file_key: state.resources.add('file', { name: typeof fileName === 'string' ? fileName : name, content }) };
  }),

  download('GET /open-apis/im/v1/images/:image_key', ({ path }, { state }) =>
    state.resources.get(path.image_key ?? ''),
  ),

  download('GET /open-apis/im/v1/files/:file_key', ({ path }, { state }) => state.resources.get(path.file_key ?? '')),

  download('GET /open-apis/im/v1/messages/:message_id/resources/:file_key', ({ path }, { state }) => {
    const key = path.file_key ?? '';
    const { content, isDeleted } = state.message(path.message_id ?? '');
    if (isDeleted) throw new PlatformError(234038, 'The message has been recalled or deleted.');
    if (!content.includes(JSON.stringify(key))) throw new PlatformError(234003, 'File not in msg.');
    return state.resources.get(key);
  }),
];

function uploadOf(form: ApiRequest['form'], field: string, maximumBytes: number): Resource {
  const upload = form.get(field);
  if (upload === undefined || typeof upload === 'string') {
    throw new PlatformError(234001, `Invalid request param: ${field} is not a file.`);
  }
  if (upload.content.length === 0) throw new PlatformError(234010, "File's size can't be 0.");
  if (upload.content.length > maximumBytes) throw new PlatformError(234006, 'The file size exceed the max value.');
  return upload;
}
