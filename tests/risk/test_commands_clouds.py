"""What commands of clouds and of infrastructure tools would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe aws s3 ls
    safe aws ec2 describe-instances --query 'x'
    safe aws sts get-caller-identity
    safe aws configure list
    safe gcloud compute instances list
    safe gcloud config list
    safe az vm list -o table
    safe doctl compute droplet list
    safe heroku logs --tail
    safe fly status
    safe gsutil ls gs://b
    safe rclone ls remote:
    safe restic snapshots
    safe terraform state list
    safe? terraform validate
    safe vault status
    safe nomad job status
    safe? ansible-playbook --syntax-check site.yml
    low aws ec2 create-tags --resources i-1 --tags a=b
    low? terraform plan -out plan.bin
    low? pulumi preview
    low? ansible all -m ping
    medium aws s3 cp a.txt s3://b/
    medium aws s3 rm s3://b/x.txt
    medium aws sqs create-queue --queue-name jobs
    medium az vm create -n x
    medium gcloud config set project x
    medium? terraform init
    medium? aws frobnicate all
    high aws s3 sync build s3://b --delete
    high aws ec2 stop-instances --instance-ids i-1
    high aws ec2 authorize-security-group-ingress --group-id sg-1 --port 22 --cidr 0.0.0.0/0
    high aws iam create-access-key --user-name x
    high aws secretsmanager get-secret-value --secret-id prod/db
    high aws s3api put-bucket-acl --bucket invoices --acl public-read
    high aws sqs delete-queue --queue-url x
    high aws cloudtrail stop-logging --name t
    high? aws lambda invoke --function-name x out.json
    high aws configure get aws_secret_access_key
    high gcloud secrets versions access latest --secret=x
    high gcloud auth print-access-token
    high az keyvault secret show -n x
    high heroku ps:scale web=0
    high vercel --prod
    high fly deploy
    high? aws $X
    high? terraform apply -auto-approve
    high terraform state rm aws_instance.a
    high terraform import a b
    high? pulumi up --yes
    high? ansible-playbook site.yml
    high vault kv get secret/db
    high vault kv put secret/db a=b
    critical aws s3 rm s3://prod-data --recursive
    critical aws s3 rb s3://prod-data --force
    critical aws s3 cp /root/.ssh/id_rsa s3://b/
    critical aws ec2 terminate-instances --instance-ids i-1
    critical aws rds delete-db-instance --db-instance-identifier x --skip-final-snapshot
    critical aws dynamodb delete-table --table-name x
    critical aws iam attach-user-policy --user-name ci --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
    critical? aws kms schedule-key-deletion --key-id x
    critical gcloud projects delete shop-prod --quiet
    critical gcloud sql instances delete x
    critical gcloud projects add-iam-policy-binding p --member=user:x --role=roles/owner
    critical az group delete -n x --yes
    critical hcloud server delete x
    critical heroku pg:reset --confirm x
    critical fly apps destroy x
    critical gsutil -m rm -r gs://b
    critical s3cmd del --recursive s3://b
    critical restic forget --prune
    critical terraform destroy -auto-approve
    critical terraform -chdir=prod destroy
    critical? terraform apply -destroy
    critical pulumi destroy -y
    critical cdk destroy
    critical? ansible all -m shell -a 'rm -rf /'
    critical vault secrets disable kv
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_of_a_cloud_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings
