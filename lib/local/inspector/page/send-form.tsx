import { useEffect, useState } from 'preact/hooks';
import type { SampleChoice } from '../wire.ts';
import { messages } from './messages.ts';
import { fetchSamples } from './requests.ts';

export interface Sample {
  type: string;
  variant?: string;
}

interface Props {
  onSend: (sample: Sample) => void;
  onEdit: (sample: Sample) => void;
}

/** Form to send or edit a sample of any event type. */
export function SendForm({ onSend, onEdit }: Props) {
  const [samples, setSamples] = useState<SampleChoice[]>([]);
  const [type, setType] = useState('im.message.receive_v1');
  const [variant, setVariant] = useState<string>();
  useEffect(() => {
    // Without the list, the user can still type an event type.
    fetchSamples().then(setSamples, () => {});
  }, []);
  const variants = samples.find((sample) => sample.type === type)?.variants ?? [];
  const sample: Sample = { type: type.trim(), ...(variant !== undefined && variants.includes(variant) && { variant }) };
  return (
    <form
      class="send"
      aria-label={messages.sendSample}
      onSubmit={(event) => {
        event.preventDefault();
        onSend(sample);
      }}
    >
      <input
        class="mono"
        list="types"
        required
        aria-label={messages.eventType}
        placeholder={messages.eventType}
        autocomplete="off"
        spellcheck={false}
        value={type}
        onInput={(event) => setType(event.currentTarget.value)}
      />
      <datalist id="types">
        {samples.map((choice) => (
          <option key={choice.type} value={choice.type} />
        ))}
      </datalist>
      <select
        aria-label={messages.variant}
        disabled={variants.length < 2}
        value={sample.variant ?? variants[0] ?? ''}
        onChange={(event) => setVariant(event.currentTarget.value)}
      >
        {variants.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <button type="submit" class="primary">
        {messages.send}
      </button>
      <button type="button" onClick={() => onEdit(sample)}>
        {messages.edit}
      </button>
    </form>
  );
}
