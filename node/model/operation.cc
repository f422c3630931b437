#include "node/model/operation.h"
