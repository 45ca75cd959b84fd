/** Dark or light: what the system says, unless the button was pressed. */

import { useEffect, useState } from "preact/hooks";
import type { Theme } from "./palette";

const KEY = "podometer-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "dark" || chosen === "light") return chosen;
  return system.matches ? "dark" : "light";
}

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());
system.addEventListener("change", tell);

export function toggleTheme(): void {
  const next = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage it holds for this page only.
  }
  tell();
}

export function useTheme(): Theme {
  const [now, set] = useState(theme);
  useEffect(() => {
    const listener = () => set(theme());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return now;
}
