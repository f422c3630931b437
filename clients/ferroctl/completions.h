// Shell completions and the man page, made from the parser itself so that they cannot drift.
#pragma once

#include "clients/ferroctl/commands.h"

namespace ferro::ferroctl {
void add_completions(CLI::App& app, Session& session);
}
