"""Python: clients of clouds, by what is done to what, and to how many of them."""

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

AWS = "import boto3\n"
GOOGLE = "from google.cloud import storage, bigquery, secretmanager, compute_v1, firestore, pubsub_v1\n"
AZURE = ""
CASES = [
    (AWS, "boto3.client('s3').delete_object(Bucket='b',Key='k')", MEDIUM),
    (AWS, "boto3.client('s3').delete_bucket(Bucket='b')", CRITICAL),
    (AWS,
     "s3=boto3.client('s3')\n"
     "for p in s3.get_paginator('list_objects_v2').paginate(Bucket='b'):\n"
     "  for o in p.get('Contents',[]):\n"
     "    s3.delete_object(Bucket='b',Key=o['Key'])", CRITICAL),
    (AWS,
     "s3=boto3.client('s3')\n"
     "for p in s3.get_paginator('list_objects_v2').paginate(Bucket='b',Prefix='tmp/'):\n"
     "  for o in p.get('Contents',[]):\n"
     "    s3.delete_object(Bucket='b',Key=o['Key'])", HIGH),
    (AWS,
     "s3=boto3.client('s3')\n"
     "for o in s3.list_objects_v2(Bucket='b')['Contents']:\n"
     "  if o['Size']==0:\n"
     "    s3.delete_object(Bucket='b',Key=o['Key'])", HIGH),
    (AWS,
     "s3=boto3.client('s3')\n"
     "keys=[{'Key':o['Key']} for o in s3.list_objects_v2(Bucket='b')['Contents']]\n"
     "s3.delete_objects(Bucket='b',Delete={'Objects':keys})", CRITICAL),
    (AWS, "s3=boto3.client('s3')\ns3.delete_objects(Bucket='b',Delete={'Objects':[{'Key':'a'},{'Key':'c'}]})", HIGH),
    (AWS, "boto3.resource('s3').Bucket('b').objects.filter(Prefix='tmp/').delete()", HIGH),
    (AWS, "boto3.resource('s3').Bucket('b').objects.delete()", CRITICAL),
    (AWS, "boto3.resource('s3').Object('b','k').delete()", MEDIUM),
    (AWS, "boto3.resource('s3').Bucket('b').delete()", CRITICAL),
    (AWS, 'boto3.client(\'s3\').put_bucket_policy(Bucket=\'b\',Policy=\'{"Principal":"*"}\')', HIGH),
    (AWS, "boto3.client('s3').put_object_acl(Bucket='b',Key='k',ACL='public-read')", HIGH),
    (AWS, "boto3.client('s3').delete_public_access_block(Bucket='b')", HIGH),
    (AWS,
     "boto3.client('s3').put_bucket_versioning(Bucket='b',VersioningConfiguration={'Status':'Suspended'})", HIGH),
    (AWS,
     "boto3.client('s3').put_bucket_lifecycle_configuration(Bucket='b',LifecycleConfiguration={'Rules':[]})", HIGH),
    (AWS, "boto3.client('s3').put_object(Bucket='b',Key='k',Body=b'x')", MEDIUM),
    (AWS, "boto3.client('s3').put_object(Bucket='b',Key='k',Body=open('/root/.aws/credentials').read())", CRITICAL),
    (AWS, "boto3.client('s3').upload_file('.env','b','k')", CRITICAL),
    (AWS, "boto3.client('s3').upload_file('a.csv','b','k')", MEDIUM),
    (AWS, "boto3.client('s3').upload_file('a.html','b','k',ExtraArgs={'ACL':'public-read'})", HIGH),
    (AWS, "boto3.client('s3').download_file('b','k','a.csv')", MEDIUM),
    (AWS, "boto3.client('s3').head_object(Bucket='b',Key='k')", SAFE),
    (AWS, "print(boto3.client('s3').generate_presigned_url('get_object',Params={}))", SAFE),
    (AWS, "boto3.client('ec2').run_instances(ImageId='ami',MinCount=1,MaxCount=1)", MEDIUM),
    (AWS, "boto3.resource('ec2').Instance('i-1').terminate()", CRITICAL),
    (AWS, "boto3.resource('ec2').Instance('i-1').stop()", HIGH),
    (AWS, "boto3.client('ec2').terminate_instances(InstanceIds=['i'],DryRun=True)", SAFE),
    (AWS, "boto3.client('ec2').delete_volume(VolumeId='v')", CRITICAL),
    (AWS, "boto3.client('ec2').delete_snapshot(SnapshotId='v')", CRITICAL),
    (AWS, "boto3.client('ec2').authorize_security_group_ingress(GroupId='g',CidrIp='0.0.0.0/0')", HIGH),
    (AWS, "boto3.client('rds').delete_db_instance(DBInstanceIdentifier='x',SkipFinalSnapshot=True)", CRITICAL),
    (AWS, "boto3.client('rds').reboot_db_instance(DBInstanceIdentifier='x')", MEDIUM),
    (AWS, "boto3.client('rds').modify_db_instance(DBInstanceIdentifier='x',BackupRetentionPeriod=0)", HIGH),
    (AWS,
     "boto3.client('iam').attach_user_policy(UserName='x',"
     "PolicyArn='arn:aws:iam::aws:policy/AdministratorAccess')", CRITICAL),
    (AWS,
     'import json\n'
     "boto3.client('iam').put_role_policy(RoleName='x',PolicyName='y',"
     "PolicyDocument=json.dumps({'Statement':[{'Effect':'Allow','Action':'*','Resource':'*'}]}))", CRITICAL),
    (AWS, "boto3.client('iam').create_access_key(UserName='x')", HIGH),
    (AWS, "boto3.client('iam').create_user(UserName='x')", HIGH),
    (AWS, "boto3.client('iam').delete_user(UserName='x')", HIGH),
    (AWS, "boto3.client('iam').list_users()", SAFE),
    (AWS, "print(boto3.client('secretsmanager').get_secret_value(SecretId='x')['SecretString'])", HIGH),
    (AWS, "boto3.client('secretsmanager').delete_secret(SecretId='x',ForceDeleteWithoutRecovery=True)", CRITICAL),
    (AWS, "boto3.client('ssm').get_parameter(Name='x',WithDecryption=True)", HIGH),
    (AWS, "print(boto3.client('ssm').get_parameter(Name='x'))", SAFE),
    (AWS, "boto3.client('ssm').put_parameter(Name='x',Value='y')", MEDIUM),
    (AWS,
     "boto3.client('ssm').send_command(InstanceIds=['i'],DocumentName='AWS-RunShellScript',"
     "Parameters={'commands':['rm -rf /']})", CRITICAL),
    (AWS,
     "boto3.client('ssm').send_command(InstanceIds=['i'],DocumentName='AWS-RunShellScript',"
     "Parameters={'commands':['uptime']})", HIGH),
    (AWS, "boto3.client('kms').schedule_key_deletion(KeyId='x')", CRITICAL),
    (AWS, "boto3.client('kms').disable_key(KeyId='x')", CRITICAL),
    (AWS, "boto3.client('dynamodb').delete_table(TableName='x')", CRITICAL),
    (AWS, "boto3.resource('dynamodb').Table('x').delete()", CRITICAL),
    (AWS, "boto3.resource('dynamodb').Table('x').delete_item(Key={'id':1})", MEDIUM),
    (AWS, "boto3.resource('dynamodb').Table('x').put_item(Item={'id':1})", MEDIUM),
    (AWS,
     "t=boto3.resource('dynamodb').Table('x')\n"
     'with t.batch_writer() as b:\n'
     "  for i in t.scan()['Items']:\n"
     "    b.delete_item(Key={'id':i['id']})", CRITICAL),
    (AWS, "print(boto3.resource('dynamodb').Table('x').scan())", SAFE),
    (AWS, "boto3.client('lambda').invoke(FunctionName='x')", HIGH),
    (AWS, "boto3.client('lambda').update_function_code(FunctionName='x',ZipFile=b'')", HIGH),
    (AWS, "boto3.client('lambda').delete_function(FunctionName='x')", HIGH),
    (AWS, "boto3.client('sqs').purge_queue(QueueUrl='x')", HIGH),
    (AWS, "boto3.client('sqs').send_message(QueueUrl='x',MessageBody='y')", MEDIUM),
    (AWS, "boto3.client('sqs').delete_message(QueueUrl='x',ReceiptHandle='y')", MEDIUM),
    (AWS, "boto3.client('sns').publish(TopicArn='x',Message='y')", MEDIUM),
    (AWS, "boto3.client('ses').send_email(Source='a',Destination={'ToAddresses':['b']},Message={})", MEDIUM),
    (AWS,
     "ses=boto3.client('ses')\n"
     "for u in open('u.txt'):\n"
     "  ses.send_email(Source='a',Destination={'ToAddresses':[u]},Message={})", HIGH),
    (AWS, "boto3.client('cloudformation').delete_stack(StackName='x')", CRITICAL),
    (AWS, "boto3.client('cloudwatch').put_metric_data(Namespace='x')", MEDIUM),
    (AWS, "boto3.client('logs').delete_log_group(logGroupName='x')", HIGH),
    (AWS, "boto3.client('route53').delete_hosted_zone(Id='x')", CRITICAL),
    (AWS, "boto3.client('route53').change_resource_record_sets(HostedZoneId='x')", HIGH),
    (AWS, "boto3.client('athena').start_query_execution(QueryString='DROP TABLE x')", CRITICAL),
    (AWS, "boto3.client('ecs').update_service(cluster='c',service='s',desiredCount=0)", HIGH),
    (AWS, "boto3.client('eks').delete_cluster(name='x')", CRITICAL),
    (AWS, "boto3.client('ecr').batch_delete_image(repositoryName='x',imageIds=[])", CRITICAL),
    (AWS, "boto3.client('organizations').close_account(AccountId='1')", CRITICAL),
    (AWS, "boto3.client('sts').get_caller_identity()", SAFE),
    (AWS, "boto3.client('sts').assume_role(RoleArn='x')", HIGH),
    (AWS, "boto3.client('guardduty').delete_detector(DetectorId='x')", HIGH),
    (AWS, "boto3.client('cognito-idp').admin_delete_user(UserPoolId='p',Username='u')", HIGH),
    (AWS,
     "c=boto3.client('cognito-idp')\n"
     "for u in c.list_users(UserPoolId='p')['Users']:\n"
     "  c.admin_delete_user(UserPoolId='p',Username=u['Username'])", CRITICAL),
    (AWS, "boto3.Session(profile_name='x').client('ec2').describe_instances()", SAFE),
    (GOOGLE, "storage.Client().bucket('b').delete(force=True)", CRITICAL),
    (GOOGLE, "storage.Client().get_bucket('b').blob('x').delete()", MEDIUM),
    (GOOGLE, "b=storage.Client().bucket('b')\nfor x in b.list_blobs():\n  x.delete()", CRITICAL),
    (GOOGLE, "b=storage.Client().bucket('b')\nfor x in b.list_blobs(prefix='tmp/'):\n  x.delete()", HIGH),
    (GOOGLE, "b=storage.Client().bucket('b')\nb.delete_blobs(list(b.list_blobs()))", CRITICAL),
    (GOOGLE, "storage.Client().bucket('b').blob('x').upload_from_string('a')", MEDIUM),
    (GOOGLE, "storage.Client().bucket('b').blob('x').make_public()", HIGH),
    (GOOGLE, "storage.Client().bucket('b').blob('x').download_to_filename('a.csv')", MEDIUM),
    (GOOGLE, 'print([b.name for b in storage.Client().list_buckets()])', SAFE),
    (GOOGLE, "bigquery.Client().delete_dataset('d',delete_contents=True)", CRITICAL),
    (GOOGLE, "bigquery.Client().delete_table('d.t')", CRITICAL),
    (GOOGLE, "print(bigquery.Client().query('SELECT 1').result())", SAFE),
    (GOOGLE, "bigquery.Client().query('DROP TABLE d.t').result()", CRITICAL),
    (GOOGLE, "bigquery.Client().insert_rows_json('t',[{'a':1}])", MEDIUM),
    (GOOGLE, "secretmanager.SecretManagerServiceClient().access_secret_version(name='x')", HIGH),
    (GOOGLE, "compute_v1.InstancesClient().delete(project='p',zone='z',instance='i')", CRITICAL),
    (GOOGLE, "compute_v1.InstancesClient().stop(project='p',zone='z',instance='i')", HIGH),
    (GOOGLE, "print(list(compute_v1.InstancesClient().list(project='p',zone='z')))", SAFE),
    (GOOGLE, "firestore.Client().collection('a').document('b').delete()", MEDIUM),
    (GOOGLE, "firestore.Client().collection('a').document('b').set({'x':1})", MEDIUM),
    (GOOGLE, "for d in firestore.Client().collection('a').stream():\n  d.reference.delete()", CRITICAL),
    (GOOGLE, "pubsub_v1.PublisherClient().publish('t',b'x')", MEDIUM),
    (GOOGLE,
     'from googleapiclient.discovery import build\n'
     "build('compute','v1').instances().delete(project='p',zone='z',instance='i').execute()", CRITICAL),
    (GOOGLE,
     'from googleapiclient.discovery import build\n'
     "print(build('drive','v3').files().list(q='x').execute())", SAFE),
    (GOOGLE,
     'from googleapiclient.discovery import build\n'
     "build('drive','v3').files().delete(fileId='x').execute()", MEDIUM),
    (GOOGLE,
     'from googleapiclient.discovery import build\n'
     "build('drive','v3').permissions().create(fileId='x',body={'type':'anyone'}).execute()", HIGH),
    (GOOGLE,
     'from googleapiclient.discovery import build\n'
     "build('cloudresourcemanager','v1').projects().delete(projectId='p').execute()", CRITICAL),
    (AZURE,
     'from azure.mgmt.compute import ComputeManagementClient\n'
     "ComputeManagementClient(c,s).virtual_machines.begin_delete('g','v')", CRITICAL),
    (AZURE,
     'from azure.mgmt.compute import ComputeManagementClient\n'
     "ComputeManagementClient(c,s).virtual_machines.begin_power_off('g','v')", HIGH),
    (AZURE,
     'from azure.mgmt.compute import ComputeManagementClient\n'
     'print(list(ComputeManagementClient(c,s).virtual_machines.list_all()))', SAFE),
    (AZURE,
     'from azure.mgmt.resource import ResourceManagementClient\n'
     "ResourceManagementClient(c,s).resource_groups.begin_delete('g').wait()", CRITICAL),
    (AZURE,
     'from azure.keyvault.secrets import SecretClient\n'
     "print(SecretClient('u',c).get_secret('x').value)", HIGH),
    (AZURE,
     'from azure.storage.blob import BlobServiceClient\n'
     "BlobServiceClient.from_connection_string('x').delete_container('c')", CRITICAL),
    (AZURE,
     'from azure.storage.blob import BlobServiceClient\n'
     "BlobServiceClient('u').get_blob_client('c','b').upload_blob(b'x')", MEDIUM),
    (AZURE,
     'from azure.storage.blob import BlobServiceClient\n'
     "BlobServiceClient('u').get_blob_client('c','b').delete_blob()", MEDIUM),
    (AZURE,
     'from azure.storage.blob import ContainerClient\n'
     "c=ContainerClient('u','c')\n"
     'for b in c.list_blobs():\n'
     '  c.delete_blob(b.name)', CRITICAL),
    (AZURE,
     'from azure.mgmt.authorization import AuthorizationManagementClient\n'
     "AuthorizationManagementClient(c,s).role_assignments.create('s','n',{'role':'Owner'})", CRITICAL),
]  # fmt: skip


@pytest.mark.parametrize(("imports", "text", "expected"), CASES, ids=[case[1][:70] for case in CASES])
def test_clients_are_rated_by_what_their_calls_do(imports, text, expected):
    document = {"kind": "script", "title": "t", "language": "python", "content": imports + text}
    assessment = assess_proposal(document)
    assert assessment.level is expected, assessment.findings
