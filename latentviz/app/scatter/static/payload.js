// Reads what payload.py writes; the format is described there.

const MAGIC = 0x504d564c; // "LVMP", little-endian
const VERSION = 1;
const HEAD = 8;
const ROW = 32;
const TYPES = [Float32Array, Uint16Array, Uint8Array];

/**
 * The arrays of a payload by name: {hash, rows, columns, values}. `values` are views, not copies.
 * @param {Uint8Array} bytes
 */
export function decode(bytes) {
  // Views need a start that is a multiple of their numbers' size.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  if (view.byteLength < HEAD || view.getUint32(0, true) !== MAGIC) throw new Error("these bytes are no payload");
  if (view.getUint16(4, true) !== VERSION) throw new Error(`a payload of version ${view.getUint16(4, true)}`);
  const sections = {};
  for (let s = 0; s < view.getUint16(6, true); s++) {
    const row = HEAD + s * ROW;
    const name = String.fromCharCode(...aligned.subarray(row, row + 8)).replace(/\0+$/, "");
    const [rows, columns, type] = [view.getUint32(row + 16, true), view.getUint16(row + 20, true), view.getUint16(row + 22, true)];
    sections[name] = {
      hash: view.getBigUint64(row + 8, true).toString(16).padStart(16, "0"),
      rows,
      columns,
      values: new TYPES[type](aligned.buffer, aligned.byteOffset + view.getUint32(row + 24, true), rows * columns),
    };
  }
  return sections;
}
