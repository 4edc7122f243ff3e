"""Functions that only compute or look something up. Any other function may be user-defined, and may write."""

from __future__ import annotations

from app.risk.rules import word_set

HARMLESS_FUNCTIONS = word_set(
    """
    abs acos age array_agg array_append array_cat array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper ascii asin
    atan atan2 avg bit_and bit_length bit_or bool_and bool_or btrim cardinality cbrt ceil ceiling char_length
    character_length chr clock_timestamp coalesce col_description concat concat_ws convert_from convert_to corr
    cos cosh count cume_dist current_database current_schema current_schemas current_setting current_user date_bin
    date_part date_trunc decode degrees dense_rank encode every exp extract factorial first_value floor format
    format_type gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte greatest group_concat
    has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege
    has_schema_privilege has_table_privilege inet_client_addr inet_server_addr initcap isfinite json_agg
    json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
    json_each_text json_extract json_extract_path json_extract_path_text json_object json_object_agg
    json_object_keys json_populate_record json_strip_nulls json_to_record json_to_recordset json_typeof json_type
    json_valid json_array json_group_array json_group_object json_quote json_tree json_set json_insert
    json_replace json_remove json_patch jsonb_agg jsonb_array_elements jsonb_array_elements_text
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
    jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists
    jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set
    jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof julianday justify_days justify_hours
    justify_interval lag last_value lcm lead least left length ln localtime localtimestamp log log10 lower lpad
    ltrim make_date make_interval make_time make_timestamp make_timestamptz max md5 min mod mode now nth_value
    ntile nullif num_nonnulls num_nulls numrange obj_description octet_length overlay parse_ident percent_rank
    percentile_cont percentile_disc pg_backend_pid pg_blocking_pids pg_column_size pg_conf_load_time
    pg_current_wal_lsn pg_database_size pg_encoding_to_char pg_get_constraintdef pg_get_expr pg_get_functiondef
    pg_get_function_arguments pg_get_function_identity_arguments pg_get_indexdef pg_get_keywords pg_get_partkeydef
    pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid pg_get_viewdef
    pg_index_column_has_property pg_index_has_property pg_indexes_size pg_is_in_recovery pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_my_temp_schema pg_options_to_table
    pg_partition_root pg_partition_tree pg_postmaster_start_time pg_relation_filenode pg_relation_filepath
    pg_relation_size pg_sequence_parameters pg_show_all_settings pg_size_bytes pg_size_pretty pg_stat_get_activity
    pg_stat_get_live_tuples pg_stat_get_dead_tuples pg_stat_get_numscans pg_stat_statements
    pg_stat_statements_info pg_table_is_visible pg_table_size pg_tablespace_size pg_total_relation_size pg_typeof
    pg_wal_lsn_diff pi position power pragma_foreign_key_list pragma_index_info pragma_index_list
    pragma_index_xinfo pragma_table_info pragma_table_list pragma_table_xinfo printf quote quote_ident
    quote_literal quote_nullable radians random rank regexp_count regexp_instr regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_slope repeat
    replace reverse right round row_number row_to_json rpad rtrim scale session_user set_bit set_byte sha224
    sha256 sha384 sha512 shobj_description sign sin sinh split_part sqlite_version sqlite_source_id sqrt
    starts_with statement_timestamp stddev stddev_pop stddev_samp strftime string_agg string_to_array
    string_to_table strpos substr substring sum tan tanh time timeofday to_ascii to_char to_date to_hex to_json
    to_jsonb to_number to_regclass to_regnamespace to_regproc to_regrole to_regtype to_timestamp to_tsquery
    to_tsvector total transaction_timestamp translate trim trim_array trim_scale trunc ts_headline ts_rank
    ts_rank_cd tsrange tstzrange daterange int4range int8range isempty lower_inc upper_inc range_merge
    txid_current_if_assigned txid_current_snapshot typeof unicode unistr unnest upper user var_pop var_samp
    variance version websearch_to_tsquery plainto_tsquery phraseto_tsquery width_bucket xmlagg changes
    total_changes last_insert_rowid hex ifnull iif instr glob char date datetime unixepoch zeroblob soundex
    likelihood likely unlikely bm25 highlight snippet setweight numnode querytree strip similarity word_similarity
    levenshtein unaccent crc32 bit_count array_sample array_shuffle erf any_value grouping inet_merge host netmask
    network masklen family abbrev broadcast hostmask sqlite_offset timediff
    """
)
