// The whole command line of ferroctl. Returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 the answer is
// no (a query that found nothing, an entry that is not there).
#pragma once

namespace ferro::ferroctl {
int run(int argc, char** argv);
}
