//! What a leaf's Bloom filters say of values (a,b,c): a row for each row group, of true (perhaps there) or false (surely
//! not) for each value; of nulls where there is no filter. No page is read.

use parquet::basic::Type;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use std::fs::File;
use std::io::Write;

fn check(filter: &Sbbf, physical: Type, value: &str) -> Result<bool> {
    let wrong = || ParquetError::General(format!("{value} is no {physical}"));
    Ok(match physical {
        Type::INT32 => filter.check(&value.parse::<i32>().map_err(|_| wrong())?),
        Type::INT64 => filter.check(&value.parse::<i64>().map_err(|_| wrong())?),
        Type::DOUBLE => filter.check(&value.parse::<f64>().map_err(|_| wrong())?),
        _ => filter.check(&ByteArray::from(value)),
    })
}

pub fn ask(path: &str, column: &str, values: &str, lines: &mut impl Write) -> Result<usize> {
    let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    let reader = SerializedFileReader::new_with_options(File::open(path)?, options)?;
    let values: Vec<String> = values.split(',').map(String::from).collect();
    writeln!(lines, "{}", crate::head(path, &values))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let leaf = crate::leaf(&schema, column)?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let mut cells = Vec::new();
        for value in &values {
            cells.push(match group.get_column_bloom_filter(leaf) {
                Some(filter) => check(filter, schema.column(leaf).physical_type(), value)?.to_string(),
                None => "null".into(),
            });
        }
        writeln!(lines, "[{}]", cells.join(","))?;
    }
    Ok(reader.num_row_groups())
}
