// Exports a table as a Node service would: node export.js WHAT TABLE FILE. Prints {"rows": N}.
//
// A cursor is streamed through the libraries that such a service is made of; nothing is held. libpq's variables say
// where the server is.

import fs from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { format as csvFormat } from 'fast-csv';
import parquet from 'parquetjs-lite';
import pg from 'pg';
import QueryStream from 'pg-query-stream';

const BATCH_ROWS = 2000;
const SAMPLE_ROWS = 1000;
const JSON_TYPES = new Set([114, 3802]);
const TEXT_TYPES = [1082, 1114, 1184];   // dates and timestamps stay text: exact, and cheaper than a Date

// Dates and timestamps arrive as the server writes them; everything else as pg's defaults have it.
for (const type of TEXT_TYPES) pg.types.setTypeParser(type, (text) => text);

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const cell = (value) => (value !== null && typeof value === 'object' ? JSON.stringify(value) : value);

let rows = 0;

function mapping(map) {
  return new Transform({
    writableObjectMode: true,
    readableObjectMode: true,
    transform(row, _, done) {
      rows++;
      done(null, map(row));
    },
  });
}

// Text goes on in large pieces: a write per row would cost more than the row.
function writing(begin, each, end) {
  let text = begin;
  return new Transform({
    writableObjectMode: true,
    transform(row, _, done) {
      text += each(row, rows++);
      if (text.length < 65536) return done();
      const full = text;
      text = '';
      done(null, full);
    },
    flush(done) {
      done(null, text + end);
    },
  });
}

// fast-csv hands on row by row, and zlib takes each piece to another thread: a large piece costs it no more.
function gathering() {
  let pieces = [];
  let size = 0;
  return new Transform({
    transform(piece, _, done) {
      pieces.push(piece);
      size += piece.length;
      if (size < 65536) return done();
      const full = Buffer.concat(pieces);
      pieces = [];
      size = 0;
      done(null, full);
    },
    flush(done) {
      done(null, Buffer.concat(pieces));
    },
  });
}

// ---- CSV: a column per path of a JSON column's objects ----

function addPaths(value, name, paths) {
  for (const key of Object.keys(value)) {
    const path = `${name}.${key}`;
    if (isObject(value[key])) addPaths(value[key], path, paths);
    else paths.add(path);
  }
}

async function findHeaders(client, table) {
  const sample = await client.query(`SELECT * FROM ${table} LIMIT ${SAMPLE_ROWS}`);
  return sample.fields.flatMap(({ name, dataTypeID }) => {
    if (!JSON_TYPES.has(dataTypeID)) return [name];
    const paths = new Set();
    for (const row of sample.rows) if (isObject(row[name])) addPaths(row[name], name, paths);
    return paths.size ? [...paths].sort() : [name];
  });
}

function flattenInto(flat, value, name) {
  for (const key of Object.keys(value)) {
    const path = `${name}.${key}`;
    if (isObject(value[key])) flattenInto(flat, value[key], path);
    else flat[path] = cell(value[key]);
  }
}

function flatten(row) {
  const flat = {};
  for (const name of Object.keys(row)) {
    if (isObject(row[name])) flattenInto(flat, row[name], name);
    else flat[name] = cell(row[name]);
  }
  return flat;
}

async function toCsv(client, stream, table, file, compress) {
  const headers = await findHeaders(client, table);
  return pipeline(stream, mapping(flatten), csvFormat({ headers }), ...compress, fs.createWriteStream(file));
}

// ---- JSON, XML ----

const toJson = (stream, file) => pipeline(
  stream, writing('[\n', (row, n) => (n ? ',\n' : '') + JSON.stringify(row), '\n]\n'), fs.createWriteStream(file));

const toNdjson = (stream, file) => pipeline(
  stream, writing('', (row) => `${JSON.stringify(row)}\n`, ''), fs.createWriteStream(file));

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escape = (text) => (/[&<>]/.test(text) ? text.replace(/[&<>]/g, (c) => entities[c]) : text);

function element(name, value) {
  if (value === null || value === undefined) return `<${name}/>`;
  if (Array.isArray(value)) return `<${name}>${value.map((v) => element('item', v)).join('')}</${name}>`;
  if (typeof value === 'object')
    return `<${name}>${Object.keys(value).map((key) => element(key, value[key])).join('')}</${name}>`;
  return `<${name}>${escape(String(value))}</${name}>`;
}

const toXml = (stream, file) => pipeline(
  stream,
  writing('<?xml version="1.0" encoding="UTF-8"?>\n<records>\n', (row) => `${element('record', row)}\n`, '</records>\n'),
  fs.createWriteStream(file));

// ---- Parquet ----

const parquetTypes = { 16: 'BOOLEAN', 20: 'INT64', 21: 'INT32', 23: 'INT32', 700: 'FLOAT', 701: 'DOUBLE' };

async function toParquet(client, stream, table, file) {
  const { fields } = await client.query(`SELECT * FROM ${table} LIMIT 0`);
  const schema = new parquet.ParquetSchema(Object.fromEntries(fields.map(({ name, dataTypeID }) => [
    name, { type: parquetTypes[dataTypeID] ?? 'UTF8', compression: 'SNAPPY', optional: true }])));
  const integers = fields.filter((f) => f.dataTypeID === 20).map((f) => f.name);
  const objects = fields.filter((f) => JSON_TYPES.has(f.dataTypeID)).map((f) => f.name);
  const writer = await parquet.ParquetWriter.openFile(schema, file, { useDataPageV2: false });
  writer.setRowGroupSize(50000);
  for await (const row of stream) {
    for (const name of integers) if (row[name] !== null) row[name] = Number(row[name]);
    for (const name of objects) if (row[name] !== null) row[name] = JSON.stringify(row[name]);
    for (const name in row) if (row[name] === null) delete row[name];   // as the library wants a NULL
    await writer.appendRow(row);
    rows++;
  }
  await writer.close();
}

// ---- which of them ----

const [what, table, file] = process.argv.slice(2);
const { Client } = pg;
const settings = process.env.PGHOST ? {} : { connectionString: process.env.DATABASE_URL };
const client = new Client(settings);
const side = new Client(settings);       // what must be known before the cursor is open
await Promise.all([client.connect(), side.connect()]);
const stream = client.query(new QueryStream(`SELECT * FROM ${table}`, [], { batchSize: BATCH_ROWS,
                                                                            highWaterMark: BATCH_ROWS }));
const ways = {
  csv: () => toCsv(side, stream, table, file, []),
  'csv-gzip': () => toCsv(side, stream, table, file, [zlib.createGzip()]),
  'csv-gathered-gzip': () => toCsv(side, stream, table, file, [gathering(), zlib.createGzip()]),
  json: () => toJson(stream, file),
  ndjson: () => toNdjson(stream, file),
  xml: () => toXml(stream, file),
  parquet: () => toParquet(side, stream, table, file),
};
await ways[what]();
await Promise.all([client.end(), side.end()]);
console.log(JSON.stringify({ rows }));
