// Payloads of event types that the official SDK's types lack. A field that the documents do not guarantee is optional.

export interface UserIds {
  open_id?: string;
  union_id?: string;
  /** Requires the permission to read user ids. */
  user_id?: string;
}

/** v2.0 events. */
export interface PayloadsMissingInSdk {
  /**
   * A whiteboard to which the app subscribed was edited, by several people if they edit at the same time.
   *
   * @see https://github.com/larksuite/cli/blob/main/skills/lark-event/references/lark-event-whiteboard.md
   */
  'board.whiteboard.updated_v1': { whiteboard_id: string; operator_ids: UserIds[] };
  /** @see https://open.feishu.cn/document/server-docs/attendance-v1/event/user-attendance-records-event */
  'attendance.user_flow.created_v1': {
    record_id: string;
    employee_id: string;
    employee_no: string;
    /** Seconds since the epoch. */
    check_time: string;
    /**
     * 0: by the user, 1: changed by an administrator, 2: corrected, 3: by the system, 4: no check-out needed, 5: by a
     * device, 6: automatically, 7: imported.
     */
    type: number;
    comment?: string;
    is_field?: boolean;
    is_wifi?: boolean;
    ssid?: string;
    bssid?: string;
    location_name?: string;
    /** The platform does not fill in coordinates at present. */
    longitude?: number;
    latitude?: number;
    photo_urls?: string[] | null;
    /** 0: none, 1: cheating software, 2: another person's device, 3: a device shared by several people. */
    risk_result?: number;
  };
  /** @see https://open.feishu.cn/document/server-docs/attendance-v1/event/user-task-status-change-event */
  'attendance.user_task.updated_v1': {
    task_id: string;
    employee_id: string;
    employee_no: string;
    group_id: string;
    shift_id: string;
    /** For example 20210310. */
    date: number;
    time_zone: string;
    status_changes: {
      /** For example `Normal`, `Late`, `Early`, `Lack`. */
      before_status: string;
      current_status: string;
      /** For example `None`, `Leave`, `Travel`. */
      before_supplement: string;
      current_supplement: string;
      work_type: 'on' | 'off';
      /** The documents say string; their sample contains a number. */
      index: number | string;
    }[];
  };
  /** @see https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/apaas-v1/workspace/events/record_change */
  'apaas.workspace.record_change_v1': {
    workspace: string;
    app: string;
    table: string;
    type: 'INSERT' | 'UPDATE' | 'DELETE';
    operator?: string;
    /** The record as JSON text: all fields for `DELETE`, absent for `INSERT`. */
    before?: string | null;
    /** The changed fields as JSON text. */
    after?: string | null;
  };
  /** Assumed to have the fields of `moments.dislike.deleted_v1`. */
  'moments.dislike.created_v1': MomentsDislike;
  /** @see https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/moments-v1/dislike/events/deleted */
  'moments.dislike.deleted_v1': MomentsDislike;
  /** Someone muted or unmuted the bot. Not documented: the type is known from reports, its fields are not. */
  'im.message.bot_muted_v1': Record<string, unknown>;
}

interface MomentsDislike {
  id?: string;
  user_id?: UserIds;
  entity_id?: string;
  /** 1: a post. */
  entity_type?: number;
}

/** v1.0 events. */
export interface PayloadsMissingInSdkV1 {
  /**
   * One subscription brings this event and `leave_approvalV2`.
   *
   * @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/leave
   */
  leave_approval: EventOrigin & {
    approval_code?: string;
    instance_code: string;
    employee_id: string;
    open_id: string;
    /** When the approval began and ended, in seconds since the epoch. */
    start_time: number;
    end_time: number;
    leave_type: string;
    leave_unit: number;
    /** For example `2024-09-05 12:00:00`. */
    leave_start_time: string;
    leave_end_time: string;
    /** Seconds. */
    leave_interval: number;
    leave_reason: string;
  };
  /** @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/leave */
  leave_approval_revert: ApprovalRevert;
  /** @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/overtime */
  work_approval_revert: ApprovalRevert;
  /** @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/out-of-office */
  out_approval_revert: ApprovalRevert;
  /** @see https://open.feishu.cn/document/server-docs/approval-v4/event/common-event/approval-cc-event */
  approval_cc: EventOrigin & {
    approval_code: string;
    instance_code: string;
    /** The id of the copy. */
    id: string;
    /** Who receives the copy. */
    user_id: string;
    /** Milliseconds since the epoch. */
    create_time: number;
    operate: 'CREATE' | 'READ';
    /** Who sent the copy. May be empty. */
    from?: string;
  };
  /** An approval of the first version. No longer documented: the fields are those of other SDKs. */
  approval: EventOrigin & {
    definition_code?: string;
    definition_name?: string;
    instance_code?: string;
    event?: string;
    start_time?: number;
    end_time?: number;
  };
  /**
   * The name under which `approval.instance.remedy_group_update_v4` is subscribed to. The documents show only the latter's
   * envelope: these are the fields of its `object`.
   *
   * @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/attendance-record-correction
   */
  remedy_approval_v2: EventOrigin & Omit<RemedyApproval, 'type'>;
}

export interface RemedyApproval {
  type: string;
  instance_code: string;
  employee_id?: string;
  start_time?: string | number;
  end_time?: string | number;
  remedy_time?: string | number;
  remedy_reason?: string;
  status?: string;
}

interface EventOrigin {
  type: string;
  app_id: string;
  tenant_key: string;
}

/** An approval that was approved and then revoked. */
interface ApprovalRevert extends EventOrigin {
  instance_code: string;
  approval_code?: string;
  /** Seconds since the epoch. The documents say string; their samples contain a number. */
  operate_time: number | string;
  /** In older samples: `REVERTED`. */
  status?: string;
}
