"""A cache node asked from the host, by its pod's address."""

import http.client
import json

from kube.shell import Failed


def ask(address, method, path, token=None, body=None, port=3000, timeout=10):
    """Status and parsed answer; OSError if there is none."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except http.client.HTTPException as fault:
        raise OSError(f"{address}: {fault!r}") from None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def cluster_status(address, token=None):
    status, answer = ask(address, "GET", "/cluster/status", token)
    if status != 200:
        raise Failed(f"{address}: /cluster/status answers {status}: {answer}")
    return answer
