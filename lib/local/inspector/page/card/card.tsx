import type { ComponentChild } from 'preact';
import { messages } from '../messages.ts';
import { linkOf } from './actions.ts';
import { renderElements, renderText } from './elements.tsx';
import { asList, asObject, asText, type JsonObject } from './json.ts';
import { type CardContext, colorOf, MAXIMUM_ELEMENTS, plainText, type Rendering } from './rendering.ts';
import { SafeLink } from './safe-link.tsx';

/**
 * Renders a card of JSON 1.0 or 2.0. Only texts, web addresses and keys of pictures are taken from it, never HTML.
 *
 * @see https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-structure
 */
export function renderCard(card: JsonObject, context: CardContext): ComponentChild {
  if (card.type === 'template') return renderTemplate(asObject(card.data));
  const { header, body, elements, i18n_elements: translated } = card;
  const rendering: Rendering = { ...context, depth: 0, budget: { elements: MAXIMUM_ELEMENTS } };
  const content = asObject(body).elements ?? asObject(translated)[messages.card.locale] ?? elements;
  const title = plainText(asObject(asObject(header).title));
  const link = linkOf({ multi_url: card.card_link });
  // Before the budget is read.
  const children = renderElements(content, rendering);
  return (
    <section class="card" aria-label={title || messages.card.card}>
      {header !== undefined && renderHeader(asObject(header), rendering)}
      <div class="card-body">
        {children}
        {rendering.budget.elements < 0 && <p class="quiet">{messages.card.tooMany}</p>}
        {link !== undefined && <SafeLink url={link}>{messages.card.openLink}</SafeLink>}
      </div>
    </section>
  );
}

function renderHeader(header: JsonObject, rendering: Rendering): ComponentChild {
  const { title, subtitle, template, text_tag_list: tags } = header;
  return (
    <header class="card-header" data-color={colorOf(template)}>
      <div class="card-title">
        {renderText(title, rendering)}
        {asList(tags)
          .slice(0, 3)
          .map(asObject)
          .map(({ text, color }) => (
            <span class="tag" data-color={colorOf(color) ?? 'grey'}>
              {plainText(text)}
            </span>
          ))}
      </div>
      {renderText(subtitle, rendering)}
    </header>
  );
}

/** The content of a template is known only to the platform. */
function renderTemplate({ template_id: id, template_variable: variables }: JsonObject): ComponentChild {
  return (
    <section class="card" aria-label={messages.card.card}>
      <div class="card-body">
        <p>{messages.card.template(asText(id))}</p>
        {variables !== undefined && <pre class="code">{asText(JSON.stringify(variables, null, 2))}</pre>}
      </div>
    </section>
  );
}
