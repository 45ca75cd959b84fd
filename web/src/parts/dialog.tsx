/** A modal dialog: the browser's own keeps the focus in and closes on Escape. */

import { useEffect, useId, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";

export function Dialog({ title, onClose, children }: { title: string; onClose(): void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** What went wrong, said at once to those who don't see it. */
export const Alert = ({ text }: { text: string | null }) => (
  <div role="alert">{text && <p class="notice bad">{text}</p>}</div>
);
