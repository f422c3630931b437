"""A small client of the API server for the stage and its scenarios: JSON over one kept-alive connection, typed errors."""

import http.client
import json
import ssl
import threading
import urllib.parse

from kube import settings
from kube.shell import Failed

PLURALS = {
    "Namespace": ("api/v1", "namespaces", False),
    "Node": ("api/v1", "nodes", False),
    "PersistentVolume": ("api/v1", "persistentvolumes", False),
    "StorageClass": ("apis/storage.k8s.io/v1", "storageclasses", False),
    "ClusterRole": ("apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "CustomResourceDefinition": ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "APIService": ("apis/apiregistration.k8s.io/v1", "apiservices", False),
    "Pod": ("api/v1", "pods", True),
    "Service": ("api/v1", "services", True),
    "Endpoints": ("api/v1", "endpoints", True),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices", True),
    "Secret": ("api/v1", "secrets", True),
    "ConfigMap": ("api/v1", "configmaps", True),
    "Event": ("api/v1", "events", True),
    "ServiceAccount": ("api/v1", "serviceaccounts", True),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims", True),
    "StatefulSet": ("apis/apps/v1", "statefulsets", True),
    "Deployment": ("apis/apps/v1", "deployments", True),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets", True),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies", True),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "Lease": ("apis/coordination.k8s.io/v1", "leases", True),
    "FerroCacheCluster": ("apis/cache.ferrocache.io/v1alpha1", "ferrocacheclusters", True),
}


class ApiError(Failed):
    def __init__(self, status, message):
        super().__init__(f"API server: {status}: {message}")
        self.status = status


class NotFound(ApiError):
    pass


class Api:
    """Safe to share between threads: each has its own connection."""

    def __init__(self, certificates, user="admin", timeout=30):
        self.context = ssl.create_default_context(cafile=str(certificates.certificate("ca")))
        self.context.load_cert_chain(certificates.certificate(user), certificates.key(user))
        self.timeout, self.local = timeout, threading.local()

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer as an object, or as text if it is none. ApiError for what the server refuses, OSError if it does not answer.

        A kept connection that the server has closed meanwhile is made anew once.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", **({"Content-Type": content_type} if data else {})}
        for fresh in (False, True):
            connection = None if fresh else getattr(self.local, "connection", None)
            reused = connection is not None
            if connection is None:
                connection = http.client.HTTPSConnection(settings.BRIDGE_ADDRESS, settings.API_PORT, timeout=self.timeout,
                                                         context=self.context)  # fmt: skip
                self.local.connection = connection
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
                break
            except (http.client.HTTPException, OSError) as lost:
                connection.close()
                self.local.connection = None
                if not reused:
                    raise OSError(f"the API server does not answer: {lost!r}") from None
        parsed = json.loads(text) if answer.headers.get_content_type() == "application/json" else text
        if answer.status >= 400:
            message = parsed.get("message", text) if isinstance(parsed, dict) else text
            raise (NotFound if answer.status == 404 else ApiError)(answer.status, message.strip()[:1000])
        return parsed

    @staticmethod
    def path(kind, namespace=None, name=None, part=None, **query):
        prefix, plural, namespaced = PLURALS[kind]
        words = [prefix] + (["namespaces", namespace] if namespaced and namespace else []) + [plural]
        words += [word for word in (name, part) if word]
        return "/" + "/".join(words) + ("?" + urllib.parse.urlencode(query) if query else "")

    def get(self, kind, namespace, name, part=None):
        return self.request("GET", self.path(kind, namespace, name, part))

    def find(self, kind, namespace, name):
        """The object, or None."""
        try:
            return self.get(kind, namespace, name)
        except NotFound:
            return None

    def list(self, kind, namespace=None, labels=None, fields=None):
        query = {}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        return self.request("GET", self.path(kind, namespace, **query))["items"]

    def create(self, thing, namespace=None):
        namespace = thing["metadata"].get("namespace", namespace)
        return self.request("POST", self.path(thing["kind"], namespace), thing)

    def apply(self, thing, namespace=None, manager="e2e"):
        """Server-side apply: makes or changes it."""
        metadata = thing["metadata"]
        path = self.path(thing["kind"], metadata.get("namespace", namespace), metadata["name"], fieldManager=manager, force="true")
        return self.request("PATCH", path, thing, "application/apply-patch+yaml")

    def patch(self, kind, namespace, name, change, part=None):
        """A merge patch."""
        return self.request("PATCH", self.path(kind, namespace, name, part), change, "application/merge-patch+json")

    def delete(self, kind, namespace, name, grace=None, missing_is_fine=True):
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            return self.request("DELETE", self.path(kind, namespace, name), body)
        except NotFound:
            if not missing_is_fine:
                raise
        return None
