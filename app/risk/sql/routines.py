"""Functions, procedures, and packages of the databases that do more than compute, by what they do."""

from __future__ import annotations

from typing import NamedTuple

from app.risk.rules import word_set
from assent.contracts import RiskLevel


class Effect(NamedTuple):
    """What a routine does: its group, which has a rule in `app.risk.sql.access`; words; and a level if it differs."""

    group: str
    words: str
    level: RiskLevel | None = None


_FILE = Effect("file", "reads or writes files, or runs programs, on the database server")
_REMOTE = Effect("remote", "connects to another server: data can leave, or be changed there")
_SERVER = Effect("server", "controls the server: it can interrupt other people's work, or change how the server runs")
_TEXT = Effect("text", "runs a text as SQL whose effects cannot be determined here")
_EFFECT = Effect("effect", "changes something or blocks others, although it looks like a query")
_CODE = Effect("code", "runs a program or code with the rights of the database server")
_JOB = Effect("code", "creates or runs a job: code that runs later, by itself", RiskLevel.HIGH)
_POWERS = Effect("powers", "gives rights to others")
_RISKY = Effect("server", "changes accounts, databases, or settings of the server for everybody")


def _all(effect: Effect, names: str) -> dict[str, Effect]:
    return dict.fromkeys(word_set(names), effect)


ROUTINES: dict[str, Effect] = {
    **_all(
        _FILE,
        "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_file_write pg_file_unlink pg_file_rename "
        "pg_file_read pg_file_sync lo_import lo_export load_file load_extension writefile readfile edit "
        "fts3_tokenizer pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_logdir_ls fsdir bfilename "
        "file_fdw_validator xp_regread xp_instance_regread xp_dirtree xp_subdirs xp_fileexist xp_getfiledetails "
        "xp_readerrorlog xp_availablemedia xp_delete_files xp_copy_file xp_copy_files",
    ),
    **_all(
        Effect("file", "reads files on the machine where the database runs", RiskLevel.HIGH),
        "read_csv read_csv_auto read_text read_blob read_parquet parquet_scan read_json read_json_auto glob_files",
    ),
    **_all(
        _CODE,
        "xp_cmdshell sys_exec sys_eval sys_get sys_set xp_regwrite xp_regdeletevalue xp_regdeletekey xp_servicecontrol "
        "xp_instance_regwrite sp_oacreate sp_oamethod sp_oagetproperty sp_oasetproperty sp_execute_external_script "
        "xp_delete_file sp_xp_cmdshell_proxy_account sp_addextendedproc sp_procoption lib_mysqludf_sys_info "
        "shell_exec pg_exec_program sp_add_trusted_assembly",
    ),
    **_all(
        _JOB,
        "cron.schedule cron.schedule_in_database cron.alter_job cron.unschedule sp_add_job sp_add_jobstep "
        "sp_update_jobstep sp_update_job sp_start_job sp_add_schedule sp_add_jobschedule sp_attach_schedule "
        "sp_add_jobserver sp_delete_job timetable.add_job pgagent.pga_job add_job run_job alter_job "
        "pg_background_launch sp_create_plan_guide",
    ),
    **_all(
        _REMOTE,
        "dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_send_query dblink_fetch openrowset "
        "opendatasource openquery http http_get http_post http_put http_delete http_patch http_head "
        "postgres_fdw_get_connections net.http_get net.http_post net.http_delete httpuritype sp_addlinkedserver "
        "sp_addlinkedsrvlogin sp_serveroption sp_dropserver sp_send_dbmail xp_sendmail "
        "sp_invoke_external_rest_endpoint pg_amqp.publish amqp.publish mysql_query url_get aws_s3.query_export_to_s3 "
        "aws_s3.table_import_from_s3 aws_lambda.invoke aws_commons.create_lambda_function_arn",
    ),
    **_all(
        _SERVER,
        "pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal "
        "pg_create_restore_point pg_wal_replay_pause pg_wal_replay_resume pg_drop_replication_slot "
        "pg_replication_slot_advance pg_logical_slot_get_changes pg_logical_slot_get_binary_changes "
        "pg_create_logical_replication_slot pg_create_physical_replication_slot pg_copy_logical_replication_slot "
        "pg_copy_physical_replication_slot pg_logical_emit_message pg_sync_replication_slots "
        "pg_stat_reset pg_stat_reset_shared pg_stat_statements_reset pg_log_backend_memory_contexts "
        "pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance "
        "pg_replication_origin_session_setup pg_replication_origin_xact_setup pg_import_system_collations "
        "pg_export_snapshot pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup pg_resetwal",
    ),
    **_all(
        Effect("effect", "reads a table, and writes statistics about it", RiskLevel.LOW),
        "dbms_stats.gather_table_stats dbms_stats.gather_schema_stats dbms_stats.gather_index_stats "
        "dbms_stats.gather_database_stats dbms_stats.gather_dictionary_stats",
    ),
    "duckdb_secrets": Effect("file", "shows secrets", RiskLevel.HIGH),
    "pg_cancel_backend": _SERVER._replace(words="stops a statement of another session", level=RiskLevel.MEDIUM),
    **_all(
        _TEXT,
        "query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml table_to_xml "
        "table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml "
        "database_to_xml_and_xmlschema ts_stat ts_rewrite xpath_table crosstab crosstab2 crosstab3 crosstab4 "
        "connectby eval exec_immediate sp_execute sp_prepexec sp_prepare sp_msforeachtable sp_msforeachdb "
        "sp_executesql execute_query run_command_on_workers",
    ),
    **_all(
        _EFFECT,
        "nextval setval set_config lo_create lo_creat lo_put lo_from_bytea lowrite lo_truncate pg_notify "
        "pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock "
        "pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all setseed pg_sleep pg_sleep_for "
        "pg_sleep_until benchmark sleep get_lock release_lock release_all_locks pg_restore_relation_stats "
        "pg_restore_attribute_stats pg_clear_relation_stats pg_clear_attribute_stats brin_summarize_range "
        "brin_summarize_new_values brin_desummarize_range gin_clean_pending_list pg_prewarm sp_recompile "
        "sp_updatestats sp_addextendedproperty sp_updateextendedproperty sp_dropextendedproperty sp_refreshview "
        "sp_getapplock sp_releaseapplock sp_bindrule sp_tableoption sp_indexoption sp_settriggerorder sp_autostats "
        "sp_createstats",
    ),
    **_all(
        Effect("effect", "sets how long data is kept, or moves it, from now on", RiskLevel.HIGH),
        "add_retention_policy remove_retention_policy move_chunk create_distributed_table undistribute_table "
        "alter_distributed_table create_reference_table rebalance_table_shards citus_move_shard_placement "
        "system$abort_session system$cancel_all_queries system$abort_transaction",
    ),
    "lo_unlink": _EFFECT._replace(words="deletes large objects", level=RiskLevel.HIGH),
    **_all(
        Effect("effect", "drops or moves partitions or chunks with their rows", RiskLevel.CRITICAL),
        "drop_chunks partman.run_maintenance delete_all_rows sp_detach_db",
    ),
    **_all(
        _RISKY,
        "sp_configure sp_rename sp_renamedb sp_attach_db sp_dboption sp_changedbowner sp_changeobjectowner "
        "sp_dropuser sp_droplogin sp_addlogin sp_adduser sp_grantlogin sp_grantdbaccess sp_denylogin sp_revokelogin "
        "sp_revokedbaccess sp_password sp_defaultdb sp_cycle_errorlog sp_delete_backuphistory sp_purge_jobhistory "
        "sp_droprolemember sp_dropsrvrolemember sp_trace_create sp_trace_setstatus sp_fulltext_database sp_dropdevice "
        "sp_addumpdevice sp_addapprole sp_setapprole sp_addmessage sp_dropmessage sp_replicationdboption "
        "sp_removedbreplication sp_cdc_disable_db sp_cdc_disable_table sp_droprole sp_unbindrule "
        "sp_change_users_login",
    ),
    **_all(_POWERS, "sp_addsrvrolemember sp_addrolemember"),
}
"""By name in lower case; with its schema where the name alone says too little."""

READS_TABLES = word_set("read_csv read_csv_auto read_parquet parquet_scan read_json read_json_auto")
"""Functions of DuckDB that read a file as a table."""
PACKAGES: dict[str, Effect] = {
    **_all(_FILE, "utl_file dbms_file_transfer dbms_backup_restore dbms_advisor dbms_xslprocessor dbms_datapump"),
    **_all(
        _REMOTE,
        "utl_http utl_tcp utl_smtp utl_inaddr utl_mail utl_dbws dbms_ldap httpuritype dbms_aq dbms_cloud "
        "apex_web_service",
    ),
    **_all(_CODE, "dbms_java dbms_java_test dbms_kvs"),
    **_all(_JOB, "dbms_scheduler dbms_job"),
    **_all(_TEXT, "dbms_sql dbms_sys_sql dbms_xmlgen dbms_xmlquery dbms_utility dbms_ddl"),
    **_all(
        _SERVER,
        "dbms_system dbms_repair dbms_flashback dbms_shared_pool dbms_resource_manager dbms_logmnr dbms_rls dbms_fga "
        "dbms_redefinition dbms_network_acl_admin dbms_streams_adm dbms_service dbms_workload_repository",
    ),
    **_all(_EFFECT, "dbms_lock dbms_session dbms_stats dbms_mview dbms_pipe dbms_alert dbms_application_info"),
}
"""Oracle's packages. Those that only compute or show something are in `HARMLESS_PACKAGES`."""
HARMLESS_PACKAGES = word_set(
    "dbms_output dbms_random dbms_metadata dbms_xplan dbms_lob utl_raw dbms_crypto utl_encode dbms_rowid"
)

READING_PROCEDURES = word_set(
    "sp_help sp_helptext sp_helpindex sp_helpdb sp_helpfile sp_helpuser sp_helprole sp_helprolemember "
    "sp_helpconstraint sp_helpsrvrolemember sp_helprotect sp_who sp_who2 sp_lock sp_spaceused sp_columns sp_tables "
    "sp_stored_procedures sp_databases sp_depends sp_pkeys sp_fkeys sp_statistics sp_describe_first_result_set "
    "sp_server_info sp_helplogins sp_monitor sp_helpjob sp_helplanguage sp_helpserver sp_linkedservers sp_helptrigger "
    "sp_whoisactive"
)
"""Procedures of SQL Server that only show something."""
POWERFUL_NAMES = word_set(
    "SYSADMIN SECURITYADMIN SERVERADMIN SETUPADMIN DB_OWNER DB_SECURITYADMIN CONTROL DB_ACCESSADMIN"
)
"""Roles of SQL Server with which one can take any right."""
DANGEROUS_OPTIONS = ("xp_cmdshell", "ole automation", "clr", "external scripts", "ad hoc distributed", "cross db")
"""Settings of SQL Server that let statements run programs, or reach other servers."""
