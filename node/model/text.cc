#include "node/model/text.h"
