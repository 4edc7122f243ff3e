"""Words for the same thing in IT operations, so that a tool is found by a request that uses other words than it does.

Static embeddings know that words are used in similar places, not what they have to do with each other on the job: that
what expires is renewed, and that a hanging statement waits for a lock. Each line is a group. A word of a request counts
for the other words of its groups as well, but less.
"""

from __future__ import annotations

GROUPS = """
backup copy dump archive snapshot
restore recover revert undo return rollback back earlier previous
expire expiry renewal renew run out validity certificate tls ssl https
endpoint host server machine instance node vm box computer device laptop asset hardware
lock block wait stuck hang queue deadlock hold
kill terminate end stop kick abort cancel
slow latency performance duration time long lag delay
fast optimize speed tune improve index
plan planner explain estimate execution
index scan sequential seek lookup
query statement sql select
table relation rows
size space volume disk storage capacity full fill gigabytes bytes grow growth
forecast predict estimate trend when future
replica standby secondary follower replication lag
primary master leader promote failover takeover
connection pool session client slot
vacuum dead bloat cleanup analyze statistics
log line message entry
new unusual unseen anomaly template pattern outlier strange
count number rate minute trend histogram
trace span request id follow path
error exception failure crash fault bug problem
stack traceback trace frame nullpointerexception
audit who actor changed history
secret password key token credential vault leak exposed
rotate replace exchange refresh change
vulnerability cve hole patch security fixed exploit
firewall rule group ingress allow open port
scan probe discover find detect
account user person employee identity login sign role permission right access
disable deactivate lock revoke remove leave
cost bill invoice price money spend dollars saving save cheap budget
idle unused forgotten orphan waste unattached
reserved commitment plan discount
resize rightsize shrink smaller larger
metric load cpu processor memory utilization usage
service daemon unit process running status
restart reboot start again
reach ping network connect unreachable route packet
dns resolve resolver name record address
balancer target traffic health check
pod container kubernetes namespace cluster workload oom killed
scale replicas more workers instances
deploy deployment release version rollout revision update
event scheduled evicted reported
console boot provider state
attach mount connect
installer setup msi exe package vendor signed silent
assign distribute roll ring pilot deadline everybody
inventory spreadsheet excel list columns headings import duplicates
license bought software compliance
code source repository function file
import module depend dependency uses cycle
blame author wrote touched last commit line
ticket issue task hand team tracker
report mail send email tell
compare before after beside difference
"""
