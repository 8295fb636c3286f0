import { useId } from "preact/hooks";

interface Props {
  label: string;
  value: string;
  onInput: (value: string) => void;
  /** Errors in the value, from the server or the form. */
  problems?: readonly string[];
  hint?: string;
  placeholder?: string;
  type?: "text" | "number" | "url" | "password";
  options?: readonly string[];
  lines?: number;
  required?: boolean;
  min?: number;
}

/** An input with its label, hint and problems. With `options` a select, with `lines` a textarea. */
export function Field({ label, value, onInput, problems = [], hint, options, ...rest }: Props) {
  const id = useId();
  const { type = "text", lines, required, min, placeholder } = rest;
  const described = [hint && `${id}-hint`, problems.length > 0 && `${id}-problem`].filter(Boolean);
  const common = {
    id,
    value,
    autocomplete: "off",
    required,
    placeholder,
    "aria-invalid": problems.length > 0,
    "aria-describedby": described.join(" ") || undefined,
    onInput: (event: Event) => onInput((event.currentTarget as HTMLInputElement).value),
  };
  const input = { ...common, type: type as "number", ...(min !== undefined && { min }) };
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span class="faint"> · required</span>}
      </label>
      {options ? (
        <select {...common}>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      ) : lines ? (
        <textarea {...common} rows={lines} spellcheck={false} />
      ) : (
        <input {...input} spellcheck={false} />
      )}
      {hint && (
        <span id={`${id}-hint`} class="faint">
          {hint}
        </span>
      )}
      {problems.length > 0 && (
        <span id={`${id}-problem`} class="problem">
          {problems.join("; ")}
        </span>
      )}
    </div>
  );
}
