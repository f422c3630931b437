"""The stage's certificate authorities, certificates and kubeconfigs, made by the openssl program."""

import base64
import json

from kube import settings, shell

DAYS = 365


class Certificates:
    """Files NAME.crt and NAME.key in one folder; what is there is kept."""

    def __init__(self, folder):
        self.folder = folder

    def certificate(self, name):
        return self.folder / f"{name}.crt"

    def key(self, name):
        return self.folder / f"{name}.key"

    def make_all(self):
        for authority in ("ca", "front-proxy-ca"):
            self.make_authority(authority)
        names = ["DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc", "DNS:localhost",
                 f"DNS:kubernetes.default.svc.{settings.CLUSTER_DOMAIN}", "IP:127.0.0.1"]  # fmt: skip
        names += [f"IP:{address}" for address in (settings.KUBERNETES_SERVICE_ADDRESS, settings.BRIDGE_ADDRESS)]
        self.make("apiserver", "/CN=kube-apiserver", names)
        self.make("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client")
        self.make("front-proxy-client", "/CN=front-proxy-client", authority="front-proxy-ca")
        self.make("admin", "/O=system:masters/CN=admin")
        # CoreDNS, the volume provisioner and the metrics server run beside the cluster, not in it, as this one.
        self.make("addons", "/O=system:masters/CN=addons", [f"IP:{settings.BRIDGE_ADDRESS}"])
        self.make("controller-manager", "/CN=system:kube-controller-manager")
        self.make("scheduler", "/CN=system:kube-scheduler")
        self.make("kube-proxy", "/CN=system:kube-proxy")
        for number in settings.NODES:
            name = settings.node_name(number)
            self.make(name, f"/O=system:nodes/CN=system:node:{name}", [f"IP:{settings.node_address(number)}", f"DNS:{name}"])
        self.new_key("service-account")
        public = shell.run(["openssl", "pkey", "-in", self.key("service-account"), "-pubout"])
        (self.folder / "service-account.pub").write_text(public)

    def new_key(self, name):
        path = self.key(name)
        if not path.is_file():
            path.touch(mode=0o600)
            shell.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path])

    def make_authority(self, name):
        if self.certificate(name).is_file():
            return
        self.new_key(name)
        shell.run(["openssl", "req", "-x509", "-new", "-key", self.key(name), "-out", self.certificate(name),
                   "-days", DAYS, "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])  # fmt: skip

    def make(self, name, subject, names=(), authority="ca"):
        if self.certificate(name).is_file():
            return
        self.new_key(name)
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        lines = ["extendedKeyUsage=clientAuth,serverAuth", "keyUsage=critical,digitalSignature"]
        lines += [f"subjectAltName={','.join(names)}"] if names else []
        extensions.write_text("\n".join(lines) + "\n")
        shell.run(["openssl", "req", "-new", "-key", self.key(name), "-out", request, "-subj", subject])
        shell.run(["openssl", "x509", "-req", "-in", request, "-CA", self.certificate(authority),
                   "-CAkey", self.key(authority), "-CAcreateserial", "-out", self.certificate(name),
                   "-days", DAYS - 1, "-extfile", extensions])  # fmt: skip
        request.unlink()
        extensions.unlink()

    def write_kubeconfig(self, path, name):
        """A kubeconfig (JSON is YAML) that carries its certificate and key inside."""

        def inside(file):
            return base64.b64encode(file.read_bytes()).decode()

        user = {"client-certificate-data": inside(self.certificate(name)), "client-key-data": inside(self.key(name))}
        server = {"server": settings.API_URL, "certificate-authority-data": inside(self.certificate("ca"))}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "ferrocache-e2e",
            "clusters": [{"name": "ferrocache-e2e", "cluster": server}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "ferrocache-e2e", "context": {"cluster": "ferrocache-e2e", "user": name}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=1) + "\n")
        return path
