"""The program ``ferrocache-gateway``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import List, Optional

from .._version import __version__

NAME = "ferrocache-gateway"
DESCRIPTION = """\
Has two doors to a FerroCache node, either or both.

A caching proxy for OpenAI's and Anthropic's APIs: an application changes its base URL and is cached. The smallest configuration:

    [proxy]

Redis LangCache's REST API, so that LangCache's SDKs need nothing but another address. The smallest configuration:

    [[caches]]
    id = "support"
    api_keys = [{ file = "support.key" }]

Everything else has a default: a node at http://localhost:3000, the model all-MiniLM-L6-v2, listening on 127.0.0.1:8080.
The node's token comes from a file or from the environment (FERROCACHE_AUTH_TOKEN), keys and secrets from files, the environment or
as SHA-256 digests; none of them is ever an argument. docs/clients/gateway.md and langcache.md explain every key.

GET /livez, /readyz and /metrics are open. SIGTERM ends the program in order, with exit code 0.
Exit code 2: the configuration is wrong. --health: 0 if it is ready, else 1.
"""


def _arguments(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(NAME, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the configuration, in TOML")
    parser.add_argument("--check-config", action="store_true", help="check the configuration and what it names, print it, and end")
    parser.add_argument("--health", action="store_true", help="ask the running gateway of this configuration whether it is ready")
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    return parser.parse_args(arguments)


def main(arguments: Optional[List[str]] = None) -> int:
    options = _arguments(arguments)
    try:
        from ._table import ConfigError
        from .config import load
        from .health import fault_of
        from .logs import start
        from .server import ListenError, check, serve
    except ImportError as error:
        print(f"{NAME}: pip install 'ferrocache[gateway]' installs what is missing ({error})", file=sys.stderr)
        return 2
    try:
        config = load(options.config)
        if options.health:
            fault = fault_of(config.server)
            if fault is not None:
                print(f"{NAME}: {fault}", file=sys.stderr)
            return 0 if fault is None else 1
        if options.check_config:
            models = asyncio.run(check(config))
            for cache, model in zip(config.caches, models):
                print(f"cache {cache.id}: {model}, threshold {cache.threshold:g} ({cache.threshold_scale})")
            if config.proxy is not None:
                proxy = config.proxy
                urls = [one.url for one in (proxy.openai, proxy.anthropic, proxy.azure) if one is not None]
                print(f"proxy: {models[-1]}, threshold {proxy.threshold:g}, {', '.join(urls)}")
            print(f"{options.config}: ok")
            return 0
        start(config.server.log_level)
        asyncio.run(serve(config))
    except ConfigError as error:
        print(f"{NAME}: {options.config}: {error}", file=sys.stderr)
        return 2
    except ListenError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    finally:
        logging.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
