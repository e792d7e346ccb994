// What the files say of their columns' sizes and levels, as hyparquet reads it: a JSON line per file.
import { asyncBufferFromFile, parquetMetadataAsync, parquetSchema, readColumnIndex, readOffsetIndex } from 'hyparquet'

function leaves(node) {
  return node.children.length ? node.children.flatMap(leaves) : [node.element]
}

async function index(file, offset, length, read) {
  if (!length) return null
  const start = Number(offset)
  const bytes = await file.slice(start, start + length)
  return read({ view: new DataView(bytes), offset: 0 })
}

async function chunk(file, column, element) {
  return {
    path: column.meta_data.path_in_schema.join('.'),
    chunk: column.meta_data.size_statistics ?? null,
    bounds: column.meta_data.statistics?.max_value !== undefined,
    columns: await index(file, column.column_index_offset, column.column_index_length, (r) => readColumnIndex(r, element)),
    offsets: await index(file, column.offset_index_offset, column.offset_index_length, readOffsetIndex),
  }
}

for (const path of process.argv.slice(2)) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const elements = leaves(parquetSchema(metadata))
  const groups = []
  for (const group of metadata.row_groups) {
    groups.push(await Promise.all(group.columns.map((column, i) => chunk(file, column, elements[i]))))
  }
  console.log(JSON.stringify(groups, (_, value) => typeof value === 'bigint' ? Number(value) : value))
}
