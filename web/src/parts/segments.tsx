/** One of a few: radio buttons that look like one control. */

import { useId } from "preact/hooks";

interface Props {
  legend: string;
  options: { value: string; text: string }[];
  value: string;
  onChange(value: string): void;
}

export function Segments({ legend, options, value, onChange }: Props) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </fieldset>
  );
}
