import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.column.values.bloomfilter.BloomFilter;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.filter2.compat.FilterCompat;
import org.apache.parquet.filter2.predicate.FilterApi;
import org.apache.parquet.filter2.predicate.FilterPredicate;
import org.apache.parquet.filter2.predicate.Operators;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.ListLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.MapLogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/**
 * Prints the rows of Parquet files as ../README.md says, read with parquet-java, page checksums verified.
 *
 * <p>"--where COLUMN OPERATOR VALUE,VALUE" before the files reads each for each value, only the rows that match, with
 * all that the library has to skip others: statistics, dictionaries, bloom filters, the page index. OPERATOR is eq, lt, le, gt, ge or
 * contains, which is for the elements of a list; COLUMN is the path of a leaf, with points; VALUE is the text of a
 * value as it is printed.
 *
 * <p>"--bloom COLUMN VALUE,VALUE" instead prints what the column's Bloom filters say of the values: a row for each row
 * group, of true (perhaps there) or false (surely not) for each value; of nulls where there is no filter. No page is
 * read.
 */
public class ReadParquet {
  private static final PrintStream out =
      new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);

  public static void main(String[] arguments) {
    String question = arguments.length > 0 ? arguments[0] : "";
    int first = question.equals("--where") ? 4 : question.equals("--bloom") ? 3 : 0;
    String[] asked = Arrays.copyOfRange(arguments, Math.min(1, first), first);
    for (int i = first; i < arguments.length; i++) {
      String[] values = asked.length == 3 ? asked[2].split(",", -1) : new String[1];
      for (String value : values) {
        try {
          String path = arguments[i];
          long count = asked.length == 2 ? ask(path, asked[0], asked[1].split(",", -1)) : read(path, asked, value);
          out.println("{\"rows\":" + count + "}");
        } catch (Exception | LinkageError error) {
          out.println("{\"error\":" + quote(String.valueOf(error)) + "}");
        }
      }
    }
    out.flush();
  }

  private static long read(String path, String[] where, String value) throws IOException {
    InputFile file = new LocalInputFile(Path.of(path));
    MessageType schema;
    try (ParquetFileReader footer = ParquetFileReader.open(file)) {
      schema = footer.getFileMetaData().getSchema();
    }
    StringJoiner names = new StringJoiner(",", "[", "]");
    for (Type field : schema.getFields()) names.add(quote(field.getName()));
    out.println("{\"file\":" + quote(path) + ",\"columns\":" + names + "}");
    GroupBuilder builder = new GroupBuilder(file);
    builder.usePageChecksumVerification();
    if (where.length > 0) builder.withFilter(FilterCompat.get(predicate(schema, where[0], where[1], value)));
    long count = 0;
    try (ParquetReader<Group> reader = builder.build()) {
      for (Group row; (row = reader.read()) != null; count++) {
        StringJoiner cells = new StringJoiner(",", "[", "]");
        for (int i = 0; i < schema.getFieldCount(); i++) cells.add(optional(row, i));
        out.println(cells);
      }
    }
    return count;
  }

  private static long ask(String path, String column, String[] values) throws IOException {
    try (ParquetFileReader file = ParquetFileReader.open(new LocalInputFile(Path.of(path)))) {
      String names = Arrays.stream(values).map(ReadParquet::quote).collect(Collectors.joining(","));
      out.println("{\"file\":" + quote(path) + ",\"columns\":[" + names + "]}");
      PrimitiveType type = leaf(file.getFileMetaData().getSchema(), column);
      for (BlockMetaData group : file.getRowGroups()) {
        for (ColumnChunkMetaData chunk : group.getColumns()) {
          if (!chunk.getPath().toDotString().equals(column)) continue;
          BloomFilter filter = file.readBloomFilter(chunk);
          StringJoiner cells = new StringJoiner(",", "[", "]");
          for (String value : values) cells.add(filter == null ? "null" : "" + filter.findHash(hash(filter, type, value)));
          out.println(cells);
        }
      }
      return file.getRowGroups().size();
    }
  }

  private static long hash(BloomFilter filter, PrimitiveType type, String value) {
    return switch (type.getPrimitiveTypeName()) {
      case INT32 -> filter.hash(Integer.parseInt(value));
      case INT64 -> filter.hash(Long.parseLong(value));
      case DOUBLE -> filter.hash(Double.parseDouble(value));
      default -> filter.hash(Binary.fromString(value));
    };
  }

  private static PrimitiveType leaf(MessageType schema, String path) {
    return schema.getColumns().stream()
        .filter(column -> String.join(".", column.getPath()).equals(path))
        .findFirst()
        .orElseThrow()
        .getPrimitiveType();
  }

  private static class GroupBuilder extends ParquetReader.Builder<Group> {
    GroupBuilder(InputFile file) {
      super(file, new PlainParquetConfiguration());
    }

    @Override
    protected ReadSupport<Group> getReadSupport() {
      return new GroupReadSupport();
    }
  }

  private static String optional(Group group, int field) {
    return group.getFieldRepetitionCount(field) == 0 ? "null" : value(group, field, 0);
  }

  private static String value(Group group, int field, int index) {
    Type type = group.getType().getType(field);
    if (type.isPrimitive()) return quote(scalar(type.asPrimitiveType(), group, field, index));
    Group nested = group.getGroup(field, index);
    if (type.getLogicalTypeAnnotation() instanceof ListLogicalTypeAnnotation) return list(nested);
    if (type.getLogicalTypeAnnotation() instanceof MapLogicalTypeAnnotation) return map(nested);
    GroupType fields = type.asGroupType();
    StringJoiner text = new StringJoiner(",", "{", "}");
    for (int i = 0; i < fields.getFieldCount(); i++) text.add(quote(fields.getFieldName(i)) + ":" + optional(nested, i));
    return text.toString();
  }

  private static String list(Group list) {
    StringJoiner text = new StringJoiner(",", "[", "]");
    for (int i = 0; i < list.getFieldRepetitionCount(0); i++) text.add(optional(list.getGroup(0, i), 0));
    return text.toString();
  }

  private static String map(Group map) {
    StringJoiner text = new StringJoiner(",", "[", "]");
    for (int i = 0; i < map.getFieldRepetitionCount(0); i++) {
      Group entry = map.getGroup(0, i);
      text.add("[" + optional(entry, 0) + "," + optional(entry, 1) + "]");
    }
    return text.toString();
  }

  private static String scalar(PrimitiveType type, Group group, int field, int index) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    if (logical instanceof DecimalLogicalTypeAnnotation decimal) {
      BigInteger unscaled =
          switch (type.getPrimitiveTypeName()) {
            case INT32 -> BigInteger.valueOf(group.getInteger(field, index));
            case INT64 -> BigInteger.valueOf(group.getLong(field, index));
            default -> new BigInteger(group.getBinary(field, index).getBytes());
          };
      return new BigDecimal(unscaled, decimal.getScale()).toPlainString();
    }
    boolean unsigned = logical instanceof IntLogicalTypeAnnotation integer && !integer.isSigned();
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> String.valueOf(group.getBoolean(field, index));
      case INT32 -> {
        int v = group.getInteger(field, index);
        yield unsigned ? Integer.toUnsignedString(v) : Integer.toString(v);
      }
      case INT64 -> Long.toString(group.getLong(field, index));
      case FLOAT -> String.format("%08x", Float.floatToIntBits(group.getFloat(field, index)));
      case DOUBLE -> String.format("%016x", Double.doubleToLongBits(group.getDouble(field, index)));
      default -> {
        byte[] bytes = group.getBinary(field, index).getBytes();
        boolean isText = type.getPrimitiveTypeName() == PrimitiveTypeName.BINARY && logical != null;
        yield isText ? new String(bytes, StandardCharsets.UTF_8) : HexFormat.of().formatHex(bytes);
      }
    };
  }

  private static FilterPredicate predicate(MessageType schema, String column, String operator, String value) {
    PrimitiveType type = leaf(schema, column);
    boolean isDecimal = type.getLogicalTypeAnnotation() instanceof DecimalLogicalTypeAnnotation;
    BigInteger unscaled = isDecimal ? new BigDecimal(value).unscaledValue() : null;
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> FilterApi.eq(FilterApi.booleanColumn(column), Boolean.valueOf(value));
      case INT32 -> compare(
          FilterApi.intColumn(column), operator, isDecimal ? unscaled.intValueExact() : (int) Long.parseLong(value));
      case INT64 -> compare(
          FilterApi.longColumn(column), operator, isDecimal ? unscaled.longValueExact() : Long.parseLong(value));
      case FLOAT -> compare(
          FilterApi.floatColumn(column), operator, Float.intBitsToFloat(Integer.parseUnsignedInt(value, 16)));
      case DOUBLE -> compare(
          FilterApi.doubleColumn(column), operator, Double.longBitsToDouble(Long.parseUnsignedLong(value, 16)));
      default -> compare(FilterApi.binaryColumn(column), operator, binary(type, value, unscaled));
    };
  }

  private static Binary binary(PrimitiveType type, String value, BigInteger unscaled) {
    if (unscaled == null) {
      return type.getLogicalTypeAnnotation() == null
          ? Binary.fromConstantByteArray(HexFormat.of().parseHex(value))
          : Binary.fromString(value);
    }
    byte[] least = unscaled.toByteArray();
    byte[] bytes = new byte[type.getTypeLength()];
    Arrays.fill(bytes, (byte) (unscaled.signum() < 0 ? -1 : 0));
    System.arraycopy(least, 0, bytes, bytes.length - least.length, least.length);
    return Binary.fromConstantByteArray(bytes);
  }

  private static <T extends Comparable<T>, C extends Operators.Column<T> & Operators.SupportsLtGt & Operators.SupportsEqNotEq>
      FilterPredicate compare(C column, String operator, T value) {
    return switch (operator) {
      case "eq" -> FilterApi.eq(column, value);
      case "lt" -> FilterApi.lt(column, value);
      case "le" -> FilterApi.ltEq(column, value);
      case "gt" -> FilterApi.gt(column, value);
      case "ge" -> FilterApi.gtEq(column, value);
      case "contains" -> FilterApi.contains(FilterApi.eq(column, value));
      default -> throw new IllegalArgumentException(operator);
    };
  }

  private static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') quoted.append('\\').append(c);
      else if (c < 32) quoted.append(String.format("\\u%04x", (int) c));
      else quoted.append(c);
    }
    return quoted.append('"').toString();
  }
}
