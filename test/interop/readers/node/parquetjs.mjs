import parquet from '@dsnp/parquetjs'
import { decimal, doubleBits, floatBits, hex, integerOfBytes, readAll } from './canonical.mjs'

function text(value, field) {
  if (value === null || value === undefined) return null
  const physical = field.primitiveType ?? field.type
  switch (field.originalType) {
    case 'DECIMAL':
      return value instanceof Uint8Array ? decimal(integerOfBytes(value), field.scale ?? 0) : String(value)
    case 'DATE': return String(value.getTime() / 86400000)
    case 'JSON': return JSON.stringify(value)
    case 'TIMESTAMP_MICROS': return value instanceof Date ? String(BigInt(value.getTime()) * 1000n) : String(value)
  }
  if (physical === 'FLOAT') return floatBits(value)
  if (physical === 'DOUBLE') return doubleBits(value)
  if (value instanceof Uint8Array) return hex(value)
  return String(value)
}

await readAll(async (path) => {
  const reader = await parquet.ParquetReader.openFile(path)
  try {
    const { fields } = reader.getSchema()
    const columns = Object.keys(fields)
    const cursor = reader.getCursor()
    const rows = []
    for (let row; (row = await cursor.next()); ) rows.push(columns.map((name) => text(row[name], fields[name])))
    return { columns, rows }
  } finally {
    await reader.close()
  }
})
