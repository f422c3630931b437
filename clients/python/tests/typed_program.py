"""Read by mypy, not run: what programs see of the package's types. The mistake must be one, or its mark is a fault."""

from __future__ import annotations

import openai

from ferrocache import FerrocacheClient, FerrocacheError
from ferrocache.middleware import wrap_openai

client: openai.OpenAI = wrap_openai(openai.OpenAI())
answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "q"}])
text: str | None = answer.choices[0].message.content
found = FerrocacheClient("http://host").query([1.0], model_id="m")
hit: bool = found["hit"]
status: int | None = FerrocacheError("x").status
FerrocacheClient("http://host").query([1.0], modelid="m")  # type: ignore[call-arg]
