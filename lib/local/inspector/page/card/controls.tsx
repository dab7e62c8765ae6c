import type { ComponentChild } from 'preact';
import { messages } from '../messages.ts';
import { actionOf, changeOf, confirmationOf, fieldName, isMultiple, linkOf, sendsCallback } from './actions.ts';
import { asList, asObject, asText, type JsonObject } from './json.ts';
import { nameOf, plainText, type Rendering } from './rendering.ts';
import { SafeLink } from './safe-link.tsx';

/** More would slow the page down. */
const MAXIMUM_OPTIONS = 500;

export function renderButton(element: JsonObject, rendering: Rendering): ComponentChild {
  const { form } = rendering;
  const label = plainText(element.text) || plainText(element.name) || messages.card.button;
  const style = asText(element.type);
  const isDisabled = element.disabled === true;
  const attributes = {
    class: /^(primary|danger)/.test(style) ? `card-button card-button-${style.split('_')[0]}` : 'card-button',
    disabled: isDisabled,
    title: isDisabled ? plainText(element.disabled_tips) : undefined,
  };
  const purpose = asText(element.form_action_type) || asText(element.action_type).replace('form_', '');
  if (form !== undefined && purpose === 'submit') {
    form.buttons.push(element);
    return (
      <button type="submit" value={form.buttons.length - 1} {...attributes}>
        {label}
      </button>
    );
  }
  if (form !== undefined && purpose === 'reset') {
    return (
      <button type="reset" {...attributes}>
        {label}
      </button>
    );
  }
  const link = linkOf(element);
  if (link !== undefined && !isDisabled && !sendsCallback(element)) {
    return (
      <SafeLink url={link} class="card-button">
        {label}
      </SafeLink>
    );
  }
  return (
    <>
      <button
        type="button"
        {...attributes}
        onClick={() => rendering.onAction(actionOf(element), confirmationOf(element))}
      >
        {label}
      </button>
      {link !== undefined && <SafeLink url={link}>{messages.card.openLink}</SafeLink>}
    </>
  );
}

/** Renders the options of an `overflow` as a menu of buttons. */
export function renderOverflow(element: JsonObject, rendering: Rendering): ComponentChild {
  return (
    <details class="card-menu">
      <summary aria-label={messages.card.more}>⋯</summary>
      <div>
        {optionsOf(element, rendering).map(({ label, value, link }) =>
          link !== undefined ? (
            <SafeLink url={link} class="card-button">
              {label}
            </SafeLink>
          ) : (
            <button
              type="button"
              class="card-button"
              onClick={(event) => {
                event.currentTarget.closest('details')?.removeAttribute('open');
                rendering.onAction({ ...actionOf(element), option: value }, confirmationOf(element));
              }}
            >
              {label}
            </button>
          ),
        )}
      </div>
    </details>
  );
}

/**
 * Renders a control for a value. In a form, the form sends it. Otherwise lists and checkboxes send it when it changes,
 * and the rest with a button, because it is entered in several steps.
 */
export function renderField(element: JsonObject, rendering: Rendering): ComponentChild {
  const { form } = rendering;
  if (form !== undefined) {
    const name = asText(element.name) || `${asText(element.tag)}_${form.fields.length + 1}`;
    form.fields.push({ name, element });
    return renderInput(element, fieldName(form.fields.length - 1), rendering);
  }
  const send = (target: HTMLFormElement | null) => {
    if (target !== null) rendering.onAction(changeOf(element, new FormData(target)), confirmationOf(element));
  };
  const isImmediate = element.tag === 'checker' || (isSelect(element) && !isMultiple(element));
  return (
    <form
      class="card-field"
      onSubmit={(event) => {
        event.preventDefault();
        send(event.currentTarget);
      }}
      {...(isImmediate && { onChange: (event: Event) => send(event.currentTarget as HTMLFormElement) })}
    >
      {renderInput(element, fieldName(0), rendering)}
      {!isImmediate && (
        <button type="submit" class="card-button" disabled={element.disabled === true}>
          {messages.card.confirm}
        </button>
      )}
    </form>
  );
}

function isSelect({ tag }: JsonObject): boolean {
  return tag === 'select_static' || tag === 'select_person' || tag === 'select_img';
}

function hasPlaceholder(element: JsonObject): boolean {
  return element.tag === 'input' || (isSelect(element) && !isMultiple(element));
}

function renderInput(element: JsonObject, name: string, rendering: Rendering): ComponentChild {
  const placeholder = plainText(element.placeholder);
  // Pickers and checkboxes have no place for a placeholder.
  const label = plainText(element.label) || (hasPlaceholder(element) ? '' : placeholder);
  const attributes = {
    name,
    disabled: element.disabled === true,
    required: element.required === true,
    'aria-label': label || placeholder || asText(element.name) || asText(element.tag),
  };
  if (element.tag === 'checker') {
    return (
      <label class="card-checker">
        <input {...attributes} aria-label={undefined} type="checkbox" defaultChecked={element.checked === true} />
        <span>{plainText(element.text) || attributes['aria-label']}</span>
      </label>
    );
  }
  const control = isMultiple(element)
    ? renderChoices(element, attributes, rendering)
    : isSelect(element)
      ? renderSelect(element, attributes, placeholder, rendering)
      : renderTextInput(element, attributes, placeholder);
  if (label === '') return control;
  return (
    <div class="card-labeled">
      <span>
        {label}
        {attributes.required && <span class="card-required"> *</span>}
      </span>
      {control}
    </div>
  );
}

interface Attributes {
  name: string;
  disabled: boolean;
  required: boolean;
  'aria-label': string;
}

function renderSelect(
  element: JsonObject,
  attributes: Attributes,
  placeholder: string,
  rendering: Rendering,
): ComponentChild {
  const options = optionsOf(element, rendering);
  const index = Number(element.initial_index);
  const initial = asText(element.initial_option) || options[index - 1]?.value;
  return (
    <select {...attributes}>
      <option value="">{placeholder || messages.card.choose}</option>
      {options.map(({ label, value }) => (
        <option value={value} selected={value === initial}>
          {label}
        </option>
      ))}
    </select>
  );
}

function renderChoices(element: JsonObject, { name, disabled, ...rest }: Attributes, rendering: Rendering) {
  const selected = new Set(asList(element.selected_values ?? element.initial_options).map(asText));
  return (
    <fieldset class="card-choices" disabled={disabled} aria-label={rest['aria-label']}>
      {optionsOf(element, rendering).map(({ label, value }) => (
        <label>
          <input type="checkbox" name={name} value={value} defaultChecked={selected.has(value)} /> {label}
        </label>
      ))}
    </fieldset>
  );
}

const INPUT_TYPES: Readonly<Record<string, [type: 'date' | 'time' | 'datetime-local', initial: string]>> = {
  date_picker: ['date', 'initial_date'],
  picker_time: ['time', 'initial_time'],
  picker_datetime: ['datetime-local', 'initial_datetime'],
};

function renderTextInput(element: JsonObject, attributes: Attributes, placeholder: string): ComponentChild {
  const tag = asText(element.tag);
  const picker = Object.hasOwn(INPUT_TYPES, tag) ? INPUT_TYPES[tag] : undefined;
  if (picker !== undefined) {
    const [type, initial] = picker;
    return <input {...attributes} type={type} defaultValue={asText(element[initial]).slice(0, 16).replace(' ', 'T')} />;
  }
  const limit = Number(element.max_length);
  const text = {
    ...attributes,
    placeholder,
    defaultValue: asText(element.default_value),
    ...(limit > 0 && { maxLength: limit }),
  };
  if (element.input_type === 'multiline_text') {
    return <textarea {...text} rows={Math.min(Math.max(Number(element.rows) || 3, 1), 12)} />;
  }
  if (element.input_type === 'password') return <input {...text} type="password" autocomplete="off" />;
  return <input {...text} type="text" autocomplete="off" />;
}

interface Option {
  label: string;
  value: string;
  link: string | undefined;
}

function optionsOf(element: JsonObject, rendering: Rendering): Option[] {
  const options = asList(element.options)
    .slice(0, MAXIMUM_OPTIONS)
    .map(asObject)
    .map((option) => {
      const value = asText(option.value ?? option.img_key);
      return { label: plainText(option.text) || nameOf(value, rendering), value, link: linkOf(option) };
    });
  if (options.length > 0 || !asText(element.tag).endsWith('select_person')) return options;
  return rendering.people.map(({ name, openId }) => ({ label: name, value: openId, link: undefined }));
}
