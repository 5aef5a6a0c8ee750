// Arrays that the server keeps under a hash of their content: each is fetched once, however often colours change.

import { decode } from "./payload.js";

/** Bytes that are kept; above it the longest unused go. */
const MOST = 768e6;

const kept = new Map(); // hash -> {promise, bytes}; in the order of use

/**
 * The array that a reference stands for: {values, rows, columns}.
 * @param {{hash: string, bytes: number, url?: string, name?: string} | null} reference
 * @param {object} inline what came with the reference, by name
 */
export function section(reference, inline) {
  if (!reference) return null;
  const { hash, bytes, url, name } = reference;
  const found = kept.get(hash) ?? { promise: name ? Promise.resolve(inline[name]) : fetched(url), bytes };
  kept.delete(hash);
  kept.set(hash, found);
  found.promise.catch(() => kept.delete(hash));
  let total = [...kept.values()].reduce((sum, one) => sum + one.bytes, 0);
  for (const [old, { bytes: size }] of kept) {
    if (total <= MOST || old === hash) break;
    kept.delete(old);
    total -= size;
  }
  return found.promise;
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`The app no longer has the map's numbers (${answer.status}). Reload the page.`);
  return decode(new Uint8Array(await answer.arrayBuffer())).values;
}
