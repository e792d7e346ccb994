// What ../README.md calls the text of a value, and the lines around the rows.

export function hex(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

export function floatBits(value) {
  if (Number.isNaN(value)) return '7fc00000'
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat32(0, value)
  return view.getUint32(0).toString(16).padStart(8, '0')
}

export function doubleBits(value) {
  if (Number.isNaN(value)) return '7ff8000000000000'
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

// An unscaled integer as a decimal of `scale` digits behind the point.
export function decimal(unscaled, scale) {
  const value = BigInt(unscaled)
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return (value < 0n ? '-' : '') + whole + (scale ? '.' + digits.slice(digits.length - scale) : '')
}

// Two's complement, the sign first.
export function integerOfBytes(bytes) {
  return bytes.length ? BigInt.asIntN(bytes.length * 8, BigInt('0x' + hex(bytes))) : 0n
}

// Calls read(path), which gives {columns, rows}, for every file named on the command line.
export async function readAll(read) {
  for (const path of process.argv.slice(2)) {
    try {
      const { columns, rows } = await read(path)
      const lines = [JSON.stringify({ file: path, columns })]
      for (const row of rows) lines.push(JSON.stringify(row))
      lines.push(JSON.stringify({ rows: rows.length }))
      process.stdout.write(lines.join('\n') + '\n')
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ file: path, columns: [] })}\n${JSON.stringify({ error: String(error) })}\n`)
    }
  }
}
