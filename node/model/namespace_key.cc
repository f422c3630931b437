#include "node/model/namespace_key.h"
