"""What commands for containers and clusters would do."""

import pytest

from app.risk.commands.table import Command, read_command
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word
from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe docker ps -a
    safe docker logs --since 30m api
    safe docker compose logs -f api
    safe docker-compose ps
    safe podman images
    low docker tag a b
    safe docker exec api cat /app/version.txt
    medium? docker exec -it api sh
    medium docker stop api
    medium docker rm -f api
    medium docker compose down
    medium docker pull alpine:3
    medium? docker run --rm -v ./src:/src -p 80:80 alpine ls
    medium? docker build -t shop/api:dev .
    medium? docker compose up -d
    medium? docker frobnicate
    high docker push shop/api
    high docker volume rm pgdata
    high docker volume prune -f
    high docker system prune -af --volumes
    high docker compose down -v
    high docker-compose down --volumes
    high docker swarm leave --force
    high? docker run --privileged alpine
    high? docker run -it --rm --pid=host alpine nsenter -t 1 -m sh
    high? docker run --cap-add=SYS_ADMIN alpine
    high? docker run -v /var/run/docker.sock:/var/run/docker.sock tool
    high? docker run --mount type=bind,src=/etc,dst=/x alpine
    high? docker run -v $X:/x --security-opt seccomp=unconfined alpine
    high? docker build https://x.example/repo.git
    high? docker run -v /:/host alpine ls /host
    critical? docker run -v /:/host alpine
    critical? docker run -it -v /:/host alpine
    critical? docker run -dit --name x -v /:/host alpine
    critical? docker run -v /:/host alpine chroot /host sh
    critical? docker run --rm --volume=/:/host alpine --help
    critical docker exec api rm -rf /data
    safe kubectl get pods -n shop -o wide
    safe kubectl describe deployment shop
    safe kubectl get secrets
    safe kubectl apply --dry-run=server -f x.yaml
    safe kubectl rollout status deployment/shop
    safe helm list -A
    safe? argocd app list
    safe kubectl exec api-1 -- cat /app/version.txt
    medium kubectl delete pod api-1
    medium kubectl scale deployment shop --replicas=3
    medium kubectl rollout restart deployment/shop
    medium minikube delete
    high kubectl get secret db -o yaml
    high kubectl get secrets/db -ojson
    high kubectl config view --raw
    high kubectl delete deployment shop
    high kubectl delete pods --all
    high? kubectl delete -f x.yaml
    high? kubectl apply -f x.yaml
    high? kubectl apply -f https://x.example/a.yaml
    high? kubectl apply --dry-run=none -f x.yaml
    high kubectl scale deployment/shop --replicas=0
    high kubectl scale -n production deployment/shop --replicas=3
    high kubectl drain node-1
    high helm uninstall shop
    high? helm upgrade --install shop ./chart
    critical kubectl delete namespace shop
    critical kubectl delete pvc data
    critical kubectl delete crd things.example.com
    critical kubectl delete all --all -n production
    critical kubectl delete pods -A --all
    critical kubectl delete deployments --all
    critical kubectl exec api-1 -- rm -rf /data
    critical kubectl create clusterrolebinding a --clusterrole=cluster-admin --user=x
    critical helm uninstall shop -n production
    critical kubeadm reset -f
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_for_containers_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


def test_removing_whatever_another_command_names_may_remove_all():
    names = Word(UNKNOWN, several=True, shown="$(docker volume ls -q)")
    reading = Reading()
    read_command(Command([Word("docker"), Word("volume"), Word("rm"), names]), reading)
    assert level_of(reading).value == "critical"
    assert not reading.understood


def test_sql_inside_a_container_is_read():
    assert level_of(reading_of("docker exec -i db psql shop -c 'DROP TABLE orders'")).value == "critical"
    assert level_of(reading_of("kubectl exec -i db-0 -- psql shop", given="TRUNCATE orders")).value == "critical"
