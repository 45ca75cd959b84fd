/** Who wants to know that the server no longer takes this page's word. */

const listeners = new Set<() => void>();

export const signedOut = () => listeners.forEach((tell) => tell());
export function onSignedOut(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}
