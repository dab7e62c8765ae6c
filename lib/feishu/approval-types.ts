// The contracts of Approval that are neither events nor callbacks: the platform posts to a URL of the approval's
// definition, with a token and a key of its own.

/** A language of the approval form: `zh_cn`, `en_us` or `ja_jp`. */
export type ApprovalLocale = 'zh_cn' | 'en_us' | 'ja_jp';

/**
 * Asks for the options of a form's control, without its token.
 *
 * @see https://open.feishu.cn/document/ukTMukTMukTM/uADM4QjLwADO04CMwgDN
 */
export interface ApprovalOptionsRequest {
  /** The platform's internal id of the user who fills in the form. The documentation recommends `employee_id`. */
  user_id?: string;
  /** The `user_id` that the APIs use. If it and `user_id` are missing, return all options. */
  employee_id?: string;
  /**
   * The values of the controls that this one depends on, by their code. If it is missing, return all options. The
   * documentation calls these values strings, and says that the open platform does not fully support them.
   */
  linkage_params?: Record<string, string>;
  /** The `nextPageToken` of the previous page. Only if the control searches page by page, like the next two fields. */
  page_token?: string;
  /** What the user is searching for. */
  query?: string;
  locale?: ApprovalLocale | (string & {});
}

/** The options of a form's control. */
export interface ApprovalOptions {
  options: readonly ApprovalOption[];
  /** If there are more: the `page_token` of the next request. Only if the control searches page by page. */
  nextPageToken?: string;
}

export interface ApprovalOption {
  /** Unique among all options of the control, and always the same for this option. */
  id: string;
  /** What the user sees, in one language or in several. */
  text: string | Partial<Record<ApprovalLocale, string>>;
  isDefault?: boolean;
}

/**
 * A user's decision about a task of a third-party approval, without its token.
 *
 * @see https://open.feishu.cn/document/ukTMukTMukTM/ukjNyYjL5YjM24SO2IjN/quick-approval-callback
 */
export interface QuickApproval {
  /** Or the `action_type` of a button in your `action_configs`. */
  action_type: 'APPROVE' | 'REJECT' | (string & {});
  /** What you passed as `action_context`. */
  action_context?: string;
  /** The `user_id` of the user who decided. */
  user_id: string;
  approval_code: string;
  /** Your id of the approval. In the list of tasks. */
  instance_id?: string;
  /** Your id of the task. In the list of tasks. */
  task_id?: string;
  /** Your id of the task. In search results. */
  id?: string;
  /** The approval bot's message that contains the button. The platform sends a 64-bit integer. */
  message_id?: string;
  reason?: string;
  attachments?: {
    file_type: 'IMAGE' | 'ATTACHMENTS' | (string & {});
    file_name: string;
    /** In bytes. */
    file_size: number;
    url: string;
  }[];
}
