import { effect, signal } from "@preact/signals";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEPT = "stockwire.theme";

const stored = localStorage.getItem(KEPT);
const theme = signal<Theme>(THEMES.find((name) => name === stored) ?? "auto");

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem(KEPT, theme.value);
});

const ICONS: Record<Theme, string> = {
  auto: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.5a5.5 5.5 0 0 1 0 11z",
  light:
    "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM7.5 0h1v2.5h-1zM7.5 13.5h1V16h-1zM0 7.5h2.5v1H0zM13.5 7.5H16v1h-2.5z",
  dark: "M6 2a6.2 6.2 0 1 0 8 8A6.5 6.5 0 0 1 6 2z",
};

/** Switches between the system's colours, light and dark. */
export function ThemeSwitch() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
  return (
    <button
      type="button"
      class="theme"
      aria-label={`Colours: ${theme.value}`}
      title={`Colours: ${theme.value}`}
      onClick={() => (theme.value = next)}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={ICONS[theme.value]} />
      </svg>
    </button>
  );
}
