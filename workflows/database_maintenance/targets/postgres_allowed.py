"""The functions that a measured query may call: those that are known to only compute.

PostgreSQL says for each function whether it is volatile, stable, or immutable, but the creator of a function can claim
anything. So this is only trusted for functions that came with the server. The server's own objects have an oid below
`FIRST_OWN`, which users cannot give to their objects.
"""

from __future__ import annotations

FIRST_OWN = 16_384
"""The first oid of objects created after the server was initialized (``FirstNormalObjectId``)."""

INTERNAL, C, SQL = 12, 13, 14
"""Oids of the languages that come with the server."""

SAMPLING = frozenset({3313, 3314})
"""The handlers of ``TABLESAMPLE BERNOULLI`` and ``SYSTEM``, which count as volatile and only read."""

_STABLE = """
    age array_in array_out array_to_json array_to_string cash_in cash_out concat concat_ws convert convert_from
    convert_to current_database current_schema current_schemas current_setting current_user date date_add
    date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz date_gt_timestamptz date_in date_le_timestamptz
    date_lt_timestamptz date_ne_timestamptz date_out date_part date_subtract date_trunc domain_in enum_first enum_in
    enum_last enum_out enum_range extract format format_type generate_series get_current_ts_config getdatabaseencoding
    has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege has_schema_privilege
    has_sequence_privilege has_table_privilege has_type_privilege in_range interval_in interval_out json_build_array
    json_build_object json_populate_record json_populate_recordset json_to_record json_to_recordset json_to_tsvector
    jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
    jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length make_timestamptz money
    multirange_in multirange_out now numeric pg_backend_pid pg_client_encoding pg_collation_for pg_column_size
    pg_has_role pg_table_is_visible pg_typeof phraseto_tsquery plainto_tsquery range_in range_out record_in record_out
    regclass regclassin regclassout regtypein regtypeout row_to_json session_user statement_timestamp time time_in
    timestamp timestamp_cmp_timestamptz timestamp_eq_timestamptz timestamp_ge_timestamptz timestamp_gt_timestamptz
    timestamp_in timestamp_le_timestamptz timestamp_lt_timestamptz timestamp_ne_timestamptz timestamp_out timestamptz
    timestamptz_cmp_date timestamptz_cmp_timestamp timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date
    timestamptz_ge_timestamp timestamptz_gt_date timestamptz_gt_timestamp timestamptz_in timestamptz_le_date
    timestamptz_le_timestamp timestamptz_lt_date timestamptz_lt_timestamp timestamptz_mi_interval timestamptz_ne_date
    timestamptz_ne_timestamp timestamptz_out timestamptz_pl_interval timetz timetz_in timezone to_char to_date to_json
    to_jsonb to_number to_regclass to_regtype to_timestamp to_tsquery to_tsvector transaction_timestamp ts_headline
    ts_match_tq ts_match_tt version websearch_to_tsquery xml xml_in
"""
STABLE = frozenset(_STABLE.split())
"""Names of the server's own stable functions that only compute. Others read files, run statements given as a text
(``database_to_xml``), or convert to a type given as a text (``pg_input_is_valid``)."""

PLAIN_SQL = frozenset({"quote_literal", "quote_nullable", "textanycat", "anytextcat", "_pg_expandarray"})
"""The server's own SQL functions whose body is stored as text, with only qualified names."""

EXTENSIONS = frozenset({
    "citext", "cube", "fuzzystrmatch", "hstore", "intarray", "isn", "ltree", "pg_trgm", "seg", "unaccent", "vector",
})  # fmt: skip
"""Extensions whose functions in C only compute, unless they say that they are volatile."""

_NODES = """
    QUERY RTE RANGETBLENTRY RTEPERMISSIONINFO RANGETBLREF RANGETBLFUNCTION FROMEXPR JOINEXPR TARGETENTRY ALIAS
    COMMONTABLEEXPR CTESEARCHCLAUSE CTECYCLECLAUSE SETOPERATIONSTMT SORTGROUPCLAUSE GROUPINGSET WINDOWCLAUSE
    TABLESAMPLECLAUSE TABLEFUNC VAR CONST PARAM FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR
    BOOLEXPR SUBLINK AGGREF GROUPINGFUNC WINDOWFUNC SUBSCRIPTINGREF FIELDSELECT FIELDSTORE RELABELTYPE COERCEVIAIO
    ARRAYCOERCEEXPR CONVERTROWTYPEEXPR COLLATE COLLATEEXPR CASE CASEEXPR WHEN CASEWHEN CASETESTEXPR ARRAY ARRAYEXPR ROW
    ROWEXPR ROWCOMPARE ROWCOMPAREEXPR COALESCE COALESCEEXPR MINMAX MINMAXEXPR SQLVALUEFUNCTION NULLTEST BOOLEANTEST
    COERCETODOMAIN COERCETODOMAINVALUE JSONFORMAT JSONRETURNING JSONVALUEEXPR JSONCONSTRUCTOREXPR JSONISPREDICATE
    JSONBEHAVIOR JSONEXPR JSONTABLEPATH JSONTABLEPATHSCAN JSONTABLESIBLINGJOIN
"""
NODES = frozenset(_NODES.split())
"""Node types of parsed queries whose calls `postgres_calls` can find, as named in PostgreSQL 14 to 18."""
