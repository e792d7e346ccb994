//! Prints the rows of Parquet files as ../README.md says, read with the record interface of the parquet crate; with
//! "--where" or "--bloom" through its Arrow interface and its Bloom filters.

mod bloom;
mod filter;

use parquet::data_type::{AsBytes, Decimal};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::SchemaDescriptor;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 32 => write!(out, "\\u{:04x}", c as u32).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

/// The bytes are two's complement, the sign first; 16 at most.
fn decimal(value: &Decimal) -> String {
    let bytes = value.data();
    let mut unscaled: i128 = if bytes.first().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 };
    for byte in bytes.as_bytes() {
        unscaled = unscaled << 8 | i128::from(*byte);
    }
    let scale = value.scale() as usize;
    let digits = format!("{:0>1$}", unscaled.unsigned_abs(), scale + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

fn scalar(field: &Field) -> String {
    match field {
        Field::Bool(v) => v.to_string(),
        Field::Byte(v) => v.to_string(),
        Field::Short(v) => v.to_string(),
        Field::Int(v) | Field::Date(v) | Field::TimeMillis(v) => v.to_string(),
        Field::Long(v) | Field::TimeMicros(v) | Field::TimestampMillis(v) | Field::TimestampMicros(v) => v.to_string(),
        Field::UByte(v) => v.to_string(),
        Field::UShort(v) => v.to_string(),
        Field::UInt(v) => v.to_string(),
        Field::ULong(v) => v.to_string(),
        Field::Float(v) if v.is_nan() => "7fc00000".into(),
        Field::Float(v) => format!("{:08x}", v.to_bits()),
        Field::Double(v) if v.is_nan() => "7ff8000000000000".into(),
        Field::Double(v) => format!("{:016x}", v.to_bits()),
        Field::Decimal(v) => decimal(v),
        Field::Str(v) => v.clone(),
        Field::Bytes(v) => hex(v.data()),
        other => panic!("no rule for {other:?}"),
    }
}

fn value(field: &Field, out: &mut String) {
    match field {
        Field::Null => out.push_str("null"),
        Field::Group(row) => group(row, out),
        Field::ListInternal(list) => {
            out.push('[');
            for i in 0..list.len() {
                if i > 0 {
                    out.push(',');
                }
                value(&list.elements()[i], out);
            }
            out.push(']');
        }
        Field::MapInternal(map) => {
            out.push('[');
            for (i, (key, item)) in map.entries().iter().enumerate() {
                out.push_str(if i > 0 { ",[" } else { "[" });
                value(key, out);
                out.push(',');
                value(item, out);
                out.push(']');
            }
            out.push(']');
        }
        other => quote(&scalar(other), out),
    }
}

fn group(row: &Row, out: &mut String) {
    out.push('{');
    for (i, (name, field)) in row.get_column_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
        value(field, out);
    }
    out.push('}');
}

/// The line before a file's rows.
fn head(path: &str, columns: &[String]) -> String {
    let mut line = String::from("{\"file\":");
    quote(path, &mut line);
    line.push_str(",\"columns\":[");
    for (i, name) in columns.iter().enumerate() {
        if i > 0 {
            line.push(',');
        }
        quote(name, &mut line);
    }
    line + "]}"
}

/// The leaf of a path with points.
fn leaf(schema: &SchemaDescriptor, path: &str) -> Result<usize> {
    let found = (0..schema.num_columns()).find(|i| schema.column(*i).path().string() == path);
    found.ok_or_else(|| ParquetError::General(format!("no leaf {path}")))
}

fn read(path: &str, lines: &mut impl Write) -> Result<usize> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let schema = reader.metadata().file_metadata().schema().clone();
    let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_string()).collect();
    writeln!(lines, "{}", head(path, &names))?;
    let mut count = 0;
    let mut line = String::new();
    for row in reader.get_row_iter(None)? {
        line.clear();
        line.push('[');
        for (i, (_, field)) in row?.get_column_iter().enumerate() {
            if i > 0 {
                line.push(',');
            }
            value(field, &mut line);
        }
        writeln!(lines, "{line}]")?;
        count += 1;
    }
    Ok(count)
}

fn main() -> std::io::Result<()> {
    let mut lines = BufWriter::new(std::io::stdout().lock());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (question, files) = match arguments.first().map(String::as_str) {
        Some("--where") => arguments.split_at(4),
        Some("--bloom") => arguments.split_at(3),
        _ => arguments.split_at(0),
    };
    // A file is read once for each value that is asked for.
    let values: Vec<&str> = match question {
        [_, _, _, values] => values.split(',').collect(),
        _ => vec![""],
    };
    for (path, value) in files.iter().flat_map(|path| values.iter().map(move |value| (path, value))) {
        let read = match question {
            [_, column, values] => bloom::ask(path, column, values, &mut lines),
            [_, column, _, _] => filter::read(path, column, value, &mut lines),
            _ => read(path, &mut lines),
        };
        match read {
            Ok(count) => writeln!(lines, "{{\"rows\":{count}}}")?,
            Err(error) => {
                let mut text = String::new();
                quote(&error.to_string(), &mut text);
                writeln!(lines, "{{\"error\":{text}}}")?;
            }
        }
    }
    lines.flush()
}
