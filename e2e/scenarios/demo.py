"""make kube-demo: the whole installation as the README has it, left running to play with."""

from kube import binaries, stage
from kube.shell import say, step, wait_until
from scenarios import installing
from scenarios.cluster import NAME, Cluster
from scenarios.context import Context

NAMESPACE = "shop"


def run():
    up = stage.up()
    installing.ensure(up)
    context = Context(up, "demo")
    context.namespace = NAMESPACE
    if up.api.find("Namespace", None, NAMESPACE) is None:
        context.enter()
    cluster = Cluster(context)
    with step(f"the sample cluster in namespace {NAMESPACE}"):
        up.kubectl("apply", "-n", NAMESPACE, "-f", installing.SAMPLE)
        wait_until("settled: the sample cluster", cluster.is_settled, 180, 0.5)
    say(up.kubectl("get", "fcc,pods", "-n", NAMESPACE, "-o", "wide"))
    tools = f"{binaries.path_of('kubectl').parent}:{binaries.path_of('helm').parent}"
    say(f"""A cluster of three cache nodes is up. In this terminal:
  export KUBECONFIG={up.state.kubeconfig} PATH=$PATH:{tools}
  kubectl -n {NAMESPACE} get fcc {NAME} -o yaml                        what the operator says
  kubectl -n {NAMESPACE} scale fcc/{NAME} --replicas=5                  two nodes more; watch: kubectl -n {NAMESPACE} get fcc -w
  kubectl -n {NAMESPACE} patch fcc {NAME} --type=merge -p '{{"spec":{{"auth":{{"rotateGeneration":1}}}}}}'
  kubectl -n {NAMESPACE} delete pod {NAME}-1                            it comes back with its entries

  kubectl -n {NAMESPACE} port-forward service/{NAME} 3000:3000 &
  TOKEN=$(kubectl -n {NAMESPACE} get secret {NAME}-token -o jsonpath='{{.data.token}}' | base64 -d)
  curl -s http://127.0.0.1:3000/cluster/status -H "Authorization: Bearer $TOKEN"

Take it down, and leave the machine as it was: make kube-down""")
