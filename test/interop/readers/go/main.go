// Prints the rows of Parquet files as ../README.md says, read with arrow-go.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

func floatBits(v float32) string {
	if v != v {
		return "7fc00000"
	}
	return fmt.Sprintf("%08x", math.Float32bits(v))
}

func doubleBits(v float64) string {
	if v != v {
		return "7ff8000000000000"
	}
	return fmt.Sprintf("%016x", math.Float64bits(v))
}

func items(list arrow.Array, from, to int64) []any {
	values := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		values = append(values, value(list, int(i)))
	}
	return values
}

func value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case array.ExtensionArray:
		return value(a.Storage(), i)
	case *array.Map:
		from, to := a.ValueOffsets(i)
		entries := make([][2]any, 0, to-from)
		for e := from; e < to; e++ {
			entries = append(entries, [2]any{value(a.Keys(), int(e)), value(a.Items(), int(e))})
		}
		return entries
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		return items(a.ListValues(), from, to)
	case *array.Struct:
		fields := map[string]any{}
		for f, field := range a.DataType().(*arrow.StructType).Fields() {
			fields[field.Name] = value(a.Field(f), i)
		}
		return fields
	}
	return scalar(a, i)
}

func scalar(a arrow.Array, i int) string {
	switch a := a.(type) {
	case *array.Boolean:
		return strconv.FormatBool(a.Value(i))
	case *array.Int16:
		return strconv.FormatInt(int64(a.Value(i)), 10)
	case *array.Int32:
		return strconv.FormatInt(int64(a.Value(i)), 10)
	case *array.Int64:
		return strconv.FormatInt(a.Value(i), 10)
	case *array.Uint32:
		return strconv.FormatUint(uint64(a.Value(i)), 10)
	case *array.Float32:
		return floatBits(a.Value(i))
	case *array.Float64:
		return doubleBits(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return hex.EncodeToString(a.Value(i))
	case *array.FixedSizeBinary:
		return hex.EncodeToString(a.Value(i))
	case *array.Date32:
		return strconv.FormatInt(int64(a.Value(i)), 10)
	case *array.Timestamp:
		return strconv.FormatInt(int64(a.Value(i)), 10)
	case *array.Time64:
		return strconv.FormatInt(int64(a.Value(i)), 10)
	}
	panic(fmt.Sprintf("no rule for %s", a.DataType()))
}

func read(path string, lines *json.Encoder) (count int, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%v", problem)
		}
	}()
	source, err := file.OpenParquetFile(path, false)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	reader, err := pqarrow.NewFileReader(source, pqarrow.ArrowReadProperties{BatchSize: 4096}, memory.DefaultAllocator)
	if err != nil {
		return 0, err
	}
	schema, err := reader.Schema()
	if err != nil {
		return 0, err
	}
	names := make([]string, 0, schema.NumFields())
	for _, field := range schema.Fields() {
		names = append(names, field.Name)
	}
	if err = lines.Encode(map[string]any{"file": path, "columns": names}); err != nil {
		return 0, err
	}
	batches, err := reader.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return 0, err
	}
	defer batches.Release()
	for batches.Next() {
		batch := batches.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]any, 0, len(names))
			for _, column := range batch.Columns() {
				row = append(row, value(column, i))
			}
			if err = lines.Encode(row); err != nil {
				return count, err
			}
			count++
		}
	}
	return count, batches.Err()
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, path := range os.Args[1:] {
		count, err := read(path, lines)
		if err != nil && err.Error() != "EOF" {
			lines.Encode(map[string]string{"error": err.Error()})
			continue
		}
		lines.Encode(map[string]int{"rows": count})
	}
}
