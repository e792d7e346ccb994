//! The rows whose leaf `column` (its path, with points) has the value: a row filter, so that of the other columns only
//! the pages with such rows are read, found by the offset index.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_cast::display::array_value_to_string;
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::arrow::ProjectionMask;
use parquet::errors::Result;
use parquet::file::metadata::PageIndexPolicy;
use std::fs::File;
use std::io::Write;

/// Whether the leaf that the array was cut down to, or for a list one of its elements, is the value.
fn has(array: &ArrayRef, i: usize, value: &str) -> bool {
    if array.is_null(i) {
        return false;
    }
    match array.data_type() {
        DataType::Struct(_) => has(array.as_struct().column(0), i, value),
        DataType::Map(_, _) => {
            let entries: ArrayRef = std::sync::Arc::new(array.as_map().value(i));
            (0..entries.len()).any(|at| has(&entries, at, value))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(i);
            (0..items.len()).any(|at| has(&items, at, value))
        }
        _ => array_value_to_string(array, i).is_ok_and(|text| text == value),
    }
}

fn items(array: &ArrayRef, out: &mut String) {
    for i in 0..array.len() {
        if i > 0 {
            out.push(',');
        }
        value(array, i, out);
    }
}

fn value(array: &ArrayRef, i: usize, out: &mut String) {
    if array.is_null(i) {
        return out.push_str("null");
    }
    match array.data_type() {
        DataType::List(_) => {
            out.push('[');
            items(&array.as_list::<i32>().value(i), out);
            out.push(']');
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(i);
            out.push('[');
            for at in 0..entries.len() {
                out.push_str(if at > 0 { ",[" } else { "[" });
                value(entries.column(0), at, out);
                out.push(',');
                value(entries.column(1), at, out);
                out.push(']');
            }
            out.push(']');
        }
        DataType::Struct(fields) => {
            for (at, field) in fields.iter().enumerate() {
                out.push(if at > 0 { ',' } else { '{' });
                crate::quote(field.name(), out);
                out.push(':');
                value(array.as_struct().column(at), i, out);
            }
            out.push('}');
        }
        _ => crate::quote(&array_value_to_string(array, i).unwrap_or_else(|error| error.to_string()), out),
    }
}

pub fn read(path: &str, column: &str, wanted: &str, lines: &mut impl Write) -> Result<usize> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path)?, options)?;
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    writeln!(lines, "{}", crate::head(path, &names))?;
    let schema = builder.parquet_schema();
    let leaf = crate::leaf(schema, column)?;
    let wanted = wanted.to_string();
    let filter = ArrowPredicateFn::new(ProjectionMask::leaves(schema, [leaf]), move |batch| {
        let array = batch.column(0);
        Ok(BooleanArray::from_iter((0..array.len()).map(|i| Some(has(array, i, &wanted)))))
    });
    let mut count = 0;
    for batch in builder.with_row_filter(RowFilter::new(vec![Box::new(filter)])).build()? {
        let batch = batch?;
        for i in 0..batch.num_rows() {
            let mut line = String::new();
            for (at, array) in batch.columns().iter().enumerate() {
                line.push(if at > 0 { ',' } else { '[' });
                value(array, i, &mut line);
            }
            writeln!(lines, "{line}]")?;
        }
        count += batch.num_rows();
    }
    Ok(count)
}
