"""Functions of data warehouses that only compute or look something up, besides those that sqlglot knows."""

from __future__ import annotations

from app.risk.rules import word_set

BIGQUERY = word_set(
    """
    appends approx_top_sum arima_coefficients arima_evaluate bucketize cast centroids collate
    confusion_matrix cosine_distance covar_pop covar_samp date_add date_bucket date_diff date_sub
    datetime_add datetime_diff datetime_sub datetime_trunc detect_anomalies deterministic_decrypt_bytes
    deterministic_decrypt_string deterministic_encrypt distance div ends_with error euclidean_distance
    evaluate explain_forecast explain_predict feature_importance feature_info generate_array
    generate_date_array generate_timestamp_array global_explain hash_bucketize ieee_divide init
    ip_from_string ip_net_mask ip_to_string ip_trunc ipv4_from_int64 ipv4_to_int64 json_array_append
    json_array_insert json_flatten json_query merge_partial min_max_scaler new_keyset ngrams parse_date
    parse_datetime parse_time parse_timestamp polynomial_expand pow predict principal_components
    public_suffix quantile_bucketize range_bucket range_contains range_end range_overlaps range_start
    recommend regexp_contains regexp_extract regexp_extract_all roc_curve s2_cellidfrompoint
    s2_coveringcellids safe_add safe_divide safe_ip_from_string safe_multiply safe_subtract search st_area
    st_asbinary st_asgeojson st_astext st_azimuth st_boundary st_boundingbox st_buffer st_centroid
    st_closestpoint st_clusterdbscan st_contains st_convexhull st_coveredby st_covers st_difference
    st_dimension st_disjoint st_distance st_dump st_dwithin st_endpoint st_equals st_extent st_exteriorring
    st_geogfrom st_geogfromgeojson st_geogfromtext st_geogfromwkb st_geogpoint st_geohash st_geometrytype
    st_hausdorffdistance st_interiorrings st_intersection st_intersects st_isclosed st_iscollection
    st_isempty st_length st_makeline st_makepolygon st_maxdistance st_npoints st_numpoints st_perimeter
    st_pointn st_simplify st_snaptogrid st_startpoint st_touches st_union st_within st_x st_y
    standard_scaler table_date_range text_analyze time_add time_diff time_sub time_trunc timestamp_add
    timestamp_diff timestamp_sub timestamp_trunc training_info trial_info vector_search weights
    """
)
"""BigQuery's, and those of its models."""

SNOWFLAKE = word_set(
    """
    add_months approx_percentile approx_percentile_estimate array_contains array_except array_generate_range
    array_insert array_remove_at array_slice arrays_overlap arrays_to_object as_array as_binary as_char
    as_date as_double as_integer as_number as_object as_timestamp_ntz as_varchar
    automatic_clustering_history autorefresh_registration_history bitand bitor bitshiftleft bitshiftright
    bitxor booland boolor boolxor case cast charindex collate conditional_change_event
    conditional_true_event contains convert_timezone copy_history covar_pop current_account
    current_account_name current_available_roles current_client current_ip_address current_organization_name
    current_region current_role current_role_type current_secondary_roles current_session current_statement
    current_transaction current_version current_warehouse data_transfer_history database_refresh_history
    database_storage_usage_history dateadd datediff daysadd decompress_binary decompress_string decrypt
    decrypt_raw dynamic_table_refresh_history encrypt encrypt_raw endswith equal_null explain_json filter
    flatten generator get get_absolute_path get_ddl get_path get_presigned_url get_relative_path
    get_stage_location getbit getvariable h3_cell_to_point h3_latlng_to_cell hash haversine hll_accumulate
    hll_combine hll_estimate hll_export hll_import iff infer_schema invoker_role invoker_share is_binary
    is_boolean is_char is_database_role_in_session is_date is_decimal is_double is_granted_to_invoker_role
    is_integer is_object is_real is_role_in_session is_time is_timestamp_ltz is_timestamp_ntz is_varchar
    jarowinkler_similarity last_query_id last_successful_scheduled_time last_transaction like_all like_any
    login_history login_history_by_user map_cat map_contains_key map_delete map_insert map_pick
    materialized_view_refresh_history minhash months_between next_day normal nvl2 object_construct
    object_construct_keep_null object_delete object_insert object_pick parse_ip parse_xml pipe_usage_history
    policy_context policy_references pow previous_day query_history query_history_by_session
    query_history_by_user query_history_by_warehouse ratio_to_report regexp regexp_substr_all
    replication_usage_history rest_event_history result_scan rlike sanitize_webhook_payload
    search_optimization_history serverless_task_history split split_to_table squareroot st_area st_asgeojson
    st_astext st_aswkb st_centroid st_contains st_distance st_dwithin st_geogfromtext st_geographyfromwkt
    st_intersects st_length st_makepoint st_point st_within st_x st_y
    stage_directory_file_registration_history stage_storage_usage_history startswith system$allowlist
    system$clustering_depth system$clustering_information system$clustering_ratio
    system$current_user_task_name system$database_refresh_progress system$estimate_query_acceleration
    system$explain_plan_json system$get_aws_sns_iam_policy system$get_predecessor_return_value
    system$get_tag system$last_change_commit_time system$pipe_status system$query_reference system$reference
    system$stream_get_table_timestamp system$stream_has_data system$task_dependents system$task_runtime_info
    system$typeof system$whitelist tag_references tag_references_all_columns task_dependents task_history
    text_html time_from_parts time_slice timeadd timestampadd timestampdiff to_object to_query
    to_timestamp_ltz to_timestamp_ntz to_timestamp_tz to_xml try_cast try_to_geography try_to_timestamp
    try_to_timestamp_ltz uniform validate_pipe_load vector_cosine_similarity vector_inner_product
    vector_l2_distance warehouse_load_history warehouse_metering_history xmlget zipf
    """
)
"""Snowflake's."""

CLICKHOUSE = word_set(
    """
    adddays addhours addminutes addmonths addseconds addweeks addyears alphatokens anyheavy anyif anylast
    argmaxif argmaxmerge argmaxstate arrayall arrayavg arraycount arraycumsum arraydifference arrayelement
    arrayenumerate arrayenumerateuniq arrayexists arrayfill arrayfilter arrayfirst arrayfirstindex
    arrayflatten arrayintersect arrayjaccardindex arraylast arraymap arraypartialsort arraypopback
    arraypopfront arrayproduct arraypushback arraypushfront arrayreduce arrayresize arrayreversesort
    arrayrotateleft arrayshuffle arrayslice arraysort arraysplit arraystringconcat arrayuniq
    arraywithconstant arrayzip assumenotnull avgif avgmerge avgstate avgweighted bar base58decode
    base58encode base64decode base64encode bin bitand bitcount bithammingdistance bitmapbuild
    bitmapcardinality bitmapcontains bitmaptoarray bitnot bitor bitshiftleft bittest bitxor blocknumber
    boundingratio bytesize cast catboostevaluate cluster clusterallreplicas concatwithseparator
    convertcharset cosinedistance countdigits countdistinct countequal countmerge countstate countsubstrings
    countsubstringscaseinsensitive currentdatabase currentprofiles currentroles currentuser cutfragment
    cutipv6 cutquerystring cuttofirstsignificantsubdomain cuturlparameter cutwww date_diff datediff datename
    datesub datetrunc decodeurlcomponent decodexmlcomponent defaultvalueofargumenttype deltasum dictget
    dictgethierarchy dictgetordefault dictgetornull dicthas dictisin displayname domain domainwithoutwww
    dumpcolumnstructure empty emptyarraystring enabledroles encodeurlcomponent endswith equals evalmlmethod
    exponentialmovingaverage extractall extractallgroups extracttextfromhtml extracturlparameter
    extracturlparameternames extracturlparameters filesystemavailable filesystemcapacity finalizeaggregation
    firstsignificantsubdomain formatdatetime formatreadabledecimalsize formatreadablequantity
    formatreadablesize formatreadabletimedelta formatrow fragment fromunixtimestamp fromunixtimestamp64milli
    fullhostname fuzzbits generaterandom generateseries generateuuidv4 generateuuidv7 geodistance
    geohashdecode geohashencode geotoh3 getmacro getoskernelversion getsetting getsizeofenumtype
    gettypeserializationstreams globalin greatcircledistance greater greaterorequals grouparray grouparrayif
    grouparrayinsertat grouparraymovingavg grouparraysample groupbitmap groupuniqarray groupuniqarrayif
    h3togeo halfmd5 has hasall hasany hascolumnintable hassubstr hastoken hastokencaseinsensitive histogram
    hivehash hostname iceberghash identity if ifnotfinite ignore ilike indexhint indexof
    initializeaggregation initialqueryid intdiv intdivorzero intervallengthsum intexp2 inthash32 inthash64
    ipv4cidrtorange ipv4numtostring ipv4stringtonum ipv4stringtonumornull ipv6numtostring ipv6stringtonum
    isdecimaloverflow isipaddressinrange isipv4string isipv6string isnotnull isnull isnullable isvalidjson
    isvalidutf8 iszeroornull javahash joinget json_exists json_query json_value jsonarraylength jsonextract
    jsonextractarrayraw jsonextractbool jsonextractfloat jsonextractint jsonextractkeys
    jsonextractkeysandvalues jsonextractuint jsonhas jsonkey jsonlength jsontype jumpconsistenthash
    kafkamurmurhash kurtpop l1distance l2distance l2norm laginframe leadinframe leftpad lengthutf8 less
    lessorequals like locate lowcardinalityindices lowerutf8 makedate makedatetime map mapadd mapapply
    mapconcat mapcontains mapfilter mapfromarrays mapkeys mappopulateseries mapsubtract mapupdate mapvalues
    match materialize max2 maxif maxintersections maxmap maxmerge maxstate min2 minif minmap minmerge
    minstate minus modulo mortonencode multifuzzymatchany multiif multimatchany multimatchanyindex multiply
    multisearchallpositions multisearchany multisearchfirstindex murmurhash2_64 murmurhash3_32
    murmurhash3_64 negate neighbor netloc ngramdistance ngrams ngramsearch ngramsimhash normalizedqueryhash
    normalizequery normalizeutf8nfc notempty notequals notin now64 nowinblock nullin numbers numbers_mt
    oskernelversion parsedatetime32besteffort parsedatetime64besteffort parsedatetimebesteffort
    parsedatetimebesteffortornull parsedatetimebesteffortorzero parsetimedelta partitionid path pathfull
    plus pointinellipses pointinpolygon polygonareacartesian port positioncaseinsensitive positionutf8 pow
    proportionsztest protocol punycodeencode quantilebfloat16 quantiledeterministic quantileexact
    quantileexactweighted quantileif quantilemerge quantiles quantilesexact quantilestate quantilestdigest
    quantiletdigest quantiletdigestweighted quantiletiming queryid querystring querystringandfragment rand32
    rand64 randnormal randomfixedstring randomprintableascii randomstring randomstringutf8 randuniform range
    rankcorr readwktpoint regexpextract regexpquotemeta reinterpret reinterpretasfloat64 reinterpretasint64
    reinterpretasstring reinterpretasuint64 replaceall replaceone replaceregexpall replaceregexpone
    replicate retention reverseutf8 revision rightpad roundage roundbankers rounddown roundduration
    roundtoexp2 rownumberinallblocks rownumberinblock runningaccumulate runningconcurrency runningdifference
    s2cellsintersect sequencecount sequencematch sequencenextnode seriesdecomposestl
    seriesoutliersdetecttukey serveruuid sigmoid simplejsonextractint simplejsonextractraw
    simplejsonextractstring simplejsonhas simplelinearregression siphash128 siphash64 skewpop
    snowflakeidtodatetime snowflaketodatetime sparkbar splitbychar splitbynonalpha splitbyregexp
    splitbystring splitbywhitespace startswith stddevpop stddevsamp stem stochasticlinearregression
    stringjaccardindex structuretoprotobufschema studentttest subdate substringindex substringutf8
    subtractdays subtracthours subtractminutes subtractmonths subtractseconds subtractweeks subtractyears
    sumcount sumif sumkahan summap summapfiltered summerge sumornull sumstate sumwithoverflow svg tcpport
    tgamma throwif tid timeslot timeslots timezone timezoneof timezoneoffset tobool tocolumntypename todate
    todate32 todateornull todateorzero todatetime todatetime64 todatetimeornull todatetimeorzero
    todayofmonth todayofyear todecimal128 todecimal32 todecimal64 todecimalstring tofixedstring tofloat32
    tofloat64 tofloat64ornull tofloat64orzero tohour toint128 toint16 toint256 toint32 toint32ornull
    toint32orzero toint64 toint64ornull toint64orzero toint8 tointervalday tointervalhour tointervalminute
    tointervalmonth toipv4 toipv4ornull toipv6 tojsonstring tolastdayofmonth tolastdayofweek
    tolowcardinality tominute tomodifiedjulianday tomonth tonullable topk topkweighted topleveldomain
    toquarter torelativedaynum torelativehournum torelativemonthnum tosecond tostartoffifteenminutes
    tostartoffiveminutes tostartofinterval tostartofisoyear tostartoftenminutes tostartofweek tostring
    tostringcuttozero totime totimezone touint128 touint16 touint256 touint32 touint32ornull touint64
    touint64ornull touint64orzero touint8 tounixtimestamp tounixtimestamp64milli touuid touuidornull
    tovalidutf8 toweek toyear toyearweek toyyyymm toyyyymmdd toyyyymmddhhmmss transactionid transform
    trybase64decode tumble tumbleend tumblestart tupleconcat tupleelement tuplehammingdistance tupleminus
    tuplenames tupleplus tupletonamevaluepairs ulidstringtodatetime unbin uniqcombined uniqcombined64
    uniqexact uniqexactif uniqhll12 uniqif uniqmerge uniqstate uniqtheta upperutf8 uptime urlhash
    urlhierarchy urlpathhierarchy uuidnumtostring uuidstringtonum uuidv7todatetime validatenestedarraysizes
    variantelement varianttype varpop varsamp view visiblewidth visitparamextractstring welchttest
    windowfunnel windowid wkt wordshingleminhash wyhash64 xxhash32 xxhash64 yandexconsistenthash zeros
    zookeepersessionuptime
    """
)
"""ClickHouse's."""

DUCKDB = word_set(
    """
    add aggregate alias arbitrary array_aggr array_aggregate array_apply array_contains
    array_cosine_distance array_cosine_similarity array_cross_product array_distance array_extract
    array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product
    array_pop_back array_pop_front array_push_back array_reduce array_resize array_select array_slice
    array_transform array_unique array_value array_where array_zip bar base64 bin bit_position bit_string
    bitstring bitstring_agg can_cast_implicitly cast_to_type century combine contains cosine_distance
    count_star covar_pop current_catalog current_query currval damerau_levenshtein date_add date_diff
    date_sub datediff datepart datesub datetrunc decade duckdb_columns duckdb_constraints duckdb_databases
    duckdb_dependencies duckdb_extensions duckdb_functions duckdb_indexes duckdb_keywords
    duckdb_log_contexts duckdb_logs duckdb_memory duckdb_optimizers duckdb_schemas duckdb_sequences
    duckdb_settings duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables duckdb_views
    element_at ends_with entropy enum_code enum_first enum_last enum_range enum_range_boundary epoch_ns
    epoch_us equi_width_bins era error even favg filter finalize fmod format_bytes format_pytype
    formatreadabledecimalsize formatreadablesize from_binary from_json from_json_strict fsum gamma geomean
    get_current_timestamp getvariable hamming hash histogram histogram_exact ilike_escape in_search_path
    is_histogram_other_bin isoyear jaccard jaro_similarity jaro_winkler_similarity json_contains
    json_deserialize_sql json_exists json_extract_string json_group_structure json_merge_patch json_pretty
    json_serialize_sql json_structure json_transform json_transform_strict json_value julian kahan_sum
    kurtosis_pop left_grapheme length_grapheme lgamma like_escape list_aggr list_aggregate list_any_value
    list_append list_apply list_approx_count_distinct list_avg list_cat list_contains list_count
    list_distance list_dot_product list_element list_entropy list_extract list_filter list_first
    list_grade_up list_has list_has_all list_has_any list_histogram list_indexof list_inner_product
    list_intersect list_kurtosis list_last list_median list_mode list_pack list_position list_prepend
    list_product list_reduce list_resize list_reverse list_select list_skewness list_slice list_stddev_pop
    list_string_agg list_sum list_transform list_unique list_where list_zip mad map_concat map_contains
    map_entries map_extract map_values md5_number mean metadata microsecond millennium millisecond
    mismatches multiply nanosecond nextafter nfc_normalize not_like_escape ord parse_dirname parse_dirpath
    parse_filename parse_path pow pragma_database_size pragma_show pragma_storage_info pragma_version prefix
    product read_ndjson_objects reduce regexp_escape regexp_extract regexp_extract_all regexp_full_match
    remap_struct repeat_row reservoir_quantile right_grapheme round_even roundbankers row sem signbit
    sniff_csv split stats stem str_split str_split_regex string_split string_split_regex strip_accents
    strlen strptime struct_concat struct_extract struct_insert struct_position struct_update
    substring_grapheme subtract suffix sum_no_overflow sumkahan summary test_all_types time_bucket timezone
    timezone_hour timezone_minute to_base to_centuries to_decades to_hours to_microseconds to_millennia
    to_milliseconds to_minutes to_months to_quarters to_seconds to_weeks to_years try_strptime txid_current
    unbin union_extract union_tag union_value unpivot_list url_decode url_encode uuidv4 uuidv7 vector_type
    wavg weekday which_secret xor yearweek
    """
)
"""DuckDB's."""

REDSHIFT = word_set(
    """
    add_months array_flatten bpcharcmp can_json_parse charindex checksum convert_timezone current_user_id
    date_part_year dateadd datediff fnv_hash func_sha1 get_array_length has_assumerole_privilege
    hll_cardinality hll_combine hll_create_sketch is_object is_scalar is_valid_json is_valid_json_array
    is_varchar json_extract_array_element_text json_serialize json_size months_between next_day nvl2 object
    pg_get_cols pg_get_late_binding_view_cols pg_last_copy_count pg_last_copy_id pg_last_query_id
    pg_last_unload_count ratio_to_report role_is_member_of size slice_num strtol subarray text_to_int_alt
    text_to_numeric_alt user_is_member_of
    """
)
"""Redshift's, besides PostgreSQL's."""
