"""Functions of each database that only compute or look something up, besides those of all."""

from __future__ import annotations

from app.risk.rules import word_set
from app.risk.sql import warehouse_functions as warehouses

_POSTGRES = word_set(
    """
    acldefault aclexplode acosd acosh akeys approximate_row_count area armor array_dims array_reverse array_sort
    array_to_tsvector asind asinh atan2d atand atanh avals binary_quantize bit_xor box bt_page_stats casefold
    cash_words center chunks_detailed_size circle convert cosd cosine_distance cot cotd covar_pop covar_samp
    crc32c crypt cube cube_distance current_query currval daitch_mokotoff date_add date_subtract datemultirange
    dearmor defined diagonal diameter difference digest div dmetaphone each earth_box earth_distance enum_first
    enum_last enum_range erfc exist first gamma gen_salt get_current_ts_config getdatabaseencoding getpgusername
    has_foreign_data_wrapper_privilege has_language_privilege has_largeobject_privilege has_parameter_privilege
    has_sequence_privilege has_server_privilege has_tablespace_privilege has_type_privilege heap_page_items
    height histogram hmac hstore hstore_to_json hstore_to_jsonb hypertable_detailed_size hypertable_size
    icu_unicode_version idx index inet_client_port inet_server_port inner_product int4inc int4multirange
    int8multirange interpolate is_normalized isclosed ishorizontal isopen isparallel isperp isvertical
    json_agg_strict json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
    json_populate_recordset json_to_tsvector jsonb_agg_strict jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_agg_unique_strict jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
    jsonb_populate_recordset jsonb_set_lax jsonb_to_tsvector l1_distance l2_distance l2_normalize last lastval
    latitude lca levenshtein_less_equal lgamma like like_escape line ll_to_earth locf longitude lower_inf lseg
    ltree2text macaddr8_set7bit makeaclitem metaphone min_scale multirange mxid_age nlevel normal_rand normalize
    notlike npoints nummultirange oidvectortypes overlaps pg_available_extension_versions
    pg_available_extensions pg_basetype pg_buffercache_summary pg_buffercache_usage_counts pg_char_to_encoding
    pg_client_encoding pg_collation_actual_version pg_collation_for pg_collation_is_visible
    pg_column_compression pg_column_is_updatable pg_column_toast_chunk_id pg_control_checkpoint pg_control_init
    pg_control_recovery pg_control_system pg_conversion_is_visible pg_current_logfile pg_current_snapshot
    pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_xact_id pg_current_xact_id_if_assigned
    pg_cursor pg_database_collation_actual_version pg_describe_object pg_encoding_max_length
    pg_event_trigger_table_rewrite_oid pg_event_trigger_table_rewrite_reason pg_extension_update_paths
    pg_filenode_relation pg_freespace pg_function_is_visible pg_get_acl pg_get_backend_memory_contexts
    pg_get_catalog_foreign_keys pg_get_function_arg_default pg_get_function_result pg_get_function_sqlbody
    pg_get_object_address pg_get_partition_constraintdef pg_get_replica_identity_index pg_get_shmem_allocations
    pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_wal_replay_pause_state
    pg_has_role pg_identify_object pg_identify_object_as_address pg_indexam_has_property
    pg_indexam_progress_phasename pg_input_error_info pg_input_is_valid pg_is_other_temp_schema
    pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact pg_listening_channels pg_lsn
    pg_mcv_list_items pg_notification_queue_usage pg_numa_available pg_opclass_is_visible pg_operator_is_visible
    pg_opfamily_is_visible pg_partition_ancestors pg_prepared_statement pg_prepared_xact
    pg_relation_is_publishable pg_relation_is_updatable pg_relpages pg_replication_origin_oid
    pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_settings_get_flags
    pg_show_replication_origin_status pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin pg_split_walfile_name
    pg_stat_get_io pg_stat_get_xact_numscans pg_statistics_obj_is_visible pg_tablespace_databases
    pg_tablespace_location pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone pg_timezone_names
    pg_trigger_depth pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
    pg_ts_template_is_visible pg_type_is_visible pg_visible_in_snapshot pg_walfile_name pg_walfile_name_offset
    pg_xact_commit_timestamp pg_xact_status pgstatindex pgstattuple pgstattuple_approx point polygon pow radius
    random_normal range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_sxx
    regr_sxy regr_syy row_security_active satisfies_hash_partition set_masklen show_chunks show_trgm
    similar_escape similar_to_escape sind skeys slice slope sort st_area st_asbinary st_asewkt st_asgeojson
    st_astext st_aswkb st_boundary st_buffer st_centroid st_closestpoint st_clusterdbscan st_collect st_contains
    st_convexhull st_coveredby st_covers st_crosses st_difference st_dimension st_disjoint st_distance
    st_distancesphere st_dump st_dumppoints st_dwithin st_endpoint st_envelope st_equals st_extent
    st_exteriorring st_flipcoordinates st_geogfromtext st_geohash st_geometrytype st_geomfromgeojson
    st_geomfromtext st_geomfromwkb st_hausdorffdistance st_intersection st_intersects st_isempty st_isvalid
    st_isvalidreason st_length st_lineinterpolatepoint st_linelocatepoint st_m st_makeenvelope st_makeline
    st_makepoint st_makepolygon st_makevalid st_maxdistance st_multi st_npoints st_numgeometries st_numpoints
    st_overlaps st_perimeter st_point st_pointn st_pointonsurface st_project st_relate st_setsrid st_simplify
    st_snaptogrid st_srid st_startpoint st_subdivide st_touches st_transform st_translate st_union
    st_voronoipolygons st_within st_x st_xmax st_xmin st_y st_ymax st_ymin st_z strict_word_similarity subarray
    subltree subpath subvector svals system_user tand tconvert text text2ltree textlen time_bucket
    time_bucket_gapfill timestamp timestamptz timezone to_bin to_oct to_regcollation to_regoper to_regoperator
    to_regprocedure to_regtypemod ts_debug ts_delete ts_filter ts_lexize ts_parse ts_token_type tsmultirange
    tsquery_phrase tstzmultirange tsvector_to_array txid_current txid_snapshot_xip txid_snapshot_xmax
    txid_snapshot_xmin txid_status txid_visible_in_snapshot unicode_assigned unicode_version uniq upper_inf
    uuid_extract_timestamp uuid_extract_version uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3
    uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_url uuidv4 uuidv7 vector_dims vector_norm
    width xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlcomment xmlexists xmltext
    xmlvalidate xpath xpath_exists
    """
)
"""PostgreSQL's, and those of common extensions: PostGIS, TimescaleDB, pgvector, pgcrypto, hstore, and others."""

_MYSQL = word_set(
    """
    last_insert_id
    row adddate addtime aes_decrypt aes_encrypt against bin bin_to_uuid binary bit_xor charset coercibility
    collation compress connection_id conv convert_tz curdate curtime database date_add date_format date_sub
    datediff day dayname dayofmonth dayofweek dayofyear elt export_set extractvalue field find_in_set
    format_bytes format_pico_time found_rows from_base64 from_days from_unixtime geomfromtext get_format hour if
    inet6_aton inet6_ntoa inet_aton inet_ntoa insert interval is_free_lock is_ipv4 is_ipv6 is_used_lock is_uuid
    isnull json_array_append json_array_insert json_arrayagg json_contains json_contains_path json_depth
    json_keys json_length json_merge_patch json_merge_preserve json_objectagg json_overlaps json_pretty
    json_schema_valid json_search json_storage_size json_table json_unquote json_value last_day lcase locate
    log2 make_set makedate maketime match mbrcontains microsecond mid minute month monthname oct ord password
    period_add period_diff point pow ps_current_thread_id quarter rand random_bytes row_count schema sec_to_time
    second sha sha1 sha2 space st_astext st_contains st_distance st_distance_sphere st_geomfromtext st_srid
    st_within st_x st_y std str_to_date strcmp subdate substring_index subtime sysdate system_user time_format
    time_to_sec timestampadd timestampdiff to_base64 to_days to_seconds truncate ucase uncompress
    uncompressed_length unhex unix_timestamp updatexml utc_date utc_time utc_timestamp uuid uuid_short
    uuid_to_bin validate_password_strength values week weekday weekofyear weight_string year yearweek
    """
)
"""MySQL's and MariaDB's."""

_TSQL = word_set(
    """
    raiserror app_name approx_count_distinct atn2 binary_checksum cast charindex checksum checksum_agg choose col_length
    col_name columnproperty compress connectionproperty contains containstable convert count_big
    current_timezone cursor_status databasepropertyex datalength date_bucket dateadd datediff datediff_big
    datefromparts datename datepart datetime2fromparts datetimefromparts datetimeoffsetfromparts datetrunc day
    db_id db_name decompress difference dm_db_index_physical_stats dm_db_stats_properties dm_exec_input_buffer
    dm_exec_plan_attributes dm_exec_query_plan dm_exec_sql_text dm_exec_text_query_plan dm_io_virtual_file_stats
    dm_sql_referenced_entities dm_sql_referencing_entities eomonth error_line error_message error_number
    error_procedure error_severity error_state exist file_id file_name filegroup_id filegroup_name fileproperty
    fn_helpcollations fn_listextendedproperty fn_my_permissions fn_virtualfilestats formatmessage freetext
    freetexttable fulltextcatalogproperty getansinull getdate getutcdate grouping_id has_dbaccess
    has_perms_by_name hashbytes host_id host_name ident_current ident_incr ident_seed index_col
    indexkey_property indexproperty is_member is_rolemember is_srvrolemember isdate isjson isnull isnumeric
    json_modify json_path_exists json_query json_value left_shift len month nchar newid newsequentialid next
    nodes object_definition object_id object_name object_schema_name objectproperty objectpropertyex openjson
    openxml original_login parse parsename patindex permissions point pwdcompare query quotename rand replicate
    rowcount_big schema_id schema_name scope_identity serverproperty session_context sessionproperty
    smalldatetimefromparts space sql_variant_property square stastext stats_date stdev stdevp stdistance
    stgeomfromtext str string_escape string_split stuff suser_id suser_name suser_sid suser_sname switchoffset
    sysdatetime sysdatetimeoffset system_user sysutcdatetime textptr textvalid timefromparts todatetimeoffset
    tran_count trigger_nestlevel try_cast try_convert try_parse type_id type_name typeproperty update user_id
    user_name value var varp xact_state year
    """
)
"""SQL Server's."""

_ORACLE = word_set(
    """
    add_months appendchildxml approx_count_distinct asciistr bin_to_num bitand chartorowid cluster_id collect
    compose connect_by_root convert corr_k corr_s cube_table current_date cv dbtimezone decompose deref display
    display_cursor dump empty_blob empty_clob existsnode extractvalue first from_tz get_ddl group_id grouping_id
    hextoraw instrb instrc iteration_number json_arrayagg json_dataguide json_exists json_mergepatch
    json_objectagg json_query json_scalar json_serialize json_table json_transform json_value last last_day
    lengthb listagg lnnvl median months_between nanvl nchr new_time next_day nls_charset_id nls_initcap
    nls_lower nls_upper nlssort numtodsinterval numtoyminterval nvl nvl2 ora_hash ora_rowscn path powermultiset
    prior ratio_to_report rawtohex rawtonhex ref remainder rowidtochar sessiontimezone standard_hash stats_mode
    stats_t_test_one substrb sys_connect_by_path sys_context sys_extract_utc sys_guid sys_typeid sysdate
    systimestamp table to_binary_double to_binary_float to_blob to_clob to_dsinterval to_lob to_multi_byte
    to_nchar to_nclob to_single_byte to_timestamp_tz to_yminterval treat tz_offset uid userenv value vsize
    wm_concat xmlcast xmlcdata xmlcolattval xmlconcat xmldiff xmlelement xmlexists xmlforest xmlparse xmlpi
    xmlquery xmlroot xmlsequence xmlserialize xmltable xmltype
    """
)
"""Oracle's."""

_SQLITE = word_set(
    """
    acosh asinh atanh base64 base85 current_date current_time current_timestamp dbstat decimal decimal_add
    decimal_cmp fts5_source_id fts5vocab geopoly_area geopoly_contains_point ieee754 json json_error_position
    json_pretty jsonb jsonb_array jsonb_extract jsonb_tree like log2 match matchinfo median nocase offsets
    percentile pow pragma_collation_list pragma_compile_options pragma_database_list pragma_foreign_key_check
    pragma_function_list pragma_integrity_check pragma_module_list pragma_pragma_list randomblob regexp
    rtreecheck rtreedepth rtreenode sha1 sha3 sqlite_compileoption_get sqlite_compileoption_used subtype unhex
    unistr_quote uuid uuid_str
    """
)
"""SQLite's."""

OF_DIALECT = {
    "postgres": _POSTGRES,
    "redshift": _POSTGRES | warehouses.REDSHIFT,
    "mysql": _MYSQL,
    "tsql": _TSQL,
    "oracle": _ORACLE,
    "sqlite": _SQLITE,
    "bigquery": warehouses.BIGQUERY,
    "snowflake": warehouses.SNOWFLAKE,
    "clickhouse": warehouses.CLICKHOUSE,
    "duckdb": warehouses.DUCKDB,
}
"""By our name of the dialect."""
OF_ANY = frozenset().union(_POSTGRES, _MYSQL, _TSQL, _ORACLE, _SQLITE) - word_set(
    "truncate insert update compress uncompress collect display dump ref values next first last sort move"
)
"""Those that only compute wherever they are known, for a text whose database is not named. Left out is what somebody
may well have called a function that writes."""
