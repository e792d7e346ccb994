import { readFileSync } from 'node:fs'
import { tableFromIPC, Type } from 'apache-arrow'
import { readParquet } from 'parquet-wasm'
import { decimal, doubleBits, floatBits, hex, readAll } from './canonical.mjs'

// The little-endian words of a decimal of 128 bits.
function integerOfWords(words) {
  let value = 0n
  for (let i = words.length - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i] >>> 0)
  return BigInt.asIntN(words.length * 32, value)
}

// The raw value where the library's own getter rounds: it gives milliseconds as a double.
function raw(data, i) {
  return data.values[data.offset === 0 ? i : i]
}

function text(vector, i) {
  if (!vector.isValid(i)) return null
  const { type } = vector
  switch (type.typeId) {
    case Type.Float: return type.precision === 1 ? floatBits(vector.get(i)) : doubleBits(vector.get(i))
    case Type.Decimal: return decimal(integerOfWords(vector.get(i)), type.scale)
    case Type.Binary:
    case Type.LargeBinary:
    case Type.FixedSizeBinary: return hex(vector.get(i))
    case Type.Date:
    case Type.Timestamp:
    case Type.Time: return String(rawOf(vector, i))
    case Type.List: return items(vector.get(i))
    case Type.Struct: {
      const names = type.children.map((child) => child.name)
      return Object.fromEntries(names.map((name, c) => [name, text(vector.getChildAt(c), i)]))
    }
    case Type.Map: {
      const entries = pick(vector, i)
      return items(entries).map((entry) => [entry.key, entry.value])
    }
    default: return String(vector.get(i))
  }
}

function items(list) {
  return Array.from({ length: list.length }, (_, i) => text(list, i))
}

function rawOf(vector, i) {
  for (const data of vector.data) {
    if (i < data.length) return raw(data, i)
    i -= data.length
  }
  throw new RangeError('no such value')
}

// The entries of a map as a vector of structs: the library's own row gives an object with text for keys.
function pick(vector, i) {
  const chunk = vector.data[0]
  const [from, to] = [chunk.valueOffsets[i], chunk.valueOffsets[i + 1]]
  return vector.getChildAt(0).slice(from, to)
}

await readAll(async (path) => {
  const table = tableFromIPC(readParquet(new Uint8Array(readFileSync(path))).intoIPCStream())
  const columns = table.schema.fields.map((field) => field.name)
  const rows = []
  for (const batch of table.batches) {
    const vectors = columns.map((_, c) => batch.getChildAt(c))
    for (let i = 0; i < batch.numRows; i++) rows.push(vectors.map((vector) => text(vector, i)))
  }
  return { columns, rows }
})
