import { type ComponentChild, type ComponentChildren, Fragment } from 'preact';
import { messages } from '../messages.ts';
import { actionOf, confirmationOf, linkOf, sendsCallback, submitOf } from './actions.ts';
import { renderButton, renderField, renderOverflow } from './controls.tsx';
import { asList, asObject, asText, isObject, type JsonObject } from './json.ts';
import { renderImage, renderMarkdown } from './markdown.tsx';
import { colorOf, MAXIMUM_DEPTH, nameOf, plainText, type Rendering } from './rendering.ts';
import { SafeLink } from './safe-link.tsx';

type Renderer = (element: JsonObject, rendering: Rendering) => ComponentChild;

const MAXIMUM_ROWS = 100;
const MAXIMUM_COLUMNS = 50;

/** Renders the elements of JSON 1.0 and 2.0 cards, up to the limits of depth and number. */
export function renderElements(elements: unknown, rendering: Rendering): ComponentChildren {
  if (rendering.depth > MAXIMUM_DEPTH) return <p class="quiet">{messages.card.tooDeep}</p>;
  const inner = { ...rendering, depth: rendering.depth + 1 };
  const nodes: ComponentChild[] = [];
  const counts = new Map<string, number>();
  for (const element of asList(elements).map(asObject)) {
    // Once below zero, the card says that elements are missing.
    rendering.budget.elements -= 1;
    if (rendering.budget.elements < 0) break;
    // An update that adds or removes elements keeps the focus and the input of the others.
    const tag = asText(element.tag);
    const count = (counts.get(tag) ?? 0) + 1;
    counts.set(tag, count);
    nodes.push(<Fragment key={`${tag} ${count}`}>{renderElement(element, inner)}</Fragment>);
  }
  return nodes;
}

function renderElement(element: JsonObject, rendering: Rendering): ComponentChild {
  const tag = asText(element.tag);
  const renderer = Object.hasOwn(RENDERERS, tag) ? RENDERERS[tag] : undefined;
  return renderer === undefined ? renderUnsupported(element) : renderer(element, rendering);
}

/** Renders a `plain_text` or `lark_md` object, or the element that it is. */
export function renderText(value: unknown, rendering: Rendering): ComponentChild {
  const { tag } = asObject(value);
  const text = plainText(value);
  if (text === '') return null;
  return tag === 'lark_md' || tag === 'markdown' ? renderMarkdown(text, rendering) : <p class="card-text">{text}</p>;
}

function renderUnsupported({ tag }: JsonObject): ComponentChild {
  return <p class="quiet card-unsupported">{messages.card.unsupported(asText(tag) || '?')}</p>;
}

const renderPicture: Renderer = (element, rendering) => {
  const key = asText(element.img_key);
  return (
    <figure class="card-image">{renderImage(key, plainText(element.alt) || messages.chat.image, rendering)}</figure>
  );
};

const renderDiv: Renderer = (element, rendering) => (
  <div class="card-div">
    <div>
      {renderText(element.text, rendering)}
      {asList(element.fields).length > 0 && (
        <div class="card-fields">
          {asList(element.fields)
            .slice(0, MAXIMUM_ROWS)
            .map(asObject)
            .map(({ is_short: isShort, text }) => (
              <div class={isShort === true ? 'card-short' : undefined}>{renderText(text, rendering)}</div>
            ))}
        </div>
      )}
    </div>
    {isObject(element.extra) && <div class="card-extra">{renderElements([element.extra], rendering)}</div>}
  </div>
);

const renderColumns: Renderer = (element, rendering) => (
  <div class="card-columns">
    {asList(element.columns)
      .slice(0, MAXIMUM_COLUMNS)
      .map(asObject)
      .map((column) => {
        const weight = Math.min(Math.max(Number(column.weight) || 1, 1), 5);
        return (
          <div class="card-column" style={column.width === 'auto' ? {} : { flexGrow: weight }}>
            {renderElements(column.elements, rendering)}
          </div>
        );
      })}
  </div>
);

const renderForm: Renderer = (element, rendering) => {
  const form: NonNullable<Rendering['form']> = { fields: [], buttons: [] };
  const children = renderElements(element.elements, { ...rendering, form });
  return (
    <form
      class="card-form"
      onSubmit={(event) => {
        event.preventDefault();
        const { submitter } = event as SubmitEvent;
        const button = form.buttons[Number((submitter as HTMLButtonElement | null)?.value ?? 0)];
        if (button === undefined) return;
        const action = submitOf(button, form.fields, new FormData(event.currentTarget));
        rendering.onAction(action, confirmationOf(button));
      }}
    >
      {children}
    </form>
  );
};

const renderPanel: Renderer = (element, rendering) => {
  const { title } = asObject(element.header);
  return (
    <details class="card-panel" open={element.expanded === true}>
      <summary>{plainText(title) || messages.card.panel}</summary>
      <div>{renderElements(element.elements, rendering)}</div>
    </details>
  );
};

const renderTable: Renderer = (element, rendering) => {
  const columns = asList(element.columns).slice(0, MAXIMUM_COLUMNS).map(asObject);
  const rows = asList(element.rows);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: A wide table scrolls, and Safari needs focus to scroll with the keyboard.
    <section class="card-table" aria-label={messages.card.table} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ name, display_name: title }) => (
              <th scope="col">{asText(title) || asText(name)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows
            .slice(0, MAXIMUM_ROWS)
            .map(asObject)
            .map((row) => (
              <tr>
                {columns.map((column) => (
                  <td>{renderCell(row[asText(column.name)], column, rendering)}</td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
      {rows.length > MAXIMUM_ROWS && <p class="quiet">{messages.card.moreRows(rows.length - MAXIMUM_ROWS)}</p>}
    </section>
  );
};

function renderCell(value: unknown, { data_type: type }: JsonObject, rendering: Rendering): ComponentChild {
  if (Array.isArray(value)) {
    return value.slice(0, MAXIMUM_COLUMNS).map((item) =>
      isObject(item) ? (
        <span class="tag" data-color={colorOf(item.color) ?? 'grey'}>
          {asText(item.text)}
        </span>
      ) : (
        <>{nameOf(asText(item), rendering)} </>
      ),
    );
  }
  const text = plainText(value);
  if (type === 'lark_md' || type === 'markdown') return renderMarkdown(text, rendering);
  if (type === 'date' && Number(value) > 0) return new Date(Number(value)).toLocaleDateString(messages.card.language);
  return type === 'persons' ? nameOf(text, rendering) : text;
}

const renderContainer: Renderer = (element, rendering) => {
  const link = linkOf(element);
  return (
    <div class="card-container">
      {renderElements(element.elements, rendering)}
      {link !== undefined && <SafeLink url={link}>{messages.card.openLink}</SafeLink>}
      {asList(element.behaviors).length > 0 && sendsCallback(element) && (
        <button
          type="button"
          class="card-button"
          disabled={element.disabled === true}
          onClick={() => rendering.onAction(actionOf(element), confirmationOf(element))}
        >
          {messages.card.select}
        </button>
      )}
    </div>
  );
};

const renderPeople: Renderer = (element, rendering) => {
  const people =
    element.tag === 'person' ? [element.user_id] : asList(element.persons).map((item) => asObject(item).id);
  const names = people.slice(0, MAXIMUM_ROWS).map((id) => nameOf(asText(id), rendering));
  return <p class="card-text">{names.join(', ')}</p>;
};

const renderGroup =
  (className: string, key: string): Renderer =>
  (element, rendering) => <div class={className}>{renderElements(element[key], rendering)}</div>;

const RENDERERS: Readonly<Record<string, Renderer>> = {
  div: renderDiv,
  markdown: (element, rendering) => renderMarkdown(plainText(element), rendering),
  plain_text: (element) => <span class="card-text">{plainText(element)}</span>,
  lark_md: (element, rendering) => renderMarkdown(plainText(element), rendering),
  hr: () => <hr />,
  img: renderPicture,
  img_combination: ({ img_list: pictures }, rendering) => (
    <div class="card-images">
      {asList(pictures)
        .slice(0, MAXIMUM_COLUMNS)
        .map((picture) => renderPicture(asObject(picture), rendering))}
    </div>
  ),
  note: renderGroup('card-note', 'elements'),
  action: renderGroup('card-actions', 'actions'),
  column_set: renderColumns,
  form: renderForm,
  collapsible_panel: renderPanel,
  interactive_container: renderContainer,
  table: renderTable,
  person: renderPeople,
  person_list: renderPeople,
  button: renderButton,
  overflow: renderOverflow,
  select_static: renderField,
  select_person: renderField,
  select_img: renderField,
  multi_select_static: renderField,
  multi_select_person: renderField,
  date_picker: renderField,
  picker_time: renderField,
  picker_datetime: renderField,
  input: renderField,
  checker: renderField,
};
