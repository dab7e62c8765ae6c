import { tryParseJsonObject } from '../../feishu/envelope.ts';
import { CALLBACKS } from '../../samples/callbacks.ts';
import { EVENTS, EVENTS_V1 } from '../../samples/events.ts';
import { GENERATED, GENERATED_V1 } from '../../samples/generated.ts';
import { MESSAGES, MESSAGES_V1 } from '../../samples/messages.ts';

// The closed lists of the words that a recording keeps. Do not add words that are also given names or surnames.

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Values that handlers branch on: literals from the SDK's types and from the platform's documentation. */
const PROTOCOL_WORDS: ReadonlySet<string> = new Set([
  ...Object.keys(GENERATED),
  ...Object.keys(GENERATED_V1),
  // Envelopes, callbacks.
  ...words('1.0 2.0 event_callback url_verification im_message im_top_notice url_preview'),
  // Senders, chats, messages: im-v1/message-content-description.
  ...words('user app bot anonymous unknown tenant p2p private group topic topic_group thread chat public'),
  ...words('text post image file audio media sticker interactive share_chat share_user location merge_forward'),
  ...words('system hongbao folder video_chat todo vote calendar share_calendar_event general_calendar'),
  ...words('enterprise_manager group_manager group_owner message_owner all_members not_anyone only_owner'),
  ...words('moderator_list allowed not_allowed anyone no_approval_required approval_required'),
  // Elements of posts and cards: their tags, sizes, styles.
  ...words('a at img emotion hr code_block md bold italic underline lineThrough button input select_static'),
  ...words('multi_select_static select_person multi_select_person select_img checker overflow date_picker'),
  ...words('picker_time picker_datetime form form_container div markdown plain_text lark_md column_set column note'),
  ...words('action field table chart img_combination person person_list collapsible_panel interactive_container'),
  ...words('default primary danger primary_filled danger_filled text primary_text danger_text laser'),
  ...words('small medium large tiny left center right wide fill normal heading notation'),
  // States: approval-v4, task, drive, contact.
  ...words('PENDING APPROVED REJECTED CANCELED CANCELLED DELETED REVERTED DONE TRANSFERRED ROLLBACK HIDDEN CREATE'),
  ...words('OVERTIME_CLOSE OVERTIME_RECOVER PROCESS CC READ UNREAD ACTIVE INACTIVE'),
  ...words(
    'pending approved rejected canceled cancelled deleted reverted done transferred waiting converted offboarded',
  ),
  ...words('completed exception failed in_progress in_review initiating manual_skipped not_started skipped terminated'),
  ...words('uninitialized expired others withdrawn'),
  ...words('MINUTE HOUR HALF_DAY DAY WEEK MONTH YEAR'),
  // Literals of the SDK's types.
  ...words('operation audited reject administrator auto aily app_engine base bot_builder developer_console'),
  ...words('free_busy_reader owner reader writer add delete modify edit view full_access add_comment add_reply'),
  ...words('communication_and_open_result leader_review reconsideration review summarize_key_outputs view_result'),
  ...words('custom_review_role direct_project_leader dotted_line_leader invited_reviewer reviewee'),
  ...words('secondary_solid_line_leader solid_line_leader'),
  // Documents in drive, form fields of approvals.
  ...words('bitable doc docx sheet slides mindnote wiki shortcut pdf'),
  ...words('textarea number date dateInterval radio radioV2 checkbox checkboxV2 attachment attachmentV2 imageV2'),
  ...words('amount formula telephone contact department connect document fieldList address account'),
  ...words('leaveGroup leaveGroupV2 outGroup tripGroup workGroup remedyGroup shiftGroup'),
  // Reactions: im-v1/message-reaction/emojis-introduce.
  ...words('OK THUMBSUP ThumbsDown THANKS MUSCLE FINGERHEART APPLAUSE FISTBUMP JIAYI SMILE BLUSH LAUGH SMIRK LOL'),
  ...words('FACEPALM LOVE WINK PROUD WITTY SMART SCOWL THINKING SOB CRY ERROR NOSEPICK HAUGHTY SLAP SPITBLOOD'),
  ...words('TOASTED GLANCE DULL INNOCENTSMILE WOW TRICK YEAH ENOUGH TEARS EMBARRASSED KISS SMOOCH DROOL OBSESSED'),
  ...words('MONEY TEASE SHOWOFF COMFORT CLAP PRAISE STRIVE XBLUSH SILENT WAVE WHAT FROWN SHY DIZZY LOOKDOWN CHUCKLE'),
  ...words('WAIL CRAZY WHIMPER HUG BLUBBER WRONGED HUSKY SHHH SMUG ANGRY HAMMER SHOCKED TERROR PETRIFIED SKULL SWEAT'),
  ...words('SPEECHLESS SLEEP DROWSY YAWN SICK PUKE BETRAYED HEADSET EatingFood MeMeMe Sigh Typing Lemon Get LGTM OnIt'),
  ...words('OneSecond VRHeadset YouAreTheBest SALUTE SHAKE HIGHFIVE HEART HEARTBROKEN PARTY BEER CAKE GIFT Coffee Yes'),
  ...words('No OKR CheckMark CrossMark MinusOne Hundred Pin Alarm Loudspeaker Trophy Fire BOMB Music FIREWORKS'),
]);

const LANGUAGES: ReadonlySet<string> = new Set(
  words(`zh_cn zh_hk zh_tw en_us en_gb ja_jp ko_kr fr_fr de_de es_es it_it pt_br ru_ru th_th vi_vn id_id ms_my
    ar_sa hi_in tr_tr pl_pl nl_nl zh en ja ko fr de es it pt ru th vi id ms`),
);

/** Words that developers use for buttons, commands and the fields of a card's `value`. */
const DEVELOPER_WORDS: ReadonlySet<string> = new Set(
  words(`accept action add agree all amount apply approve approved archive article assign back button calendar call cancel
    category change channel chart chat check clear click close command comment complete config configure confirm contact
    continue copy count create customer data date day decline default delete deny deploy detail details disable disabled disagree
    dismiss done download draft edit enable enabled end event exit expense export feedback field file filter finish first flow
    form forward get go group help hide history home id ignore import incident index info input invoice issue item join
    key kind last leave link list load log login logout menu message minus mode more move mute name new next no none not
    note number off ok on open option order overtime page pause payload pending pick plus point poll previous print
    priority process product project publish quantity query question quit read ready refresh refuse reject rejected
    reload remind remove reopen reply report request reserve reset resolve restart resume retry return review room run
    save schedule search select selected send set settings share show sign skip snooze sort source start state status
    step stop submit subscribe summary switch sync table tag task team template test ticket time title toggle total transfer
    translate trip type undo unmute unsubscribe update upload url urgent user value version view visit vote votes week
    welcome work workflow yes`),
);

/** Fields of message contents and cards that the samples do not contain. */
const MORE_FIELD_NAMES = words(`schema header event event_id event_type create_time token app_id tenant_key ts uuid
  challenge resource_id user_list event_create_time template from_user to_chatters divider_text summary topic
  open_calendar_id open_event_id task_id due_time options elements columns config body header text content href src
  height width image_key file_key file_name file_size duration emoji_type un_escape user_name style language link lang
  multi_url pc_url android_url ios_url behaviors placeholder initial_option initial_value template_id
  template_variable wide_screen_mode update_multi subtitle padding margin direction element_id action actions
  form_value input_value checked option options timezone name value tag open_message_id open_chat_id preview_token
  delivery_type form custom_id ext widget_id open_ids user_ids mobiles emails phones i18n_elements`);

const EXTENSIONS: ReadonlySet<string> = new Set(
  words(`pdf doc docx xls xlsx ppt pptx txt csv md rtf png jpg jpeg gif bmp webp svg heic mp3 m4a wav opus aac mp4 mov
    avi mkv zip rar 7z gz tar json xml yaml html log`),
);

/** Fields whose values may be {@link PROTOCOL_WORDS}. */
const PROTOCOL_FIELD =
  /^(.+_)?(schema|host|types?|status|state|tags?|units?|mode|styles?|theme|size|permission|setting|role|source|operation)$/;
const LANGUAGE_FIELD = /^(.+_)?(locale|lang|language|i18n_key)$/;
const TIME_ZONE_FIELD = /^(.+_)?time_?zone$/;
const VERSION_FIELD = /^(.+_)?version$/;
const TIME_FIELD = /^(ts|(?!.*birth)(.+_)?(time|time_stamp|timestamp|date|datetime|at|time_ms)|leave_(detail|range))$/;

/** At most three numbers: four would be an IP address. */
const VERSION = /^v?\d{1,3}(\.\d{1,3}){0,2}$/;
/** Seconds, milliseconds, microseconds or nanoseconds from 2001 on. */
const TIMESTAMP = /^([12]\d{9}(\.\d{1,9})?|[12]\d{12}|[12]\d{15}|[12]\d{18})$/;
const DATE = String.raw`(19|20|21)\d\d[-/.](0?[1-9]|1[0-2])[-/.]([0-2]?\d|3[01])`;
const CLOCK = String.raw`([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?`;
const OFFSET = String.raw`Z|[+-][01]\d:?[0-5]\d`;
const DATE_OR_CLOCK = new RegExp(`^(${DATE}([ T]${CLOCK})?|${CLOCK})( ?(${OFFSET}))?$`);

/** Returns whether a field's value is one of the platform's words. */
export function isProtocolWord(field: string, text: string): boolean {
  if (PROTOCOL_FIELD.test(field)) return PROTOCOL_WORDS.has(text);
  if (LANGUAGE_FIELD.test(field)) return isLanguage(text);
  if (TIME_ZONE_FIELD.test(field)) return isTimeZone(text);
  return VERSION_FIELD.test(field) && VERSION.test(text);
}

/** Returns whether a field's value is a date, a time of day or a time since the epoch. */
export function isTime(field: string, text: string): boolean {
  return TIME_FIELD.test(field) && (TIMESTAMP.test(text) || DATE_OR_CLOCK.test(text));
}

/** Returns whether a text consists of words that developers name commands with, such as `approve` or `submit_order`. */
export function isDeveloperWord(text: string): boolean {
  return /^[a-z]+([_.-][a-z]+){0,3}$/.test(text) && text.split(/[_.-]/).every((part) => DEVELOPER_WORDS.has(part));
}

/** Returns whether a name is a field of the SDK's types or a compound of their words (`whiteboard` is not). */
export function isFieldName(name: string): boolean {
  const { names, parts } = fieldNames();
  if (names.has(name) || DEVELOPER_WORDS.has(name) || isLanguage(name)) return true;
  const nameParts = partsOf(name);
  if (nameParts.length < 2 || !/^[a-z]\w{0,60}$/.test(name)) return false;
  return nameParts.every((part) => parts.has(part) || DEVELOPER_WORDS.has(part) || /^\d{1,2}$/.test(part));
}

/** Returns whether a text is a common file extension, without the dot. */
export function isFileExtension(text: string): boolean {
  return EXTENSIONS.has(text.toLowerCase());
}

function isLanguage(text: string): boolean {
  return LANGUAGES.has(text.toLowerCase().replace('-', '_'));
}

function isTimeZone(text: string): boolean {
  if (!/^[A-Z][A-Za-z_/]{2,40}$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

let cachedNames: { names: ReadonlySet<string>; parts: ReadonlySet<string> } | undefined;

function fieldNames() {
  cachedNames ??= readFieldNames();
  return cachedNames;
}

function readFieldNames() {
  const names = new Set(MORE_FIELD_NAMES);
  const variants = [CALLBACKS, EVENTS, EVENTS_V1, { MESSAGES, MESSAGES_V1 }].flatMap(Object.values);
  collectNames([GENERATED, GENERATED_V1].map(Object.values), names);
  for (const samples of variants)
    for (const sample of Object.values(samples)) collectNames((sample as () => object)(), names);
  return { names, parts: new Set([...names].flatMap(partsOf).filter(({ length }) => length > 1)) };
}

function collectNames(value: unknown, names: Set<string>): void {
  // A message's content is JSON in a string.
  if (typeof value === 'string') collectNames(tryParseJsonObject(value), names);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && /^[a-z]\w*$/i.test(name)) names.add(name);
    collectNames(inner, names);
  }
}

/** `messageId` and `message_id` have the parts `message` and `id`. */
function partsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split('_');
}
