"""
PostGIS columns as GeoParquet: the bytes are the server's ST_AsBinary, the metadata is true of the whole file, and the
tools of the field see a map without being told.
"""

import json
import math

import duckdb
import pyarrow.parquet as pq
import pytest
from support.parquet import READERS

geopandas = pytest.importorskip("geopandas")
shapely = pytest.importorskip("shapely")

VALUE_ERROR, USAGE_ERROR = 1, 2
HERE = "SRID=4326;"


@pytest.fixture(scope="module", autouse=True)
def postgis(db):
    if not db.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"):
        pytest.skip("the extension postgis is not installed")
    db.execute('CREATE SCHEMA "some where"; CREATE EXTENSION postgis SCHEMA "some where"')
    db.execute(f'ALTER DATABASE {db.name} SET search_path = public, "some where"')
    db.execute('SET search_path = public, "some where"')


@pytest.fixture
def write(decant, tmp_path):
    def export(query, *options, code=0, special="error"):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        chosen = [word for option in options for word in ("--parquet", option)]
        run = decant("export", "--quiet", "-o", path, "--query", query, "--special", special, *chosen, code=code)
        return run if code else path

    return export


def metadata(path):
    return json.loads(pq.read_metadata(path).metadata[b"geo"])


def duckdb_values(path):
    """The type that it takes the column for, and the values' WKB."""
    with duckdb.connect() as connection:
        read = connection.execute("SELECT typeof(g), g FROM read_parquet(?) ORDER BY i", [str(path)]).fetchall()
    return read[0][0], [row[1] for row in read]


def values_of(texts, cast="geometry"):
    rows = ", ".join(f"({i}, {'NULL' if text is None else repr(text)}::{cast})" for i, text in enumerate(texts))
    return f"SELECT * FROM (VALUES {rows}) v(i, g)"


# Every type in two and three dimensions, empty ones and NULL among them.
SHAPES = [
    "POINT(1.5 -2)", "POINT EMPTY", None, "POINT Z(1 2 1e300)", "LINESTRING(0 0, 1 1, -7.25 3)", "LINESTRING EMPTY",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))", "POLYGON EMPTY", "POLYGON Z((0 0 1, 4 0 2, 4 4 3, 0 0 1))",
    "MULTIPOINT(1 1, 2 2)", "MULTIPOINT(1 1, EMPTY)", "MULTILINESTRING((0 0, 1 1), EMPTY)", "MULTILINESTRING Z((0 0 0, 1 1 1))",
    "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))", "GEOMETRYCOLLECTION EMPTY",
    "GEOMETRYCOLLECTION(POINT(9 9), GEOMETRYCOLLECTION(LINESTRING(1 2, 3 4), POLYGON EMPTY))",
    "GEOMETRYCOLLECTION Z(POINT Z(1 2 3))",
]  # fmt: skip


@pytest.mark.parametrize("options", [[], ["profile=modern"], ["dictionary=false,row-group-rows=4"]])
def test_every_geometry_is_the_server_s_iso_wkb_in_every_reader(db, write, options):
    query = values_of(SHAPES)
    expected = [row[0] for row in db.rows(f"SELECT ST_AsBinary(g) FROM ({query}) q ORDER BY i")]
    expected = [None if wkb is None else bytes(wkb) for wkb in expected]
    path = write(query, *options)
    found = {"pyarrow": pq.read_table(path).column("g").to_pylist(), "polars": READERS["polars"](path).column("g").to_pylist()}
    for name, values in found.items():
        assert values == expected, name
    assert duckdb_values(path) == ("GEOMETRY", expected)
    shapes = [None if wkb is None else shapely.from_wkb(wkb) for wkb in found["pyarrow"]]
    assert [None if shape is None else shape.is_empty for shape in shapes] == [
        text and text.endswith("EMPTY") for text in SHAPES
    ]


def test_geopandas_sees_a_map_without_options(db, decant, tmp_path):
    db.execute("""CREATE TABLE places (id int, label text, at geometry(Point, 4326), area geometry(Polygon, 4326));
                  INSERT INTO places VALUES (1, 'a', 'SRID=4326;POINT(7.5 51)', 'SRID=4326;POLYGON((0 0, 1 0, 1 1, 0 0))'),
                                            (2, 'b', NULL, NULL), (3, 'c', 'SRID=4326;POINT(-1 2)', NULL)""")
    path = tmp_path / "places.parquet"
    decant("export", "--quiet", "-o", path, "--table", "places")
    frame = geopandas.read_parquet(path)
    assert frame.geometry.name == "at" and frame.crs == "OGC:CRS84"
    at, area = ([shape and shape.wkt for shape in frame[name]] for name in ("at", "area"))
    assert at == ["POINT (7.5 51)", None, "POINT (-1 2)"]
    assert area == ["POLYGON ((0 0, 1 0, 1 1, 0 0))", None, None]
    assert list(frame.total_bounds) == [-1, 2, 7.5, 51] == metadata(path)["columns"]["at"]["bbox"]


def test_the_metadata_is_true_of_the_whole_file(write):
    path = write(values_of([HERE + text if text else None for text in SHAPES]), "row-group-rows=3")
    found = metadata(path)
    assert (found["version"], found["primary_column"], list(found["columns"])) == ("1.1.0", "g", ["g"])
    column = found["columns"]["g"]
    shapes = [shape for shape in map(shapely.from_wkb, pq.read_table(path).column("g").to_pylist()) if shape]
    types = {shape.geom_type + (" Z" if shape.has_z else "") for shape in shapes}
    assert set(column["geometry_types"]) >= types and len(column["geometry_types"]) == len(set(column["geometry_types"]))
    assert set(column["geometry_types"]) == {
        *("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"),
        *("Point Z", "Polygon Z", "MultiLineString Z", "GeometryCollection Z"),
    }
    bounds = shapely.total_bounds(shapes)
    heights = [z for shape in shapes for *_, z in shapely.get_coordinates(shape, include_z=True) if not math.isnan(z)]
    assert column["bbox"] == [bounds[0], bounds[1], min(heights), bounds[2], bounds[3], max(heights)]
    assert "crs" not in column and column["encoding"] == "WKB" and "edges" not in column


def test_the_box_has_every_digit_of_its_coordinates(write):
    column = metadata(write(values_of(["POINT(0.1 -179.99999999999997)", "POINT(1e-310 123456789.123456789)"])))["columns"]["g"]
    assert column["bbox"] == [1e-310, -179.99999999999997, 0.1, 123456789.123456789]


@pytest.mark.parametrize(
    "texts, box", [([], None), ([None], None), (["POINT EMPTY"], None), (["POINT(1 2)", "POINT EMPTY"], [1, 2, 1, 2]),
                   (["0101000000000000000000F07F0000000000000040"], None)]
)  # fmt: skip
def test_there_is_no_box_where_there_are_no_coordinates_that_json_can_say(write, texts, box):
    query = values_of(texts) if texts else values_of(["POINT(1 2)"]) + " WHERE false"
    column = metadata(write(query))["columns"]["g"]
    assert column.get("bbox") == box
    assert column["geometry_types"] == (["Point"] if any(texts) else [])


def test_a_geography_has_spherical_edges_and_a_box_where_no_edge_leaves_it(write):
    points = metadata(write(values_of(["POINT(10 60)", "POINT(-10 60)"], "geography")))["columns"]["g"]
    assert points == {"encoding": "WKB", "geometry_types": ["Point"], "edges": "spherical", "bbox": [-10, 60, 10, 60]}
    line = metadata(write(values_of(["LINESTRING(-10 60, 10 60)"], "geography")))["columns"]["g"]
    assert line == {"encoding": "WKB", "geometry_types": ["LineString"], "edges": "spherical"}


@pytest.mark.parametrize("srid, said", [(4326, {}), (0, {"crs": None}), (3857, {"crs": None})])
def test_a_coordinate_system_that_is_not_longitude_and_latitude_is_unknown_to_readers(write, srid, said):
    path = write(values_of([f"SRID={srid};POINT(1 2)"]))
    column = metadata(path)["columns"]["g"]
    assert {key: column[key] for key in column if key == "crs"} == said
    assert (geopandas.read_parquet(path).crs is None) == bool(said)
    assert duckdb_values(path)[0] == ("GEOMETRY" if said else "GEOMETRY('OGC:CRS84')")
    srids = pq.read_metadata(path).metadata.get(b"decant.srids", b"{}")
    assert json.loads(srids) == ({"g": srid} if srid else {})


@pytest.mark.parametrize("options", [[], ["row-group-rows=1"]])  # within a row group, and from one to the next
def test_two_coordinate_systems_in_a_column_are_an_error_that_names_both(write, options):
    run = write(values_of([HERE + "POINT(1 2)", None, "SRID=3857;POINT(1 2)"]), *options, code=VALUE_ERROR)
    assert all(text in run.err for text in ('"g"', "4326", "3857", "ST_Transform", "geometry=text"))


UNFIT = ["POINT M(1 2 3)", "LINESTRING ZM(1 2 3 4, 5 6 7 8)", "CIRCULARSTRING(0 0, 1 1, 2 0)",
         "GEOMETRYCOLLECTION(POINT(1 1), COMPOUNDCURVE((0 0, 1 1)))", "TRIANGLE((0 0, 1 0, 1 1, 0 0))"]  # fmt: skip


@pytest.mark.parametrize("text", UNFIT)
def test_what_geoparquet_has_not_is_special(db, write, text):
    query = values_of(["POINT(1 2)", text])
    run = write(query, code=VALUE_ERROR)
    assert '"g"' in run.err and "geometry=text" in run.err
    write(query, code=USAGE_ERROR, special="string")
    assert pq.read_table(write(query, special="null")).column("g").to_pylist()[1] is None
    if " M" in text or "ZM" in text:
        expected = bytes(db.value(f"SELECT ST_AsBinary(ST_Force3DZ('{text}'))" if "ZM" in text else f"SELECT ST_AsBinary(ST_Force2D('{text}'))"))
        assert pq.read_table(write(query, special="replace")).column("g").to_pylist()[1] == expected
    else:
        write(query, code=VALUE_ERROR, special="replace")
    assert pq.read_table(write(query, "geometry=text")).column("g").to_pylist()[1] == db.value(f"SELECT '{text}'::geometry::text")


@pytest.mark.parametrize("declared", ["geometry(PointM)", "geometry(LineStringZM, 4326)", "geometry(CurvePolygon)"])
def test_a_column_that_is_declared_for_what_geoparquet_has_not_is_text(write, declared):
    path = write(f"SELECT NULL::{declared} AS g")
    assert pq.read_schema(path).field("g").type == "string" and b"geo" not in pq.read_metadata(path).metadata


def test_text_is_written_where_it_is_asked_for_and_in_other_formats(db, decant, write):
    query = values_of([HERE + "POINT(1 2)", None])
    path = write(query, "geometry=text")
    assert pq.read_table(path).column("g").to_pylist() == [db.value("SELECT 'SRID=4326;POINT(1 2)'::geometry::text"), None]
    assert b"geo" not in pq.read_metadata(path).metadata
    assert decant.export("--query", query, "--format", "csv") == db.csv(query)
    assert decant.export("--query", query, "--format", "ndjson") == db.ndjson(query)


def test_a_geometry_within_a_nested_type_is_text(db, write):
    path = write("SELECT ARRAY['POINT(1 2)'::geometry, NULL] AS g")
    assert pq.read_table(path).column("g").to_pylist() == [[db.value("SELECT 'POINT(1 2)'::geometry::text"), None]]
    assert b"geo" not in pq.read_metadata(path).metadata


def test_wkb_has_no_smallest_and_largest_values_and_promises_no_order(db, decant, tmp_path):
    db.execute("CREATE TABLE ordered AS SELECT ST_Point(i, i) AS g, i FROM generate_series(1, 100) i")
    path = tmp_path / "ordered.parquet"
    decant("export", "--quiet", "-o", path, "--table", "ordered", "--order-by", "g,i")
    group = pq.read_metadata(path).row_group(0)
    assert not group.column(0).statistics.has_min_max and group.column(1).statistics.has_min_max
    assert not group.column(0).has_column_index and group.column(0).has_offset_index
    assert group.sorting_columns == ()
    decant("verify", path)


def test_a_domain_over_a_geometry_and_a_not_null_column_are_geometries(db, decant, tmp_path):
    db.execute("""CREATE DOMAIN spot AS geometry(Point, 4326);
                  CREATE TABLE spots (g spot NOT NULL); INSERT INTO spots VALUES ('SRID=4326;POINT(3 4)')""")
    path = tmp_path / "spots.parquet"
    decant("export", "--quiet", "-o", path, "--table", "spots")
    assert not pq.read_schema(path).field("g").nullable
    assert metadata(path)["columns"]["g"]["bbox"] == [3, 4, 3, 4]


def test_describe_shows_the_metadata(decant, write):
    path = write(values_of([HERE + "POINT(1 2)"]))
    assert '"primary_column":"g"' in decant("describe", path).out.decode()
    values = json.loads(decant("describe", "--json", path).out)["keyValues"]
    assert json.loads(next(value["value"] for value in values if value["key"] == "geo")) == metadata(path)
