import { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { decimal, doubleBits, floatBits, hex, integerOfBytes, readAll } from './canonical.mjs'

// The library's own choices for these types (Date, a parsed document) say less than the file does.
const parsers = {
  timestampFromMicroseconds: (micros) => micros,
  dateFromDays: (days) => days,
  jsonFromBytes: (bytes) => bytes && new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
  stringFromBytes: (bytes) => bytes && new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
  uuidFromBytes: (bytes) => bytes && hex(bytes),
}

// It makes doubles of decimals. Without the annotation it gives the unscaled integers.
function takeDecimals(metadata) {
  const scales = new Map()
  for (const element of metadata.schema) {
    if (element.converted_type !== 'DECIMAL') continue
    scales.set(element, element.scale ?? 0)
    delete element.converted_type
    delete element.logical_type
  }
  return scales
}

function scalar(value, element, scales) {
  if (scales.has(element)) {
    return decimal(value instanceof Uint8Array ? integerOfBytes(value) : value, scales.get(element))
  }
  if (element.type === 'FLOAT') return floatBits(value)
  if (element.type === 'DOUBLE') return doubleBits(value)
  if (value instanceof Uint8Array) return hex(value)
  return String(value)
}

function text(value, node, scales) {
  if (value === null || value === undefined) return null
  const { element, children } = node
  if (element.converted_type === 'LIST' || element.logical_type?.type === 'LIST') {
    return Array.from(value, (item) => text(item, children[0].children[0], scales))
  }
  if (element.converted_type === 'MAP' || element.logical_type?.type === 'MAP') {
    const [key, item] = children[0].children
    return Object.entries(value).map(([k, v]) => [text(k, key, scales), text(v, item, scales)])
  }
  if (children.length) {
    return Object.fromEntries(children.map((child) => [child.element.name, text(value[child.element.name], child, scales)]))
  }
  return scalar(value, element, scales)
}

await readAll(async (path) => {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const scales = takeDecimals(metadata)
  const { children } = parquetSchema(metadata)
  let rows = []
  await parquetRead({ file, metadata, compressors, parsers, utf8: false, onComplete: (read) => { rows = read } })
  return {
    columns: children.map((child) => child.element.name),
    rows: rows.map((row) => children.map((child, i) => text(row[i], child, scales))),
  }
})
