"""Python: clients of Kubernetes and Docker."""

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

KUBERNETES = (
    "from kubernetes import client, config\n"
    "config.load_kube_config()\n"
    "core=client.CoreV1Api()\n"
    "apps=client.AppsV1Api()\n"
    "rbac=client.RbacAuthorizationV1Api()\n"
)
DOCKER = "import docker\nc=docker.from_env()\n"
CASES = [
    (KUBERNETES, 'print(core.list_node())', SAFE),
    (KUBERNETES, "print(core.read_namespaced_pod_log('p','n'))", SAFE),
    (KUBERNETES, "print(core.read_namespaced_secret('p','n').data)", HIGH),
    (KUBERNETES, "core.delete_namespaced_pod('p','n')", MEDIUM),
    (KUBERNETES, "core.delete_namespace('n')", CRITICAL),
    (KUBERNETES, "core.delete_persistent_volume('n')", CRITICAL),
    (KUBERNETES, "core.delete_namespaced_persistent_volume_claim('c','n')", CRITICAL),
    (KUBERNETES, "core.delete_node('n')", CRITICAL),
    (KUBERNETES, "apps.delete_namespaced_deployment('d','n')", HIGH),
    (KUBERNETES, "core.delete_collection_namespaced_pod('n')", CRITICAL),
    (KUBERNETES, "core.delete_collection_namespaced_pod('n',label_selector='a=b')", HIGH),
    (KUBERNETES,
     'for p in core.list_pod_for_all_namespaces().items:\n'
     '  core.delete_namespaced_pod(p.metadata.name,p.metadata.namespace)', CRITICAL),
    (KUBERNETES,
     'for p in core.list_pod_for_all_namespaces().items:\n'
     "  if p.status.phase=='Failed':\n"
     '    core.delete_namespaced_pod(p.metadata.name,p.metadata.namespace)', HIGH),
    (KUBERNETES, 'for n in core.list_namespace().items:\n  core.delete_namespace(n.metadata.name)', CRITICAL),
    (KUBERNETES, "apps.patch_namespaced_deployment_scale('d','n',{'spec':{'replicas':0}})", HIGH),
    (KUBERNETES, "apps.patch_namespaced_deployment_scale('d','n',{'spec':{'replicas':3}})", MEDIUM),
    (KUBERNETES,
     "apps.patch_namespaced_deployment('d','n',"
     "{'spec':{'template':{'spec':{'containers':[{'name':'a','image':'b:2'}]}}}})", MEDIUM),
    (KUBERNETES, "core.patch_node('n',{'spec':{'unschedulable':True}})", MEDIUM),
    (KUBERNETES,
     "core.create_namespaced_config_map('n',"
     "client.V1ConfigMap(metadata=client.V1ObjectMeta(name='a'),data={'a':'b'}))", MEDIUM),
    (KUBERNETES,
     'rbac.create_cluster_role_binding(client.V1ClusterRoleBinding(metadata=client.V1ObjectMeta(name='
     "'x'),role_ref=client.V1RoleRef(api_group='g',kind='ClusterRole',name='cluster-admin'),subjects=[]))", CRITICAL),
    (KUBERNETES, "rbac.create_namespaced_role_binding('n',{'kind':'RoleBinding','roleRef':{'name':'view'}})", HIGH),
    (KUBERNETES,
     "core.create_namespaced_pod('n',{'kind':'Pod','spec':{'containers':[{'name':'a','image':'b',"
     "'securityContext':{'privileged':True}}]}})", CRITICAL),
    (KUBERNETES,
     "core.create_namespaced_pod('n',client.V1Pod(spec=client.V1PodSpec(host_network=True,"
     "containers=[client.V1Container(name='a',image='b',"
     'security_context=client.V1SecurityContext(privileged=True))])))', CRITICAL),
    (KUBERNETES,
     'from kubernetes.stream import stream\n'
     "print(stream(core.connect_get_namespaced_pod_exec,'p','n',command=['ls','/']))", LOW),
    (KUBERNETES,
     'from kubernetes.stream import stream\n'
     "print(stream(core.connect_get_namespaced_pod_exec,'p','n',command=['rm','-rf','/data']))", CRITICAL),
    (KUBERNETES, "from kubernetes import utils\nutils.create_from_yaml(client.ApiClient(),'a.yaml')", HIGH),
    (KUBERNETES,
     "client.CustomObjectsApi().delete_namespaced_custom_object('g','v1','n','postgresqls','db')", CRITICAL),
    (KUBERNETES, "core.delete_namespace('n',dry_run='All')", SAFE),
    (KUBERNETES,
     "client.BatchV1Api().create_namespaced_job('n',{'kind':'Job',"
     "'spec':{'template':{'spec':{'containers':[{'name':'a','image':'b'}]}}}})", MEDIUM),
    (DOCKER, 'print([x.name for x in c.containers.list(all=True)])', SAFE),
    (DOCKER, "print(c.containers.get('x').logs())", SAFE),
    (DOCKER, "c.containers.get('x').stop()", MEDIUM),
    (DOCKER, "c.containers.get('x').restart()", MEDIUM),
    (DOCKER, "c.containers.get('x').remove(force=True)", MEDIUM),
    (DOCKER, 'for x in c.containers.list(all=True):\n  x.remove(force=True)', HIGH),
    (DOCKER, "c.volumes.get('db').remove()", HIGH),
    (DOCKER, 'for v in c.volumes.list():\n  v.remove(force=True)', CRITICAL),
    (DOCKER, 'c.volumes.prune()', HIGH),
    (DOCKER, 'c.containers.prune()', MEDIUM),
    (DOCKER, "c.images.prune(filters={'dangling':False})", HIGH),
    (DOCKER, "c.images.remove('x')", MEDIUM),
    (DOCKER, "print(c.containers.run('alpine','echo hi',remove=True))", MEDIUM),
    (DOCKER, "c.containers.run('alpine','sh',privileged=True,volumes={'/':{'bind':'/host','mode':'rw'}})", CRITICAL),
    (DOCKER, "c.containers.run('x',volumes=['/var/run/docker.sock:/var/run/docker.sock'])", HIGH),
    (DOCKER, "c.containers.get('x').exec_run('ls')", SAFE),
    (DOCKER, "c.images.pull('alpine:3')", MEDIUM),
    (DOCKER, "c.images.build(path='.',tag='x')", MEDIUM),
    (DOCKER, "c.images.push('x/y')", HIGH),
    (DOCKER, "docker.APIClient().remove_volume('x')", HIGH),
    (DOCKER, 'c.swarm.leave(force=True)', HIGH),
]  # fmt: skip


@pytest.mark.parametrize(("imports", "text", "expected"), CASES, ids=[case[1][:70] for case in CASES])
def test_clients_are_rated_by_what_their_calls_do(imports, text, expected):
    document = {"kind": "script", "title": "t", "language": "python", "content": imports + text}
    assessment = assess_proposal(document)
    assert assessment.level is expected, assessment.findings
