"""etcd, API server, controller manager and scheduler as processes of this machine."""

from kube import binaries, settings
from kube.shell import run, wait_until

ETCD_URL = f"http://{settings.PRIVATE_ADDRESS}:2379"
ETCD_PEER_URL = f"http://{settings.PRIVATE_ADDRESS}:2380"
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def start(state, certificates, api):
    # In memory: nothing here outlives the machine, and its disk is what is being measured. Not --unsafe-no-fsync, with which an
    # etcd that was killed comes back with an older state than it had acknowledged.
    folder = state.folder / "etcd"
    folder.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=512m,mode=0700", "ferrocache-e2e-etcd", folder])
    state.start("etcd", etcd_command(state))
    start_api_server(state, certificates)
    wait_ready(state, api)
    for name, command in (("kube-controller-manager", controller_manager_command(state, certificates)),
                          ("kube-scheduler", scheduler_command(state, certificates))):  # fmt: skip
        state.start(name, command)


def start_api_server(state, certificates):
    state.start("kube-apiserver", api_server_command(certificates))


def wait_ready(state, api, seconds=60):
    def ready():
        state.must_live("etcd")
        state.must_live("kube-apiserver")
        return api.request("GET", "/readyz") == "ok"

    wait_until("ready: the API server", ready, seconds)


def start_again(state, api, name, seconds=120):
    """After a kill: starts it, and as an init system does once more when it ends because etcd or a port is not there yet."""

    def ready():
        for each in ("etcd", "kube-apiserver"):
            if not state.alive(each):
                state.start_again(each)
        return api.request("GET", "/readyz") == "ok"

    state.start_again(name)
    wait_until(f"ready after a restart of {name}: the API server", ready, seconds, 1)


def etcd_command(state):
    return ["/usr/bin/etcd", "--data-dir", state.folder / "etcd" / "data", "--name=stage",
            f"--listen-client-urls={ETCD_URL}", f"--advertise-client-urls={ETCD_URL}",
            f"--listen-peer-urls={ETCD_PEER_URL}", f"--initial-advertise-peer-urls={ETCD_PEER_URL}",
            f"--initial-cluster=stage={ETCD_PEER_URL}", "--log-level=warn", "--logger=zap"]  # fmt: skip


def api_server_command(certificates):
    certificate, key = certificates.certificate, certificates.key
    return [
        binaries.path_of("kube-apiserver"),
        f"--etcd-servers={ETCD_URL}",
        f"--bind-address={settings.BRIDGE_ADDRESS}",
        f"--advertise-address={settings.BRIDGE_ADDRESS}",
        f"--secure-port={settings.API_PORT}",
        f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--anonymous-auth=false",
        # The aggregated metrics API runs on this machine, where no kube-proxy translates Service addresses.
        "--enable-aggregator-routing=true",
        f"--client-ca-file={certificate('ca')}",
        f"--tls-cert-file={certificate('apiserver')}",
        f"--tls-private-key-file={key('apiserver')}",
        f"--kubelet-certificate-authority={certificate('ca')}",
        f"--kubelet-client-certificate={certificate('apiserver-kubelet-client')}",
        f"--kubelet-client-key={key('apiserver-kubelet-client')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={certificates.folder / 'service-account.pub'}",
        f"--service-account-signing-key-file={key('service-account')}",
        f"--requestheader-client-ca-file={certificate('front-proxy-ca')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={certificate('front-proxy-client')}",
        f"--proxy-client-key-file={key('front-proxy-client')}",
    ]


def controller_manager_command(state, certificates):
    kubeconfig = certificates.write_kubeconfig(state.config / "controller-manager.kubeconfig", "controller-manager")
    return [
        binaries.path_of("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={settings.PRIVATE_ADDRESS}",
        f"--cert-dir={state.config / 'controller-manager'}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--root-ca-file={certificates.certificate('ca')}",
        f"--service-account-private-key-file={certificates.key('service-account')}",
        f"--cluster-signing-cert-file={certificates.certificate('ca')}",
        f"--cluster-signing-key-file={certificates.key('ca')}",
        f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
    ]


def scheduler_command(state, certificates):
    kubeconfig = certificates.write_kubeconfig(state.config / "scheduler.kubeconfig", "scheduler")
    return [
        binaries.path_of("kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={settings.PRIVATE_ADDRESS}",
        f"--cert-dir={state.config / 'scheduler'}",
        "--leader-elect=false",
    ]
